// What the server does by the time of day, under a clock that is set forward and back: runs whose
// deadline comes, and events that become too old to be watched from.

extern "C" {
#include "base/core/clock.h"
#include "server/sweep/deadline_sweep.h"
#include "server/sweep/feed_trim.h"
#include "server/sweep/housekeeping.h"
#include "storage/op/create_bulk.h"
#include "storage/op/create_run.h"
#include "storage/op/get_bulk.h"
#include "storage/op/list_changes.h"
#include "storage/op/list_events.h"
#include "storage/op/run_bulk.h"
#include "storage/store_opener.h"
}

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kDay = 24 * kHour;
const std::string kOrganization = "acme";
constexpr int64_t kBegin = 20'000 * kDay; // in the year 2024

struct SetClock {
    struct clock clock; // first
    std::atomic<int64_t> now_us;
};

int64_t Now(const struct clock *self) {
    return reinterpret_cast<const SetClock *>(self)->now_us;
}

slice S(const std::string &text) {
    return slice_of(text.data(), text.size());
}

template <typename Condition> bool Comes(Condition condition) {
    auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition() && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return condition();
}

class Sweep : public ::testing::Test {
  protected:
    Sweep() {
        clock_.clock.now_us = Now;
        clock_.now_us = kBegin;
        arena_init(&arena_);
        struct run_store_options options = {};
        options.log = &log_;
        EXPECT_EQ(nullptr, run_store_open(&arena_, "memory:", &options, &store_));
        leases_ = lease_table_new();
    }
    ~Sweep() override {
        deadline_sweep_stop(sweep_);
        feed_trim_stop(trim_);
        housekeeping_stop(keeping_);
        run_store_close(store_);
        lease_table_free(leases_);
        arena_release(&arena_);
    }

    void StartSweep() {
        sweep_ = deadline_sweep_start(&log_, &clock_.clock, store_, leases_, nullptr, nullptr);
    }

    void StopSweep() {
        deadline_sweep_stop(sweep_);
        sweep_ = nullptr;
    }

    void Create(const std::string &id, int64_t timeout_us) {
        struct store_create_run create = {};
        create.op.kind = &store_create_run_kind;
        create.op.arena = &arena_;
        create.in.organization = S(kOrganization);
        create.in.id = S(id);
        create.in.status = RUN_RUNNING;
        create.in.started_at_us = clock_.now_us;
        if (timeout_us != 0) {
            create.in.terms.on_timeout = RUN_FAILURE;
            create.in.terms.timeout_at_us = create.in.started_at_us + timeout_us;
        }
        store_op_submit_and_wait(store_, &create.op);
        ASSERT_EQ(STORE_OK, create.op.result);
        if (sweep_ != nullptr) {
            deadline_sweep_note(sweep_, create.in.terms.timeout_at_us);
        }
    }

    // The statuses that the run has had.
    std::vector<int> History(const std::string &id) {
        struct store_list_events list = {};
        list.op.kind = &store_list_events_kind;
        list.op.arena = &arena_;
        list.organization = S(kOrganization);
        list.id = S(id);
        list.limit = 100;
        store_op_submit_and_wait(store_, &list.op);
        std::vector<int> statuses;
        for (int i = 0; i < list.ret_count; i++) {
            statuses.push_back(list.ret_events[i].to);
        }
        return statuses;
    }

    int64_t Floor() {
        struct store_list_changes list = {};
        list.op.kind = &store_list_changes_kind;
        list.op.arena = &arena_;
        list.organization = S(kOrganization);
        store_op_submit_and_wait(store_, &list.op);
        return list.ret_floor;
    }

    const std::vector<int> kRuns = {RUN_RUNNING};
    const std::vector<int> kEnded = {RUN_RUNNING, RUN_FAILURE};
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    SetClock clock_;
    struct arena arena_;
    struct run_store *store_ = nullptr;
    struct lease_table *leases_ = nullptr;
    struct deadline_sweep *sweep_ = nullptr;
    struct feed_trim *trim_ = nullptr;
    struct housekeeping *keeping_ = nullptr;
};

