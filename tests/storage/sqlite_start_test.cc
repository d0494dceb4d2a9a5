#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storage/sqlite_fixture.h"

using namespace store_testing;

// What was laid beside or over a store while nobody served it: it is right, or it
// is refused and left as it is.

namespace {

class SqliteStart : public SqliteTest {
  protected:
    // Serves the store in another process, which makes runs of these names, cancels
    // every other, and closes it or dies.
    void Serve(const std::vector<std::string> &runs, bool closes, size_t spec_bytes = 100) {
        pid_t child = fork();
        if (child == 0) {
            Opened o = Open(url_);
            bool ok = o.store != nullptr;
            for (size_t i = 0; ok && i < runs.size(); i++) {
                ok = CreateRun(o.store, {.id = runs[i], .spec = std::string(spec_bytes, 's')})
                         .result == STORE_OK;
                if (ok && i % 2 == 1) {
                    ok = Apply(o.store, {.id = runs[i]}).result == STORE_OK;
                }
            }
            if (ok && closes) {
                run_store_close(o.store);
            }
            fprintf(stderr, "%s", o.message.c_str());
            _exit(ok ? 0 : 1);
        }
        int status = -1;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_EQ(status, 0);
        acknowledged_.insert(acknowledged_.end(), runs.begin(), runs.end());
    }
    void RemoveStore() {
        RemoveFiles();
        acknowledged_.clear();
    }
    void Lay(const StoreFiles &files) const {
        WriteFile(path_, files.database);
        unlink((path_ + "-shm").c_str());
        LayBeside("-wal", files.log);
        LayBeside(".state", files.state);
    }
    void LayBeside(const std::string &suffix, const std::string &bytes) const {
        unlink((path_ + suffix).c_str());
        if (!bytes.empty()) {
            WriteFile(path_ + suffix, bytes);
        }
    }
    // Opens, and all that was acknowledged is there.
    void ExpectWhole() {
        Opened o = Open(url_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        for (const std::string &id : acknowledged_) {
            EXPECT_EQ(GetRun(o.store, id).result, STORE_OK) << id;
        }
        ASSERT_EQ(CreateRun(o.store, {.id = "new" + std::to_string(made_++)}).result, STORE_OK);
        run_store_close(o.store);
        ExpectOpens();
    }

    std::vector<std::string> acknowledged_;
    int made_ = 0;
};

TEST_F(SqliteStart, OlderFileOverAStoppedStoreIsRefused) {
    Serve({"a", "b"}, true);
    StoreFiles older = TakeFiles();
    Serve({"c"}, true);
    StoreFiles newer = TakeFiles();
    Lay({older.database, "", newer.state});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_, "acknowledged", ".state",
                                              "runsctl store check --store", "--accept"});
    // Only a cancel is missing, or only a change that made no event.
    Lay(newer);
    ExpectWhole();
}

TEST_F(SqliteStart, OlderFileUnderTheNewerLogIsRefused) {
    Serve({"a", "b"}, true);
    StoreFiles older = TakeFiles();
    Serve({"c"}, true);
    Serve({"d", "e"}, false);
    StoreFiles crashed = TakeFiles();
    ASSERT_FALSE(crashed.log.empty());
    Lay({older.database, crashed.log, crashed.state});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_ + "-wal", "is not the log of this file"});
    Lay({older.database, crashed.log, ""});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_ + "-wal", "is not the log of this file"});
    // The log alone is the newer part of the file that it is of.
    Lay(crashed);
    ExpectWhole();
}

TEST_F(SqliteStart, OlderLogIsRefused) {
    Serve({"a"}, true);
    Serve({"b", "c"}, false);
    StoreFiles first = TakeFiles();
    Serve({"d"}, true);
    Serve({"e", "f"}, false);
    StoreFiles second = TakeFiles();
    Lay({second.database, first.log, ""});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_ + "-wal", "is not the log of this file"});
    // The same log, but of an earlier moment.
    StoreFiles cut = second;
    cut.log = second.log.substr(0, 32 + 4120 * 2);
    Lay(cut);
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {"acknowledged"});
    Lay(second);
    ExpectWhole();
}

