// A disk that fails at each write and each sync of deletions, and a process that ends between any
// two of them: a run is whole or gone with all it had, the feed has no gap above its floor, and the
// store is sound.

#include <errno.h>
#include <set>
#include <sqlite3.h>

#include "tests/storage/deletion_testing.h"
#include "tests/storage/faulty_vfs.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/sqlite_limited.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

constexpr int kRuns = 80;

// What is known of the store's runs.
struct Known {
    std::set<std::string> there;
    std::set<std::string> gone;
    std::vector<std::string> unknown; // of one deletion: all are there or all are gone
};

class SqliteDeletionFault : public SqliteTest {
  protected:
    SqliteDeletionFault() : SqliteTest("/dev/shm") { // in memory: the disk's faults are the test's
    }
    void SetUp() override {
        vfs_.Reset();
        Open();
        for (int i = 0; i < kRuns; i++) {
            StoredRun run = {.id = RunId(i), .started_at_us = 1000 + i, .workflow_id = "w"};
            if (i % 3 == 0) {
                run.terms = {RUN_DISPATCH_LEASE, false, RUN_FAILURE, 900000, 0};
            }
            ASSERT_EQ(CreateRun(store_, run).result, STORE_OK);
            ASSERT_EQ(Apply(store_, {.id = run.id, .to = RUN_WAITING, .at_us = 2000 + i}).result,
                      STORE_OK);
        }
        for (int i = 0; i < kRuns; i++) {
            ASSERT_EQ(Apply(store_, {.id = RunId(i), .at_us = 3000 + i}).result, STORE_OK);
            made_.there.insert(RunId(i));
        }
        Settle(store_);
        Close();
        CopyFiles(path_, directory_.File("made.db"));
    }
    void TearDown() override {
        vfs_.Reset();
        run_store_close(store_);
    }
    // Without idle_us rows are brought up to date only with changes and at the close.
    static Opened OpenAt(const std::string &path, int64_t idle_us, bool may_fail) {
        struct run_store_options options = {};
        if (!may_fail) {
            options.on_failure = [](void *, const char *detail) { ADD_FAILURE() << detail; };
        }
        return OpenLimited(path, {.runs = 6, .events = 14, .slice = 2, .idle_us = idle_us},
                           options);
    }
    void Open(bool may_fail = false) {
        Opened o = OpenAt(path_, 0, may_fail);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }
    // Deletes; returns whether the outcome is known.
    template <typename F> bool Delete(Known *known, const std::vector<std::string> &ids, F op) {
        enum store_result result = op();
        if (result == STORE_DISK_FULL) { // nothing was changed, and it passes
            refused_++;
            vfs_.Reset();
            result = op();
        }
        if (result == STORE_OK) {
            for (const std::string &id : ids) {
                known->there.erase(id);
                known->gone.insert(id);
            }
            return true;
        }
        if (result == STORE_UNAVAILABLE) {
            known->unknown = ids;
            unknown_++;
        } else {
            EXPECT_EQ(result, STORE_STOPPED);
        }
        return false;
    }
    bool DeleteSome(Known *known, int first, int count) {
        std::vector<std::string> ids;
        for (int i = first; i < first + count; i++) {
            ids.push_back(RunId(i));
        }
        return Delete(known, ids, [&] {
            enum store_result result;
            int deleted = DeleteRuns(store_, ids, INT64_MAX, "acme", &result);
            EXPECT_TRUE(result != STORE_OK || deleted == count) << deleted;
            return result;
        });
    }
    bool DeleteByHand(Known *known, int i) {
        return Delete(known, {RunId(i)},
                      [&] { return DeleteRun(store_, {.id = RunId(i)}).result; });
    }
    // All that is done, with after_each between; returns whether all of it was.
    template <typename F> bool DeleteMany(Known *known, F after_each) {
        const std::function<bool()> steps[] = {
            [&] { return DeleteSome(known, 0, 8); },   [&] { return DeleteByHand(known, 70); },
            [&] { return DeleteSome(known, 8, 1); },   [&] { return DeleteSome(known, 20, 16); },
            [&] { return DeleteByHand(known, 9); },    [&] { return DeleteSome(known, 40, 24); },
            [&] { return DeleteSome(known, 10, 10); },
        };
        for (const auto &step : steps) {
            if (!step()) {
                return false;
            }
            after_each();
        }
        return true;
    }
    // Looks at all of the store, which goes on.
    void ExpectKnown(struct run_store *store, const Known &known) {
        for (const std::string &id : known.there) {
            bool is_unknown = std::count(known.unknown.begin(), known.unknown.end(), id) > 0;
            ASSERT_TRUE(is_unknown || GetRun(store, id).result == STORE_OK) << id;
            ASSERT_TRUE(is_unknown || ListEvents(store, id).size() == 3) << id;
        }
        for (const std::string &id : known.gone) {
            ASSERT_EQ(GetRun(store, id).result, STORE_NOT_FOUND) << id;
        }
        std::set<enum store_result> results;
        for (const std::string &id : known.unknown) {
            Answer a = GetRun(store, id);
            results.insert(a.result);
            ASSERT_EQ(ListEvents(store, id).size(), a.result == STORE_OK ? 3u : 0u) << id;
        }
        ASSERT_LE(results.size(), 1u);
        Changes head = ListChanges(store, {.limit = 0});
        ASSERT_GE(head.newest, 3 * kRuns);
        Changes c =
            ListChanges(store, {.after = head.floor, .with_workflow = true, .with_runs = true});
        ASSERT_EQ(c.result, STORE_OK) << c.detail;
        ASSERT_EQ(static_cast<int64_t>(c.changes.size()), head.newest - head.floor);
        for (size_t i = 0; i < c.changes.size(); i++) {
            ASSERT_EQ(c.changes[i].event.revision, head.floor + 1 + static_cast<int64_t>(i));
        }
        Answer next = CreateRun(store, {.id = "next"});
        ASSERT_EQ(next.result, STORE_OK) << next.detail;
        ASSERT_EQ(next.revision, head.newest + 1);
    }
    // Does all with what fails, opens the store anew and looks at all of it.
    template <typename F> void Storm(F fail) {
        Known known = made_;
        CopyFiles(directory_.File("made.db"), path_);
        Open(true);
        vfs_.Reset();
        fail();
        finished_ += DeleteMany(&known, [] {});
        Close();
        writes_ = vfs_.writes();
        log_syncs_ = vfs_.log_syncs();
        vfs_.Reset();
        Open();
        ExpectKnown(store_, known);
        Close();
        ExpectSound(path_);
    }

