#include "storage/sqlite/store_check.h"

#include <stdbool.h>
#include <string.h>

#include "base/core/clock.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/schema.h"

// How much of a large store is looked at. A page that another moment left is most
// likely one of those written last, whose events are the newest.
enum {
    EVENTS_MIN = 200,
    EVENTS_MAX = 20000,
    RUNS_MIN = 100,
    RUNS_MAX = 5000,
    EVENTS_US = 400 * 1000,
    RUNS_US = 200 * 1000,
};

// What is wrong with the row r of run by itself, or NULL.
#define RUN_PROBLEM                                                                                \
    " WHEN NOT r." RUN_ROW_SOUND_SQL " THEN 'has an impossible status'"                            \
    " WHEN (r." RUN_ROW_ACTIVE_SQL ")<>(r.finished_at=0)"                                          \
    "   THEN 'has a status that the time of its end contradicts'"                                  \
    " WHEN NOT EXISTS(SELECT 1 FROM run_body AS b WHERE b.run_key=r.run_key)"                      \
    "   THEN 'has no body'"                                                                        \
    " WHEN NOT EXISTS(SELECT 1 FROM event AS e WHERE e.event_key=r.newest_event)"                  \
    "   THEN 'has lost its newest event'"                                                          \
    " WHEN NOT EXISTS(SELECT 1 FROM event AS e WHERE e.event_key=r.newest_event"                   \
    "   AND e.run_key=r.run_key AND e.sequence=r.sequence AND e.to_status=r.status"                \
    "   AND e.at=r.updated_at)"                                                                    \
    "   THEN 'has a status that its newest event contradicts'"

#define NOT_IN_INDEX(index, where)                                                                 \
    " WHEN NOT EXISTS(SELECT 1 FROM run AS i INDEXED BY " index                                    \
    " WHERE i.organization=r.organization AND i.id=r.id AND i.run_key=r.run_key" where             \
    ") THEN 'is missing in the index " index "'"

#define NOT_IN_INDEXES                                                                             \
    NOT_IN_INDEX("run_by_id", "")                                                                  \
    NOT_IN_INDEX("run_by_start", " AND i.started_at=r.started_at")                                 \
    NOT_IN_INDEX("run_by_workflow",                                                                \
                 " AND i.started_at=r.started_at AND i.workflow_id=r.workflow_id")                 \
    " WHEN r." RUN_ROW_ACTIVE_SQL " AND NOT EXISTS(SELECT 1 FROM run AS i INDEXED BY run_active"   \
    "   WHERE i.organization=r.organization AND i.started_at=r.started_at AND i.id=r.id"           \
    "   AND i." RUN_ROW_ACTIVE_SQL " AND i.run_key=r.run_key)"                                     \
    "   THEN 'is missing in the index run_active'"

// ?1 the run.
static const char run_sql[] =
    "SELECT r.organization, r.id, r.started_at, CASE" RUN_PROBLEM NOT_IN_INDEXES
    " END FROM run AS r WHERE r.run_key=?1";

// What is wrong with the event e, whose previous one is p and whose run is r.
#define EVENT_PROBLEM                                                                              \
    "CASE WHEN r.run_key IS NULL THEN 'has no run'"                                                \
    " WHEN e.sequence>r.sequence OR e.event_key>r.newest_event"                                    \
    "   OR (e.event_key=r.newest_event)<>(e.sequence=r.sequence) THEN 'is unknown to its run'"     \
    " WHEN (e.previous_event=0)<>(e.sequence=1) OR (e.previous_event=0)<>(e.from_status=0)"        \
    "   THEN 'has a sequence that its chain contradicts'"                                          \
    " WHEN e.previous_event<>0 AND (p.event_key IS NULL OR p.event_key>=e.event_key"               \
    "   OR p.run_key<>e.run_key OR p.sequence<>e.sequence-1 OR p.to_status<>e.from_status)"        \
    "   THEN 'does not follow the event before it' END"

#define EVENT_FROM                                                                                 \
    " FROM event AS e LEFT JOIN run AS r ON r.run_key=e.run_key"                                   \
    " LEFT JOIN event AS p ON p.event_key=e.previous_event"

