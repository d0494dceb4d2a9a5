#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "tests/storage/deletion_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// Runs that are deleted, and what the store and its feeds say from then on.

namespace {

INSTANTIATE_STORE_CONTRACT();

const std::string kUuid = "01937560-0000-7a01-8000-000000000001";

// Lets the others end however its own thread does.
struct Ending {
    std::atomic<bool> *is_over;
    ~Ending() {
        *is_over = true;
    }
};

void ExpectGone(struct run_store *store, const std::string &id) {
    EXPECT_EQ(GetRun(store, id).result, STORE_NOT_FOUND) << id;
    enum store_result result;
    EXPECT_TRUE(ListEvents(store, id, "acme", 1000, &result).empty()) << id;
    EXPECT_EQ(result, STORE_NOT_FOUND) << id;
    EXPECT_EQ(Apply(store, {.id = id}).result, STORE_NOT_FOUND) << id;
    for (const Listing &l : std::vector<Listing>{{},
                                                 {.workflow_id = "w"},
                                                 {.status = kActive},
                                                 {.ids = {id}},
                                                 {.holder = "executor"}}) {
        for (const std::string &other : ListRuns(store, l).ids()) {
            EXPECT_NE(other, id);
        }
    }
}

std::vector<std::string> Ids(const std::vector<Ended> &ended) {
    std::vector<std::string> ids;
    for (const Ended &e : ended) {
        ids.push_back(e.id);
    }
    return ids;
}

TEST_P(StoreContract, DeletedRunsAreGoneWithTheirHistory) {
    MakeEnded(store_, kUuid);
    MakeEnded(store_, "two");
    MakeEnded(store_, "three");
    MakeEnded(store_, kUuid, 1000, "other");
    Settle(store_);
    EXPECT_EQ(DeleteRuns(store_, {kUuid, "three"}), 2);
    ExpectGone(store_, kUuid);
    ExpectGone(store_, "three");
    EXPECT_EQ(ListRuns(store_, {}).ids(), std::vector<std::string>{"two"});
    EXPECT_EQ(ListRuns(store_, {.workflow_id = "w"}).ids(), std::vector<std::string>{"two"});
    EXPECT_EQ(ListEvents(store_, "two").size(), 2u);
    EXPECT_EQ(GetRun(store_, kUuid, "other").result, STORE_OK);
    EXPECT_EQ(DeleteRuns(store_, {kUuid, "three"}), 0); // again
}

TEST_P(StoreContract, OnlyRunsThatAreFinalAndOldEnoughAreDeleted) {
    MakeEnded(store_, "old", 1000); // ended at 1001
    MakeEnded(store_, "young", 1001);
    MustCreate({.id = "running"});
    MustCreate({.id = "waiting"});
    ASSERT_EQ(Apply(store_, {.id = "waiting", .to = RUN_WAITING}).result, STORE_OK);
    MustCreate({.id = "success", .status = RUN_SUCCESS});
    MustCreate({.id = "failure", .status = RUN_FAILURE});
    MakeEnded(store_, "elsewhere", 1000, "other");
    Settle(store_);
    const std::vector<std::string> all = {"old",     "young",   "running",   "waiting",
                                          "success", "failure", "elsewhere", "absent"};
    EXPECT_EQ(DeleteRuns(store_, all, 1000), 0); // ended before: not at
    EXPECT_EQ(ListChanges(store_, {.limit = 0}).floor, 0);
    EXPECT_EQ(DeleteRuns(store_, all, 1001), 2);
    ExpectGone(store_, "success");
    ExpectGone(store_, "failure");
    EXPECT_EQ(DeleteRuns(store_, all, 1002), 1);
    ExpectGone(store_, "old");
    EXPECT_EQ(DeleteRuns(store_, all), 1);
    ExpectGone(store_, "young");
    EXPECT_EQ(GetRun(store_, "running").run.status, RUN_RUNNING);
    EXPECT_EQ(GetRun(store_, "waiting").run.status, RUN_WAITING);
    EXPECT_EQ(GetRun(store_, "elsewhere", "other").run.status, RUN_CANCELLED);
    EXPECT_EQ(DeleteRuns(store_, {}), 0);
}

TEST_P(StoreContract, RunsWithTermsAreDeletedLikeOthers) {
    StoredRun run = LeasedRun("stopped");
    run.terms.on_timeout = RUN_FAILURE;
    run.terms.timeout_at_us = 900000;
    MustCreate(run);
    ASSERT_EQ(Acquire(store_, {.ids = {"stopped"}}).runs.size(), 1u);
    ASSERT_EQ(Apply(store_, {.id = "stopped"}).result, STORE_OK);
    ASSERT_EQ(StopRun(store_, {.id = "stopped", .attempt = 1, .at_us = 5000}).result, STORE_OK);
    Settle(store_);
    // It finished when it was cancelled, not when its work had stopped.
    EXPECT_TRUE(ListEnded(store_, 2000).empty());
    EXPECT_EQ(ListEnded(store_, 5001), (std::vector<Ended>{{"acme", "stopped", 2000, 4}}));
    EXPECT_EQ(DeleteRuns(store_, {"stopped"}, 2000), 0);
    EXPECT_EQ(DeleteRuns(store_, {"stopped"}, 2001), 1);
    ExpectGone(store_, "stopped");
    EXPECT_TRUE(ListDue(store_, INT64_MAX, 10).due.empty());
    EXPECT_TRUE(ListLeases(store_, 10).empty());
    EXPECT_TRUE(Acquire(store_, {.ids = {"stopped"}}).runs.empty());
}

// From its key those of later events follow.
TEST_P(StoreContract, TheRunOfTheNewestEventStaysWhereTheStoreNeedsIt) {
    MakeEnded(store_, "first");
    MakeEnded(store_, "last");
    if (GetParam().is_kept) {
        Reopen(); // no row is behind then
    }
    if (store_->is_shared) { // it has no order of all its events, whose newest it would need
        EXPECT_EQ(DeleteRuns(store_, {"first", "last"}), 2);
        ExpectGone(store_, "first");
        ExpectGone(store_, "last");
        EXPECT_EQ(CreateRun(store_, {.id = "next"}).revision, 5);
        return;
    }
    EXPECT_EQ(DeleteRuns(store_, {"first", "last"}), 1);
    ExpectGone(store_, "first");
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(DeleteRuns(store_, {"last"}), 0);
        EXPECT_TRUE(ListEnded(store_, INT64_MAX).empty());
    }
    EXPECT_EQ(ListEvents(store_, "last").size(), 2u);
    Settle(store_);
    EXPECT_EQ(DeleteRuns(store_, {"last"}), 1);
    ExpectGone(store_, "last");
    // Revisions go on.
    EXPECT_EQ(CreateRun(store_, {.id = "next"}).revision, 5);
}

