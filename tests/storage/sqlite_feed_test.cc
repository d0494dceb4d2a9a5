// The feed of a SQLite store: what a reading costs, where organizations are read from while their
// rows are behind, and what is left of floors and feeds by a kill and by a disk that fails.

#include <map>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/feed_testing.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

std::atomic<int64_t> steps;

int CountStep(void *context) {
    (void)context;
    steps++;
    return 0;
}

// Called by SQLite with each connection that is opened.
int CountItsSteps(sqlite3 *db, const char **ret_message, const void *api) {
    (void)ret_message;
    (void)api;
    sqlite3_progress_handler(db, 1, CountStep, nullptr);
    return SQLITE_OK;
}

class SqliteFeed : public SqliteTest {
  protected:
    SqliteFeed() : SqliteTest("/dev/shm") { // in memory: the disk's time is not looked at
    }
    void TearDown() override {
        run_store_close(store_);
        sqlite3_reset_auto_extension();
    }
    // A store of so many events, of which every tenth is of acme, the others of 1,000
    // organizations in turns.
    void MakeStore(int events) {
        run_store_close(MustOpen());
        RunSql(path_, R"(
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<)" +
                          std::to_string(events) + R"()
 SELECT i, CASE i%10 WHEN 0 THEN 'acme' ELSE 'o'||((i/10*9+i%10)%1000) END AS organization FROM c;
CREATE TEMP TABLE e AS SELECT i, organization,
 row_number() OVER w AS revision, coalesce(lag(i) OVER w, 0) AS previous
 FROM n WINDOW w AS (PARTITION BY organization ORDER BY i);
INSERT INTO workflow(organization, id) SELECT DISTINCT organization, 'w' FROM n;
INSERT INTO run(organization, id, run_key, workflow_key, status, started_at, updated_at, sequence,
 newest_event, attempt, total_cu)
 SELECT n.organization, printf('r%07d', i), i, workflow_key, 1, i, i, 1, i, 0, 0
 FROM n CROSS JOIN workflow AS w ON w.organization=n.organization AND w.id='w';
INSERT INTO run_body(run_key, spec, execution_state) SELECT i, '', '' FROM n;
INSERT INTO event(event_key, organization, id, revision, kind, sequence, from_status, to_status,
 at, attempt, actor, reason, request_id, remote_address, idempotency_key, previous_of_run,
 previous_of_organization)
 SELECT i, organization, printf('r%07d', i), revision, 1, 1, 0, 1, i, 0, 'a', '', '', '', '', 0,
 previous FROM e ORDER BY i;
INSERT INTO event_mark SELECT organization, revision, i FROM e WHERE revision%64=0;
INSERT INTO organization(name, revision, newest_event)
 SELECT organization, max(revision), max(i) FROM e GROUP BY organization;
UPDATE meta SET value=)" + std::to_string(events) +
                          " WHERE name='applied';");
    }
    // How many steps of SQLite's machine the operation takes.
    template <typename F> int64_t StepsOf(F run) {
        steps = 0;
        run();
        return steps;
    }
    int64_t StepsOfReading(const Reading &r, int count) {
        return StepsOf([&] {
            Changes c = ListChanges(store_, r);
            ASSERT_EQ(c.result, STORE_OK);
            ASSERT_EQ(c.changes.size(), static_cast<size_t>(count));
        });
    }

    struct run_store *store_ = nullptr;
};