    FaultyVfs &vfs_ = FaultyVfs::Install();
    struct run_store *store_ = nullptr;
    Known made_;
    int writes_ = 0;
    int log_syncs_ = 0;
    int finished_ = 0;
    int refused_ = 0;
    int unknown_ = 0;
};

TEST_F(SqliteDeletionFault, FullDiskAtEachWrite) {
    Storm([] {});
    ASSERT_EQ(finished_, 1);
    const int writes = writes_;
    ASSERT_GT(writes, 60);
    for (int after = 0; after < writes + 2; after += after < 20 ? 1 : 3) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        Storm([&] { vfs_.FailWrites(SQLITE_FULL, after); });
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(refused_, 0);
    EXPECT_EQ(unknown_, 0);
}

TEST_F(SqliteDeletionFault, FailedWriteAtEachWrite) {
    Storm([] {});
    const int writes = writes_;
    for (int after = 0; after < writes + 2; after += 2) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        Storm([&] { vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO); });
        Storm([&] { vfs_.CutWrites(SQLITE_IOERR_WRITE, after + 1, EIO); });
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(unknown_, 0);
}

TEST_F(SqliteDeletionFault, FailedSyncAtEachSync) {
    Storm([] {});
    const int syncs = log_syncs_;
    ASSERT_GE(syncs, 7);
    for (int after = 0; after < syncs + 1; after++) {
        for (bool done_all_the_same : {false, true}) {
            SCOPED_TRACE(testing::Message() << after << " of " << syncs);
            Storm([&] { vfs_.FailSyncs(FaultyVfs::File::kLog, done_all_the_same, after); });
            if (HasFatalFailure()) {
                return;
            }
        }
    }
    EXPECT_GT(unknown_, 6);
}

