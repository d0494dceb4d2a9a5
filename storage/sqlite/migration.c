#include "storage/sqlite/migration.h"

#include <stdio.h>

#include "base/core/clock.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_row.h"
#include "storage/sqlite/run_counts_fill.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/schema.h"

enum { PROGRESS_US = 1000 * 1000, PROGRESS_STEPS = 20000 };

// The page cache meanwhile: rows of runs are written in the order of their creation, and where
// their ids are in no order of time every page of the table may be next.
enum { CACHE_KIB = 256 * 1024 };

// What leads from version i to version i + 1, up to the one before SCHEMA_BASE. Stores of each
// were released: the steps are never changed.
static const char *const steps[SCHEMA_BASE - 1] = {
    NULL,
    // Active runs are few among many finished ones: listing them must not walk past
    // those.
    "CREATE INDEX run_active ON run(organization, started_at, id) WHERE status IN (1, 2);",
    // A run's events are a chain from its newest one: an index of them cost each transition a
    // page of its own.
    "ALTER TABLE run ADD COLUMN newest_event INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN previous_event INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE event ADD COLUMN previous_event INTEGER NOT NULL DEFAULT 0;" // 0: the first
    "UPDATE event SET previous_event=coalesce("
    "  (SELECT p.event_key FROM event AS p INDEXED BY event_by_run"
    "   WHERE p.run_key=event.run_key AND p.sequence=event.sequence-1), 0);"
    "UPDATE run SET newest_event=("
    "  SELECT e.event_key FROM event AS e INDEXED BY event_by_run"
    "  WHERE e.run_key=run.run_key AND e.sequence=run.sequence);"
    "DROP INDEX event_by_run;",
};

struct migration {
    sqlite3 *db;
    const struct logger *log;
    const struct migration_options *options;
    const char *step; // what is being done
    int64_t done;     // of total rows
    int64_t total;
    int64_t start_us;
    int64_t next_us; // when to log
};

static void tell(struct migration *m) {
    int64_t now_us = clock_monotonic_us();
    if (now_us < m->next_us) {
        return;
    }
    m->next_us = now_us + PROGRESS_US;
    LOG(m->log, LOG_INFO, "store is being brought to a newer schema", log_text("step", m->step),
        log_int("rows", m->done), log_int("of_rows", m->total),
        log_int("seconds", (now_us - m->start_us) / 1000000));
    if (m->options->on_step != NULL) {
        m->options->on_step(m->options->context, m->step);
    }
}

// Called by SQLite within statements that take long. 0: go on.
static int on_progress(void *context) {
    tell(context);
    return 0;
}

static void begin_step(struct migration *m, const char *step, int64_t total) {
    m->step = step;
    m->done = 0;
    m->total = total;
}

// The SQL function stored_id(text).
static void stored_id(sqlite3_context *context, int count, sqlite3_value **values) {
    (void)count;
    struct run_id id =
        run_id_of(slice_of(sqlite3_value_text(values[0]), (size_t)sqlite3_value_bytes(values[0])));
    if (id.is_uuid) {
        sqlite3_result_blob(context, id.uuid, UUID_BYTES, SQLITE_TRANSIENT);
    } else {
        sqlite3_result_value(context, values[0]);
    }
}

static int run_steps(struct migration *m, int64_t version) {
    int rc = SQLITE_OK;
    for (; rc == SQLITE_OK && version < SCHEMA_BASE - 1; version++) {
        begin_step(m, "older steps", 0);
        rc = sqlite_run(m->db, steps[version]);
    }
    return rc;
}

// The times of a run's end go: they follow from its status and its newest event.
static int check_ends(sqlite3 *db) {
    int64_t others = 0;
    int rc = sqlite_query_int(db,
                              "SELECT count(*) FROM run WHERE finished_at<>"
                              "CASE WHEN " RUN_ROW_ACTIVE_SQL " THEN 0 ELSE updated_at END",
                              &others);
    return rc == SQLITE_OK && others > 0 ? SQLITE_CORRUPT : rc;
}

static int set_aside(struct migration *m) {
    begin_step(m, "setting the old tables aside", 0);
    int rc = check_ends(m->db);
    if (rc == SQLITE_OK) {
        rc = sqlite_run(m->db, "DROP INDEX run_by_start;"
                               "DROP INDEX run_by_workflow;"
                               "DROP INDEX run_active;"
                               "DROP INDEX run_by_id;"
                               "ALTER TABLE run RENAME TO old_run;"
                               "ALTER TABLE event RENAME TO old_event;");
    }
    if (rc == SQLITE_OK) {
        rc = schema_create_tables(m->db);
    }
    // Before the rows are copied, by statements that name all columns.
    return rc == SQLITE_OK ? schema_add_columns(m->db, SCHEMA_BASE) : rc;
}

