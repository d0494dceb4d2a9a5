#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "tests/storage/feed_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/store_contract.h"

using namespace store_testing;

// The feed: an organization's events in the order of their commits, and where it begins.

namespace {

INSTANTIATE_STORE_CONTRACT();

std::vector<int64_t> FromTo(int64_t first, int64_t last) {
    std::vector<int64_t> all;
    for (int64_t i = first; i <= last; i++) {
        all.push_back(i);
    }
    return all;
}

// Every third name is no UUID.
std::string RunName(int i) {
    char uuid[64];
    snprintf(uuid, sizeof(uuid), "01937560-0000-7a01-8000-%012d", i * 7919 % 1000);
    return i % 3 == 0 ? "run-" + std::to_string(i) : uuid;
}

// Makes count events of the organization, of as many runs as there are ids.
void MakeEvents(struct run_store *store, const std::string &organization, int count,
                int runs = 10) {
    int64_t made = ListChanges(store, {.organization = organization, .limit = 0}).newest;
    for (int i = 0; i < count; i++, made++) {
        const std::string id = std::to_string(made % runs);
        Answer a = made < runs
                       ? CreateRun(store, {.organization = organization, .id = id})
                       : Apply(store, {.organization = organization,
                                       .id = id,
                                       .to = made / runs % 2 == 0 ? RUN_RUNNING : RUN_WAITING,
                                       .at_us = 1000 + made});
        ASSERT_EQ(a.result, STORE_OK) << a.detail;
        ASSERT_EQ(a.revision, made + 1);
    }
}

TEST_P(StoreContract, TheFeedIsTheEventsOfAllRunsInTheOrderOfTheirRevisions) {
    const std::string uuid = "01937560-0000-7a01-8000-000000000001";
    Cause cause = {"creator", "why", "request", "address", "key"};
    ASSERT_EQ(CreateRun(store_, {.id = uuid, .workflow_id = "w", .spec = "spec"}, cause).revision,
              1);
    ASSERT_EQ(CreateRun(store_, {.organization = "other", .id = uuid}).revision, 1);
    ASSERT_EQ(CreateRun(store_, {.id = "two", .started_at_us = 1500, .attempt = 4}).revision, 2);
    ASSERT_EQ(Apply(store_, {.id = uuid,
                             .to = RUN_WAITING,
                             .set_execution_state = true,
                             .execution_state = "state"})
                  .revision,
              3);
    ASSERT_EQ(Apply(store_, {.id = "two", .to = RUN_CANCELLED, .reason = "enough"}).revision, 4);

    Changes c = ListChanges(store_, {.with_workflow = true, .with_runs = true});
    ASSERT_EQ(c.result, STORE_OK);
    EXPECT_EQ(c.newest, 4);
    EXPECT_EQ(c.floor, 0);
    ASSERT_EQ(c.changes.size(), 4u);
    const std::string ids[] = {uuid, "two", uuid, "two"};
    std::map<std::string, std::vector<WholeEvent>> by_run;
    for (size_t i = 0; i < 4; i++) {
        EXPECT_EQ(c.changes[i].run_id, ids[i]);
        EXPECT_EQ(c.changes[i].workflow_id, ids[i] == uuid ? "w" : "");
        ExpectSame(c.changes[i].run, GetRun(store_, ids[i]).run);
        by_run[ids[i]].push_back(c.changes[i].event);
    }
    EXPECT_EQ(c.changes[0].event.cause, cause);
    for (const auto &run : by_run) {
        EXPECT_EQ(run.second, ListWholeEvents(store_, run.first));
    }
    // What is not asked for is not there.
    c = ListChanges(store_, {});
    ASSERT_EQ(c.changes.size(), 4u);
    EXPECT_EQ(c.changes[0].workflow_id, "");
    EXPECT_EQ(c.changes[0].run.id, "");
    EXPECT_EQ(c.changes[0].run.sequence, 0);
}

TEST_P(StoreContract, AFeedIsReadFromAnyRevisionOn) {
    MakeEvents(store_, "acme", 200);
    MakeEvents(store_, "other", 3);
    for (int64_t after = 0; after <= 200; after++) {
        for (int limit : {1, 2, 63, 64, 65, 1000}) {
            Changes c = ListChanges(store_, {.after = after, .limit = limit});
            ASSERT_EQ(c.result, STORE_OK) << c.detail;
            ASSERT_EQ(c.newest, 200);
            ASSERT_EQ(c.revisions(), FromTo(after + 1, std::min<int64_t>(after + limit, 200)))
                << after << " " << limit;
        }
    }
}

TEST_P(StoreContract, AFeedIsNotReadFromBehindItsNewestRevision) {
    MakeEvents(store_, "acme", 3);
    Changes c = ListChanges(store_, {.after = 3});
    EXPECT_EQ(c.result, STORE_OK);
    EXPECT_EQ(c.newest, 3);
    EXPECT_TRUE(c.changes.empty());
    for (int64_t after : {int64_t{4}, INT64_MAX, int64_t{-1}, INT64_MIN}) {
        c = ListChanges(store_, {.after = after});
        EXPECT_EQ(c.result, STORE_CONFLICT) << after;
        EXPECT_EQ(c.newest, 3);
        EXPECT_EQ(c.floor, 0);
        c = ListChanges(store_, {.after = after, .limit = 0});
        EXPECT_EQ(c.result, STORE_OK) << after;
        EXPECT_EQ(c.newest, 3);
        EXPECT_EQ(c.floor, 0);
    }
}

TEST_P(StoreContract, AnOrganizationWithoutEventsHasAnEmptyFeed) {
    MakeEvents(store_, "acme", 3);
    Changes c = ListChanges(store_, {.organization = "none"});
    EXPECT_EQ(c.result, STORE_OK);
    EXPECT_EQ(c.newest, 0);
    EXPECT_EQ(c.floor, 0);
    EXPECT_TRUE(c.changes.empty());
    EXPECT_EQ(ListChanges(store_, {.organization = "none", .after = 1}).result, STORE_CONFLICT);
}

TEST_P(StoreContract, OneReadOfTheFeedIsBounded) {
    MakeEvents(store_, "acme", 20);
    const std::string large(1024 * 1024, 's');
    for (int i = 0; i < 10; i++) {
        ASSERT_EQ(CreateRun(store_, {.id = "large" + std::to_string(i), .spec = large}).result,
                  STORE_OK);
    }
    Changes c = ListChanges(store_, {.with_runs = true});
    EXPECT_EQ(c.revisions(), FromTo(1, 24));
    EXPECT_EQ(c.newest, 30);
    c = ListChanges(store_, {.after = 24, .with_runs = true});
    EXPECT_EQ(c.revisions(), FromTo(25, 28));
    EXPECT_EQ(ListChanges(store_, {}).revisions(), FromTo(1, 30));
}

TEST_P(StoreContract, AFloorIsWhereTheFeedBegins) {
    MakeEvents(store_, "acme", 300);
    MakeEvents(store_, "other", 5);
    int64_t floor;
    for (int64_t wanted : {1, 63, 64, 65, 128, 250, 300}) {
        ASSERT_EQ(TrimChanges(store_, wanted, &floor), STORE_OK);
        EXPECT_EQ(floor, wanted);
        Changes c = ListChanges(store_, {.after = wanted}); // at the floor
        EXPECT_EQ(c.result, STORE_OK);
        EXPECT_EQ(c.floor, wanted);
        EXPECT_EQ(c.revisions(), FromTo(wanted + 1, 300));
        c = ListChanges(store_, {.after = wanted - 1}); // one below
        EXPECT_EQ(c.result, STORE_CONFLICT);
        EXPECT_EQ(c.floor, wanted);
        EXPECT_EQ(c.newest, 300);
        EXPECT_TRUE(c.changes.empty());
        c = ListChanges(store_, {.after = wanted + 1}); // one above
        EXPECT_EQ(c.result, wanted == 300 ? STORE_CONFLICT : STORE_OK);
        EXPECT_EQ(c.revisions(), FromTo(wanted + 2, 300));
        c = ListChanges(store_, {.after = 301}); // one above the newest
        EXPECT_EQ(c.result, STORE_CONFLICT);
        c = ListChanges(store_, {.limit = 0});
        EXPECT_EQ(c.result, STORE_OK);
        EXPECT_EQ(c.floor, wanted);
    }
    // The histories of runs are whole, and the other organization's feed is.
    for (int run = 0; run < 10; run++) {
        EXPECT_EQ(ListEvents(store_, std::to_string(run)).size(), 30u);
    }
    EXPECT_EQ(ListChanges(store_, {.organization = "other"}).revisions(), FromTo(1, 5));
    MakeEvents(store_, "acme", 1);
    EXPECT_EQ(ListChanges(store_, {.after = 300}).revisions(), FromTo(301, 301));
}

TEST_P(StoreContract, AFloorIsNeverLoweredAndNeverAboveTheNewestRevision) {
    MakeEvents(store_, "acme", 100);
    int64_t floor;
    ASSERT_EQ(TrimChanges(store_, 70, &floor), STORE_OK);
    for (int64_t lower : {int64_t{70}, int64_t{69}, int64_t{0}, INT64_MIN}) {
        ASSERT_EQ(TrimChanges(store_, lower, &floor), STORE_OK);
        EXPECT_EQ(floor, 70);
        EXPECT_EQ(ListChanges(store_, {.after = 70}).revisions(), FromTo(71, 100));
    }
    ASSERT_EQ(TrimChanges(store_, INT64_MAX, &floor), STORE_OK);
    EXPECT_EQ(floor, 100);
    ASSERT_EQ(TrimChanges(store_, 101, &floor), STORE_OK);
    EXPECT_EQ(floor, 100);
    EXPECT_EQ(TrimChanges(store_, 1, &floor, "none"), STORE_NOT_FOUND);
    EXPECT_EQ(floor, -1);
}

// While events come and the floor is raised from two sides a reading has all that it asks for, or
// says that it begins below the floor.
TEST_P(StoreContract, ReadersBesideARisingFloorNeverReadAGap) {
    constexpr int kEvents = 1500;
    constexpr int kThreads = 6;
    std::atomic<bool> is_written{false};
    std::atomic<int> expired{0};
    MakeEvents(store_, "acme", 100);
    int64_t first_floor;
    ASSERT_EQ(TrimChanges(store_, 50, &first_floor), STORE_OK);
    RunTogether(kThreads, [&](int n) {
        if (n == 0) {
            MakeEvents(store_, "acme", kEvents);
            is_written = true;
            return;
        }
        int64_t at = 0;
        int64_t floor = 0;
        for (int i = 0; i == 0 || !is_written; i++) {
            if (n <= 2) { // close behind the newest, and not in step with the other
                const int64_t newest = ListChanges(store_, {.limit = 0}).newest;
                int64_t raised = 0;
                ASSERT_EQ(TrimChanges(store_, newest - i % (5 * n), &raised), STORE_OK);
                ASSERT_GE(raised, floor);
                ASSERT_GE(raised, newest - i % (5 * n));
                floor = raised;
                continue;
            }
            Changes c = ListChanges(store_, {.after = at, .limit = n});
            ASSERT_LE(c.floor, c.newest);
            ASSERT_GE(c.floor, floor);
            floor = c.floor;
            if (c.result == STORE_CONFLICT) {
                ASSERT_LT(at, c.floor);
                at = c.floor;
                expired++;
                continue;
            }
            ASSERT_EQ(c.result, STORE_OK) << c.detail;
            ASSERT_EQ(c.revisions(), FromTo(at + 1, std::min<int64_t>(at + n, c.newest)));
            at += static_cast<int64_t>(c.changes.size());
        }
    });
    EXPECT_GE(expired, 3);               // the first reading of each
    for (int run = 0; run < 10; run++) { // whole as ever
        EXPECT_EQ(ListEvents(store_, std::to_string(run)).size(), (100u + kEvents) / 10);
    }
}

TEST_P(StoreContract, FloorsAndFeedsGoOnWhereTheStoreIsKept) {
    if (!GetParam().is_kept) {
        GTEST_SKIP() << "nothing outlives the process";
    }
    MakeEvents(store_, "acme", 150);
    MakeEvents(store_, "other", 150);
    int64_t floor;
    ASSERT_EQ(TrimChanges(store_, 100, &floor), STORE_OK);
    for (int round = 0; round < 3; round++) {
        run_store_close(store_);
        store_ = nullptr;
        Opened o = Open(url_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
        Changes c = ListChanges(store_, {.after = 100});
        EXPECT_EQ(c.floor, 100);
        EXPECT_EQ(c.revisions(), FromTo(101, 150 + round));
        EXPECT_EQ(ListChanges(store_, {.after = 99}).result, STORE_CONFLICT);
        c = ListChanges(store_, {.organization = "other"});
        EXPECT_EQ(c.floor, 0);
        EXPECT_EQ(c.revisions(), FromTo(1, 150));
        MakeEvents(store_, "acme", 1);
    }
}

TEST_P(StoreContract, ListsSayTheNewestRevisionOfTheirOrganization) {
    EXPECT_EQ(ListRuns(store_, {}).newest_revision, 0);
    MakeEvents(store_, "acme", 25);
    MakeEvents(store_, "other", 7);
    EXPECT_EQ(ListRuns(store_, {}).newest_revision, 25);
    EXPECT_EQ(ListRuns(store_, {.status = RUN_STATUS_BIT(RUN_FAILURE)}).newest_revision, 25);
    EXPECT_EQ(ListRuns(store_, {.workflow_id = "none"}).newest_revision, 25);
    EXPECT_EQ(ListRuns(store_, {.organization = "other"}).newest_revision, 7);
    EXPECT_EQ(ListRuns(store_, {.organization = "none"}).newest_revision, 0);
}

// What a list has with the events from its newest revision on is what there is.
TEST_P(StoreContract, AFeedGoesOnFromAListWithoutAGap) {
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (int i = 0; !stop; i++) {
            const std::string id = std::to_string(i % 400);
            CreateRun(store_, {.id = id, .started_at_us = 1000 + i % 400});
            Apply(store_, {.id = id, .to = i / 400 % 2 == 0 ? RUN_WAITING : RUN_RUNNING});
        }
    });
    for (int round = 0; round < 150; round++) {
        Page p = ListRuns(store_, {.limit = 1000});
        ASSERT_EQ(p.result, STORE_OK);
        std::map<std::string, int64_t> sequences;
        for (const StoredRun &run : p.runs) {
            sequences[run.id] = run.sequence;
        }
        for (const Change &c : ReadFeed(store_, "acme", p.newest_revision)) {
            int64_t *known = &sequences[c.run_id];
            ASSERT_LE(c.event.sequence, *known + 1) << "the list and the feed miss an event";
            *known = std::max(*known, c.event.sequence);
        }
        int64_t events = 0;
        for (const auto &s : sequences) {
            events += s.second;
        }
        // A list may show what is committed a moment before it is answered and in the feed.
        while (ListChanges(store_, {.limit = 0}).newest < events) {
            std::this_thread::yield();
        }
        ASSERT_GE(events, p.newest_revision);
    }
    stop = true;
    writer.join();
}