// At any size of the store: the newest changes cost so much each, and those from anywhere on what
// leads to them besides, at most an interval of marks.
TEST_F(SqliteFeed, AReadingCostsStepsForWhatItReturnsAtAnySize) {
    constexpr int kStepsAChange = 40; // a statement of one row of sixteen columns
    constexpr int kStepsALink = 20;
    constexpr int kStepsAround = 100; // the snapshot, the head, a mark
    std::map<std::string, int64_t> of_small;
    for (int events : {20000, 100000}) {
        SCOPED_TRACE(events);
        RemoveFiles();
        MakeStore(events);
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(CountItsSteps));
        store_ = MustOpen();
        ASSERT_NE(store_, nullptr);
        const int64_t newest = ListChanges(store_, {.limit = 0}).newest;
        ASSERT_EQ(newest, events / 10);
        std::map<std::string, int64_t> of_this;
        for (int count : {0, 1, 10, 100, 1000}) {
            const int64_t tail = StepsOfReading({.after = newest - count}, count);
            EXPECT_LE(tail, kStepsAround + count * kStepsAChange) << count;
            of_this["tail " + std::to_string(count)] = tail;
            const int64_t old = StepsOfReading({.after = 300, .limit = count}, count);
            EXPECT_LE(old, kStepsAround + 63 * kStepsALink + count * kStepsAChange) << count;
            of_this["old " + std::to_string(count)] = old;
            RecordProperty("tail_" + std::to_string(count), static_cast<int>(tail));
            RecordProperty("old_" + std::to_string(count), static_cast<int>(old));
        }
        // One that has changes in memory.
        ASSERT_EQ(CreateRun(store_, {.id = "new"}).result, STORE_OK);
        const int64_t known = StepsOfReading({.after = newest}, 1);
        EXPECT_LE(known, kStepsAround + kStepsAChange);
        run_store_close(store_);
        store_ = nullptr;
        sqlite3_reset_auto_extension();
        if (of_small.empty()) {
            of_small = of_this;
        }
        for (const auto &reading : of_this) {
            // The end of the snapshot before it may count, too.
            EXPECT_NEAR(static_cast<double>(reading.second),
                        static_cast<double>(of_small[reading.first]), 10)
                << reading.first;
        }
    }
}

TEST_F(SqliteFeed, APlanToTrimCostsNoScan) {
    constexpr int kEvents = 100000;
    MakeStore(kEvents);
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(CountItsSteps));
    store_ = MustOpen();
    ASSERT_NE(store_, nullptr);
    for (int64_t oldest : {0, 1, 50000, 99990, 100001}) {
        const int64_t taken = StepsOf([&] { PlanTrim(store_, oldest, INT64_MAX, 1001); });
        EXPECT_LE(taken, 1001 * (63 * 20 + 20 * 10) + 1000) << oldest;
    }
    EXPECT_EQ(PlanTrim(store_, 50000, INT64_MAX, 1001).size(), 1001u);
    EXPECT_EQ(PlanTrim(store_, 50000, INT64_MAX, 1)[0], (Trim{"acme", 4999}));
}

// A reading that is under way, with what was answered before its submission.
struct Follow {
    Op<struct store_list_changes> op{&store_list_changes_kind};
    std::string organization;
    int64_t known;
    std::atomic<int> *left;
};

void Submit(struct run_store *store, Follow *f) {
    f->op->organization = ToSlice(f->organization);
    f->op->limit = 1000;
    f->op->op.context = f;
    f->op->op.done = [](struct store_op *op) {
        auto *done = static_cast<Follow *>(op->context);
        EXPECT_EQ(op->result, STORE_OK);
        EXPECT_GE(done->op->ret_newest, done->known) << done->organization;
        EXPECT_EQ(done->op->ret_count, done->op->ret_newest);
        (*done->left)--;
    };
    run_store_submit(store, f->op.get());
}

// A store that forgets organizations, again and again, while they are read and written: many
// readings share a snapshot, which is from before rows that were written and forgotten.
TEST_F(SqliteFeed, OrganizationsThatAreForgottenAreReadFromTheirRows) {
    constexpr int kOrganizations = 300;
    constexpr int kWriters = 4;
    constexpr int kEvents = 6000;
    constexpr int kTogether = 100;
    Opened o = OpenLimited(path_, {.runs = 20, .events = 30, .slice = 40, .organizations = 5});
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    store_ = o.store;
    std::vector<std::atomic<int64_t>> answered(kOrganizations);
    std::atomic<int> writing{kWriters};
    std::atomic<int> at{0};
    RunTogether(kWriters + 2, [&](int n) {
        if (n < kWriters) {
            for (int i = n; i < kEvents; i += kWriters) {
                Answer a =
                    CreateRun(store_, {.organization = "o" + std::to_string(i % kOrganizations),
                                       .id = std::to_string(i)});
                ASSERT_EQ(a.result, STORE_OK) << a.detail;
                ASSERT_EQ(a.revision, i / kOrganizations + 1);
                answered[static_cast<size_t>(i % kOrganizations)] = a.revision;
                at = i;
            }
            writing--;
            return;
        }
        std::mt19937 random(static_cast<unsigned>(n));
        while (writing > 0) {
            std::atomic<int> left{kTogether};
            std::vector<std::unique_ptr<Follow>> follows;
            for (int k = 0; k < kTogether; k++) { // of those that were written last
                size_t i =
                    static_cast<size_t>(at + kOrganizations - static_cast<int>(random() % 60)) %
                    kOrganizations;
                follows.push_back(std::make_unique<Follow>());
                follows.back()->organization = "o" + std::to_string(i);
                follows.back()->known = answered[i];
                follows.back()->left = &left;
                Submit(store_, follows.back().get());
            }
            while (left > 0) {
                std::this_thread::yield();
            }
        }
    });
    for (int i = 0; i < kOrganizations; i++) {
        ASSERT_EQ(ListChanges(store_, {.organization = "o" + std::to_string(i), .limit = 0}).newest,
                  kEvents / kOrganizations);
    }
}

