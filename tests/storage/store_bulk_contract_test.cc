#include "tests/storage/bulk_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// Jobs that cancel many runs.

namespace {

INSTANTIATE_STORE_CONTRACT();

using Items = std::map<std::string, int>;
using Names = std::vector<std::string>;

const char kUuid[] = "01937560-0000-7a01-8000-000000000001";

Ids Sorted(Ids ids) {
    std::sort(ids.begin(), ids.end());
    return ids;
}

// Two runs that are active, one that is final, and one that is not there.
class Four {
  public:
    explicit Four(struct run_store *store) {
        EXPECT_EQ(CreateRun(store, {.id = "a"}).result, STORE_OK);
        EXPECT_EQ(CreateRun(store, {.id = kUuid}).result, STORE_OK);
        EXPECT_EQ(CreateRun(store, {.id = "final"}).result, STORE_OK);
        EXPECT_EQ(Apply(store, {.id = "final", .to = RUN_SUCCESS}).result, STORE_OK);
        EXPECT_EQ(CreateRun(store, {.organization = "globex", .id = "foreign"}).result, STORE_OK);
    }
    const Ids ids = {kUuid, "a", "final", "foreign", "a", "final", kUuid, "absent"};
};

TEST_P(StoreContract, JobOfNamedRunsKnowsAtOnceWhatItIsAbout) {
    Four four(store_);
    Bulk in = {.cause = {"who", "why", "request", "1.2.3.4", "key"}};
    BulkAnswer a = CreateBulk(store_, in, four.ids);
    ASSERT_EQ(a.result, STORE_OK) << a.detail;
    Bulk expected = in;
    expected.state = BULK_RUNNING;
    expected.started_at_us = 5000;
    expected.total = 5;
    expected.already_final = 1;
    expected.not_found = 2;
    EXPECT_EQ(a.bulk, expected);
    BulkAnswer got = GetBulk(store_);
    EXPECT_EQ(got.bulk, expected);
    EXPECT_EQ(Sorted(got.sample), (Ids{kUuid, "a"}));
    EXPECT_EQ(ListBulkItems(store_), (Items{{"a", BULK_OPEN},
                                            {kUuid, BULK_OPEN},
                                            {"final", BULK_ALREADY_FINAL},
                                            {"foreign", BULK_NOT_FOUND},
                                            {"absent", BULK_NOT_FOUND}}));
    // Nothing is cancelled before its first step.
    EXPECT_EQ(GetRun(store_, "a").run.status, RUN_RUNNING);
    EXPECT_EQ(ListUnfinishedBulks(store_), (Names{"acme/job 3"}));
}

// Of many runs that are named the look-ups are those of the steps: no other change waits for all of
// them.
TEST_P(StoreContract, JobOfManyNamedRunsJudgesEachInItsTurn) {
    Four four(store_);
    Ids ids = four.ids;
    while (ids.size() <= STORE_MOST_JUDGED_IDS) {
        ids.push_back("none" + std::to_string(ids.size()));
    }
    const int64_t runs = std::set<std::string>(ids.begin(), ids.end()).size();
    BulkAnswer a = CreateBulk(store_, {}, ids);
    ASSERT_EQ(a.result, STORE_OK) << a.detail;
    EXPECT_EQ(a.bulk.state, BULK_RUNNING);
    EXPECT_EQ(a.bulk.total, runs);
    EXPECT_EQ(a.bulk.already_final + a.bulk.not_found, 0);
    EXPECT_EQ(ListBulkItems(store_)["final"], BULK_OPEN);
    // Not so a plan, which is to be shown.
    BulkAnswer plan = CreateBulk(store_, {.id = "plan", .is_dry_run = true}, ids);
    EXPECT_EQ(plan.bulk.not_found, runs - 3);
    EXPECT_EQ(plan.bulk.already_final, 1);
    a = FinishBulk(store_, "job", 100);
    EXPECT_EQ(a.bulk.state, BULK_DONE);
    EXPECT_EQ(a.bulk.cancelled, 2);
    EXPECT_EQ(a.bulk.already_final, 1);
    EXPECT_EQ(a.bulk.not_found, runs - 3);
    EXPECT_EQ(ListBulkItems(store_)["final"], BULK_ALREADY_FINAL);
    EXPECT_EQ(ListBulkItems(store_)["absent"], BULK_NOT_FOUND);
}

TEST_P(StoreContract, StepsCancelEachRunOnceAsOneCancelWould) {
    Four four(store_);
    const Cause cause = {"who", "why", "request", "1.2.3.4", "key"};
    ASSERT_EQ(CreateBulk(store_, {.cause = cause}, four.ids).result, STORE_OK);
    BulkAnswer a = RunBulk(store_, "job", 1, 7000);
    ASSERT_EQ(a.result, STORE_OK) << a.detail;
    EXPECT_EQ(a.bulk.state, BULK_RUNNING);
    EXPECT_EQ(a.bulk.cancelled, 1);
    EXPECT_EQ(a.bulk.finished_at_us, 0);
    EXPECT_EQ(a.ended.size(), 1u);
    a = RunBulk(store_, "job", 1, 7001);
    EXPECT_EQ(a.bulk.state, BULK_DONE);
    EXPECT_EQ(a.bulk.cancelled, 2);
    EXPECT_EQ(a.bulk.total, 5);
    EXPECT_EQ(a.bulk.finished_at_us, 7001);
    EXPECT_EQ(a.bulk, GetBulk(store_).bulk);
    EXPECT_EQ(GetBulk(store_).sample, (Ids{}));
    std::vector<int64_t> revisions; // four came before
    for (const char *id : {"a", kUuid}) {
        StoredRun run = GetRun(store_, id).run;
        EXPECT_EQ(run.status, RUN_CANCELLED);
        EXPECT_EQ(run.sequence, 2);
        std::vector<WholeEvent> events = ListWholeEvents(store_, id);
        ASSERT_EQ(events.size(), 2u);
        revisions.push_back(events[1].revision);
        EXPECT_EQ(events[1], (WholeEvent{revisions.back(), STORE_EVENT_TRANSITION, 2, RUN_RUNNING,
                                         RUN_CANCELLED, run.updated_at_us, 0, cause, ""}));
    }
    std::sort(revisions.begin(), revisions.end());
    EXPECT_EQ(revisions, (std::vector<int64_t>{5, 6}));
    EXPECT_EQ(ListBulkItems(store_, "job", BULK_OUTCOME_BIT(BULK_CANCELLED)),
              (Items{{"a", BULK_CANCELLED}, {kUuid, BULK_CANCELLED}}));
    // What is done stays done.
    a = RunBulk(store_, "job", 100, 9000);
    EXPECT_EQ(a.result, STORE_OK);
    EXPECT_EQ(a.bulk.finished_at_us, 7001);
    EXPECT_EQ(a.ended, (Names{}));
    EXPECT_EQ(ListUnfinishedBulks(store_), (Names{}));
}

TEST_P(StoreContract, JobWithoutAnythingToDoIsDoneAtOnce) {
    Four four(store_);
    BulkAnswer a = CreateBulk(store_, {}, {"final", "absent"});
    ASSERT_EQ(a.result, STORE_OK) << a.detail;
    EXPECT_EQ(a.bulk.state, BULK_DONE);
    EXPECT_EQ(a.bulk.started_at_us, 5000);
    EXPECT_EQ(a.bulk.finished_at_us, 5000);
    EXPECT_EQ(a.bulk.total, 2);
    EXPECT_EQ(ListUnfinishedBulks(store_), (Names{}));
    EXPECT_EQ(CreateBulk(store_, {.id = "plan", .is_dry_run = true}, {"absent"}).bulk.state,
              BULK_PLANNED);
}

TEST_P(StoreContract, TakenIdAndTooManyUnfinishedJobsAreRefused) {
    MustCreate({.id = "r"});
    ASSERT_EQ(CreateBulk(store_, {}, {"r"}).result, STORE_OK);
    EXPECT_EQ(CreateBulk(store_, {}, {"r"}).result, STORE_EXISTS);
    EXPECT_EQ(CreateBulk(store_, {.organization = "globex"}, {"r"}).result, STORE_OK);
    EXPECT_EQ(CreateBulk(store_, {.id = "plan", .is_dry_run = true}, {"r"}, 2).result, STORE_OK);
    EXPECT_EQ(CreateBulk(store_, {.id = "third"}, {"r"}, 2).result, STORE_CONFLICT);
    EXPECT_EQ(GetBulk(store_, "third").result, STORE_NOT_FOUND);
    EXPECT_EQ(CreateBulk(store_, {.id = "search", .has_filter = true}, {}, 3).result, STORE_OK);
    EXPECT_EQ(CreateBulk(store_, {.id = "third"}, {"r"}, 3).result, STORE_CONFLICT);
    // Each that ends makes room.
    ASSERT_EQ(ChangeBulk(store_, {.id = "plan"}).result, STORE_OK);
    EXPECT_EQ(CreateBulk(store_, {.id = "third"}, {"r"}, 3).result, STORE_OK);
    EXPECT_EQ(CreateBulk(store_, {.id = "fourth"}, {"r"}, 3).result, STORE_CONFLICT);
    ASSERT_EQ(FinishBulk(store_, "third").bulk.state, BULK_DONE);
    EXPECT_EQ(CreateBulk(store_, {.id = "fourth"}, {"r"}, 3).result, STORE_OK);
}

TEST_P(StoreContract, WhatIsNotThereIsNotFound) {
    Four four(store_);
    ASSERT_EQ(CreateBulk(store_, {.organization = "globex"}, {"foreign"}).result, STORE_OK);
    EXPECT_EQ(GetBulk(store_).result, STORE_NOT_FOUND);
    EXPECT_EQ(CollectBulk(store_).result, STORE_NOT_FOUND);
    EXPECT_EQ(RunBulk(store_).result, STORE_NOT_FOUND);
    EXPECT_EQ(ChangeBulk(store_, {}).result, STORE_NOT_FOUND);
    EXPECT_EQ(ListBulks(store_), (Ids{}));
    STORE_OP(op, list_bulk_items);
    op->organization = slice_of_cstr("acme");
    op->id = slice_of_cstr("job");
    op->outcomes = BULK_OUTCOME_ALL;
    op->limit = 1;
    EXPECT_EQ(op.RunOn(store_), STORE_NOT_FOUND);
}

TEST_P(StoreContract, PlanIsExecutedLessWhatHasEndedSince) {
    for (bool has_filter : {false, true}) {
        const std::string job = has_filter ? "search" : "named";
        const std::string organization = job;
        for (const char *id : {"a", "b", "c"}) {
            MustCreate({.organization = organization, .id = id});
        }
        Bulk in = {.organization = organization,
                   .id = job,
                   .is_dry_run = true,
                   .has_filter = has_filter,
                   .cause = {"planner", "of the plan", "first", "1.1.1.1"}};
        ASSERT_EQ(CreateBulk(store_, in, has_filter ? Ids{} : Ids{"a", "b", "c"}).result, STORE_OK);
        BulkAnswer a = CollectBulk(store_, job, 1000, 6000, organization);
        EXPECT_EQ(a.bulk.state, BULK_PLANNED);
        EXPECT_EQ(a.bulk.started_at_us, 0);
        EXPECT_EQ(a.bulk.total, 3);
        EXPECT_EQ(ListUnfinishedBulks(store_), (Names{}));
        // A plan takes no step.
        BulkAnswer step = RunBulk(store_, job, 10, 7000, organization);
        EXPECT_EQ(step.bulk, a.bulk);
        EXPECT_EQ(step.ended, (Names{}));
        EXPECT_EQ(GetBulk(store_, job, 2, organization).sample, (Ids{"a", "b"}));
        MustCreate({.organization = organization, .id = "later"});
        ASSERT_EQ(
            Apply(store_, {.organization = organization, .id = "a", .to = RUN_FAILURE}).result,
            STORE_OK);
        const Cause cause = {"executor", has_filter ? "of the execution" : "", "second", "2.2.2.2",
                             "key"};
        const BulkChange execution = {.organization = organization,
                                      .id = job,
                                      .from = BULK_STATE_BIT(BULK_PLANNED),
                                      .to = BULK_RUNNING,
                                      .cause = cause};
        a = ChangeBulk(store_, execution);
        ASSERT_EQ(a.result, STORE_OK) << a.detail;
        EXPECT_EQ(a.bulk.state, BULK_RUNNING);
        EXPECT_EQ(a.bulk.started_at_us, 8000);
        Cause expected = cause;
        expected.reason = has_filter ? "of the execution" : "of the plan";
        EXPECT_EQ(a.bulk.cause, expected);
        a = RunBulk(store_, job, 10, 7000, organization);
        EXPECT_EQ(a.bulk.state, BULK_DONE);
        EXPECT_EQ(a.bulk.finished_at_us, 8000); // no sooner than it was started
        EXPECT_EQ(ListBulkItems(store_, job, BULK_OUTCOME_ALL, 10, organization),
                  (Items{{"a", BULK_ALREADY_FINAL}, {"b", BULK_CANCELLED}, {"c", BULK_CANCELLED}}));
        EXPECT_EQ(GetRun(store_, "later", organization).run.status, RUN_RUNNING);
        EXPECT_EQ(GetRun(store_, "a", organization).run.status, RUN_FAILURE);
        EXPECT_EQ(ListWholeEvents(store_, "b", organization).back().cause, expected);
        // Only once.
        a = ChangeBulk(store_, execution);
        EXPECT_EQ(a.result, STORE_CONFLICT);
        EXPECT_EQ(a.bulk.state, BULK_DONE);
    }
}

TEST_P(StoreContract, AbortLeavesOpenWhatWasOpen) {
    Ids ids;
    for (int i = 10; i < 20; i++) {
        ids.push_back(std::to_string(i));
        MustCreate({.id = ids.back()});
    }
    ASSERT_EQ(CreateBulk(store_, {}, ids).result, STORE_OK);
    ASSERT_EQ(RunBulk(store_, "job", 3).bulk.cancelled, 3);
    BulkAnswer a = ChangeBulk(store_, {});
    ASSERT_EQ(a.result, STORE_OK) << a.detail;
    EXPECT_EQ(a.bulk.state, BULK_ABORTED);
    EXPECT_EQ(a.bulk.finished_at_us, 8000);
    EXPECT_EQ(a.bulk.cause, (Cause{"operator", "too many"})); // who started it
    EXPECT_EQ(RunBulk(store_).bulk, a.bulk);
    EXPECT_EQ(ListUnfinishedBulks(store_), (Names{}));
    EXPECT_EQ(ListBulkItems(store_, "job", BULK_OUTCOME_BIT(BULK_OPEN)).size(), 7u);
    EXPECT_EQ(GetBulk(store_).sample.size(), 7u);
    EXPECT_EQ(ListRuns(store_, {.status = kActive}).runs.size(), 7u);
    // What has ended does not end again, nor does it begin.
    for (enum bulk_state to : {BULK_ABORTED, BULK_RUNNING, BULK_DONE, BULK_PLANNED}) {
        a = ChangeBulk(store_, {.from = UINT32_MAX, .to = to});
        EXPECT_EQ(a.result, STORE_CONFLICT);
        EXPECT_EQ(a.bulk.state, BULK_ABORTED);
        EXPECT_EQ(a.bulk.finished_at_us, 8000);
    }
    // While it is planned, and before it is.
    ASSERT_EQ(CreateBulk(store_, {.id = "plan", .is_dry_run = true}, ids).result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "search", .has_filter = true}).result, STORE_OK);
    ASSERT_EQ(CollectBulk(store_, "search", 3).bulk.state, BULK_PLANNING);
    for (const char *id : {"plan", "search"}) {
        a = ChangeBulk(store_, {.id = id, .from = BULK_STATE_BIT(BULK_RUNNING)});
        EXPECT_EQ(a.result, STORE_CONFLICT);
        a = ChangeBulk(store_, {.id = id});
        EXPECT_EQ(a.bulk.state, BULK_ABORTED);
        EXPECT_EQ(a.bulk.started_at_us, 0);
        EXPECT_EQ(CollectBulk(store_, id).bulk, a.bulk);
    }
    EXPECT_EQ(ListRuns(store_, {.status = kActive}).runs.size(), 7u);
}

