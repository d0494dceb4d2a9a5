#include <fcntl.h>
#include <functional>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storage/sqlite_fixture.h"
#include "tests/storage/sqlite_old_store.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

class SqliteOpen : public SqliteTest {
  protected:
    // Makes a store with a few runs and a token, and closes it.
    void MakeStore() {
        struct run_store *store = MustOpen();
        for (int i = 0; i < 5; i++) {
            EXPECT_EQ(CreateRun(store, {.id = std::to_string(i),
                                        .workflow_id = "w",
                                        .spec = "spec",
                                        .execution_state = "state"})
                          .result,
                      STORE_OK);
        }
        EXPECT_EQ(CreateToken(store, {.name = "t"}), STORE_OK);
        run_store_close(store);
    }
    // Also what tells of it.
    void RemoveStore() {
        unlink(path_.c_str());
        unlink((path_ + ".state").c_str());
    }
    // As SqliteTest's, and nobody is named as the one who serves it.
    void ExpectRefusedUntouched(int code, const std::vector<std::string> &words) {
        SqliteTest::ExpectRefusedUntouched(code, words);
        EXPECT_FALSE(Exists(path_ + ".server"));
    }
};

TEST_F(SqliteOpen, ReopenKeepsRunsEventsTokensAndSecret) {
    struct run_store *store = MustOpen();
    ASSERT_EQ(CreateRun(store,
                        {.id = "r",
                         .total_cu = 3,
                         .workflow_id = "w",
                         .spec = "spec",
                         .execution_state = "state"},
                        {"alice", "why"})
                  .result,
              STORE_OK);
    StoredRun cancelled = Apply(store, {.id = "r", .at_us = 7000}).run;
    std::vector<Event> events = ListEvents(store, "r");
    ASSERT_EQ(CreateToken(store, {.name = "t", .scopes = 5}), STORE_OK);
    Token revoked;
    ASSERT_EQ(RevokeToken(store, "acme", "t", 99, &revoked), STORE_OK);
    std::string secret(reinterpret_cast<const char *>(store->secret), STORE_SECRET_BYTES);
    run_store_close(store);
    EXPECT_FALSE(Exists(path_ + "-wal"));
    EXPECT_FALSE(Exists(path_ + "-shm"));

    store = MustOpen();
    StoredRun again = GetRun(store, "r").run;
    EXPECT_EQ(again.status, RUN_CANCELLED);
    EXPECT_EQ(again.finished_at_us, cancelled.finished_at_us);
    EXPECT_EQ(again.spec, "spec");
    EXPECT_EQ(again.execution_state, "state");
    EXPECT_EQ(again.total_cu, 3);
    EXPECT_EQ(ListEvents(store, "r"), events);
    // Keys of events go on where they were, within runs and across them.
    ASSERT_EQ(CreateRun(store, {.id = "later"}).result, STORE_OK);
    ASSERT_EQ(Apply(store, {.id = "later"}).result, STORE_OK);
    EXPECT_EQ(ListEvents(store, "r"), events);
    EXPECT_EQ(ListEvents(store, "later").size(), 2u);
    std::vector<Token> tokens = ListTokens(store, "");
    ASSERT_EQ(tokens.size(), 1u);
    EXPECT_EQ(tokens[0].revoked_at_us, 99);
    EXPECT_EQ(tokens[0].scopes, 5u);
    EXPECT_EQ(std::string(reinterpret_cast<const char *>(store->secret), STORE_SECRET_BYTES),
              secret);
    run_store_close(store);
    // A secret is random.
    EXPECT_NE(secret, std::string(STORE_SECRET_BYTES, '\0'));
    SetPath(directory_.File("other.db"));
    store = MustOpen();
    EXPECT_NE(std::string(reinterpret_cast<const char *>(store->secret), STORE_SECRET_BYTES),
              secret);
    run_store_close(store);
}