TEST_P(StoreContract, TheFloorRisesWithADeletion) {
    for (int i = 0; i < 100; i++) {
        MakeEnded(store_, std::to_string(i), 1000 + i); // revisions 2i+1, 2i+2
    }
    MakeEnded(store_, "elsewhere", 1000, "other");
    Settle(store_);
    ASSERT_EQ(DeleteRuns(store_, {"0", "63", "20"}), 3); // 63 has the marks of 127 and 128
    Changes c = ListChanges(store_, {.after = 128, .with_workflow = true, .with_runs = true});
    ASSERT_EQ(c.result, STORE_OK) << c.detail;
    EXPECT_EQ(c.floor, 128);
    EXPECT_EQ(c.newest, 200);
    ASSERT_EQ(c.changes.size(), 72u);
    for (size_t i = 0; i < c.changes.size(); i++) {
        EXPECT_EQ(c.changes[i].event.revision, 129 + static_cast<int64_t>(i));
        EXPECT_EQ(c.changes[i].run_id, std::to_string((128 + i) / 2));
        EXPECT_EQ(c.changes[i].run.id, c.changes[i].run_id);
        EXPECT_EQ(c.changes[i].workflow_id, "w");
    }
    for (int64_t below : {127, 126, 40, 1, 0}) {
        c = ListChanges(store_, {.after = below});
        EXPECT_EQ(c.result, STORE_CONFLICT) << below;
        EXPECT_EQ(c.floor, 128);
        EXPECT_TRUE(c.changes.empty());
    }
    for (int64_t above = 128; above <= 200; above++) {
        for (int limit : {1, 2, 64, 100}) {
            c = ListChanges(store_, {.after = above, .limit = limit});
            ASSERT_EQ(c.result, STORE_OK) << above << ": " << c.detail;
            ASSERT_EQ(static_cast<int64_t>(c.changes.size()),
                      std::min<int64_t>(limit, 200 - above));
        }
    }
    EXPECT_EQ(ListChanges(store_, {.organization = "other"}).changes.size(), 2u);
    // A deletion below the floor leaves it, and what is not deleted below has its history.
    ASSERT_EQ(DeleteRuns(store_, {"1"}), 1);
    EXPECT_EQ(ListChanges(store_, {.limit = 0}).floor, 128);
    EXPECT_EQ(ListEvents(store_, "2").size(), 2u);
    // So does a plan to trim: it looks for marks of events above the floor alone.
    EXPECT_EQ(PlanTrim(store_, INT64_MIN, 10), (std::vector<Trim>{{"acme", 190}}));
    EXPECT_EQ(PlanTrim(store_, 1075, INT64_MAX)[0], (Trim{"acme", 149}));
    int64_t floor;
    ASSERT_EQ(TrimChanges(store_, 190, &floor), STORE_OK);
    EXPECT_EQ(floor, 190);
    EXPECT_EQ(ListChanges(store_, {.after = 190}).changes.size(), 10u);
}

