#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// Leases: who holds a run, which attempt it is, and who may change it.

namespace {

INSTANTIATE_STORE_CONTRACT();

using Ids = std::vector<std::string>;

TEST_P(StoreContract, TermsAreKeptAsTheyWereGiven) {
    const Terms all[] = {
        {},
        {.dispatch = RUN_DISPATCH_LEASE},
        {.dispatch = RUN_DISPATCH_LEASE, .fails_on_lease_loss = true},
        {.on_timeout = RUN_FAILURE, .timeout_at_us = 1},
        {.on_timeout = RUN_CANCELLED, .timeout_at_us = INT64_MAX},
        {.on_timeout = RUN_FAILURE, .waiting_timeout_us = 7},
        {RUN_DISPATCH_LEASE, true, RUN_CANCELLED, 9000, INT64_MAX},
    };
    for (bool is_reopened : {false, true}) {
        for (size_t i = 0; i < std::size(all); i++) {
            SCOPED_TRACE(i);
            const std::string id = std::to_string(i);
            if (!is_reopened) {
                Answer a = CreateRun(store_, {.id = id, .spec = "spec", .terms = all[i]});
                ASSERT_EQ(a.result, STORE_OK) << a.detail;
                EXPECT_EQ(a.run.terms, all[i]);
                a = Apply(store_, {.id = id, .to = RUN_WAITING});
                EXPECT_EQ(a.run.terms, all[i]);
            }
            Answer a = GetRun(store_, id);
            EXPECT_EQ(a.run.terms, all[i]);
            EXPECT_EQ(a.run.spec, "spec");
            EXPECT_EQ(a.run.attempt, 0);
            EXPECT_EQ(a.run.holder, "");
            Page p = ListRuns(store_, {});
            ASSERT_EQ(p.runs.size(), is_reopened ? std::size(all) : i + 1);
            for (const StoredRun &run : p.runs) {
                EXPECT_EQ(run.terms, all[std::stoi(run.id)]) << run.id;
            }
        }
        if (!GetParam().is_kept) {
            break;
        }
        Reopen();
    }
}

TEST_P(StoreContract, AcquiringGivesTheOldestRunsANewAttempt) {
    MustCreate(LeasedRun("second", 2000));
    MustCreate(LeasedRun("first", 1000));
    MustCreate({.id = "external", .started_at_us = 500});
    MustCreate(LeasedRun("third", 3000));
    StoredRun foreign = LeasedRun("foreign", 1);
    foreign.organization = "globex";
    MustCreate(foreign);
    const Cause cause = {"key", "why", "request", "192.0.2.7", "idem"};
    Acquired a = Acquire(
        store_, {.limit = 2, .holder = "h1", .lease_us = 77, .at_us = 5000, .cause = cause});
    ASSERT_EQ(a.result, STORE_OK) << a.detail;
    ASSERT_EQ(a.ids(), (Ids{"first", "second"}));
    for (const StoredRun &run : a.runs) {
        EXPECT_EQ(run.attempt, 1);
        EXPECT_EQ(run.holder, "h1");
        EXPECT_EQ(run.lease_us, 77);
        EXPECT_EQ(run.status, RUN_RUNNING);
        EXPECT_EQ(run.sequence, 2);
        EXPECT_EQ(run.updated_at_us, 5000);
        EXPECT_EQ(run.finished_at_us, 0);
        ExpectSame(GetRun(store_, run.id).run, run);
        EXPECT_EQ(GetRun(store_, run.id).run.holder, "h1");
        EXPECT_EQ(GetRun(store_, run.id).run.lease_us, 77);
    }
    EXPECT_EQ(ListWholeEvents(store_, "first").back(),
              (WholeEvent{5, STORE_EVENT_ACQUISITION, 2, RUN_RUNNING, RUN_RUNNING, 5000, 1, cause,
                          "h1"}));
    EXPECT_EQ(ListWholeEvents(store_, "second").back().revision, 6);
    EXPECT_EQ(Acquire(store_, {.limit = 5, .holder = "h2"}).ids(), (Ids{"third"}));
    EXPECT_EQ(Acquire(store_, {.limit = 5, .holder = "h3"}).ids(), (Ids{}));
    EXPECT_EQ(GetRun(store_, "first").run.holder, "h1");
    EXPECT_EQ(GetRun(store_, "external").run.attempt, 0);
    EXPECT_EQ(Acquire(store_, {.organization = "globex", .limit = 5}).ids(), (Ids{"foreign"}));
    EXPECT_EQ(Acquire(store_, {.organization = "nobody", .limit = 5}).result, STORE_OK);
}

TEST_P(StoreContract, AcquiringLooksAtWhatItIsAskedFor) {
    const char *const uuid = "01937560-0000-7a01-8000-000000000001";
    for (const char *id : {"a", "b", "c", uuid}) {
        StoredRun run = LeasedRun(id);
        run.workflow_id = *id == 'b' ? "w2" : "w1";
        MustCreate(run);
    }
    ASSERT_EQ(Apply(store_, {.id = "c", .to = RUN_WAITING}).result, STORE_OK);
    EXPECT_EQ(Acquire(store_, {.workflow_id = "w3", .limit = 9}).ids(), (Ids{}));
    EXPECT_EQ(Acquire(store_, {.ids = {"x", "y"}, .limit = 9}).ids(), (Ids{}));
    EXPECT_EQ(Acquire(store_, {.workflow_id = "w2", .ids = {"a"}, .limit = 9}).ids(), (Ids{}));
    EXPECT_EQ(
        Acquire(store_, {.from = RUN_STATUS_BIT(RUN_WAITING), .limit = 9, .holder = "w"}).ids(),
        (Ids{"c"}));
    EXPECT_EQ(Acquire(store_, {.workflow_id = "w2", .limit = 9}).ids(), (Ids{"b"}));
    Acquired a = Acquire(store_, {.ids = {uuid, "a", "c", uuid, "x", "a"}, .limit = 9});
    Ids ids = a.ids();
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(ids, (Ids{uuid, "a"}));
    EXPECT_EQ(GetRun(store_, "a").run.attempt, 1);
    EXPECT_EQ(GetRun(store_, "c").run.holder, "w");
}

// Every way of asking gives the same order, page by page.
TEST_P(StoreContract, AcquiringFollowsOneOrder) {
    Ids all;
    for (int i = 0; i < 12; i++) {
        char id[64];
        snprintf(id, sizeof(id), "01937560-0000-7a01-8000-%012d", 50 - i);
        StoredRun run = LeasedRun(i % 3 == 0 ? "run-" + std::to_string(i) : id, 1000 - i / 4);
        run.workflow_id = "w";
        MustCreate(run);
        all.push_back(run.id);
    }
    Ids expected = Acquire(store_, {.limit = 100}).ids();
    ASSERT_EQ(expected.size(), all.size());
    int64_t attempt = 1;
    auto release_all = [&] {
        for (const std::string &id : all) {
            ASSERT_EQ(EndLease(store_, {.id = id, .attempt = attempt}).result, STORE_OK);
        }
        attempt++;
    };
    release_all();
    for (int way = 0; way < 3; way++) {
        Ids got;
        for (int i = 0; i < 4; i++) {
            Acquired a = Acquire(
                store_,
                {.workflow_id = way == 1 ? "w" : "", .ids = way == 2 ? all : Ids{}, .limit = 3});
            Ids ids = a.ids();
            got.insert(got.end(), ids.begin(), ids.end());
        }
        EXPECT_EQ(got, expected) << way;
        release_all();
    }
}

TEST_P(StoreContract, AcquiringStopsAtItsBytesButNotBeforeTheFirst) {
    for (int i = 0; i < 5; i++) {
        StoredRun run = LeasedRun(std::to_string(i), 1000 + i);
        run.spec = std::string(1000, 's');
        MustCreate(run);
    }
    EXPECT_EQ(Acquire(store_, {.limit = 9, .most_bytes = 1}).ids(), (Ids{"0"}));
    EXPECT_EQ(Acquire(store_, {.limit = 9, .most_bytes = 2500}).ids(), (Ids{"1", "2"}));
    EXPECT_EQ(GetRun(store_, "3").run.attempt, 0);
    EXPECT_EQ(Acquire(store_, {.limit = 9}).ids(), (Ids{"3", "4"}));
}

TEST_P(StoreContract, CreationMayGiveTheFirstLease) {
    StoredRun run = LeasedRun("r");
    run.holder = "maker";
    run.lease_us = 5000;
    Answer a = CreateRun(store_, run);
    ASSERT_EQ(a.result, STORE_OK);
    for (const StoredRun &is : {a.run, GetRun(store_, "r").run}) {
        EXPECT_EQ(is.attempt, 1);
        EXPECT_EQ(is.holder, "maker");
        EXPECT_EQ(is.lease_us, 5000);
        EXPECT_EQ(is.sequence, 1);
    }
    EXPECT_EQ(
        ListWholeEvents(store_, "r")[0],
        (WholeEvent{1, STORE_EVENT_CREATION, 1, 0, RUN_RUNNING, 1000, 1, {"creator"}, "maker"}));
    EXPECT_EQ(Acquire(store_, {.limit = 9}).ids(), (Ids{}));
    EXPECT_EQ(ListLeases(store_), (std::vector<Lease>{{"acme", "r", 1, "maker", 5000}}));
    // One that was taken already gives nobody anything.
    run.holder = "late";
    EXPECT_EQ(CreateRun(store_, run).result, STORE_EXISTS);
    EXPECT_EQ(GetRun(store_, "r").run.holder, "maker");
    // A final run has no holder.
    run.id = "final";
    run.status = RUN_SUCCESS;
    a = CreateRun(store_, run);
    EXPECT_EQ(a.run.holder, "");
    EXPECT_EQ(a.run.lease_us, 0);
    EXPECT_EQ(a.run.attempt, 1);
    EXPECT_EQ(ListWholeEvents(store_, "final")[0].holder, "late");
    EXPECT_EQ(ListLeases(store_).size(), 1u);
}

TEST_P(StoreContract, LeaseIsGivenBackOrLostAndTheAttemptStays) {
    MustCreate(LeasedRun("r"));
    EXPECT_EQ(EndLease(store_, {.id = "absent"}).result, STORE_NOT_FOUND);
    EXPECT_EQ(EndLease(store_, {.id = "r", .attempt = 0}).result, STORE_CONFLICT); // nobody has it
    int64_t revision = 1;
    for (int64_t attempt = 1; attempt <= 4; attempt++) {
        SCOPED_TRACE(attempt);
        const enum store_event_kind kind =
            attempt % 2 == 0 ? STORE_EVENT_RELEASE : STORE_EVENT_LEASE_LOSS;
        const std::string holder = "h" + std::to_string(attempt);
        ASSERT_EQ(Acquire(store_, {.holder = holder}).ids(), (Ids{"r"}));
        ++revision;
        for (int64_t other : {attempt - 1, attempt + 1, int64_t{-1}, INT64_MAX}) {
            Answer a = EndLease(store_, {.id = "r", .attempt = other, .kind = kind});
            EXPECT_EQ(a.result, STORE_CONFLICT);
            EXPECT_TRUE(a.is_stale);
            EXPECT_EQ(a.revision, 0);
            EXPECT_EQ(a.run.attempt, attempt);
            EXPECT_EQ(a.run.holder, holder);
        }
        Answer a =
            EndLease(store_, {.id = "r", .attempt = attempt, .kind = kind, .cause = {"ender"}});
        EXPECT_EQ(a.result, STORE_OK);
        EXPECT_EQ(a.revision, ++revision);
        EXPECT_EQ(a.run.status, RUN_RUNNING);
        EXPECT_EQ(a.run.attempt, attempt);
        EXPECT_EQ(a.run.holder, "");
        EXPECT_EQ(a.run.lease_us, 0);
        EXPECT_EQ(ListWholeEvents(store_, "r").back(), (WholeEvent{revision,
                                                                   kind,
                                                                   a.run.sequence,
                                                                   RUN_RUNNING,
                                                                   RUN_RUNNING,
                                                                   1600,
                                                                   attempt,
                                                                   {"ender"},
                                                                   holder}));
        // Only once.
        a = EndLease(store_, {.id = "r", .attempt = attempt, .kind = kind});
        EXPECT_EQ(a.result, STORE_CONFLICT);
        EXPECT_FALSE(a.is_stale);
        EXPECT_EQ(a.revision, 0);
    }
    EXPECT_EQ(GetRun(store_, "r").run.sequence, 9);
}

TEST_P(StoreContract, LossMakesAFailureWhereTheTermsSaySo) {
    StoredRun run = LeasedRun("r");
    run.terms.fails_on_lease_loss = true;
    run.terms.on_timeout = RUN_CANCELLED;
    run.terms.timeout_at_us = 9000;
    MustCreate(run);
    ASSERT_EQ(Acquire(store_, {.holder = "h"}).ids(), (Ids{"r"}));
    ASSERT_EQ(EndLease(store_, {.id = "r", .attempt = 1}).run.status, RUN_RUNNING);
    ASSERT_EQ(Acquire(store_, {.holder = "h"}).ids(), (Ids{"r"}));
    ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_WAITING, .at_us = 1550}).result, STORE_OK);
    Answer a = EndLease(store_, {.id = "r",
                                 .attempt = 2,
                                 .kind = STORE_EVENT_LEASE_LOSS,
                                 .at_us = 3000,
                                 .cause = {"runsd", "LEASE_LOST"}});
    EXPECT_EQ(a.result, STORE_OK);
    EXPECT_EQ(a.run.status, RUN_FAILURE);
    EXPECT_EQ(a.run.finished_at_us, 3000);
    EXPECT_EQ(a.run.holder, "");
    EXPECT_EQ(ListWholeEvents(store_, "r").back(), (WholeEvent{6,
                                                               STORE_EVENT_LEASE_LOSS,
                                                               6,
                                                               RUN_WAITING,
                                                               RUN_FAILURE,
                                                               3000,
                                                               2,
                                                               {"runsd", "LEASE_LOST"},
                                                               "h"}));
    EXPECT_EQ(Acquire(store_, {}).ids(), (Ids{}));
    EXPECT_EQ(ListDue(store_, INT64_MAX).due, (std::vector<Due>{}));
    EXPECT_EQ(FindRuns(store_, {"r"}),
              (std::vector<Found>{{true, RUN_FAILURE, 2, "", 3000, 0, "runsd", "LEASE_LOST"}}));
    a = EndLease(store_, {.id = "r", .attempt = 2, .kind = STORE_EVENT_LEASE_LOSS});
    EXPECT_EQ(a.result, STORE_CONFLICT);
    EXPECT_FALSE(a.is_stale);
}

