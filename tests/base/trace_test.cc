// Traces: sampling, spans, the ring, and what is sent. tests/e2e/test_traces.py has the rest.
extern "C" {
#include "base/core/clock.h"
#include "base/core/wire.h"
#include "base/trace/otlp.h"
#include "base/trace/trace_parent.h"
#include "base/trace/trace_ring.h"
#include "base/trace/trace_sampler.h"
}

#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace {

std::string Text(struct slice s) {
    return std::string(reinterpret_cast<const char *>(s.data), s.len);
}

// --- traceparent ---

const char kParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceParent, IsWrittenAsItWasRead) {
    for (const char *flags : {"00", "01"}) {
        std::string text = std::string(kParent).substr(0, 53) + flags;
        struct trace_parent parent;
        ASSERT_TRUE(trace_parent_read(slice_of_cstr(text.c_str()), &parent));
        EXPECT_EQ(flags[1] == '1', trace_parent_is_sampled(&parent));
        char written[TRACE_PARENT_TEXT_SIZE];
        trace_parent_write(&parent, written);
        EXPECT_EQ(text, written);
        char id[TRACE_ID_TEXT_SIZE];
        trace_id_write(parent.trace_id, id);
        EXPECT_EQ(text.substr(3, 32), id);
    }
}

TEST(TraceParent, OfALaterVersionIsWrittenAsVersion00WithTheFlagThatIsKnown) {
    struct trace_parent parent;
    ASSERT_TRUE(trace_parent_read(
        slice_of_cstr("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-what"), &parent));
    char written[TRACE_PARENT_TEXT_SIZE];
    trace_parent_write(&parent, written);
    EXPECT_STREQ(kParent, written);
}

TEST(TraceParent, WhatIsInvalidLeavesTheResultAlone) {
    const std::string good = kParent;
    std::vector<std::string> rows = {"",
                                     good.substr(0, 54),
                                     good + "-",
                                     good + "x",
                                     "ff" + good.substr(2),
                                     "00-" + std::string(32, '0') + good.substr(35),
                                     good.substr(0, 36) + std::string(16, '0') + "-01"};
    for (size_t i = 0; i < good.size(); i++) { // each place has a character that is none of it
        std::string bad = good;
        bad[i] = good[i] == '-' ? '0' : 'A';
        rows.push_back(bad);
        bad[i] = '\0';
        rows.push_back(bad);
    }
    for (const std::string &row : rows) {
        struct trace_parent parent = {};
        parent.flags = 0x42;
        EXPECT_FALSE(trace_parent_read(slice_of(row.data(), row.size()), &parent)) << row;
        EXPECT_EQ(0x42, parent.flags);
    }
}

// --- sampling ---

uint64_t Below(const char *text) {
    struct trace_sampler sampler = {1234567};
    EXPECT_TRUE(trace_sampler_read(text, &sampler)) << text;
    return sampler.below;
}

TEST(TraceSampler, ReadsRatios) {
    const uint64_t all = UINT64_C(1) << 56;
    const std::pair<const char *, uint64_t> rows[] = {{"0", 0},
                                                      {"0.0", 0},
                                                      {"0.", 0},
                                                      {"1", all},
                                                      {"1.000", all},
                                                      {"0.5", all / 2},
                                                      {".5", all / 2},
                                                      {"00.25", all / 4},
                                                      {"0.01", all / 100},
                                                      {"0.00000000000001", all / 100000000000000}};
    for (const auto &row : rows) {
        EXPECT_EQ(row.second, Below(row.first)) << row.first;
    }
    EXPECT_GT(Below("0.00000000000001"), 0u) << "the least that can be said is not none";
}

TEST(TraceSampler, RefusesWhatIsNone) {
    for (const char *text :
         {"", ".", "-1", "-0", "+1", "1.1", "2", "1e-3", "nan", "inf", "0,5", "1%", " 1", "1 ",
          "0.5.5", "0x1", "0.0000000000000001", "1.00000000000001"}) {
        struct trace_sampler sampler = {42};
        EXPECT_FALSE(trace_sampler_read(text, &sampler)) << text;
        EXPECT_EQ(42u, sampler.below);
    }
}