TEST_F(SqliteOpen, AnsweredWritesSurviveADeathWithoutClosing) {
    pid_t child = fork();
    if (child == 0) {
        Opened o = Open(url_);
        bool ok = o.store != nullptr;
        for (int i = 0; ok && i < 20; i++) {
            ok = CreateRun(o.store, {.id = std::to_string(i)}).result == STORE_OK &&
                 Apply(o.store, {.id = std::to_string(i)}).result == STORE_OK;
        }
        _exit(ok ? 0 : 1);
    }
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    EXPECT_TRUE(Exists(path_ + "-wal"));
    struct run_store *store = MustOpen();
    for (int i = 0; i < 20; i++) {
        EXPECT_EQ(GetRun(store, std::to_string(i)).run.status, RUN_CANCELLED);
    }
    run_store_close(store);
}

TEST_F(SqliteOpen, FilesAreForTheirOwnerAlone) {
    mode_t before = umask(0);
    struct run_store *store = MustOpen();
    ASSERT_EQ(CreateRun(store, {.id = "r"}).result, STORE_OK);
    for (const char *suffix : {"", "-wal", "-shm", ".server"}) {
        struct stat st;
        ASSERT_EQ(stat((path_ + suffix).c_str(), &st), 0) << suffix;
        EXPECT_EQ(st.st_mode & 0777, 0600u) << suffix;
    }
    run_store_close(store);
    umask(before);
    EXPECT_FALSE(Exists(path_ + ".server"));
}

TEST_F(SqliteOpen, SettingsAreThoseThatKeepTheData) {
    MakeStore();
    EXPECT_EQ(QueryText(path_, "PRAGMA journal_mode"), "wal\n");
    EXPECT_EQ(QueryText(path_, "PRAGMA user_version"), VersionLine(kSchemaVersion));
    EXPECT_EQ(QueryText(path_, "PRAGMA integrity_check"), "ok\n");
    // A row of these is small, and its key is most of it.
    EXPECT_EQ(
        QueryText(path_, "SELECT name FROM sqlite_schema WHERE sql LIKE '%WITHOUT%'"
                         " ORDER BY name"),
        "bulk_item\nevent_mark\nidempotency\nidempotency_event\norganization\nrun\nrun_parent\n");
}

TEST_F(SqliteOpen, UrlsThatNameNoStoreAreRefused) {
    const struct {
        const char *url;
        const char *word;
    } rows[] = {{"", "sqlite:PATH"},
                {"sqlite", "\"sqlite\""},
                {"sqlite:", "names no file"},
                {"SQLITE:x", "\"SQLITE:x\""},
                {"memory", "memory:"},
                {"memory:x", "\"memory:x\""},
                {"mysql://h/d", "\"mysql://h/d\""}};
    for (const auto &row : rows) {
        url_ = row.url;
        ExpectRefused(STATUS_INVALID_ARGUMENT, {row.word});
    }
}

TEST_F(SqliteOpen, PathsThatCannotBeOpenedAreNamed) {
    ASSERT_EQ(mkdir(directory_.File("dir").c_str(), 0700), 0);
    ASSERT_EQ(mkfifo(directory_.File("fifo").c_str(), 0600), 0);
    ASSERT_EQ(symlink("loop", directory_.File("loop").c_str()), 0);
    WriteFile(directory_.File("file"), "x");
    const struct {
        std::string path;
        const char *word;
    } rows[] = {
        {directory_.File("dir"), "directory"},
        {directory_.File("fifo"), "regular file"},
        {directory_.File("loop"), "symbolic links"},
        {directory_.File("file/runs.db"), "Not a directory"},
        {directory_.File("none/runs.db"), "No such file or directory"},
        {directory_.File(std::string(300, 'x')), "too long"},
    };
    for (const auto &row : rows) {
        url_ = "sqlite:" + row.path;
        ExpectRefused(STATUS_UNAVAILABLE, {row.path, row.word});
    }
}

