#include "storage/postgres/store_check.h"

#include "base/core/clock.h"
#include "storage/bulk_record.h"
#include "storage/postgres/bulk_row.h"
#include "storage/postgres/conninfo.h"
#include "storage/postgres/schema.h"
#include "storage/run_record.h"

enum { CONNECT_US = 10 * 1000 * 1000 };

// How many problems are listed, of each kind and in all.
enum { MOST_PROBLEMS = 20 };
#define MOST_SQL " LIMIT 20"

_Static_assert(RUN_STATUS_ACTIVE == (1u << 1 | 1u << 2) && RUN_CANCELLED == 5,
               "the SQL below names statuses");
_Static_assert(STORE_EVENT_CREATION == 1 && STORE_EVENT_TRANSITION == 2 &&
                   STORE_EVENT_ACQUISITION == 3 && STORE_EVENT_RELEASE == 4 &&
                   STORE_EVENT_LEASE_LOSS == 5 && STORE_EVENT_STOP == 6 &&
                   STORE_EVENT_DELETION == 7,
               "the SQL below names kinds of events");
_Static_assert(RUN_DISPATCH_LEASE == 1 && RUN_FAILURE == 4, "the SQL below names terms");

// Names are any bytes: what is no printable ASCII shows as octal numbers.
#define NAME_SQL(bytes) "encode(" bytes ", 'escape')"
#define RUN_SQL         "'the run \"'||" NAME_SQL("id") "||'\" of \"'||" NAME_SQL("organization") "||'\" '"

// The rows of from of which problem, an expression that is NULL of a sound one, says something.
#define PROBLEMS_SQL(what, columns, problem, from)                                                 \
    "SELECT " what "||problem FROM (SELECT " columns ", " problem " AS problem FROM " from         \
    ") AS p WHERE problem IS NOT NULL" MOST_SQL

// Of the row r of run: with n, the event that made it what it is; f, that which ended it; c, that
// of its creation; o, its organization's row.
#define RUN_PROBLEM                                                                                \
    "CASE WHEN r.status NOT BETWEEN 1 AND 5 THEN 'has an impossible status'"                       \
    " WHEN b.run_key IS NULL THEN 'has no body'"                                                   \
    " WHEN o.name IS NULL OR r.newest_revision>o.revision THEN 'is newer than its organization'"   \
    " WHEN n.revision IS NULL THEN 'has lost its newest event'"                                    \
    " WHEN n.id<>r.id OR n.sequence<>r.sequence OR n.to_status<>r.status"                          \
    "  OR NOT (n.at=r.updated_at OR n.kind=6 AND n.at>r.updated_at)"                               \
    "  THEN 'has a status that its newest event contradicts'"                                      \
    " WHEN n.attempt<>r.attempt THEN 'has an attempt that its newest event contradicts'"           \
    " WHEN c.revision IS NULL OR c.id<>r.id OR c.kind<>1"                                          \
    "  THEN 'has lost the event of its creation'"                                                  \
    " WHEN (r.status IN (3, 4, 5))<>(r.ended_revision<>0)"                                         \
    "  OR r.ended_revision NOT IN (0, r.newest_revision) AND n.kind<>6"                            \
    "  THEN 'has a status that the revision of its end contradicts'"                               \
    " WHEN r.ended_revision<>0 AND (f.revision IS NULL OR f.id<>r.id OR f.to_status<>r.status"     \
    "  OR f.from_status IN (3, 4, 5)) THEN 'has lost the event that ended it'"                     \
    " WHEN r.has_terms<>EXISTS(SELECT 1 FROM run_term AS t WHERE t.organization=r.organization"    \
    "  AND t.id=r.id) THEN 'has terms that its row contradicts'"                                   \
    " WHEN r.has_parent<>EXISTS(SELECT 1 FROM run_parent AS t"                                     \
    "  WHERE t.organization=r.organization AND t.id=r.id AND NOT t.is_gone)"                       \
    "  THEN 'has a parent that its row contradicts' END"
#define RUN_FROM                                                                                   \
    "run AS r LEFT JOIN run_body AS b ON b.run_key=r.run_key"                                      \
    " LEFT JOIN organization AS o ON o.name=r.organization"                                        \
    " LEFT JOIN event AS n ON n.organization=r.organization AND n.revision=r.newest_revision"      \
    " LEFT JOIN event AS c ON c.organization=r.organization AND c.revision=r.created_revision"     \
    " LEFT JOIN event AS f ON f.organization=r.organization AND f.revision=r.ended_revision"

