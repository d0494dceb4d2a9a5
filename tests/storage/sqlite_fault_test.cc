#include <errno.h>
#include <filesystem>
#include <fstream>
#include <sqlite3.h>
#include <sys/stat.h>
#include <thread>

#include "tests/storage/sqlite_fault.h"
#include "tests/storage/test_files.h"

using namespace store_testing;

namespace {

TEST_F(SqliteFault, FailedSyncOfACommitIsUnknownAndStopsTheStore) {
    for (bool done_all_the_same : {false, true}) {
        SCOPED_TRACE(done_all_the_same);
        std::string id = done_all_the_same ? "b" : "a";
        MustCreate(id);
        vfs_.FailSyncs(FaultyVfs::File::kLog, done_all_the_same);
        Answer a = Apply(store_, {.id = id});
        EXPECT_EQ(a.result, STORE_UNAVAILABLE);
        EXPECT_NE(a.detail.find("committing"), std::string::npos) << a.detail;
        EXPECT_EQ(failures_, 1);
        EXPECT_EQ(failure_, a.detail);
        // Nothing is answered any more, not even where the disk is well again.
        vfs_.Reset();
        EXPECT_EQ(GetRun(store_, id).result, STORE_STOPPED);
        EXPECT_EQ(Apply(store_, {.id = id}).result, STORE_STOPPED);
        EXPECT_EQ(CreateRun(store_, {.id = "c"}).result, STORE_STOPPED);
        EXPECT_EQ(failures_, 1);

        OpenStore(0);
        ExpectConsistent(id);
        enum run_status status = GetRun(store_, id).run.status;
        EXPECT_EQ(Apply(store_, {.id = id}).result,
                  status == RUN_CANCELLED ? STORE_CONFLICT : STORE_OK);
    }
}

TEST_F(SqliteFault, WhatWasNotBegunWhenTheStoreFailedChangedNothing) {
    MustCreate("a");
    MustCreate("b");
    vfs_.CloseGate();
    PendingPtr first = StartCreate(store_, "first");
    vfs_.WaitUntilGateHolds();
    std::vector<PendingPtr> batch;
    batch.push_back(StartCancel(store_, "a"));
    batch.push_back(StartCancel(store_, "absent"));
    batch.push_back(StartCancel(store_, "b"));
    vfs_.FailSyncs(FaultyVfs::File::kLog, false);
    vfs_.OpenGate();
    EXPECT_EQ(first->Wait(), STORE_UNAVAILABLE);
    for (PendingPtr &p : batch) {
        EXPECT_EQ(p->Wait(), STORE_STOPPED);
        EXPECT_EQ(p->detail(), first->detail());
    }
    vfs_.Reset();
    OpenStore(0);
    for (const char *id : {"a", "b"}) {
        EXPECT_EQ(GetRun(store_, id).run.status, RUN_RUNNING);
        ExpectConsistent(id);
    }
}

TEST_F(SqliteFault, WholeBatchOfAFailedCommitIsUnknown) {
    MustCreate("a");
    MustCreate("b");
    vfs_.CloseGate();
    PendingPtr first = StartCreate(store_, "first");
    vfs_.WaitUntilGateHolds();
    std::vector<PendingPtr> batch;
    for (const char *id : {"a", "absent", "b"}) {
        batch.push_back(StartCancel(store_, id));
    }
    vfs_.FailSyncs(FaultyVfs::File::kLog, false, 1); // that of the first is good yet
    vfs_.OpenGate();
    EXPECT_EQ(first->Wait(), STORE_OK);
    for (PendingPtr &p : batch) {
        EXPECT_EQ(p->Wait(), STORE_UNAVAILABLE);
    }
    vfs_.Reset();
    OpenStore(0);
    ExpectConsistent("a");
    ExpectConsistent("b");
}

// How a write fails for want of room: SQLite knows one of the ways.
struct NoRoom {
    int code;
    int error_number;
};
constexpr NoRoom kNoRoom[] = {{SQLITE_FULL, 0},
                              {SQLITE_IOERR_WRITE, EDQUOT},
                              {SQLITE_IOERR_WRITE, EFBIG},
                              {SQLITE_IOERR_WRITE, ENOSPC}};

// Wherever the disk fills up, nothing was changed and all goes on afterwards.
TEST_F(SqliteFault, FullDiskChangesNothingAndPasses) {
    int n = 0;
    int fitted = 0;
    int refused = 0;
    for (const NoRoom &no_room : kNoRoom) {
        for (int after = 0; after < 12; after++) {
            SCOPED_TRACE(testing::Message()
                         << no_room.code << " " << no_room.error_number << " " << after);
            std::string id = std::to_string(n++);
            MustCreate(id);
            vfs_.Reset();
            vfs_.FailWrites(no_room.code, after, no_room.error_number);
            Answer a = Apply(store_, {.id = id});
            int writes = vfs_.writes();
            vfs_.Reset();
            if (a.result == STORE_OK) {
                fitted++;
                EXPECT_GE(after, 2); // the page of its event in the log, and what precedes it
            } else {
                refused++;
                EXPECT_GT(writes, after);
                EXPECT_EQ(a.result, STORE_DISK_FULL);
                EXPECT_FALSE(a.detail.empty());
                EXPECT_EQ(GetRun(store_, id).run.status, RUN_RUNNING);
                EXPECT_EQ(Apply(store_, {.id = id}).result, STORE_OK);
            }
            ExpectConsistent(id);
        }
    }
    EXPECT_EQ(failures_, 0);
    EXPECT_GE(fitted, 4);
    EXPECT_GE(refused, 2 * 4);
    OpenStore(0);
    for (int i = 0; i < n; i++) {
        EXPECT_EQ(GetRun(store_, std::to_string(i)).run.status, RUN_CANCELLED);
        ExpectConsistent(std::to_string(i));
    }
}

// "Nothing was changed" holds for who reads the files afterwards too, a restart after a
// power cut, say.
TEST_F(SqliteFault, FullDiskLeavesNothingForARestartToFind) {
    for (int after = 0; after < 12; after++) {
        SCOPED_TRACE(after);
        std::string id = std::to_string(after);
        MustCreate(id);
        vfs_.Reset();
        vfs_.FailWrites(SQLITE_FULL, after);
        Answer a = Apply(store_, {.id = id});
        std::string copy = directory_.File("copy-" + id);
        for (const char *suffix : {"", "-wal"}) {
            std::string command = "cp '" + path_ + suffix + "' '" + copy + suffix + "'";
            ASSERT_EQ(system(command.c_str()), 0);
        }
        vfs_.Reset();
        Opened o = Open("sqlite:" + copy);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        EXPECT_EQ(GetRun(o.store, id).run.status,
                  a.result == STORE_OK ? RUN_CANCELLED : RUN_RUNNING);
        run_store_close(o.store);
    }
}

// The log's own room is used again: small changes go on where it had some.
TEST_F(SqliteFault, FullDiskMakesRoomInItsLog) {
    const int kRuns = 400; // more than the room that was made in the log is enough for
    for (int i = 0; i < kRuns; i++) {
        MustCreate(std::to_string(i));
    }
    vfs_.FailLogGrowth();
    int n = 0;
    while (n < kRuns && Apply(store_, {.id = std::to_string(n)}).result == STORE_OK) {
        n++;
    }
    ASSERT_LT(n, kRuns - 10);
    for (int end = n + 10; n < end; n++) {
        EXPECT_EQ(Apply(store_, {.id = std::to_string(n)}).result, STORE_OK) << n;
    }
    EXPECT_EQ(failures_, 0);
}

TEST_F(SqliteFault, ReadsGoOnWhileTheDiskIsFull) {
    MustCreate("r");
    vfs_.FailWrites(SQLITE_FULL, 0);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_DISK_FULL);
    EXPECT_EQ(GetRun(store_, "r").result, STORE_OK);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_DISK_FULL);
    EXPECT_EQ(ListRuns(store_, {}).ids(), std::vector<std::string>{"r"});
}