TEST_P(StoreContract, FilterFindsTheRunsThatAllOfItIsTrueOf) {
    const std::string sources[] = {"", "old", "older"};
    const std::string workflows[] = {"w1", "w2"};
    const std::string holders[] = {"", "h1", "h2"};
    struct Candidate {
        StoredRun run;
        enum run_status status;
        std::string source;
    };
    std::vector<Candidate> all;
    int n = 0;
    for (const std::string &source : sources) {
        for (const std::string &workflow : workflows) {
            for (const std::string &holder : holders) {
                for (enum run_status status : {RUN_RUNNING, RUN_WAITING, RUN_SUCCESS}) {
                    char uuid[64];
                    snprintf(uuid, sizeof(uuid), "01937560-0000-7a01-8000-%012d", n);
                    StoredRun run =
                        LeasedRun(n % 2 == 0 ? uuid : "r" + std::to_string(n), 1000 + n % 7 * 10);
                    run.workflow_id = workflow;
                    run.holder = holder;
                    run.lease_us = holder.empty() ? 0 : 1;
                    run.spec = source.empty() ? "" : SpecOfSource(source);
                    if (n % 3 == 0 && holder.empty()) {
                        run.terms = {};
                    }
                    MustCreate(run);
                    if (status != RUN_RUNNING) {
                        ASSERT_EQ(Apply(store_, {.id = run.id, .to = status}).result, STORE_OK);
                    }
                    all.push_back({run, status, source});
                    n++;
                }
            }
        }
    }
    StoredRun foreign = all[0].run;
    foreign.organization = "globex";
    MustCreate(foreign);
    MustCreate({.id = "after the job", .started_at_us = 5001, .workflow_id = "w1"});
    int jobs = 0;
    for (uint32_t statuses :
         {0u, RUN_STATUS_BIT(RUN_RUNNING), RUN_STATUS_BIT(RUN_WAITING), kActive}) {
        for (const std::string workflow : {"", "w1", "w2", "w3"}) {
            for (const std::string source : {"", "old", "older", "ol"}) {
                for (const std::string holder : {"", "h1", "h3"}) {
                    for (int bounds = 0; bounds < 4; bounds++) {
                        Filter f = {statuses,
                                    workflow,
                                    source,
                                    holder,
                                    bounds % 2 == 0 ? 0 : 1010,
                                    bounds / 2 == 0 ? 0 : 1050};
                        Items expected;
                        for (const Candidate &c : all) {
                            uint32_t wanted = statuses == 0 ? kActive : statuses;
                            if ((RUN_STATUS_BIT(c.status) & wanted) != 0 &&
                                (workflow.empty() || c.run.workflow_id == workflow) &&
                                (source.empty() || c.source == source) &&
                                (holder.empty() || c.run.holder == holder) &&
                                (f.started_after_us == 0 ||
                                 c.run.started_at_us > f.started_after_us) &&
                                (f.started_before_us == 0 ||
                                 c.run.started_at_us < f.started_before_us)) {
                                expected[c.run.id] = BULK_OPEN;
                            }
                        }
                        SCOPED_TRACE(testing::PrintToString(f));
                        const std::string job = "job" + std::to_string(jobs++);
                        ASSERT_EQ(
                            CreateBulk(
                                store_,
                                {.id = job, .is_dry_run = true, .has_filter = true, .filter = f})
                                .bulk.state,
                            BULK_PLANNING);
                        BulkAnswer a = FinishBulk(store_, job, jobs % 3 == 0 ? 7 : 1000);
                        ASSERT_EQ(a.bulk.state, BULK_PLANNED);
                        ASSERT_EQ(a.bulk.filter, f);
                        ASSERT_EQ(a.bulk.total, static_cast<int64_t>(expected.size()));
                        ASSERT_EQ(ListBulkItems(store_, job), expected);
                        ASSERT_EQ(ChangeBulk(store_, {.id = job}).result, STORE_OK);
                    }
                }
            }
        }
    }
}

