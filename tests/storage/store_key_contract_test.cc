#include "tests/storage/deletion_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// Idempotency keys: what was done under a key is not done again, and is answered as the first time.

namespace {

INSTANTIATE_STORE_CONTRACT();

const char *const kUuid = "01937560-0000-7a01-8000-00000000000a";

Transition Cancel(const std::string &id, const Key &key = {}) {
    return {.id = id, .key = key};
}

// A report that changes fields alone, and makes no event.
Transition Progress(const std::string &id, const std::string &state, const Key &key) {
    return {.id = id,
            .to = RUN_RUNNING,
            .set_execution_state = true,
            .execution_state = state,
            .key = key};
}

void ExpectReplay(const Answer &a, const StoredRun &run) {
    EXPECT_EQ(a.result, STORE_OK) << a.detail;
    EXPECT_TRUE(a.is_replayed);
    EXPECT_EQ(a.revision, 0);
    EXPECT_FALSE(a.is_stale);
    EXPECT_FALSE(a.has_changed);
    EXPECT_EQ(a.ending, (Cause{""}));
    ExpectSame(a.run, run);
}

TEST_P(StoreContract, ACancelThatIsAskedForAgainIsAnsweredAsTheFirst) {
    for (const std::string &id : {std::string("r"), std::string(kUuid)}) {
        MustCreate({.id = id, .spec = "s"});
        const Key key = {"key of " + id, "cancel"};
        Answer first = Apply(store_, Cancel(id, key));
        ASSERT_EQ(first.result, STORE_OK) << first.detail;
        EXPECT_FALSE(first.is_replayed);
        EXPECT_GT(first.revision, 0);
        for (int i = 0; i < 3; i++) {
            // Later, by another request, whoever passes it on.
            Transition again = Cancel(id, key);
            again.at_us = 9000 + i;
            again.actor = "another";
            ExpectReplay(Apply(store_, again), first.run);
        }
        EXPECT_EQ(ListEvents(store_, id).size(), 2u);
        // Without the key, or under another one, it is what it is.
        EXPECT_EQ(Apply(store_, Cancel(id)).result, STORE_CONFLICT);
        EXPECT_EQ(Apply(store_, Cancel(id, {"another", "cancel"})).result, STORE_CONFLICT);
        if (GetParam().is_kept) {
            Reopen();
            ExpectReplay(Apply(store_, Cancel(id, key)), first.run);
        }
    }
}

// A creation's answer is the run as it is now; the id may have been made up by who asked.
TEST_P(StoreContract, ACreationThatIsAskedForAgainLeadsToTheRunAsItIs) {
    for (const std::string &id : {std::string("r"), std::string(kUuid)}) {
        const Key key = {"key of " + id, "create"};
        Answer first = CreateRun(store_, {.id = id, .spec = "s"}, {}, key);
        ASSERT_EQ(first.result, STORE_OK) << first.detail;
        EXPECT_FALSE(first.is_replayed);
        ExpectReplay(
            CreateRun(store_, {.id = "fresh", .started_at_us = 5000, .spec = "s"}, {}, key),
            first.run);
        ExpectReplay(CreateRun(store_, {.id = id, .spec = "s"}, {}, key), first.run);
        EXPECT_EQ(GetRun(store_, "fresh").result, STORE_NOT_FOUND);
        Answer cancelled = Apply(store_, Cancel(id));
        ASSERT_EQ(cancelled.result, STORE_OK);
        ExpectReplay(CreateRun(store_, {.id = "fresh"}, {}, key), cancelled.run);
        EXPECT_EQ(ListEvents(store_, id).size(), 2u);
        EXPECT_EQ(CreateRun(store_, {.id = id}).result, STORE_EXISTS);
        if (GetParam().is_kept) {
            Reopen();
            ExpectReplay(CreateRun(store_, {.id = "fresh"}, {}, key), cancelled.run);
        }
    }
}

TEST_P(StoreContract, AKeyOfAnotherRequestIsRefused) {
    MustCreate({.id = "a"});
    MustCreate({.id = "b"});
    ASSERT_EQ(Apply(store_, Cancel("a", {"k", "cancel a"})).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, {.id = "c"}, {}, {"creation", "create c"}).result, STORE_OK);
    for (int opened = 0; opened <= GetParam().is_kept; opened++) {
        Answer other = Apply(store_, Cancel("b", {"k", "cancel b"}));
        EXPECT_EQ(other.result, STORE_KEY_REUSED);
        EXPECT_EQ(other.revision, -1);
        EXPECT_EQ(Apply(store_, Cancel("not there", {"k", "cancel it"})).result, STORE_KEY_REUSED);
        EXPECT_EQ(CreateRun(store_, {.id = "d"}, {}, {"k", "create d"}).result, STORE_KEY_REUSED);
        EXPECT_EQ(CreateRun(store_, {.id = "a"}, {}, {"k", "create a"}).result, STORE_KEY_REUSED);
        EXPECT_EQ(Apply(store_, Cancel("b", {"creation", "cancel b"})).result, STORE_KEY_REUSED);
        if (GetParam().is_kept) {
            Reopen();
        }
    }
    EXPECT_EQ(GetRun(store_, "b").run.sequence, 1);
    EXPECT_EQ(GetRun(store_, "d").result, STORE_NOT_FOUND);
    // Names are told apart in all their bytes, and by nothing else: organization and token are
    // in them.
    MustCreate({.organization = "globex", .id = "a"});
    Transition elsewhere = Cancel("a", {"k of globex", "cancel a"});
    elsewhere.organization = "globex";
    Answer made = Apply(store_, elsewhere);
    EXPECT_EQ(made.result, STORE_OK);
    EXPECT_FALSE(made.is_replayed);
}

