#include <gtest/gtest.h>

extern "C" {
#include "base/metrics/metrics_format.h"
}

namespace {

struct Row {
    const char *accept;
    metrics_format format;
};

TEST(MetricsFormat, IsTheOneThatAcceptPrefers) {
    const Row rows[] = {
        {"", METRICS_PROMETHEUS_TEXT},
        {"*/*", METRICS_PROMETHEUS_TEXT}, // curl
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
         METRICS_PROMETHEUS_TEXT}, // a browser
        // Prometheus 2.42, and without the feature that wants OpenMetrics.
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         METRICS_OPENMETRICS_TEXT},
        {"text/plain;version=0.0.4;q=1,*/*;q=0.1", METRICS_PROMETHEUS_TEXT},
        // Prometheus 3.
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
         "application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
         "/;q=0.1",
         METRICS_OPENMETRICS_TEXT},
        {"application/openmetrics-text; version=0.0.1", METRICS_PROMETHEUS_TEXT},
        {"Application/OpenMetrics-Text ; Version=\"1.0.0\"", METRICS_OPENMETRICS_TEXT},
        {"application/openmetrics-text", METRICS_OPENMETRICS_TEXT},
        {"application/openmetrics-text;q=0", METRICS_PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=0.5, text/plain", METRICS_PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=0.5, text/plain;version=9", METRICS_OPENMETRICS_TEXT},
        {"application/openmetrics-text;q=0.5, text/*;q=0.501", METRICS_PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=0.5, text/*;q=0.9, text/plain;q=0.1",
         METRICS_OPENMETRICS_TEXT},
        {"application/json", METRICS_PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=2", METRICS_PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=x", METRICS_PROMETHEUS_TEXT},
        {",;=,;q,application/openmetrics-text;;=;version", METRICS_OPENMETRICS_TEXT},
    };
    for (const Row &row : rows) {
        EXPECT_EQ(row.format, metrics_format_choose(slice_of_cstr(row.accept))) << row.accept;
    }
}

TEST(MetricsFormat, NamesItsVersion) {
    EXPECT_STREQ("text/plain; version=0.0.4; charset=utf-8",
                 metrics_format_type(METRICS_PROMETHEUS_TEXT));
    EXPECT_STREQ("application/openmetrics-text; version=1.0.0; charset=utf-8",
                 metrics_format_type(METRICS_OPENMETRICS_TEXT));
}

} // namespace
