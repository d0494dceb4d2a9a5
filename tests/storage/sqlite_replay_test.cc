// A start reads the events that the rows do not say yet. What it finds there fits together, or
// the store is refused and left as it is.

#include <sys/wait.h>
#include <unistd.h>

#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

class SqliteReplay : public SqliteTest {
  protected:
    // Leaves a store as a kill does, with three runs whose rows say all (events 1, 2 and 3) and,
    // behind the mark, a cancel of the first (4), two changes of the second (5 and 6) and a
    // cancel of the third (7), which is of another organization.
    void MakeKilledStore() {
        pid_t child = fork();
        if (child == 0) {
            bool ok = Change([this](struct run_store *s) {
                return CreateRun(s, {.id = RunId(0)}).result == STORE_OK &&
                       CreateRun(s, {.id = RunId(1)}).result == STORE_OK &&
                       CreateRun(s, {.organization = "globex", .id = RunId(2)}).result == STORE_OK;
            });
            Opened o = OpenLimited(path_, {.runs = 1000, .events = 1000});
            ok = ok && o.store != nullptr && Apply(o.store, {.id = RunId(0)}).result == STORE_OK &&
                 Apply(o.store, {.id = RunId(1), .to = RUN_WAITING}).result == STORE_OK &&
                 Apply(o.store, {.id = RunId(1)}).result == STORE_OK &&
                 Apply(o.store, {.organization = "globex", .id = RunId(2)}).result == STORE_OK;
            _exit(ok ? 0 : 1);
        }
        int status = -1;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_EQ(status, 0);
        // The log is copied, and nothing but the tables says what there is.
        RunSql(path_, "DELETE FROM meta WHERE name='lineage'; PRAGMA wal_checkpoint(TRUNCATE)");
        ASSERT_EQ(QueryText(path_, "SELECT value FROM meta WHERE name='applied'"), "3\n");
        ASSERT_EQ(QueryText(path_, "SELECT max(event_key) FROM event"), "7\n");
        ASSERT_EQ(QueryText(path_, "SELECT count(*) FROM run WHERE sequence=1"), "3\n");
        unlink((path_ + ".state").c_str());
    }
    template <typename F> bool Change(F change) {
        Opened o = OpenLimited(path_);
        bool ok = o.store != nullptr && change(o.store);
        run_store_close(o.store);
        return ok;
    }
};

TEST_F(SqliteReplay, EventsBehindTheMarkAreTakenIn) {
    MakeKilledStore();
    Opened o = OpenLimited(path_);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_EQ(GetRun(o.store, RunId(0)).run.status, RUN_CANCELLED);
    EXPECT_EQ(GetRun(o.store, RunId(1)).run.status, RUN_CANCELLED);
    EXPECT_EQ(GetRun(o.store, RunId(1)).run.sequence, 3);
    EXPECT_EQ(GetRun(o.store, RunId(2), "globex").run.status, RUN_CANCELLED);
    EXPECT_EQ(ListEvents(o.store, RunId(1)).size(), 3u);
    EXPECT_EQ(ListRuns(o.store, {.status = RUN_STATUS_ACTIVE}).runs.size(), 0u);
    EXPECT_EQ(Apply(o.store, {.id = RunId(0)}).result, STORE_CONFLICT);
    // Revisions and keys go on where they were.
    EXPECT_EQ(CreateRun(o.store, {.id = "new"}).revision, 6);
    EXPECT_EQ(CreateRun(o.store, {.organization = "globex", .id = "new"}).revision, 3);
    run_store_close(o.store);
    EXPECT_EQ(QueryText(path_, "SELECT value FROM meta WHERE name='applied'"), "9\n");
    ExpectSound(path_);
}

// Once the log is copied a row may be ahead of the mark, and its organization's too.
TEST_F(SqliteReplay, RowsAheadOfTheMarkAreTaken) {
    MakeKilledStore();
    RunSql(path_, "UPDATE run SET status=5, updated_at=2000, sequence=3, newest_event=6"
                  " WHERE run_key=2;"
                  "UPDATE organization SET revision=4, newest_event=5, running=0, waiting=1,"
                  " cancelled=1 WHERE name='acme'");
    Opened o = OpenLimited(path_);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    EXPECT_EQ(GetRun(o.store, RunId(0)).run.status, RUN_CANCELLED);
    EXPECT_EQ(GetRun(o.store, RunId(1)).run.sequence, 3);
    EXPECT_EQ(CreateRun(o.store, {.id = "new"}).revision, 6);
    run_store_close(o.store);
    ExpectSound(path_);
}

