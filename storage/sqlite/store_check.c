#include "storage/sqlite/store_check.h"

#include <stdbool.h>
#include <string.h>

#include "base/core/clock.h"
#include "storage/sqlite/bulk_check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/count_check.h"
#include "storage/sqlite/event_row.h"
#include "storage/sqlite/key_check.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/schema_tenants.h"
#include "storage/sqlite/stored_bytes.h"
#include "storage/sqlite/term_check.h"

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

// The event up to which rows are up to date: behind it a row may be behind its events.
#define APPLIED "(SELECT value FROM meta WHERE name='applied')"

// What is wrong with the row r of run by itself, or NULL.
#define RUN_PROBLEM                                                                                \
    " WHEN NOT r." RUN_ROW_SOUND_SQL " THEN 'has an impossible status'"                            \
    " WHEN NOT EXISTS(SELECT 1 FROM run_body AS b WHERE b.run_key=r.run_key)"                      \
    "   THEN 'has no body'"                                                                        \
    " WHEN NOT EXISTS(SELECT 1 FROM workflow AS w WHERE w.workflow_key=r.workflow_key"             \
    "   AND w.organization=r.organization) THEN 'has no workflow'"                                 \
    " WHEN NOT EXISTS(SELECT 1 FROM event AS e WHERE e.event_key=r.newest_event)"                  \
    "   THEN 'has lost its newest event'"                                                          \
    " WHEN NOT EXISTS(SELECT 1 FROM event AS e WHERE e.event_key=r.newest_event"                   \
    "   AND e.organization=r.organization AND e.id=r.id AND e.sequence=r.sequence"                 \
    "   AND e.to_status=r.status AND (e.at=r.updated_at OR (e.kind=6 AND e.at>r.updated_at)))"     \
    "   THEN 'has a status that its newest event contradicts'"                                     \
    " WHEN NOT EXISTS(SELECT 1 FROM event AS e WHERE e.event_key=r.newest_event"                   \
    "   AND e.attempt=r.attempt) THEN 'has an attempt that its newest event "                      \
    "contradicts'" TERM_FLAG_PROBLEM

// What is wrong with the row t of token, or NULL.
#define TOKEN_PROBLEM                                                                              \
    " WHEN length(t.hash)<>32 OR typeof(t.hash)<>'blob' THEN 'has no hash of a secret'"            \
    " WHEN t.rotations<0 OR t.rotated_at<0 OR t.last_used_at<0 OR t.previous_last_used_at<0"       \
    "   OR t.denials<0 OR t.refusals<0 THEN 'has a negative number'"                               \
    " WHEN (t.rotations=0)<>(t.previous_hash IS NULL) OR (t.rotations=0)<>(t.rotated_at=0)"        \
    "   OR (t.rotations=0)<>(t.previous_expires_at=0)"                                             \
    "   THEN 'has rotations that its secrets contradict'"                                          \
    " WHEN t.rotations>0 AND (length(t.previous_hash)<>32 OR typeof(t.previous_hash)<>'blob')"     \
    "   THEN 'has no hash of the secret before its newest'"                                        \
    " WHEN EXISTS(SELECT 1 FROM token AS o WHERE o.previous_hash=t.hash)"                          \
    "   THEN 'has a secret that another rotation replaced'"                                        \
    " WHEN typeof(t.client_san)<>'text' OR (t.client_san<>'' AND t.client_san NOT GLOB 'uri:?*'"   \
    "   AND t.client_san NOT GLOB 'dns:?*') THEN 'has a client name that is none'" /* One that is  \
                                                                                      revoked,     \
                                                                                      expired or   \
                                                                                      got a secret \
                                                                                      from an      \
                                                                                      older        \
                                                                                      program has  \
                                                                                      it no more.  \
                                                                                    */             \
    " WHEN t." TOKEN_ROW_CLIENT_SQL " AND t.revoked_at=0 AND t.rotations=0"                        \
    "   AND EXISTS(SELECT 1 FROM token AS o WHERE o.client_san=t.client_san"                       \
    "     AND o." TOKEN_ROW_CLIENT_SQL " AND o.token_key>t.token_key AND o.rotations=0"            \
    "     AND o.revoked_at=0 AND (t.expires_at=0 OR t.expires_at>o.created_at))"                   \
    "   THEN 'has a client name that a later token has, too'"                                      \
    " WHEN t.limit_reads<-1 OR t.limit_changes<-1 OR t.limit_bytes<-1 OR t.limit_streams<-1"       \
    "   THEN 'has a limit that is none'"

