// How long the write-ahead log grows, and who keeps it.

#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

#include "tests/storage/sqlite_fault.h"

using namespace store_testing;

namespace {

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

// The log's file is enlarged before a commit needs it, and never made smaller.
TEST_F(SqliteFault, LogHasRoomAheadAndKeepsIt) {
    const std::string log = path_ + "-wal";
    const off_t kStep = 1024 * 1024;
    MustCreate("first");
    EXPECT_EQ(SizeOf(log), kStep);
    const std::string spec(64 * 1024, 's');
    off_t size = kStep;
    for (int i = 0; i < 700; i++) { // three times what the log holds
        ASSERT_EQ(CreateRun(store_, {.id = std::to_string(i), .spec = spec}).result, STORE_OK);
        off_t now = SizeOf(log);
        ASSERT_GE(now, size);
        ASSERT_EQ(now % kStep, 0) << "a commit had no room";
        size = now;
    }
    EXPECT_LE(size, (4096 + 1024) * 4120 + 2 * kStep); // CHECKPOINT_RESTART_PAGES and _LATE_PAGES
    run_store_close(store_);
    store_ = nullptr;
    EXPECT_EQ(SizeOf(log), -1);
    OpenStore(0);
    EXPECT_EQ(GetRun(store_, "699").run.spec.size(), spec.size());
}

// A disk that has no room to spare gets back what was taken of it, and changes go on without.
TEST_F(SqliteFault, LogDoesWithoutRoomWhereThereIsNone) {
    const std::string log = path_ + "-wal";
    for (int after = 0; after < 16; after++) { // one write each of 64 KiB
        SCOPED_TRACE(after);
        vfs_.FailRoom(after % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE, after);
        MustCreate(std::to_string(after));
        EXPECT_EQ(vfs_.room_writes(), after + 1);
        EXPECT_LT(SizeOf(log), 64 * 1024);
        MustCreate("next" + std::to_string(after));
        EXPECT_EQ(vfs_.room_writes(), after + 1) << "tried at each commit";
        EXPECT_EQ(failures_, 0);
        vfs_.Reset();
        OpenStore(0);
        EXPECT_EQ(GetRun(store_, std::to_string(after)).result, STORE_OK);
    }
}

TEST_F(SqliteFault, LogStaysBoundedUnderSustainedWritesAndReads) {
    // Seven times the bound, written while other threads list.
    const off_t kBound = (4096 + 1024) * 4120; // CHECKPOINT_RESTART_PAGES and _LATE_PAGES
    const off_t kBatch = 12 * 1024 * 1024;     // of one transaction, and the room ahead
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
    struct stat st; // the log's file does not shrink while the store is open
    ASSERT_EQ(stat((path_ + "-wal").c_str(), &st), 0);
    EXPECT_GT(st.st_size, 1024 * 1024);
    EXPECT_LT(st.st_size, kBound + kBatch);
    EXPECT_EQ(failures_, 0);
}

} // namespace