TEST(TraceSampler, DecidesByTheLast56Bits) {
    uint8_t id[TRACE_ID_BYTES];
    const struct trace_sampler half = {Below("0.5")};
    memset(id, 0xFF, sizeof(id));
    EXPECT_FALSE(trace_sampler_takes(half, id));
    EXPECT_TRUE(trace_sampler_takes({Below("1")}, id));
    id[9] = 0x7F; // the first of them
    EXPECT_TRUE(trace_sampler_takes(half, id));
    id[9] = 0x80;
    memset(id + 10, 0, 6);
    EXPECT_FALSE(trace_sampler_takes(half, id));
    memset(id, 0, sizeof(id));
    EXPECT_FALSE(trace_sampler_takes({Below("0")}, id));
    id[8] = 0xFF; // is none of them
    EXPECT_TRUE(trace_sampler_takes({1}, id));
}

// --- spans ---

struct Span {
    explicit Span(trace_scope scope = TRACE_SERVER) : span(trace_record_new(scope)) {}
    ~Span() {
        free(span);
    }
    std::string Value(int i) const {
        const struct trace_attribute &a = span->attributes[i];
        return Text(trace_record_text(span, a.text_at, a.text_len));
    }
    struct trace_span *span;
};

TEST(TraceSpan, NothingIsDoneWithNone) {
    trace_span_name(nullptr, SLICE_EMPTY, SLICE_EMPTY);
    trace_span_text(nullptr, "a", SLICE_EMPTY);
    trace_span_own_text(nullptr, "a", SLICE_EMPTY);
    trace_span_int(nullptr, "a", 1);
    trace_span_fail(nullptr);
    EXPECT_EQ(nullptr, trace_span_own(nullptr));
}

TEST(TraceSpan, CountsAttributesBeyondItsRoom) {
    Span s;
    for (int i = 0; i < TRACE_MOST_ATTRIBUTES + 3; i++) {
        trace_span_int(s.span, "n", i);
    }
    EXPECT_EQ(TRACE_MOST_ATTRIBUTES, s.span->attribute_count);
    EXPECT_EQ(3u, s.span->dropped_attributes);
}

TEST(TraceSpan, CutsTextsAtWholeCharactersAndHasAnEnd) {
    Span s;
    std::string text = "x";
    while (text.size() < 2000) {
        text += "\xC3\xA9";
    }
    trace_record_set_state(s.span, slice_of_cstr(std::string(TRACE_LONGEST_STATE, 's').c_str()));
    for (int i = 0; i < 6; i++) {
        trace_span_own_text(s.span, "t", slice_of(text.data(), text.size()));
    }
    EXPECT_EQ(TRACE_LONGEST_TEXT - 1, static_cast<int>(s.Value(0).size()));
    EXPECT_EQ(text.substr(0, TRACE_LONGEST_TEXT - 1), s.Value(0));
    EXPECT_EQ("", s.Value(5));
    EXPECT_LE(s.span->text_len, TRACE_TEXT_BYTES);
}

TEST(TraceSpan, TakesNoTextThatIsNoUtf8) {
    Span s;
    trace_span_text(s.span, "t", slice_of("a\xFF\xC3", 3));
    EXPECT_EQ("a\xEF\xBF\xBD\xEF\xBF\xBD", s.Value(0));
}

TEST(TraceSpan, MasksTokensButNotOwnText) {
    Span s;
    std::string token = "rst_" + std::string(43, 'a');
    trace_span_text(s.span, "t", slice_of_cstr(token.c_str()));
    trace_span_own_text(s.span, "t", slice_of_cstr("rst_{anIdentifierThatIsVeryLongIndeed}"));
    EXPECT_EQ("rst_***", s.Value(0));
    EXPECT_EQ("rst_{anIdentifierThatIsVeryLongIndeed}", s.Value(1));
}

TEST(TraceSpan, LeavesOutAStateThatIsTooLongOrNoText) {
    for (const std::string &state : {std::string(TRACE_LONGEST_STATE + 1, 's'), std::string("a=\n"),
                                     std::string("a=\xC3\xA9")}) {
        Span s;
        trace_record_set_state(s.span, slice_of(state.data(), state.size()));
        EXPECT_EQ(0, s.span->state_len);
    }
}

// --- the ring ---

struct trace_span *Numbered(int number) {
    struct trace_span *span = trace_record_new(TRACE_SERVER);
    span->begin_us = number;
    return span;
}