TEST_P(StoreContract, CollectionGoesOnWhereItWasAndCountsNothingTwice) {
    for (int i = 0; i < 25; i++) {
        MustCreate({.id = "r" + std::to_string(i), .started_at_us = 1000 + i / 10});
    }
    ASSERT_EQ(CreateBulk(store_, {.has_filter = true}).result, STORE_OK);
    for (int step = 1; step <= 5; step++) {
        BulkAnswer a = CollectBulk(store_, "job", 5);
        EXPECT_EQ(a.bulk.total, 5 * step);
        if (GetParam().is_kept) {
            Reopen();
        }
        if (a.bulk.state != BULK_PLANNING) {
            EXPECT_EQ(step, 5);
        }
        EXPECT_EQ(ListRuns(store_, {.status = kActive}).runs.size(), 25u);
    }
    BulkAnswer a = CollectBulk(store_, "job", 5, 6500);
    EXPECT_EQ(a.bulk.state, BULK_RUNNING);
    EXPECT_EQ(a.bulk.total, 25);
    EXPECT_GE(a.bulk.started_at_us, 6000);
    // No run that was created since is among them.
    MustCreate({.id = "late", .started_at_us = 5001});
    MustCreate({.id = "early", .started_at_us = 1});
    EXPECT_EQ(CollectBulk(store_, "job", 5, 9999).bulk, a.bulk);
    EXPECT_EQ(FinishBulk(store_).bulk.cancelled, 25);
    EXPECT_EQ(GetRun(store_, "late").run.status, RUN_RUNNING);
    EXPECT_EQ(GetRun(store_, "early").run.status, RUN_RUNNING);
}