static const char events_sql[] =
    "SELECT e.run_key, e.event_key, " EVENT_PROBLEM EVENT_FROM " ORDER BY e.event_key DESC";

// The events of the run ?1, from its newest back.
static const char chain_sql[] =
    "WITH RECURSIVE chain(event_key, nth) AS ("
    "  SELECT newest_event, 1 FROM run WHERE run_key=?1"
    "  UNION ALL SELECT c.previous_event, nth+1 FROM chain CROSS JOIN event AS c"
    "   WHERE c.event_key=chain.event_key AND c.previous_event<>0 AND nth<16)"
    " SELECT problem FROM (SELECT CASE WHEN e.event_key IS NULL THEN 'misses an event of its chain'"
    "  WHEN e.run_key<>?1 THEN 'has an event of another run in its chain' ELSE " EVENT_PROBLEM
    "  END AS problem"
    "  FROM chain LEFT JOIN event AS e ON e.event_key=chain.event_key"
    "  LEFT JOIN run AS r ON r.run_key=e.run_key"
    "  LEFT JOIN event AS p ON p.event_key=e.previous_event) WHERE problem IS NOT NULL LIMIT 1";

// Entries of the index from that of a run (?1 organization, ?2 id, ?3 started_at) on
// which lead to no row, or to another one's.
static const char by_id_sql[] =
    "SELECT count(*) FROM (SELECT run_key, organization, id FROM run INDEXED BY run_by_id"
    " WHERE organization=?1 AND id>=?2 ORDER BY id LIMIT 4) AS i"
    " LEFT JOIN run AS r ON r.run_key=i.run_key"
    " WHERE r.run_key IS NULL OR r.organization<>i.organization OR r.id<>i.id OR ?3 IS NULL";
static const char by_start_sql[] =
    "SELECT count(*) FROM (SELECT run_key, started_at, id FROM run INDEXED BY run_by_start"
    " WHERE organization=?1 AND (started_at, id)>=(?3, ?2) ORDER BY started_at, id LIMIT 4) AS i"
    " LEFT JOIN run AS r ON r.run_key=i.run_key"
    " WHERE r.run_key IS NULL OR r.started_at<>i.started_at OR r.id<>i.id";

static const char next_run_sql[] =
    "SELECT run_key FROM run WHERE run_key>=?1 ORDER BY run_key LIMIT 1";

enum statement { RUN, EVENTS, CHAIN, BY_ID, BY_START, NEXT_RUN, STATEMENT_COUNT };

static const char *const sql[STATEMENT_COUNT] = {
    [RUN] = run_sql,     [EVENTS] = events_sql,     [CHAIN] = chain_sql,
    [BY_ID] = by_id_sql, [BY_START] = by_start_sql, [NEXT_RUN] = next_run_sql,
};