#define NOT_IN_INDEX(index, where)                                                                 \
    " WHEN NOT EXISTS(SELECT 1 FROM run AS i INDEXED BY " index                                    \
    " WHERE i.organization=r.organization AND i.id=r.id AND i.started_at=r.started_at" where       \
    ") THEN 'is missing in the index " index "'"

#define NOT_IN_INDEXES                                                                             \
    NOT_IN_INDEX("run_by_start", "")                                                               \
    NOT_IN_INDEX("run_by_workflow", " AND i.workflow_key=r.workflow_key")                          \
    " WHEN r." RUN_ROW_ACTIVE_SQL " AND NOT EXISTS(SELECT 1 FROM run AS i INDEXED BY run_active"   \
    "   WHERE i.organization=r.organization AND i.started_at=r.started_at AND i.id=r.id"           \
    "   AND i." RUN_ROW_ACTIVE_SQL ")"                                                             \
    "   THEN 'is missing in the index run_active'"

// ?1 and ?2 the run.
static const char run_sql[] = "SELECT r.organization, " RUN_ID_TEXT_SQL(
    "r.id") ", r.started_at, CASE" RUN_PROBLEM NOT_IN_INDEXES TERM_PROBLEM
            " END FROM run AS r WHERE r.organization=?1 AND r.id=?2";

// Up to which revision events of the organization of e may be missing: they went with their runs.
#define FLOOR                                                                                      \
    "coalesce((SELECT o.floor_revision FROM organization AS o WHERE o.name=e.organization), 0)"

// What is wrong with the event e of a deletion, or NULL. The events before it went with its run;
// there may be a later run of the same id, which is r then.
#define DELETION_PROBLEM                                                                           \
    " WHEN e.kind=7 AND (r.run_key<=e.event_key OR p.event_key IS NOT NULL OR e.sequence<2"        \
    "   OR e.previous_of_run=0 OR e.from_status<>e.to_status OR e.to_status IN (1, 2)"             \
    "   OR NOT EXISTS(SELECT 1 FROM deletion AS d WHERE d.event_key=e.event_key"                   \
    "   AND d.organization=e.organization AND d.id=e.id))"                                         \
    "   THEN 'tells of a deletion that the store contradicts'"

// What is wrong with the event e of the run r, before which p was its run's.
#define RUN_EVENT_PROBLEM                                                                          \
    " WHEN e.kind<>7 AND r.run_key IS NULL THEN 'has no run'"                                      \
    " WHEN e.kind<>7 AND ((e.sequence>r.sequence"                                                  \
    "     AND (e.event_key<=" APPLIED " OR r.has_terms<>0))"                                       \
    "   OR (e.event_key<=r.newest_event)<>(e.sequence<=r.sequence)"                                \
    "   OR (e.event_key=r.newest_event)<>(e.sequence=r.sequence)) THEN 'is unknown to its run'"    \
    " WHEN (e.previous_of_run=0)<>(e.sequence=1) OR (e.previous_of_run=0)<>(e.from_status=0)"      \
    "   OR (e.previous_of_run=0)<>(e.kind=1) THEN 'has a sequence that its chain contradicts'"     \
    " WHEN e.kind<>7 AND e.previous_of_run<>0"                                                     \
    "   AND (p.event_key IS NULL OR p.event_key>=e.event_key"                                      \
    "   OR p.organization<>e.organization OR p.id<>e.id OR p.sequence<>e.sequence-1"               \
    "   OR p.to_status<>e.from_status) THEN 'does not follow the event before it'"