// What a feed holds, by its organization; and how far it was trimmed.
struct FeedModel {
    std::map<std::string, std::vector<Change>> feeds;
    std::map<std::string, int64_t> floors;

    void Take(struct run_store *store, const std::string &organization) {
        std::vector<Change> &feed = feeds[organization];
        std::vector<Change> more =
            ReadFeed(store, organization,
                     std::max<int64_t>(static_cast<int64_t>(feed.size()), floors[organization]));
        feed.insert(feed.end(), more.begin(), more.end());
    }
    void Expect(struct run_store *store) {
        for (const auto &feed : feeds) {
            const int64_t floor = floors[feed.first];
            const int64_t newest = static_cast<int64_t>(feed.second.size());
            Changes c = ListChanges(store, {.organization = feed.first, .limit = 0});
            ASSERT_EQ(c.newest, newest) << feed.first;
            ASSERT_EQ(c.floor, floor) << feed.first;
            std::vector<Change> all = ReadFeed(store, feed.first, floor, 13);
            ASSERT_EQ(static_cast<int64_t>(all.size()), newest - floor);
            for (size_t i = 0; i < all.size(); i++) {
                const Change &was = feed.second[static_cast<size_t>(floor) + i];
                ASSERT_EQ(all[i].event, was.event);
                ASSERT_EQ(all[i].run_id, was.run_id);
            }
            if (floor > 0) {
                EXPECT_EQ(
                    ListChanges(store, {.organization = feed.first, .after = floor - 1}).result,
                    STORE_CONFLICT);
            }
            EXPECT_EQ(ListChanges(store, {.organization = feed.first, .after = newest + 1}).result,
                      STORE_CONFLICT);
        }
    }
};

// Rows are behind in every way, floors are raised anywhere, and the process dies at any moment.
TEST_F(SqliteFeed, FeedsAndFloorsOutliveAKillAtAnyMoment) {
    constexpr int kRuns = 40;
    std::mt19937 random(20261130);
    Model model;
    FeedModel feeds;
    Limits limits = {.runs = 12, .events = 30, .slice = 3};
    Opened o = OpenLimited(path_, limits);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    for (int n = 0; n < kRuns; n++) {
        model.Create(o.store, n);
    }
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 40; i++) {
            model.ChangeSomething(o.store, random, kRuns);
            if (random() % 10 == 0) {
                model.Create(o.store, kRuns + round * 40 + i);
            }
            if (random() % 12 == 0) {
                const std::string name = random() % 2 == 0 ? "acme" : "globex";
                int64_t newest = ListChanges(o.store, {.organization = name, .limit = 0}).newest;
                int64_t wanted = static_cast<int64_t>(random() % 200) + newest - 150;
                int64_t *floor = &feeds.floors[name];
                int64_t ret_floor;
                feeds.Take(o.store, name);
                ASSERT_EQ(TrimChanges(o.store, wanted, &ret_floor, name), STORE_OK);
                *floor = std::max(*floor, std::min(wanted, newest));
                ASSERT_EQ(ret_floor, *floor);
            }
        }
        feeds.Take(o.store, "acme");
        feeds.Take(o.store, "globex");
        std::string copy = directory_.File("copy" + std::to_string(round) + ".db");
        CopyFiles(path_, copy);
        run_store_close(o.store);
        ExpectSound(path_);
        path_ = copy;
        ExpectSound(path_);
        o = OpenLimited(path_, limits);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        feeds.Expect(o.store);
        if (HasFatalFailure()) {
            break;
        }
    }
    model.ExpectAll(o.store);
    store_ = o.store;
}

