// Final runs that are old enough are deleted, and nothing else is, over each back-end.

extern "C" {
#include "server/sweep/retention.h"
#include "storage/op/create_run.h"
#include "storage/op/delete_runs.h"
#include "storage/op/find_runs.h"
#include "storage/op/freeze_organization.h"
#include "storage/op/get_run.h"
#include "storage/op/list_changes.h"
#include "storage/op/transition_run.h"
#include "storage/store_opener.h"
}

#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "tests/rpc/fixture.h"
#include "tests/storage/store_url.h"

namespace {

constexpr int64_t kDay = INT64_C(24) * 3600 * 1'000'000;
constexpr int64_t kBegin = 20'000 * kDay;
constexpr int64_t kRetain = 30 * kDay;

struct SetClock {
    struct clock clock; // first
    std::atomic<int64_t> now_us;
};

int64_t Now(const struct clock *self) {
    return reinterpret_cast<const SetClock *>(self)->now_us;
}

// Hands all to a store, and counts its deletions.
struct CountingStore {
    struct run_store base; // first
    struct run_store *inner;
    std::atomic<int> deletions;

    static void Submit(struct run_store *store, struct store_op *op) {
        auto *self = reinterpret_cast<CountingStore *>(store);
        self->deletions += op->kind == &store_delete_runs_kind;
        run_store_submit(self->inner, op);
    }
    static void Close(struct run_store * /*store*/) {}
};

const struct run_store_ops kCountingOps = {"counting", CountingStore::Submit, CountingStore::Close};

class Retention : public ::testing::TestWithParam<const char *> {
  protected:
    Retention() {
        clock_.clock.now_us = Now;
        clock_.now_us = kBegin;
        url_ = store_testing::StoreUrl(GetParam(), dir_.Path("runs.db"));
        Open();
    }
    ~Retention() override {
        Close();
    }

    void Open() {
        Arena a;
        struct run_store_options options = {};
        options.log = &log_;
        ASSERT_EQ(nullptr, run_store_open(a.get(), url_.c_str(), &options, &store_));
        counting_.base = *store_;
        counting_.base.ops = &kCountingOps;
        counting_.inner = store_;
    }

    void Close() {
        StopRetention();
        run_store_close(store_);
    }

    void StartRetention() {
        struct retention_options options = {};
        options.log = &log_;
        options.clock = &clock_.clock;
        options.store = &counting_.base;
        options.retain_us = kRetain;
        options.interval_ms = 2;
        retention_ = retention_start(&options);
    }

    void StopRetention() {
        retention_stop(retention_);
        retention_ = nullptr;
    }

    template <typename Op> int Do(Op *op, const struct store_kind *kind, Arena *a) {
        op->op.kind = kind;
        op->op.arena = a->get();
        store_op_submit_and_wait(store_, &op->op);
        return op->op.result;
    }

    void Create(const std::string &organization, const std::string &id) {
        Arena a;
        struct store_create_run create = {};
        create.in.organization = SliceOf(organization);
        create.in.id = SliceOf(id);
        create.in.status = RUN_RUNNING;
        create.in.workflow_id = slice_of_cstr("wf");
        create.in.started_at_us = clock_.now_us;
        ASSERT_EQ(STORE_OK, Do(&create, &store_create_run_kind, &a)) << id;
    }

    void End(const std::string &organization, const std::string &id) {
        Arena a;
        struct store_transition_run end = {};
        end.organization = SliceOf(organization);
        end.id = SliceOf(id);
        end.from = RUN_STATUS_ACTIVE;
        end.to = RUN_SUCCESS;
        end.at_us = clock_.now_us;
        ASSERT_EQ(STORE_OK, Do(&end, &store_transition_run_kind, &a)) << id;
    }

    void CreateAndEnd(const std::string &organization, const std::string &id) {
        Create(organization, id);
        End(organization, id);
    }

    bool Has(const std::string &organization, const std::string &id) {
        Arena a;
        struct store_get_run get = {};
        get.organization = SliceOf(organization);
        get.id = SliceOf(id);
        return Do(&get, &store_get_run_kind, &a) == STORE_OK;
    }

    void Freeze(const std::string &organization, int64_t at_us) {
        Arena a;
        struct store_freeze_organization freeze = {};
        freeze.name = SliceOf(organization);
        freeze.at_us = at_us;
        ASSERT_EQ(STORE_OK, Do(&freeze, &store_freeze_organization_kind, &a));
    }

    // The floor, and whether all that is above it can be read.
    int64_t Floor(const std::string &organization) {
        Arena a;
        struct store_list_changes list = {};
        list.organization = SliceOf(organization);
        EXPECT_EQ(STORE_OK, Do(&list, &store_list_changes_kind, &a));
        int64_t floor = list.ret_floor;
        list.after_revision = floor;
        list.limit = 4096;
        EXPECT_EQ(STORE_OK, Do(&list, &store_list_changes_kind, &a));
        EXPECT_EQ(list.ret_newest - floor, list.ret_count);
        return floor;
    }

