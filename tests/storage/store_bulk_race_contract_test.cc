#include <atomic>
#include <set>

#include "tests/storage/bulk_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// Jobs that cancel many runs while others change the same runs.

namespace {

INSTANTIATE_STORE_CONTRACT();

// Each run gets one final status, by whoever came first, and the job says the truth about it.
TEST_P(StoreContract, JobAndSingleChangesHaveOneWinnerForEachRun) {
    const int kRuns = 600;
    Ids ids;
    for (int i = 0; i < kRuns; i++) {
        char id[64];
        snprintf(id, sizeof(id), "01937560-0000-7a01-8000-%012d", i);
        ids.push_back(i % 2 == 0 ? id : "r" + std::to_string(i));
        StoredRun run = {.id = ids.back()};
        if (i % 5 == 0) {
            run = LeasedRun(ids.back());
            run.holder = "h";
            run.lease_us = 1000;
        }
        MustCreate(run);
    }
    ASSERT_EQ(CreateBulk(store_, {}, ids).result, STORE_OK);
    std::vector<std::vector<Answer>> answers(4);
    std::vector<std::string> ended;
    RunTogether(5, [&](int n) {
        if (n == 4) {
            for (BulkAnswer a = RunBulk(store_, "job", 3);; a = RunBulk(store_, "job", 3)) {
                ended.insert(ended.end(), a.ended.begin(), a.ended.end());
                if (a.bulk.state != BULK_RUNNING) {
                    return;
                }
            }
        }
        for (int i = 0; i < kRuns; i++) {
            const enum run_status to[] = {RUN_CANCELLED, RUN_SUCCESS, RUN_FAILURE, RUN_WAITING};
            const int at = n % 2 == 0 ? i : kRuns - 1 - i;
            answers[n].push_back(
                Apply(store_, {.id = ids[at], .to = to[n], .at_us = 2000, .actor = "single"}));
        }
    });
    Bulk bulk = GetBulk(store_).bulk;
    EXPECT_EQ(bulk.state, BULK_DONE);
    EXPECT_EQ(bulk.cancelled + bulk.already_final, kRuns);
    EXPECT_EQ(bulk.cancelled, static_cast<int64_t>(ended.size()));
    std::map<std::string, int> items = ListBulkItems(store_);
    int by_job = 0;
    for (int i = 0; i < kRuns; i++) {
        SCOPED_TRACE(ids[i]);
        std::vector<WholeEvent> events = ListWholeEvents(store_, ids[i]);
        int finals = 0;
        for (const WholeEvent &e : events) {
            finals += RUN_STATUS_BIT(e.to) & RUN_STATUS_ACTIVE ? 0 : 1;
        }
        EXPECT_EQ(finals, 1);
        const bool is_by_job = events.back().cause.actor == "operator";
        by_job += is_by_job;
        EXPECT_EQ(items[ids[i]], is_by_job ? BULK_CANCELLED : BULK_ALREADY_FINAL);
        EXPECT_EQ(GetRun(store_, ids[i]).run.status, events.back().to);
        int winners = is_by_job;
        for (int n = 0; n < 3; n++) {
            winners += answers[n][n % 2 == 0 ? i : kRuns - 1 - i].result == STORE_OK;
        }
        EXPECT_EQ(winners, 1);
    }
    EXPECT_EQ(bulk.cancelled, by_job);
    RecordProperty("by_job", by_job);
}

// A family that grows while it is cancelled: in the end nothing runs in it.
TEST_P(StoreContract, NoChildEscapesACascadeBesideIt) {
    for (int round = 0; round < 10; round++) {
        SCOPED_TRACE(round);
        const std::string root = "root" + std::to_string(round);
        const std::string job = "job" + std::to_string(round);
        MustCreate({.id = root});
        std::atomic<int> created{0};
        std::atomic<bool> is_over{false};
        std::vector<Ids> made(3);
        RunTogether(4, [&](int n) {
            if (n == 3) {
                while (created < 5 + 10 * round) {
                    std::this_thread::yield();
                }
                ASSERT_EQ(CreateBulk(store_, {.id = job, .cascades = true}, {root}).result,
                          STORE_OK);
                EXPECT_EQ(FinishBulk(store_, job, 1 + 2 * round).bulk.state, BULK_DONE);
                is_over = true;
                return;
            }
            Ids parents = {root};
            for (int i = 0; !is_over; i++) {
                const std::string id = root + "-" + std::to_string(n) + "-" + std::to_string(i);
                const std::string parent = parents[static_cast<size_t>(i * 7) % parents.size()];
                ChildAnswer a = CreateChild(store_, {.id = id}, parent);
                if (a.result != STORE_OK) {
                    EXPECT_TRUE(a.parent == PARENT_CANCELLED || a.parent == PARENT_TOO_DEEP);
                    continue;
                }
                parents.push_back(id);
                made[n].push_back(id);
                created++;
            }
        });
        std::map<std::string, int> items = ListBulkItems(store_, job);
        EXPECT_EQ(items.size(), 1u + created);
        for (const Ids &ids : made) {
            for (const std::string &id : ids) {
                EXPECT_EQ(GetRun(store_, id).run.status, RUN_CANCELLED) << id;
                EXPECT_EQ(items.count(id), 1u) << id;
            }
        }
    }
}

// Whoever is first executes a plan, or ends it.
TEST_P(StoreContract, PlanIsExecutedByOneOfMany) {
    MustCreate({.id = "r"});
    for (int round = 0; round < 20; round++) {
        const std::string id = "plan" + std::to_string(round);
        ASSERT_EQ(CreateBulk(store_, {.id = id, .is_dry_run = true}, {"r"}, 100).result, STORE_OK);
        std::atomic<int> executed{0};
        std::atomic<int> aborted{0};
        RunTogether(6, [&](int n) {
            BulkAnswer a = ChangeBulk(store_, {.id = id,
                                               .from = BULK_STATE_BIT(BULK_PLANNED),
                                               .to = n % 2 == 0 ? BULK_RUNNING : BULK_ABORTED});
            if (a.result == STORE_OK) {
                (n % 2 == 0 ? executed : aborted)++;
            } else {
                EXPECT_EQ(a.result, STORE_CONFLICT);
            }
        });
        EXPECT_EQ(executed + aborted, 1);
        EXPECT_EQ(GetBulk(store_, id).bulk.state, executed ? BULK_RUNNING : BULK_ABORTED);
    }
}

// Two runners that take the same job on, as two servers would: nothing happens twice.
TEST_P(StoreContract, StepsFromManyThreadsDealWithEachItemOnce) {
    Ids ids;
    for (int i = 0; i < 500; i++) {
        ids.push_back("r" + std::to_string(i));
        MustCreate({.id = ids.back()});
    }
    ASSERT_EQ(CreateBulk(store_, {.has_filter = true}).result, STORE_OK);
    std::vector<std::multiset<std::string>> ended(4);
    RunTogether(4, [&](int n) {
        for (BulkAnswer a = GetBulk(store_); a.bulk.state != BULK_DONE;) {
            a = a.bulk.state == BULK_PLANNING ? CollectBulk(store_, "job", 7)
                                              : RunBulk(store_, "job", 5);
            ended[n].insert(a.ended.begin(), a.ended.end());
        }
    });
    std::multiset<std::string> all;
    for (const std::multiset<std::string> &some : ended) {
        all.insert(some.begin(), some.end());
    }
    EXPECT_EQ(all.size(), 500u);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 500u);
    EXPECT_EQ(GetBulk(store_).bulk.cancelled, 500);
    for (const std::string &id : ids) {
        EXPECT_EQ(ListEvents(store_, id).size(), 2u);
    }
}

} // namespace