struct check {
    sqlite3 *db;
    struct arena *arena;
    struct store_problems *problems;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

static void add(struct check *c, const char *text) {
    if (c->problems->count < STORE_PROBLEMS_MAX) {
        c->problems->text[c->problems->count++] = text;
    }
}

static bool is_enough(const struct check *c) {
    return c->problems->count > 0;
}

// Damage that SQLite finds is a problem; what else goes wrong is not.
static int take_damage(struct check *c, int rc) {
    if ((rc & 0xFF) != SQLITE_CORRUPT && (rc & 0xFF) != SQLITE_NOTADB) {
        return rc;
    }
    add(c, sqlite_failure_text(c->arena, c->db, rc, "reading"));
    return SQLITE_OK;
}

static void add_about_run(struct check *c, int64_t run_key, const char *what) {
    sqlite3_stmt *s = c->statements[RUN];
    add(c, arena_printf(c->arena, "the run \"%s\" of \"%s\" (row %lld) %s",
                        (const char *)sqlite3_column_text(s, 1),
                        (const char *)sqlite3_column_text(s, 0), (long long)run_key, what));
}

static const char *column(sqlite3_stmt *s, int index) {
    return (const char *)sqlite3_column_text(s, index);
}

// Steps s for one row. What it says is wrong, or NULL, is in *ret.
static int problem_of(sqlite3_stmt *s, const char **ret) {
    int rc = sqlite3_step(s);
    *ret = rc == SQLITE_ROW ? column(s, 0) : NULL;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int check_chain(struct check *c, int64_t run_key) {
    sqlite3_stmt *s = c->statements[CHAIN];
    sqlite3_bind_int64(s, 1, run_key);
    const char *what;
    int rc = problem_of(s, &what);
    if (what != NULL) {
        add_about_run(c, run_key, what);
    }
    sqlite3_reset(s);
    return rc;
}

// From the index back to the rows, beginning with that of RUN's row.
static int check_index(struct check *c, enum statement which, int64_t run_key, const char *name) {
    sqlite3_stmt *run = c->statements[RUN];
    sqlite3_stmt *s = c->statements[which];
    sqlite3_bind_value(s, 1, sqlite3_column_value(run, 0));
    sqlite3_bind_value(s, 2, sqlite3_column_value(run, 1));
    sqlite3_bind_value(s, 3, sqlite3_column_value(run, 2));
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && sqlite3_column_int64(s, 0) > 0) {
        add_about_run(c, run_key,
                      arena_printf(c->arena, "has neighbours in the index %s without a row", name));
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int check_run(struct check *c, int64_t run_key) {
    sqlite3_stmt *s = c->statements[RUN];
    sqlite3_bind_int64(s, 1, run_key);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        const char *what = column(s, 3);
        rc = SQLITE_OK;
        if (what != NULL) {
            add_about_run(c, run_key, what);
        } else {
            rc = check_chain(c, run_key);
            rc = rc == SQLITE_OK ? check_index(c, BY_ID, run_key, "run_by_id") : rc;
            rc = rc == SQLITE_OK ? check_index(c, BY_START, run_key, "run_by_start") : rc;
        }
    } else if (rc == SQLITE_DONE) {
        add(c, arena_printf(c->arena, "the run of row %lld cannot be found again",
                            (long long)run_key));
        rc = SQLITE_OK;
    }
    sqlite3_reset(s);
    return rc;
}

static int check_newest_events(struct check *c) {
    sqlite3_stmt *s = c->statements[EVENTS];
    int64_t end_us = clock_monotonic_us() + EVENTS_US;
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && !is_enough(c) && i < EVENTS_MAX &&
                    (i < EVENTS_MIN || clock_monotonic_us() < end_us);
         i++) {
        rc = sqlite3_step(s);
        if (rc != SQLITE_ROW) {
            rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
            break;
        }
        const char *what = column(s, 2);
        rc = SQLITE_OK;
        if (what != NULL) {
            add(c, arena_printf(c->arena, "the event %lld %s",
                                (long long)sqlite3_column_int64(s, 1), what));
        } else {
            rc = check_run(c, sqlite3_column_int64(s, 0));
        }
    }
    sqlite3_reset(s);
    return rc;
}

// Rows at random if there are more than are looked at, else one after the other.
static int check_runs(struct check *c, int64_t first, int64_t last) {
    sqlite3_stmt *s = c->statements[NEXT_RUN];
    int64_t end_us = clock_monotonic_us() + RUNS_US;
    bool all = last - first < RUNS_MAX;
    int64_t at = first;
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && !is_enough(c) && at <= last && i < RUNS_MAX &&
                    (i < RUNS_MIN || clock_monotonic_us() < end_us);
         i++) {
        if (!all) {
            uint64_t random;
            sqlite3_randomness(sizeof(random), &random);
            at = first + (int64_t)(random % ((uint64_t)(last - first) + 1));
        }
        sqlite3_bind_int64(s, 1, at);
        rc = sqlite3_step(s);
        int64_t run_key = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : last;
        bool found = rc == SQLITE_ROW;
        sqlite3_reset(s);
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
        if (rc == SQLITE_OK && found) {
            rc = check_run(c, run_key);
        }
        at = run_key + 1;
        at = all ? at : first;
    }
    return rc;
}

