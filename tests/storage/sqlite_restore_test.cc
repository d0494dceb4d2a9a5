// What is made of a store beside it: backups in the middle of a storm, copies after a stop, and
// what a later program left behind when its upgrade was taken back.

#include <atomic>
#include <set>
#include <thread>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/feed_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

// Accepts what the file holds, as `runsctl check --accept` does.
void Accept(const std::string &path) {
    struct arena a;
    arena_init(&a);
    struct store_check_report report = {};
    const struct error *e = run_store_check(&a, ("sqlite:" + path).c_str(), true, &report);
    EXPECT_EQ(e, nullptr) << e->message;
    EXPECT_EQ(report.count, 0);
    arena_release(&a);
}

// SQLite's online backup, a few pages at a time, as of `sqlite3 FILE .backup`.
void BackUp(const std::string &from, const std::string &to) {
    sqlite3 *source = nullptr;
    sqlite3 *target = nullptr;
    ASSERT_EQ(sqlite3_open_v2(from.c_str(), &source, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_open(to.c_str(), &target), SQLITE_OK);
    sqlite3_busy_timeout(source, 10000);
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
    ASSERT_NE(backup, nullptr);
    EXPECT_EQ(sqlite3_backup_step(backup, -1), SQLITE_DONE);
    EXPECT_EQ(sqlite3_backup_finish(backup), SQLITE_OK);
    sqlite3_close(target);
    sqlite3_close(source);
}

class SqliteRestore : public SqliteTest {
  protected:
    void SetUp() override {
        FaultyVfs::Install().Reset();
    }
    static uint64_t EpochOf(const std::string &path) {
        Opened o = OpenLimited(path);
        EXPECT_EQ(o.code, STATUS_OK) << o.message;
        uint64_t epoch = o.store != nullptr ? o.store->epoch : 0;
        run_store_close(o.store);
        return epoch;
    }
};

// Each backup holds all that was acknowledged before it began, whatever moment of a generation
// it is of, and nothing is served of it that is not one moment's.
TEST_F(SqliteRestore, BackupInAStormHoldsWhatWasAcknowledged) {
    constexpr int kRuns = 400;
    Opened o = OpenLimited(path_, {.runs = 40, .events = 100, .slice = 7, .idle_us = 100});
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    for (int n = 0; n < kRuns; n++) {
        ASSERT_EQ(CreateRun(o.store, {.id = RunId(n)}).result, STORE_OK);
    }
    std::atomic<int> acknowledged{0};
    std::thread storm([&] {
        for (int n = 0; n < kRuns; n++) { // in no order of their keys
            EXPECT_EQ(Apply(o.store, {.id = RunId(n * 37 % kRuns)}).result, STORE_OK);
            acknowledged = n + 1;
        }
    });
    int with_rows_behind = 0;
    for (int i = 0; acknowledged < kRuns; i++) {
        int before = acknowledged;
        std::string backup = directory_.File("backup" + std::to_string(i) + ".db");
        if (i % 2 == 0) {
            BackUp(path_, backup);
        } else {
            RunSql(path_, "VACUUM INTO '" + backup + "'");
        }
        with_rows_behind += QueryText(backup, "SELECT max(event_key)>(SELECT value FROM meta WHERE"
                                              " name='applied') FROM event") == "1\n";
        Opened copy = OpenLimited(backup);
        ASSERT_EQ(copy.code, STATUS_OK) << copy.message;
        EXPECT_NE(copy.store->epoch, o.store->epoch);
        int cancelled = 0;
        for (int n = 0; n < kRuns; n++) {
            Answer a = GetRun(copy.store, RunId(n * 37 % kRuns));
            ASSERT_EQ(a.result, STORE_OK);
            EXPECT_TRUE(a.run.status == RUN_CANCELLED || n >= before) << n << " of " << before;
            // One moment: cancels are there in the order in which they were made.
            EXPECT_TRUE(a.run.status != RUN_CANCELLED || n == cancelled);
            cancelled += a.run.status == RUN_CANCELLED;
        }
        EXPECT_EQ(ListRuns(copy.store, {.status = RUN_STATUS_BIT(RUN_CANCELLED), .limit = 1000})
                      .runs.size(),
                  static_cast<size_t>(cancelled));
        run_store_close(copy.store);
        ExpectSound(backup);
    }
    storm.join();
    EXPECT_GT(with_rows_behind, 0);
    run_store_close(o.store);
    ExpectSound(path_);
}

TEST_F(SqliteRestore, CopyAfterAStopHoldsAll) {
    Model model;
    Opened o = OpenLimited(path_, {.runs = 1000, .events = 1000});
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    for (int n = 0; n < 60; n++) {
        model.Create(o.store, n);
    }
    for (int n = 0; n < 60; n++) {
        model.Change(o.store, {}, n);
    }
    uint64_t epoch = o.store->epoch;
    run_store_close(o.store);
    model.ExpectRows(path_); // for whoever reads the file itself, too
    std::string copy = directory_.File("copy.db");
    WriteFile(copy, ReadFile(path_));
    o = OpenLimited(copy);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    model.ExpectAll(o.store);
    EXPECT_NE(o.store->epoch, epoch);
    run_store_close(o.store);
}

// Revisions are given anew after a moment that was put back: who kept one finds another epoch.
TEST_F(SqliteRestore, EpochIsAnotherAfterARestoreAndStaysOverARestart) {
    Opened o = OpenLimited(path_);
    ASSERT_EQ(CreateRun(o.store, {.id = "r"}).result, STORE_OK);
    const uint64_t epoch = o.store->epoch;
    EXPECT_NE(epoch, 0u);
    run_store_close(o.store);
    EXPECT_EQ(EpochOf(path_), epoch);
    EXPECT_EQ(EpochOf(path_), epoch);
    // Killed and served again: the same.
    o = OpenLimited(path_);
    ASSERT_EQ(Apply(o.store, {.id = "r"}).result, STORE_OK);
    StoreFiles killed = TakeFiles();
    run_store_close(o.store);
    WriteFile(path_, killed.database);
    WriteFile(path_ + "-wal", killed.log);
    WriteFile(path_ + ".state", killed.state);
    EXPECT_EQ(EpochOf(path_), epoch);
    // A backup that is put back over it, as another file.
    const std::string backup = directory_.File("backup.db");
    BackUp(path_, backup);
    ASSERT_EQ(unlink(path_.c_str()), 0);
    ASSERT_EQ(rename(backup.c_str(), path_.c_str()), 0);
    const uint64_t restored = EpochOf(path_);
    EXPECT_NE(restored, epoch);
    EXPECT_NE(restored, 0u);
    EXPECT_EQ(EpochOf(path_), restored);
    // And after what the file holds was accepted.
    Accept(path_);
    const uint64_t accepted = EpochOf(path_);
    EXPECT_NE(accepted, restored);
    EXPECT_EQ(EpochOf(path_), accepted);
}

// A feed that was read behind the moment that is put back is not the one that goes on from there:
// its epoch is another one, and its floor that of the backup.
TEST_F(SqliteRestore, FeedThatIsPutBackGoesOnAsAnother) {
    const std::string backup = directory_.File("backup.db");
    int64_t floor;
    Opened o = OpenLimited(path_);
    for (int i = 0; i < 100; i++) {
        ASSERT_EQ(CreateRun(o.store, {.id = RunId(i)}).result, STORE_OK);
    }
    ASSERT_EQ(TrimChanges(o.store, 40, &floor), STORE_OK);
    BackUp(path_, backup);
    ASSERT_EQ(Apply(o.store, {.id = RunId(1)}).revision, 101);
    ASSERT_EQ(TrimChanges(o.store, 101, &floor), STORE_OK);
    const uint64_t epoch = o.store->epoch;
    run_store_close(o.store);
    RemoveFiles();
    ASSERT_EQ(rename(backup.c_str(), path_.c_str()), 0);
    o = OpenLimited(path_);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_NE(o.store->epoch, epoch);
    Changes c = ListChanges(o.store, {.after = 40});
    EXPECT_EQ(c.result, STORE_OK);
    EXPECT_EQ(c.floor, 40);
    EXPECT_EQ(c.newest, 100);
    EXPECT_EQ(c.changes.size(), 60u);
    EXPECT_EQ(ListChanges(o.store, {.after = 101}).result, STORE_CONFLICT);
    // The same revision, and another event.
    ASSERT_EQ(Apply(o.store, {.id = RunId(2)}).revision, 101);
    c = ListChanges(o.store, {.after = 100});
    ASSERT_EQ(c.changes.size(), 1u);
    EXPECT_EQ(c.changes[0].run_id, RunId(2));
    run_store_close(o.store);
    ExpectSound(path_);
}

// An executor of an attempt that a restore has made unmade is told from the one that comes next.
TEST_F(SqliteRestore, AttemptsAreGivenOnceWhateverIsPutBack) {
    const std::string backup = directory_.File("backup.db");
    Opened o = OpenLimited(path_);
    ASSERT_EQ(CreateRun(o.store, LeasedRun("r")).result, STORE_OK);
    ASSERT_EQ(Acquire(o.store, {}).runs[0].attempt, 1);
    run_store_close(o.store);
    BackUp(path_, backup);
    std::set<int64_t> given = {1};
    std::set<int64_t> of_new;
    for (int moment = 0; moment < 5; moment++) {
        SCOPED_TRACE(moment);
        o = OpenLimited(path_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        int64_t attempt = 1;
        EXPECT_EQ(GetRun(o.store, "r").run.attempt, attempt); // who has it goes on
        for (int i = 0; i < 4; i++) {
            ASSERT_EQ(EndLease(o.store, {.id = "r", .attempt = attempt}).result, STORE_OK);
            std::vector<StoredRun> runs = Acquire(o.store, {.ids = {"r"}}).runs;
            ASSERT_EQ(runs.size(), 1u);
            EXPECT_GT(runs[0].attempt, attempt);
            EXPECT_TRUE(moment > 0 || runs[0].attempt == attempt + 1);
            attempt = runs[0].attempt;
            EXPECT_TRUE(given.insert(attempt).second) << attempt;
        }
        // So is that of a run which is created again under its id.
        StoredRun created = LeasedRun("made later");
        created.holder = "h";
        created.lease_us = 1;
        EXPECT_TRUE(of_new.insert(CreateRun(o.store, created).run.attempt).second);
        run_store_close(o.store);
        RemoveFiles();
        WriteFile(path_, ReadFile(backup));
    }
    EXPECT_EQ(given.size(), 21u);
    EXPECT_EQ(of_new.size(), 5u);
    // What the file holds is accepted as all there is: more may have been given.
    run_store_close(MustOpen());
    Accept(path_);
    o = OpenLimited(path_);
    ASSERT_EQ(EndLease(o.store, {.id = "r", .attempt = 1}).result, STORE_OK);
    EXPECT_GT(Acquire(o.store, {}).runs[0].attempt, *given.rbegin());
    // A start alone takes no number away.
    const int64_t last = GetRun(o.store, "r").run.attempt;
    run_store_close(o.store);
    o = OpenLimited(path_);
    ASSERT_EQ(EndLease(o.store, {.id = "r", .attempt = last}).result, STORE_OK);
    EXPECT_EQ(Acquire(o.store, {}).runs[0].attempt, last + 1);
    run_store_close(o.store);
    ExpectSound(path_);
}

// What is accepted may be behind its events: they are not lost.
TEST_F(SqliteRestore, AcceptedStoreKeepsWhatIsNotApplied) {
    Model model;
    Opened o = OpenLimited(path_, {.runs = 1000, .events = 1000});
    for (int n = 0; n < 20; n++) {
        model.Create(o.store, n);
        model.Change(o.store, {}, n);
    }
    std::string copy = directory_.File("copy.db");
    CopyFiles(path_, copy);
    run_store_close(o.store);
    ExpectSound(copy);
    Accept(copy);
    o = OpenLimited(copy);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    model.ExpectAll(o.store);
    run_store_close(o.store);
    model.ExpectRows(copy);
}

// A later program added a column that has a default, and said that this one may serve its store.
// It does, under load, and leaves what it does not know as it is.
TEST_F(SqliteRestore, StoreOfALaterProgramIsServedUnderLoad) {
    constexpr int kRuns = 200;
    FaultyVfs &vfs = FaultyVfs::Install();
    Opened o = OpenLimited(path_, {.runs = 1000, .events = 1000});
    for (int n = 0; n < kRuns; n++) {
        ASSERT_EQ(CreateRun(o.store, {.id = RunId(n), .workflow_id = "w"}).result, STORE_OK);
    }
    for (int n = 0; n < 30; n++) {
        ASSERT_EQ(Apply(o.store, {.id = RunId(n), .to = RUN_WAITING}).result, STORE_OK);
    }
    std::string later = directory_.File("later.db");
    CopyFiles(path_, later); // with rows that are behind their events
    run_store_close(o.store);
    RunSql(later,
           std::string("BEGIN; ALTER TABLE run ADD COLUMN priority INTEGER NOT NULL DEFAULT 7;"
                       "UPDATE run SET priority=run_key;"
                       "ALTER TABLE run_body ADD COLUMN labels BLOB NOT NULL DEFAULT x'00';"
                       "UPDATE meta SET value=") +
               std::to_string(kOldestProgram) +
               " WHERE name='oldest_program'; PRAGMA user_version=" +
               std::to_string(kSchemaVersion + 1) + "; COMMIT;");
    o = OpenLimited(later, {.runs = 20, .events = 50, .slice = 4, .idle_us = 1000});
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    std::vector<std::thread> clients;
    for (int c = 0; c < 4; c++) {
        clients.emplace_back([&o, c] {
            for (int n = c; n < kRuns; n += 4) {
                EXPECT_EQ(Apply(o.store, {.id = RunId(n),
                                          .to = RUN_RUNNING,
                                          .set_execution_state = true,
                                          .execution_state = "s",
                                          .set_total_cu = true,
                                          .total_cu = 2})
                              .result,
                          STORE_OK);
                EXPECT_EQ(Apply(o.store, {.id = RunId(n)}).result, STORE_OK);
                EXPECT_EQ(GetRun(o.store, RunId(n)).run.status, RUN_CANCELLED);
                EXPECT_EQ(CreateRun(o.store, {.id = "new " + std::to_string(n)}).result, STORE_OK);
                EXPECT_EQ(ListRuns(o.store, {.workflow_id = "w", .limit = 5}).runs.size(), 5u);
            }
        });
    }
    for (std::thread &client : clients) {
        client.join();
    }
    // A full disk, and the probe that finds out that it has room again.
    vfs.FailWrites(SQLITE_FULL, 0);
    EXPECT_EQ(CreateRun(o.store, {.id = "refused"}).result, STORE_DISK_FULL);
    vfs.Reset();
    int probes = vfs.log_syncs();
    int64_t end_us = clock_monotonic_us() + 60 * 1000000;
    while (vfs.log_syncs() == probes && clock_monotonic_us() < end_us) {
        usleep(10000);
    }
    EXPECT_GT(vfs.log_syncs(), probes);
    EXPECT_EQ(CreateRun(o.store, {.id = "taken"}).result, STORE_OK);
    run_store_close(o.store);
    EXPECT_EQ(QueryText(later, "PRAGMA user_version"), VersionLine(kSchemaVersion + 1));
    EXPECT_EQ(QueryText(later, "SELECT value FROM meta WHERE name='oldest_program'"),
              VersionLine(kOldestProgram));
    EXPECT_EQ(QueryText(later, "SELECT count(*) FROM run WHERE priority=run_key AND run_key<=200"
                               " AND status=5 AND total_cu=2"),
              "200\n");
    EXPECT_EQ(QueryText(later, "SELECT count(*) FROM run WHERE priority=7 AND run_key>200"),
              "201\n");
    EXPECT_EQ(QueryText(later, "SELECT count(*) FROM run_body WHERE labels=x'00'"), "401\n");
    ExpectSound(later);
}

} // namespace