// A failed sync says nothing of what is on the disk, whatever the reason.
TEST_F(SqliteFault, SyncThatFailsForWantOfRoomIsUnknown) {
    MustCreate("r");
    vfs_.FailWrites(SQLITE_OK, 0, ENOSPC);
    vfs_.FailSyncs(FaultyVfs::File::kLog, true);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_UNAVAILABLE);
    EXPECT_EQ(failures_, 1);
}

TEST_F(SqliteFault, FailedWriteAnywhereIsUnknownAndRecovers) {
    bool any_fitted = false;
    for (int after = 0; after < 8; after++) {
        SCOPED_TRACE(after);
        std::string id = std::to_string(after);
        MustCreate(id);
        vfs_.Reset();
        vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO);
        Answer a = Apply(store_, {.id = id});
        bool fitted = a.result == STORE_OK;
        int writes = vfs_.writes();
        vfs_.Reset();
        if (!fitted) {
            // Rows that were brought up to date before it was taken may have failed instead.
            EXPECT_TRUE(a.result == STORE_UNAVAILABLE || a.result == STORE_STOPPED) << a.result;
            EXPECT_GT(writes, after);
            std::unique_lock<std::mutex> guard(failure_lock_);
            failure_changed_.wait(guard, [this] { return failures_ > 0; });
            EXPECT_EQ(failures_, 1);
        }
        any_fitted |= fitted;
        OpenStore(0);
        ExpectConsistent(id);
        if (fitted) {
            EXPECT_EQ(GetRun(store_, id).run.status, RUN_CANCELLED);
        }
    }
    EXPECT_TRUE(any_fitted);
}