TEST_P(StoreContract, FinalRunHasNoHolderAndItsEventHasIt) {
    for (enum run_status to : {RUN_SUCCESS, RUN_FAILURE, RUN_CANCELLED}) {
        const std::string id = std::to_string(to);
        MustCreate(LeasedRun(id));
        ASSERT_EQ(Acquire(store_, {.holder = "h"}).ids(), (Ids{id}));
        Answer a = Apply(store_, {.id = id, .to = RUN_WAITING});
        EXPECT_EQ(a.run.holder, "h"); // waiting is no end
        EXPECT_EQ(a.run.lease_us, 30000000);
        a = Apply(store_, {.id = id, .to = to});
        EXPECT_EQ(a.result, STORE_OK);
        for (const StoredRun &run : {a.run, GetRun(store_, id).run}) {
            EXPECT_EQ(run.holder, "");
            EXPECT_EQ(run.lease_us, 0);
            EXPECT_EQ(run.attempt, 1);
        }
        std::vector<WholeEvent> events = ListWholeEvents(store_, id);
        ASSERT_EQ(events.size(), 4u);
        EXPECT_EQ(events[0].holder, "");
        EXPECT_EQ(events[1].holder, "h");
        EXPECT_EQ(events[2].holder, "h");
        EXPECT_EQ(events[3].holder, "h");
        EXPECT_EQ(Acquire(store_, {}).ids(), (Ids{}));
        EXPECT_EQ(EndLease(store_, {.id = id}).result, STORE_CONFLICT);
        EXPECT_EQ(ListLeases(store_), (std::vector<Lease>{}));
    }
}

