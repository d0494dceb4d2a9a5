#include "storage/sqlite/run_counts_fill.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/row_status.h"
#include "storage/sqlite/run_counts.h"
#include "storage/sqlite/schema.h"

// The runs as their rows are, in the order of the table: to group them would sort them all.
static const char runs_sql[] = "SELECT workflow_key, 0, status FROM run";

// What the rows do not have yet.
static const char events_sql[] =
    "SELECT r.workflow_key, e.from_status, e.to_status FROM event AS e CROSS JOIN run AS r"
    " ON r.organization=e.organization AND r.id=e.id"
    " WHERE e.event_key>(SELECT value FROM meta WHERE name='applied') AND e.sequence>r.sequence";

// Organizations are counted by the events of their rows, so these have to have all of them.
static const char organizations_sql[] =
    "INSERT INTO organization(name, revision, newest_event)"
    " SELECT organization, max(revision), max(event_key) FROM event"
    " WHERE event_key>(SELECT value FROM meta WHERE name='applied') GROUP BY organization"
    " ON CONFLICT(name) DO UPDATE SET revision=excluded.revision,"
    " newest_event=excluded.newest_event WHERE excluded.newest_event>newest_event;"
    "UPDATE organization SET running=c.running, waiting=c.waiting, success=c.success,"
    " failure=c.failure, cancelled=c.cancelled FROM (SELECT w.organization AS organization,"
    "  sum(running) AS running, sum(waiting) AS waiting, sum(success) AS success,"
    "  sum(failure) AS failure, sum(cancelled) AS cancelled FROM run_count CROSS JOIN workflow AS w"
    "  USING(workflow_key) GROUP BY w.organization) AS c WHERE c.organization=organization.name;";

// Counts what each row of query, of a workflow and two statuses, tells.
static int count_all(sqlite3 *db, const char *query, int64_t newest_event,
                     struct run_counts *counts) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, query, -1, &s, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        int from = sqlite3_column_int(s, 1);
        int to = sqlite3_column_int(s, 2);
        bool is_sound = run_row_status_is_sound(to) && (from == 0 || run_row_status_is_sound(from));
        rc = is_sound ? run_counts_note(counts, sqlite3_column_int64(s, 0), newest_event, from, to)
                      : SQLITE_CORRUPT;
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_all(struct run_counts *counts) {
    int rc = SQLITE_OK;
    run_counts_committed(counts);
    run_counts_freeze(counts);
    const struct run_count *c;
    while (rc == SQLITE_OK && (c = run_counts_take(counts)) != NULL) {
        rc = run_counts_write(counts, c);
    }
    return rc;
}

int run_counts_fill(sqlite3 *db) {
    int64_t newest_event = 0;
    struct run_counts counts = {.buckets = NULL};
    int rc = schema_newest_event(db, &newest_event);
    if (rc == SQLITE_OK) {
        rc = run_counts_init(&counts, db);
    }
    if (rc == SQLITE_OK) {
        rc = count_all(db, runs_sql, newest_event, &counts);
    }
    if (rc == SQLITE_OK) {
        rc = count_all(db, events_sql, newest_event, &counts);
    }
    if (rc == SQLITE_OK) {
        rc = write_all(&counts);
    }
    run_counts_release(&counts);
    return rc == SQLITE_OK ? sqlite_run(db, organizations_sql) : rc;
}