TEST_P(StoreContract, ARefusalLeavesNoKey) {
    MustCreate({.id = "final"});
    MustCreate({.id = "active"});
    ASSERT_EQ(Apply(store_, {.id = "final", .to = RUN_SUCCESS}).result, STORE_OK);
    const Key key = {"k", "request"};
    EXPECT_EQ(Apply(store_, Cancel("final", key)).result, STORE_CONFLICT);
    EXPECT_EQ(Apply(store_, Cancel("not there", key)).result, STORE_NOT_FOUND);
    Transition stale = Cancel("active", key);
    stale.checks_attempt = true;
    stale.attempt = 7;
    EXPECT_EQ(Apply(store_, stale).result, STORE_CONFLICT);
    Transition changed = Cancel("active", key);
    changed.expected_sequence = 7;
    EXPECT_EQ(Apply(store_, changed).result, STORE_CONFLICT);
    EXPECT_EQ(CreateRun(store_, {.id = "final"}, {}, key).result, STORE_EXISTS);
    // So another request may have it, and the same one too.
    Answer made = Apply(store_, Cancel("active", {"k", "another request"}));
    EXPECT_EQ(made.result, STORE_OK);
    EXPECT_FALSE(made.is_replayed);
}

TEST_P(StoreContract, ARefusedCreationCanBeAskedForAgain) {
    const Key key = {"k", "create"};
    MustCreate({.id = "taken"});
    EXPECT_EQ(CreateRun(store_, {.id = "taken"}, {}, key).result, STORE_EXISTS);
    EXPECT_EQ(CreateRun(store_, {.id = "taken"}, {}, key).result, STORE_EXISTS);
    EXPECT_EQ(CreateRun(store_, {.id = "free"}, {}, key).result, STORE_OK);
}

// What the run has become since does not matter, nor what the request asks of it.
TEST_P(StoreContract, AReplayLooksAtTheKeyAlone) {
    MustCreate({.id = "r"});
    Transition report = {.id = "r",
                         .to = RUN_WAITING,
                         .checks_attempt = true,
                         .attempt = 0,
                         .expected_sequence = 1,
                         .key = {"k", "report"}};
    ASSERT_EQ(Apply(store_, report).result, STORE_OK);
    Answer ended = Apply(store_, {.id = "r", .to = RUN_SUCCESS, .at_us = 3000});
    ASSERT_EQ(ended.result, STORE_OK);
    ExpectReplay(Apply(store_, report), ended.run);
    report.attempt = 9;
    ExpectReplay(Apply(store_, report), ended.run);
}