// What is wrong with the event e, whose run is r, and before which p was its run's and q its
// organization's.
#define EVENT_PROBLEM                                                                              \
    "CASE" DELETION_PROBLEM RUN_EVENT_PROBLEM                                                      \
    " WHEN (e.previous_of_organization=0)<>(e.revision=1)"                                         \
    "   OR (e.previous_of_organization<>0 AND CASE WHEN q.event_key IS NULL"                       \
    "     THEN e.revision-1>" FLOOR " ELSE q.event_key>=e.event_key"                               \
    "     OR q.organization<>e.organization OR q.revision<>e.revision-1 END)"                      \
    "   THEN 'has a revision that does not follow the one before it'" TERM_EVENT_PROBLEM           \
    KEY_EVENT_PROBLEM(APPLIED)

// Whether the organization o has its newest event n, or had it: up to the floor it may have gone.
#define ORGANIZATION_HAS_NEWEST                                                                    \
    "CASE WHEN n.event_key IS NULL THEN o.revision<=o.floor_revision"                              \
    " ELSE n.organization=o.name AND n.revision=o.revision END"

// An organization whose row has lost events would give their revisions again.
#define ORGANIZATION_PROBLEM                                                                       \
    " WHEN e.event_key<=" APPLIED " AND NOT EXISTS(SELECT 1 FROM organization AS o"                \
    "   LEFT JOIN event AS n ON n.event_key=o.newest_event WHERE o.name=e.organization"            \
    "   AND o.revision>=e.revision AND " ORGANIZATION_HAS_NEWEST ")"                               \
    "   THEN 'is unknown to its organization'"

#define EVENT_FROM                                                                                 \
    " FROM event AS e LEFT JOIN run AS r ON r.organization=e.organization AND r.id=e.id"           \
    " LEFT JOIN event AS p ON p.event_key=e.previous_of_run"                                       \
    " LEFT JOIN event AS q ON q.event_key=e.previous_of_organization"

static const char events_sql[] =
    "SELECT e.organization, e.id, e.event_key, " EVENT_PROBLEM ORGANIZATION_PROBLEM
    " END, e.kind" EVENT_FROM " ORDER BY e.event_key DESC";

// The events of the run ?1, ?2, from the one of its row back.
static const char chain_sql[] =
    "WITH RECURSIVE chain(event_key, nth) AS ("
    "  SELECT newest_event, 1 FROM run WHERE organization=?1 AND id=?2"
    "  UNION ALL SELECT c.previous_of_run, nth+1 FROM chain CROSS JOIN event AS c"
    "   WHERE c.event_key=chain.event_key AND c.previous_of_run<>0 AND nth<16)"
    " SELECT problem FROM (SELECT CASE WHEN e.event_key IS NULL THEN 'misses an event of its chain'"
    "  WHEN e.organization<>?1 OR e.id<>?2 THEN 'has an event of another run in its chain'"
    "  ELSE " EVENT_PROBLEM " END END AS problem"
    "  FROM chain LEFT JOIN event AS e ON e.event_key=chain.event_key"
    "  LEFT JOIN run AS r ON r.organization=e.organization AND r.id=e.id"
    "  LEFT JOIN event AS p ON p.event_key=e.previous_of_run"
    "  LEFT JOIN event AS q ON q.event_key=e.previous_of_organization)"
    " WHERE problem IS NOT NULL LIMIT 1";

// Entries of the index from that of a run (?1 organization, ?2 id, ?3 started_at) on
// which lead to no row, or to another one's.
static const char by_start_sql[] =
    "SELECT count(*) FROM (SELECT started_at, id FROM run INDEXED BY run_by_start"
    " WHERE organization=?1 AND (started_at, id)>=(?3, ?2) ORDER BY started_at, id LIMIT 4) AS i"
    " LEFT JOIN run AS r ON r.organization=?1 AND r.id=i.id"
    " WHERE r.run_key IS NULL OR r.started_at<>i.started_at";