TEST_F(SqliteStart, LogOfAnotherDatabaseIsRefused) {
    Serve({"a"}, true);
    StoreFiles own = TakeFiles();
    acknowledged_.clear();
    std::string path = path_;
    SetPath(directory_.File("other.db"));
    Serve({"x", "y"}, false);
    std::string other_log = ReadFile(path_ + "-wal");
    // Of a database that is no store at all.
    std::string foreign = directory_.File("foreign.db");
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db = nullptr;
        bool ok = sqlite3_open(foreign.c_str(), &db) == SQLITE_OK &&
                  sqlite3_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE t(x);", nullptr, nullptr,
                               nullptr) == SQLITE_OK;
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    std::string foreign_log = ReadFile(foreign + "-wal");
    ASSERT_FALSE(other_log.empty());
    ASSERT_FALSE(foreign_log.empty());
    SetPath(path);
    for (const std::string &log : {other_log, foreign_log}) {
        Lay({own.database, log, own.state});
        ExpectRefusedUntouched(
            STATUS_DATA_LOSS, {path_ + "-wal", "is not the log of this file", "move the log away"});
    }
    Lay(own);
    acknowledged_ = {"a"};
    ExpectWhole();
}

// SQLite undoes what a hot journal says, of whichever database it was.
TEST_F(SqliteStart, RollbackJournalIsRefused) {
    Serve({"a"}, true);
    StoreFiles own = TakeFiles();
    std::string other = directory_.File("other.db");
    RunSql(other, "CREATE TABLE t(x);"
                  "INSERT INTO t SELECT hex(randomblob(2000)) FROM sqlite_schema;");
    sqlite3 *db = nullptr;
    ASSERT_EQ(sqlite3_open(other.c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db,
                           "PRAGMA cache_size=1; BEGIN; UPDATE t SET x=x||'z';"
                           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 500)"
                           " INSERT INTO t SELECT hex(randomblob(2000)) FROM n;",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    std::string journal = ReadFile(other + "-journal");
    sqlite3_close(db);
    ASSERT_EQ(journal.substr(0, 4), "\xd9\xd5\x05\xf9");
    WriteFile(path_ + "-journal", journal);
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_ + "-journal", "rollback journal"});
    EXPECT_EQ(ReadFile(path_ + "-journal"), journal);
    // One that was ended is none.
    WriteFile(path_ + "-journal", std::string(512, '\0'));
    ExpectWhole();
}

TEST_F(SqliteStart, StoreWithoutItsLogIsRefused) {
    Serve({"a"}, true);
    Serve({"b", "c", "d"}, false);
    StoreFiles crashed = TakeFiles();
    for (const std::string &state : {crashed.state, std::string()}) {
        Lay({crashed.database, "", state});
        // Before the log was ever copied the file itself says that it is closed.
        if (!state.empty()) {
            ExpectRefusedUntouched(STATUS_DATA_LOSS, {"acknowledged"});
        }
    }
    // With the first copy it says that it is open.
    Lay(crashed);
    std::vector<std::string> many;
    for (int i = 0; i < 40; i++) {
        many.push_back("m" + std::to_string(i));
    }
    Serve(many, false, 1024 * 1024);
    Serve({"e", "f"}, false);
    crashed = TakeFiles();
    Lay({crashed.database, "", ""});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_ + "-wal", "is missing", "--accept"});
    Lay({crashed.database, "", crashed.state});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {"acknowledged"});
    Lay(crashed);
    ExpectWhole();
}

// Pieces of the log are copied, and the record of what it belongs to with them, while it goes on.
// A kill and starts in between leave a log that fits the database as it was at any sync.
TEST_F(SqliteStart, LogThatWasCopiedInPartFits) {
    Serve({"a"}, true);
    Serve({"b"}, false);
    const StoreFiles at_first = TakeFiles();
    std::vector<std::string> many;
    for (int i = 0; i < 8; i++) {
        many.push_back("m" + std::to_string(i));
    }
    Serve(many, false, 1024 * 1024); // half of what lets the log begin anew
    const StoreFiles copied = TakeFiles();
    ASSERT_NE(copied.database, at_first.database);
    Lay({at_first.database, copied.log, copied.state});
    ExpectWhole();
    Lay(copied); // a start syncs the database as it is
    Serve({"c"}, false);
    const StoreFiles at_last = TakeFiles();
    Lay({copied.database, at_last.log, at_last.state});
    ExpectWhole();
}