// Runs body in a child that has no capabilities, so that file modes hold for
// root too; returns its exit status.
int RunUnprivileged(const std::function<int()> &body) {
    pid_t child = fork();
    if (child == 0) {
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
        _exit(syscall(SYS_capset, &header, none) == 0 ? body() : 2);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(SqliteOpen, MissingPermissionIsNamed) {
    MakeStore();
    const struct {
        std::string path;
        mode_t file_mode; // 0: there is no file
        mode_t directory_mode;
        const char *words;
    } rows[] = {
        {directory_.File("a/runs.db"), 0, 0500, "Permission denied"},
        {directory_.File("b/runs.db"), 0, 0000, "Permission denied"},
        {directory_.File("c/runs.db"), 0400, 0700, "Permission denied"},
        {directory_.File("d/runs.db"), 0200, 0700, "Permission denied"},
        {directory_.File("e/runs.db"), 0600, 0500, "its directory"},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.path);
        std::string directory = row.path.substr(0, row.path.rfind('/'));
        ASSERT_EQ(mkdir(directory.c_str(), 0700), 0);
        if (row.file_mode != 0) {
            WriteFile(row.path, ReadFile(path_));
            ASSERT_EQ(chmod(row.path.c_str(), row.file_mode), 0);
        }
        ASSERT_EQ(chmod(directory.c_str(), row.directory_mode), 0);
        EXPECT_EQ(RunUnprivileged([&] {
                      Opened o = Open("sqlite:" + row.path);
                      bool named = o.message.find(row.path) != std::string::npos &&
                                   o.message.find(row.words) != std::string::npos;
                      return o.code == STATUS_UNAVAILABLE && named ? 0 : 1;
                  }),
                  0);
        ASSERT_EQ(chmod(directory.c_str(), 0700), 0);
    }
}

// The next schema, and the one after it.
const std::string kNext = std::to_string(kSchemaVersion + 1);
const std::string kNewer = std::to_string(kSchemaVersion + 2);

// What a newer program wrote is refused unless that program wrote, too, that this one may serve
// it.
TEST_F(SqliteOpen, NewerSchemaIsRefusedWithBothVersions) {
    for (const std::string &oldest :
         {"UPDATE meta SET value=" + kNext + " WHERE name='oldest_program'",
          "UPDATE meta SET value=" + kNewer + " WHERE name='oldest_program'",
          std::string("DELETE FROM meta WHERE name='oldest_program'")}) {
        SCOPED_TRACE(oldest);
        MakeStore();
        RunSql(path_, "PRAGMA user_version=" + kNewer + ";" + oldest);
        ExpectRefusedUntouched(
            STATUS_FAILED_PRECONDITION,
            {path_, "version " + kNewer, "up to " + std::to_string(kSchemaVersion)});
        RemoveStore();
    }
}

TEST_F(SqliteOpen, NewerSchemaThatSaysSoIsServed) {
    for (const int oldest : {kSchemaVersion, kSchemaVersion - 1, 3}) {
        SCOPED_TRACE(oldest);
        MakeStore();
        EXPECT_EQ(QueryText(path_, "SELECT value FROM meta WHERE name='oldest_program'"),
                  VersionLine(kOldestProgram));
        RunSql(path_, "PRAGMA user_version=" + kNewer + ";UPDATE meta SET value=" +
                          std::to_string(oldest) + " WHERE name='oldest_program'");
        struct run_store *store = MustOpen();
        EXPECT_EQ(ListRuns(store, {}).runs.size(), 5u);
        EXPECT_EQ(Apply(store, {.id = "1"}).result, STORE_OK);
        run_store_close(store);
        EXPECT_EQ(QueryText(path_, "PRAGMA user_version"), kNewer + "\n");
        EXPECT_EQ(QueryText(path_, "SELECT value FROM meta WHERE name='oldest_program'"),
                  VersionLine(oldest));
        RemoveStore();
    }
}

// What says that the schema is newer may still be in the log, which must not be
// copied and removed by who cannot read it.
TEST_F(SqliteOpen, NewerSchemaInTheLogIsRefusedAndTheLogKept) {
    MakeStore();
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db = nullptr;
        bool ok = sqlite3_open(path_.c_str(), &db) == SQLITE_OK &&
                  sqlite3_exec(db,
                               ("BEGIN; PRAGMA user_version=" + kNewer + ";UPDATE meta SET value=" +
                                kNewer + " WHERE name='oldest_program'; COMMIT")
                                   .c_str(),
                               nullptr, nullptr, nullptr) == SQLITE_OK;
        _exit(ok ? 0 : 1); // without closing
    }
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    ASSERT_GT(ReadFile(path_ + "-wal").size(), 0u);
    ExpectRefusedUntouched(STATUS_FAILED_PRECONDITION,
                           {path_, "version " + kNewer, "up to " + std::to_string(kSchemaVersion)});
}