class SqliteFeedFault : public SqliteTest {
  protected:
    void SetUp() override {
        vfs_.Reset();
        Opened o = Open(url_, commits_.options());
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
        for (int i = 0; i < 10; i++) {
            ASSERT_EQ(CreateRun(store_, {.id = std::to_string(i)}).result, STORE_OK);
        }
        ASSERT_EQ(TrimChanges(store_, 4, &floor_), STORE_OK);
    }
    void TearDown() override {
        vfs_.Reset();
        run_store_close(store_);
    }
    void ExpectHead(int64_t newest, int64_t floor) {
        Changes c = ListChanges(store_, {.after = floor});
        EXPECT_EQ(c.result, STORE_OK) << c.detail;
        EXPECT_EQ(c.newest, newest);
        EXPECT_EQ(c.floor, floor);
        EXPECT_EQ(static_cast<int64_t>(c.changes.size()), newest - floor);
    }

    FaultyVfs &vfs_ = FaultyVfs::Install();
    Commits commits_;
    struct run_store *store_ = nullptr;
    int64_t floor_ = 0;
};

// What was not committed is in no feed, raises no floor and is told to nobody.
TEST_F(SqliteFeedFault, WhatIsRolledBackIsNotThere) {
    vfs_.FailWrites(SQLITE_FULL, 0);
    EXPECT_EQ(CreateRun(store_, {.id = "refused"}).result, STORE_DISK_FULL);
    EXPECT_EQ(TrimChanges(store_, 8, &floor_), STORE_DISK_FULL);
    ExpectHead(10, 4);
    vfs_.Reset();
    ExpectHead(10, 4);
    EXPECT_EQ(commits_.calls(), 10);
    EXPECT_EQ(CreateRun(store_, {.id = "taken"}).revision, 11);
    EXPECT_EQ(TrimChanges(store_, 8, &floor_), STORE_OK);
    ExpectHead(11, 8);
    run_store_close(store_);
    store_ = nullptr;
    EXPECT_EQ(commits_.calls(), 11);
    EXPECT_EQ(commits_.all().back().revision, 11);
}

// A commit whose outcome is unknown is told to nobody, and neither is its event.
TEST_F(SqliteFeedFault, WhatIsUnknownIsNotTold) {
    vfs_.FailSyncs(FaultyVfs::File::kLog, true);
    EXPECT_EQ(CreateRun(store_, {.id = "unknown"}).result, STORE_UNAVAILABLE);
    EXPECT_EQ(ListChanges(store_, {.after = 10}).result, STORE_STOPPED);
    vfs_.Reset();
    run_store_close(store_);
    store_ = nullptr;
    EXPECT_EQ(commits_.calls(), 10);
    // It is one or the other, and goes on from there.
    store_ = MustOpen();
    int64_t newest = ListChanges(store_, {.limit = 0}).newest;
    EXPECT_EQ(GetRun(store_, "unknown").result == STORE_OK, newest == 11);
    ExpectHead(newest, 4);
    EXPECT_EQ(CreateRun(store_, {.id = "next"}).revision, newest + 1);
}

// While the disk is still writing what will be committed nobody reads it.
TEST_F(SqliteFeedFault, WhatIsNotYetDurableIsNotRead) {
    vfs_.CloseGate();
    std::thread writer([&] {
        EXPECT_EQ(CreateRun(store_, {.id = "r"}).revision, 11);
        EXPECT_EQ(Apply(store_, {.id = "0"}).revision, 12);
    });
    vfs_.WaitUntilGateHolds();
    ExpectHead(10, 4);
    EXPECT_EQ(ListRuns(store_, {}).newest_revision, 10);
    EXPECT_EQ(commits_.calls(), 10);
    vfs_.OpenGate();
    writer.join();
    ExpectHead(12, 4);
}

} // namespace