TEST_P(StoreContract, AReportOfProgressHasItsKeyToo) {
    for (const std::string &id : {std::string("r"), std::string(kUuid)}) {
        MustCreate({.id = id});
        const Key key = {"key of " + id, "progress"};
        Answer first = Apply(store_, Progress(id, "one", key));
        ASSERT_EQ(first.result, STORE_OK);
        EXPECT_EQ(first.revision, 0);
        EXPECT_FALSE(first.is_replayed);
        Answer second = Apply(store_, Progress(id, "two", {"second of " + id, "progress 2"}));
        ASSERT_EQ(second.result, STORE_OK);
        EXPECT_FALSE(second.is_replayed);
        for (int opened = 0; opened <= GetParam().is_kept; opened++) {
            ExpectReplay(Apply(store_, Progress(id, "one", key)), second.run);
            EXPECT_EQ(GetRun(store_, id).run.execution_state, "two");
            EXPECT_EQ(Apply(store_, Cancel(id, {"key of " + id, "cancel"})).result,
                      STORE_KEY_REUSED);
            if (GetParam().is_kept) {
                Reopen();
            }
        }
        // A report that says nothing at all was answered as well.
        const Key silent = {"silent " + id, "nothing"};
        Transition nothing = {.id = id, .to = RUN_RUNNING, .key = silent};
        EXPECT_FALSE(Apply(store_, nothing).is_replayed);
        EXPECT_TRUE(Apply(store_, nothing).is_replayed);
        EXPECT_EQ(ListEvents(store_, id).size(), 1u);
    }
}

TEST_P(StoreContract, AChangeOfARunWithTermsHasItsKeyToo) {
    MustCreate(LeasedRun("r", 1000));
    ASSERT_EQ(Acquire(store_, {.ids = {"r"}}).runs.size(), 1u);
    Transition report = {.id = "r",
                         .to = RUN_WAITING,
                         .set_execution_state = true,
                         .execution_state = "state",
                         .checks_attempt = true,
                         .attempt = 1,
                         .key = {"report", "waiting"}};
    Answer first = Apply(store_, report);
    ASSERT_EQ(first.result, STORE_OK);
    ExpectReplay(Apply(store_, report), first.run);
    Answer cancelled = Apply(store_, Cancel("r", {"cancel", "r"}));
    ASSERT_EQ(cancelled.result, STORE_OK);
    Answer stopped = StopRun(store_, {.id = "r", .attempt = 1});
    ASSERT_EQ(stopped.result, STORE_OK);
    for (int opened = 0; opened <= GetParam().is_kept; opened++) {
        ExpectReplay(Apply(store_, report), stopped.run);
        ExpectReplay(Apply(store_, Cancel("r", {"cancel", "r"})), stopped.run);
        if (GetParam().is_kept) {
            Reopen();
        }
    }
    StoredRun held = LeasedRun("held", 1000);
    held.holder = "executor";
    held.lease_us = 5;
    first = CreateRun(store_, held, {}, {"creation", "held"});
    EXPECT_EQ(first.run.attempt, 1);
    ExpectReplay(CreateRun(store_, held, {}, {"creation", "held"}), first.run);
}

// A key counts from the change on until oldest_us has passed it.
TEST_P(StoreContract, AKeyThatIsTooOldCountsAsNone) {
    MustCreate({.id = "a"});
    MustCreate({.id = "b"});
    MustCreate({.id = "c"});
    ASSERT_EQ(Apply(store_, Cancel("a", {"k", "a"})).result, STORE_OK); // at 2000
    for (int opened = 0; opened <= GetParam().is_kept; opened++) {
        EXPECT_TRUE(Apply(store_, Cancel("a", {"k", "a", 1999})).is_replayed);
        EXPECT_TRUE(Apply(store_, Cancel("a", {"k", "a", 2000})).is_replayed);
        EXPECT_EQ(Apply(store_, Cancel("a", {"k", "a", 2001})).result, STORE_CONFLICT);
        EXPECT_EQ(Apply(store_, Cancel("b", {"k", "b", 2000})).result, STORE_KEY_REUSED);
        if (GetParam().is_kept) {
            Reopen();
        }
    }
    // It is given to another change, with an event or without, and back.
    Transition next = Cancel("b", {"k", "b", 2001});
    next.at_us = 3000;
    Answer b = Apply(store_, next);
    EXPECT_EQ(b.result, STORE_OK);
    EXPECT_FALSE(b.is_replayed);
    ExpectReplay(Apply(store_, next), b.run);
    Transition progress = Progress("c", "state", {"k", "c", 3001});
    progress.at_us = 4000;
    Answer c = Apply(store_, progress);
    EXPECT_EQ(c.result, STORE_OK);
    EXPECT_FALSE(c.is_replayed);
    for (int opened = 0; opened <= GetParam().is_kept; opened++) {
        ExpectReplay(Apply(store_, progress), c.run);
        // Also for whom older keys count.
        EXPECT_EQ(Apply(store_, Cancel("a", {"k", "a", 1})).result, STORE_KEY_REUSED);
        EXPECT_EQ(Apply(store_, Cancel("b", {"k", "b", 3000})).result, STORE_KEY_REUSED);
        if (GetParam().is_kept) {
            Reopen();
        }
    }
    next = Cancel("c", {"k", "cancel c", 4001});
    next.at_us = 5000;
    EXPECT_EQ(Apply(store_, next).result, STORE_OK);
    EXPECT_TRUE(Apply(store_, next).is_replayed);
}