TEST_P(StoreContract, ListsOfRunsByTheirIdsAreThoseOfTheOthers) {
    std::vector<std::string> ids;
    for (int i = 0; i < 60; i++) {
        const std::string id = RunName(i);
        ids.push_back(id);
        ASSERT_EQ(CreateRun(store_, {.id = id,
                                     .started_at_us = 1000 + i / 8,
                                     .workflow_id = i % 4 == 0 ? "w" : "v"})
                      .result,
                  STORE_OK);
        if (i % 5 == 0) {
            ASSERT_EQ(Apply(store_, {.id = id, .to = RUN_CANCELLED}).result, STORE_OK);
        }
    }
    MustCreate({.organization = "other", .id = "elsewhere"});
    std::vector<std::string> asked = {"absent", "elsewhere"};
    std::set<std::string> wanted;
    for (size_t i = 0; i < ids.size(); i += 2) {
        asked.insert(asked.begin(), ids[i]);
        wanted.insert(ids[i]);
    }
    asked.push_back(ids[0]); // again
    for (Listing l : std::vector<Listing>{{},
                                          {.status = kActive},
                                          {.workflow_id = "w"},
                                          {.workflow_id = "none"},
                                          {.started_after_us = 1002, .started_before_us = 1005}}) {
        std::vector<std::string> expected;
        for (const std::string &id : ListRuns(store_, l).ids()) {
            if (wanted.count(id) > 0) {
                expected.push_back(id);
            }
        }
        l.ids = asked;
        EXPECT_EQ(ListRuns(store_, l).ids(), expected);
        for (int limit : {1, 7, 30}) { // page by page
            std::vector<std::string> paged;
            Listing page = l;
            page.limit = limit;
            for (;;) {
                Page p = ListRuns(store_, page);
                for (const std::string &id : p.ids()) {
                    paged.push_back(id);
                }
                if (!p.has_more) {
                    break;
                }
                page = Behind(page, p);
            }
            EXPECT_EQ(paged, expected) << limit;
        }
    }
}