static const char all_runs_sql[] = "SELECT organization, id FROM run ORDER BY organization, id";

static const char run_of_event_sql[] =
    "SELECT organization, id, kind FROM event WHERE event_key>=?1 ORDER BY event_key LIMIT 1";

enum statement { RUN, EVENTS, CHAIN, BY_START, ALL_RUNS, RUN_OF_EVENT, STATEMENT_COUNT };

static const char *const sql[STATEMENT_COUNT] = {
    [RUN] = run_sql,           [EVENTS] = events_sql,     [CHAIN] = chain_sql,
    [BY_START] = by_start_sql, [ALL_RUNS] = all_runs_sql, [RUN_OF_EVENT] = run_of_event_sql,
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

static void add_about_run(struct check *c, const char *what) {
    sqlite3_stmt *s = c->statements[RUN];
    add(c, arena_printf(c->arena, "the run \"%s\" of \"%s\" %s",
                        (const char *)sqlite3_column_text(s, 1),
                        (const char *)sqlite3_column_text(s, 0), what));
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

// Binds the run that the first two columns of from name.
static void bind_run(sqlite3_stmt *s, sqlite3_stmt *from) {
    sqlite3_bind_value(s, 1, sqlite3_column_value(from, 0));
    sqlite3_bind_value(s, 2, sqlite3_column_value(from, 1));
}

static int check_chain(struct check *c, sqlite3_stmt *from) {
    sqlite3_stmt *s = c->statements[CHAIN];
    bind_run(s, from);
    const char *what;
    int rc = problem_of(s, &what);
    if (what != NULL) {
        add_about_run(c, what);
    }
    sqlite3_reset(s);
    return rc;
}

// From the index back to the rows, beginning with that of RUN's row.
static int check_index(struct check *c, sqlite3_stmt *from) {
    sqlite3_stmt *s = c->statements[BY_START];
    bind_run(s, from);
    sqlite3_bind_value(s, 3, sqlite3_column_value(c->statements[RUN], 2));
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && sqlite3_column_int64(s, 0) > 0) {
        add_about_run(c, "has neighbours in the index run_by_start without a row");
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Checks the run that the first two columns of from name.
static int check_run(struct check *c, sqlite3_stmt *from) {
    sqlite3_stmt *s = c->statements[RUN];
    bind_run(s, from);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        const char *what = column(s, 3);
        rc = SQLITE_OK;
        if (what != NULL) {
            add_about_run(c, what);
        } else {
            rc = check_chain(c, from);
            rc = rc == SQLITE_OK ? check_index(c, from) : rc;
        }
    } else if (rc == SQLITE_DONE) {
        add(c, arena_printf(c->arena, "a run of \"%s\" cannot be found again", column(from, 0)));
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
        const char *what = column(s, 3);
        rc = SQLITE_OK;
        if (what != NULL) {
            add(c, arena_printf(c->arena, "the event %lld %s",
                                (long long)sqlite3_column_int64(s, 2), what));
        } else if (sqlite3_column_int(s, 4) != STORE_EVENT_DELETION) { // which has no run
            rc = check_run(c, s);
        }
    }
    sqlite3_reset(s);
    return rc;
}

static bool has_time(int i, int64_t end_us) {
    return i < RUNS_MAX && (i < RUNS_MIN || clock_monotonic_us() < end_us);
}

// Runs one after the other.
static int check_all_runs(struct check *c) {
    sqlite3_stmt *s = c->statements[ALL_RUNS];
    int64_t end_us = clock_monotonic_us() + RUNS_US;
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && !is_enough(c) && has_time(i, end_us); i++) {
        rc = sqlite3_step(s);
        if (rc != SQLITE_ROW) {
            rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
            break;
        }
        rc = check_run(c, s);
    }
    sqlite3_reset(s);
    return rc;
}

// Runs of events at random: there are more than are looked at.
static int check_some_runs(struct check *c, int64_t newest_event) {
    sqlite3_stmt *s = c->statements[RUN_OF_EVENT];
    int64_t end_us = clock_monotonic_us() + RUNS_US;
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && !is_enough(c) && has_time(i, end_us); i++) {
        uint64_t random;
        sqlite3_randomness(sizeof(random), &random);
        sqlite3_bind_int64(s, 1, 1 + (int64_t)(random % (uint64_t)newest_event));
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW) {
            bool has_run = sqlite3_column_int(s, 2) != STORE_EVENT_DELETION;
            rc = has_run ? check_run(c, s) : SQLITE_OK;
        }
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
        sqlite3_reset(s);
    }
    return rc;
}