TEST_P(StoreContract, ReportsOfAnotherAttemptChangeNothing) {
    MustCreate(LeasedRun("r"));
    MustCreate({.id = "external"});
    auto report = [&](const std::string &id, int64_t attempt, enum run_status to) {
        return Apply(store_, {.id = id,
                              .to = to,
                              .set_execution_state = true,
                              .execution_state = "of " + std::to_string(attempt),
                              .checks_attempt = true,
                              .attempt = attempt});
    };
    for (int64_t attempt = 0; attempt <= 3; attempt++) {
        SCOPED_TRACE(attempt);
        for (int64_t other : {attempt - 1, attempt + 1, INT64_MAX, INT64_MIN}) {
            for (enum run_status to : {RUN_RUNNING, RUN_WAITING, RUN_SUCCESS}) {
                Answer a = report("r", other, to);
                EXPECT_EQ(a.result, STORE_CONFLICT);
                EXPECT_TRUE(a.is_stale);
                EXPECT_EQ(a.revision, 0);
                EXPECT_EQ(a.run.attempt, attempt);
                EXPECT_EQ(a.run.status, RUN_RUNNING);
            }
        }
        EXPECT_NE(GetRun(store_, "r").run.execution_state, "of " + std::to_string(attempt + 1));
        Answer a = report("r", attempt, RUN_RUNNING);
        EXPECT_EQ(a.result, STORE_OK);
        EXPECT_FALSE(a.is_stale);
        EXPECT_EQ(a.run.execution_state, "of " + std::to_string(attempt));
        // One whose lease was lost and whose attempt nobody has replaced may still report.
        if (attempt > 0) {
            ASSERT_EQ(EndLease(store_, {.id = "r", .attempt = attempt}).result, STORE_OK);
            EXPECT_EQ(report("r", attempt, RUN_RUNNING).result, STORE_OK);
        }
        ASSERT_EQ(Acquire(store_, {}).ids(), (Ids{"r"}));
    }
    // The attempt is looked at before the status.
    ASSERT_EQ(Apply(store_, {.id = "r"}).result, STORE_OK);
    EXPECT_TRUE(report("r", 3, RUN_SUCCESS).is_stale);
    Answer a = report("r", 4, RUN_SUCCESS);
    EXPECT_EQ(a.result, STORE_CONFLICT);
    EXPECT_FALSE(a.is_stale);
    EXPECT_EQ(a.run.status, RUN_CANCELLED);
    // A run that was never acquired is in attempt 0.
    EXPECT_TRUE(report("external", 1, RUN_SUCCESS).is_stale);
    EXPECT_EQ(report("external", 0, RUN_WAITING).result, STORE_OK);
    a = Apply(store_, {.id = "external", .checks_attempt = true, .attempt = 1});
    EXPECT_TRUE(a.is_stale);
    a = Apply(store_, {.id = "external", .checks_attempt = true, .attempt = 0});
    EXPECT_EQ(a.result, STORE_OK);
}