TEST_F(SqliteOpen, ImpossibleSchemaVersionIsRefused) {
    for (const char *version : {"0", "-1"}) {
        MakeStore();
        RunSql(path_, std::string("PRAGMA user_version=") + version);
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_, version});
        RemoveStore();
    }
}

TEST_F(SqliteOpen, ForeignDatabaseIsRefused) {
    RunSql(path_, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_, "another program"});
    RunSql(path_, "PRAGMA application_id=252006675; PRAGMA journal_mode=WAL;");
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_, "0x0f055113"});
}

TEST_F(SqliteOpen, MissingTableOrIndexIsRefused) {
    for (const char *sql : {"DROP TABLE run",
                            "DROP TABLE run_body",
                            "DROP TABLE event",
                            "DROP TABLE event_mark",
                            "DROP TABLE workflow",
                            "DROP TABLE organization",
                            "DROP TABLE token",
                            "DROP TABLE meta",
                            "DROP INDEX run_active",
                            "DROP INDEX run_by_start",
                            "DROP INDEX run_by_workflow",
                            "DROP INDEX workflow_by_id",
                            "DROP INDEX token_by_name",
                            "DROP INDEX token_by_hash",
                            "DROP INDEX token_by_previous_hash",
                            "ALTER TABLE token DROP COLUMN rotations",
                            "ALTER TABLE organization DROP COLUMN floor_revision",
                            "DELETE FROM meta",
                            "UPDATE meta SET value=x'00'",
                            "DELETE FROM meta WHERE name='secret'",
                            "DELETE FROM meta WHERE name='applied'",
                            "DELETE FROM meta WHERE name='epoch'"}) {
        SCOPED_TRACE(sql);
        MakeStore();
        RunSql(path_, sql);
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_, "damaged"});
        RemoveStore();
    }
}

TEST_F(SqliteOpen, DamagedFilesAreRefusedAndLeftAsTheyAre) {
    MakeStore();
    const std::string good = ReadFile(path_);
    ASSERT_GT(good.size(), 4096u * 10);
    struct Row {
        std::string name;
        std::string bytes;
    };
    auto with = [&](size_t at, const std::string &bytes) {
        std::string s = good;
        return s.replace(at, bytes.size(), bytes);
    };
    std::vector<Row> rows = {
        {"empty", ""},
        {"one byte", "S"},
        {"99 bytes", good.substr(0, 99)},
        {"the header alone", good.substr(0, 100)},
        {"half a page", good.substr(0, 2048)},
        {"one page", good.substr(0, 4096)},
        {"half", good.substr(0, good.size() / 8192 * 4096)},
        {"last page missing", good.substr(0, good.size() - 4096)},
        {"last byte missing", good.substr(0, good.size() - 1)},
        {"text", "This is not a database.\n" + std::string(5000, ' ')},
        {"zeros", std::string(good.size(), '\0')},
        {"wrong magic", with(0, "SQLite format 4")},
        {"page size 3", with(16, std::string("\0\3", 2))},
        {"application id", with(68, "XXXX")},
        {"schema page", with(100, std::string(3996, '\x5a'))},
    };
    // Every page is some table's or index's: none is free.
    ASSERT_EQ(good.substr(32, 8), std::string(8, '\0'));
    for (size_t page = 1; page * 4096 < good.size(); page++) {
        rows.push_back({"page " + std::to_string(page + 1) + " of noise",
                        with(page * 4096, std::string(4096, '\xa5'))});
        rows.push_back({"page " + std::to_string(page + 1) + " of zeros",
                        with(page * 4096, std::string(4096, '\0'))});
    }
    for (const Row &row : rows) {
        SCOPED_TRACE(row.name);
        WriteFile(path_, row.bytes);
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_});
    }
    // The file itself was good all the time.
    WriteFile(path_, good);
    struct run_store *store = MustOpen();
    EXPECT_EQ(ListRuns(store, {}).runs.size(), 5u);
    run_store_close(store);
}

