// What `runsctl check` and a start find wrong with leases, deadlines and stops: each question has a
// row that is wrong, and a start finds what the check finds.

#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

class SqliteLeaseCheck : public SqliteTest {
  protected:
    // A run in each state, some of them over a row of before that was behind.
    void MakeStore() {
        Opened o = OpenLimited(path_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        auto create = [&](const char *id, int64_t started_at_us) {
            StoredRun run = LeasedRun(id, started_at_us);
            run.workflow_id = "w";
            run.terms.on_timeout = RUN_FAILURE;
            run.terms.timeout_at_us = 900000;
            run.terms.waiting_timeout_us = 70;
            ASSERT_EQ(CreateRun(o.store, run).result, STORE_OK);
        };
        ASSERT_EQ(CreateRun(o.store, {.id = "plain"}).result, STORE_OK);           // event 1
        create("open", 3000);                                                      // 2
        create("held", 1000);                                                      // 3
        create("stopped", 2000);                                                   // 4
        Acquired a = Acquire(o.store, {.limit = 2, .holder = "h", .at_us = 4000}); // 5, 6
        ASSERT_EQ(a.ids(), (std::vector<std::string>{"held", "stopped"}));
        ASSERT_EQ(Apply(o.store, {.id = "open", .to = RUN_WAITING, .at_us = 5000}).result,
                  STORE_OK);                                                          // 7
        ASSERT_EQ(Apply(o.store, {.id = "stopped", .at_us = 5000}).result, STORE_OK); // 8
        ASSERT_EQ(StopRun(o.store, {.id = "stopped", .attempt = 1, .at_us = 6000}).result,
                  STORE_OK);                                                             // 9
        ASSERT_EQ(CreateRun(o.store, {.id = "external"}).result, STORE_OK);              // 10
        ASSERT_EQ(Apply(o.store, {.id = "external", .at_us = 5000}).result, STORE_OK);   // 11
        ASSERT_EQ(StopRun(o.store, {.id = "external", .at_us = 7000}).result, STORE_OK); // 12
        create("lost", 4000);                                                            // 13
        ASSERT_EQ(Acquire(o.store, {.ids = {"lost"}, .holder = "h"}).runs.size(), 1u);   // 14
        ASSERT_EQ(EndLease(o.store, {.id = "lost", .kind = STORE_EVENT_LEASE_LOSS}).result,
                  STORE_OK); // 15
        run_store_close(o.store);
        unlink((path_ + ".state").c_str());
    }
    // What is found, a line each.
    std::string Check() {
        struct arena a;
        arena_init(&a);
        struct store_check_report report = {};
        const struct error *e = run_store_check(&a, url_.c_str(), false, &report);
        EXPECT_EQ(e, nullptr) << e->message;
        std::string found;
        for (int i = 0; e == nullptr && i < report.count; i++) {
            found += report.problems[i] + std::string("\n");
        }
        arena_release(&a);
        return found;
    }
};

TEST_F(SqliteLeaseCheck, EachProblemIsFound) {
    MakeStore();
    ASSERT_EQ(Check(), "");
    EXPECT_EQ(QueryText(path_, "SELECT id||' '||state||' '||due_at||' '||stopped_at FROM run_term"
                               " ORDER BY started_at, id"),
              "external 0 0 7000\nheld 2 900000 0\nstopped 0 0 6000\nopen 1 5070 0\n"
              "lost 1 900000 0\n");
    const std::string sound = ReadFile(path_);
    const struct {
        const char *sql;
        const char *words;
        bool at_start = true; // a start finds it in a small store
    } rows[] = {
        // What leads to the row.
        {"UPDATE run SET has_terms=0 WHERE id='open'", "\"open\" of \"acme\" has terms that its"},
        {"UPDATE run SET has_terms=1 WHERE id='plain'", "\"plain\" of \"acme\" has terms that its"},
        {"DELETE FROM run_term WHERE id='held'", "\"held\" of \"acme\" has terms that its row"},
        {"DELETE FROM run_term WHERE id='external'; UPDATE run SET has_terms=0 WHERE id='external'",
         "\"external\" of \"acme\" has terms that its row contradicts"},
        {"INSERT INTO run_term SELECT 999, organization, id, workflow_key, started_at, dispatch,"
         " fails_on_lease_loss, on_timeout, timeout_at, waiting_timeout, 0, '', 0, 0, 0, 0"
         " FROM run_term WHERE id='held'",
         "the terms 999 are those of no run", false},
        {"UPDATE run_term SET id='x' WHERE id='held'", "\"held\" of \"acme\" has the terms of"},
        {"UPDATE run_term SET organization='x' WHERE id='held'", "has the terms of another run"},
        {"UPDATE run_term SET workflow_key=9 WHERE id='held'", "has the terms of another run"},
        {"UPDATE run_term SET started_at=9 WHERE id='held'", "has the terms of another run"},
        // Terms.
        {"UPDATE run_term SET dispatch=2 WHERE id='held'", "has impossible terms"},
        {"UPDATE run_term SET fails_on_lease_loss=2 WHERE id='held'", "has impossible terms"},
        {"UPDATE run_term SET on_timeout=3 WHERE id='held'", "has impossible terms"},
        {"UPDATE run_term SET timeout_at=-1 WHERE id='held'", "has impossible terms"},
        {"UPDATE run_term SET waiting_timeout=-1 WHERE id='held'", "has impossible terms"},
        // Leases.
        {"UPDATE run_term SET state=1 WHERE id='held'", "\"held\" of \"acme\" has a lease that"},
        {"UPDATE run_term SET state=0 WHERE id='held'", "has a lease that its row contradicts"},
        {"UPDATE run_term SET state=0 WHERE id='open'", "has a lease that its row contradicts"},
        {"UPDATE run_term SET state=2 WHERE id='open'", "has a lease that its row contradicts"},
        {"UPDATE run_term SET holder='x' WHERE id='open'", "has a lease that its row contradicts"},
        {"UPDATE run_term SET holder='' WHERE id='held'", "has a lease that its row contradicts"},
        {"UPDATE run_term SET lease=5 WHERE id='open'", "has a lease that its row contradicts"},
        {"UPDATE run_term SET state=1 WHERE id='stopped'", "has a lease that its row contradicts"},
        {"UPDATE run_term SET state=2, holder='h', lease=5 WHERE id='stopped'",
         "has a lease that its row contradicts"},
        // Deadlines.
        {"UPDATE run_term SET due_at=0 WHERE id='open'", "has a deadline that its row contradicts"},
        {"UPDATE run_term SET due_at=900000 WHERE id='open'", "has a deadline that its row"},
        {"UPDATE run_term SET due_at=5 WHERE id='stopped'", "has a deadline that its row"},
        {"UPDATE run_term SET waiting_until=0 WHERE id='open'", "has a deadline that its row"},
        {"UPDATE run_term SET waiting_until=5 WHERE id='held'", "has a deadline that its row"},
        // Stops.
        {"UPDATE run_term SET stopped_at=0 WHERE id='stopped'", "has a stop that its newest event"},
        {"UPDATE run_term SET stopped_at=5 WHERE id='stopped'", "has a stop that its newest event"},
        {"UPDATE run_term SET stopped_at=5 WHERE id='held'", "has a stop that its newest event"},
        {"UPDATE run SET updated_at=6001 WHERE id='stopped'", "has a status that its newest event"},
        // Attempts.
        {"UPDATE run SET attempt=2 WHERE id='held'", "has an attempt that its newest event"},
        {"UPDATE run SET attempt=0 WHERE id='held'", "has an attempt that its newest event"},
        {"UPDATE event SET attempt=2 WHERE event_key=8", "the event 8 has an attempt that does"},
        {"UPDATE event SET attempt=0 WHERE event_key=6", "the event 6 has an attempt that does"},
        {"UPDATE run SET attempt=0 WHERE id='held'; UPDATE event SET attempt=0 WHERE event_key=5",
         "the event 5 has an attempt that does not follow the one before it"},
        // Events.
        {"UPDATE event SET kind=8 WHERE event_key=8", "the event 8 has a kind that its change"},
        {"UPDATE event SET kind=7 WHERE event_key=8",
         "the event 8 tells of a deletion that the store contradicts"},
        {"UPDATE event SET kind=0 WHERE event_key=8", "the event 8 has a kind that its change"},
        {"UPDATE event SET kind=4 WHERE event_key=8", "the event 8 has a kind that its change"},
        {"UPDATE event SET kind=5 WHERE event_key=8", "the event 8 has a kind that its change"},
        {"UPDATE event SET holder='' WHERE event_key=5", "the event 5 has a kind that its change"},
        {"UPDATE event SET holder='' WHERE event_key=15", "event 15 has a kind that its change"},
        {"UPDATE event SET holder='h' WHERE event_key=9", "the event 9 has a kind that its change"},
        {"UPDATE run SET has_terms=0 WHERE id='held'", "has terms that its row contradicts"},
        // A run with terms is never behind its events, not even behind the mark.
        {"UPDATE meta SET value=4 WHERE name='applied';"
         "UPDATE organization SET revision=4, newest_event=4;"
         "UPDATE run SET sequence=1, newest_event=3, attempt=0, updated_at=1000 WHERE id='held';"
         "UPDATE run_term SET state=1, holder='', lease=0 WHERE id='held'",
         "the event 5 is unknown to its run"},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.sql);
        RemoveFiles();
        WriteFile(path_, sound);
        RunSql(path_, row.sql);
        ASSERT_NE(ReadFile(path_), sound);
        std::string found = Check();
        EXPECT_NE(found.find(row.words), std::string::npos) << found;
        if (row.at_start) {
            ExpectRefusedUntouched(STATUS_DATA_LOSS, {"damaged"});
        }
    }
}