// The run as the list of cancelled ones has it.
StoredRun Listed(struct run_store *store, const std::string &id) {
    for (const StoredRun &run : ListRuns(store, {.status = RUN_STATUS_BIT(RUN_CANCELLED)}).runs) {
        if (run.id == id) {
            return run;
        }
    }
    return {};
}

TEST_P(StoreContract, StopIsNotedOnceAndMovesNoEnd) {
    MustCreate(LeasedRun("leased"));
    ASSERT_EQ(Acquire(store_, {}).ids(), (Ids{"leased"}));
    MustCreate({.id = "external"});
    EXPECT_EQ(StopRun(store_, {.id = "absent"}).result, STORE_NOT_FOUND);
    for (const char *id : {"leased", "external"}) {
        SCOPED_TRACE(id);
        const int64_t attempt = *id == 'l' ? 1 : 0;
        Answer a = StopRun(store_, {.id = id, .attempt = attempt});
        EXPECT_EQ(a.result, STORE_CONFLICT); // it is not cancelled
        EXPECT_FALSE(a.is_stale);
        ASSERT_EQ(Apply(store_, {.id = id, .at_us = 2000, .actor = "a", .reason = "b"}).result,
                  STORE_OK);
        a = StopRun(store_, {.id = id, .attempt = attempt + 1});
        EXPECT_EQ(a.result, STORE_CONFLICT);
        EXPECT_TRUE(a.is_stale);
        EXPECT_EQ(a.run.stopped_at_us, 0);
        const int64_t sequence = a.run.sequence;
        // A clock that went back puts no stop before the cancel.
        const int64_t at_us = attempt == 1 ? 2500 : 1900;
        const int64_t stopped_at_us = attempt == 1 ? 2500 : 2000;
        a = StopRun(store_, {.id = id, .attempt = attempt, .at_us = at_us, .cause = {"stopper"}});
        EXPECT_EQ(a.result, STORE_OK);
        EXPECT_GT(a.revision, 0);
        const int64_t revision = a.revision;
        for (int again = 0; again < 2; again++) {
            for (const StoredRun &run : {a.run, GetRun(store_, id).run, Listed(store_, id)}) {
                EXPECT_EQ(run.id, id);
                EXPECT_EQ(run.status, RUN_CANCELLED);
                EXPECT_EQ(run.stopped_at_us, stopped_at_us);
                EXPECT_EQ(run.updated_at_us, 2000);
                EXPECT_EQ(run.finished_at_us, 2000);
                EXPECT_EQ(run.sequence, sequence + 1);
                EXPECT_EQ(run.attempt, attempt);
            }
            a = StopRun(store_, {.id = id, .attempt = attempt, .at_us = 9999});
            EXPECT_EQ(a.result, STORE_OK);
            EXPECT_EQ(a.revision, 0);
        }
        EXPECT_EQ(ListWholeEvents(store_, id).back(), (WholeEvent{revision,
                                                                  STORE_EVENT_STOP,
                                                                  sequence + 1,
                                                                  RUN_CANCELLED,
                                                                  RUN_CANCELLED,
                                                                  stopped_at_us,
                                                                  attempt,
                                                                  {"stopper"},
                                                                  ""}));
        EXPECT_EQ(FindRuns(store_, {id}), (std::vector<Found>{{true, RUN_CANCELLED, attempt, "",
                                                               2000, stopped_at_us, "a", "b"}}));
        EXPECT_EQ(Apply(store_, {.id = id, .to = RUN_SUCCESS}).result, STORE_CONFLICT);
        if (GetParam().is_kept) {
            StoredRun before = GetRun(store_, id).run;
            Reopen();
            ExpectSame(GetRun(store_, id).run, before);
            EXPECT_EQ(GetRun(store_, id).run.stopped_at_us, stopped_at_us);
        }
        ASSERT_EQ(
            Apply(store_, {.organization = "acme", .id = "external", .to = RUN_WAITING}).result,
            *id == 'l' ? STORE_OK : STORE_CONFLICT);
    }
    for (enum run_status to : {RUN_SUCCESS, RUN_FAILURE}) {
        const std::string id = std::to_string(to);
        MustCreate({.id = id});
        ASSERT_EQ(Apply(store_, {.id = id, .to = to}).result, STORE_OK);
        EXPECT_EQ(StopRun(store_, {.id = id}).result, STORE_CONFLICT);
    }
}