// Of the row a of run_active and the run r, of which one is missing.
#define ACTIVE_PROBLEM                                                                             \
    "CASE WHEN r.is_active IS NULL THEN 'is listed as one that is not final, and is none'"         \
    " WHEN a.is_listed IS NULL THEN 'is not final, and is not listed so' END"
#define ACTIVE_FROM                                                                                \
    "(SELECT organization, started_at, id, true AS is_active FROM run WHERE status IN (1, 2)) AS " \
    "r"                                                                                            \
    " FULL JOIN (SELECT *, true AS is_listed FROM run_active) AS a"                                \
    " USING(organization, started_at, id)"

// Of the row t of run_term, with r, its run.
#define TERM_PROBLEM                                                                               \
    "CASE WHEN r.id IS NULL THEN 'has terms and is not there'"                                     \
    " WHEN t.workflow_id<>r.workflow_id OR t.started_at<>r.started_at OR t.status<>r.status"       \
    "  THEN 'has the terms of another run'"                                                        \
    " WHEN t.dispatch NOT IN (0, 1) OR t.on_timeout NOT IN (0, 4, 5) OR t.timeout_at<0"            \
    "  OR t.waiting_timeout<0 THEN 'has impossible terms'"                                         \
    " WHEN t.is_open<>(t.dispatch=1 AND r.status IN (1, 2) AND t.holder=''::bytea"                 \
    "  AND r.attempt<9223372036854775807) OR (t.holder=''::bytea)<>(t.lease=0)"                    \
    "  OR t.holder<>''::bytea AND (r.status NOT IN (1, 2) OR r.attempt<1)"                         \
    "  THEN 'has a lease that its row contradicts'"                                                \
    " WHEN (t.waiting_until<>0)<>(r.status=2 AND t.waiting_timeout<>0)"                            \
    "  OR t.due_at<>CASE WHEN r.status NOT IN (1, 2) THEN 0 WHEN t.timeout_at=0"                   \
    "   THEN t.waiting_until WHEN t.waiting_until=0 THEN t.timeout_at"                             \
    "   ELSE least(t.timeout_at, t.waiting_until) END"                                             \
    "  THEN 'has a deadline that its row contradicts'"                                             \
    " WHEN t.stopped_at<>0 AND r.status<>5 THEN 'has stopped, and was not cancelled' END"

// Of the event e, with the one before it of the same id.
#define EVENT_PROBLEM                                                                              \
    "CASE WHEN e.kind NOT BETWEEN 1 AND 7 OR e.to_status NOT BETWEEN 1 AND 5"                      \
    "  OR e.kind IN (3, 4, 6, 7) AND e.from_status<>e.to_status"                                   \
    "  OR e.kind=5 AND e.to_status NOT IN (e.from_status, 4) OR e.kind=6 AND e.to_status<>5"       \
    "  THEN 'has a kind that its change contradicts'"                                              \
    " WHEN e.kind=1 AND (e.from_status<>0 OR e.sequence<>1 OR e.kind_before<>7)"                   \
    "  THEN 'creates a run that is there'"                                                         \
    " WHEN e.kind<>7 AND e.from_status IN (3, 4, 5) AND e.to_status<>e.from_status"                \
    "  THEN 'changes a final status'"                                                              \
    " WHEN e.kind NOT IN (1, 7) AND (e.kind_before IS NULL OR e.kind_before=7"                     \
    "  OR e.sequence<>e.sequence_before+1 OR e.from_status<>e.status_before)"                      \
    "  THEN 'does not follow the one before it'"                                                   \
    " WHEN e.kind<>7 AND NOT EXISTS(SELECT 1 FROM run AS r WHERE r.organization=e.organization"    \
    "  AND r.id=e.id AND e.revision BETWEEN r.created_revision AND r.newest_revision)"             \
    "  THEN 'is of a run that is not there' END"
#define EVENT_FROM                                                                                 \
    "(SELECT organization, revision, id, kind, sequence, from_status, to_status,"                  \
    " lag(kind) OVER w AS kind_before, lag(sequence) OVER w AS sequence_before,"                   \
    " lag(to_status) OVER w AS status_before FROM event"                                           \
    " WINDOW w AS (PARTITION BY organization, id ORDER BY revision)) AS e"