TEST_P(StoreContract, ListsOfRunsByTheirHolderAreThoseThatItHoldsNow) {
    std::vector<std::string> ids;
    for (int i = 0; i < 40; i++) {
        const std::string id = RunName(i);
        ids.push_back(id);
        StoredRun run = LeasedRun(id, 1000 + i / 4);
        run.workflow_id = i % 3 == 0 ? "w" : "v";
        ASSERT_EQ(CreateRun(store_, run).result, STORE_OK);
    }
    MustCreate({.id = "external"});
    StoredRun elsewhere = LeasedRun("elsewhere");
    elsewhere.organization = "other";
    ASSERT_EQ(CreateRun(store_, elsewhere).result, STORE_OK);
    const std::vector<std::string> first(ids.begin(), ids.begin() + 30);
    ASSERT_EQ(Acquire(store_, {.ids = first, .limit = 30, .holder = "one"}).runs.size(), 30u);
    ASSERT_EQ(Acquire(store_, {.limit = 5, .holder = "two"}).runs.size(), 5u);
    ASSERT_EQ(Acquire(store_, {.organization = "other", .holder = "one"}).runs.size(), 1u);
    ASSERT_EQ(EndLease(store_, {.id = ids[3]}).result, STORE_OK);
    ASSERT_EQ(EndLease(store_, {.id = ids[4]}).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {ids[4]}, .holder = "two"}).runs.size(), 1u);
    ASSERT_EQ(Apply(store_, {.id = ids[5]}).result, STORE_OK); // a final run has no holder
    ASSERT_EQ(Apply(store_, {.id = ids[6], .to = RUN_WAITING}).result, STORE_OK);
    const std::set<std::string> not_held = {ids[3], ids[4], ids[5]};
    for (Listing l :
         std::vector<Listing>{{},
                              {.status = kActive},
                              {.status = RUN_STATUS_BIT(RUN_WAITING)},
                              {.status = RUN_STATUS_BIT(RUN_CANCELLED)},
                              {.workflow_id = "w"},
                              {.started_after_us = 1002, .started_before_us = 1005},
                              {.ids = {ids[0], ids[3], ids[29], ids[30], "external", "absent"}}}) {
        std::vector<std::string> expected;
        for (const std::string &id : ListRuns(store_, l).ids()) {
            const auto at = std::find(ids.begin(), ids.end(), id);
            if (at < ids.begin() + 30 && not_held.count(id) == 0) {
                expected.push_back(id);
            }
        }
        l.holder = "one";
        EXPECT_EQ(ListRuns(store_, l).ids(), expected);
        for (const StoredRun &run : ListRuns(store_, l).runs) {
            EXPECT_EQ(run.holder, "one");
        }
        std::vector<std::string> paged;
        l.limit = 7;
        for (Page p = ListRuns(store_, l);; p = ListRuns(store_, Behind(l, p))) {
            for (const std::string &id : p.ids()) {
                paged.push_back(id);
            }
            if (!p.has_more) {
                break;
            }
        }
        EXPECT_EQ(paged, expected);
        l.holder = "nobody";
        EXPECT_TRUE(ListRuns(store_, l).runs.empty());
    }
    EXPECT_EQ(ListRuns(store_, {.holder = "two"}).runs.size(), 6u);
    EXPECT_EQ(ListRuns(store_, {.holder = "one"}).newest_revision,
              ListChanges(store_, {.limit = 0}).newest);
}

