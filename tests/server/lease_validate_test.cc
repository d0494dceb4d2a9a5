#include "tests/server/validate_testing.h"

extern "C" {
#include "server/domain/lease_validate.h"
}

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace {

// What is wrong, by field.
using Wrong = std::map<std::string, std::string>;

class LeaseValidate : public ::testing::Test {
  protected:
    LeaseValidate() {
        arena_init(&arena_);
        runs__v1__run__init(&run_);
        runs__v1__create_run_request__init(&request_);
        runs__v1__lease_request__init(&lease_);
        request_.run = &run_;
        lease_.holder = const_cast<char *>("worker-7");
    }
    ~LeaseValidate() override {
        arena_release(&arena_);
    }

    static Wrong Violations(const violations &v) {
        Wrong wrong;
        if (v.error != nullptr) {
            EXPECT_EQ(STATUS_INVALID_ARGUMENT, v.error->code);
            for (auto *one = v.error->violations; one != nullptr; one = one->next) {
                wrong[one->field] = one->description;
            }
        }
        return wrong;
    }
    Google__Protobuf__Duration *Duration(int64_t seconds, int32_t nanos = 0) {
        auto *d = ARENA_NEW(&arena_, Google__Protobuf__Duration);
        google__protobuf__duration__init(d);
        d->seconds = seconds;
        d->nanos = nanos;
        return d;
    }
    Wrong Terms() {
        violations v = {&arena_, nullptr, 0};
        lease_validate_terms(&v, &request_, 1000, &terms_, &wish_);
        return Violations(v);
    }
    Wrong Wish(const Runs__V1__LeaseRequest *lease) {
        violations v = {&arena_, nullptr, 0};
        lease_validate_wish(&v, "lease", lease, &wish_);
        return Violations(v);
    }
    Wrong Wait(Google__Protobuf__Duration *wait) {
        violations v = {&arena_, nullptr, 0};
        lease_validate_wait(&v, wait, &wait_us_);
        return Violations(v);
    }

    arena arena_;
    Runs__V1__Run run_;
    Runs__V1__CreateRunRequest request_;
    Runs__V1__LeaseRequest lease_;
    run_terms terms_ = {};
    lease_wish wish_ = {};
    int64_t wait_us_ = -1;
};

const int64_t kTenYears = 315360000;

TEST_F(LeaseValidate, ARunThatSaysNothingHasNoTerms) {
    EXPECT_EQ(Wrong{}, Terms());
    EXPECT_EQ(RUN_DISPATCH_EXTERNAL, terms_.dispatch);
    EXPECT_FALSE(terms_.fails_on_lease_loss);
    EXPECT_EQ(0, terms_.on_timeout);
    EXPECT_EQ(0, terms_.timeout_at_us);
    EXPECT_EQ(0, terms_.waiting_timeout_us);
    EXPECT_EQ(0u, wish_.holder.len);
}

TEST_F(LeaseValidate, TermsAreTheStores) {
    run_.dispatch = RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_LEASE;
    run_.on_lease_loss = RUNS__V1__LEASE_LOSS__LEASE_LOSS_FAILURE;
    run_.timeout = Duration(60, 1500);
    run_.waiting_timeout = Duration(kTenYears);
    run_.on_timeout = RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED;
    lease_.duration = Duration(3600);
    request_.lease = &lease_;
    EXPECT_EQ(Wrong{}, Terms());
    EXPECT_EQ(RUN_DISPATCH_LEASE, terms_.dispatch);
    EXPECT_TRUE(terms_.fails_on_lease_loss);
    EXPECT_EQ(RUN_CANCELLED, terms_.on_timeout);
    EXPECT_EQ(1000 + 60000002, terms_.timeout_at_us);
    EXPECT_EQ(kTenYears * 1000000, terms_.waiting_timeout_us);
    EXPECT_TRUE(slice_equal_cstr(wish_.holder, "worker-7"));
    EXPECT_EQ(3600 * INT64_C(1000000), wish_.duration_us);
}

TEST_F(LeaseValidate, ATimeoutFailsTheRunUnlessItSaysOtherwise) {
    run_.timeout = Duration(1);
    EXPECT_EQ(Wrong{}, Terms());
    EXPECT_EQ(RUN_FAILURE, terms_.on_timeout);
    run_.timeout = nullptr;
    run_.waiting_timeout = Duration(1);
    run_.on_timeout = RUNS__V1__RUN_STATUS__RUN_STATUS_FAILURE;
    EXPECT_EQ(Wrong{}, Terms());
    EXPECT_EQ(RUN_FAILURE, terms_.on_timeout);
}

TEST_F(LeaseValidate, EachDurationHasItsLimitsAndSaysWhatWasGiven) {
    struct {
        int64_t seconds;
        int32_t nanos;
        const char *got;
    } const rows[] = {
        {0, 0, "got 0s"},
        {0, 999999999, "got 0s and 999999999 nanoseconds"},
        {-1, 0, "got -1s"},
        {1, -1, "got 1s and -1 nanoseconds"},
        {1, 1000000000, "got 1s and 1000000000 nanoseconds"},
        {kTenYears, 1, "got 315360000s and 1 nanoseconds"},
        {kTenYears + 1, 0, "got 315360001s"},
        {INT64_MAX, 0, "got 9223372036854775807s"},
        {INT64_MIN, 0, "got -9223372036854775808s"},
    };
    for (const auto &row : rows) {
        const std::string says = std::string("must be from 1s to 315360000s, ") + row.got;
        run_.timeout = Duration(row.seconds, row.nanos);
        run_.waiting_timeout = run_.timeout;
        EXPECT_EQ((Wrong{{"run.timeout", says}, {"run.waitingTimeout", says}}), Terms());
    }
}

TEST_F(LeaseValidate, WhatMakesNoSenseTogetherIsRefused) {
    run_.on_lease_loss = RUNS__V1__LEASE_LOSS__LEASE_LOSS_REACQUIRE;
    run_.on_timeout = RUNS__V1__RUN_STATUS__RUN_STATUS_FAILURE;
    request_.lease = &lease_;
    for (auto dispatch : {RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_UNSPECIFIED,
                          RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_EXTERNAL}) {
        run_.dispatch = dispatch;
        auto wrong = Terms();
        EXPECT_EQ(3u, wrong.size());
        EXPECT_TRUE(wrong.count("run.onLeaseLoss") && wrong.count("run.onTimeout") &&
                    wrong.count("lease"));
    }
}

TEST_F(LeaseValidate, NumbersThatAreNoWords) {
    run_.dispatch = static_cast<Runs__V1__RunDispatch>(3);
    run_.on_lease_loss = static_cast<Runs__V1__LeaseLoss>(-1);
    run_.on_timeout = static_cast<Runs__V1__RunStatus>(6);
    run_.timeout = Duration(5);
    EXPECT_EQ((Wrong{{"run.dispatch", "must be external or lease, got 3"},
                     {"run.onLeaseLoss", "must be reacquire or failure, got -1"},
                     {"run.onTimeout", "must be failure or cancelled, got 6"}}),
              Terms());
    run_.dispatch = RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_UNSPECIFIED;
    run_.on_lease_loss = RUNS__V1__LEASE_LOSS__LEASE_LOSS_UNSPECIFIED;
    for (auto [status, word] : {std::pair{RUNS__V1__RUN_STATUS__RUN_STATUS_SUCCESS, "success"},
                                std::pair{RUNS__V1__RUN_STATUS__RUN_STATUS_WAITING, "waiting"}}) {
        run_.on_timeout = status;
        EXPECT_EQ(
            (Wrong{{"run.onTimeout", std::string("must be failure or cancelled, got ") + word}}),
            Terms());
    }
}

TEST_F(LeaseValidate, Holders) {
    EXPECT_EQ((Wrong{{"lease", "is required"}}), Wish(nullptr));
    const std::string longest(256, 'x');
    const std::string too_long(257, 'x');
    struct {
        std::string holder;
        const char *wrong;
    } const rows[] = {
        {"", "is required: 1 to 256 bytes"},
        {longest, ""},
        {too_long, "has 257 bytes, at most 256 are allowed"},
        {"a\tb", "must have no control characters"},
        {"a\x7f", "must have no control characters"},
        {"a\xc2\x85", "must have no control characters"},
        {"caf\xc3\xa9 \xc2\xa0 7/\xf0\x9f\x9a\x80", ""},
    };
    for (const auto &row : rows) {
        lease_.holder = const_cast<char *>(row.holder.c_str());
        auto wrong = Wish(&lease_);
        EXPECT_EQ(row.wrong[0] == '\0' ? Wrong{} : (Wrong{{"lease.holder", row.wrong}}), wrong);
    }
}

TEST_F(LeaseValidate, ALeaseLastsThirtySecondsUnlessItSaysOtherwise) {
    EXPECT_EQ(Wrong{}, Wish(&lease_));
    EXPECT_EQ(30 * INT64_C(1000000), wish_.duration_us);
    for (int64_t seconds : {1, 3600}) {
        lease_.duration = Duration(seconds);
        EXPECT_EQ(Wrong{}, Wish(&lease_));
        EXPECT_EQ(seconds * 1000000, wish_.duration_us);
    }
    lease_.duration = Duration(3600, 1);
    EXPECT_EQ((Wrong{{"lease.duration", "must be from 1s to 3600s, got 3600s and 1 nanoseconds"}}),
              Wish(&lease_));
}

TEST_F(LeaseValidate, Waits) {
    EXPECT_EQ(Wrong{}, Wait(nullptr));
    EXPECT_EQ(0, wait_us_);
    EXPECT_EQ(Wrong{}, Wait(Duration(0)));
    EXPECT_EQ(0, wait_us_);
    EXPECT_EQ(Wrong{}, Wait(Duration(0, 1)));
    EXPECT_EQ(1, wait_us_);
    EXPECT_EQ(Wrong{}, Wait(Duration(300)));
    EXPECT_EQ(300 * INT64_C(1000000), wait_us_);
    EXPECT_EQ((Wrong{{"wait", "must be from 0s to 300s, got 301s"}}), Wait(Duration(301)));
    EXPECT_EQ((Wrong{{"wait", "must be from 0s to 300s, got -1s"}}), Wait(Duration(-1)));
}

TEST_F(LeaseValidate, WhatTheServiceSets) {
    Runs__V1__RunLease lease;
    runs__v1__run_lease__init(&lease);
    Google__Protobuf__Timestamp stopped;
    google__protobuf__timestamp__init(&stopped);
    run_.lease = &lease;
    run_.stopped_at = &stopped;
    violations v = {&arena_, nullptr, 0};
    lease_validate_output_only(&v, &run_);
    EXPECT_EQ((Wrong{{"run.lease", "is set by the service; leave it out"},
                     {"run.stoppedAt", "is set by the service; leave it out"}}),
              Violations(v));
}

} // namespace
