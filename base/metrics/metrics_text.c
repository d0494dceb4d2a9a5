#include "base/metrics/metrics_text.h"

#include <math.h>
#include <string.h>

#include "base/metrics/metrics_number.h"

void metrics_text_append_escaped(struct strbuf *out, const char *text, const char *escaped) {
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\n') {
            strbuf_append_cstr(out, "\\n");
            continue;
        }
        if (strchr(escaped, *p) != NULL) {
            strbuf_append_byte(out, '\\');
        }
        strbuf_append_byte(out, (uint8_t)*p);
    }
}

static void append_label(struct strbuf *out, const char *name, const char *value, bool is_first) {
    strbuf_append_cstr(out, is_first ? "{" : ",");
    strbuf_append_cstr(out, name);
    strbuf_append_cstr(out, "=\"");
    metrics_text_append_escaped(out, value, "\\\"");
    strbuf_append_byte(out, '"');
}

// Appends what stands before a sample's number. bound is that of a bucket; NULL: it has none.
static void append_series(struct strbuf *out, const struct metrics_info *info,
                          const struct metrics_sample *sample, const char *suffix,
                          const double *bound) {
    strbuf_append_cstr(out, info->name);
    strbuf_append_cstr(out, suffix);
    size_t count = 0;
    while (count < METRICS_MAX_LABELS && info->labels[count] != NULL) {
        append_label(out, info->labels[count], sample->values[count], count == 0);
        count++;
    }
    if (bound != NULL) {
        strbuf_append_cstr(out, count == 0 ? "{le=\"" : ",le=\"");
        metrics_number_append_bound(out, *bound);
        strbuf_append_byte(out, '"');
        count++;
    }
    strbuf_append_cstr(out, count > 0 ? "} " : " ");
}

static void append_number(struct strbuf *out, double value) {
    metrics_number_append(out, value);
    strbuf_append_byte(out, '\n');
}

static void append_histogram(struct strbuf *out, const struct metrics_info *info,
                             const struct metrics_sample *sample) {
    double per_unit = info->per_unit == 0 ? 1 : (double)info->per_unit;
    for (size_t i = 0; i <= info->bound_count; i++) {
        double bound = i < info->bound_count ? (double)info->bounds[i] / per_unit : INFINITY;
        append_series(out, info, sample, "_bucket", &bound);
        append_number(out, (double)sample->counts[i]);
    }
    append_series(out, info, sample, "_sum", NULL);
    append_number(out, sample->value);
    append_series(out, info, sample, "_count", NULL);
    append_number(out, (double)sample->counts[info->bound_count]);
}

void metrics_text_append_samples(struct strbuf *out, const struct metrics_snapshot_family *family) {
    static const char *const suffixes[] = {
        [METRICS_COUNTER] = "_total",
        [METRICS_GAUGE] = "",
        [METRICS_INFO] = "_info",
    };
    const struct metrics_info *info = family->info;
    for (size_t i = 0; i < family->sample_count; i++) {
        const struct metrics_sample *sample = &family->samples[i];
        if (info->kind == METRICS_HISTOGRAM) {
            append_histogram(out, info, sample);
        } else {
            append_series(out, info, sample, suffixes[info->kind], NULL);
            append_number(out, info->kind == METRICS_INFO ? 1 : sample->value);
        }
    }
}
