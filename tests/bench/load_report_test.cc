extern "C" {
#include "bench/load/load_report.h"
}

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace {

std::string Write(const load_report &r) {
    strbuf out = STRBUF_INIT;
    load_report_write(&r, &out);
    std::string text(reinterpret_cast<const char *>(out.data), out.len);
    strbuf_release(&out);
    return text;
}

TEST(LoadReport, HoldsCountsRatesAndLatencies) {
    auto r = std::make_unique<load_report>();
    r->generator = "http_load";
    r->loop = "open";
    r->connections = 64;
    r->intended_rate_per_s = 2;
    load_outcome_count(r->answers, "200");
    load_outcome_count(r->answers, "404");
    load_outcome_count(r->answers, "200");
    load_outcome_count(r->answers, "200");
    load_outcome_count(r->failures, "timeout");
    r->unanswered = 7;
    r->targets_used = 5;
    r->elapsed_ns = 2000000000;
    r->cpu_ns = 20000;
    for (uint64_t ns : {1000, 1000, 1000, 200000}) {
        histogram_record(&r->latency_ns, ns);
    }
    EXPECT_EQ(Write(*r),
              "{\"generator\":\"http_load\",\"loop\":\"open\",\"connections\":64,"
              "\"intendedRatePerSecond\":2.0,\"answers\":{\"200\":3,\"404\":1},"
              "\"failures\":{\"timeout\":1},\"requests\":5,\"unanswered\":7,\"targetsUsed\":5,"
              "\"seconds\":2.000000,\"ratePerSecond\":2.0,"
              "\"latencyUs\":{\"mean\":50.8,\"p50\":1.0,\"p90\":200.0,\"p99\":200.0,"
              "\"p999\":200.0,\"max\":200.0},\"generatorCpuUsPerRequest\":5.000}");
}

TEST(LoadReport, LatencyIsToldByAnswerIfSomeWereNotAccepted) {
    auto r = std::make_unique<load_report>();
    r->generator = "g";
    r->loop = "open";
    histogram_record(&r->accepted_ns, 90000);
    EXPECT_EQ(Write(*r).find("acceptedLatencyUs"), std::string::npos);
    histogram_record(&r->accepted_since_sent_ns, 40000);
    histogram_record(&r->other_ns, 3000);
    std::string text = Write(*r);
    EXPECT_NE(text.find(",\"acceptedLatencyUs\":{\"mean\":90.0,\"p50\":90.0,"), std::string::npos)
        << text;
    EXPECT_NE(text.find(",\"acceptedSinceSentUs\":{\"mean\":40.0,"), std::string::npos) << text;
    EXPECT_NE(text.find(",\"otherLatencyUs\":{\"mean\":3.0,\"p50\":3.0,"), std::string::npos)
        << text;
}

TEST(LoadReport, AnEmptyRunDividesByNothing) {
    auto r = std::make_unique<load_report>();
    r->generator = "g";
    r->loop = "closed";
    std::string text = Write(*r);
    EXPECT_NE(text.find("\"ratePerSecond\":0.0"), std::string::npos) << text;
    EXPECT_NE(text.find("\"generatorCpuUsPerRequest\":0.000}"), std::string::npos) << text;
    EXPECT_NE(text.find("\"answers\":{},\"failures\":{}"), std::string::npos) << text;
}

TEST(LoadReport, MoreKindsOfOutcomesThanFitAreCountedAsOther) {
    load_outcome outcomes[LOAD_OUTCOMES_MAX] = {};
    for (int i = 0; i < LOAD_OUTCOMES_MAX + 10; i++) {
        load_outcome_count(outcomes, std::to_string(i).c_str());
    }
    EXPECT_STREQ(outcomes[LOAD_OUTCOMES_MAX - 2].name,
                 std::to_string(LOAD_OUTCOMES_MAX - 2).c_str());
    EXPECT_STREQ(outcomes[LOAD_OUTCOMES_MAX - 1].name, "other");
    EXPECT_EQ(outcomes[LOAD_OUTCOMES_MAX - 1].count, 11u);
}

} // namespace