// An index that lost a row would hide the run from whoever asks by it.
TEST_F(SqliteLeaseCheck, RowThatAnIndexHasNotIsFound) {
    MakeStore();
    const std::string sound = ReadFile(path_);
    const struct {
        const char *index;
        const char *columns;
    } rows[] = {
        {"term_open", "organization, started_at, id) WHERE state=1"},
        {"term_open_by_workflow", "workflow_key, started_at, id) WHERE state=1"},
        {"term_held", "organization, holder, started_at, id) WHERE state=2"},
        {"term_due", "due_at) WHERE due_at>0"},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.index);
        RemoveFiles();
        WriteFile(path_, sound);
        const std::string sql =
            std::string("CREATE INDEX ") + row.index + " ON run_term(" + row.columns;
        // SQLite fills the index by another condition than its text says afterwards.
        RunSql(path_, std::string("DROP INDEX ") + row.index + ";" + sql + " AND 0;" +
                          "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='" + sql +
                          "' WHERE name='" + row.index + "'; PRAGMA writable_schema=RESET;");
        std::string found = Check();
        EXPECT_NE(found.find(row.index), std::string::npos) << found;
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {"damaged", row.index});
        // And one that is gone is no table of ours.
        RemoveFiles();
        WriteFile(path_, sound);
        RunSql(path_, std::string("DROP INDEX ") + row.index);
        ExpectRefusedUntouched(STATUS_DATA_LOSS, {path_});
    }
}

} // namespace