class TraceRing : public ::testing::Test {
  protected:
    void SetUp() override {
        trace_ring_init(&ring_);
    }
    void TearDown() override {
        trace_ring_destroy(&ring_);
    }
    std::vector<int> Take(size_t most, int64_t linger_us = 0) {
        std::vector<struct trace_span *> spans(most);
        spans.resize(trace_ring_take(&ring_, linger_us, spans.data(), most));
        std::vector<int> numbers;
        for (struct trace_span *span : spans) {
            numbers.push_back(static_cast<int>(span->begin_us));
            free(span);
        }
        return numbers;
    }
    struct trace_ring ring_;
};

TEST_F(TraceRing, GivesTheOldestFirstRoundItsEnd) {
    int put = 0, taken = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < TRACE_RING_SPANS / 2 + 7; i++) {
            trace_ring_put(&ring_, Numbered(put++));
        }
        while (taken < put) {
            for (int number : Take(100)) {
                ASSERT_EQ(taken++, number);
            }
        }
    }
    EXPECT_EQ(0u, trace_ring_dropped(&ring_));
}

TEST_F(TraceRing, DropsAndCountsWhatFindsNoRoom) {
    for (int i = 0; i < TRACE_RING_SPANS + 5; i++) {
        trace_ring_put(&ring_, Numbered(i));
    }
    EXPECT_EQ(5u, trace_ring_dropped(&ring_));
    std::vector<int> all = Take(TRACE_RING_SPANS + 5);
    EXPECT_EQ(TRACE_RING_SPANS, static_cast<int>(all.size()));
    EXPECT_EQ(TRACE_RING_SPANS - 1, all.back()) << "the newest are dropped";
}

TEST_F(TraceRing, TakesWhatIsThereWhenItStopsAndNothingAfter) {
    trace_ring_put(&ring_, Numbered(1));
    trace_ring_stop(&ring_);
    trace_ring_put(&ring_, Numbered(2));
    EXPECT_EQ(1u, trace_ring_dropped(&ring_));
    EXPECT_EQ(std::vector<int>{1}, Take(10, INT64_MAX / 4));
    EXPECT_EQ(std::vector<int>{}, Take(10, INT64_MAX / 4));
    EXPECT_TRUE(trace_ring_pause(&ring_, INT64_MAX / 4));
}

TEST_F(TraceRing, WaitsForSpansOnAnotherThreadAndLingersForMore) {
    std::thread putter([this] {
        for (int i = 0; i < 10; i++) {
            trace_ring_put(&ring_, Numbered(i));
        }
    });
    int64_t begin_us = clock_monotonic_us();
    EXPECT_EQ(10u, Take(10, 60 * 1000000).size())
        << "as many as were asked for: it waits no longer";
    EXPECT_LT(clock_monotonic_us() - begin_us, 30 * 1000000);
    putter.join();
    trace_ring_put(&ring_, Numbered(1));
    EXPECT_EQ(1u, Take(10, 1000).size()) << "no more came";
}

TEST_F(TraceRing, APauseEndsByItself) {
    EXPECT_FALSE(trace_ring_pause(&ring_, clock_monotonic_us() + 1000));
}

TEST_F(TraceRing, AStopEndsWhoWaits) {
    std::thread stopper([this] { trace_ring_stop(&ring_); });
    EXPECT_EQ(std::vector<int>{}, Take(10));
    EXPECT_TRUE(trace_ring_pause(&ring_, 0));
    stopper.join();
}

TEST_F(TraceRing, NoneIsLostOrTwiceWithManyThreads) {
    const int kThreads = 4, kSpans = 3000;
    std::vector<std::thread> putters;
    for (int t = 0; t < kThreads; t++) {
        putters.emplace_back([this, t] {
            for (int i = 0; i < kSpans; i++) {
                trace_ring_put(&ring_, Numbered(t * kSpans + i));
            }
        });
    }
    std::vector<int> last(kThreads, -1);
    size_t taken = 0;
    auto take = [&](const std::vector<int> &numbers) {
        for (int number : numbers) {
            EXPECT_LT(last[number / kSpans], number % kSpans);
            last[number / kSpans] = number % kSpans;
        }
        taken += numbers.size();
    };
    while (taken + trace_ring_dropped(&ring_) < kThreads * kSpans) {
        take(Take(512, 1000));
    }
    for (std::thread &putter : putters) {
        putter.join();
    }
    EXPECT_EQ(static_cast<size_t>(kThreads * kSpans), taken + trace_ring_dropped(&ring_));
}