TEST_P(StoreContract, AFeedGoesOnWhereAllItsEventsWereDeleted) {
    for (int i = 0; i < 40; i++) {
        MakeEnded(store_, std::to_string(i));
    }
    Settle(store_);
    std::vector<std::string> ids;
    for (int i = 0; i < 40; i++) {
        ids.push_back(std::to_string(i));
    }
    ASSERT_EQ(DeleteRuns(store_, ids), 40);
    Changes c = ListChanges(store_, {.after = 80});
    EXPECT_EQ(c.result, STORE_OK) << c.detail;
    EXPECT_EQ(c.newest, 80);
    EXPECT_EQ(c.floor, 80);
    EXPECT_TRUE(c.changes.empty());
    EXPECT_EQ(ListRuns(store_, {}).newest_revision, 80);
    MakeEnded(store_, "next");
    c = ListChanges(store_, {.after = 80});
    EXPECT_EQ(c.result, STORE_OK) << c.detail;
    ASSERT_EQ(c.changes.size(), 2u);
    EXPECT_EQ(c.changes[0].event.revision, 81);
    EXPECT_EQ(ListChanges(store_, {.after = 79}).result, STORE_CONFLICT);
}

TEST_P(StoreContract, ADeletionByHandIsTheLastThatTheFeedTells) {
    const Cause cause = {"deleter", "asked", "request", "address", "key"};
    MakeEnded(store_, kUuid);
    MakeEnded(store_, "other");
    StoredRun before = GetRun(store_, kUuid).run;
    Deleted d = DeleteRun(store_, {.id = kUuid, .at_us = 9000, .cause = cause});
    ASSERT_EQ(d.result, STORE_OK) << d.detail;
    EXPECT_EQ(d.revision, 5);
    EXPECT_FALSE(d.is_pending);
    ExpectSame(d.run, before);
    ExpectGone(store_, kUuid);
    Changes c = ListChanges(store_, {.after = 2, .with_workflow = true, .with_runs = true});
    ASSERT_EQ(c.result, STORE_OK) << c.detail;
    EXPECT_EQ(c.floor, 2);
    ASSERT_EQ(c.changes.size(), 3u);
    const Change &told = c.changes[2];
    EXPECT_EQ(told.run_id, kUuid);
    EXPECT_EQ(told.event, (WholeEvent{5, STORE_EVENT_DELETION, 3, RUN_CANCELLED, RUN_CANCELLED,
                                      9000, 0, cause, ""}));
    EXPECT_EQ(told.workflow_id, "w");
    EXPECT_EQ(told.run.id, "");
    EXPECT_EQ(told.run.sequence, 0);
    EXPECT_EQ(c.changes[1].run.id, "other");
    EXPECT_EQ(DeleteRun(store_, {.id = kUuid}).result, STORE_NOT_FOUND);
    EXPECT_EQ(CreateRun(store_, {.id = "next"}).revision, 6);
}