TEST_F(SqliteOpen, LogWithoutItsDatabaseIsRefused) {
    WriteFile(path_ + "-wal", "frames");
    ExpectRefused(STATUS_DATA_LOSS, {path_, path_ + "-wal"});
    EXPECT_EQ(ReadFile(path_ + "-wal"), "frames");
    EXPECT_FALSE(Exists(path_));
}

// Runs of a store as version 1 left it.
const char *const kRunsOfVersion1 = R"(
INSERT INTO run VALUES(1, 'acme', 'one', 1, 0, 10, 10, 0, 1, 1.5, 'w');
INSERT INTO run VALUES(2, 'acme', 'two', 2, 1, 20, 25, 0, 2, 0, '');
INSERT INTO run VALUES(3, 'acme', 'three', 3, 1, 30, 35, 35, 2, 0, '');
INSERT INTO run_body VALUES(1, 'spec one', 'state one');
INSERT INTO run_body VALUES(2, '', '');
INSERT INTO run_body VALUES(3, '', '');
INSERT INTO event VALUES(1, 1, 1, 0, 1, 10, 'a', '');
INSERT INTO event VALUES(2, 2, 1, 0, 1, 20, 'a', '');
INSERT INTO event VALUES(3, 2, 2, 1, 2, 25, 'a', '');
INSERT INTO event VALUES(4, 3, 1, 0, 1, 30, 'a', '');
INSERT INTO event VALUES(5, 3, 2, 1, 3, 35, 'a', '');
)";
const std::string kVersion1 = std::string(kVersion1Tables) + kRunsOfVersion1;

TEST_F(SqliteOpen, Version1IsBroughtForwardAndKeepsItsRuns) {
    RunSql(path_, kVersion1);
    struct run_store *store = MustOpen();
    StoredRun one = GetRun(store, "one").run;
    EXPECT_EQ(one.spec, "spec one");
    EXPECT_EQ(one.total_cu, 1.5);
    EXPECT_EQ(store->secret[31], 0x1f);
    EXPECT_EQ(ListRuns(store, {.status = kActive}).ids(), (std::vector<std::string>{"two", "one"}));
    // Events are found by their chain, which version 1 did not have.
    const std::vector<Event> of_two = {{1, 0, 1, 20, "a", ""}, {2, 1, 2, 25, "a", ""}};
    EXPECT_EQ(ListEvents(store, "two"), of_two);
    EXPECT_EQ(ListEvents(store, "two", "acme", 1), std::vector<Event>{of_two[1]});
    EXPECT_EQ(Apply(store, {.id = "one"}).result, STORE_OK);
    EXPECT_EQ(ListRuns(store, {.status = kActive}).ids(), (std::vector<std::string>{"two"}));
    ASSERT_EQ(ListEvents(store, "one").size(), 2u);
    EXPECT_EQ(ListEvents(store, "one")[0], (Event{1, 0, 1, 10, "a", ""}));
    EXPECT_EQ(ListEvents(store, "one")[1].from, 1);
    run_store_close(store);
    EXPECT_EQ(QueryText(path_, "PRAGMA user_version"), VersionLine(kSchemaVersion));
    EXPECT_EQ(QueryText(path_, "PRAGMA integrity_check"), "ok\n");
    // What was brought forward is what a new store has.
    const char *schema = "SELECT replace(replace(sql, ' ', ''), char(10), '') FROM sqlite_schema"
                         " WHERE sql IS NOT NULL ORDER BY name";
    std::string forwarded = QueryText(path_, schema);
    SetPath(directory_.File("new.db"));
    MakeStore();
    EXPECT_EQ(forwarded, QueryText(path_, schema));
}

