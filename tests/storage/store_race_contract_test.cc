#include <atomic>
#include <thread>

#include "tests/storage/store_contract.h"

using namespace store_testing;

namespace {

INSTANTIATE_STORE_CONTRACT();

// The first promise: half the threads cancel, half report success, all on the
// same runs in the same order. Each run has one winner, and all see it.
TEST_P(StoreContract, RacingCancelAndSuccessHaveOneWinner) {
    const int kThreads = 64;
    const int kRuns = 200;
    for (int i = 0; i < kRuns; i++) {
        MustCreate({.id = std::to_string(i), .spec = "s"});
    }
    std::vector<std::vector<Answer>> answers(kThreads);
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            answers[n].push_back(Apply(store_, {.id = std::to_string(i),
                                                .to = n % 2 == 0 ? RUN_CANCELLED : RUN_SUCCESS,
                                                .at_us = 2000 + n,
                                                .actor = std::to_string(n)}));
        }
    });
    int cancelled = 0;
    for (int i = 0; i < kRuns; i++) {
        SCOPED_TRACE(i);
        int winner = -1;
        for (int n = 0; n < kThreads; n++) {
            if (answers[n][i].result == STORE_OK) {
                EXPECT_EQ(winner, -1);
                winner = n;
            } else {
                EXPECT_EQ(answers[n][i].result, STORE_CONFLICT);
            }
        }
        ASSERT_NE(winner, -1);
        StoredRun final = GetRun(store_, std::to_string(i)).run;
        EXPECT_EQ(final.status, winner % 2 == 0 ? RUN_CANCELLED : RUN_SUCCESS);
        EXPECT_EQ(final.finished_at_us, 2000 + winner);
        cancelled += final.status == RUN_CANCELLED;
        for (int n = 0; n < kThreads; n++) {
            ExpectSame(answers[n][i].run, final);
        }
        std::vector<Event> events = ListEvents(store_, std::to_string(i));
        ASSERT_EQ(events.size(), 2u);
        EXPECT_EQ(events[1], (Event{2, RUN_RUNNING, static_cast<int>(final.status), 2000 + winner,
                                    std::to_string(winner), ""}));
    }
    RecordProperty("cancelled", cancelled);
}

TEST_P(StoreContract, RacingCreatesOfOneIdHaveOneWinner) {
    const int kThreads = 16;
    const int kRuns = 50;
    std::atomic<int> created{0};
    std::vector<std::thread> threads;
    for (int n = 0; n < kThreads; n++) {
        threads.emplace_back([&, n] {
            for (int i = 0; i < kRuns; i++) {
                Answer a = CreateRun(store_, {.id = std::to_string(i), .spec = std::to_string(n)});
                created += a.result == STORE_OK;
                EXPECT_TRUE(a.result == STORE_OK || a.result == STORE_EXISTS);
            }
        });
    }
    for (std::thread &t : threads) {
        t.join();
    }
    EXPECT_EQ(created, kRuns);
    EXPECT_EQ(ListRuns(store_, {}).runs.size(), static_cast<size_t>(kRuns));
}

TEST_P(StoreContract, ReadSeesEveryWriteThatWasAnswered) {
    std::vector<std::thread> threads;
    for (int n = 0; n < 8; n++) {
        threads.emplace_back([&, n] {
            for (int i = 0; i < 100; i++) {
                std::string id = std::to_string(n) + "-" + std::to_string(i);
                ASSERT_EQ(CreateRun(store_, {.id = id}).result, STORE_OK);
                ASSERT_EQ(GetRun(store_, id).run.status, RUN_RUNNING);
                ASSERT_EQ(Apply(store_, {.id = id}).result, STORE_OK);
                ASSERT_EQ(GetRun(store_, id).run.status, RUN_CANCELLED);
                ASSERT_EQ(ListEvents(store_, id).size(), 2u);
            }
        });
    }
    for (std::thread &t : threads) {
        t.join();
    }
}

} // namespace
