#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// Deadlines: when a run is to be ended by its terms.

namespace {

INSTANTIATE_STORE_CONTRACT();

using Dues = std::vector<Due>;

StoredRun Timed(const std::string &id, int64_t timeout_at_us, int64_t waiting_timeout_us = 0) {
    StoredRun run;
    run.id = id;
    run.terms.on_timeout = RUN_FAILURE;
    run.terms.timeout_at_us = timeout_at_us;
    run.terms.waiting_timeout_us = waiting_timeout_us;
    return run;
}

TEST_P(StoreContract, DueRunsAreListedSoonestFirst) {
    MustCreate(Timed("c", 3000));
    MustCreate(Timed("a", 1500));
    MustCreate({.id = "none"});
    StoredRun b = Timed("b", 2000);
    b.organization = "globex";
    b.terms.on_timeout = RUN_CANCELLED;
    MustCreate(b);
    const Due first = {"a", 1500, RUN_FAILURE};
    const Due second = {"b", 2000, RUN_CANCELLED, "globex"};
    const Due third = {"c", 3000, RUN_FAILURE};
    const struct {
        int64_t until_us;
        int limit;
        Dues due;
        int64_t next_us;
    } rows[] = {
        {0, 9, {}, 1500},
        {1499, 9, {}, 1500},
        {1500, 9, {first}, 2000},
        {2999, 9, {first, second}, 3000},
        {3000, 9, {first, second, third}, 0},
        {INT64_MAX, 3, {first, second, third}, 0},
        {INT64_MAX, 2, {first, second}, 3000},
        {INT64_MAX, 1, {first}, 2000},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(testing::Message() << row.until_us << " " << row.limit);
        DueRuns d = ListDue(store_, row.until_us, row.limit);
        EXPECT_EQ(d.result, STORE_OK);
        EXPECT_EQ(d.due, row.due);
        EXPECT_EQ(d.next_due_us, row.next_us);
    }
    if (GetParam().is_kept) {
        Reopen();
        EXPECT_EQ(ListDue(store_, 3000).due, (Dues{first, second, third}));
    }
    ASSERT_EQ(Apply(store_, {.id = "a"}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.organization = "globex", .id = "b", .to = RUN_SUCCESS}).result,
              STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "c", .to = RUN_FAILURE}).result, STORE_OK);
    EXPECT_EQ(ListDue(store_, INT64_MAX).due, (Dues{}));
    EXPECT_EQ(ListDue(store_, INT64_MAX).next_due_us, 0);
    EXPECT_EQ(GetRun(store_, "a").run.terms.timeout_at_us, 1500); // what was asked for stays
}

TEST_P(StoreContract, WaitingHasADeadlineEachTime) {
    MustCreate(Timed("r", 10000, 500));
    EXPECT_EQ(GetRun(store_, "r").run.waiting_until_us, 0);
    auto due = [&] {
        Dues due = ListDue(store_, INT64_MAX).due;
        return due.size() == 1 ? due[0].due_us : -1;
    };
    EXPECT_EQ(due(), 10000);
    Answer a = Apply(store_, {.id = "r", .to = RUN_WAITING, .at_us = 2000});
    EXPECT_EQ(a.run.waiting_until_us, 2500);
    EXPECT_EQ(due(), 2500);
    // Progress of a run that waits is no new wait.
    a = Apply(store_, {.id = "r",
                       .to = RUN_WAITING,
                       .at_us = 2400,
                       .set_execution_state = true,
                       .execution_state = "e"});
    EXPECT_EQ(a.run.waiting_until_us, 2500);
    EXPECT_EQ(GetRun(store_, "r").run.waiting_until_us, 2500);
    a = Apply(store_, {.id = "r", .to = RUN_RUNNING, .at_us = 2450});
    EXPECT_EQ(a.run.waiting_until_us, 0);
    EXPECT_EQ(due(), 10000);
    a = Apply(store_, {.id = "r", .to = RUN_WAITING, .at_us = 9800});
    EXPECT_EQ(a.run.waiting_until_us, 10300);
    EXPECT_EQ(due(), 10000); // the sooner one
    a = Apply(store_, {.id = "r", .to = RUN_CANCELLED, .at_us = 9900});
    EXPECT_EQ(a.run.waiting_until_us, 0);
    EXPECT_EQ(due(), -1);
}

// A clock that went back makes no wait shorter; one that is far ahead makes none endless.
TEST_P(StoreContract, WaitingCountsFromTheEvent) {
    StoredRun run = Timed("r", 0, 500);
    run.started_at_us = 5000;
    MustCreate(run);
    EXPECT_EQ(ListDue(store_, INT64_MAX).due, (Dues{}));
    EXPECT_EQ(Apply(store_, {.id = "r", .to = RUN_WAITING, .at_us = 10}).run.waiting_until_us,
              5500);
    run = Timed("created waiting", 0, 500);
    run.status = RUN_WAITING;
    EXPECT_EQ(CreateRun(store_, run).run.waiting_until_us, 1500);
    MustCreate(Timed("long", 0, INT64_MAX));
    EXPECT_EQ(Apply(store_, {.id = "long", .to = RUN_WAITING}).run.waiting_until_us, INT64_MAX);
    EXPECT_EQ(ListDue(store_, INT64_MAX).due, (Dues{{"created waiting", 1500, RUN_FAILURE},
                                                    {"r", 5500, RUN_FAILURE},
                                                    {"long", INT64_MAX, RUN_FAILURE}}));
}