// What a process leaves that is killed: the files as they are.
TEST_F(SqliteDeletionFault, KilledBetweenDeletionsTheStoreIsSound) {
    Known known = made_;
    Open();
    const std::string copy = directory_.File("killed.db");
    ASSERT_TRUE(DeleteMany(&known, [&] {
        CopyFiles(path_, copy);
        for (int start = 0; start < 2; start++) {
            Opened o = OpenAt(copy, start == 0 ? 0 : 100, false);
            ASSERT_EQ(o.code, STATUS_OK) << o.message;
            if (start == 0) {
                ExpectKnown(o.store, known);
            }
            run_store_close(o.store);
            ExpectSound(copy);
        }
    }));
}

// An organization that goes in steps goes on where it was, and nothing of it is left.
TEST_F(SqliteDeletionFault, KilledBetweenStepsAnOrganizationsDeletionGoesOn) {
    const std::string copy = directory_.File("killed.db");
    Open();
    ASSERT_EQ(DeleteRun(store_, {.id = RunId(3)}).result, STORE_OK);
    ASSERT_EQ(CreateToken(store_, {.organization = "acme", .name = "t"}), STORE_OK);
    ASSERT_EQ(Freeze(store_, "acme", 5000), STORE_OK);
    const int64_t newest = ListChanges(store_, {.limit = 0}).newest;
    OrganizationStep step;
    int steps = 0;
    do {
        step = DeleteOrganizationOnce(store_, "acme", 20);
        ASSERT_EQ(step.result, STORE_OK);
        CopyFiles(path_, copy);
        ASSERT_NO_FATAL_FAILURE();
        Opened o = OpenAt(copy, 100, false);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        if (!step.is_done) {
            ASSERT_GE(DeleteOrganization(o.store, "acme", 20), 0);
        }
        Changes c = ListChanges(o.store, {.after = newest});
        EXPECT_EQ(c.result, STORE_OK) << c.detail;
        EXPECT_EQ(c.floor, newest);
        EXPECT_EQ(CreateRun(o.store, {.id = "again"}).revision, newest + 1);
        run_store_close(o.store);
        ExpectSound(copy);
        EXPECT_EQ(QueryText(copy, "SELECT count(*) FROM run WHERE organization='acme'"), "1\n");
        EXPECT_EQ(QueryText(copy, "SELECT count(*) FROM event WHERE organization='acme'"), "1\n");
        EXPECT_EQ(QueryText(copy, "SELECT count(*) FROM workflow WHERE organization='acme'"),
                  "1\n");
        EXPECT_EQ(QueryText(copy, "SELECT count(*) FROM token"), "0\n");
        steps++;
    } while (!step.is_done);
    EXPECT_GE(steps, 5);
}

// Pages, whatever else the store holds: those of the runs that go, of the paths to them, and a few.
TEST_F(SqliteDeletionFault, ABatchCostsNoMoreInALargeStore) {
    int writes[2] = {0, 0};
    for (int size : {0, 1}) {
        Open();
        for (int i = 0; i < size * 6000; i++) {
            ASSERT_EQ(CreateRun(store_, {.id = "more" + std::to_string(i),
                                         .status = RUN_SUCCESS,
                                         .started_at_us = 5000 + i,
                                         .spec = std::string(300, 's')})
                          .result,
                      STORE_OK);
        }
        Settle(store_);
        std::vector<std::string> ids;
        for (int i = 0; i < 16; i++) {
            ids.push_back(RunId(size * 20 + i));
        }
        const int before = vfs_.writes();
        ASSERT_EQ(DeleteRuns(store_, ids), 16);
        writes[size] = vfs_.writes() - before;
        Close();
    }
    EXPECT_GT(writes[0], 5);
    EXPECT_LE(writes[1], writes[0] * 2);
}