TEST_P(StoreContract, OnlyAFinalRunIsDeletedByHand) {
    MustCreate({.id = "running", .spec = "spec"});
    MustCreate({.id = "waiting"});
    ASSERT_EQ(Apply(store_, {.id = "waiting", .to = RUN_WAITING}).result, STORE_OK);
    for (const char *id : {"running", "waiting"}) {
        Deleted d = DeleteRun(store_, {.id = id});
        EXPECT_EQ(d.result, STORE_CONFLICT) << id;
        EXPECT_EQ(d.revision, 0);
        ExpectSame(d.run, GetRun(store_, id).run);
    }
    EXPECT_EQ(DeleteRun(store_, {.id = "absent"}).result, STORE_NOT_FOUND);
    EXPECT_EQ(DeleteRun(store_, {.organization = "other", .id = "running"}).result,
              STORE_NOT_FOUND);
    EXPECT_EQ(ListChanges(store_, {}).changes.size(), 3u);
    EXPECT_EQ(ListChanges(store_, {}).floor, 0);
}

TEST_P(StoreContract, ADeletionIsNoSoonerThanWhatItDeletes) {
    MakeEnded(store_, "run", 7000);
    MustCreate(LeasedRun("stopped"));
    ASSERT_EQ(Apply(store_, {.id = "stopped", .at_us = 8000}).result, STORE_OK);
    ASSERT_EQ(StopRun(store_, {.id = "stopped", .at_us = 8500}).result, STORE_OK);
    ASSERT_EQ(DeleteRun(store_, {.id = "run", .at_us = 500}).result, STORE_OK);
    ASSERT_EQ(DeleteRun(store_, {.id = "stopped", .at_us = 600}).result, STORE_OK);
    Changes c = ListChanges(store_, {.after = 5});
    ASSERT_EQ(c.changes.size(), 2u);
    EXPECT_EQ(c.changes[0].event.at_us, 7001);
    EXPECT_EQ(c.changes[1].event.at_us, 8500);
    EXPECT_EQ(c.changes[1].event.sequence, 4);
}

TEST_P(StoreContract, AnIdCanBeCreatedAgainAfterItsDeletion) {
    for (int round = 0; round < 4; round++) {
        ASSERT_EQ(CreateRun(store_, {.id = kUuid, .started_at_us = 1000 + round}).result, STORE_OK);
        if (round % 2 == 0) { // longer than the next one
            ASSERT_EQ(Apply(store_, {.id = kUuid, .to = RUN_WAITING}).result, STORE_OK);
            ASSERT_EQ(Apply(store_, {.id = kUuid, .to = RUN_RUNNING}).result, STORE_OK);
        }
        StoredRun run = GetRun(store_, kUuid).run;
        EXPECT_EQ(run.status, RUN_RUNNING) << round;
        EXPECT_EQ(run.started_at_us, 1000 + round);
        EXPECT_EQ(run.sequence, round % 2 == 0 ? 3 : 1);
        EXPECT_EQ(ListRuns(store_, {.status = kActive}).ids(), std::vector<std::string>{kUuid});
        std::vector<Event> events = ListEvents(store_, kUuid);
        ASSERT_EQ(static_cast<int64_t>(events.size()), run.sequence);
        EXPECT_EQ(events[0].from, 0);
        ASSERT_EQ(Apply(store_, {.id = kUuid, .at_us = 3000 + round}).result, STORE_OK);
        EXPECT_EQ(GetRun(store_, kUuid).run.status, RUN_CANCELLED);
        if (round < 3) {
            ASSERT_EQ(DeleteRun(store_, {.id = kUuid}).result, STORE_OK);
        }
    }
    // The last deletion and the run after it are above the floor; the run of now is what it is.
    Changes c =
        ListChanges(store_, {.after = ListChanges(store_, {.limit = 0}).floor, .with_runs = true});
    ASSERT_EQ(c.result, STORE_OK);
    ASSERT_EQ(c.changes.size(), 3u);
    EXPECT_EQ(c.changes[0].event.kind, STORE_EVENT_DELETION);
    const Change &last = c.changes.back();
    EXPECT_EQ(last.event.to, RUN_CANCELLED);
    ExpectSame(last.run, GetRun(store_, kUuid).run);
    // What told of the earlier ones goes without touching it.
    Settle(store_);
    EXPECT_EQ(DeleteRuns(store_, {kUuid}, 1), 0);
    EXPECT_EQ(DeleteRuns(store_, {"absent", kUuid}), 1);
    EXPECT_EQ(GetRun(store_, kUuid).result, STORE_NOT_FOUND);
}