// The same request under the same key is answered as the first time, with the job as it is.
TEST_P(StoreContract, JobIsCreatedAndExecutedOnceUnderAKey) {
    MustCreate({.id = "r"});
    const Key key = {"key", "create", 1};
    ASSERT_EQ(CreateBulk(store_, {.id = "refused"}, {"r"}, 0, key).result, STORE_CONFLICT);
    BulkAnswer first = CreateBulk(store_, {.is_dry_run = true}, {"r"}, 16, key);
    ASSERT_EQ(first.result, STORE_OK) << first.detail;
    EXPECT_FALSE(first.is_replayed);
    const Key execution = {"another", "execute", 1};
    for (bool is_reopened : {false, true}) {
        BulkAnswer again = CreateBulk(store_, {.id = "other", .is_dry_run = true}, {"r"}, 0, key);
        EXPECT_EQ(again.result, STORE_OK) << again.detail;
        EXPECT_TRUE(again.is_replayed);
        EXPECT_EQ(again.bulk, GetBulk(store_).bulk);
        EXPECT_EQ(CreateBulk(store_, {.id = "other"}, {}, 16, {"key", "something else", 1}).result,
                  STORE_KEY_REUSED);
        BulkChange change = {.from = BULK_STATE_BIT(BULK_PLANNED), .to = BULK_RUNNING, .key = key};
        EXPECT_EQ(ChangeBulk(store_, {.id = "absent", .key = {"another", "execute", 1}}).result,
                  is_reopened ? STORE_OK : STORE_NOT_FOUND);
        change.key = {"key", "execute", 1};
        EXPECT_EQ(ChangeBulk(store_, change).result, STORE_KEY_REUSED);
        EXPECT_EQ(GetBulk(store_).bulk.state, is_reopened ? BULK_DONE : BULK_PLANNED);
        change.key = execution;
        for (int i = 0; i < 2; i++) {
            BulkAnswer a = ChangeBulk(store_, change);
            EXPECT_EQ(a.result, STORE_OK) << a.detail;
            EXPECT_EQ(a.is_replayed, is_reopened || i == 1);
            EXPECT_EQ(a.bulk.state, is_reopened || i == 1 ? BULK_DONE : BULK_RUNNING);
            ASSERT_EQ(RunBulk(store_).bulk.state, BULK_DONE);
        }
        change.key = {"third", "execute", 1};
        EXPECT_EQ(ChangeBulk(store_, change).result, STORE_CONFLICT);
        if (is_reopened || !GetParam().is_kept) {
            break;
        }
        Reopen();
    }
    EXPECT_EQ(GetBulk(store_, "other").result, STORE_NOT_FOUND);
    // A key does not outlive what it leads to, nor its time.
    EXPECT_FALSE(CreateBulk(store_, {.id = "new"}, {"r"}, 16, {"key", "create", 5001}).is_replayed);
    ASSERT_EQ(TrimBulks(store_, INT64_MAX), 4);
    EXPECT_EQ(CreateBulk(store_, {.id = "newer"}, {"r"}, 16, {"key", "other", 1}).result, STORE_OK);
}

