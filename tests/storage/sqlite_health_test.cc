// What the store tells of itself while changes or reads cannot be done, and that it finds
// out by itself when they can again.

#include <condition_variable>
#include <errno.h>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/sqlite_fixture.h"
#include "tests/storage/sqlite_old_store.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

constexpr int64_t kPatienceUs = 60 * 1000000;

class SqliteHealth : public SqliteTest {
  protected:
    void SetUp() override {
        vfs_.Reset();
        log_fd_ = open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        ASSERT_GE(log_fd_, 0);
        logger_ = {log_fd_, LOG_INFO, "test", nullptr};
        ASSERT_EQ(OpenStore().code, STATUS_OK);
        ASSERT_EQ(CreateRun(store_, {.id = "r"}).result, STORE_OK);
    }
    Opened OpenStore() {
        struct run_store_options options = {};
        options.log = &logger_;
        options.on_failure = [](void *context, const char *) {
            static_cast<SqliteHealth *>(context)->failures_++;
        };
        options.on_health = [](void *context, enum store_part part, bool works) {
            auto *self = static_cast<SqliteHealth *>(context);
            std::lock_guard<std::mutex> guard(self->lock_);
            self->told_[part].push_back(works);
            self->changed_.notify_all();
        };
        options.context = this;
        Opened o = Open(url_, options);
        store_ = o.store;
        return o;
    }
    void CloseStore() {
        run_store_close(store_);
        store_ = nullptr;
    }
    void TearDown() override {
        vfs_.Reset();
        run_store_close(store_);
        EXPECT_EQ(failures_, 0);
        close(log_fd_);
    }

    // Waits until so many changes of part's health were told; returns all of them.
    std::vector<bool> Told(enum store_part part, size_t count) {
        std::unique_lock<std::mutex> guard(lock_);
        changed_.wait_for(guard, std::chrono::microseconds(kPatienceUs),
                          [&] { return told_[part].size() >= count; });
        return told_[part];
    }

    // Makes a change while another program holds the lock for longer than one waits for a
    // lock that is known to be held.
    void HoldLockForAMoment() {
        sqlite3 *db = nullptr;
        ASSERT_EQ(sqlite3_open_v2(path_.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
        std::thread creator(
            [this] { EXPECT_EQ(CreateRun(store_, {.id = "moment"}).result, STORE_OK); });
        std::this_thread::sleep_for(std::chrono::milliseconds(800));
        sqlite3_close(db);
        creator.join();
    }

    int LinesWith(const std::string &text) {
        std::ifstream in(log_path_);
        std::string line;
        int n = 0;
        while (std::getline(in, line)) {
            n += line.find(text) != std::string::npos;
        }
        return n;
    }

    using Told_ = std::vector<bool>;
    FaultyVfs &vfs_ = FaultyVfs::Install();
    std::string log_path_ = directory_.File("log");
    int log_fd_ = -1;
    struct logger logger_ = {};
    struct run_store *store_ = nullptr;
    std::mutex lock_;
    std::condition_variable changed_;
    std::vector<bool> told_[2];
    std::atomic<int> failures_{0};
};

TEST_F(SqliteHealth, FullDiskIsToldOnceAndComesBackWithoutTraffic) {
    vfs_.FailWrites(SQLITE_FULL, 0);
    for (int i = 0; i < 50; i++) {
        EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_DISK_FULL);
        EXPECT_EQ(GetRun(store_, "r").result, STORE_OK);
    }
    EXPECT_EQ(Told(STORE_CHANGES, 1), Told_{false});
    EXPECT_EQ(LinesWith("\"level\":\"error\""), 1);
    EXPECT_EQ(LinesWith("the disk is full"), 1);
    // Its own probes fail as well.
    int writes = vfs_.writes();
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (vfs_.writes() == writes && clock_monotonic_us() < until_us) {
        std::this_thread::yield();
    }
    EXPECT_GT(vfs_.writes(), writes);
    EXPECT_EQ(Told(STORE_CHANGES, 1), Told_{false});
    // Once a second, of a few writes each.
    writes = vfs_.writes();
    int64_t start_us = clock_monotonic_us();
    while (clock_monotonic_us() - start_us < 1200000) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    int64_t seconds = (clock_monotonic_us() - start_us) / 1000000 + 2;
    EXPECT_LE(vfs_.writes() - writes, 10 * seconds);

    vfs_.Reset();
    EXPECT_EQ(Told(STORE_CHANGES, 2), (Told_{false, true}));
    EXPECT_EQ(LinesWith("the store takes changes again"), 1);
    EXPECT_EQ(LinesWith("\"level\":\"error\""), 1);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_OK);
    EXPECT_EQ(ListEvents(store_, "r").size(), 2u);
    EXPECT_TRUE(Told(STORE_READS, 0).empty());
}