// A start makes room in the log before the first change; where it is killed then, the log is
// as none.
TEST_F(SqliteStart, LogOfZerosIsNone) {
    const std::string zeros(1024 * 1024, '\0');
    Serve({"a", "b"}, true);
    StoreFiles closed = TakeFiles();
    Lay({closed.database, zeros, closed.state});
    ExpectWhole();
    // Beside a copy that never had a log, too.
    std::string copy = directory_.File("copy.db");
    RunSql(path_, "VACUUM INTO '" + copy + "'");
    SetPath(copy);
    WriteFile(path_ + "-wal", zeros);
    ExpectWhole();
}

// It is no log to a store that was not closed either.
TEST_F(SqliteStart, LogOfZerosInsteadOfTheLogIsRefused) {
    Serve({"a"}, true);
    std::vector<std::string> many;
    for (int i = 0; i < 8; i++) {
        many.push_back("m" + std::to_string(i));
    }
    Serve(many, false, 1024 * 1024); // pieces of the log are copied
    StoreFiles crashed = TakeFiles();
    const std::string zeros(crashed.log.size(), '\0');
    Lay({crashed.database, zeros, ""});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_ + "-wal", "is missing", "--accept"});
    Lay({crashed.database, zeros, crashed.state});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {"acknowledged"});
    Lay(crashed);
    ExpectWhole();
}

TEST_F(SqliteStart, StoreThatAnotherProgramClosedIsWhole) {
    Serve({"a", "b"}, true);
    Serve({"c", "d"}, false);
    ASSERT_TRUE(Exists(path_ + "-wal"));
    // The last one to close copies the log and removes it.
    RunSql(path_, "SELECT count(*) FROM run");
    ASSERT_FALSE(Exists(path_ + "-wal"));
    ExpectWhole();
}

TEST_F(SqliteStart, BackupsThatSqliteMadeAreTaken) {
    Serve({"a", "b"}, true);
    Opened o = Open(url_);
    ASSERT_EQ(o.code, STATUS_OK);
    std::string spec(1024 * 1024, 's');
    for (int i = 0; i < 40; i++) { // so that the file says that it is open
        ASSERT_EQ(CreateRun(o.store, {.id = "m" + std::to_string(i), .spec = spec}).result,
                  STORE_OK);
        acknowledged_.push_back("m" + std::to_string(i));
    }
    const std::string into = directory_.File("into.db");
    const std::string online = directory_.File("online.db");
    std::string command = "sqlite3 '" + path_ + "' \"VACUUM INTO '" + into + "'\" && sqlite3 '" +
                          path_ + "' \".backup '" + online + "'\"";
    ASSERT_EQ(system(command.c_str()), 0);
    run_store_close(o.store);
    for (const std::string &backup : {into, online}) {
        SCOPED_TRACE(backup);
        SetPath(backup);
        ExpectWhole();
        // And so is the backup of what was restored.
        o = Open(url_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        ASSERT_EQ(CreateRun(o.store, {.id = "again"}).result, STORE_OK);
        command = "sqlite3 '" + backup + "' \".backup '" + backup + ".again'\"";
        ASSERT_EQ(system(command.c_str()), 0);
        run_store_close(o.store);
        SetPath(backup + ".again");
        ExpectWhole();
    }
}

// VACUUM INTO writes other pages: the log of the store would damage it.
TEST_F(SqliteStart, BackupOverTheStoreUnderItsLogIsRefused) {
    Serve({"a", "b"}, true);
    const std::string backup = directory_.File("backup.db");
    RunSql(path_, "VACUUM INTO '" + backup + "'");
    Serve({"c"}, false);
    StoreFiles crashed = TakeFiles();
    Lay({ReadFile(backup), crashed.log, ""});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_ + "-wal", "move the log away"});
    Lay(crashed);
    ExpectWhole();
}

TEST_F(SqliteStart, AnotherStoreAtThePlaceIsRefused) {
    Serve({"a"}, true);
    StoreFiles first = TakeFiles();
    unlink(path_.c_str());
    unlink((path_ + ".state").c_str());
    acknowledged_.clear();
    Serve({"b", "c", "d"}, true);
    Lay({ReadFile(path_), "", first.state});
    ExpectRefusedUntouched(STATUS_DATA_LOSS, {".state", "another store", "--accept"});
}