// A clock that went back ages no key: it is as old as the event that its change made.
TEST_P(StoreContract, AKeyIsNoOlderThanItsRun) {
    MustCreate({.id = "r", .started_at_us = 5000});
    Transition cancel = Cancel("r", {"k", "r", 5000}); // asked for at 2000
    ASSERT_EQ(Apply(store_, cancel).result, STORE_OK);
    EXPECT_TRUE(Apply(store_, cancel).is_replayed);
    MustCreate({.id = "p", .started_at_us = 5000});
    Transition progress = Progress("p", "one", {"progress", "p", 5000});
    ASSERT_EQ(Apply(store_, progress).result, STORE_OK);
    EXPECT_TRUE(Apply(store_, progress).is_replayed);
}

// A run's keys go with it, and lead to no run that has its id later, whatever the clock says of
// which that is.
TEST_P(StoreContract, KeysOfADeletedRunCountNoMore) {
    for (int64_t again_us : {5000, 1}) {
        const std::string id = "r" + std::to_string(again_us);
        const Transition progress = Progress(id, "state", {"progress " + id, "progress"});
        const Key creation = {"creation " + id, "create"};
        const Transition cancel = Cancel(id, {"cancel " + id, "cancel"});
        ASSERT_EQ(CreateRun(store_, {.id = id}, {}, creation).result, STORE_OK);
        ASSERT_EQ(Apply(store_, progress).result, STORE_OK);
        ASSERT_EQ(Apply(store_, cancel).result, STORE_OK);
        MustCreate({.id = "newest " + id});
        if (GetParam().is_kept) {
            Reopen(); // all rows are up to date
        }
        ASSERT_EQ(DeleteRun(store_, {.id = id}).result, STORE_OK);
        EXPECT_EQ(Apply(store_, cancel).result, STORE_NOT_FOUND);
        EXPECT_EQ(Apply(store_, progress).result, STORE_NOT_FOUND);
        Answer created = CreateRun(store_, {.id = id, .started_at_us = again_us}, {}, creation);
        EXPECT_EQ(created.result, STORE_OK);
        EXPECT_FALSE(created.is_replayed);
        Answer reported = Apply(store_, progress);
        EXPECT_EQ(reported.result, STORE_OK);
        EXPECT_FALSE(reported.is_replayed);
        Answer cancelled = Apply(store_, Cancel(id, {"cancel " + id, "another request"}));
        EXPECT_EQ(cancelled.result, STORE_OK);
        EXPECT_FALSE(cancelled.is_replayed);
    }
}