// Readers keep what was known of the run that was deleted, which had more events.
TEST_P(StoreContract, AnIdThatIsCreatedAgainIsTheNewRunBesideReaders) {
    constexpr int kRounds = 60;
    std::atomic<bool> is_over{false};
    for (int i = 0; i < 600; i++) {
        MustCreate({.id = "other" + std::to_string(i), .spec = std::string(2000, 's')});
    }
    RunTogether(4, [&](int n) {
        std::atomic<bool> ignored{false};
        Ending ending{n == 0 ? &is_over : &ignored};
        for (int round = 0; n == 0 && round < kRounds; round++) {
            ASSERT_EQ(CreateRun(store_, {.id = kUuid, .started_at_us = 1000 + round}).result,
                      STORE_OK);
            StoredRun run = GetRun(store_, kUuid).run;
            ASSERT_EQ(run.status, RUN_RUNNING) << round;
            ASSERT_EQ(run.started_at_us, 1000 + round);
            ASSERT_EQ(ListEvents(store_, kUuid).size(), 1u) << round;
            ASSERT_EQ(Apply(store_, {.id = kUuid}).result, STORE_OK);
            ASSERT_EQ(GetRun(store_, kUuid).run.status, RUN_CANCELLED);
            ASSERT_EQ(DeleteRun(store_, {.id = kUuid}).result, STORE_OK);
        }
        while (n > 0 && !is_over) {
            ASSERT_GE(ListRuns(store_, {.limit = 1000}).runs.size(), 600u);
        }
    });
}

TEST_P(StoreContract, WhatEndedIsListedInTheOrderOfTheEnds) {
    std::vector<Ended> expected;
    for (int i = 0; i < 30; i++) {
        MustCreate({.id = std::to_string(i), .started_at_us = 1000 + i});
    }
    for (int i = 0; i < 30; i++) { // in another order than they began
        const std::string id = std::to_string(i * 7 % 30);
        if (i % 3 != 0) {
            ASSERT_EQ(Apply(store_, {.id = id, .at_us = 2000 + i}).result, STORE_OK);
        } else {
            ASSERT_EQ(Apply(store_, {.id = id, .to = RUN_WAITING, .at_us = 2000 + i}).result,
                      STORE_OK);
        }
        if (i % 3 != 0 && i < 20) {
            expected.push_back({"acme", id, 2000 + i, 31 + i});
        }
    }
    MakeEnded(store_, "late", 3000, "other");
    Settle(store_);
    for (int limit : {1, 2, 5, 100}) {
        EXPECT_EQ(ListEnded(store_, 2020, nullptr, limit), expected) << limit;
    }
    EXPECT_TRUE(ListEnded(store_, 2000).empty());
    // A later look goes on where the one before ended.
    int64_t cursor = 0;
    EXPECT_EQ(ListEnded(store_, 2020, &cursor), expected);
    EXPECT_TRUE(ListEnded(store_, 2020, &cursor).empty());
    std::vector<Ended> later = ListEnded(store_, 4000, &cursor);
    ASSERT_EQ(later.size(), 8u);
    EXPECT_EQ(later[0], (Ended{"acme", std::to_string(20 * 7 % 30), 2020, 51}));
    EXPECT_EQ(later[7], (Ended{"other", "late", 3001, 2}));
    // What was deleted is listed no more.
    ASSERT_EQ(DeleteRuns(store_, Ids(expected), 2020), static_cast<int>(expected.size()));
    EXPECT_EQ(ListEnded(store_, 4000), later);
}

