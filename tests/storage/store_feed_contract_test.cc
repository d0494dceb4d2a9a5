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
        ASSERT_LE(events, ListChanges(store_, {.limit = 0}).newest);
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

const std::string kAcme = "acme";

class StoreHints : public StoreContract {
  protected:
    void SetUp() override {
        StoreContract::SetUp();
        run_store_close(store_);
        store_ = nullptr;
        Opened o = Open(url_, commits_.options());
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    // From here on commits_ has all that was done.
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }

    Commits commits_;
};

INSTANTIATE_TEST_SUITE_P(Backends, StoreHints, testing::ValuesIn(RegisteredBackends()),
                         [](const testing::TestParamInfo<struct registered_backend> &info) {
                             return std::string(info.param.backend->scheme);
                         });

TEST_P(StoreHints, EachCommitIsToldWithWhatItDid) {
    ASSERT_EQ(CreateRun(store_, {.id = "r"}).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, {.organization = "other", .id = "r"}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "r"}).result, STORE_OK);
    // What makes no event.
    int64_t floor;
    EXPECT_EQ(CreateRun(store_, {.id = "r"}).result, STORE_EXISTS);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_CONFLICT);
    EXPECT_EQ(Apply(store_, {.id = "absent"}).result, STORE_NOT_FOUND);
    EXPECT_EQ(CreateToken(store_, {.name = "t"}), STORE_OK);
    EXPECT_EQ(TrimChanges(store_, 1, &floor), STORE_OK);
    EXPECT_EQ(Apply(store_, {.organization = "other",
                             .id = "r",
                             .to = RUN_RUNNING,
                             .set_execution_state = true,
                             .execution_state = "x"})
                  .result,
              STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "r", .from = RUN_STATUS_ALL, .to = RUN_SUCCESS}).revision, 3);
    Close();
    std::vector<Commits::Commit> all = commits_.all();
    ASSERT_EQ(all.size(), 4u);
    const struct {
        const char *organization;
        int64_t revision;
        int kind;
    } expected[] = {{"acme", 1, STORE_EVENT_CREATION},
                    {"other", 1, STORE_EVENT_CREATION},
                    {"acme", 2, STORE_EVENT_TRANSITION},
                    {"acme", 3, STORE_EVENT_TRANSITION}};
    for (size_t i = 0; i < 4; i++) {
        EXPECT_EQ(all[i].organization, expected[i].organization);
        EXPECT_EQ(all[i].revision, expected[i].revision);
        EXPECT_EQ(all[i].kinds, 1u << expected[i].kind);
        EXPECT_EQ(all[i].opened, 0);
    }
    EXPECT_EQ(commits_.calls(), 4);
}

