#include <functional>
#include <random>

#include "tests/storage/bulk_testing.h"
#include "tests/storage/count_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/feed_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

// Organizations that are frozen, what is told of them and of the store, and where an instant is in
// their feeds.

namespace {

INSTANTIATE_STORE_CONTRACT();

// Runs of all sorts, for operations to try to change.
void MakeRuns(struct run_store *store, const std::string &organization) {
    auto make = [&](StoredRun run) {
        run.organization = organization;
        run.workflow_id = "w";
        ASSERT_EQ(CreateRun(store, run).result, STORE_OK) << run.id;
    };
    make({.id = "running"});
    make({.id = "final", .status = RUN_SUCCESS});
    make(LeasedRun("open"));
    make(LeasedRun("held"));
    ASSERT_EQ(Acquire(store, {.organization = organization, .ids = {"held"}}).runs.size(), 1u);
    make(LeasedRun("stopping"));
    ASSERT_EQ(Acquire(store, {.organization = organization, .ids = {"stopping"}}).runs.size(), 1u);
    ASSERT_EQ(Apply(store, {.organization = organization, .id = "stopping"}).result, STORE_OK);
}

// Everything that changes runs, by names for traces.
std::vector<std::pair<std::string, std::function<enum store_result(struct run_store *)>>>
EveryChange(const std::string &o) {
    return {
        {"create",
         [o](struct run_store *s) {
             return CreateRun(s, {.organization = o, .id = "new"}).result;
         }},
        {"create again",
         [o](struct run_store *s) {
             return CreateRun(s, {.organization = o, .id = "running"}).result;
         }},
        {"cancel",
         [o](struct run_store *s) {
             return Apply(s, {.organization = o, .id = "running"}).result;
         }},
        {"cancel what is final",
         [o](struct run_store *s) { return Apply(s, {.organization = o, .id = "final"}).result; }},
        {"cancel what is absent",
         [o](struct run_store *s) { return Apply(s, {.organization = o, .id = "absent"}).result; }},
        {"report",
         [o](struct run_store *s) {
             return Apply(s, {.organization = o,
                              .id = "running",
                              .to = RUN_RUNNING,
                              .set_total_cu = true,
                              .total_cu = 3})
                 .result;
         }},
        {"acquire", [o](struct run_store *s) { return Acquire(s, {.organization = o}).result; }},
        {"release",
         [o](struct run_store *s) {
             return EndLease(s, {.organization = o, .id = "held", .attempt = 1}).result;
         }},
        {"stop",
         [o](struct run_store *s) {
             return StopRun(s, {.organization = o, .id = "stopping", .attempt = 1}).result;
         }},
        {"delete",
         [o](struct run_store *s) {
             return DeleteRunOnce(s, {.organization = o, .id = "final"}).result;
         }},
        {"delete many",
         [o](struct run_store *s) {
             enum store_result result;
             DeleteRuns(s, {"final"}, INT64_MAX, o, &result);
             return result;
         }},
    };
}

std::vector<WholeEvent> AllEvents(struct run_store *store, const std::string &organization) {
    std::vector<WholeEvent> all;
    for (const char *id : {"running", "final", "open", "held", "stopping"}) {
        for (const WholeEvent &e : ListWholeEvents(store, id, organization)) {
            all.push_back(e);
        }
    }
    return all;
}

TEST_P(StoreContract, FrozenOrganizationRefusesEveryChangeOfItsRuns) {
    MakeRuns(store_, "acme");
    MakeRuns(store_, "other");
    Settle(store_);
    const std::vector<WholeEvent> before = AllEvents(store_, "acme");
    const Organization told = GetOrganization(store_);
    int64_t frozen_at_us = 0;
    ASSERT_EQ(Freeze(store_, 5000, "acme", &frozen_at_us), STORE_OK);
    EXPECT_EQ(frozen_at_us, 5000);
    for (const auto &change : EveryChange("acme")) {
        EXPECT_EQ(change.second(store_), STORE_READ_ONLY) << change.first;
    }
    EXPECT_EQ(CreateBulk(store_, {.id = "job"}, {"running"}).result, STORE_READ_ONLY);
    EXPECT_EQ(RunBulk(store_, "job").result, STORE_READ_ONLY);
    EXPECT_EQ(CollectBulk(store_, "job").result, STORE_READ_ONLY);
    EXPECT_EQ(AllEvents(store_, "acme"), before);
    EXPECT_EQ(GetRun(store_, "new").result, STORE_NOT_FOUND);
    EXPECT_EQ(GetRun(store_, "running").run.total_cu, 0);
    const Organization frozen = GetOrganization(store_);
    EXPECT_EQ(frozen.frozen_at_us, 5000);
    EXPECT_EQ(frozen.revision, told.revision);
    EXPECT_EQ(frozen.runs, told.runs);
    // Reads and feeds go on.
    EXPECT_EQ(ListRuns(store_, {}).runs.size(), 5u);
    EXPECT_EQ(static_cast<int64_t>(ReadFeed(store_, "acme").size()), told.revision - told.floor);
    ExpectCounted(store_);
    // Others do as before.
    for (const auto &change : EveryChange("other")) {
        EXPECT_NE(change.second(store_), STORE_READ_ONLY) << change.first;
    }
    EXPECT_EQ(Freeze(store_, 0, "acme", &frozen_at_us), STORE_OK);
    EXPECT_EQ(frozen_at_us, 0);
    EXPECT_EQ(GetOrganization(store_).frozen_at_us, 0);
    for (const auto &change : EveryChange("acme")) {
        EXPECT_NE(change.second(store_), STORE_READ_ONLY) << change.first;
    }
}

TEST_P(StoreContract, FreezingKeepsItsFirstMoment) {
    int64_t at_us = -1;
    MustCreate({.id = "r"});
    EXPECT_EQ(Freeze(store_, 0, "acme", &at_us), STORE_OK); // it is not frozen
    EXPECT_EQ(at_us, 0);
    EXPECT_EQ(Freeze(store_, 5000), STORE_OK);
    EXPECT_EQ(Freeze(store_, 6000, "acme", &at_us), STORE_OK);
    EXPECT_EQ(at_us, 5000);
    EXPECT_EQ(Freeze(store_, 0), STORE_OK);
    EXPECT_EQ(Freeze(store_, 7000, "acme", &at_us), STORE_OK);
    EXPECT_EQ(at_us, 7000);
}

TEST_P(StoreContract, OnlyOrganizationsThatAreThereAreFrozen) {
    EXPECT_EQ(Freeze(store_, 5000), STORE_NOT_FOUND);
    EXPECT_EQ(Freeze(store_, 0), STORE_NOT_FOUND);
    EXPECT_EQ(GetOrganization(store_).result, STORE_NOT_FOUND);
    // One that has tokens alone, before its first run; they can still be managed.
    ASSERT_EQ(CreateToken(store_, {.name = "t"}), STORE_OK);
    EXPECT_EQ(Freeze(store_, 5000), STORE_OK);
    EXPECT_EQ(CreateRun(store_, {.id = "r"}).result, STORE_READ_ONLY);
    EXPECT_EQ(CreateToken(store_, {.name = "u", .hash = std::string(TOKEN_HASH_BYTES, 'u')}),
              STORE_OK);
    Token token;
    EXPECT_EQ(RevokeToken(store_, "acme", "t", 6000, &token), STORE_OK);
    Organization o = GetOrganization(store_);
    EXPECT_EQ(o.result, STORE_OK);
    EXPECT_EQ(o.frozen_at_us, 5000);
    EXPECT_EQ(o.revision, 0);
    EXPECT_EQ(o.tokens, 2);
    int64_t floor;
    EXPECT_EQ(TrimChanges(store_, 1, &floor), STORE_NOT_FOUND);
    EXPECT_EQ(ListChanges(store_, {}).newest, 0);
    EXPECT_TRUE(PlanTrim(store_, INT64_MAX, 0).empty());
    EXPECT_EQ(StoreStats(store_).organizations, 0);
    EXPECT_EQ(Freeze(store_, 0), STORE_OK);
    EXPECT_EQ(CreateRun(store_, {.id = "r"}).revision, 1);
    ExpectCounted(store_);
}

TEST_P(StoreContract, FreezingOutlastsARestart) {
    MakeRuns(store_, "acme");
    MustCreate({.organization = "other", .id = "r"});
    ASSERT_EQ(CreateToken(store_, {.organization = "young", .name = "t"}), STORE_OK);
    ASSERT_EQ(Freeze(store_, 5000), STORE_OK);
    ASSERT_EQ(Freeze(store_, 6000, "young"), STORE_OK);
    if (std::string(GetParam().backend->scheme) == "memory") {
        return;
    }
    for (int i = 0; i < 2; i++) {
        Reopen();
        EXPECT_EQ(GetOrganization(store_).frozen_at_us, 5000);
        EXPECT_EQ(Apply(store_, {.id = "running"}).result, STORE_READ_ONLY);
        EXPECT_EQ(CreateRun(store_, {.organization = "young", .id = "r"}).result, STORE_READ_ONLY);
        EXPECT_EQ(CreateRun(store_, {.organization = "other", .id = std::to_string(i)}).result,
                  STORE_OK);
        ExpectCounted(store_);
    }
    ASSERT_EQ(Freeze(store_, 0), STORE_OK);
    Reopen();
    EXPECT_EQ(Apply(store_, {.id = "running"}).result, STORE_OK);
    EXPECT_EQ(Apply(store_, {.organization = "young", .id = "r"}).result, STORE_READ_ONLY);
}

// Changes race with a freeze: what was answered before it holds, and nothing changes after it.
TEST_P(StoreContract, NothingChangesOnceAFreezeIsAnswered) {
    const int kRuns = 200;
    for (int i = 0; i < kRuns; i++) {
        MustCreate({.id = std::to_string(i)});
    }
    int64_t frozen_revision = -1;
    std::vector<int> cancelled(4);
    RunTogether(5, [&](int n) {
        for (int i = 0; n < 4 && i < kRuns; i++) {
            Answer a = Apply(store_, {.id = std::to_string(i)});
            ASSERT_TRUE(a.result == STORE_OK || a.result == STORE_CONFLICT ||
                        a.result == STORE_READ_ONLY);
            cancelled[static_cast<size_t>(n)] += a.result == STORE_OK;
        }
        if (n == 4) {
            ASSERT_EQ(Freeze(store_, 5000), STORE_OK);
            frozen_revision = GetOrganization(store_).revision;
        }
    });
    EXPECT_EQ(GetOrganization(store_).revision, frozen_revision);
    int sum = cancelled[0] + cancelled[1] + cancelled[2] + cancelled[3];
    EXPECT_EQ(frozen_revision, kRuns + sum);
    EXPECT_EQ(CountRuns(store_)[RUN_CANCELLED], sum);
    ExpectCounted(store_);
}

struct DueNow {
    std::vector<std::string> ids;
    int64_t next_due_us;
    int64_t from_us;
};

DueNow LookForDue(struct run_store *store, int64_t from_us, int64_t until_us, int limit = 100) {
    STORE_OP(op, list_due);
    op->from_us = from_us;
    op->until_us = until_us;
    op->limit = limit;
    EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
    DueNow d = {{}, op->ret_next_due_us, op->ret_from_us};
    for (int i = 0; i < op->ret_count; i++) {
        d.ids.push_back(ToString(op->ret_due[i].organization) + "/" + ToString(op->ret_due[i].id));
    }
    return d;
}

TEST_P(StoreContract, DeadlinesOfFrozenOrganizationsWait) {
    auto make = [&](const std::string &organization, const std::string &id, int64_t due_us) {
        MustCreate({.organization = organization,
                    .id = id,
                    .terms = {.on_timeout = RUN_FAILURE, .timeout_at_us = due_us}});
    };
    for (int i = 0; i < 10; i++) {
        make("acme", std::to_string(i), 2000 + i);
    }
    make("other", "a", 2005);
    make("other", "b", 3000);
    EXPECT_EQ(LookForDue(store_, 0, 2500).ids.size(), 11u);
    EXPECT_EQ(LookForDue(store_, 0, 2500).from_us, 0);
    ASSERT_EQ(Freeze(store_, 1500), STORE_OK);
    const DueNow now = LookForDue(store_, 0, 2500);
    EXPECT_EQ(now.ids, std::vector<std::string>{"other/a"});
    EXPECT_EQ(now.next_due_us, 3000);
    EXPECT_LE(now.from_us, 2005);
    EXPECT_EQ(LookForDue(store_, now.from_us, 2500).ids, now.ids);
    ASSERT_EQ(Apply(store_, {.organization = "other", .id = "a"}).result, STORE_OK);
    const DueNow later = LookForDue(store_, now.from_us, 2500);
    EXPECT_TRUE(later.ids.empty());
    EXPECT_EQ(later.next_due_us, 3000) << "who waits for it does not look again at once";
    EXPECT_EQ(LookForDue(store_, later.from_us, 3000).ids, std::vector<std::string>{"other/b"});
    // With the thaw they are due, wherever the look begins.
    ASSERT_EQ(Freeze(store_, 0), STORE_OK);
    EXPECT_EQ(LookForDue(store_, later.from_us, 2500).ids.size(), 10u);
}

TEST_P(StoreContract, ManyRunsOfAFrozenOrganizationThatAreDueEndTheLook) {
    const int kRuns = 5000;
    for (int i = 0; i < kRuns; i++) {
        MustCreate({.id = std::to_string(i),
                    .terms = {.on_timeout = RUN_FAILURE, .timeout_at_us = 2000 + i}});
    }
    MustCreate({.organization = "other",
                .id = "r",
                .terms = {.on_timeout = RUN_FAILURE, .timeout_at_us = 2000 + kRuns}});
    ASSERT_EQ(Freeze(store_, 1500), STORE_OK);
    int64_t from_us = 0;
    std::vector<std::string> ids;
    for (int looks = 0; ids.empty(); looks++) {
        ASSERT_LT(looks, 3);
        const DueNow now = LookForDue(store_, from_us, 100000);
        ids = now.ids;
        ASSERT_TRUE(!ids.empty() || now.next_due_us <= 100000) << "it may be asked again at once";
        from_us = now.from_us;
    }
    EXPECT_EQ(ids, std::vector<std::string>{"other/r"});
}

TEST_P(StoreContract, JobsOfFrozenOrganizationsWait) {
    MustCreate({.id = "r"});
    ASSERT_EQ(CreateBulk(store_, {.id = "job"}, {"r"}).result, STORE_OK);
    EXPECT_EQ(ListUnfinishedBulks(store_).size(), 1u);
    ASSERT_EQ(Freeze(store_, 5000), STORE_OK);
    EXPECT_TRUE(ListUnfinishedBulks(store_).empty());
    EXPECT_EQ(RunBulk(store_, "job").result, STORE_READ_ONLY);
    EXPECT_EQ(GetRun(store_, "r").run.status, RUN_RUNNING);
    ASSERT_EQ(Freeze(store_, 0), STORE_OK);
    EXPECT_EQ(ListUnfinishedBulks(store_).size(), 1u);
}

TEST_P(StoreContract, TheStoreTellsWhatItHas) {
    struct store_sizes sizes = StoreStats(store_);
    EXPECT_EQ(sizes.organizations, 0);
    EXPECT_EQ(sizes.events, 0);
    EXPECT_EQ(sizes.oldest_event_at_us, 0);
    MustCreate({.id = "a", .started_at_us = 1100});
    MustCreate({.id = "b", .status = RUN_SUCCESS, .started_at_us = 1200});
    MustCreate({.organization = "other", .id = "c", .started_at_us = 1300});
    ASSERT_EQ(Apply(store_, {.id = "a"}).result, STORE_OK);
    sizes = StoreStats(store_);
    EXPECT_EQ(sizes.organizations, 2);
    EXPECT_EQ(sizes.events, 4);
    EXPECT_EQ(sizes.oldest_event_at_us, 1100);
    EXPECT_EQ(ToCounts(sizes.runs), (Counts{0, 1, 0, 1, 0, 1}));
    Settle(store_); // a run that comes and goes: its two events, of which one is left
    EXPECT_EQ(StoreStats(store_).events, 5);
    ASSERT_EQ(DeleteRuns(store_, {"a"}), 1);
    sizes = StoreStats(store_);
    EXPECT_EQ(sizes.events, 3);
    EXPECT_EQ(sizes.oldest_event_at_us, 1200);
    EXPECT_EQ(ToCounts(sizes.runs), (Counts{0, 1, 0, 1, 0, 0}));
    EXPECT_GE(sizes.bytes, sizes.free_bytes);
}

// The revision is that of a walk through the feed.
TEST_P(StoreContract, InstantsAreFoundInTheFeed) {
    EXPECT_EQ(FindRevision(store_, INT64_MAX).revision, 0);
    std::mt19937 random(3);
    int64_t now_us = 1000;
    for (int i = 0; i < 400; i++) {
        now_us += static_cast<int64_t>(random() % 4); // several at one instant
        MustCreate({.organization = i % 3 == 0 ? "other" : "acme",
                    .id = std::to_string(i),
                    .started_at_us = now_us});
    }
    for (int64_t floor : {0, 3, 64, 130}) {
        int64_t ignored;
        ASSERT_EQ(TrimChanges(store_, floor, &ignored), STORE_OK);
        const std::vector<Change> feed = ReadFeed(store_, "acme", floor);
        for (int64_t at_us = 990; at_us <= now_us + 10; at_us += 1 + random() % 7) {
            int64_t expected = floor;
            for (const Change &c : feed) {
                expected = c.event.at_us < at_us ? c.event.revision : expected;
            }
            const FoundRevision found = FindRevision(store_, at_us);
            ASSERT_EQ(found.revision, expected) << at_us;
            ASSERT_EQ(found.floor, floor);
        }
        EXPECT_EQ(FindRevision(store_, INT64_MIN).revision, floor);
        EXPECT_EQ(FindRevision(store_, INT64_MAX).revision, GetOrganization(store_).revision);
    }
}

} // namespace