TEST_P(StoreContract, LeasesAreListedWithoutGapsOrRepeats) {
    std::vector<Lease> expected;
    int64_t count = 0;
    for (const std::string &organization : {std::string("acme"), std::string("globex"),
                                            std::string("\xff"), std::string("a\0b", 3)}) {
        for (int i = 0; i < 15; i++) {
            char uuid[64];
            snprintf(uuid, sizeof(uuid), "01937560-0000-7a01-8000-%012d", i);
            StoredRun run = LeasedRun(i % 2 == 0 ? "run-" + std::to_string(i) : uuid, 1000 + i % 3);
            run.organization = organization;
            if (i % 5 != 0) {
                run.holder = "h" + std::to_string(i % 3);
                run.lease_us = ++count;
                expected.push_back({organization, run.id, 1, run.holder, count});
            }
            MustCreate(run);
        }
    }
    std::sort(expected.begin(), expected.end());
    for (int limit : {1, 2, 7, 1000}) {
        EXPECT_EQ(ListLeases(store_, limit), expected) << limit;
    }
    if (GetParam().is_kept) {
        Reopen();
        EXPECT_EQ(ListLeases(store_, 4), expected);
    }
}

TEST_P(StoreContract, RunsAreFoundInTheOrderOfTheirIds) {
    const char *const uuid = "01937560-0000-7a01-8000-000000000001";
    MustCreate(LeasedRun("open"));
    StoredRun held = LeasedRun(uuid);
    held.holder = "h";
    held.lease_us = 1;
    MustCreate(held);
    MustCreate({.id = "done"});
    ASSERT_EQ(Apply(store_, {.id = "done", .to = RUN_SUCCESS, .actor = "x", .reason = "y"}).result,
              STORE_OK);
    MustCreate({.organization = "globex", .id = "foreign"});
    const Found open = {true, RUN_RUNNING, 0};
    const Found done = {true, RUN_SUCCESS, 0, "", 2000, 0, "x", "y"};
    EXPECT_EQ(FindRuns(store_, {"done", "foreign", uuid, "open", "done", "", "absent"}),
              (std::vector<Found>{done, {}, {true, RUN_RUNNING, 1, "h"}, open, done, {}, {}}));
    EXPECT_EQ(FindRuns(store_, {}), (std::vector<Found>{}));
    Ids many(STORE_FIND_RUNS_MAX, "done");
    EXPECT_EQ(FindRuns(store_, many), std::vector<Found>(STORE_FIND_RUNS_MAX, done));
}