// Neither an attempt nor its end restarts a deadline.
TEST_P(StoreContract, LeasesLeaveDeadlines) {
    StoredRun run = Timed("r", 9000, 500);
    run.terms.dispatch = RUN_DISPATCH_LEASE;
    MustCreate(run);
    ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_WAITING, .at_us = 1200}).result, STORE_OK);
    const Dues due = {{"r", 1700, RUN_FAILURE}};
    for (int64_t attempt = 1; attempt <= 3; attempt++) {
        Acquired a = Acquire(store_, {.at_us = 1300 + attempt});
        ASSERT_EQ(a.runs.size(), 1u);
        EXPECT_EQ(a.runs[0].waiting_until_us, 1700);
        EXPECT_EQ(ListDue(store_, INT64_MAX).due, due);
        EXPECT_EQ(EndLease(store_, {.id = "r",
                                    .attempt = attempt,
                                    .kind = STORE_EVENT_LEASE_LOSS,
                                    .at_us = 1400 + attempt})
                      .run.waiting_until_us,
                  1700);
        EXPECT_EQ(ListDue(store_, INT64_MAX).due, due);
    }
    EXPECT_EQ(GetRun(store_, "r").run.terms.timeout_at_us, 9000);
}

TEST_P(StoreContract, OnlyARunThatIsDueIsEnded) {
    auto end = [&](const std::string &id, int64_t due_us) {
        return Apply(store_, {.id = id,
                              .to = RUN_FAILURE,
                              .at_us = 5000,
                              .actor = "runsd",
                              .reason = "TIMEOUT",
                              .due_us = due_us});
    };
    MustCreate({.id = "none"});
    EXPECT_EQ(end("none", INT64_MAX).result, STORE_CONFLICT);
    MustCreate(Timed("waiting only", 0, 500));
    EXPECT_EQ(end("waiting only", INT64_MAX).result, STORE_CONFLICT);
    MustCreate(Timed("r", 4000, 500));
    EXPECT_EQ(end("r", 3999).result, STORE_CONFLICT);
    // It went on in time: what was listed is no longer so.
    ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_WAITING, .at_us = 2000}).result, STORE_OK);
    ASSERT_EQ(ListDue(store_, 2500).due.size(), 1u);
    ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_RUNNING, .at_us = 2400}).result, STORE_OK);
    Answer a = end("r", 2500);
    EXPECT_EQ(a.result, STORE_CONFLICT);
    EXPECT_EQ(a.revision, 0);
    EXPECT_FALSE(a.is_stale);
    EXPECT_EQ(a.run.status, RUN_RUNNING);
    a = end("r", 4000);
    EXPECT_EQ(a.result, STORE_OK);
    EXPECT_EQ(a.run.status, RUN_FAILURE);
    EXPECT_EQ(FindRuns(store_, {"r"}),
              (std::vector<Found>{{true, RUN_FAILURE, 0, "", 5000, 0, "runsd", "TIMEOUT"}}));
    // Never twice, and never over a cancel.
    EXPECT_EQ(end("r", INT64_MAX).result, STORE_CONFLICT);
    MustCreate(Timed("cancelled", 4000));
    ASSERT_EQ(Apply(store_, {.id = "cancelled"}).result, STORE_OK);
    EXPECT_EQ(end("cancelled", INT64_MAX).result, STORE_CONFLICT);
    EXPECT_EQ(GetRun(store_, "cancelled").run.status, RUN_CANCELLED);
}

// However many sweep, a deadline ends a run once.
TEST_P(StoreContract, DeadlinesAndCancelsRaceForOneEnd) {
    const int kRuns = 60;
    for (int i = 0; i < kRuns; i++) {
        MustCreate(Timed(std::to_string(i), 1000 + i));
    }
    std::atomic<int> ended{0};
    RunTogether(6, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            Transition t = {.id = std::to_string(i)};
            if (n % 2 == 0) {
                t.to = RUN_FAILURE;
                t.due_us = 5000;
            }
            ended += Apply(store_, t).result == STORE_OK ? 1 : 0;
        }
    });
    EXPECT_EQ(ended, kRuns);
    EXPECT_EQ(ListDue(store_, INT64_MAX).due, (Dues{}));
    for (int i = 0; i < kRuns; i++) {
        EXPECT_EQ(ListEvents(store_, std::to_string(i)).size(), 2u);
    }
}

} // namespace