TEST_F(SqliteReplay, WhatDoesNotFitTogetherIsRefused) {
    const struct {
        const char *sql;
        const char *words;
    } rows[] = {
        // Missing, at each place.
        {"DELETE FROM event WHERE event_key=4", "the event 5 has a revision"},
        {"DELETE FROM event WHERE event_key=5", "the event 6 does not follow"},
        {"DELETE FROM event WHERE event_key=6", "the event 6 is missing"},
        // Twice.
        {"INSERT INTO event SELECT 8, organization, id, revision, kind, sequence, from_status,"
         " to_status, at, attempt, actor, reason, '', '', '', previous_of_run,"
         " previous_of_organization, '', NULL, 0 FROM event WHERE event_key=6",
         "the event 8 does not follow the event of its run"},
        {"INSERT INTO event SELECT 8, organization, id, revision, kind, sequence, from_status,"
         " to_status, at, attempt, actor, reason, '', '', '', previous_of_run,"
         " previous_of_organization, '', NULL, 0 FROM event WHERE event_key=7",
         "the event 8 does not follow the event of its run"},
        {"UPDATE event SET event_key=9 WHERE event_key=7", "the event 7 is missing"},
        // With another revision, sequence or status.
        {"UPDATE event SET revision=9 WHERE event_key=7", "the event 7 has a revision"},
        {"UPDATE event SET revision=revision+1 WHERE event_key IN (4, 5, 6)", "the event 4 has"},
        {"UPDATE event SET sequence=4 WHERE event_key=6", "the event 6 does not follow"},
        {"UPDATE event SET sequence=2 WHERE event_key=6", "the event 6 does not follow"},
        {"UPDATE event SET to_status=9 WHERE event_key=7", "the event 7 has an impossible status"},
        {"UPDATE event SET to_status=0 WHERE event_key=6", "the event 6 has an impossible status"},
        {"UPDATE event SET id='another' WHERE event_key=7", "the event 7 has no run"},
        // An organization that is not where the mark says.
        {"DELETE FROM organization WHERE name='acme'", "unknown to its organization"},
        {"UPDATE organization SET revision=1, newest_event=1 WHERE name='acme'",
         "unknown to its organization"},
        // A mark of another moment.
        {"UPDATE meta SET value=4 WHERE name='applied'", "the event 4 is unknown to its run"},
        {"UPDATE meta SET value=8 WHERE name='applied'", "unknown to its run"},
        {"UPDATE run SET status=5, sequence=2, newest_event=4, updated_at=2000 WHERE run_key=1;"
         "UPDATE run SET status=5, sequence=3, newest_event=6, updated_at=2000 WHERE run_key=2;"
         "UPDATE run SET status=5, sequence=2, newest_event=7, updated_at=2000 WHERE run_key=3;"
         "UPDATE organization SET revision=5, newest_event=6 WHERE name='acme';"
         "UPDATE organization SET revision=2, newest_event=7 WHERE name='globex';"
         "UPDATE meta SET value=8 WHERE name='applied'",
         "up to date with event 8, and the newest is 7"},
        {"DELETE FROM meta WHERE name='applied'", ""},
    };
    MakeKilledStore();
    const std::string sound = ReadFile(path_);
    for (const auto &row : rows) {
        SCOPED_TRACE(row.sql);
        RemoveFiles();
        WriteFile(path_, sound);
        RunSql(path_, row.sql);
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {"damaged", row.words});
    }
    RemoveFiles();
    WriteFile(path_, sound);
    ExpectOpens();
}

// A tail that is longer than what a start looks at besides: each event of it is read.
TEST_F(SqliteReplay, EveryEventOfALongTailIsRead) {
    ExpectOpens();
    RunSql(path_, R"(
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<25000)
 SELECT i FROM c;
INSERT INTO workflow VALUES(1, 'acme', '');
INSERT INTO run SELECT 'acme', printf('r%05d', i), i, 1, 1, i, i, 1, i, 0, 0, 0 FROM n;
INSERT INTO run_body SELECT i, '', '' FROM n;
INSERT INTO event SELECT i, 'acme', printf('r%05d', i), i, 1, 1, 0, 1, i, 0, '', '', '', '', '',
  0, i-1, '', NULL, 1 FROM n;
INSERT INTO event SELECT 25000+i, 'acme', printf('r%05d', i), 25000+i, 2, 2, 1, 5, 30000, 0, '',
  '', '', '', '', i, 24999+i, '', NULL, 1 FROM n;
INSERT INTO event_mark SELECT organization, revision, event_key FROM event WHERE revision%64=0;
INSERT INTO organization VALUES('acme', 25000, 25000, 0, 0, 25000, 0, 0, 0, 0, 0, 25000, 25000);
INSERT INTO run_count VALUES(1, 25000, 25000, 0, 0, 0, 0);
UPDATE meta SET value=25000 WHERE name='applied';
)");
    unlink((path_ + ".state").c_str());
    const std::string sound = ReadFile(path_);
    ExpectSound(path_);
    for (const char *sql : {"DELETE FROM event WHERE event_key=25017",
                            "UPDATE event SET revision=25018 WHERE event_key=25017",
                            "UPDATE event SET to_status=6 WHERE event_key=25017"}) {
        SCOPED_TRACE(sql);
        RemoveFiles();
        WriteFile(path_, sound);
        RunSql(path_, sql);
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {"damaged"});
    }
    RemoveFiles();
    WriteFile(path_, sound);
    struct run_store *store = MustOpen();
    EXPECT_EQ(GetRun(store, "r00001").run.status, RUN_CANCELLED);
    EXPECT_EQ(GetRun(store, "r25000").run.status, RUN_CANCELLED);
    EXPECT_EQ(ListRuns(store, {.status = RUN_STATUS_ACTIVE, .limit = 1}).runs.size(), 0u);
    EXPECT_EQ(CreateRun(store, {.id = "new"}).revision, 50001);
    run_store_close(store);
    EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM run WHERE status=5"), "25000\n");
}

} // namespace