// Of what waits for an executor, the store says how many runs there are to be acquired anew.
TEST_P(StoreHints, RunsThatCanBeAcquiredAreCounted) {
    StoredRun first = LeasedRun("first");
    first.holder = "creator";
    first.lease_us = 1000000;
    StoredRun fails = LeasedRun("fails");
    fails.terms.fails_on_lease_loss = true;
    ASSERT_EQ(CreateRun(store_, {.id = "external"}).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, first).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, LeasedRun("r")).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {"r"}}).runs.size(), 1u);
    ASSERT_EQ(EndLease(store_, {.id = "r"}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_WAITING}).result, STORE_OK); // as before
    ASSERT_EQ(EndLease(store_, {.id = "first", .kind = STORE_EVENT_LEASE_LOSS}).result, STORE_OK);
    ASSERT_EQ(Apply(store_, {.id = "first"}).result, STORE_OK);
    ASSERT_EQ(StopRun(store_, {.id = "first", .attempt = 1}).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, fails).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {"fails"}}).runs.size(), 1u);
    ASSERT_EQ(EndLease(store_, {.id = "fails", .kind = STORE_EVENT_LEASE_LOSS}).result, STORE_OK);
    StoredRun done = LeasedRun("done");
    done.status = RUN_SUCCESS;
    ASSERT_EQ(CreateRun(store_, done).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, LeasedRun("a")).result, STORE_OK);
    ASSERT_EQ(CreateRun(store_, LeasedRun("b")).result, STORE_OK);
    ASSERT_EQ(Acquire(store_, {.ids = {"a", "b"}, .limit = 2}).runs.size(), 2u);
    Close();
    const struct {
        int kind;
        int opened;
    } expected[] = {
        {STORE_EVENT_CREATION, 0},    {STORE_EVENT_CREATION, 0},    {STORE_EVENT_CREATION, 1},
        {STORE_EVENT_ACQUISITION, 0}, {STORE_EVENT_RELEASE, 1},     {STORE_EVENT_TRANSITION, 0},
        {STORE_EVENT_LEASE_LOSS, 1},  {STORE_EVENT_TRANSITION, 0},  {STORE_EVENT_STOP, 0},
        {STORE_EVENT_CREATION, 1},    {STORE_EVENT_ACQUISITION, 0}, {STORE_EVENT_LEASE_LOSS, 0},
        {STORE_EVENT_CREATION, 0},    {STORE_EVENT_CREATION, 1},    {STORE_EVENT_CREATION, 1},
        {STORE_EVENT_ACQUISITION, 0},
    };
    std::vector<Commits::Commit> all = commits_.all();
    ASSERT_EQ(all.size(), std::size(expected));
    for (size_t i = 0; i < all.size(); i++) {
        EXPECT_EQ(all[i].kinds, 1u << expected[i].kind) << i;
        EXPECT_EQ(all[i].opened, expected[i].opened) << i;
    }
    EXPECT_EQ(all.back().revision, 17); // of the two that were acquired at once
}

// Who is told finds the event, and the operation answered before.
TEST_P(StoreHints, HintsComeAfterTheAnswersAndNameWhatIsThere) {
    Close();
    struct Listener {
        struct run_store *store = nullptr;
        std::atomic<int64_t> answered{0};
        std::atomic<int64_t> told{0};
        std::atomic<int> at_once{0};
        std::atomic<int> reading{0};
        std::atomic<int64_t> read{0};
    } listener;
    struct ReadNewest {
        Op<struct store_list_changes> op{&store_list_changes_kind};
        Listener *listener;
        int64_t told;
    };
    struct run_store_options options = {};
    options.context = &listener;
    options.on_commit = [](void *context, const struct store_commit *commits, int count) {
        auto *l = static_cast<Listener *>(context);
        EXPECT_EQ(++l->at_once, 1) << "one call at a time";
        ASSERT_EQ(count, 1);
        EXPECT_GT(commits->revision, l->told) << "in order";
        EXPECT_LE(commits->revision, l->answered) << "after the answers";
        l->told = commits->revision;
        l->reading++;
        auto *r = new ReadNewest();
        r->listener = l;
        r->told = commits->revision;
        r->op->organization = ToSlice(kAcme);
        r->op->after_revision = commits->revision - 1;
        r->op->limit = 1000;
        r->op->op.context = r;
        r->op->op.done = [](struct store_op *op) {
            auto *done = static_cast<ReadNewest *>(op->context);
            Listener *of = done->listener;
            EXPECT_EQ(op->result, STORE_OK);
            EXPECT_GE(done->op->ret_count, 1);
            EXPECT_EQ(done->op->ret_changes[0].event.revision, done->told);
            of->read = std::max(of->read.load(), done->op->ret_newest);
            delete done;
            of->reading--;
        };
        run_store_submit(l->store, r->op.get());
        l->at_once--;
    };
    Opened o = Open(url_, options);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    listener.store = o.store;
    constexpr int kThreads = 4;
    constexpr int kRuns = 100;
    // done counts, before the hint of its transaction.
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            const std::string id = std::to_string(n) + "-" + std::to_string(i);
            const StoredRun run = {.id = id};
            STORE_OP(op, create_run);
            FillCreate(op, run);
            struct Done {
                std::atomic<bool> is_done{false};
                Listener *listener;
            } done;
            done.listener = &listener;
            op->op.context = &done;
            op->op.done = [](struct store_op *create) {
                auto *d = static_cast<Done *>(create->context);
                int64_t revision =
                    reinterpret_cast<struct store_create_run *>(create)->ret_revision;
                int64_t before = d->listener->answered;
                while (before < revision &&
                       !d->listener->answered.compare_exchange_weak(before, revision)) {
                }
                d->is_done = true;
            };
            run_store_submit(o.store, op.get());
            while (!done.is_done) {
                std::this_thread::yield();
            }
        }
    });
    const int64_t end_us = clock_monotonic_us() + 60 * 1000000;
    while ((listener.told < kThreads * kRuns || listener.reading > 0) &&
           clock_monotonic_us() < end_us) {
        usleep(1000);
    }
    EXPECT_EQ(listener.told, kThreads * kRuns);
    EXPECT_EQ(listener.read, kThreads * kRuns);
    run_store_close(o.store);
}