// Of the organization o.
#define ORGANIZATION_PROBLEM                                                                       \
    "CASE WHEN o.floor_revision NOT BETWEEN 0 AND o.revision THEN 'has an impossible floor'"       \
    " WHEN e.newest>o.revision THEN 'has events behind its newest revision'"                       \
    " WHEN e.above<>o.revision-o.floor_revision THEN 'has a gap in its feed' END"
#define ORGANIZATION_FROM                                                                          \
    "organization AS o CROSS JOIN LATERAL (SELECT max(revision) AS newest,"                        \
    " count(*) FILTER (WHERE revision>o.floor_revision) AS above FROM event"                       \
    " WHERE event.organization=o.name) AS e"

// What there is less what is counted is nothing, by status, and bytes of definitions.
#define HAVE_SQL                                                                                   \
    "(status=1)::int::int8 AS n1, (status=2)::int::int8 AS n2, (status=3)::int::int8 AS n3,"       \
    " (status=4)::int::int8 AS n4, (status=5)::int::int8 AS n5"
#define COUNTED_SQL "-running, -waiting, -success, -failure, -cancelled"
#define DIFFER_SQL  "sum(n1)<>0 OR sum(n2)<>0 OR sum(n3)<>0 OR sum(n4)<>0 OR sum(n5)<>0"

// Of the row b of bulk. One that is being removed has lost items.
_Static_assert(PG_BULK_LEAVING == 6 && PG_BULK_GONE == 4, "the SQL below names them");
#define BULK_PROBLEM                                                                               \
    "CASE WHEN b.state NOT BETWEEN 1 AND 6 THEN 'has an impossible state'"                         \
    " WHEN b.state<>6 AND ((b.finished_at<>0)<>(b.state IN (4, 5))"                                \
    "  OR b.state IN (3, 4) AND b.started_at=0 OR b.state IN (1, 2) AND b.started_at<>0)"          \
    "  THEN 'has instants that its state contradicts'"                                             \
    " WHEN b.state<>6 AND (i.items, i.cancelled, i.final, i.missing)"                              \
    "  <>(b.total, b.cancelled, b.already_final, b.not_found)"                                     \
    "  THEN 'has counts that its items contradict'"                                                \
    " WHEN b.state=4 AND i.due>0 THEN 'is done, and has items that were not dealt with' END"
#define BULK_FROM                                                                                  \
    "bulk AS b CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE outcome<>4) AS items,"            \
    " count(*) FILTER (WHERE outcome=1) AS cancelled,"                                             \
    " count(*) FILTER (WHERE outcome=2) AS final, count(*) FILTER (WHERE outcome=3) AS missing,"   \
    " count(due) AS due FROM bulk_item WHERE bulk_item.bulk_key=b.bulk_key) AS i"

// Of the item i of the job b, whose run is r. A run may have been deleted, and its id be that of a
// later one.
#define ITEM_PROBLEM                                                                               \
    "CASE WHEN b.bulk_key IS NULL THEN 'is that of no job'"                                        \
    " WHEN i.outcome NOT BETWEEN 0 AND 4 OR i.due NOT BETWEEN 1 AND 2"                             \
    "  THEN 'has an impossible outcome'"                                                           \
    " WHEN i.outcome IN (0, 4) AND i.due IS NULL THEN 'is open, and is never dealt with'"          \
    " WHEN r.created_revision<=i.as_of_revision AND (i.outcome=1 AND r.status<>5"                  \
    "  OR i.outcome=2 AND r.status IN (1, 2)) THEN 'has an outcome that its run contradicts' END"
#define ITEM_FROM                                                                                  \
    "bulk_item AS i LEFT JOIN bulk AS b ON b.bulk_key=i.bulk_key"                                  \
    " LEFT JOIN run AS r ON r.organization=b.organization AND r.id=i.id"

// Of the row p of run_parent. Where a row that is gone has a child its chain ends at a run that is
// there.
#define FAMILY_PROBLEM                                                                             \
    "CASE WHEN p.is_gone AND r.id IS NOT NULL THEN 'is there, and has a parent as one that is "    \
    "gone' WHEN NOT p.is_gone AND r.id IS NULL THEN 'has a parent and is not there'"               \
    " WHEN p.is_gone AND NOT EXISTS(SELECT 1 FROM run_parent AS c"                                 \
    "  WHERE c.organization=p.organization AND c.parent=p.id) THEN 'is gone, and leads nowhere' "  \
    "END"