// There are runs, bodies and events, or none of them, and none is newer than its event. Events
// without runs are left where all runs were deleted.
static int check_ends(struct check *c, int64_t *ret_newest_event) {
    int64_t has_runs = 0;
    int64_t has_deletions = 0;
    int64_t newest_body = 0;
    int rc = sqlite_query_int(c->db, "SELECT EXISTS(SELECT 1 FROM run)", &has_runs);
    if (rc == SQLITE_OK) {
        rc =
            sqlite_query_int(c->db, "SELECT coalesce(max(run_key), 0) FROM run_body", &newest_body);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_query_int(c->db,
                              "SELECT EXISTS(SELECT 1 FROM organization WHERE floor_revision>0)",
                              &has_deletions);
    }
    if (rc == SQLITE_OK) {
        rc = schema_newest_event(c->db, ret_newest_event);
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    if ((newest_body > 0) != (has_runs > 0)) {
        add(c, "there are runs without bodies, or bodies without runs");
    }
    bool has_events = *ret_newest_event > 0;
    if ((has_events && has_runs == 0 && has_deletions == 0) || (!has_events && has_runs > 0) ||
        newest_body > *ret_newest_event) {
        add(c, "there are runs without events, or events without runs");
    }
    return SQLITE_OK;
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

static int run_sample(struct check *c) {
    int64_t newest_event = 0;
    int rc = check_ends(c, &newest_event);
    if (rc == SQLITE_OK) {
        rc = check_newest_events(c);
    }
    if (rc == SQLITE_OK && !is_enough(c)) {
        rc = check_query(c, BULK_SAMPLE_SQL);
    }
    if (rc != SQLITE_OK || is_enough(c)) {
        return rc;
    }
    return newest_event <= RUNS_MAX ? check_all_runs(c) : check_some_runs(c, newest_event);
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

int store_check_all(sqlite3 *db, struct arena *a, struct store_problems *ret) {
    // integrity_check compares the indexes with their tables.
    static const char *const queries[] = {
        "PRAGMA integrity_check(20)",
        BULK_CHECK_QUERIES,
        "SELECT 'the run \"'||id||'\" of \"'||organization||'\" '||problem FROM"
        " (SELECT " RUN_ID_TEXT_SQL(
            "r.id") " AS id, organization, CASE" RUN_PROBLEM TERM_PROBLEM
                    " END AS problem FROM run AS r) WHERE problem IS NOT NULL LIMIT 20",
        "SELECT 'the event '||event_key||' '||problem FROM"
        " (SELECT e.event_key AS event_key, " EVENT_PROBLEM " END AS problem" EVENT_FROM ")"
        " WHERE problem IS NOT NULL LIMIT 20",
        // Rows may be behind the events that are not yet applied.
        "SELECT 'there are '||events||' events, but the runs have '||told FROM"
        " (SELECT (SELECT count(*) FROM event) AS events,"
        "  (SELECT coalesce(sum(sequence), 0) FROM run)+(SELECT count(*) FROM event AS e"
        "   CROSS JOIN run AS r ON r.organization=e.organization AND r.id=e.id"
        "   WHERE e.event_key>" APPLIED " AND e.sequence>r.sequence AND e.kind<>7)"
        "  +(SELECT count(*) FROM deletion) AS told)"
        " WHERE events<>told",
        "SELECT 'there are '||runs||' runs and '||bodies||' bodies' FROM"
        " (SELECT (SELECT count(*) FROM run) AS runs,"
        "  (SELECT count(*) FROM run_body) AS bodies) WHERE runs<>bodies",
        "SELECT 'the terms '||run_key||' are those of no run' FROM run_term AS t"
        " WHERE NOT EXISTS(SELECT 1 FROM run AS r WHERE r.organization=t.organization"
        "  AND r.id=t.id AND r.run_key=t.run_key) LIMIT 20",
        "SELECT 'the body '||run_key||' is that of '||runs||' runs' FROM"
        " (SELECT run_key, count(*) AS runs FROM run GROUP BY run_key HAVING count(*)>1 LIMIT 20)",
        "SELECT 'the organization \"'||name||'\" has not the revision of its event' FROM"
        " organization AS o LEFT JOIN event AS n ON n.event_key=o.newest_event"
        " WHERE NOT " ORGANIZATION_HAS_NEWEST " LIMIT 20",
        "SELECT 'the organization \"'||name||'\" has a floor of its feed that none of its events '"
        "||'reached' FROM organization WHERE floor_revision<0 OR floor_revision>revision LIMIT 20",
        "SELECT 'the organization \"'||organization||'\" has lost its events up to revision "
        "'||newest"
        " FROM (SELECT organization, max(revision) AS newest FROM event WHERE event_key<=" APPLIED
        "  GROUP BY organization) AS e WHERE NOT EXISTS(SELECT 1 FROM organization AS o"
        "  WHERE o.name=e.organization AND o.revision>=e.newest) LIMIT 20",
        "SELECT 'the mark of revision '||revision||' of \"'||organization||'\" has another event'"
        " FROM event_mark AS m WHERE NOT EXISTS(SELECT 1 FROM event AS e"
        "  WHERE e.event_key=m.event_key AND e.organization=m.organization"
        "  AND e.revision=m.revision) LIMIT 20",
        "SELECT 'the revision '||revision||' of \"'||organization||'\" has no mark' FROM event AS e"
        " WHERE revision%" EVENT_MARK_INTERVAL_SQL "=0 AND NOT EXISTS(SELECT 1 FROM event_mark AS m"
        "  WHERE m.organization=e.organization AND m.revision=e.revision) LIMIT 20",
        "SELECT 'the token \"'||name||'\" of \"'||organization||'\" '||problem FROM"
        " (SELECT organization, name, CASE" TOKEN_PROBLEM " END AS problem FROM token AS t)"
        " WHERE problem IS NOT NULL LIMIT 20",
        "SELECT 'the deletion '||event_key||' has no event' FROM deletion AS d WHERE NOT EXISTS("
        "SELECT 1 FROM event AS e WHERE e.event_key=d.event_key AND e.organization=d.organization"
        "  AND e.id=d.id AND e.kind=7) LIMIT 20",
        KEY_ROW_PROBLEMS,
        // Above the floor there are all.
        "SELECT 'the organization \"'||organization||'\" has '||events||' events from revision '"
        "||(floor+1)||' to '||newest FROM (SELECT organization, count(*) AS events,"
        "  max(revision) AS newest, floor FROM (SELECT e.organization, e.revision, " FLOOR
        "   AS floor FROM event AS e) WHERE revision>floor GROUP BY organization"
        "  HAVING count(*)<>max(revision)-floor LIMIT 20)",
        COUNT_CHECK_WORKFLOWS,
        COUNT_CHECK_ORGANIZATIONS,
        COUNT_CHECK_EVENTS,
        STORED_BYTES_CHECK,
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