// What a run became is what counts, and not what its row says so far.
TEST_P(StoreContract, RunsWhoseRowsAreBehindAreJudgedByTheirEvents) {
    for (const char *id : {"done", "waits", "runs", kUuid}) {
        MustCreate({.id = id});
    }
    ASSERT_EQ(Apply(store_, {.id = "done", .to = RUN_SUCCESS}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "waits", .to = RUN_WAITING}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = kUuid, .to = RUN_WAITING}).result, STORE_OK);
    const Filter waiting = {.statuses = RUN_STATUS_BIT(RUN_WAITING)};
    ASSERT_EQ(CreateBulk(store_, {.id = "all", .is_dry_run = true, .has_filter = true}).result,
              STORE_OK);
    ASSERT_EQ(FinishBulk(store_, "all").bulk.total, 3);
    ASSERT_EQ(CreateBulk(store_, {.has_filter = true, .filter = waiting}).result, STORE_OK);
    ASSERT_EQ(CreateBulk(store_, {.id = "named"}, {"done", "waits"}).bulk.already_final, 1);
    ASSERT_EQ(FinishBulk(store_).bulk.state, BULK_DONE);
    EXPECT_EQ(ListBulkItems(store_), (Items{{"waits", BULK_CANCELLED}, {kUuid, BULK_CANCELLED}}));
    BulkAnswer a = FinishBulk(store_, "named");
    EXPECT_EQ(a.bulk.already_final, 2);
    EXPECT_EQ(a.bulk.cancelled, 0);
    for (const char *id : {"done", "waits", kUuid}) {
        EXPECT_EQ(ListEvents(store_, id).size(), id == std::string("done") ? 2u : 3u);
    }
    EXPECT_EQ(GetRun(store_, "runs").run.status, RUN_RUNNING);
}