// Time never runs backwards within a run, whatever the clock does.
TEST_P(StoreContract, LeaseEventsAreNoSoonerThanTheOneBefore) {
    MustCreate(LeasedRun("r", 7000));
    ASSERT_EQ(Acquire(store_, {.at_us = 1}).ids(), (Ids{"r"}));
    ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_WAITING, .at_us = 8000}).result, STORE_OK);
    ASSERT_EQ(EndLease(store_, {.id = "r", .at_us = 2}).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.at_us = 9000}).ids(), (Ids{"r"}));
    ASSERT_EQ(Apply(store_, {.id = "r", .at_us = 3}).result, STORE_OK);
    ASSERT_EQ(StopRun(store_, {.id = "r", .attempt = 2, .at_us = 4}).result, STORE_OK);
    std::vector<int64_t> at;
    for (const WholeEvent &e : ListWholeEvents(store_, "r")) {
        at.push_back(e.at_us);
    }
    EXPECT_EQ(at, (std::vector<int64_t>{7000, 7000, 8000, 8000, 9000, 9000, 9000}));
}

// An attempt is never given twice, however many executors ask.
TEST_P(StoreContract, EachAttemptHasOneHolder) {
    const int kThreads = 8;
    const int kRuns = 20;
    for (int i = 0; i < kRuns; i++) {
        MustCreate(LeasedRun(std::to_string(i)));
    }
    std::atomic<int> acquired{0};
    RunTogether(kThreads, [&](int n) {
        const std::string holder = "h" + std::to_string(n);
        for (int i = 0; i < 30; i++) {
            for (const StoredRun &run : Acquire(store_, {.limit = 3, .holder = holder}).runs) {
                acquired++;
                EXPECT_EQ(run.holder, holder);
                Answer a = Apply(store_, {.id = run.id,
                                          .to = RUN_RUNNING,
                                          .set_execution_state = true,
                                          .execution_state = holder,
                                          .checks_attempt = true,
                                          .attempt = run.attempt});
                EXPECT_EQ(a.result, STORE_OK);
                EXPECT_EQ(a.run.holder, holder);
                EXPECT_EQ(EndLease(store_, {.id = run.id, .attempt = run.attempt}).result,
                          STORE_OK);
            }
        }
    });
    int64_t attempts = 0;
    for (int i = 0; i < kRuns; i++) {
        const std::string id = std::to_string(i);
        int64_t attempt = 0;
        for (const WholeEvent &e : ListWholeEvents(store_, id, "acme", 10000)) {
            attempt += e.kind == STORE_EVENT_ACQUISITION ? 1 : 0;
            EXPECT_EQ(e.attempt, attempt) << e;
        }
        EXPECT_EQ(GetRun(store_, id).run.attempt, attempt);
        attempts += attempt;
    }
    EXPECT_EQ(attempts, acquired);
    EXPECT_GE(attempts, kRuns);
}

// The largest attempt there is stays: one more would be less.
TEST_P(StoreContract, AttemptNeverWraps) {
    StoredRun run = LeasedRun("r");
    run.attempt = INT64_MAX - 1;
    MustCreate(run);
    Acquired a = Acquire(store_, {});
    ASSERT_EQ(a.ids(), (Ids{"r"}));
    EXPECT_EQ(a.runs[0].attempt, INT64_MAX);
    ASSERT_EQ(EndLease(store_, {.id = "r", .attempt = INT64_MAX}).result, STORE_OK);
    EXPECT_EQ(Acquire(store_, {}).ids(), (Ids{}));
    EXPECT_EQ(GetRun(store_, "r").run.attempt, INT64_MAX);
}

} // namespace