// --- what is sent ---

TEST(Otlp, ASpanSaysWhetherItsParentIsOfAnotherProcess) {
    for (bool is_remote : {false, true}) {
        Span s;
        s.span->has_remote_parent = is_remote;
        struct strbuf out = STRBUF_INIT;
        const struct otlp_resource resource = {"a", "1", "x"};
        otlp_append_request(&out, &resource, &s.span, 1);
        struct wire_field f = {};
        struct slice at = strbuf_slice(&out);
        for (uint32_t number : {1u, 2u, 2u}) { // resource spans, scope spans, span
            ASSERT_TRUE(wire_find_last(at, number, WIRE_BYTES, &f));
            at = f.bytes;
        }
        ASSERT_TRUE(wire_find_last(at, 16, WIRE_FIXED32, &f));
        EXPECT_EQ(is_remote ? 0x301u : 0x101u, f.value);
        EXPECT_FALSE(wire_find_last(at, 4, WIRE_BYTES, &f)) << "the first of a trace has no parent";
        ASSERT_TRUE(wire_find_last(at, 5, WIRE_BYTES, &f));
        EXPECT_EQ("runsd.server", Text(f.bytes)) << "one without a name has its scope's";
        strbuf_release(&out);
    }
}

TEST(Otlp, ReadsHowManyWereRefused) {
    const std::pair<std::string, int64_t> rows[] = {
        {"", 0},
        {std::string("\x0A\x00", 2), 0},
        {std::string("\x0A\x02\x08\x07", 4), 7},
        {std::string("\x0A\x04\x12\x02no", 6), 0},
        {"<html>", 0},
        {std::string("\x0A\xFF\xFF\xFF\xFF\x0F", 6), 0},
        {std::string("\x0A\x0B\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 13), 0}, // -1
    };
    for (const auto &row : rows) {
        EXPECT_EQ(row.second, otlp_read_rejected(slice_of(row.first.data(), row.first.size())));
    }
}

struct Judgement {
    otlp_verdict verdict;
    int64_t wait_ms;
};

Judgement Judge(int status, int64_t retry_after_ms, int attempt, uint32_t random = 0) {
    const struct otlp_outcome outcome = {status, retry_after_ms};
    Judgement j = {OTLP_DONE, -1};
    j.verdict = otlp_judge(&outcome, attempt, random, &j.wait_ms);
    return j;
}

TEST(Otlp, OnlyWhatMayPassIsTriedAgain) {
    for (int status = 0; status < 600; status++) {
        otlp_verdict expected = status >= 200 && status < 300 ? OTLP_DONE : OTLP_DROP;
        for (int passing : {0, 429, 502, 503, 504}) {
            expected = status == passing ? OTLP_RETRY : expected;
        }
        EXPECT_EQ(expected, Judge(status, 0, 1).verdict) << status;
    }
}

TEST(Otlp, WaitsLongerEachTimeAndByChance) {
    for (int attempt = 1; attempt < OTLP_MOST_ATTEMPTS; attempt++) {
        const int64_t middle = 1000 << (attempt - 1);
        for (uint32_t random : {0u, 1u, 77777u, UINT32_MAX}) {
            int64_t wait = Judge(503, 0, attempt, random).wait_ms;
            EXPECT_GE(wait, middle / 2);
            EXPECT_LE(wait, middle + middle / 2);
        }
    }
    EXPECT_NE(Judge(503, 0, 1, 0).wait_ms, Judge(503, 0, 1, 500).wait_ms);
    EXPECT_EQ(OTLP_GIVE_UP, Judge(503, 0, OTLP_MOST_ATTEMPTS).verdict);
    EXPECT_EQ(OTLP_GIVE_UP, Judge(503, 1000, OTLP_MOST_ATTEMPTS).verdict);
}

TEST(Otlp, KeepsRetryAfterUpToAMinute) {
    EXPECT_EQ(3000, Judge(429, 3000, 4).wait_ms);
    EXPECT_EQ(60000, Judge(503, 3600000, 1).wait_ms);
}

} // namespace