// Not even the files that connections share fit.
// A change that the disk refused, whichever of its writes it was, has taken no revision.
TEST_F(SqliteHealth, RolledBackChangesTakeNoRevision) {
    int64_t newest = 1; // of SetUp's run
    int created = 0;
    for (int round = 0; round < 4; round++) {
        SCOPED_TRACE(round);
        vfs_.FailWrites(SQLITE_FULL, round);
        Answer refused;
        for (int i = 0; i < 10 && refused.result != STORE_DISK_FULL; i++) {
            const std::string id = "r" + std::to_string(created++);
            refused = CreateRun(store_, {.id = id, .spec = std::string(9000, 's')});
            if (refused.result == STORE_OK) {
                EXPECT_EQ(refused.revision, ++newest);
                refused = Apply(store_, {.id = id});
                newest += refused.result == STORE_OK;
            }
        }
        ASSERT_EQ(refused.result, STORE_DISK_FULL);
        vfs_.Reset();
        const size_t told = 2 * (static_cast<size_t>(round) + 1);
        ASSERT_EQ(Told(STORE_CHANGES, told).size(), told);
        const std::string id = "after" + std::to_string(round);
        EXPECT_EQ(CreateRun(store_, {.id = id}).revision, ++newest);
        EXPECT_EQ(Apply(store_, {.id = id}).revision, ++newest);
    }
}

TEST_F(SqliteHealth, StartsOnAFullDiskToBeRead) {
    for (bool was_killed : {false, true}) {
        SCOPED_TRACE(was_killed);
        ASSERT_EQ(CreateRun(store_, {.id = was_killed ? "k" : "s"}).result, STORE_OK);
        std::string copy = directory_.File("copy.db");
        if (was_killed) { // what was committed is in the log alone
            for (const char *suffix : {"", "-wal"}) {
                std::string command = "cp '" + path_ + suffix + "' '" + copy + suffix + "'";
                ASSERT_EQ(system(command.c_str()), 0);
            }
        }
        CloseStore();
        SetPath(was_killed ? copy : path_);
        told_[STORE_CHANGES].clear();
        vfs_.FailWrites(SQLITE_FULL, 0);
        vfs_.FailIndex();
        Opened o = OpenStore();
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        EXPECT_EQ(Told(STORE_CHANGES, 1), Told_{false});
        EXPECT_EQ(GetRun(store_, was_killed ? "k" : "s").result, STORE_OK);
        EXPECT_EQ(GetRun(store_, "absent").result, STORE_NOT_FOUND);
        EXPECT_EQ(ListRuns(store_, {}).runs.size(), was_killed ? 3u : 2u);
        for (int i = 0; i < 3; i++) {
            Answer a = CreateRun(store_, {.id = "no"});
            EXPECT_EQ(a.result, STORE_DISK_FULL);
            EXPECT_FALSE(a.detail.empty());
        }
        // Who cannot know of the log's index, which is in memory, is kept out.
        sqlite3 *foreign = nullptr;
        ASSERT_EQ(sqlite3_open_v2(path_.c_str(), &foreign, SQLITE_OPEN_READWRITE, nullptr),
                  SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(foreign, "SELECT * FROM run", nullptr, nullptr, nullptr),
                  SQLITE_BUSY);
        sqlite3_close(foreign);

        vfs_.Reset();
        EXPECT_EQ(Told(STORE_CHANGES, 2), (Told_{false, true}));
        EXPECT_EQ(GetRun(store_, "no").result, STORE_NOT_FOUND);
        EXPECT_EQ(Apply(store_, {.id = was_killed ? "k" : "s"}).result, STORE_OK);
        EXPECT_EQ(GetRun(store_, was_killed ? "k" : "s").run.status, RUN_CANCELLED);
        CloseStore();
        ASSERT_EQ(OpenStore().code, STATUS_OK);
        EXPECT_EQ(GetRun(store_, was_killed ? "k" : "s").run.status, RUN_CANCELLED);
    }
}

