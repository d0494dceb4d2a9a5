#ifndef RUNSD_TESTS_STORAGE_SQLITE_FIXTURE_H
#define RUNSD_TESTS_STORAGE_SQLITE_FIXTURE_H

#include <sqlite3.h>

#include "tests/storage/store_testing.h"
#include "tests/storage/test_files.h"

// A SQLite store in a folder of its own, and what tests do to its files.

namespace store_testing {

// The schema that this program makes and migrates to, and the oldest one whose programs may serve
// what it writes (storage/sqlite/schema.h).
inline constexpr int kSchemaVersion = 9;
inline constexpr int kOldestProgram = 8;

inline std::string VersionLine(int version) {
    return std::to_string(version) + "\n";
}

// Runs SQL on the file with SQLite itself.
inline void RunSql(const std::string &path, const std::string &sql) {
    sqlite3 *db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    char *message = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
    sqlite3_free(message);
    sqlite3_close(db);
}

// What the first column of a query has, a line each row.
inline std::string QueryText(const std::string &path, const std::string &sql) {
    sqlite3 *db = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    sqlite3_stmt *s = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &s, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    std::string text;
    while (sqlite3_step(s) == SQLITE_ROW) {
        const unsigned char *t = sqlite3_column_text(s, 0);
        text += t != nullptr ? reinterpret_cast<const char *>(t) : "NULL";
        text += "\n";
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return text;
}

// The files of a store as they are at a moment.
struct StoreFiles {
    std::string database;
    std::string log;
    std::string state;
};

class SqliteTest : public testing::Test {
  protected:
    // The store's folder is made in base.
    explicit SqliteTest(const char *base = getenv("TEST_TMPDIR")) : directory_(base) {}
    // From here on the store is the one at path.
    void SetPath(const std::string &path) {
        path_ = path;
        url_ = "sqlite:" + path;
    }
    struct run_store *MustOpen() {
        Opened o = Open(url_);
        EXPECT_EQ(o.code, STATUS_OK) << o.message;
        return o.store;
    }
    void ExpectOpens() {
        run_store_close(MustOpen());
    }
    void ExpectRefused(int code, const std::vector<std::string> &words) {
        Opened o = Open(url_);
        EXPECT_EQ(o.code, code) << o.message;
        EXPECT_EQ(o.store, nullptr);
        for (const std::string &word : words) {
            EXPECT_NE(o.message.find(word), std::string::npos) << word << " in: " << o.message;
        }
        run_store_close(o.store);
    }
    // As above, and no byte of its files is changed.
    void ExpectRefusedUntouched(int code, const std::vector<std::string> &words) {
        StoreFiles before = TakeFiles();
        ExpectRefused(code, words);
        StoreFiles after = TakeFiles();
        EXPECT_TRUE(after.database == before.database);
        EXPECT_TRUE(after.log == before.log);
        EXPECT_TRUE(after.state == before.state);
    }
    StoreFiles TakeFiles() const {
        return {ReadFile(path_), ReadFile(path_ + "-wal"), ReadFile(path_ + ".state")};
    }
    void RemoveFiles() const {
        for (const char *suffix : {"", "-wal", "-shm", ".state", ".server"}) {
            unlink((path_ + suffix).c_str());
        }
    }

    TemporaryDirectory directory_;
    std::string path_ = directory_.File("runs.db");
    std::string url_ = "sqlite:" + path_;
};

} // namespace store_testing

#endif