TEST_P(StoreContract, OldEventsOfDeletionsGoLikeRuns) {
    MakeEnded(store_, kUuid, 1000);
    MakeEnded(store_, "two", 1000);
    ASSERT_EQ(DeleteRun(store_, {.id = kUuid, .at_us = 5000}).result, STORE_OK);
    ASSERT_EQ(DeleteRun(store_, {.id = "two", .at_us = 6000}).result, STORE_OK);
    MakeEnded(store_, "three", 7000);
    MustCreate({.id = kUuid, .started_at_us = 7001}); // again
    Settle(store_);
    EXPECT_EQ(Ids(ListEnded(store_, 5001)), std::vector<std::string>{kUuid});
    EXPECT_EQ(ListEnded(store_, 6001),
              (std::vector<Ended>{{"acme", kUuid, 5000, 5}, {"acme", "two", 6000, 6}}));
    EXPECT_EQ(DeleteRuns(store_, {"two"}, 6000), 0);
    EXPECT_EQ(ListChanges(store_, {.limit = 0}).floor, 4);
    EXPECT_EQ(DeleteRuns(store_, {"two"}, 6001), 1);
    Changes c = ListChanges(store_, {.after = 6});
    EXPECT_EQ(c.result, STORE_OK) << c.detail;
    EXPECT_EQ(c.floor, 6);
    EXPECT_EQ(c.changes.size(), 3u);
    // That of a run whose id is taken again, too; the run stays.
    EXPECT_EQ(DeleteRuns(store_, {kUuid}, 6001), 1);
    EXPECT_EQ(GetRun(store_, kUuid).run.status, RUN_RUNNING);
    EXPECT_TRUE(ListEnded(store_, 6001).empty());
}

TEST_P(StoreContract, AnIdMayBeGivenTwice) {
    MakeEnded(store_, "one");
    MakeEnded(store_, "gone");
    ASSERT_EQ(DeleteRun(store_, {.id = "gone", .at_us = 100}).result, STORE_OK);
    Settle(store_);
    EXPECT_EQ(DeleteRuns(store_, {"one", "gone", "one", "gone"}), 2);
    ExpectGone(store_, "one");
}

TEST_P(StoreContract, WhatIsDeletedStaysSoWhereTheStoreIsKept) {
    if (!GetParam().is_kept) {
        GTEST_SKIP() << "nothing outlives the process";
    }
    for (int i = 0; i < 100; i++) {
        MakeEnded(store_, std::to_string(i), 1000 + i);
    }
    ASSERT_EQ(DeleteRun(store_, {.id = "70"}).result, STORE_OK); // 201, above the floor of 142
    MakeEnded(store_, "last", 20000);
    int64_t made = 203;
    for (int round = 0; round < 3; round++) {
        SCOPED_TRACE(round);
        Reopen();
        Changes c = ListChanges(store_, {.after = 142});
        ASSERT_EQ(c.result, STORE_OK) << c.detail;
        EXPECT_EQ(c.floor, 142);
        EXPECT_EQ(c.newest, made);
        EXPECT_EQ(static_cast<int64_t>(c.changes.size()), made - 142);
        EXPECT_EQ(ListChanges(store_, {.after = 141}).result, STORE_CONFLICT);
        ExpectGone(store_, "70");
        ASSERT_EQ(DeleteRuns(store_, {std::to_string(round)}), 1);
        EXPECT_EQ(CreateRun(store_, {.id = "new" + std::to_string(round)}).revision, ++made);
    }
    // All of it, so that nothing is left but the newest event.
    for (int round = 0; round < 3; round++) {
        ASSERT_EQ(Apply(store_, {.id = "new" + std::to_string(round)}).revision, ++made);
    }
    std::vector<std::string> ids = {"70", "last", "new0", "new1", "new2"};
    for (int i = 3; i < 100; i++) {
        ids.push_back(std::to_string(i));
    }
    Settle(store_);
    EXPECT_EQ(DeleteRuns(store_, ids), 101);
    Reopen();
    Changes c = ListChanges(store_, {.after = made});
    EXPECT_EQ(c.result, STORE_OK) << c.detail;
    EXPECT_EQ(c.floor, made);
    EXPECT_EQ(CreateRun(store_, {.id = "0"}).revision, made + 1);
    EXPECT_EQ(ListEvents(store_, "0").size(), 1u);
}