// How many keys of old_run one statement copies.
enum { COPY_STEP = 2048 };

static int copy_runs(struct migration *m) {
    int64_t last = 0;
    int rc = sqlite_query_int(m->db, "SELECT coalesce(max(run_key), 0) FROM old_run", &last);
    begin_step(m, "runs", last);
    if (rc == SQLITE_OK) {
        rc = sqlite_run(m->db, "INSERT INTO workflow(organization, id)"
                               " SELECT DISTINCT organization, workflow_id FROM old_run");
    }
    static const char *const sql =
        "INSERT INTO run(organization, id, run_key, workflow_key, status, started_at, updated_at,"
        " sequence, newest_event, attempt, total_cu)"
        " SELECT organization, stored_id(id), run_key,"
        "  (SELECT workflow_key FROM workflow AS w"
        "   WHERE w.organization=r.organization AND w.id=r.workflow_id),"
        "  status, started_at, updated_at, sequence, newest_event, 0, total_cu"
        " FROM old_run AS r WHERE run_key>?1 AND run_key<=?2";
    sqlite3_stmt *s = NULL;
    if (rc == SQLITE_OK) {
        rc = sqlite_prepare_all(m->db, &sql, 1, &s);
    }
    for (; rc == SQLITE_OK && m->done < last; m->done += COPY_STEP) {
        tell(m);
        sqlite3_bind_int64(s, 1, m->done);
        sqlite3_bind_int64(s, 2, m->done + COPY_STEP);
        rc = sqlite_step_once(s);
    }
    sqlite_finalize_all(&s, 1);
    return rc;
}

static const char old_events_sql[] =
    "SELECT e.event_key, r.organization, r.id, e.previous_event, e.sequence, e.from_status,"
    " e.to_status, e.at, e.actor, e.reason FROM old_event AS e"
    " LEFT JOIN old_run AS r ON r.run_key=e.run_key ORDER BY e.event_key";

// Appends the event at s, of old_events_sql, with its own key.
static int append_event(struct arena *a, sqlite3_stmt *s, struct event_row *events) {
    if (sqlite3_column_type(s, 1) == SQLITE_NULL) {
        return SQLITE_CORRUPT; // it has no run
    }
    struct run_record run = {
        .organization = sqlite_column_slice(a, s, 1),
        .sequence = sqlite3_column_int64(s, 4),
        .status = (enum run_status)sqlite3_column_int(s, 6),
        .updated_at_us = sqlite3_column_int64(s, 7),
    };
    struct run_id id = run_id_of(sqlite_column_slice(a, s, 2));
    struct event_cause cause = {
        .actor = sqlite_column_slice(a, s, 8),
        .reason = sqlite_column_slice(a, s, 9),
    };
    struct event_source source = {
        .kind = sqlite3_column_int64(s, 3) == 0 ? STORE_EVENT_CREATION : STORE_EVENT_TRANSITION,
        .id = &id,
        .previous = sqlite3_column_int64(s, 3),
        .from = sqlite3_column_int(s, 5),
        .cause = &cause,
    };
    int64_t revision;
    events->last = sqlite3_column_int64(s, 0) - 1;
    return event_row_append(events, &run, &source, &revision);
}