TEST_P(StoreContract, RunsWithTermsLoseTheirHolderAndTheirDeadlines) {
    StoredRun run = LeasedRun("held");
    run.terms.on_timeout = RUN_FAILURE;
    run.terms.timeout_at_us = 9000;
    MustCreate(run);
    ASSERT_EQ(Acquire(store_, {.holder = "h"}).ids(), (Ids{"held"}));
    MustCreate(LeasedRun("open"));
    MustCreate({.id = "plain", .started_at_us = 2000});
    ASSERT_EQ(CreateBulk(store_, {}, {"held", "open", "plain"}).result, STORE_OK);
    BulkAnswer a = RunBulk(store_);
    EXPECT_EQ(a.bulk.cancelled, 3);
    EXPECT_EQ(a.ended, (Names{"held 1 h", "open 0 ", "plain 0 "}));
    EXPECT_EQ(ListLeases(store_), (std::vector<Lease>{}));
    EXPECT_EQ(ListDue(store_, INT64_MAX).due, (std::vector<Due>{}));
    EXPECT_EQ(Acquire(store_, {}).ids(), (Ids{}));
    StoredRun held = GetRun(store_, "held").run;
    EXPECT_EQ(held.holder, "");
    EXPECT_EQ(held.attempt, 1);
    EXPECT_EQ(held.finished_at_us, 7000);
    EXPECT_EQ(ListWholeEvents(store_, "held").back().holder, "h");
    EXPECT_EQ(StopRun(store_, {.id = "held", .attempt = 1}).result, STORE_OK);
}