TEST_F(SqliteStart, MissingStoreIsNotMadeAnew) {
    Serve({"a"}, true);
    StoreFiles files = TakeFiles();
    unlink(path_.c_str());
    Opened o = Open(url_);
    EXPECT_EQ(o.code, STATUS_DATA_LOSS);
    EXPECT_NE(o.message.find(path_ + ".state"), std::string::npos) << o.message;
    EXPECT_FALSE(Exists(path_));
    Lay(files);
    ExpectWhole();
    // Nothing was acknowledged: nothing is missing.
    SetPath(directory_.File("fresh.db"));
    ExpectOpens();
    unlink(path_.c_str());
    ExpectOpens();
}

TEST_F(SqliteStart, StateThatCannotBeReadTellsNothing) {
    Serve({"a", "b"}, false);
    StoreFiles good = TakeFiles();
    for (std::string state : {std::string("x"), std::string(200, '\0'), good.state.substr(0, 40),
                              good.state.substr(0, 20) + "!" + good.state.substr(21)}) {
        Lay({good.database, good.log, state});
        ExpectOpens();
    }
    Lay(good);
    ExpectWhole();
}

TEST_F(SqliteStart, CompanionsThatAreNoFilesAreRefused) {
    Serve({"a"}, true);
    for (const char *suffix : {"-wal", "-shm", "-journal", ".state"}) {
        SCOPED_TRACE(suffix);
        std::string companion = path_ + suffix;
        std::string state = ReadFile(path_ + ".state");
        const std::function<int()> makes[] = {
            [&] { return mkdir(companion.c_str(), 0700); },
            [&] { return symlink(directory_.File("elsewhere").c_str(), companion.c_str()); },
            [&] { return mkfifo(companion.c_str(), 0600); },
        };
        for (const auto &make : makes) {
            unlink(companion.c_str());
            ASSERT_EQ(make(), 0);
            Opened o = Open(url_);
            EXPECT_EQ(o.code, STATUS_UNAVAILABLE);
            EXPECT_NE(o.message.find(companion + "\" is no regular file"), std::string::npos)
                << o.message;
            ASSERT_EQ(remove(companion.c_str()), 0);
        }
        LayBeside(".state", state);
        EXPECT_FALSE(Exists(directory_.File("elsewhere")));
    }
    ExpectWhole();
}

TEST_F(SqliteStart, WhatAKilledFirstStartLeftIsRemoved) {
    Serve({"a"}, true);
    // Ours: empty, without tables, without runs, another name of the store.
    WriteFile(path_ + ".new-AAAAAA", "");
    RunSql(path_ + ".new-BBBBBB", "PRAGMA application_id=1920298611");
    WriteFile(path_ + ".new-BBBBBB-journal", "x");
    ASSERT_EQ(link(path_.c_str(), (path_ + ".new-CCCCCC").c_str()), 0);
    // Another's: no database, other names, a store with runs.
    std::vector<std::string> kept = {".new-text12", ".new-short", ".new-toolong",
                                     ".new-backup", ".new",       ".old-AAAAAA"};
    for (const std::string &name : kept) {
        WriteFile(path_ + name, "mine");
    }
    WriteFile(path_ + ".new-backup", ReadFile(path_));
    ASSERT_EQ(mkdir((path_ + ".new-folder").c_str(), 0700), 0);
    kept.push_back(".new-folder");
    ExpectWhole();
    for (const char *name : {".new-AAAAAA", ".new-BBBBBB", ".new-BBBBBB-journal", ".new-CCCCCC"}) {
        EXPECT_FALSE(Exists(path_ + name)) << name;
    }
    for (const std::string &name : kept) {
        EXPECT_TRUE(Exists(path_ + name)) << name;
    }
}

