#include "base/metrics/prometheus_text.h"

#include "base/metrics/metrics_text.h"

// A family is called here as its samples are, but for histograms.
static const char *const suffixes[] = {
    [METRICS_COUNTER] = "_total",
    [METRICS_GAUGE] = "",
    [METRICS_HISTOGRAM] = "",
    [METRICS_INFO] = "_info",
};

static const char *const types[] = {
    [METRICS_COUNTER] = "counter",
    [METRICS_GAUGE] = "gauge",
    [METRICS_HISTOGRAM] = "histogram",
    [METRICS_INFO] = "gauge",
};

void prometheus_text_append(struct strbuf *out, const struct metrics_snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->family_count; i++) {
        const struct metrics_info *info = snapshot->families[i].info;
        strbuf_printf(out, "# HELP %s%s ", info->name, suffixes[info->kind]);
        metrics_text_append_escaped(out, info->help, "\\");
        strbuf_printf(out, "\n# TYPE %s%s %s\n", info->name, suffixes[info->kind],
                      types[info->kind]);
        metrics_text_append_samples(out, &snapshot->families[i]);
    }
}