// Several writers, and readers who follow their organization from hint to hint or all the time:
// each has the same history, whole and in order, and none an event before its commit.
TEST_P(StoreHints, ReadersBesideWritersMissNothingAndReadNothingTwice) {
    constexpr int kOrganizations = 3;
    constexpr int kWriters = 6;
    constexpr int kReaders = 4;
    constexpr int kRounds = 60;
    std::atomic<int64_t> answered[kOrganizations] = {};
    std::atomic<int> writing{kWriters};
    auto name = [](int o) { return "tenant-" + std::to_string(o); };
    auto answer = [&](int o, const Answer &a) {
        ASSERT_EQ(a.result, STORE_OK) << a.detail;
        int64_t before = answered[o];
        while (before < a.revision && !answered[o].compare_exchange_weak(before, a.revision)) {
        }
    };
    RunTogether(kWriters + kReaders, [&](int n) {
        if (n < kWriters) {
            for (int i = 0; i < kRounds; i++) {
                int o = (n + i) % kOrganizations;
                const std::string id = std::to_string(n) + "-" + std::to_string(i);
                answer(o, CreateRun(store_, {.organization = name(o), .id = id}));
                answer(o, Apply(store_, {.organization = name(o), .id = id, .to = RUN_WAITING}));
                answer(o, Apply(store_, {.organization = name(o), .id = id}));
            }
            writing--;
            return;
        }
        int o = n % kOrganizations;
        int64_t at = 0;
        std::map<std::string, int64_t> sequences;
        for (bool is_last = false; !is_last;) {
            is_last = writing == 0;
            const int64_t known = answered[o]; // before the submission
            Changes c = ListChanges(store_, {.organization = name(o),
                                             .after = at,
                                             .limit = n % 2 == 0 ? 1000 : 7,
                                             .with_workflow = true,
                                             .with_runs = true});
            ASSERT_EQ(c.result, STORE_OK) << c.detail;
            ASSERT_GE(c.newest, known);
            for (const Change &change : c.changes) {
                ASSERT_EQ(change.event.revision, ++at);
                ASSERT_EQ(change.event.sequence, ++sequences[change.run_id]);
                ASSERT_EQ(change.run.id, change.run_id);
                ASSERT_GE(change.run.sequence, change.event.sequence);
                ASSERT_TRUE(change.run.sequence > change.event.sequence ||
                            change.run.status == change.event.to);
            }
            is_last = is_last && at == c.newest;
        }
        ASSERT_EQ(at, answered[o]);
    });
    Close();
    int64_t newest[kOrganizations] = {};
    for (const Commits::Commit &c : commits_.all()) {
        int o = c.organization.back() - '0';
        EXPECT_GT(c.revision, newest[o]);
        newest[o] = c.revision;
    }
    for (int o = 0; o < kOrganizations; o++) {
        EXPECT_EQ(newest[o], answered[o]);
    }
}

} // namespace