// The index that connections share grows by a block every 4,096 pages of the log, which SQLite
// does when the log is on the disk already: the outcome would be unknown.
TEST_F(SqliteFault, IndexThatCannotGrowIsAFullDiskAndNothingUnknown) {
    MustCreate("r");
    sqlite3 *reader = nullptr; // keeps the log from being used anew
    ASSERT_EQ(sqlite3_open_v2(path_.c_str(), &reader, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT * FROM run", nullptr, nullptr, nullptr),
              SQLITE_OK);
    vfs_.FailIndexGrowth();
    std::string spec(512 * 1024, 's');
    int created = 0;
    Answer a;
    for (; created < 400; created++) { // 51,200 pages
        a = CreateRun(store_, {.id = std::to_string(created), .spec = spec});
        if (a.result != STORE_OK) {
            break;
        }
    }
    EXPECT_LT(created, 400);
    EXPECT_EQ(a.result, STORE_DISK_FULL) << a.detail;
    EXPECT_EQ(failures_, 0);
    ASSERT_EQ(sqlite3_close(reader), SQLITE_OK);
    vfs_.Reset();
    EXPECT_EQ(GetRun(store_, std::to_string(created)).result, STORE_NOT_FOUND);
    EXPECT_EQ(CreateRun(store_, {.id = std::to_string(created)}).result, STORE_OK);
}

// Where SQLite finds no room for the index within a commit all the same, the log is on the disk
// already: that is not told as "nothing was changed".
TEST_F(SqliteFault, IndexThatCannotGrowWithinACommitIsUnknown) {
    MustCreate("r");
    sqlite3 *reader = nullptr; // keeps the log from being used anew
    ASSERT_EQ(sqlite3_open_v2(path_.c_str(), &reader, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT * FROM run", nullptr, nullptr, nullptr),
              SQLITE_OK);
    vfs_.FailIndex(); // also for blocks that were there
    std::string spec(512 * 1024, 's');
    Answer a;
    int created = 0;
    while (created < 100 &&
           (a = CreateRun(store_, {.id = std::to_string(created), .spec = spec})).result ==
               STORE_OK) {
        created++;
    }
    EXPECT_EQ(a.result, STORE_UNAVAILABLE) << a.detail;
    EXPECT_NE(a.detail.find("committing"), std::string::npos) << a.detail;
    EXPECT_EQ(failures_, 1);
    ASSERT_EQ(sqlite3_close(reader), SQLITE_OK);
    vfs_.Reset();
    OpenStore(0);
    for (int i = 0; i < created; i++) {
        EXPECT_EQ(GetRun(store_, std::to_string(i)).result, STORE_OK);
    }
    // It was committed: this is why.
    EXPECT_EQ(GetRun(store_, std::to_string(created)).result, STORE_OK);
}

TEST_F(SqliteFault, TransactionsAreBoundedByTheirBytes) {
    vfs_.CloseGate();
    PendingPtr first = StartCreate(store_, "first");
    vfs_.WaitUntilGateHolds();
    std::vector<PendingPtr> waiting;
    for (int i = 0; i < 40; i++) { // of 1 MiB each, 8 in a transaction
        auto p = std::make_unique<Pending>();
        p->run.id = std::to_string(i);
        p->run.spec = std::string(1024 * 1024, 's');
        FillCreate(p->create, p->run);
        run_store_submit(store_, p->create.get());
        waiting.push_back(std::move(p));
    }
    int syncs_before = vfs_.log_syncs();
    vfs_.OpenGate();
    for (PendingPtr &p : waiting) {
        EXPECT_EQ(p->Wait(), STORE_OK);
    }
    EXPECT_GE(vfs_.log_syncs() - syncs_before, 5);
}

// A checkpoint for which the database cannot grow is made later.
TEST_F(SqliteFault, CheckpointWithoutRoomIsPutOff) {
    std::string spec(256 * 1024, 's');
    for (const NoRoom &no_room : kNoRoom) {
        for (int i = 0; i < 20; i++) { // past the idle bound
            std::string id = std::to_string(no_room.error_number) + "-" + std::to_string(i);
            ASSERT_EQ(CreateRun(store_, {.id = id, .spec = spec}).result, STORE_OK);
        }
        vfs_.FailWrites(no_room.code, 0, no_room.error_number);
        // A refused change makes room by a checkpoint, which finds none either.
        EXPECT_EQ(CreateRun(store_, {.id = "refused"}).result, STORE_DISK_FULL);
        vfs_.Reset();
    }
    EXPECT_EQ(failures_, 0);
    EXPECT_EQ(CreateRun(store_, {.id = "taken"}).result, STORE_OK);
}

// Of the syncs in the background, and of the one by which the log begins anew.
TEST_F(SqliteFault, FailedSyncOfACheckpointStopsTheStoreAndLosesNothing) {
    const std::string spec(512 * 1024, 's');
    int n = 0;
    for (int after = 0; after < 16; after++) {
        SCOPED_TRACE(after);
        vfs_.FailSyncs(FaultyVfs::File::kMain, after % 2 == 0, after);
        std::vector<std::string> created;
        for (int i = 0; i < 200; i++) {
            std::string id = std::to_string(n++);
            Answer a = CreateRun(store_, {.id = id, .spec = spec});
            if (a.result != STORE_OK) {
                EXPECT_EQ(a.result, STORE_STOPPED); // what was answered was committed before
                break;
            }
            created.push_back(id);
        }
        EXPECT_LT(created.size(), 200u);
        // The owner is told after the store began to refuse.
        std::unique_lock<std::mutex> guard(failure_lock_);
        failure_changed_.wait(guard, [this] { return failures_ > 0; });
        EXPECT_EQ(failures_, 1);
        EXPECT_NE(failure_.find("write-ahead log"), std::string::npos) << failure_;
        guard.unlock();
        vfs_.Reset();
        OpenStore(0);
        for (const std::string &id : created) {
            EXPECT_EQ(GetRun(store_, id).run.spec.size(), spec.size());
        }
    }
}

// Whether the store's writer waits for another thread, not for the disk.
bool WriterSleeps() {
    bool sleeps = false;
    for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string stat = ReadFile(task.path() / "stat");
        sleeps = sleeps || stat.find("(store-writer) S") != std::string::npos;
    }
    return sleeps;
}

// Commits go on while the database is synced, until the log is long; then they wait, and what
// that sync failed at is not given a second one: the kernel may report it only once.
TEST_F(SqliteFault, CommitsGoOnDuringASyncOfTheDatabaseAndEndWhenItFails) {
    const std::string spec(256 * 1024, 's');
    int created = 0;
    vfs_.Reset();
    vfs_.CloseGate(FaultyVfs::File::kMain);
    for (; created < 60; created++) { // 3,900 pages
        ASSERT_EQ(CreateRun(store_, {.id = std::to_string(created), .spec = spec}).result,
                  STORE_OK);
    }
    vfs_.WaitUntilGateHolds();
    ASSERT_EQ(vfs_.main_syncs(), 1);
    std::vector<PendingPtr> waiting; // past where the log waits for the sync
    for (int i = 0; i < 80; i++) {   // at most 32 in a transaction
        auto p = std::make_unique<Pending>();
        p->run.id = "w" + std::to_string(i);
        p->run.spec = spec;
        FillCreate(p->create, p->run);
        run_store_submit(store_, p->create.get());
        waiting.push_back(std::move(p));
    }
    EXPECT_EQ(waiting[0]->Wait(), STORE_OK);
    const int64_t deadline_us = clock_monotonic_us() + 30 * 1000000;
    while (!WriterSleeps() && clock_monotonic_us() < deadline_us) {
        std::this_thread::yield();
    }
    EXPECT_FALSE(waiting.back()->done());
    vfs_.FailSyncs(FaultyVfs::File::kMain, false);
    vfs_.OpenGate();
    int acknowledged = 0;
    for (PendingPtr &p : waiting) {
        enum store_result result = p->Wait();
        acknowledged += result == STORE_OK;
        EXPECT_TRUE(result == STORE_OK || result == STORE_STOPPED) << result;
    }
    {
        std::unique_lock<std::mutex> guard(failure_lock_);
        failure_changed_.wait(guard, [this] { return failures_ > 0; });
        EXPECT_NE(failure_.find("write-ahead log"), std::string::npos) << failure_;
    }
    EXPECT_EQ(CreateRun(store_, {.id = "late"}).result, STORE_STOPPED);
    EXPECT_EQ(vfs_.main_syncs(), 1);
    run_store_close(store_);
    store_ = nullptr;
    EXPECT_EQ(vfs_.main_syncs(), 1);
    vfs_.Reset();
    OpenStore(0);
    for (int i = 0; i < created; i++) {
        EXPECT_EQ(GetRun(store_, std::to_string(i)).run.spec.size(), spec.size());
    }
    for (int i = 0; i < acknowledged; i++) {
        EXPECT_EQ(GetRun(store_, "w" + std::to_string(i)).run.spec.size(), spec.size());
    }
}

// Any write of the log, of its room, of a piece or of what lets the log begin anew.
TEST_F(SqliteFault, WriteThatFailsAnywhereLosesNothing) {
    const std::string spec(256 * 1024, 's');
    int n = 0;
    for (int round = 0; round < 40; round++) {
        // The log begins anew after some 12,000 writes: every 349th, in a log of any length.
        const int after = 1 + round * 349;
        const bool is_full = round % 2 == 0;
        SCOPED_TRACE(after);
        vfs_.Reset();
        if (is_full) {
            vfs_.FailWrites(SQLITE_FULL, after);
        } else {
            vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO);
        }
        std::vector<std::string> created;
        enum store_result result = STORE_OK;
        for (int i = 0; i < 300 && result == STORE_OK; i++) {
            std::string id = std::to_string(n++);
            result = CreateRun(store_, {.id = id, .spec = spec}).result;
            if (result == STORE_OK) {
                created.push_back(id);
            }
        }
        if (is_full) {
            EXPECT_EQ(result, STORE_DISK_FULL);
            EXPECT_EQ(failures_, 0);
        } else {
            EXPECT_TRUE(result == STORE_UNAVAILABLE || result == STORE_STOPPED) << result;
        }
        vfs_.Reset();
        if (is_full && round % 4 == 0) { // it goes on
            EXPECT_EQ(CreateRun(store_, {.id = "after" + std::to_string(round)}).result, STORE_OK);
        } else {
            OpenStore(0);
        }
        for (const std::string &id : created) {
            ASSERT_EQ(GetRun(store_, id).run.spec.size(), spec.size());
        }
    }
}