#define FAMILY_FROM                                                                                \
    "run_parent AS p LEFT JOIN run AS r ON r.organization=p.organization AND r.id=p.id"

// Of the token t.
#define TOKEN_PROBLEM                                                                              \
    "CASE WHEN octet_length(t.hash)<>32 THEN 'has no hash of a secret'"                            \
    " WHEN least(t.rotations, t.rotated_at, t.last_used_at, t.previous_last_used_at, t.denials,"   \
    "  t.refusals)<0 THEN 'has a negative number'"                                                 \
    " WHEN (t.rotations=0)<>(t.previous_hash IS NULL) OR (t.rotations=0)<>(t.rotated_at=0)"        \
    "  OR (t.rotations=0)<>(t.previous_expires_at=0)"                                              \
    "  THEN 'has rotations that its secrets contradict'"                                           \
    " WHEN octet_length(t.previous_hash)<>32"                                                      \
    "  THEN 'has no hash of the secret before its newest'"                                         \
    " WHEN EXISTS(SELECT 1 FROM token AS o WHERE o.previous_hash=t.hash)"                          \
    "  THEN 'has a secret that another rotation replaced' END"

// Each row that one of these returns is a problem.
static const struct pg_statement queries[] = {
    {"check_runs", PROBLEMS_SQL(RUN_SQL, "r.organization, r.id", RUN_PROBLEM, RUN_FROM)},
    {"check_terms", PROBLEMS_SQL(RUN_SQL, "t.organization, t.id", TERM_PROBLEM,
                                 "run_term AS t LEFT JOIN run AS r"
                                 " ON r.organization=t.organization AND r.id=t.id")},
    {"check_active", PROBLEMS_SQL(RUN_SQL, "organization, id", ACTIVE_PROBLEM, ACTIVE_FROM)},
    {"check_bodies", "SELECT 'the body '||run_key||' is that of no run' FROM run_body AS b WHERE"
                     " NOT EXISTS(SELECT 1 FROM run AS r WHERE r.run_key=b.run_key)" MOST_SQL},
    {"check_events",
     PROBLEMS_SQL("'the event '||revision||' of \"'||" NAME_SQL("organization") "||'\" '",
                  "e.organization, e.revision", EVENT_PROBLEM, EVENT_FROM)},
    {"check_organizations", PROBLEMS_SQL("'the organization \"'||" NAME_SQL("name") "||'\" '",
                                         "o.name", ORGANIZATION_PROBLEM, ORGANIZATION_FROM)},
    {"check_strays", "SELECT 'the event '||revision||' of \"'||" NAME_SQL(
                         "organization") "||'\" is that of no organization' FROM event AS e"
                                         " WHERE NOT EXISTS(SELECT 1 FROM organization AS o"
                                         "  WHERE o.name=e.organization)" MOST_SQL},
    {"check_counts",
     "SELECT 'the organization \"'||" NAME_SQL(
         "name") "||'\" has counts that its runs contradict'"
                 " FROM (SELECT organization AS name, " HAVE_SQL
                 ", octet_length(b.spec)::int8 AS bytes FROM run"
                 "  LEFT JOIN run_body AS b ON b.run_key=run.run_key"
                 "  UNION ALL SELECT name, " COUNTED_SQL ", -stored_bytes FROM organization) AS u"
                 " GROUP BY name HAVING sum(bytes)<>0 OR " DIFFER_SQL MOST_SQL},
    {"check_workflow_counts",
     "SELECT 'the workflow \"'||" NAME_SQL("workflow_id") "||'\" of \"'||" NAME_SQL(
         "organization") "||'\" has counts that its runs contradict' FROM (SELECT organization,"
                         " workflow_id, " HAVE_SQL
                         " FROM run UNION ALL SELECT organization, workflow_id, " COUNTED_SQL
                         " FROM run_count) AS u"
                         " GROUP BY organization, workflow_id HAVING " DIFFER_SQL MOST_SQL},
    {"check_jobs", PROBLEMS_SQL("'the job \"'||" NAME_SQL("id") "||'\" of \"'||" NAME_SQL(
                                    "organization") "||'\" '",
                                "b.id, b.organization", BULK_PROBLEM, BULK_FROM)},
    {"check_items",
     PROBLEMS_SQL("'the item \"'||" NAME_SQL("id") "||'\" of the job '||bulk_key||' '",
                  "i.id, i.bulk_key", ITEM_PROBLEM, ITEM_FROM)},
    {"check_families", PROBLEMS_SQL(RUN_SQL, "p.organization, p.id", FAMILY_PROBLEM, FAMILY_FROM)},
    {"check_tokens", PROBLEMS_SQL("'the token \"'||" NAME_SQL("name") "||'\" of \"'||" NAME_SQL(
                                      "organization") "||'\" '",
                                  "t.name, t.organization", TOKEN_PROBLEM, "token AS t")},
};