TEST_F(Sweep, EndsARunOnceTheClockIsPastItsDeadlineAndNotBefore) {
    StartSweep();
    Create("soon", 10 * kSecond);
    Create("late", kHour);
    Create("never", 0);
    clock_.now_us = kBegin + 10 * kSecond - 1;
    Create("other", kSecond); // has everything looked at
    clock_.now_us = kBegin + 10 * kSecond;
    ASSERT_TRUE(Comes([&] { return History("soon") == kEnded; }));
    EXPECT_EQ(kRuns, History("other"));
    EXPECT_EQ(kRuns, History("late"));
    clock_.now_us = kBegin + kHour; // a step
    ASSERT_TRUE(Comes([&] { return History("late") == kEnded; }));
    ASSERT_TRUE(Comes([&] { return History("other") == kEnded; }));
    EXPECT_EQ(kRuns, History("never"));
}

TEST_F(Sweep, NeitherLosesNorRepeatsADeadlineWhenTheClockIsSetBack) {
    StartSweep();
    Create("first", kHour);
    clock_.now_us = kBegin + kHour;
    ASSERT_TRUE(Comes([&] { return History("first") == kEnded; }));
    clock_.now_us = kBegin - kDay;
    Create("second", kHour);
    Create("third", 2 * kDay);
    clock_.now_us = kBegin - kDay + kHour;
    ASSERT_TRUE(Comes([&] { return History("second") == kEnded; }));
    clock_.now_us = kBegin + 3 * kDay;
    ASSERT_TRUE(Comes([&] { return History("third") == kEnded; }));
    EXPECT_EQ(kEnded, History("first"));
    EXPECT_EQ(kEnded, History("second"));
}

TEST_F(Sweep, EndsAtItsStartWhatCameToItsDeadlineWhileThereWasNone) {
    for (int i = 0; i < 200; i++) {
        Create("r" + std::to_string(i), kSecond + i);
    }
    clock_.now_us = kBegin + kHour;
    StartSweep();
    for (int i = 0; i < 200; i++) {
        ASSERT_TRUE(Comes([&] { return History("r" + std::to_string(i)) == kEnded; })) << i;
    }
    StopSweep();
    StartSweep();
    Create("last", kSecond);
    clock_.now_us = kBegin + 2 * kHour;
    ASSERT_TRUE(Comes([&] { return History("last") == kEnded; }));
    EXPECT_EQ(kEnded, History("r0"));
}

TEST_F(Sweep, ForgetsForWatchesWhatIsTooOldOrTooMany) {
    std::atomic<int> told{0};
    struct Context {
        Sweep *self;
        std::atomic<int> *told;
    } context = {this, &told};
    for (int i = 0; i < 20; i++) {
        Create("old" + std::to_string(i), 0);
    }
    clock_.now_us = kBegin + kDay;
    for (int i = 0; i < 20; i++) {
        Create("new" + std::to_string(i), 0);
    }
    ASSERT_EQ(0, Floor());
    struct feed_trim_options options = {};
    options.log = &log_;
    options.clock = &clock_.clock;
    options.store = store_;
    options.max_age_us = kDay + kHour;
    options.max_events = 1'000'000;
    options.interval_ms = 1;
    options.before = [](void *of, struct slice organization) {
        EXPECT_EQ(0, memcmp(organization.data, "acme", organization.len));
        ++*static_cast<Context *>(of)->told;
    };
    options.context = &context;
    trim_ = feed_trim_start(&options);
    EXPECT_EQ(0, Floor());
    EXPECT_EQ(0, told);
    clock_.now_us = kBegin + kDay + kHour + 1; // the old ones are too old now
    ASSERT_TRUE(Comes([&] { return Floor() == 20; })) << Floor();
    EXPECT_EQ(1, told);
    clock_.now_us = kBegin; // never goes back
    EXPECT_EQ(20, Floor());
    feed_trim_stop(trim_);
    options.max_age_us = 1000 * kDay;
    options.max_events = 5;
    trim_ = feed_trim_start(&options);
    ASSERT_TRUE(Comes([&] { return Floor() == 35; })) << Floor();
    EXPECT_EQ(2, told);
    EXPECT_EQ(kRuns, History("old0")); // a run's own history stays
}