TEST_F(SqliteFault, OperationsThatWaitShareOneCommit) {
    const int kOps = 500;
    for (int i = 0; i < kOps; i++) {
        MustCreate(std::to_string(i));
    }
    vfs_.Reset();
    vfs_.CloseGate();
    PendingPtr first = StartCreate(store_, "first");
    vfs_.WaitUntilGateHolds();
    std::vector<PendingPtr> batch;
    for (int i = 0; i < kOps; i++) {
        batch.push_back(StartCancel(store_, std::to_string(i)));
    }
    int syncs_before = vfs_.log_syncs();
    vfs_.OpenGate();
    EXPECT_EQ(first->Wait(), STORE_OK);
    for (PendingPtr &p : batch) {
        EXPECT_EQ(p->Wait(), STORE_OK);
    }
    EXPECT_LE(vfs_.log_syncs() - syncs_before, 2); // 2 where the log begins anew
}

TEST_F(SqliteFault, OneBadOperationDoesNotSpoilItsBatch) {
    MustCreate("a");
    MustCreate("b");
    vfs_.CloseGate();
    PendingPtr first = StartCreate(store_, "first");
    vfs_.WaitUntilGateHolds();
    PendingPtr cancel_a = StartCancel(store_, "a");
    PendingPtr taken = StartCreate(store_, "first");
    PendingPtr huge = StartCreate(store_, "huge", size_t{300} * 1024 * 1024);
    PendingPtr absent = StartCancel(store_, "absent");
    PendingPtr again = StartCancel(store_, "a");
    PendingPtr cancel_b = StartCancel(store_, "b");
    vfs_.OpenGate();
    EXPECT_EQ(cancel_a->Wait(), STORE_OK);
    EXPECT_EQ(taken->Wait(), STORE_EXISTS);
    EXPECT_EQ(huge->Wait(), STORE_TOO_LARGE);
    EXPECT_NE(huge->detail().find("268435456"), std::string::npos) << huge->detail();
    EXPECT_EQ(absent->Wait(), STORE_NOT_FOUND);
    EXPECT_EQ(again->Wait(), STORE_CONFLICT);
    EXPECT_EQ(cancel_b->Wait(), STORE_OK);
    EXPECT_EQ(failures_, 0);
    EXPECT_EQ(GetRun(store_, "huge").result, STORE_NOT_FOUND);
}