// Lists that were begun before a deletion leave out what is gone when they read it.
TEST_P(StoreContract, ListsBesideDeletionsAreSound) {
    constexpr int kRuns = 300;
    std::atomic<bool> is_over{false};
    std::vector<std::string> ids;
    for (int i = 0; i < kRuns; i++) {
        ids.push_back(std::to_string(i));
        MustCreate({.id = ids.back(), .started_at_us = 1000 + i, .spec = std::string(500, 's')});
    }
    RunTogether(4, [&](int n) {
        std::atomic<bool> ignored{false};
        Ending ending{n == 0 ? &is_over : &ignored};
        for (int i = 0; n == 0 && i < kRuns; i++) {
            ASSERT_EQ(Apply(store_, {.id = ids[i]}).result, STORE_OK);
            ASSERT_EQ(DeleteRun(store_, {.id = ids[i]}).result, STORE_OK);
            if (i % 2 == 0) { // another run of the id, which started later
                ASSERT_EQ(CreateRun(store_, {.id = ids[i], .started_at_us = 5000 + i}).result,
                          STORE_OK);
            }
        }
        while (n > 0 && !is_over) {
            Page p = n == 1 ? ListRuns(store_, {.limit = 1000, .ids = ids})
                            : ListRuns(store_, {.status = n == 2 ? kActive : RUN_STATUS_ALL,
                                                .limit = 1000});
            ASSERT_EQ(p.result, STORE_OK);
            for (size_t i = 1; i < p.runs.size(); i++) {
                ASSERT_GE(p.runs[i - 1].started_at_us, p.runs[i].started_at_us);
            }
        }
    });
}

TEST_P(StoreContract, KeysGoWithTheirRun) {
    const Key create = {.name = "create", .request = "r"};
    ASSERT_EQ(CreateRun(store_, {.id = kUuid}, {}, create).result, STORE_OK);
    Transition cancel = {.id = kUuid};
    cancel.key = {.name = "cancel", .request = "r"};
    ASSERT_EQ(Apply(store_, cancel).result, STORE_OK);
    EXPECT_TRUE(CreateRun(store_, {.id = kUuid}, {}, create).is_replayed);
    Settle(store_);
    ASSERT_EQ(DeleteRuns(store_, {kUuid}), 1);
    // They are those of no run, and lead to none, whoever has its id now.
    EXPECT_EQ(Apply(store_, cancel).result, STORE_NOT_FOUND);
    Answer again = CreateRun(store_, {.id = kUuid, .started_at_us = 3000}, {}, create);
    ASSERT_EQ(again.result, STORE_OK);
    EXPECT_FALSE(again.is_replayed);
    EXPECT_EQ(again.run.status, RUN_RUNNING);
    Answer cancelled = Apply(store_, cancel);
    EXPECT_EQ(cancelled.result, STORE_OK);
    EXPECT_FALSE(cancelled.is_replayed);
    EXPECT_GT(cancelled.revision, 0);
}

TEST_P(StoreContract, ChildrenOfADeletedParentGoOn) {
    auto create_child = [&](const std::string &id, const std::string &parent) {
        STORE_OP(op, create_run);
        StoredRun run = {.id = id};
        FillCreate(op, run);
        op->parent_id = ToSlice(parent);
        enum store_result result = op.RunOn(store_);
        return std::make_pair(result, op->ret_parent);
    };
    MustCreate({.id = "parent"});
    ASSERT_EQ(create_child("child", "parent").first, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "parent"}).result, STORE_OK);
    EXPECT_EQ(create_child("x", "child"), std::make_pair(STORE_CONFLICT, PARENT_CANCELLED));
    ASSERT_EQ(DeleteRun(store_, {.id = "parent"}).result, STORE_OK);
    EXPECT_EQ(create_child("x", "child"), std::make_pair(STORE_OK, PARENT_SOUND));
    EXPECT_EQ(create_child("y", "parent"), std::make_pair(STORE_CONFLICT, PARENT_MISSING));
    EXPECT_EQ(GetRun(store_, "child").run.status, RUN_RUNNING);
    ASSERT_EQ(Apply(store_, {.id = "child"}).result, STORE_OK);
    ASSERT_EQ(DeleteRun(store_, {.id = "child"}).result, STORE_OK);
    EXPECT_EQ(create_child("child", "x"), std::make_pair(STORE_CONFLICT, PARENT_DESCENDS));
}