// StoreFiles that were copied one by one while the store was used.
TEST_F(SqliteStart, CopyOfAStoreInUseIsCheckedWhole) {
    Serve({"a", "b", "c", "d"}, true);
    StoreFiles older = TakeFiles();
    std::vector<std::string> more;
    for (int i = 0; i < 200; i++) {
        more.push_back("m" + std::to_string(i));
    }
    Serve(more, true);
    StoreFiles newer = TakeFiles();
    Serve({"e"}, false);
    StoreFiles crashed = TakeFiles();
    // A sound copy elsewhere, as of a machine that broke.
    SetPath(directory_.File("copy.db"));
    Lay(crashed);
    ExpectWhole();
    // Pages of an earlier moment: each refused, or without loss.
    int refused = 0;
    for (size_t at = 4096; at < newer.database.size(); at += 4096) {
        std::string mixed = newer.database;
        if (at < older.database.size()) {
            mixed.replace(at, 4096, older.database.substr(at, 4096));
        } else {
            mixed.replace(at, 4096, std::string(4096, '\0'));
        }
        if (mixed == newer.database) {
            continue;
        }
        SCOPED_TRACE(at / 4096 + 1);
        Lay({mixed, "", newer.state});
        Opened o = Open(url_);
        if (o.code == STATUS_DATA_LOSS) {
            refused++;
            EXPECT_EQ(ReadFile(path_), mixed);
            continue;
        }
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        for (const std::string &id : more) {
            EXPECT_EQ(GetRun(o.store, id).result, STORE_OK) << id;
            EXPECT_GE(ListEvents(o.store, id).size(), 1u);
        }
        run_store_close(o.store);
    }
    EXPECT_GT(refused, 10);
}

// Names of runs: as a client may choose them, and as CreateRun makes them, which are stored as
// other bytes.
using Names = std::vector<std::string>;
const Names kIds[] = {
    {"a", "b", "c", "d", "e"},
    {"0193755f-8f3e-7a01-8000-00000000000a", "0193755f-8f3e-7a02-8000-00000000000b",
     "0193755f-8f3e-7a03-8000-00000000000c", "0193755f-8f3e-7a04-8000-00000000000d",
     "0193755f-8f3e-7a05-8000-00000000000e"}};

Names First(const Names &ids, size_t count) {
    return {ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count)};
}

// The events that Serve makes of four of them, in the order of their keys: the first run's, two
// of the second, the third's, two of the fourth. A run's key is that of its first event.

// Damage that is there only when the store is served: nothing is said to be absent
// that cannot be known, and the next start refuses it.
TEST_F(SqliteStart, DamageThatAReadMeetsIsNoAnswer) {
    using Read = std::function<enum store_result(struct run_store *, const Names &)>;
    const Read read_events = [](struct run_store *s, const Names &ids) {
        enum store_result r;
        ListEvents(s, ids[1], "acme", 10, &r);
        return r;
    };
    const struct {
        const char *name;
        const char *sql;
        Read read;
    } rows[] = {
        {"no body", "DELETE FROM run_body WHERE run_key=1",
         [](struct run_store *s, const Names &ids) { return GetRun(s, ids[0]).result; }},
        {"no body in a list", "DELETE FROM run_body WHERE run_key=1",
         [](struct run_store *s, const Names &) { return ListRuns(s, {}).result; }},
        {"no body to cancel", "DELETE FROM run_body WHERE run_key=1",
         [](struct run_store *s, const Names &ids) { return Apply(s, {.id = ids[0]}).result; }},
        {"no events", "DELETE FROM event WHERE event_key IN (2, 3)", read_events},
        {"no first event", "DELETE FROM event WHERE event_key=2", read_events},
        {"no newest event", "DELETE FROM event WHERE event_key=3", read_events},
    };
    for (const Names &ids : kIds) {
        for (const auto &row : rows) {
            SCOPED_TRACE(ids[0] + ": " + row.name);
            RemoveStore();
            Serve(First(ids, 2), true);
            Opened o = Open(url_);
            ASSERT_EQ(o.code, STATUS_OK) << o.message;
            std::string command = "sqlite3 '" + path_ + "' '" + row.sql + "'";
            ASSERT_EQ(system(command.c_str()), 0);
            EXPECT_EQ(row.read(o.store, ids), STORE_UNAVAILABLE);
            run_store_close(o.store);
            unlink((path_ + ".state").c_str()); // which knows of the newest event
            ExpectRefusedUntouched(STATUS_DATA_LOSS, {"damaged", "runsctl store check --store"});
        }
    }
}

