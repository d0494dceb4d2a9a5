#include <atomic>
#include <errno.h>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/store_testing.h"

using namespace store_testing;

namespace {

// An operation that is under way, and its end.
class Pending {
  public:
    explicit Pending(enum store_op_kind kind) : op(kind) {
        op->done = [](struct store_op *o) {
            // The Pending of an operation is found by its arena's address, which
            // nothing else shares.
            Pending *p = Find(o);
            std::lock_guard<std::mutex> guard(p->lock_);
            p->done_ = true;
            p->changed_.notify_all();
        };
        std::lock_guard<std::mutex> guard(table_lock_);
        table_.push_back(this);
    }
    ~Pending() {
        std::lock_guard<std::mutex> guard(table_lock_);
        for (Pending *&p : table_) {
            if (p == this) {
                p = table_.back();
                table_.pop_back();
                break;
            }
        }
    }
    enum store_result Wait() {
        std::unique_lock<std::mutex> guard(lock_);
        changed_.wait(guard, [this] { return done_; });
        return op->result;
    }
    bool done() {
        std::lock_guard<std::mutex> guard(lock_);
        return done_;
    }
    Op op;
    StoredRun run;
    Transition transition;

  private:
    static Pending *Find(struct store_op *o) {
        std::lock_guard<std::mutex> guard(table_lock_);
        for (Pending *p : table_) {
            if (p->op.get() == o) {
                return p;
            }
        }
        abort();
    }
    static std::mutex table_lock_;
    static std::vector<Pending *> table_;
    std::mutex lock_;
    std::condition_variable changed_;
    bool done_ = false;
};

std::mutex Pending::table_lock_;
std::vector<Pending *> Pending::table_;

using PendingPtr = std::unique_ptr<Pending>;

PendingPtr StartCancel(struct run_store *store, const std::string &id, int64_t deadline_us = 0) {
    auto p = std::make_unique<Pending>(STORE_TRANSITION);
    p->transition.id = id;
    FillTransition(p->op, p->transition);
    p->op->deadline_us = deadline_us;
    run_store_submit(store, p->op.get());
    return p;
}

PendingPtr StartCreate(struct run_store *store, const std::string &id, size_t claimed_bytes = 0) {
    auto p = std::make_unique<Pending>(STORE_CREATE);
    p->run.id = id;
    static const std::string empty;
    FillCreate(p->op, p->run, empty, empty);
    if (claimed_bytes > 0) {
        // Never read: refused by its size.
        p->op->create.in.spec = slice_of("", claimed_bytes);
    }
    run_store_submit(store, p->op.get());
    return p;
}

class SqliteFault : public testing::Test {
  protected:
    void SetUp() override {
        vfs_.Reset();
        OpenStore(0);
    }
    void TearDown() override {
        vfs_.Reset();
        run_store_close(store_);
    }
    void OpenStore(int queue_limit, const struct logger *log = nullptr) {
        run_store_close(store_);
        store_ = nullptr;
        failures_ = 0;
        struct run_store_options options = {};
        options.queue_limit = queue_limit;
        options.log = log;
        options.on_failure = [](void *context, const char *detail) {
            auto *self = static_cast<SqliteFault *>(context);
            std::lock_guard<std::mutex> guard(self->failure_lock_);
            self->failure_ = detail;
            self->failures_++;
            self->failure_changed_.notify_all();
        };
        options.context = this;
        Opened o = Open("sqlite:" + path_, options);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void MustCreate(const std::string &id) {
        ASSERT_EQ(CreateRun(store_, {.id = id}).result, STORE_OK);
    }
    // The status in the run's row is that of its newest event.
    void ExpectConsistent(const std::string &id) {
        StoredRun run = GetRun(store_, id).run;
        std::vector<Event> events = ListEvents(store_, id);
        ASSERT_EQ(static_cast<int64_t>(events.size()), run.sequence);
        EXPECT_EQ(events.back().to, run.status);
        EXPECT_EQ(events.back().at_us, run.updated_at_us);
    }

    FaultyVfs &vfs_ = FaultyVfs::Install();
    TemporaryDirectory directory_;
    std::string path_ = directory_.File("runs.db");
    struct run_store *store_ = nullptr;
    std::mutex failure_lock_;
    std::condition_variable failure_changed_;
    int failures_ = 0;
    std::string failure_;
};

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
        EXPECT_EQ(p->op.detail(), first->op.detail());
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
    vfs_.OpenGate();
    EXPECT_EQ(first->Wait(), STORE_OK);
    vfs_.FailSyncs(FaultyVfs::File::kLog, false);
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
    for (const NoRoom &no_room : kNoRoom) {
        for (int after = 0; after < 12; after++) {
            SCOPED_TRACE(testing::Message()
                         << no_room.code << " " << no_room.error_number << " " << after);
            std::string id = std::to_string(n++);
            MustCreate(id);
            vfs_.Reset();
            vfs_.FailWrites(no_room.code, after, no_room.error_number);
            Answer a = Apply(store_, {.id = id});
            bool fitted = vfs_.writes() <= after;
            vfs_.Reset();
            if (fitted) {
                EXPECT_EQ(a.result, STORE_OK);
                EXPECT_GT(after, 2);
            } else {
                EXPECT_EQ(a.result, STORE_DISK_FULL);
                EXPECT_FALSE(a.detail.empty());
                EXPECT_EQ(GetRun(store_, id).run.status, RUN_RUNNING);
                EXPECT_EQ(Apply(store_, {.id = id}).result, STORE_OK);
            }
            ExpectConsistent(id);
        }
    }
    EXPECT_EQ(failures_, 0);
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
    for (int after = 0; after < 8; after++) {
        SCOPED_TRACE(after);
        std::string id = std::to_string(after);
        MustCreate(id);
        vfs_.Reset();
        vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO);
        Answer a = Apply(store_, {.id = id});
        bool fitted = vfs_.writes() <= after;
        vfs_.Reset();
        EXPECT_EQ(a.result, fitted ? STORE_OK : STORE_UNAVAILABLE);
        EXPECT_EQ(failures_, fitted ? 0 : 1);
        OpenStore(0);
        ExpectConsistent(id);
        if (fitted) {
            EXPECT_EQ(GetRun(store_, id).run.status, RUN_CANCELLED);
        }
    }
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

TEST_F(SqliteFault, FailedSyncOfACheckpointStopsTheStoreAndLosesNothing) {
    vfs_.FailSyncs(FaultyVfs::File::kMain, false);
    std::vector<std::string> created;
    std::string spec(512 * 1024, 's');
    for (int i = 0; i < 100; i++) {
        Answer a = CreateRun(store_, {.id = std::to_string(i), .spec = spec});
        if (a.result != STORE_OK) {
            EXPECT_EQ(a.result, STORE_STOPPED); // what was answered was committed before
            break;
        }
        created.push_back(std::to_string(i));
    }
    EXPECT_LT(created.size(), 100u);
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
    EXPECT_NE(huge->op.detail().find("268435456"), std::string::npos) << huge->op.detail();
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
    EXPECT_NE(refused->op.detail().find("3"), std::string::npos);
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

TEST_F(SqliteFault, LogIsCopiedWhenTheWriterHasTime) {
    std::string spec(64 * 1024, 's');
    for (int i = 0; i < 100; i++) { // 6.5 MB, far from the bound
        ASSERT_EQ(CreateRun(store_, {.id = std::to_string(i), .spec = spec}).result, STORE_OK);
    }
    // Nobody waits after the last one.
    int64_t deadline_us = clock_monotonic_us() + 30 * 1000000;
    while (vfs_.main_syncs() == 0 && clock_monotonic_us() < deadline_us) {
        std::this_thread::yield();
    }
    EXPECT_GT(vfs_.main_syncs(), 0);
}

// What the store logs, in a file.
class LogFile {
  public:
    explicit LogFile(const std::string &path) : path_(path) {
        logger_.fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        logger_.level = LOG_INFO;
        logger_.program = "test";
    }
    ~LogFile() {
        close(logger_.fd);
    }
    const struct logger *logger() const {
        return &logger_;
    }
    // The lines that hold word.
    std::vector<std::string> Lines(const std::string &word) const {
        std::ifstream in(path_);
        std::vector<std::string> found;
        for (std::string line; std::getline(in, line);) {
            if (line.find(word) != std::string::npos) {
                found.push_back(line);
            }
        }
        return found;
    }

  private:
    std::string path_;
    struct logger logger_ = {};
};

// A process that holds a snapshot of the database from its start until it is told
// to end.
class ForeignReader {
  public:
    explicit ForeignReader(const std::string &path) {
        int ready[2];
        int end[2];
        EXPECT_EQ(pipe2(ready, O_CLOEXEC), 0);
        EXPECT_EQ(pipe2(end, O_CLOEXEC), 0);
        pid_ = fork();
        if (pid_ == 0) {
            close(end[1]);
            sqlite3 *db = nullptr;
            bool ok =
                sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
                sqlite3_exec(db, "BEGIN; SELECT * FROM run", nullptr, nullptr, nullptr) ==
                    SQLITE_OK;
            char c = ok ? 'y' : 'n';
            if (write(ready[1], &c, 1) != 1 || read(end[0], &c, 1) != 0) {
                _exit(1);
            }
            _exit(0);
        }
        close(ready[1]);
        close(end[0]);
        char c = '\0';
        EXPECT_EQ(read(ready[0], &c, 1), 1);
        EXPECT_EQ(c, 'y');
        close(ready[0]);
        end_ = end[1];
    }
    ~ForeignReader() {
        End();
    }
    void End() {
        if (pid_ > 0) {
            close(end_);
            waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }
    pid_t pid() const {
        return pid_;
    }

  private:
    pid_t pid_ = 0;
    int end_ = -1;
};

off_t SizeOf(const std::string &path) {
    struct stat st;
    return stat(path.c_str(), &st) == 0 ? st.st_size : -1;
}

// Another program's snapshot keeps the log from being used anew: who it is is
// told, and once it is gone the log shrinks, also where nobody writes any more.
TEST_F(SqliteFault, LogThatAForeignReaderHoldsIsToldAndShrinksAfterwards) {
    MustCreate("r");
    run_store_close(store_);
    store_ = nullptr;
    ForeignReader reader(path_);
    LogFile log(directory_.File("log"));
    OpenStore(0, log.logger());
    std::string spec(128 * 1024, 's');
    for (int i = 0; i < 1024; i++) { // 128 MiB, twice what is kept
        ASSERT_EQ(CreateRun(store_, {.id = std::to_string(i), .spec = spec}).result, STORE_OK);
    }
    std::vector<std::string> warnings = log.Lines("write-ahead log grows");
    ASSERT_GE(warnings.size(), 1u);
    EXPECT_LE(warnings.size(), 3u); // at 32, 64 and 128 MiB
    EXPECT_NE(warnings[0].find("process " + std::to_string(reader.pid()) + " ("), std::string::npos)
        << warnings[0];
    EXPECT_NE(warnings[0].find("\"level\":\"warn\""), std::string::npos) << warnings[0];
    EXPECT_GT(SizeOf(path_ + "-wal"), 128 * 1024 * 1024);
    EXPECT_EQ(log.Lines("reused again").size(), 0u);
    reader.End();
    int64_t deadline_us = clock_monotonic_us() + 60 * 1000000;
    while (SizeOf(path_ + "-wal") > 1024 * 1024 && clock_monotonic_us() < deadline_us) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(SizeOf(path_ + "-wal"), 0);
    EXPECT_EQ(log.Lines("reused again").size(), 1u);
    MustCreate("after");
    EXPECT_EQ(GetRun(store_, "1023").run.spec.size(), spec.size());
    EXPECT_EQ(failures_, 0);
}

// Where writes go on, the file is cut to what is kept at the first one that begins
// at the log's start.
TEST_F(SqliteFault, LogShrinksUnderWritesToo) {
    MustCreate("r");
    run_store_close(store_);
    store_ = nullptr;
    ForeignReader reader(path_);
    OpenStore(0);
    std::string spec(128 * 1024, 's');
    for (int i = 0; i < 1024; i++) {
        ASSERT_EQ(CreateRun(store_, {.id = std::to_string(i), .spec = spec}).result, STORE_OK);
    }
    reader.End();
    for (int i = 0; i < 512; i++) {
        ASSERT_EQ(CreateRun(store_, {.id = "b" + std::to_string(i), .spec = spec}).result,
                  STORE_OK);
    }
    EXPECT_LE(SizeOf(path_ + "-wal"), 16384 * 4120 + 32);
    EXPECT_EQ(failures_, 0);
}

// Another program that reads for long (a backup) keeps the log from being
// reused: it grows, but the writer does not wait for every commit.
TEST_F(SqliteFault, ForeignReaderDoesNotStopTheWriter) {
    MustCreate("r");
    sqlite3 *reader = nullptr;
    ASSERT_EQ(sqlite3_open_v2(path_.c_str(), &reader, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT * FROM run", nullptr, nullptr, nullptr),
              SQLITE_OK);
    std::string spec(128 * 1024, 's');
    int64_t start_us = clock_monotonic_us();
    for (int i = 0; i < 512; i++) { // 64 MiB, twice the bound
        ASSERT_EQ(CreateRun(store_, {.id = std::to_string(i), .spec = spec}).result, STORE_OK);
    }
    EXPECT_LT(clock_monotonic_us() - start_us, 30 * 1000000);
    struct stat held;
    ASSERT_EQ(stat((path_ + "-wal").c_str(), &held), 0);
    EXPECT_GT(held.st_size, 64 * 1024 * 1024);
    ASSERT_EQ(sqlite3_close(reader), SQLITE_OK);
    // Now the log is used from its start again.
    for (int i = 0; i < 512; i++) {
        ASSERT_EQ(CreateRun(store_, {.id = "b" + std::to_string(i), .spec = spec}).result,
                  STORE_OK);
    }
    struct stat freed;
    ASSERT_EQ(stat((path_ + "-wal").c_str(), &freed), 0);
    EXPECT_LT(freed.st_size, held.st_size + 48 * 1024 * 1024);
    EXPECT_EQ(failures_, 0);
}

TEST_F(SqliteFault, LogStaysBoundedUnderSustainedWritesAndReads) {
    // Four times the bound, written while other threads list.
    const off_t kBound = 8192 * 4120; // CHECKPOINT_FORCED_PAGES frames
    const off_t kBatch = 12 * 1024 * 1024;
    std::atomic<bool> writing{true};
    std::vector<std::thread> threads;
    for (int n = 0; n < 2; n++) {
        threads.emplace_back([&] {
            while (writing) {
                EXPECT_EQ(ListRuns(store_, {.limit = 20}).result, STORE_OK);
            }
        });
    }
    std::vector<std::thread> writers;
    std::string spec(64 * 1024, 's');
    for (int n = 0; n < 8; n++) {
        writers.emplace_back([&, n] {
            for (int i = 0; i < 256; i++) {
                EXPECT_EQ(CreateRun(store_, {.id = std::to_string(n) + "-" + std::to_string(i),
                                             .spec = spec})
                              .result,
                          STORE_OK);
            }
        });
    }
    for (std::thread &t : writers) {
        t.join();
    }
    writing = false;
    for (std::thread &t : threads) {
        t.join();
    }
    struct stat st; // the log's file never shrinks while the store is open
    ASSERT_EQ(stat((path_ + "-wal").c_str(), &st), 0);
    EXPECT_GT(st.st_size, 1024 * 1024);
    EXPECT_LT(st.st_size, kBound + kBatch);
    EXPECT_EQ(failures_, 0);
}

} // namespace