static int append_events(struct migration *m, struct event_row *events) {
    sqlite3_stmt *s = NULL;
    struct arena row;
    arena_init(&row);
    int rc = sqlite3_prepare_v2(m->db, old_events_sql, -1, &s, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        arena_reset(&row);
        rc = append_event(&row, s, events);
        m->done++;
        tell(m);
    }
    sqlite3_finalize(s);
    arena_release(&row);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_organizations(struct organizations *organizations) {
    int rc = SQLITE_OK;
    organizations_committed(organizations);
    organizations_freeze(organizations);
    const struct organization *o;
    while (rc == SQLITE_OK && (o = organizations_take(organizations)) != NULL) {
        rc = organizations_write(organizations, o);
    }
    return rc;
}

static int copy_events(struct migration *m) {
    int64_t total = 0;
    int rc = sqlite_query_int(m->db, "SELECT count(*) FROM old_event", &total);
    begin_step(m, "events", total);
    struct organizations organizations = {.buckets = NULL};
    struct event_row events = {.insert = NULL};
    if (rc == SQLITE_OK) {
        rc = organizations_init(&organizations, m->db);
    }
    if (rc == SQLITE_OK) {
        rc = event_row_init(&events, m->db, &organizations, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = append_events(m, &events);
    }
    if (rc == SQLITE_OK) {
        rc = write_organizations(&organizations);
    }
    if (rc == SQLITE_OK) {
        rc = schema_write_applied(m->db, events.last);
    }
    event_row_release(&events);
    organizations_release(&organizations);
    return rc;
}

static int drop_old(struct migration *m) {
    begin_step(m, "dropping the old tables", 0);
    return sqlite_run(m->db, "DROP TABLE old_run; DROP TABLE old_event;");
}

static int fill_counts(struct migration *m) {
    begin_step(m, "counting the runs", 0);
    return run_counts_fill(m->db);
}

static int run_all(struct migration *m, int64_t version) {
    int rc = SQLITE_OK;
    if (version < SCHEMA_BASE) {
        rc = run_steps(m, version);
        int (*const parts[])(struct migration *) = {set_aside, copy_runs, copy_events, drop_old};
        for (size_t i = 0; rc == SQLITE_OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
            rc = parts[i](m);
        }
        uint64_t epoch;
        if (rc == SQLITE_OK) {
            rc = schema_renew_epoch(m->db, &epoch);
        }
    }
    if (rc == SQLITE_OK && version >= SCHEMA_BASE) {
        rc = schema_add_columns(m->db, (int)version);
    }
    if (rc == SQLITE_OK && version < SCHEMA_JOBS) {
        rc = fill_counts(m);
    }
    return rc == SQLITE_OK ? schema_write_version(m->db) : rc;
}

// Looks at what came of it: a damaged store is to be left as the program before left it.
static int check(struct migration *m, struct arena *a, bool is_whole,
                 struct store_problems *ret_problems) {
    begin_step(m, "checking", 0);
    return is_whole ? store_check_all(m->db, a, ret_problems)
                    : store_check_sample(m->db, a, ret_problems);
}

static int run_in_transaction(struct migration *m, struct arena *a, int64_t version, bool is_whole,
                              struct store_problems *ret_problems) {
    int rc = sqlite_run(m->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = run_all(m, version);
    }
    if (rc == SQLITE_OK) {
        rc = check(m, a, is_whole, ret_problems);
    }
    if (rc == SQLITE_OK && ret_problems->count > 0) {
        return sqlite_run(m->db, "ROLLBACK");
    }
    if (rc == SQLITE_OK) {
        begin_step(m, "committing", 0);
        rc = sqlite_run(m->db, "COMMIT");
    }
    return rc;
}

static int set_cache(sqlite3 *db, int64_t size) {
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA cache_size=%lld", (long long)size);
    return sqlite_run(db, sql);
}

const struct error *migration_run(struct arena *a, sqlite3 *db, const char *path, int64_t version,
                                  const struct migration_options *options,
                                  struct store_problems *ret_problems) {
    *ret_problems = (struct store_problems){.count = 0};
    int64_t now_us = clock_monotonic_us();
    const struct logger *log = options->log;
    struct migration m = {
        .db = db,
        .log = log,
        .options = options,
        .step = "",
        .start_us = now_us,
        .next_us = now_us + PROGRESS_US,
    };
    LOG(log, LOG_INFO, "store is being brought to a newer schema", log_int("from", version),
        log_int("to", SCHEMA_VERSION));
    int rc = sqlite3_create_function(db, "stored_id", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                     stored_id, NULL, NULL);
    int64_t usual_cache = 0;
    if (rc == SQLITE_OK) {
        rc = sqlite_query_int(db, "PRAGMA cache_size", &usual_cache);
    }
    if (rc == SQLITE_OK) {
        sqlite3_progress_handler(db, PROGRESS_STEPS, on_progress, &m);
        rc = set_cache(db, -CACHE_KIB);
        if (rc == SQLITE_OK) {
            rc = run_in_transaction(&m, a, version, options->is_whole, ret_problems);
        }
        sqlite3_progress_handler(db, 0, NULL, NULL);
    }
    const struct error *e = NULL;
    if (rc != SQLITE_OK) {
        e = sqlite_error(a, db, rc, path, "bringing its schema to this program's version");
        sqlite_run(db, "ROLLBACK");
    }
    set_cache(db, usual_cache);
    sqlite3_create_function(db, "stored_id", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
    if (e == NULL && ret_problems->count == 0) {
        LOG(log, LOG_INFO, "store was brought to a newer schema",
            log_int("milliseconds", (clock_monotonic_us() - now_us) / 1000));
    }
    return e;
}