// All kinds of events are in the feed as they are in the history of their runs.
TEST_P(StoreContract, TheFeedHasLeasesAndStopsToo) {
    ASSERT_EQ(CreateRun(store_, LeasedRun("r")).result, STORE_OK);
    StoredRun first = LeasedRun("first");
    first.holder = "creator";
    first.lease_us = 1000000;
    ASSERT_EQ(CreateRun(store_, first).result, STORE_OK);
    MustCreate({.id = "external"});
    ASSERT_EQ(Acquire(store_, {.ids = {"r"}, .holder = "one"}).runs.size(), 1u);
    ASSERT_EQ(EndLease(store_, {.id = "r", .attempt = 1}).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {"r"}, .holder = "two"}).runs.size(), 1u);
    ASSERT_EQ(EndLease(store_, {.id = "r", .attempt = 2, .kind = STORE_EVENT_LEASE_LOSS}).result,
              STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {"r"}, .holder = "three"}).runs.size(), 1u);
    for (const char *id : {"r", "external"}) {
        ASSERT_EQ(Apply(store_, {.id = id}).result, STORE_OK);
    }
    ASSERT_EQ(StopRun(store_, {.id = "r", .attempt = 3}).result, STORE_OK);
    ASSERT_EQ(StopRun(store_, {.id = "external"}).result, STORE_OK);
    Changes c = ListChanges(store_, {.with_runs = true});
    ASSERT_EQ(c.changes.size(), 12u);
    std::map<std::string, std::vector<WholeEvent>> by_run;
    for (size_t i = 0; i < c.changes.size(); i++) {
        EXPECT_EQ(c.changes[i].event.revision, static_cast<int64_t>(i + 1));
        by_run[c.changes[i].run_id].push_back(c.changes[i].event);
        const StoredRun now = GetRun(store_, c.changes[i].run_id).run;
        ExpectSame(c.changes[i].run, now);
        EXPECT_EQ(c.changes[i].run.holder, now.holder);
        EXPECT_EQ(c.changes[i].run.attempt, now.attempt);
        EXPECT_EQ(c.changes[i].run.stopped_at_us, now.stopped_at_us);
    }
    ASSERT_EQ(by_run.size(), 3u);
    for (const auto &run : by_run) {
        EXPECT_EQ(run.second, ListWholeEvents(store_, run.first)) << run.first;
    }
}

