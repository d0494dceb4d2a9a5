#include "base/metrics/openmetrics_text.h"

#include "base/metrics/metrics_text.h"

static const char *const types[] = {
    [METRICS_COUNTER] = "counter",
    [METRICS_GAUGE] = "gauge",
    [METRICS_HISTOGRAM] = "histogram",
    [METRICS_INFO] = "info",
};

void openmetrics_text_append(struct strbuf *out, const struct metrics_snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->family_count; i++) {
        const struct metrics_info *info = snapshot->families[i].info;
        strbuf_printf(out, "# TYPE %s %s\n", info->name, types[info->kind]);
        if (info->unit != NULL && info->unit[0] != '\0') {
            strbuf_printf(out, "# UNIT %s %s\n", info->name, info->unit);
        }
        strbuf_printf(out, "# HELP %s ", info->name);
        metrics_text_append_escaped(out, info->help, "\\\"");
        strbuf_append_byte(out, '\n');
        metrics_text_append_samples(out, &snapshot->families[i]);
    }
    strbuf_append_cstr(out, "# EOF\n");
}