TEST_P(StoreContract, CountsAreThoseOfTheRunsThatAreLeft) {
    auto counts = [&] {
        STORE_OP(op, get_organization);
        std::string acme = "acme";
        op->name = ToSlice(acme);
        EXPECT_EQ(op.RunOn(store_), STORE_OK);
        return std::vector<int64_t>(op->ret.runs + RUN_RUNNING, op->ret.runs + RUN_STATUS_COUNT);
    };
    for (int i = 0; i < 4; i++) {
        MakeEnded(store_, "cancelled" + std::to_string(i));
        MustCreate({.id = "success" + std::to_string(i), .status = RUN_SUCCESS});
        MustCreate({.id = "running" + std::to_string(i)});
    }
    Settle(store_);
    EXPECT_EQ(counts(), (std::vector<int64_t>{4, 0, 4, 0, 4}));
    ASSERT_EQ(DeleteRuns(store_, {"cancelled0", "success1", "success2", "running0"}), 3);
    EXPECT_EQ(counts(), (std::vector<int64_t>{4, 0, 2, 0, 3}));
    ASSERT_EQ(DeleteRun(store_, {.id = "success0"}).result, STORE_OK);
    EXPECT_EQ(counts(), (std::vector<int64_t>{4, 0, 1, 0, 3}));
    if (GetParam().is_kept) {
        Reopen();
        EXPECT_EQ(counts(), (std::vector<int64_t>{4, 0, 1, 0, 3}));
    }
}

// Readers who stand right at the floor, whose next events are those that go next.
TEST_P(StoreContract, ReadersAtTheFloorNeverReadAGap) {
    constexpr int kRuns = 1200;
    std::atomic<bool> is_deleted{false};
    for (int i = 0; i < kRuns; i++) {
        MustCreate({.id = std::to_string(i), .status = RUN_SUCCESS, .started_at_us = 1000 + i});
    }
    Settle(store_);
    RunTogether(4, [&](int n) {
        if (n == 0) {
            Ending ending{&is_deleted};
            for (int i = 0; i < kRuns; i++) {
                ASSERT_EQ(DeleteRuns(store_, {std::to_string(i)}), 1);
            }
            return;
        }
        int64_t floor = 0;
        while (!is_deleted) {
            Changes c = ListChanges(store_, {.after = floor, .limit = 2});
            ASSERT_TRUE(c.result == STORE_OK || c.result == STORE_CONFLICT) << c.detail;
            ASSERT_GE(c.floor, floor);
            floor = c.floor;
        }
    });
    EXPECT_EQ(ListChanges(store_, {.limit = 0}).floor, kRuns);
}

// While runs end and are deleted, a reading from the floor on has all that it asks for.
TEST_P(StoreContract, ReadersBesideDeletionsNeverReadAGap) {
    constexpr int kRuns = 1500;
    std::atomic<bool> is_written{false};
    std::atomic<int> deleted{0};
    std::atomic<int> expired{0};
    RunTogether(6, [&](int n) {
        if (n == 0) {
            Ending ending{&is_written};
            for (int i = 0; i < kRuns; i++) {
                MakeEnded(store_, std::to_string(i), 1000 + i);
            }
            return;
        }
        int64_t at = 0;
        int64_t floor = 0;
        int64_t cursor = 0;
        for (int i = 0; i == 0 || !is_written; i++) {
            if (n == 1) { // by what is old enough
                std::vector<std::string> ids = Ids(ListEnded(store_, INT64_MAX, &cursor, 50));
                ids.resize(std::min<size_t>(ids.size(), STORE_MOST_DELETE_RUNS));
                deleted += DeleteRuns(store_, ids);
                continue;
            }
            if (n == 2) { // by hand
                const Page page =
                    ListRuns(store_, {.status = RUN_STATUS_BIT(RUN_CANCELLED), .limit = 1});
                for (const std::string &id : page.ids()) {
                    deleted += DeleteRunOnce(store_, {.id = id}).result == STORE_OK;
                }
                continue;
            }
            Changes c = ListChanges(
                store_, {.after = at, .limit = n, .with_workflow = true, .with_runs = n == 3});
            ASSERT_GE(c.floor, floor);
            ASSERT_LE(c.floor, c.newest);
            floor = c.floor;
            if (c.result == STORE_CONFLICT) {
                ASSERT_LT(at, c.floor);
                at = c.floor;
                expired++;
                continue;
            }
            ASSERT_EQ(c.result, STORE_OK) << c.detail;
            ASSERT_EQ(static_cast<int64_t>(c.changes.size()), std::min<int64_t>(n, c.newest - at));
            for (const Change &change : c.changes) {
                ASSERT_EQ(change.event.revision, ++at);
            }
        }
    });
    EXPECT_GT(deleted, 0);
}

} // namespace