TEST_P(StoreContract, PlansToTrimWhatIsTooOldOrTooMany) {
    // An event every microsecond from 1,000 on, of each organization.
    for (const char *organization : {"a", "acme", "b", "empty"}) {
        for (int i = 0; i < (organization[0] == 'e' ? 1 : 300); i++) {
            ASSERT_EQ(CreateRun(store_, {.organization = organization,
                                         .id = std::to_string(i),
                                         .started_at_us = 1000 + i})
                          .result,
                      STORE_OK);
        }
    }
    // Rows are written a moment later.
    const int64_t end_us = clock_monotonic_us() + 60 * 1000000;
    while (PlanTrim(store_, INT64_MIN, 0).size() < 4 && clock_monotonic_us() < end_us) {
        usleep(1000);
    }
    int64_t floor;
    ASSERT_EQ(TrimChanges(store_, 70, &floor), STORE_OK);
    using Trims = std::vector<Trim>;
    for (int limit : {1, 2, 3, 4, 100}) {
        SCOPED_TRACE(limit);
        EXPECT_EQ(PlanTrim(store_, INT64_MIN, INT64_MAX, limit), Trims{});
        EXPECT_EQ(PlanTrim(store_, 1000, 300, limit), Trims{});
        EXPECT_EQ(PlanTrim(store_, INT64_MIN, 299, limit), (Trims{{"a", 1}, {"b", 1}}));
        EXPECT_EQ(PlanTrim(store_, INT64_MIN, 230, limit), (Trims{{"a", 70}, {"b", 70}}));
        EXPECT_EQ(PlanTrim(store_, INT64_MIN, 229, limit),
                  (Trims{{"a", 71}, {"acme", 71}, {"b", 71}}));
        EXPECT_EQ(PlanTrim(store_, INT64_MIN, 0, limit),
                  (Trims{{"a", 300}, {"acme", 300}, {"b", 300}, {"empty", 1}}));
        EXPECT_EQ(PlanTrim(store_, INT64_MAX, 200, limit),
                  (Trims{{"a", 300}, {"acme", 300}, {"b", 300}, {"empty", 1}}));
    }
}