TEST_F(SqliteFault, FullQueueIsBusyAtOnce) {
    OpenStore(3);
    MustCreate("r");
    vfs_.CloseGate();
    PendingPtr first = StartCreate(store_, "first");
    vfs_.WaitUntilGateHolds();
    std::vector<PendingPtr> queued;
    for (int i = 0; i < 3; i++) {
        queued.push_back(StartCreate(store_, std::to_string(i)));
    }
    PendingPtr refused = StartCreate(store_, "refused");
    ASSERT_TRUE(refused->done()); // while the writer still holds
    EXPECT_EQ(refused->Wait(), STORE_BUSY);
    EXPECT_NE(refused->detail().find("3"), std::string::npos);
    EXPECT_EQ(GetRun(store_, "r").result, STORE_OK); // reads have a queue of their own
    vfs_.OpenGate();
    for (PendingPtr &p : queued) {
        EXPECT_EQ(p->Wait(), STORE_OK);
    }
    EXPECT_EQ(GetRun(store_, "refused").result, STORE_NOT_FOUND);
    EXPECT_EQ(CreateRun(store_, {.id = "refused"}).result, STORE_OK);
}

TEST_F(SqliteFault, DeadlineThatPassesInTheQueueIsExpired) {
    MustCreate("late");
    MustCreate("in time");
    vfs_.CloseGate();
    PendingPtr first = StartCreate(store_, "first");
    vfs_.WaitUntilGateHolds();
    int64_t deadline_us = clock_monotonic_us() + 2000;
    PendingPtr late = StartCancel(store_, "late", deadline_us);
    PendingPtr in_time = StartCancel(store_, "in time", deadline_us + INT64_C(3600000000));
    while (clock_monotonic_us() < deadline_us) {
        std::this_thread::yield();
    }
    EXPECT_FALSE(late->done());
    vfs_.OpenGate();
    EXPECT_EQ(late->Wait(), STORE_EXPIRED);
    EXPECT_EQ(in_time->Wait(), STORE_OK);
    EXPECT_EQ(GetRun(store_, "late").run.status, RUN_RUNNING);
}

TEST_F(SqliteFault, CloseFinishesWhatWaits) {
    MustCreate("r");
    vfs_.CloseGate();
    PendingPtr first = StartCreate(store_, "first");
    vfs_.WaitUntilGateHolds();
    std::vector<PendingPtr> waiting;
    for (int i = 0; i < 50; i++) {
        waiting.push_back(StartCreate(store_, std::to_string(i)));
    }
    std::thread closer([this] {
        run_store_close(store_);
        store_ = nullptr;
    });
    vfs_.OpenGate();
    closer.join();
    for (PendingPtr &p : waiting) {
        EXPECT_TRUE(p->done());
        EXPECT_EQ(p->Wait(), STORE_OK);
    }
    OpenStore(0);
    EXPECT_EQ(ListRuns(store_, {}).runs.size(), 52u);
}

} // namespace