// Time never runs backwards within a run, nor within a job.
TEST_P(StoreContract, StepsAreNoSoonerThanWhatWasBefore) {
    MustCreate({.id = "r", .started_at_us = 4000});
    ASSERT_EQ(CreateBulk(store_, {}, {"r"}).result, STORE_OK);
    BulkAnswer a = RunBulk(store_, "job", 10, 1);
    EXPECT_EQ(a.bulk.finished_at_us, 5000);
    EXPECT_EQ(GetRun(store_, "r").run.finished_at_us, 4000);
}

TEST_P(StoreContract, JobsAreListedTheNewestFirst) {
    Ids expected;
    MustCreate({.id = "r"});
    for (int i = 0; i < 20; i++) {
        const std::string id = "j" + std::to_string(10 + i);
        ASSERT_EQ(CreateBulk(store_, {.id = id, .created_at_us = 5000 + i / 3}, {"r"}, 100).result,
                  STORE_OK);
        expected.insert(expected.begin(), id);
    }
    ASSERT_EQ(CreateBulk(store_, {.organization = "globex"}, {"r"}).result, STORE_OK);
    for (int limit : {1, 2, 7, 100}) {
        EXPECT_EQ(ListBulks(store_, limit), expected) << limit;
    }
    EXPECT_EQ(ListBulks(store_, 5, "globex"), (Ids{"job"}));
}