// Reads go on while the store is opened anew.
TEST_F(SqliteHealth, IsReadWhileItIsOpenedAnew) {
    CloseStore();
    vfs_.FailIndex();
    ASSERT_EQ(OpenStore().code, STATUS_OK);
    std::atomic<bool> reading{true};
    std::vector<std::thread> readers;
    for (int n = 0; n < 3; n++) {
        readers.emplace_back([&] {
            while (reading) {
                EXPECT_EQ(GetRun(store_, "r").result, STORE_OK);
            }
        });
    }
    EXPECT_EQ(Told(STORE_CHANGES, 1), Told_{false});
    vfs_.Reset();
    EXPECT_EQ(Told(STORE_CHANGES, 2), (Told_{false, true}));
    for (int i = 0; i < 20; i++) {
        EXPECT_EQ(CreateRun(store_, {.id = std::to_string(i)}).result, STORE_OK);
    }
    reading = false;
    for (std::thread &reader : readers) {
        reader.join();
    }
    EXPECT_TRUE(Told(STORE_READS, 0).empty());
}

TEST_F(SqliteHealth, StoreThatWasClosedOnAFullDiskIsLeftAsItIs) {
    CloseStore();
    vfs_.FailIndex();
    vfs_.FailWrites(SQLITE_FULL, 0);
    ASSERT_EQ(OpenStore().code, STATUS_OK);
    CloseStore();
    vfs_.Reset();
    ASSERT_EQ(OpenStore().code, STATUS_OK);
    EXPECT_EQ(GetRun(store_, "r").result, STORE_OK);
}

// A schema that has to be brought up first needs room.
TEST_F(SqliteHealth, OldSchemaDoesNotStartOnAFullDisk) {
    CloseStore();
    std::string old = std::string("PRAGMA journal_mode=WAL;") + kVersion1Tables;
    for (const char *to_next : {"", kToVersion2, kToVersion3}) {
        SCOPED_TRACE(to_next);
        old += to_next;
        RemoveFiles();
        RunSql(path_, old);
        const std::string file = ReadFile(path_);
        vfs_.FailIndex();
        Opened o = OpenStore();
        EXPECT_EQ(o.code, STATUS_UNAVAILABLE);
        EXPECT_NE(o.message.find("is full"), std::string::npos) << o.message;
        EXPECT_TRUE(ReadFile(path_) == file);
        vfs_.Reset();
        ASSERT_EQ(OpenStore().code, STATUS_OK);
        EXPECT_EQ(CreateRun(store_, {.id = "r"}).result, STORE_OK);
        CloseStore();
    }
}

// One probe's success after another's failure, again and again.
TEST_F(SqliteHealth, EachTimeIsTold) {
    Told_ expected;
    for (int i = 0; i < 3; i++) {
        vfs_.FailWrites(SQLITE_IOERR_WRITE, 0, EDQUOT);
        EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_DISK_FULL);
        vfs_.Reset();
        expected.insert(expected.end(), {false, true});
        EXPECT_EQ(Told(STORE_CHANGES, expected.size()), expected);
    }
}

class ForeignLock {
  public:
    explicit ForeignLock(const std::string &path) {
        EXPECT_EQ(sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(db_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    }
    ~ForeignLock() {
        Release();
    }
    void Release() {
        sqlite3_close(db_);
        db_ = nullptr;
    }

  private:
    sqlite3 *db_ = nullptr;
};

TEST_F(SqliteHealth, LockHeldFromOutsideIsToldAndComesBackWithoutTraffic) {
    ForeignLock lock(path_);
    int64_t start_us = clock_monotonic_us();
    Answer a = Apply(store_, {.id = "r"});
    int64_t first_us = clock_monotonic_us() - start_us;
    EXPECT_EQ(a.result, STORE_LOCKED) << a.detail;
    EXPECT_GE(first_us, 4500000); // a lock held for a moment is waited for
    EXPECT_EQ(Told(STORE_CHANGES, 1), Told_{false});
    EXPECT_EQ(LinesWith("another program locks the store"), 1);
    EXPECT_EQ(GetRun(store_, "r").run.status, RUN_RUNNING);
    // Who comes while it is known waits less.
    start_us = clock_monotonic_us();
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_LOCKED);
    }
    EXPECT_LT((clock_monotonic_us() - start_us) / 5, first_us / 2);
    lock.Release();
    EXPECT_EQ(Told(STORE_CHANGES, 2), (Told_{false, true}));
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_OK);
    EXPECT_EQ(LinesWith("\"level\":\"error\""), 1);
    // And then as long as before again.
    HoldLockForAMoment();
    EXPECT_EQ(Told(STORE_CHANGES, 2), (Told_{false, true}));
}

TEST_F(SqliteHealth, AnotherReasonIsLoggedAndNoChangeOfHealth) {
    vfs_.FailWrites(SQLITE_FULL, 0);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_DISK_FULL);
    ForeignLock lock(path_);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_LOCKED);
    EXPECT_EQ(LinesWith("the disk is full"), 1);
    EXPECT_EQ(LinesWith("another program locks the store"), 1);
    vfs_.Reset();
    lock.Release();
    EXPECT_EQ(Told(STORE_CHANGES, 2), (Told_{false, true}));
}