// Each invariant that the sample looks at.
TEST_F(SqliteStart, ContradictionsAreRefused) {
    const struct {
        const char *sql;
        const char *words;
    } rows[] = {
        // What is wrong with the row of a run.
        {"UPDATE run SET status=7 WHERE run_key=2", "impossible status"},
        {"UPDATE run SET status=0 WHERE run_key=1", "impossible status"},
        {"DELETE FROM run_body WHERE run_key=2", "has no body"},
        {"DELETE FROM workflow", "has no workflow"},
        {"UPDATE run SET workflow_key=9 WHERE run_key=2", "has no workflow"},
        {"UPDATE workflow SET organization='other'", "has no workflow"},
        {"DELETE FROM event WHERE event_key=6;"
         "UPDATE organization SET revision=5, newest_event=5",
         "lost its newest event"},
        {"UPDATE run SET status=3 WHERE run_key=2", "newest event contradicts"},
        {"UPDATE run SET updated_at=updated_at+1 WHERE run_key=2", "newest event contradicts"},
        {"UPDATE event SET to_status=3 WHERE event_key=3", "newest event contradicts"},
        {"UPDATE event SET at=at+1 WHERE event_key=3", "newest event contradicts"},
        // What is wrong with an event and its run.
        {"DELETE FROM run WHERE run_key=2", "has no run"},
        {"DELETE FROM run WHERE run_key=4", "has no run"},
        {"UPDATE event SET id='another' WHERE event_key=3", "has no run"},
        {"UPDATE event SET organization='another' WHERE event_key=6", "has no run"},
        {"UPDATE event SET organization='another' WHERE event_key=3", "the event 4 has a revision"},
        {"UPDATE run SET sequence=1 WHERE run_key=2", "unknown to its run"},
        {"UPDATE run SET sequence=3 WHERE run_key=2", "unknown to its run"},
        {"UPDATE run SET newest_event=2 WHERE run_key=2", "unknown to its run"},
        {"UPDATE run SET newest_event=4 WHERE run_key=2", "unknown to its run"},
        {"UPDATE run SET newest_event=2, sequence=1, status=1, updated_at=started_at"
         " WHERE run_key=2",
         "unknown to its run"}, // a row of an earlier moment
        // And with those before it.
        {"UPDATE event SET previous_of_run=0 WHERE event_key=3", "chain contradicts"},
        {"UPDATE event SET from_status=0 WHERE event_key=3", "chain contradicts"},
        {"UPDATE event SET kind=1 WHERE event_key=3", "chain contradicts"},
        {"UPDATE event SET kind=2 WHERE event_key=1", "chain contradicts"},
        {"UPDATE event SET from_status=1 WHERE event_key=1", "chain contradicts"},
        {"UPDATE event SET previous_of_run=1 WHERE event_key=2", "chain contradicts"},
        {"DELETE FROM event WHERE event_key=2", "the event 3 does not follow the event before it"},
        {"UPDATE event SET previous_of_run=1 WHERE event_key=3", "follow the event before it"},
        {"UPDATE event SET previous_of_run=3 WHERE event_key=3", "follow the event before it"},
        {"UPDATE event SET to_status=2 WHERE event_key=2", "follow the event before it"},
        {"UPDATE event SET id='another' WHERE event_key=2", "follow the event before it"},
        {"UPDATE event SET sequence=2 WHERE event_key=2", "follow the event before it"},
        {"DELETE FROM event WHERE event_key=3", "the event 4 has a revision that does not follow"},
        {"UPDATE event SET revision=9 WHERE event_key=6", "the event 6 has a revision"},
        {"UPDATE event SET revision=3 WHERE event_key=4", "has a revision that does not follow"},
        {"UPDATE event SET previous_of_organization=1 WHERE event_key=3", "has a revision"},
        {"UPDATE event SET previous_of_organization=0 WHERE event_key=3", "has a revision"},
        {"UPDATE event SET previous_of_organization=6 WHERE event_key=1", "has a revision"},
        // An organization that has another newest event gives revisions twice, or leaves some out.
        {"DELETE FROM event WHERE event_key=6", "the event 5 is unknown to its organization"},
        {"DELETE FROM organization", "unknown to its organization"},
        {"UPDATE organization SET revision=5, newest_event=5", "unknown to its organization"},
        {"UPDATE organization SET revision=7", "unknown to its organization"},
        {"UPDATE organization SET newest_event=5", "unknown to its organization"},
        // What there is at all.
        {"DELETE FROM event", "without events"},
        {"DELETE FROM run_body", "without bodies"},
        {"DELETE FROM run", "without runs"},
        {"UPDATE run_body SET run_key=9 WHERE run_key=5; UPDATE run SET run_key=9 WHERE run_key=5",
         "runs without events"},
        // The durable mark.
        {"UPDATE meta SET value=7 WHERE name='applied'",
         "up to date with event 7, and the newest is 6"},
    };
    for (const Names &ids : kIds) {
        RemoveStore();
        Serve(First(ids, 4), true);
        unlink((path_ + ".state").c_str());
        const std::string sound = ReadFile(path_);
        ASSERT_EQ(QueryText(path_, "SELECT value FROM meta WHERE name='applied'"), "6\n");
        for (const auto &row : rows) {
            SCOPED_TRACE(ids[0] + ": " + row.sql);
            RemoveFiles();
            WriteFile(path_, sound);
            RunSql(path_, row.sql);
            ExpectRefusedUntouched(STATUS_DATA_LOSS, {"damaged", row.words, "restore a backup"});
        }
        WriteFile(path_, sound);
        ExpectWhole();
    }
}