TEST_F(Sweep, ForgetsKeysThatCountNoMore) {
    constexpr int kKeys = 1000; // some steps of it
    // Whether the key is there still: else the creation finds the run that it made.
    auto ask = [&](int i) {
        struct store_create_run create = {};
        std::string id = "r" + std::to_string(i);
        create.op.kind = &store_create_run_kind;
        create.op.arena = &arena_;
        create.in.organization = S(kOrganization);
        create.in.id = S(id);
        create.in.status = RUN_RUNNING;
        create.in.started_at_us = clock_.now_us;
        create.idempotency.is_given = true;
        memcpy(create.idempotency.name, &i, sizeof(i));
        store_op_submit_and_wait(store_, &create.op);
        EXPECT_EQ(create.ret_is_replayed, create.op.result == STORE_OK && create.ret_revision == 0);
        return create.op.result;
    };
    for (int i = 0; i < kKeys; i++) {
        ASSERT_EQ(STORE_OK, ask(i));
    }
    clock_.now_us = kBegin + kHour;
    ASSERT_EQ(STORE_OK, ask(kKeys)); // a younger one
    struct housekeeping_options options = {};
    options.log = &log_;
    options.clock = &clock_.clock;
    options.store = store_;
    options.key_ttl_us = kDay;
    options.interval_ms = 1;
    keeping_ = housekeeping_start(&options);
    clock_.now_us = kBegin + kDay;
    EXPECT_EQ(STORE_OK, ask(0));
    clock_.now_us = kBegin + kDay + 1;
    for (int i = 0; i < kKeys; i++) {
        ASSERT_TRUE(Comes([&] { return ask(i) == STORE_EXISTS; })) << i;
    }
    EXPECT_EQ(STORE_OK, ask(kKeys));
}

TEST_F(Sweep, ForgetsBulkCancelsThatAreOverAndPlansThatAreOld) {
    constexpr int kIds = 700; // some steps of it
    std::vector<std::string> names;
    std::vector<slice> ids;
    for (int i = 0; i < kIds; i++) {
        names.push_back("r" + std::to_string(i));
    }
    for (const auto &name : names) {
        ids.push_back(S(name));
    }
    auto make = [&](const std::string &id, bool is_dry_run) {
        struct store_create_bulk create = {};
        create.op.kind = &store_create_bulk_kind;
        create.op.arena = &arena_;
        create.in.organization = S(kOrganization);
        create.in.id = S(id);
        create.in.is_dry_run = is_dry_run;
        create.in.created_at_us = clock_.now_us;
        create.ids = ids.data();
        create.id_count = kIds;
        create.most_unfinished = 100;
        store_op_submit_and_wait(store_, &create.op);
        ASSERT_EQ(STORE_OK, create.op.result);
        struct store_run_bulk step = {};
        step.op.kind = &store_run_bulk_kind;
        step.op.arena = &arena_;
        step.organization = S(kOrganization);
        step.id = S(id);
        step.most = kIds + 1;
        step.at_us = clock_.now_us;
        store_op_submit_and_wait(store_, &step.op);
        ASSERT_EQ(STORE_OK, step.op.result);
        EXPECT_EQ(is_dry_run ? BULK_PLANNED : BULK_DONE, step.ret.state); // of no run that is
    };
    auto is_there = [&](const std::string &id) {
        struct store_get_bulk get = {};
        get.op.kind = &store_get_bulk_kind;
        get.op.arena = &arena_;
        get.organization = S(kOrganization);
        get.id = S(id);
        store_op_submit_and_wait(store_, &get.op);
        return get.op.result == STORE_OK;
    };
    make("done", false);
    make("plan", true);
    clock_.now_us = kBegin + kHour;
    make("done-later", false);
    make("plan-later", true);
    struct housekeeping_options options = {};
    options.log = &log_;
    options.clock = &clock_.clock;
    options.store = store_;
    options.key_ttl_us = kDay;
    options.interval_ms = 1;
    keeping_ = housekeeping_start(&options);
    clock_.now_us = kBegin + kHour + 1;
    ASSERT_TRUE(Comes([&] { return !is_there("plan"); }));
    EXPECT_TRUE(is_there("plan-later"));
    EXPECT_TRUE(is_there("done"));
    clock_.now_us = kBegin + 7 * kDay + 1;
    ASSERT_TRUE(Comes([&] { return !is_there("done") && !is_there("plan-later"); }));
    EXPECT_TRUE(is_there("done-later"));
    clock_.now_us = kBegin; // what is younger than now is kept, too
    EXPECT_TRUE(is_there("done-later"));
}

} // namespace