TEST_P(StoreContract, KeysAreTrimmedOldestFirst) {
    EXPECT_EQ(TrimKeys(store_, INT64_MAX), 0);
    for (int i = 0; i < 6; i++) {
        const std::string id = std::to_string(i);
        const int64_t at_us = int64_t{1000000000} * (1 + i);
        MustCreate({.id = id, .started_at_us = 1});
        Transition t = i % 2 == 0 ? Cancel(id, {id, id}) : Progress(id, "s", {id, id});
        t.at_us = at_us;
        ASSERT_EQ(Apply(store_, t).result, STORE_OK);
    }
    auto kept = [&] {
        std::vector<int64_t> at;
        for (int i = 0; i < 6; i++) {
            const std::string id = std::to_string(i);
            // One that is kept refuses another request.
            if (CreateRun(store_, {.id = id}, {}, {id, "another"}).result == STORE_KEY_REUSED) {
                at.push_back(1 + i);
            }
        }
        return at;
    };
    if (GetParam().is_kept) {
        Reopen(); // all keys are in their table
    }
    EXPECT_EQ(TrimKeys(store_, 1000000000), 0);
    EXPECT_EQ(kept(), (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(TrimKeys(store_, 1000000001), 1);
    EXPECT_EQ(kept(), (std::vector<int64_t>{2, 3, 4, 5, 6}));
    EXPECT_EQ(TrimKeys(store_, 5000000000, 1), 3);
    EXPECT_EQ(kept(), (std::vector<int64_t>{5, 6}));
    EXPECT_EQ(TrimKeys(store_, INT64_MAX, 2), 2);
    EXPECT_EQ(kept(), (std::vector<int64_t>{}));
    EXPECT_EQ(TrimKeys(store_, INT64_MAX), 0);
}

TEST_P(StoreContract, ExpectedSequenceIsPartOfTheCompareAndSet) {
    MustCreate(LeasedRun("r", 1000));
    ASSERT_EQ(Acquire(store_, {.ids = {"r"}}).runs.size(), 1u);
    Transition t = {.id = "r", .to = RUN_WAITING, .expected_sequence = 1};
    Answer a = Apply(store_, t);
    EXPECT_EQ(a.result, STORE_CONFLICT);
    EXPECT_TRUE(a.has_changed);
    EXPECT_FALSE(a.is_stale);
    EXPECT_EQ(a.revision, 0);
    EXPECT_EQ(a.run.sequence, 2);
    EXPECT_EQ(a.ending, (Cause{""}));
    // The attempt is looked at first, the status last.
    t.checks_attempt = true;
    t.attempt = 4;
    a = Apply(store_, t);
    EXPECT_EQ(a.result, STORE_CONFLICT);
    EXPECT_TRUE(a.is_stale);
    EXPECT_FALSE(a.has_changed);
    t.attempt = 1;
    t.from = RUN_STATUS_BIT(RUN_WAITING);
    a = Apply(store_, t);
    EXPECT_EQ(a.result, STORE_CONFLICT);
    EXPECT_TRUE(a.has_changed);
    t.expected_sequence = 2;
    a = Apply(store_, t);
    EXPECT_EQ(a.result, STORE_CONFLICT);
    EXPECT_FALSE(a.has_changed);
    t.from = kActive;
    a = Apply(store_, t);
    EXPECT_EQ(a.result, STORE_OK);
    EXPECT_FALSE(a.has_changed);
    EXPECT_EQ(a.run.sequence, 3);
}

// What is not final does not conflict by its sequence alone, and what is final says who ended it.
TEST_P(StoreContract, AConflictWithAFinalRunSaysWhoEndedItAndHow) {
    const Cause by = {"alice", "it was late", "request 7", "192.0.2.1", "her key"};
    auto end = [&](const std::string &id, enum run_status to) {
        Transition t = {.id = id, .to = to};
        t.actor = by.actor;
        t.reason = by.reason;
        t.request_id = by.request_id;
        t.remote_address = by.remote_address;
        t.idempotency_key = by.idempotency_key;
        ASSERT_EQ(Apply(store_, t).result, STORE_OK);
    };
    for (enum run_status to : {RUN_CANCELLED, RUN_SUCCESS, RUN_FAILURE}) {
        const std::string id = std::to_string(to);
        MustCreate({.id = id});
        end(id, to);
        Answer a = Apply(store_, Cancel(id));
        EXPECT_EQ(a.result, STORE_CONFLICT);
        EXPECT_EQ(a.ending, by);
        EXPECT_EQ(a.run.status, to);
        Transition unexpected = Cancel(id);
        unexpected.expected_sequence = 1;
        EXPECT_EQ(Apply(store_, unexpected).ending, by);
    }
    // The event of a stop is not what ended it.
    MustCreate(LeasedRun("leased", 1000));
    ASSERT_EQ(Acquire(store_, {.ids = {"leased"}}).runs.size(), 1u);
    end("leased", RUN_CANCELLED);
    ASSERT_EQ(StopRun(store_, {.id = "leased", .attempt = 1}).result, STORE_OK);
    EXPECT_EQ(Apply(store_, Cancel("leased")).ending, by);
    if (GetParam().is_kept) {
        Reopen();
        EXPECT_EQ(Apply(store_, Cancel("leased")).ending, by);
        EXPECT_EQ(Apply(store_, Cancel("4")).ending, by);
    }
    // An active run that is not as it should be has no ending.
    MustCreate({.id = "active"});
    Transition t = Cancel("active");
    t.from = RUN_STATUS_BIT(RUN_WAITING);
    Answer a = Apply(store_, t);
    EXPECT_EQ(a.result, STORE_CONFLICT);
    EXPECT_EQ(a.ending, (Cause{""}));
}

// Two callers with one key at once, and many: one change, one outcome.
TEST_P(StoreContract, RacingCallersWithOneKeyHaveOneOutcome) {
    const int kThreads = 16;
    const int kRuns = 100;
    for (int i = 0; i < kRuns; i++) {
        MustCreate({.id = std::to_string(i)});
    }
    std::vector<std::vector<Answer>> answers(kThreads);
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            Transition t = Cancel(std::to_string(i), {"k" + std::to_string(i), "cancel"});
            t.at_us = 2000 + n;
            answers[n].push_back(Apply(store_, t));
        }
    });
    for (int i = 0; i < kRuns; i++) {
        int made = 0;
        for (int n = 0; n < kThreads; n++) {
            const Answer &a = answers[n][i];
            EXPECT_EQ(a.result, STORE_OK) << a.detail;
            EXPECT_EQ(a.is_replayed, a.revision == 0);
            made += !a.is_replayed;
            ExpectSame(a.run, answers[0][i].run);
        }
        EXPECT_EQ(made, 1);
        EXPECT_EQ(ListEvents(store_, std::to_string(i)).size(), 2u);
    }
}