TEST_F(SqliteHealth, LockHeldForAMomentIsWaitedFor) {
    HoldLockForAMoment();
    EXPECT_TRUE(Told(STORE_CHANGES, 0).empty());
}

// The wait for the lock counts: what nobody waits for any more is not begun.
TEST_F(SqliteHealth, DeadlineThatPassesBeforeTheLockIsFreeIsExpired) {
    ForeignLock lock(path_);
    Transition t;
    t.id = "r";
    STORE_OP(op, transition_run);
    FillTransition(op, t);
    int64_t deadline_us = clock_monotonic_us() + 100000;
    op->op.deadline_us = deadline_us;
    std::thread releaser([&] {
        while (clock_monotonic_us() <= deadline_us) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        lock.Release();
    });
    EXPECT_EQ(op.RunOn(store_), STORE_EXPIRED);
    releaser.join();
    EXPECT_EQ(GetRun(store_, "r").run.status, RUN_RUNNING);
    EXPECT_EQ(ListEvents(store_, "r").size(), 1u);
}

TEST_F(SqliteHealth, FailedReadIsToldOnceAndComesBackWithoutTraffic) {
    ASSERT_EQ(CreateRun(store_, {.id = "s"}).result, STORE_OK); // the reader's cache is old
    vfs_.FailReads(SQLITE_IOERR_READ);
    for (int i = 0; i < 20; i++) {
        Answer a = GetRun(store_, "r");
        EXPECT_EQ(a.result, STORE_UNAVAILABLE); // and never NOT_FOUND
        EXPECT_NE(a.detail.find("reading"), std::string::npos) << a.detail;
    }
    EXPECT_EQ(ListRuns(store_, {}).result, STORE_UNAVAILABLE);
    enum store_result events;
    ListEvents(store_, "r", "acme", 10, &events);
    EXPECT_EQ(events, STORE_UNAVAILABLE);
    EXPECT_EQ(Told(STORE_READS, 1), Told_{false});
    EXPECT_EQ(LinesWith("\"level\":\"error\""), 1);
    vfs_.Reset();
    EXPECT_EQ(Told(STORE_READS, 2), (Told_{false, true}));
    EXPECT_EQ(LinesWith("the store can be read again"), 1);
    EXPECT_EQ(GetRun(store_, "r").result, STORE_OK);
}

// Each kind of read that fails is tried again as it was asked.
TEST_F(SqliteHealth, EveryKindOfReadIsTriedAgain) {
    Told_ expected;
    for (int kind = 0; kind < 4; kind++) {
        SCOPED_TRACE(kind);
        ASSERT_EQ(CreateRun(store_, {.id = std::to_string(kind)}).result, STORE_OK);
        vfs_.FailReads(SQLITE_IOERR_READ);
        enum store_result result = STORE_OK;
        if (kind == 0) {
            result = GetRun(store_, "r").result;
        } else if (kind == 1) {
            result =
                ListRuns(
                    store_,
                    {.workflow_id = "w", .has_cursor = true, .cursor_us = 5000, .cursor_id = "x"})
                    .result;
        } else if (kind == 2) {
            ListEvents(store_, "r", "acme", 10, &result);
        } else {
            STORE_OP(op, list_tokens);
            result = op.RunOn(store_);
        }
        EXPECT_EQ(result, STORE_UNAVAILABLE);
        vfs_.Reset();
        expected.insert(expected.end(), {false, true});
        EXPECT_EQ(Told(STORE_READS, expected.size()), expected);
    }
}

// A change that cannot read the run knows neither that it is there nor that it is not.
TEST_F(SqliteHealth, ChangeThatCannotReadIsNeverNotFound) {
    for (int i = 0; i < 2000; i++) { // more pages than the writer needs to insert one more
        ASSERT_EQ(
            CreateRun(store_, {.id = "old-" + std::to_string(i), .spec = std::string(8000, 's')})
                .result,
            STORE_OK);
    }
    vfs_.FailReads(SQLITE_IOERR_READ, false); // a checkpoint reads the log
    int unavailable = 0;
    for (int i = 0; i < 2000 && unavailable == 0; i++) {
        enum store_result result = Apply(store_, {.id = "old-" + std::to_string(i)}).result;
        EXPECT_NE(result, STORE_NOT_FOUND);
        unavailable += result == STORE_UNAVAILABLE;
    }
    EXPECT_EQ(unavailable, 1);
    EXPECT_EQ(failures_.exchange(0), 1);
}

} // namespace