// In the transaction alone: a whole table is read at its best in other ways than a run, and takes
// as long as it takes.
static const struct pg_statement settings = {
    "check_settings",
    "SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),"
    " set_config('enable_mergejoin', 'on', true), set_config('enable_bitmapscan', 'on', true),"
    " set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)",
};

// Servers' connections say so of themselves.
static const struct pg_statement select_served = {
    "check_served",
    "SELECT EXISTS(SELECT 1 FROM pg_stat_activity WHERE datname=current_database()"
    " AND pid<>pg_backend_pid() AND application_name LIKE 'runsd %')",
};

// What is found, in an arena.
struct findings {
    struct arena *arena;
    const char *problems[MOST_PROBLEMS];
    int count;
    bool is_served;
};

static enum pg_outcome run_query(struct pg_connection *c, const struct pg_statement *query,
                                 struct findings *f) {
    const PGresult *result = NULL;
    enum pg_outcome outcome = pg_run(c, query, NULL, &result);
    int rows = outcome == PG_OK ? pg_row_count(result) : 0;
    for (int row = 0; row < rows && f->count < MOST_PROBLEMS; row++) {
        struct slice text = pg_bytes(result, row, 0);
        f->problems[f->count++] =
            arena_printf(f->arena, "%.*s", (int)text.len, (const char *)text.data);
    }
    pg_connection_clear(c);
    return outcome;
}

static enum pg_outcome run_queries(struct pg_connection *c, struct findings *f) {
    const PGresult *served = NULL;
    pg_queue(c, &pg_begin_snapshot, NULL, NULL);
    pg_queue(c, &settings, NULL, NULL);
    pg_queue(c, &select_served, NULL, &served);
    enum pg_outcome outcome = pg_sync(c);
    f->is_served = outcome == PG_OK && pg_bool(served, 0, 0);
    for (size_t i = 0; outcome == PG_OK && i < sizeof(queries) / sizeof(queries[0]); i++) {
        outcome = run_query(c, &queries[i], f);
    }
    return outcome == PG_OK ? pg_run(c, &pg_commit, NULL, NULL) : outcome;
}

static const struct error *check(struct arena *a, struct pg_connection *c, const char *store,
                                 struct findings *f) {
    struct pg_schema_row row;
    if (pg_connection_open(c, clock_monotonic_us() + CONNECT_US) != PG_OK) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be reached: %s", store, pg_connection_detail(c));
    }
    pg_connection_set_deadline(c, 0);
    const struct error *error = schema_check(a, c, store, &row);
    if (error == NULL && run_queries(c, f) != PG_OK) {
        error = error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                          "the store \"%s\" could not be read: %s", store, pg_connection_detail(c));
    }
    return error;
}

const struct error *pg_store_check(struct arena *a, const char *location, bool accept,
                                   struct store_check_report *ret) {
    (void)accept;
    const char *conninfo = NULL;
    const struct error *error = conninfo_of_location(a, "the store's URL", location, &conninfo);
    if (error != NULL) {
        return error;
    }
    const struct pg_connection_options options = {
        .conninfo = conninfo,
        .application_name = "runsctl check",
    };
    struct findings findings = {.arena = a};
    struct pg_connection *c = pg_connection_new(&options);
    error = check(a, c, conninfo_describe(a, location), &findings);
    pg_connection_free(c);
    if (error == NULL) {
        const char **problems = ARENA_ARRAY(a, const char *, findings.count);
        memcpy(problems, findings.problems, sizeof(problems[0]) * (size_t)findings.count);
        *ret = (struct store_check_report){problems, findings.count, findings.is_served};
    }
    return error;
}