// The store's times go one by one, each with the same event of some other organization.
TEST_P(StoreContract, PlansToTrimExactlyWhatIsTooOld) {
    for (int i = 0; i < 200; i++) {
        for (const char *organization : {"acme", "other"}) {
            ASSERT_EQ(CreateRun(store_, {.organization = organization,
                                         .id = std::to_string(i),
                                         .started_at_us = 1000 + i})
                          .result,
                      STORE_OK);
        }
    }
    const int64_t end_us = clock_monotonic_us() + 60 * 1000000;
    while (PlanTrim(store_, INT64_MIN, 0).size() < 2 && clock_monotonic_us() < end_us) {
        usleep(1000);
    }
    int64_t floor = 0;
    for (int64_t oldest = 990; oldest <= 1210; oldest++) {
        std::vector<Trim> trims = PlanTrim(store_, oldest, INT64_MAX);
        const int64_t due = std::min<int64_t>(std::max<int64_t>(oldest - 1000, 0), 200);
        std::vector<Trim> expected;
        if (due > floor) {
            expected.push_back({"acme", due});
        }
        if (due > 0) {
            expected.push_back({"other", due});
        }
        ASSERT_EQ(trims, expected) << oldest;
        if (oldest % 7 == 0 && due > floor) { // from any floor on
            ASSERT_EQ(TrimChanges(store_, due, &floor), STORE_OK);
        }
    }
}

} // namespace
