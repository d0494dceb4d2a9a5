#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "tests/storage/bulk_testing.h"
#include "tests/storage/count_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// How many runs of each status there are, told without looking at them.

namespace {

INSTANTIATE_STORE_CONTRACT();

Counts Of(std::map<int, int64_t> counts) {
    Counts c = {};
    for (const auto &count : counts) {
        c[static_cast<size_t>(count.first)] = count.second;
    }
    return c;
}

TEST_P(StoreContract, CountsTellEachStatusOfEachWorkflow) {
    EXPECT_EQ(CountRuns(store_), Counts{});
    EXPECT_TRUE(CountByWorkflow(store_).empty());
    EXPECT_EQ(CountRuns(store_, "absent"), Counts{});
    const enum run_status all[] = {RUN_RUNNING, RUN_WAITING, RUN_SUCCESS, RUN_FAILURE,
                                   RUN_CANCELLED};
    int made = 0;
    for (enum run_status status : all) {
        for (int i = 0; i < static_cast<int>(status); i++) {
            MustCreate({.id = "r" + std::to_string(made++),
                        .status = status,
                        .workflow_id = i == 0 ? "first" : "second"});
        }
    }
    MustCreate({.organization = "other", .id = "r0", .workflow_id = "first"});
    const Counts first = Of({{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}});
    const Counts second = Of({{2, 1}, {3, 2}, {4, 3}, {5, 4}});
    EXPECT_EQ(CountRuns(store_, "first"), first);
    EXPECT_EQ(CountRuns(store_, "second"), second);
    EXPECT_EQ(CountRuns(store_), Of({{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}));
    EXPECT_EQ(CountByWorkflow(store_), (CountsByWorkflow{{"first", first}, {"second", second}}));
    EXPECT_EQ(CountByWorkflow(store_, "acme", 1, "second"), (CountsByWorkflow{{"second", second}}));
    EXPECT_EQ(CountRuns(store_, "", "other"), Of({{1, 1}}));
    EXPECT_EQ(CountRuns(store_, "", "nobody"), Counts{});
}

TEST_P(StoreContract, WhatIsRefusedCountsForNothing) {
    MustCreate({.id = "r", .workflow_id = "w"});
    EXPECT_EQ(CreateRun(store_, {.id = "r", .workflow_id = "w"}).result, STORE_EXISTS);
    EXPECT_EQ(CreateRun(store_, {.id = "r", .workflow_id = "new"}).result, STORE_EXISTS);
    EXPECT_EQ(Apply(store_, {.id = "absent"}).result, STORE_NOT_FOUND);
    ASSERT_EQ(Apply(store_, {.id = "r"}).result, STORE_OK);
    EXPECT_EQ(Apply(store_, {.id = "r", .to = RUN_SUCCESS}).result, STORE_CONFLICT);
    EXPECT_EQ(CountByWorkflow(store_), (CountsByWorkflow{{"w", Of({{RUN_CANCELLED, 1}})}}));
}

TEST_P(StoreContract, WorkflowsAreCountedPageByPage) {
    CountsByWorkflow expected;
    for (int i = 0; i < 25; i++) {
        // Also one without a name.
        std::string workflow = i == 0 ? "" : "w" + std::to_string(i);
        MustCreate({.id = "r" + std::to_string(i), .workflow_id = workflow});
        expected[workflow] = Of({{RUN_RUNNING, 1}});
    }
    for (int limit : {1, 2, 7, 24, 25, 26}) {
        SCOPED_TRACE(limit);
        int pages = 0;
        EXPECT_EQ(CountByWorkflow(store_, "acme", limit, "", &pages), expected);
        EXPECT_EQ(pages, (25 + limit - 1) / limit);
    }
}

TEST_P(StoreContract, WorkflowsWithoutRunsAreLeftOut) {
    for (int i = 0; i < 6; i++) {
        std::string n = std::to_string(i);
        MustCreate({.id = "r" + n, .status = RUN_SUCCESS, .workflow_id = "w" + n});
    }
    Settle(store_);
    ASSERT_EQ(DeleteRuns(store_, {"r0", "r2", "r3"}), 3);
    ASSERT_EQ(DeleteRun(store_, {.id = "r5"}).result, STORE_OK);
    const Counts one = Of({{RUN_SUCCESS, 1}});
    for (int limit : {1, 2, 100}) {
        EXPECT_EQ(CountByWorkflow(store_, "acme", limit),
                  (CountsByWorkflow{{"w1", one}, {"w4", one}}));
    }
    EXPECT_EQ(CountRuns(store_), Of({{RUN_SUCCESS, 2}}));
    EXPECT_EQ(CountRuns(store_, "w5"), Counts{});
    ExpectCounted(store_);
}

// A mix of all that changes a run's status, or makes or deletes runs.
class Mix {
  public:
    explicit Mix(struct run_store *store) : store_(store) {}

    void ChangeSomething() {
        std::string id = "r" + std::to_string(random_() % static_cast<unsigned>(made_ + 1));
        std::string organization = random_() % 4 == 0 ? "other" : "acme";
        now_us_++;
        switch (random_() % 12) {
        case 0:
        case 1:
        case 2:
            Create();
            break;
        case 3:
            Acquire(store_, {.organization = organization, .ids = {id}});
            break;
        case 4:
            EndLease(store_,
                     {.organization = organization,
                      .id = id,
                      .attempt = static_cast<int64_t>(random_() % 3),
                      .kind = random_() % 2 == 0 ? STORE_EVENT_RELEASE : STORE_EVENT_LEASE_LOSS});
            break;
        case 5:
            StopRun(store_, {.organization = organization, .id = id, .at_us = now_us_});
            break;
        case 6:
            DeleteRuns(store_, {id, "r1", id}, INT64_MAX, organization);
            break;
        case 7:
            DeleteRunOnce(store_, {.organization = organization, .id = id, .at_us = now_us_});
            break;
        case 8:
            CancelMany();
            break;
        default:
            Apply(store_, {.organization = organization,
                           .id = id,
                           .to = static_cast<enum run_status>(1 + random_() % 5),
                           .at_us = now_us_});
        }
    }

  private:
    void Create() {
        int n = made_++;
        StoredRun run = {
            .organization = n % 5 == 4 ? "other" : "acme",
            .id = "r" + std::to_string(n),
            .status = static_cast<enum run_status>(random_() % 3 == 0 ? 1 + random_() % 5 : 1u),
            .workflow_id = "w" + std::to_string(random_() % 4)};
        if (n % 3 == 0) {
            run.terms = {RUN_DISPATCH_LEASE, n % 2 == 0, RUN_FAILURE, 1000000000, 0};
        }
        CreateRun(store_, run);
    }
    void CancelMany() {
        const std::string job = "job" + std::to_string(now_us_);
        Ids ids;
        for (int i = 0; i < 5; i++) {
            ids.push_back("r" + std::to_string(random_() % static_cast<unsigned>(made_ + 1)));
        }
        CreateBulk(store_, {.id = job, .created_at_us = now_us_}, ids);
        RunBulk(store_, job, 3);
        RunBulk(store_, job, 3);
    }

    struct run_store *store_;
    std::mt19937 random_{7};
    int made_ = 0;
    int64_t now_us_ = 100000;
};

TEST_P(StoreContract, CountsAreThoseOfTheRunsAfterAnyMixOfOperations) {
    Mix mix(store_);
    for (int i = 0; i < 1500 && !HasFailure(); i++) {
        SCOPED_TRACE(i);
        mix.ChangeSomething();
        if (i % 50 == 49) {
            ExpectCounted(store_);
            ExpectCounted(store_, "other");
        }
    }
    const struct store_sizes sizes = StoreStats(store_);
    const Counts acme = CountRuns(store_);
    const Counts other = CountRuns(store_, "", "other");
    for (size_t i = 1; i < acme.size(); i++) {
        EXPECT_EQ(sizes.runs[i], acme[i] + other[i]) << i;
        EXPECT_GT(sizes.runs[i], 0) << "the mix leaves a status out";
    }
}

// Whoever counts while others change runs sees each workflow at one moment: a run is counted once,
// from when its creation was answered.
TEST_P(StoreContract, RacingChangesAreCountedOnce) {
    const int kThreads = 6;
    const int kRuns = 120;
    std::atomic<int> created[2] = {};
    std::atomic<bool> is_over{false};
    std::thread counter([&] {
        while (!is_over) {
            for (int w = 0; w < 2; w++) {
                const std::string workflow = "w" + std::to_string(w);
                const int before = created[w];
                const Counts counts = CountRuns(store_, workflow);
                int64_t sum = 0;
                for (int64_t count : counts) {
                    ASSERT_GE(count, 0);
                    sum += count;
                }
                ASSERT_GE(sum, before);
                ASSERT_LE(sum, kThreads * kRuns);
            }
        }
    });
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            const std::string id = std::to_string(n) + "-" + std::to_string(i);
            const std::string other = std::to_string((n + 1) % kThreads) + "-" + std::to_string(i);
            ASSERT_EQ(
                CreateRun(store_, {.id = id, .workflow_id = "w" + std::to_string(i % 2)}).result,
                STORE_OK);
            created[i % 2]++;
            // Two threads want each run.
            Apply(store_, {.id = id, .to = RUN_SUCCESS});
            Apply(store_, {.id = other, .to = RUN_CANCELLED});
        }
    });
    is_over = true;
    counter.join();
    EXPECT_EQ(Sum(CountByWorkflow(store_))[RUN_RUNNING], 0);
    ExpectCounted(store_);
}

// Where counts are read while workflows leave the memory of what is counted, as rows are brought
// up to date.
TEST_P(StoreContract, ManyWorkflowsAreCounted) {
    const int kWorkflows = 300;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < kWorkflows; i++) {
            MustCreate({.id = std::to_string(round) + "-" + std::to_string(i),
                        .status = round == 1 ? RUN_FAILURE : RUN_RUNNING,
                        .workflow_id = "w" + std::to_string(i)});
        }
    }
    for (const auto &workflow : CountByWorkflow(store_, "acme", 50)) {
        ASSERT_EQ(workflow.second, Of({{RUN_RUNNING, 2}, {RUN_FAILURE, 1}})) << workflow.first;
    }
    if (std::string(GetParam().backend->scheme) == "sqlite") {
        Reopen();
        ExpectCounted(store_);
    }
}

} // namespace