TEST_F(SqliteOpen, FailedMigrationChangesNothing) {
    RunSql(path_, kVersion1 + "CREATE TABLE run_active(in_the_way);");
    ExpectRefusedUntouched(STATUS_UNAVAILABLE, {path_, "run_active"});
    EXPECT_EQ(QueryText(path_, "PRAGMA user_version"), "1\n");
}

TEST_F(SqliteOpen, ListReadsNoMoreThanItsScanLimitInOneCall) {
    MakeStore();
    // 25,000 finished runs, then one that is waiting, older than all.
    RunSql(path_,
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<25000)"
           " INSERT INTO run(run_key, organization, id, workflow_key, status, started_at,"
           " updated_at, sequence, newest_event, attempt, total_cu)"
           " SELECT i+5, 'big', printf('r%05d', i), 100, 3, 1000+i, 1, 1, i+5, 0, 0 FROM n;"
           "INSERT INTO workflow VALUES(100, 'big', 'w');"
           "INSERT INTO run_body SELECT run_key, '', '' FROM run WHERE organization='big';"
           "UPDATE run SET status=4 WHERE organization='big' AND id='r00001';"
           "UPDATE run SET status=5 WHERE organization='big' AND id='r25000';"
           "INSERT INTO event SELECT newest_event, organization, id, newest_event-5, 1,"
           " sequence, 0, status, updated_at, 0, 'a', '', '', '', '', 0,"
           " CASE newest_event WHEN 6 THEN 0 ELSE newest_event-1 END, '', NULL, 0"
           " FROM run WHERE organization='big';"
           "INSERT INTO event_mark SELECT 'big', revision, event_key FROM event"
           " WHERE organization='big' AND revision%64=0;"
           "INSERT INTO organization VALUES('big', 25000, 25005, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);"
           "UPDATE meta SET value=25005 WHERE name='applied';");
    struct run_store *store = MustOpen();
    Listing l = {.organization = "big", .status = RUN_STATUS_BIT(RUN_FAILURE), .limit = 10};
    std::vector<std::string> seen;
    int calls = 1;
    Page p = ListRuns(store, l);
    for (; p.has_more; calls++) {
        EXPECT_EQ(p.runs.size(), 0u);
        p = ListRuns(store, Behind(l, p));
    }
    EXPECT_EQ(p.ids(), std::vector<std::string>{"r00001"});
    EXPECT_EQ(calls, 3);
    // A full page does not look for one more run without end either.
    l = {.organization = "big", .status = RUN_STATUS_BIT(RUN_CANCELLED), .limit = 1};
    p = ListRuns(store, l);
    EXPECT_EQ(p.ids(), std::vector<std::string>{"r25000"});
    EXPECT_TRUE(p.has_more);
    EXPECT_EQ(p.cursor_id, "r25000");
    for (calls = 1; p.has_more; calls++) {
        p = ListRuns(store, Behind(l, p));
        EXPECT_EQ(p.runs.size(), 0u);
    }
    EXPECT_EQ(calls, 4);
    // An index of the active runs needs no scan at all.
    p = ListRuns(store, {.organization = "big", .status = kActive});
    EXPECT_EQ(p.runs.size(), 0u);
    EXPECT_FALSE(p.has_more);
    run_store_close(store);
}

} // namespace
