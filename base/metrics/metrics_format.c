#include "base/metrics/metrics_format.h"

#include <stdlib.h>
#include <strings.h>

#include "base/metrics/openmetrics_text.h"
#include "base/metrics/prometheus_text.h"

// A qvalue in thousandths, which is as exact as RFC 9110 section 12.4.2 has them.
enum { QUALITY_MOST = 1000, QUALITY_NOT_NAMED = -1 };

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

static struct slice trim(struct slice s) {
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = slice_of(s.data + 1, s.len - 1);
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

// Cuts off what stands before the first separator, which is dropped.
static struct slice cut(struct slice *rest, char separator) {
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    struct slice head = *rest;
    if (at == NULL) {
        *rest = SLICE_EMPTY;
        return trim(head);
    }
    head.len = (size_t)(at - rest->data);
    *rest = slice_of(at + 1, rest->len - head.len - 1);
    return trim(head);
}

static bool is_word(struct slice s, const char *word) {
    return s.len == strlen(word) && strncasecmp((const char *)s.data, word, s.len) == 0;
}

// 0 to 1 with three decimals at most; what is none counts as 0.
static int read_quality(struct slice s) {
    if (s.len == 0 || s.len > 5 || (s.data[0] != '0' && s.data[0] != '1') ||
        (s.len > 1 && s.data[1] != '.')) {
        return 0;
    }
    int quality = (s.data[0] - '0') * QUALITY_MOST;
    int place = QUALITY_MOST / 10;
    for (size_t i = 2; i < s.len; i++, place /= 10) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return 0;
        }
        quality += (s.data[i] - '0') * place;
    }
    return quality > QUALITY_MOST ? 0 : quality;
}

static struct range read_range(struct slice text) {
    struct range range = {.type = cut(&text, ';'), .quality = QUALITY_MOST};
    while (text.len > 0) {
        struct slice value = cut(&text, ';');
        struct slice name = cut(&value, '=');
        if (is_word(name, "q")) {
            range.quality = read_quality(value);
        } else if (is_word(name, "version")) {
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
        struct range range = read_range(cut(&accept, ','));
        bool has_version = range.version.len > 0;
        if (is_word(range.type, "application/openmetrics-text")) {
            if (!has_version || is_word(range.version, "1.0.0")) {
                consider(&open, has_version ? 1 : 0, range.quality);
            }
        } else if (is_word(range.type, "text/plain")) {
            if (!has_version || is_word(range.version, "0.0.4")) {
                consider(&text, has_version ? 3 : 2, range.quality);
            }
        } else if (is_word(range.type, "text/*")) {
            consider(&text, 1, range.quality);
        } else if (is_word(range.type, "*/*")) {
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