// A row of an earlier moment is what its run was only where its events are behind the mark.
TEST_F(SqliteStart, RowIsBehindItsEventsOnlyBehindTheMark) {
    for (const Names &ids : kIds) {
        RemoveStore();
        Serve(First(ids, 4), true);
        unlink((path_ + ".state").c_str());
        const char *earlier = "UPDATE run SET newest_event=5, sequence=1, status=1,"
                              " updated_at=started_at WHERE run_key=5;"
                              "UPDATE organization SET revision=5, newest_event=5;";
        RunSql(path_, earlier);
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {"the event 6 is unknown to its run"});
        RunSql(path_, "UPDATE meta SET value=5 WHERE name='applied'");
        struct run_store *store = MustOpen();
        EXPECT_EQ(GetRun(store, ids[3]).run.status, RUN_CANCELLED);
        EXPECT_EQ(ListEvents(store, ids[3]).size(), 2u);
        run_store_close(store);
    }
}

// An index that does not have what its table has, and the other way round.
TEST_F(SqliteStart, IndexesThatDifferFromTheirTableAreRefused) {
    for (const Names &ids : kIds) {
        for (const std::string index : {"run_by_start", "run_by_workflow", "run_active"}) {
            for (bool index_lacks : {true, false}) {
                if (!index_lacks && index != "run_by_start") {
                    continue; // it leads nowhere, which is no run
                }
                SCOPED_TRACE(ids[0] + ": " + index +
                             (index_lacks ? " lacks a row" : " has one more"));
                RemoveStore();
                Serve(ids, true);
                // The index's pages of a moment when the row was not there, or still was.
                const std::string with = ReadFile(path_);
                const size_t root = std::stoul(QueryText(
                    path_, "SELECT rootpage FROM sqlite_schema WHERE name='" + index + "'"));
                // The newest run, which is active: nothing else leads to it.
                RunSql(path_, "DELETE FROM run WHERE run_key=7;");
                std::string without = ReadFile(path_);
                std::string mixed = index_lacks ? with : without;
                const std::string &other = index_lacks ? without : with;
                mixed.replace((root - 1) * 4096, 4096, other.substr((root - 1) * 4096, 4096));
                WriteFile(path_, mixed);
                if (!index_lacks) {
                    RunSql(path_, "DELETE FROM run_body WHERE run_key=7;"
                                  "DELETE FROM event WHERE event_key=7;"
                                  "UPDATE organization SET revision=6, newest_event=6;"
                                  "UPDATE meta SET value=6 WHERE name='applied'");
                    unlink((path_ + ".state").c_str());
                }
                ExpectRefusedUntouched(STATUS_DATA_LOSS,
                                       {"damaged", index_lacks ? "is missing in the index " + index
                                                               : "neighbours in the index"});
            }
        }
    }
}

} // namespace