TEST_P(StoreContract, ItemsAreListedByPageAndOutcome) {
    Ids ids;
    Items expected;
    for (int i = 0; i < 30; i++) {
        char uuid[64];
        snprintf(uuid, sizeof(uuid), "01937560-0000-7a01-8000-%012d", i);
        ids.push_back(i % 2 == 0 ? uuid : "r" + std::to_string(i));
        if (i % 3 != 0) {
            MustCreate({.id = ids.back()});
        }
        if (i % 3 == 1) {
            ASSERT_EQ(Apply(store_, {.id = ids.back(), .to = RUN_FAILURE}).result, STORE_OK);
        }
        expected[ids.back()] = i % 3 == 0   ? BULK_NOT_FOUND
                               : i % 3 == 1 ? BULK_ALREADY_FINAL
                                            : BULK_OPEN;
    }
    ASSERT_EQ(CreateBulk(store_, {}, ids).result, STORE_OK);
    for (int round = 0; round < 2; round++) {
        for (uint32_t outcomes = 0; outcomes <= BULK_OUTCOME_ALL; outcomes++) {
            Items wanted;
            for (const auto &[id, outcome] : expected) {
                if ((BULK_OUTCOME_BIT(outcome) & outcomes) != 0) {
                    wanted[id] = outcome;
                }
            }
            for (int limit : {1, 4, 1000}) {
                EXPECT_EQ(ListBulkItems(store_, "job", outcomes, limit), wanted) << outcomes;
            }
        }
        ASSERT_EQ(FinishBulk(store_, "job", 3).bulk.state, BULK_DONE);
        for (auto &[id, outcome] : expected) {
            outcome = outcome == BULK_OPEN ? BULK_CANCELLED : outcome;
        }
    }
}

TEST_P(StoreContract, UnfinishedJobsOfAllOrganizationsAreListed) {
    MustCreate({.id = "r"});
    MustCreate({.organization = "globex", .id = "r"});
    Names expected;
    for (int i = 0; i < 10; i++) {
        const std::string organization = i % 2 == 0 ? "acme" : "globex";
        const std::string id = "j" + std::to_string(9 - i);
        ASSERT_EQ(CreateBulk(store_,
                             {.organization = organization,
                              .id = id,
                              .is_dry_run = i == 3,
                              .has_filter = i % 3 == 1},
                             i % 3 == 1 ? Ids{} : Ids{"r"}, 100)
                      .result,
                  STORE_OK);
        if (i != 3) {
            expected.push_back(organization + "/" + id + (i % 3 == 1 ? " 1" : " 3"));
        }
    }
    for (int limit : {1, 3, 100}) {
        EXPECT_EQ(ListUnfinishedBulks(store_, limit), expected) << limit;
    }
}

TEST_P(StoreContract, JobOutlivesTheStore) {
    if (!GetParam().is_kept) {
        GTEST_SKIP() << "the back-end keeps no stores";
    }
    Ids ids;
    for (int i = 0; i < 100; i++) {
        ids.push_back("r" + std::to_string(i));
        MustCreate({.id = ids.back()});
    }
    ASSERT_EQ(CreateBulk(store_, {}, ids).result, STORE_OK);
    Bulk before;
    for (int done = 0; done < 100; done += 10) {
        before = RunBulk(store_, "job", 10, 7000 + done).bulk;
        Items items = ListBulkItems(store_);
        Reopen();
        ASSERT_EQ(GetBulk(store_).bulk, before);
        ASSERT_EQ(ListBulkItems(store_), items);
        ASSERT_EQ(before.cancelled, done + 10);
        ASSERT_EQ(ListRuns(store_, {.status = kActive}).runs.size(), 90u - done);
    }
    EXPECT_EQ(before.state, BULK_DONE);
}

TEST_P(StoreContract, LargestJobByNamesHoldsAllOfThem) {
    Ids ids;
    for (int i = 0; i < STORE_MOST_BULK_IDS; i++) {
        ids.push_back("absent-" + std::to_string(i));
    }
    for (int i = 0; i < 50; i++) {
        ids[i * 97] = "r" + std::to_string(i);
        MustCreate({.id = ids[i * 97]});
    }
    BulkAnswer a = CreateBulk(store_, {}, ids);
    ASSERT_EQ(a.result, STORE_OK) << a.detail;
    EXPECT_EQ(a.bulk.total, STORE_MOST_BULK_IDS);
    a = FinishBulk(store_, "job", 7);
    EXPECT_EQ(a.bulk.cancelled, 50);
    EXPECT_EQ(a.bulk.not_found, STORE_MOST_BULK_IDS - 50);
}

} // namespace