// Every row of run has one of run_body with its key, and both have no others.
static int check_ends(struct check *c, int64_t *ret_first, int64_t *ret_last) {
    int64_t body_first = 0;
    int64_t body_last = 0;
    int64_t events = 0;
    *ret_first = 0;
    *ret_last = 0;
    const struct {
        const char *query;
        int64_t *ret;
    } rows[] = {
        {"SELECT coalesce(min(run_key), 0) FROM run", ret_first},
        {"SELECT coalesce(max(run_key), -1) FROM run", ret_last},
        {"SELECT coalesce(min(run_key), 0) FROM run_body", &body_first},
        {"SELECT coalesce(max(run_key), -1) FROM run_body", &body_last},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = sqlite_query_int(c->db, rows[i].query, rows[i].ret);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    int rc = schema_newest_event(c->db, &events);
    if (rc != SQLITE_OK) {
        return rc;
    }
    if (*ret_first != body_first || *ret_last != body_last) {
        add(c, "the first or the last run and body are not each other's");
    }
    if ((events > 0) != (*ret_last >= *ret_first)) {
        add(c, "there are runs without events, or events without runs");
    }
    return SQLITE_OK;
}

static int run_sample(struct check *c) {
    int64_t first;
    int64_t last;
    int rc = check_ends(c, &first, &last);
    if (rc == SQLITE_OK) {
        rc = check_newest_events(c);
    }
    return rc == SQLITE_OK ? check_runs(c, first, last) : rc;
}

int store_check_sample(sqlite3 *db, struct arena *a, struct store_problems *ret) {
    *ret = (struct store_problems){.count = 0};
    struct check c = {.db = db, .arena = a, .problems = ret};
    int rc = sqlite_prepare_all(db, sql, STATEMENT_COUNT, c.statements);
    if (rc == SQLITE_OK) {
        rc = run_sample(&c);
    }
    rc = take_damage(&c, rc);
    sqlite_finalize_all(c.statements, STATEMENT_COUNT);
    return rc;
}

// Each row that query returns is a problem.
static int check_query(struct check *c, const char *query) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(c->db, query, -1, &s, NULL);
    while (rc == SQLITE_OK && c->problems->count < STORE_PROBLEMS_MAX &&
           (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *text = column(s, 0);
        if (strcmp(text, "ok") != 0) { // of integrity_check
            add(c, arena_printf(c->arena, "%s", text));
        }
        rc = SQLITE_OK;
    }
    rc = rc == SQLITE_DONE ? SQLITE_OK : take_damage(c, rc);
    sqlite3_finalize(s);
    return rc;
}

int store_check_all(sqlite3 *db, struct arena *a, struct store_problems *ret) {
    // integrity_check compares the indexes with their tables.
    static const char *const queries[] = {
        "PRAGMA integrity_check(20)",
        "SELECT 'the run \"'||id||'\" of \"'||organization||'\" '||problem FROM"
        " (SELECT id, organization, CASE" RUN_PROBLEM " END AS problem FROM run AS r)"
        " WHERE problem IS NOT NULL LIMIT 20",
        "SELECT 'the event '||event_key||' '||problem FROM"
        " (SELECT e.event_key AS event_key, " EVENT_PROBLEM " AS problem" EVENT_FROM ")"
        " WHERE problem IS NOT NULL LIMIT 20",
        "SELECT 'there are '||events||' events, but the runs have '||told FROM"
        " (SELECT (SELECT count(*) FROM event) AS events,"
        "  (SELECT coalesce(sum(sequence), 0) FROM run) AS told) WHERE events<>told",
        "SELECT 'there are '||runs||' runs and '||bodies||' bodies' FROM"
        " (SELECT (SELECT count(*) FROM run) AS runs,"
        "  (SELECT count(*) FROM run_body) AS bodies) WHERE runs<>bodies",
    };
    *ret = (struct store_problems){.count = 0};
    struct check c = {.db = db, .arena = a, .problems = ret};
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        int rc = check_query(&c, queries[i]);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    return SQLITE_OK;
}