// The keys of events are those of no event before, whatever was deleted, and whenever the store
// starts.
TEST_F(SqliteDeletionFault, KeysOfEventsAreNeverUsedAgain) {
    const char *const newest_sql = "SELECT max(event_key) FROM event";
    int64_t newest = std::stoll(QueryText(path_, newest_sql));
    for (int round = 0; round < 8; round++) {
        Open();
        std::vector<std::string> ids;
        for (const Ended &e : ListEnded(store_, INT64_MAX, nullptr, 100)) {
            if (e.organization == "acme") {
                ids.push_back(e.id);
            } else {
                DeleteRuns(store_, {e.id}, INT64_MAX, e.organization);
            }
        }
        DeleteRuns(store_, ids);
        Close();
        // The newest one is there.
        ASSERT_EQ(QueryText(path_, newest_sql), std::to_string(newest) + "\n") << round;
        ExpectSound(path_);
        Open();
        const std::string id = "round" + std::to_string(round);
        ASSERT_EQ(CreateRun(store_, {.id = id, .status = RUN_SUCCESS}).result, STORE_OK);
        Close();
        ASSERT_EQ(QueryText(path_, newest_sql), std::to_string(++newest) + "\n") << round;
    }
    // All others are gone.
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM event"), "2\n");
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM run"), "2\n");
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM event_mark"), "0\n");
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM deletion"), "0\n");
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM run_body"), "2\n");
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM run_term"), "0\n");
}

// What a deletion writes that is undone is written by the one that comes after it.
TEST_F(SqliteDeletionFault, NoAttemptIsGivenAgainWhereADeletionHadToBeRepeated) {
    auto acquire = [&](const std::string &id) {
        EXPECT_EQ(CreateRun(store_, LeasedRun(id)).result, STORE_OK);
        Acquired a = Acquire(store_, {.ids = {id}});
        return a.runs.size() == 1 ? a.runs[0].attempt : -1;
    };
    bool is_refused = true;
    for (int after = 0; is_refused; after++) {
        SCOPED_TRACE(after);
        ASSERT_LT(after, 100);
        Open(true);
        const std::string id = "leased" + std::to_string(after);
        int64_t attempt = acquire(id);
        ASSERT_GT(attempt, 0);
        ASSERT_EQ(Apply(store_, {.id = id}).result, STORE_OK);
        vfs_.Reset();
        vfs_.FailWrites(SQLITE_FULL, after);
        enum store_result result = DeleteRun(store_, {.id = id}).result;
        vfs_.Reset();
        is_refused = result == STORE_DISK_FULL;
        refused_ += is_refused;
        result = is_refused ? DeleteRun(store_, {.id = id}).result : result;
        ASSERT_EQ(result, STORE_OK);
        Close();
        Open();
        ASSERT_GT(acquire(id), attempt);
        Close();
        ExpectSound(path_);
    }
    EXPECT_GT(refused_, 0);
}

// Pages that deletions leave are used again.
TEST_F(SqliteDeletionFault, TheFileDoesNotGrowWhereAsManyRunsComeAgain) {
    constexpr int kMany = 2000;
    auto fill = [&](int round) {
        for (int i = 0; i < kMany; i++) {
            const std::string id = "r" + std::to_string(round) + "-" + std::to_string(i);
            ASSERT_EQ(CreateRun(store_, {.id = id,
                                         .status = RUN_SUCCESS,
                                         .started_at_us = 10000 + i,
                                         .spec = std::string(i % 50 == 0 ? 9000 : 300, 's')})
                          .result,
                      STORE_OK);
        }
        Settle(store_);
    };
    int64_t pages = 0;
    for (int round = 0; round < 4; round++) {
        Open();
        fill(round);
        int64_t cursor = 0;
        std::vector<Ended> ended = ListEnded(store_, INT64_MAX, &cursor, 64);
        for (size_t at = 0; at < ended.size(); at += 64) {
            std::vector<std::string> ids;
            for (size_t i = at; i < ended.size() && i < at + 64; i++) {
                ids.push_back(ended[i].id);
            }
            DeleteRuns(store_, ids);
        }
        Close();
        const int64_t now = std::stoll(QueryText(path_, "PRAGMA page_count"));
        if (round > 0) {
            EXPECT_LE(now, pages + pages / 20) << round;
        }
        pages = round == 0 ? now : pages;
        EXPECT_GT(std::stoll(QueryText(path_, "PRAGMA freelist_count")), pages / 2);
    }
}

} // namespace
