// Backups of a store that nobody serves, and restores from them. What happens while it is served is
// in tests/e2e/test_store_backup.py.

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "storage/store_keeping.h"
}

#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

// How a call ended: a code and the message.
struct Outcome {
    int code;
    std::string message;
};

Outcome OutcomeOf(const struct error *e) {
    return e == nullptr ? Outcome{STATUS_OK, ""} : Outcome{e->code, e->message};
}

class SqliteKeeping : public SqliteTest {
  protected:
    Outcome BackUp(const std::string &file, bool replaces = false, int64_t log_limit = 0) {
        struct arena a;
        arena_init(&a);
        const struct store_backup_options options = {file.c_str(), replaces, log_limit};
        Outcome o = OutcomeOf(run_store_backup(&a, url_.c_str(), &options, &backup_));
        arena_release(&a);
        return o;
    }
    Outcome Restore(const std::string &path, const std::string &file) {
        struct arena a;
        arena_init(&a);
        Outcome o =
            OutcomeOf(run_store_restore(&a, ("sqlite:" + path).c_str(), file.c_str(), &restore_));
        arena_release(&a);
        return o;
    }
    void ExpectRestoreRefused(const std::string &file, int code, const std::string &words) {
        std::string to = directory_.File("none.db");
        Outcome o = Restore(to, file);
        EXPECT_EQ(o.code, code) << o.message;
        EXPECT_NE(o.message.find(words), std::string::npos) << words << " in: " << o.message;
        EXPECT_NE(o.message.find(file), std::string::npos) << o.message;
        for (const char *suffix : {"", "-wal", "-shm", ".state", ".restoring"}) {
            EXPECT_FALSE(Exists(to + suffix)) << file << suffix;
        }
    }
    void MakeRuns(int from, int to) {
        Opened o = OpenLimited(path_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        for (int n = from; n < to; n++) {
            ASSERT_EQ(CreateRun(o.store, {.id = RunId(n)}).result, STORE_OK);
        }
        epoch_ = o.store->epoch;
        run_store_close(o.store);
    }
    void ExpectRuns(const std::string &path, int count) {
        Opened o = OpenLimited(path);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        for (int n = 0; n < count; n++) {
            EXPECT_EQ(GetRun(o.store, RunId(n)).result, STORE_OK) << n;
        }
        EXPECT_EQ(GetRun(o.store, RunId(count)).result, STORE_NOT_FOUND);
        EXPECT_NE(o.store->epoch, epoch_);
        run_store_close(o.store);
        ExpectSound(path);
    }

    std::string file_ = directory_.File("backup.db");
    std::string other_ = directory_.File("other.db");
    struct store_backup backup_ = {};
    struct store_restore restore_ = {};
    uint64_t epoch_ = 0;
};

TEST_F(SqliteKeeping, RestoredStoreIsAsItWasUnderAnotherEpoch) {
    MakeRuns(0, 70);
    StoreFiles before = TakeFiles();
    Outcome o = BackUp(file_);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_EQ(backup_.runs, 70);
    EXPECT_EQ(backup_.newest_event, 70);
    EXPECT_FALSE(backup_.is_served);
    EXPECT_EQ(backup_.bytes, static_cast<int64_t>(ReadFile(file_).size()));
    struct stat st;
    ASSERT_EQ(stat(file_.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    StoreFiles after = TakeFiles();
    EXPECT_TRUE(after.database == before.database);
    EXPECT_TRUE(after.state == before.state);
    for (const std::string &left : {path_ + "-wal", path_ + "-shm", file_ + ".unfinished"}) {
        EXPECT_FALSE(Exists(left)) << left;
    }
    MakeRuns(70, 75); // what was made since is not in it
    o = Restore(other_, file_);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_EQ(restore_.runs, 70);
    EXPECT_NE(restore_.epoch, epoch_);
    ExpectRuns(other_, 70);
    // It stays that of the restore, over starts.
    Opened opened = OpenLimited(other_);
    EXPECT_EQ(opened.store->epoch, restore_.epoch);
    run_store_close(opened.store);
}

TEST_F(SqliteKeeping, WhatAnotherStoreAcknowledgedFitsNoRestoredOne) {
    MakeRuns(0, 3);
    ASSERT_EQ(BackUp(file_).code, STATUS_OK);
    std::string state = ReadFile(path_ + ".state");
    RemoveFiles();
    ASSERT_EQ(Restore(path_, file_).code, STATUS_OK);
    WriteFile(path_ + ".state", state);
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {"belongs to another store"});
}

TEST_F(SqliteKeeping, BackupReplacesNothingUnlessAsked) {
    MakeRuns(0, 2);
    WriteFile(file_, "something");
    Outcome o = BackUp(file_);
    EXPECT_EQ(o.code, STATUS_ALREADY_EXISTS);
    EXPECT_NE(o.message.find(file_), std::string::npos) << o.message;
    EXPECT_EQ(ReadFile(file_), "something");
    EXPECT_EQ(BackUp(file_, true).code, STATUS_OK);
    ASSERT_EQ(Restore(other_, file_).code, STATUS_OK);
    ExpectRuns(other_, 2);
}

TEST_F(SqliteKeeping, BackupIsWrittenToNoFileOfTheStoreAndNoOtherThing) {
    MakeRuns(0, 1);
    std::string folder = directory_.File("folder");
    std::string link = directory_.File("link.db");
    ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
    ASSERT_EQ(::link(path_.c_str(), link.c_str()), 0);
    std::string fifo = directory_.File("fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    WriteFile(other_ + "-wal", "x");
    std::string acknowledged = directory_.File("acknowledged.db");
    WriteFile(acknowledged + ".state", "x");
    const struct {
        std::string file;
        int code;
        const char *words;
    } rows[] = {
        {path_, STATUS_INVALID_ARGUMENT, "the store's own files"},
        {path_ + "-wal", STATUS_INVALID_ARGUMENT, "the store's own files"},
        {path_ + "-shm", STATUS_INVALID_ARGUMENT, "the store's own files"},
        {path_ + ".state", STATUS_INVALID_ARGUMENT, "the store's own files"},
        {path_ + ".server", STATUS_INVALID_ARGUMENT, "the store's own files"},
        {folder + "/../runs.db", STATUS_INVALID_ARGUMENT, "the store's own files"},
        {link, STATUS_INVALID_ARGUMENT, "it is the store itself"},
        {folder, STATUS_INVALID_ARGUMENT, "it is a folder"},
        {fifo, STATUS_INVALID_ARGUMENT, "no regular file"},
        {"", STATUS_INVALID_ARGUMENT, "it has no name"},
        {directory_.File("none/b.db"), STATUS_INVALID_ARGUMENT, "No such file or directory"},
        {other_, STATUS_INVALID_ARGUMENT, "-wal\" lies there"},
        {acknowledged, STATUS_INVALID_ARGUMENT, ".state\" lies there"},
    };
    StoreFiles before = TakeFiles();
    for (const auto &row : rows) {
        Outcome o = BackUp(row.file, true);
        EXPECT_EQ(o.code, row.code) << row.file << o.message;
        EXPECT_NE(o.message.find(row.words), std::string::npos) << row.file << ": " << o.message;
        EXPECT_FALSE(Exists(row.file + ".unfinished")) << row.file;
    }
    EXPECT_TRUE(TakeFiles().database == before.database);
    EXPECT_TRUE(TakeFiles().state == before.state);
}

TEST_F(SqliteKeeping, HalfOfACopyIsNotBackedUpNorRestored) {
    MakeRuns(0, 1);
    ASSERT_EQ(BackUp(file_).code, STATUS_OK);
    for (const std::string &half : {path_, file_}) {
        RunSql(half, "INSERT INTO meta(name, value) VALUES('copy_of', zeroblob(72))");
    }
    Outcome o = BackUp(other_);
    EXPECT_EQ(o.code, STATUS_FAILED_PRECONDITION);
    EXPECT_NE(o.message.find("\"" + path_ + "\" is half of a copy"), std::string::npos)
        << o.message;
    EXPECT_FALSE(Exists(other_));
    ExpectRestoreRefused(file_, STATUS_FAILED_PRECONDITION, "is half of a copy");
}

TEST_F(SqliteKeeping, BackupOfADamagedStoreIsNone) {
    MakeRuns(0, 40);
    RunSql(path_, "UPDATE run SET status=9 WHERE run_key=1");
    Outcome o = BackUp(file_);
    EXPECT_EQ(o.code, STATUS_DATA_LOSS);
    EXPECT_NE(o.message.find("impossible status"), std::string::npos) << o.message;
    EXPECT_FALSE(Exists(file_));
    EXPECT_FALSE(Exists(file_ + ".unfinished"));
}

TEST_F(SqliteKeeping, BackupThatIsWrittenIsWrittenByOne) {
    MakeRuns(0, 2);
    std::string unfinished = file_ + ".unfinished";
    int fd = open(unfinished.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(flock(fd, LOCK_EX), 0);
    Outcome o = BackUp(file_);
    EXPECT_EQ(o.code, STATUS_FAILED_PRECONDITION);
    EXPECT_NE(o.message.find("another process writes \"" + file_), std::string::npos) << o.message;
    ASSERT_EQ(write(fd, "half", 4), 4);
    close(fd); // what a killed one left
    EXPECT_EQ(BackUp(file_).code, STATUS_OK);
    EXPECT_FALSE(Exists(unfinished));
}

TEST_F(SqliteKeeping, OnlyASoundBackupIsRestored) {
    MakeRuns(0, 40);
    ASSERT_EQ(BackUp(file_).code, STATUS_OK);
    const std::string sound = ReadFile(file_);
    std::string foreign = directory_.File("foreign.db");
    RunSql(foreign, "CREATE TABLE t(x)");
    auto write = [&](const std::string &bytes) { WriteFile(other_, bytes); };
    ExpectRestoreRefused(directory_.File("nothing"), STATUS_NOT_FOUND, "No such file");
    ExpectRestoreRefused(directory_.path(), STATUS_INVALID_ARGUMENT, "it is a folder");
    ExpectRestoreRefused(foreign, STATUS_DATA_LOSS, "database of another program");
    write("");
    ExpectRestoreRefused(other_, STATUS_DATA_LOSS, "the file is empty");
    write("this is not a backup, whatever its name says; it is long enough to have a header, too, "
          "if only somebody wrote one into it.");
    ExpectRestoreRefused(other_, STATUS_DATA_LOSS, "does not begin as a SQLite database does");
    write(sound.substr(0, sound.size() - 1000));
    ExpectRestoreRefused(other_, STATUS_DATA_LOSS, "no multiple of its page size");
    write(sound.substr(0, sound.size() - 4096));
    ExpectRestoreRefused(other_, STATUS_DATA_LOSS, "malformed");
    write(sound);
    RunSql(other_, "UPDATE run SET status=9 WHERE run_key=1");
    ExpectRestoreRefused(other_, STATUS_DATA_LOSS, "has an impossible status");
    write(sound);
    RunSql(other_, "PRAGMA user_version=99; UPDATE meta SET value=99 WHERE name='oldest_program'");
    ExpectRestoreRefused(other_, STATUS_FAILED_PRECONDITION, "schema version 99");
    write(sound);
    WriteFile(other_ + "-wal", std::string(100, 'x'));
    ExpectRestoreRefused(other_, STATUS_FAILED_PRECONDITION, "a write-ahead log");
    unlink((other_ + "-wal").c_str());
    int fd = open(other_.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(flock(fd, LOCK_EX), 0); // as who serves it
    ExpectRestoreRefused(other_, STATUS_FAILED_PRECONDITION, "it is a store that is served");
    close(fd);
}

TEST_F(SqliteKeeping, NothingIsRestoredWhereAStoreIsOrWas) {
    MakeRuns(0, 2);
    ASSERT_EQ(BackUp(file_).code, STATUS_OK);
    StoreFiles before = TakeFiles();
    Outcome o = Restore(path_, file_);
    EXPECT_EQ(o.code, STATUS_ALREADY_EXISTS);
    EXPECT_NE(o.message.find("\"" + path_ + "\", \"" + path_ + ".state\""), std::string::npos)
        << o.message;
    EXPECT_TRUE(TakeFiles().database == before.database);
    for (const char *suffix : {"-wal", "-shm", "-journal", ".state", ".server", ".sock"}) {
        WriteFile(other_ + suffix, "");
        o = Restore(other_, file_);
        EXPECT_EQ(o.code, STATUS_ALREADY_EXISTS) << suffix;
        EXPECT_NE(o.message.find("\"" + other_ + suffix), std::string::npos) << o.message;
        EXPECT_FALSE(Exists(other_));
        unlink((other_ + suffix).c_str());
    }
    EXPECT_EQ(Restore(other_, file_).code, STATUS_OK);
}

// Another one that looks at the store, from within a freeze on.
struct Visitor {
    std::string path;
    sqlite3 *db = nullptr;
};

void Come(void *context, int64_t) {
    auto *v = static_cast<Visitor *>(context);
    ASSERT_EQ(sqlite3_open_v2(v->path.c_str(), &v->db, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(v->db, "SELECT 1 FROM run", nullptr, nullptr, nullptr), SQLITE_OK);
}

// Its locks are in what lies beside the store: without that a server would not see them.
TEST_F(SqliteKeeping, WhoEndsFirstLeavesTheLogToTheOthers) {
    MakeRuns(0, 2);
    ASSERT_FALSE(Exists(path_ + "-shm"));
    Visitor visitor = {path_};
    const struct store_freeze_options options = {
        .longest_us = 60'000'000,
        .on_frozen = Come,
        .is_ended = [](void *) { return true; },
        .context = &visitor,
    };
    struct arena a;
    arena_init(&a);
    bool is_in_time = false;
    Outcome o = OutcomeOf(run_store_freeze(&a, url_.c_str(), &options, &is_in_time));
    arena_release(&a);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_TRUE(is_in_time);
    for (const char *suffix : {"-wal", "-shm"}) {
        EXPECT_TRUE(Exists(path_ + suffix)) << suffix;
    }
    sqlite3_close(visitor.db);
    // The last one has them removed.
    ASSERT_EQ(BackUp(file_).code, STATUS_OK);
    for (const char *suffix : {"", "-wal", "-shm"}) {
        EXPECT_EQ(Exists(path_ + suffix), suffix[0] == '\0') << suffix;
    }
}

// A start beside it would make an empty store, and be taken for the restored one.
TEST_F(SqliteKeeping, StartWaitsForARestoreThatDidNotEnd) {
    MakeRuns(0, 2);
    ASSERT_EQ(BackUp(file_).code, STATUS_OK);
    RemoveFiles();
    WriteFile(path_ + ".restoring", ReadFile(file_).substr(0, 8192));
    ExpectRefused(STATUS_DATA_LOSS, {"was not restored to the end", path_ + ".restoring"});
    EXPECT_FALSE(Exists(path_));
    ASSERT_EQ(Restore(path_, file_).code, STATUS_OK);
    EXPECT_FALSE(Exists(path_ + ".restoring"));
    ExpectRuns(path_, 2);
}

TEST_F(SqliteKeeping, BackupOfACrashedStoreHasWhatItsLogHas) {
    Opened o = OpenLimited(path_);
    for (int n = 0; n < 5; n++) {
        ASSERT_EQ(CreateRun(o.store, {.id = RunId(n)}).result, STORE_OK);
    }
    StoreFiles crashed = TakeFiles();
    epoch_ = o.store->epoch;
    run_store_close(o.store);
    RemoveFiles();
    WriteFile(path_, crashed.database);
    WriteFile(path_ + "-wal", crashed.log);
    WriteFile(path_ + ".state", crashed.state);
    Outcome done = BackUp(file_);
    ASSERT_EQ(done.code, STATUS_OK) << done.message;
    EXPECT_TRUE(TakeFiles().log == crashed.log);
    ASSERT_EQ(Restore(other_, file_).code, STATUS_OK);
    ExpectRuns(other_, 5);
    // Without its log it is not all there is, and no backup is made of that.
    unlink((path_ + "-wal").c_str());
    unlink((path_ + "-shm").c_str());
    done = BackUp(file_, true);
    EXPECT_EQ(done.code, STATUS_DATA_LOSS) << done.message;
}

} // namespace