    template <typename Condition> bool Comes(Condition condition) {
        auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!condition() && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return condition();
    }

    TempDir dir_;
    std::string url_;
    SetClock clock_;
    logger log_ = {-1, LOG_ERROR, "test", nullptr};
    run_store *store_ = nullptr;
    CountingStore counting_ = {};
    retention *retention_ = nullptr;
};

TEST_P(Retention, DeletesWhatIsFinalForLongEnoughAndNothingElse) {
    std::set<std::string> old;
    Create("acme", "old-active");
    Create("acme", "ends-late");
    for (int i = 0; i < 200; i++) { // several batches
        std::string id = "old-" + std::to_string(i);
        CreateAndEnd("acme", id);
        CreateAndEnd("rival", id);
        old.insert(id);
    }
    clock_.now_us = kBegin + 10 * kDay;
    End("acme", "ends-late");
    CreateAndEnd("acme", "young");
    Create("rival", "active");        // the newest event of all
    clock_.now_us = kBegin + kRetain; // not a moment longer yet
    StartRetention();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(Has("acme", "old-0"));
    clock_.now_us = kBegin + kRetain + 1;
    ASSERT_TRUE(Comes([&] {
        for (const auto &id : old) {
            if (Has("acme", id) || Has("rival", id)) {
                return false;
            }
        }
        return true;
    }));
    for (const char *id : {"old-active", "ends-late", "young"}) {
        EXPECT_TRUE(Has("acme", id)) << id;
    }
    EXPECT_TRUE(Has("rival", "active"));
    // Those of the feed went up to the last of what was deleted.
    EXPECT_EQ(402, Floor("acme")); // behind two creations
    EXPECT_EQ(400, Floor("rival"));
    clock_.now_us = kBegin + 10 * kDay + kRetain + 1;
    EXPECT_TRUE(Comes([&] { return !Has("acme", "young") && !Has("acme", "ends-late"); }));
    EXPECT_TRUE(Has("acme", "old-active"));
    StopRetention();
    if (url_ != "memory:") { // and what is kept is sound
        Close();
        Open();
        EXPECT_TRUE(Has("acme", "old-active"));
        EXPECT_FALSE(Has("acme", "young"));
        EXPECT_EQ(405, Floor("acme"));
    }
}

TEST_P(Retention, DeletesWhatEndedInTurnsWithOthersTogether) {
    constexpr int kOrganizations = 5;
    constexpr int kRuns = 40;
    for (int i = 0; i < kRuns; i++) {
        for (int o = 0; o < kOrganizations; o++) {
            CreateAndEnd("o" + std::to_string(o), "old-" + std::to_string(i));
        }
    }
    Create("rival", "active"); // the newest event of all
    clock_.now_us = kBegin + 2 * kRetain;
    StartRetention();
    auto are_gone = [&] {
        for (int i = 0; i < kRuns; i++) {
            for (int o = 0; o < kOrganizations; o++) {
                if (Has("o" + std::to_string(o), "old-" + std::to_string(i))) {
                    return false;
                }
            }
        }
        return true;
    };
    ASSERT_TRUE(Comes(are_gone));
    StopRetention();
    EXPECT_EQ(kOrganizations, counting_.deletions);
}

TEST_P(Retention, LeavesFrozenOrganizationsAlone) {
    CreateAndEnd("acme", "one");
    CreateAndEnd("rival", "one");
    Create("rival", "active");
    Freeze("acme", kBegin + 1);
    clock_.now_us = kBegin + 2 * kRetain;
    StartRetention();
    ASSERT_TRUE(Comes([&] { return !Has("rival", "one"); }));
    EXPECT_TRUE(Has("acme", "one"));
    StopRetention();
    Freeze("acme", 0);
    StartRetention(); // which looks at all from the beginning
    EXPECT_TRUE(Comes([&] { return !Has("acme", "one"); }));
}

TEST_P(Retention, StopsInTheMiddleAndGoesOnLater) {
    for (int i = 0; i < 500; i++) {
        CreateAndEnd("acme", "old-" + std::to_string(i));
    }
    Create("acme", "active");
    clock_.now_us = kBegin + 2 * kRetain;
    auto left = [&] {
        int count = 0;
        for (int i = 0; i < 500; i++) {
            count += Has("acme", "old-" + std::to_string(i));
        }
        return count;
    };
    StartRetention();
    ASSERT_TRUE(Comes([&] { return !Has("acme", "old-0"); }));
    StopRetention();
    int before = left();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(before, left());
    StartRetention();
    EXPECT_TRUE(Comes([&] { return left() == 0; }));
    EXPECT_TRUE(Has("acme", "active"));
}

INSTANTIATE_TEST_SUITE_P(Stores, Retention, ::testing::Values("memory", "sqlite", "postgres"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