TEST_P(StoreContract, RacingCreationsWithOneKeyMakeOneRun) {
    const int kThreads = 16;
    const int kRuns = 50;
    std::vector<std::vector<Answer>> answers(kThreads);
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            // Each made up its own id.
            StoredRun run = {.id = std::to_string(n) + "-" + std::to_string(i)};
            answers[n].push_back(CreateRun(store_, run, {}, {"k" + std::to_string(i), "create"}));
        }
    });
    for (int i = 0; i < kRuns; i++) {
        int made = 0;
        for (int n = 0; n < kThreads; n++) {
            EXPECT_EQ(answers[n][i].result, STORE_OK);
            made += !answers[n][i].is_replayed;
            EXPECT_EQ(answers[n][i].run.id, answers[0][i].run.id);
        }
        EXPECT_EQ(made, 1);
    }
    EXPECT_EQ(ListRuns(store_, {.limit = 1000}).runs.size(), static_cast<size_t>(kRuns));
}

// Different requests that race for one key: one has it, and no other does anything.
TEST_P(StoreContract, RacingRequestsForOneKeyHaveOneWinner) {
    const int kThreads = 8;
    const int kKeys = 50;
    std::vector<std::vector<Answer>> answers(kThreads);
    for (int n = 0; n < kThreads; n++) {
        for (int i = 0; i < kKeys; i++) {
            MustCreate({.id = std::to_string(n) + "-" + std::to_string(i)});
        }
    }
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kKeys; i++) {
            const std::string id = std::to_string(n) + "-" + std::to_string(i);
            answers[n].push_back(Apply(store_, Cancel(id, {"k" + std::to_string(i), id})));
        }
    });
    for (int i = 0; i < kKeys; i++) {
        int winners = 0;
        for (int n = 0; n < kThreads; n++) {
            const std::string id = std::to_string(n) + "-" + std::to_string(i);
            const bool has_won = answers[n][i].result == STORE_OK;
            EXPECT_EQ(answers[n][i].result, has_won ? STORE_OK : STORE_KEY_REUSED);
            EXPECT_EQ(GetRun(store_, id).run.status, has_won ? RUN_CANCELLED : RUN_RUNNING);
            winners += has_won;
        }
        EXPECT_EQ(winners, 1);
    }
}

} // namespace
