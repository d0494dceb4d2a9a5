#include "base/metrics/metrics_format.h"

#include <stdlib.h>

#include "base/core/header_text.h"
#include "base/metrics/openmetrics_text.h"
#include "base/metrics/prometheus_text.h"

// In place of a quality.
enum { QUALITY_NOT_NAMED = -1 };

// What an Accept says of a format: the quality of the narrowest range that has it.
struct opinion {
    int quality;
    int narrowness;
};

// One range of an Accept, and what its parameters say.
struct range {
    struct slice type;
    struct slice version; // empty: none
    int quality;
};

static struct range read_range(struct slice text) {
    struct range range = {.type = header_take_until(&text, ';'), .quality = HEADER_QUALITY_MOST};
    while (text.len > 0) {
        struct slice value = header_take_until(&text, ';');
        struct slice name = header_take_until(&value, '=');
        if (header_equal(name, "q")) {
            int quality;
            range.quality = header_quality(value, &quality) ? quality : 0;
        } else if (header_equal(name, "version")) {
            bool is_quoted = value.len >= 2 && value.data[0] == '"';
            range.version = is_quoted ? slice_of(value.data + 1, value.len - 2) : value;
        }
    }
    return range;
}

static void consider(struct opinion *opinion, int narrowness, int quality) {
    if (narrowness > opinion->narrowness ||
        (narrowness == opinion->narrowness && quality > opinion->quality)) {
        *opinion = (struct opinion){quality, narrowness};
    }
}

enum metrics_format metrics_format_choose(struct slice accept) {
    struct opinion text = {QUALITY_NOT_NAMED, -1};
    struct opinion open = {QUALITY_NOT_NAMED, -1};
    while (accept.len > 0) {
        struct range range = read_range(header_take_until(&accept, ','));
        bool has_version = range.version.len > 0;
        if (header_equal(range.type, "application/openmetrics-text")) {
            if (!has_version || header_equal(range.version, "1.0.0")) {
                consider(&open, has_version ? 1 : 0, range.quality);
            }
        } else if (header_equal(range.type, "text/plain")) {
            if (!has_version || header_equal(range.version, "0.0.4")) {
                consider(&text, has_version ? 3 : 2, range.quality);
            }
        } else if (header_equal(range.type, "text/*")) {
            consider(&text, 1, range.quality);
        } else if (header_equal(range.type, "*/*")) {
            consider(&text, 0, range.quality);
        }
    }
    return open.quality > 0 && open.quality >= text.quality ? METRICS_OPENMETRICS_TEXT
                                                            : METRICS_PROMETHEUS_TEXT;
}

const char *metrics_format_type(enum metrics_format format) {
    return format == METRICS_OPENMETRICS_TEXT ? OPENMETRICS_TEXT_TYPE : PROMETHEUS_TEXT_TYPE;
}

void metrics_format_append(struct strbuf *out, enum metrics_format format,
                           const struct metrics_snapshot *snapshot) {
    if (format == METRICS_OPENMETRICS_TEXT) {
        openmetrics_text_append(out, snapshot);
    } else {
        prometheus_text_append(out, snapshot);
    }
}
