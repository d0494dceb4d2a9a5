#include <cmath>
#include <gtest/gtest.h>
#include <string>

extern "C" {
#include "base/metrics/metrics_number.h"
#include "base/metrics/openmetrics_text.h"
#include "base/metrics/prometheus_text.h"
}

namespace {

const int64_t kBounds[] = {500, 1000000, 2500000};

// A registry with one family of each kind, whose help and labels need escapes.
class MetricsText : public testing::Test {
  protected:
    void SetUp() override {
        all_ = metrics_new();
        arena_init(&memory_);
    }

    void TearDown() override {
        arena_release(&memory_);
        metrics_free(all_);
    }

    std::string Text(void (*append)(strbuf *out, const metrics_snapshot *snapshot)) {
        const metrics_snapshot snapshot = metrics_take(all_, &memory_);
        strbuf out = STRBUF_INIT;
        append(&out, &snapshot);
        std::string text(reinterpret_cast<const char *>(out.data), out.len);
        strbuf_release(&out);
        return text;
    }

    void AddAll() {
        static const metrics_info counter = {"runsd_calls",   "", "Calls \"so far\"\nwith a \\",
                                             METRICS_COUNTER, 0,  {"route", "by"},
                                             nullptr,         0};
        static const metrics_info gauge = {
            "runsd_age_seconds", "seconds", "How old it is", METRICS_GAUGE, 1000, {}, nullptr, 0};
        static const metrics_info info = {
            "runsd_build", nullptr, "What it is", METRICS_INFO, 0, {"version"}, nullptr, 0};
        static const metrics_info histogram = {"runsd_wait_seconds",
                                               "seconds",
                                               "Waits",
                                               METRICS_HISTOGRAM,
                                               1000000,
                                               {"route"},
                                               kBounds,
                                               3};
        metrics_family *calls = metrics_add_family(all_, &counter);
        const char *const escaped[] = {"/v1/{id=a\\b\n\"}", "\xC3\xA4"};
        metrics_counter_add(metrics_child(calls, escaped), 3);
        const char *const plain[] = {"", "b"};
        metrics_counter_add(metrics_child(calls, plain), 1);
        metrics_gauge_set(metrics_add(all_, &gauge), 1250);
        const char *const version[] = {"1.0"};
        metrics_child(metrics_add_family(all_, &info), version);
        const char *const route[] = {"/a"};
        struct metrics_child *waits = metrics_child(metrics_add_family(all_, &histogram), route);
        for (int64_t us : {500, 501, 1000000, 9000000}) {
            metrics_histogram_observe(waits, us);
        }
    }

    metrics *all_;
    arena memory_;
};

TEST_F(MetricsText, OfPrometheusIsAsItsFormatHasIt) {
    AddAll();
    EXPECT_EQ(R"(# HELP runsd_age_seconds How old it is
# TYPE runsd_age_seconds gauge
runsd_age_seconds 1.25
# HELP runsd_build_info What it is
# TYPE runsd_build_info gauge
runsd_build_info{version="1.0"} 1
# HELP runsd_calls_total Calls "so far"\nwith a \\
# TYPE runsd_calls_total counter
runsd_calls_total{route="",by="b"} 1
runsd_calls_total{route="/v1/{id=a\\b\n\"}",by="ä"} 3
# HELP runsd_wait_seconds Waits
# TYPE runsd_wait_seconds histogram
runsd_wait_seconds_bucket{route="/a",le="0.0005"} 1
runsd_wait_seconds_bucket{route="/a",le="1.0"} 3
runsd_wait_seconds_bucket{route="/a",le="2.5"} 3
runsd_wait_seconds_bucket{route="/a",le="+Inf"} 4
runsd_wait_seconds_sum{route="/a"} 10.001001
runsd_wait_seconds_count{route="/a"} 4
)",
              Text(prometheus_text_append));
}

TEST_F(MetricsText, OfOpenMetricsIsAsItsFormatHasIt) {
    AddAll();
    EXPECT_EQ(R"(# TYPE runsd_age_seconds gauge
# UNIT runsd_age_seconds seconds
# HELP runsd_age_seconds How old it is
runsd_age_seconds 1.25
# TYPE runsd_build info
# HELP runsd_build What it is
runsd_build_info{version="1.0"} 1
# TYPE runsd_calls counter
# HELP runsd_calls Calls \"so far\"\nwith a \\
runsd_calls_total{route="",by="b"} 1
runsd_calls_total{route="/v1/{id=a\\b\n\"}",by="ä"} 3
# TYPE runsd_wait_seconds histogram
# UNIT runsd_wait_seconds seconds
# HELP runsd_wait_seconds Waits
runsd_wait_seconds_bucket{route="/a",le="0.0005"} 1
runsd_wait_seconds_bucket{route="/a",le="1.0"} 3
runsd_wait_seconds_bucket{route="/a",le="2.5"} 3
runsd_wait_seconds_bucket{route="/a",le="+Inf"} 4
runsd_wait_seconds_sum{route="/a"} 10.001001
runsd_wait_seconds_count{route="/a"} 4
# EOF
)",
              Text(openmetrics_text_append));
}

TEST_F(MetricsText, OfNothingIsEmptyOrItsEnd) {
    EXPECT_EQ("", Text(prometheus_text_append));
    EXPECT_EQ("# EOF\n", Text(openmetrics_text_append));
}

struct NumberRow {
    double value;
    const char *text;
    const char *bound;
};

TEST(MetricsNumber, IsTheShortestThatIsReadBackTheSame) {
    const NumberRow rows[] = {
        {0, "0", "0.0"},
        {-0.0, "0", "0.0"},
        {1, "1", "1.0"},
        {-7, "-7", "-7.0"},
        {10, "10", "10.0"},
        {0.1, "0.1", "0.1"},
        {0.0005, "0.0005", "0.0005"},
        {0.000001, "1e-06", "1e-06"},
        {1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
        {9007199254740991.0, "9007199254740991", "9007199254740991.0"},
        {1e300, "1e+300", "1e+300"},
        {std::nan(""), "NaN", "NaN"},
        {INFINITY, "+Inf", "+Inf"},
        {-INFINITY, "-Inf", "-Inf"},
    };
    for (const NumberRow &row : rows) {
        strbuf text = STRBUF_INIT;
        strbuf bound = STRBUF_INIT;
        metrics_number_append(&text, row.value);
        metrics_number_append_bound(&bound, row.value);
        EXPECT_EQ(row.text, std::string(reinterpret_cast<char *>(text.data), text.len));
        EXPECT_EQ(row.bound, std::string(reinterpret_cast<char *>(bound.data), bound.len));
        strbuf_release(&text);
        strbuf_release(&bound);
    }
}

} // namespace
