#include "storage/sqlite/copy_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/core/memory.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/copy_mark.h"
#include "storage/sqlite/holder_file.h"
#include "storage/sqlite/opening.h"
#include "storage/sqlite/run_id.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/store_file.h"
#include "storage/sqlite/store_path.h"
#include "storage/sqlite/store_totals.h"

// How many rows, and about how many bytes, are read at once.
enum { MOST_ROWS = 4000, MOST_BYTES = 4 << 20 };

struct source {
    struct store_source base;
    char *path;
    int lock_fd;
    sqlite3 *db;
    sqlite3_stmt *rows; // of the table that is read
    sqlite3_stmt *newest_revision;
    enum store_table_index table;
    bool has_ended; // all of its rows were read
    // The newest revision of this organization up to this event, which many rows ask for.
    int64_t known_event;
    char *known_organization;
    int64_t known_revision;
};

// Of two keys of one name that of the later change counts (storage/sqlite/key_row.c), and what one
// leads to may be gone.
#define KEY_IS_THERE                                                                               \
    "CASE WHEN k.run_key=0 THEN EXISTS(SELECT 1 FROM bulk AS b"                                    \
    " WHERE b.organization=k.organization AND b.id=k.target AND b.state<>6)"                       \
    " ELSE EXISTS(SELECT 1 FROM run AS r"                                                          \
    " WHERE r.organization=k.organization AND r.id=k.target AND r.run_key=k.run_key) END"

// The columns of store_tables, in their order. as_of_revision is the event as of which it is, until
// it is read (fill_revision).
static const char *const select_sql[STORE_TABLE_COUNT] = {
    [STORE_TABLE_ORGANIZATION] =
        "SELECT name, revision, floor_revision, frozen_at,"
        " coalesce((SELECT value FROM meta WHERE name='attempt_floor'), 0), running, waiting,"
        " success, failure, cancelled, stored_bytes FROM organization"
        " WHERE revision<>0 OR frozen_at<>0 ORDER BY name",
    // Events from before jobs do not say of which workflow their run is.
    [STORE_TABLE_EVENT] =
        "SELECT e.organization, e.revision, e.id, e.kind, e.sequence, e.from_status, e.to_status,"
        " e.at, e.attempt, e.holder, e.actor, e.reason, e.request_id, e.remote_address,"
        " e.idempotency_key, coalesce((SELECT w.id FROM workflow AS w WHERE w.workflow_key="
        "CASE e.workflow_key WHEN 0 THEN (SELECT r.workflow_key FROM run AS r"
        "  WHERE r.organization=e.organization AND r.id=e.id) ELSE e.workflow_key END), '')"
        " FROM event AS e ORDER BY e.event_key",
    // A final run may have an event behind the one that made it so: its executor has stopped.
    [STORE_TABLE_RUN] =
        "SELECT r.organization, r.id, w.id, r.status, r.started_at, r.updated_at, r.sequence,"
        " r.attempt, c.revision, n.revision, CASE WHEN r.status<3 THEN 0 WHEN n.kind=6 THEN"
        " (SELECT p.revision FROM event AS p WHERE p.event_key=n.previous_of_run)"
        " ELSE n.revision END, r.total_cu, r.has_terms, EXISTS(SELECT 1 FROM run_parent AS p"
        "  WHERE p.organization=r.organization AND p.id=r.id), b.spec, b.execution_state"
        " FROM run AS r LEFT JOIN workflow AS w ON w.workflow_key=r.workflow_key"
        " LEFT JOIN event AS c ON c.event_key=r.run_key"
        " LEFT JOIN event AS n ON n.event_key=r.newest_event"
        " LEFT JOIN run_body AS b ON b.run_key=r.run_key ORDER BY r.organization, r.id",
    [STORE_TABLE_RUN_TERM] =
        "SELECT t.organization, t.id, w.id, t.started_at, r.status, t.dispatch,"
        " t.fails_on_lease_loss, t.on_timeout, t.timeout_at, t.waiting_timeout, t.holder, t.lease,"
        " t.waiting_until, t.due_at, t.stopped_at, t.state=1 FROM run_term AS t"
        " LEFT JOIN run AS r ON r.organization=t.organization AND r.id=t.id"
        " LEFT JOIN workflow AS w ON w.workflow_key=t.workflow_key ORDER BY t.run_key",
    [STORE_TABLE_RUN_PARENT] =
        "SELECT organization, id, parent, is_gone FROM run_parent ORDER BY organization, id",
    [STORE_TABLE_RUN_COUNT] =
        "SELECT w.organization, w.id, c.running, c.waiting, c.success, c.failure, c.cancelled"
        " FROM run_count AS c LEFT JOIN workflow AS w ON w.workflow_key=c.workflow_key"
        " WHERE c.running+c.waiting+c.success+c.failure+c.cancelled<>0 ORDER BY c.workflow_key",
    [STORE_TABLE_IDEMPOTENCY] =
        "SELECT e.organization, n.name, substr(e.key_digest, 17), e.at, 1, e.id"
        " FROM idempotency_event AS n CROSS JOIN event AS e ON e.event_key=n.event_key"
        " WHERE substr(e.key_digest, 1, 16)=n.name AND NOT EXISTS(SELECT 1 FROM idempotency AS k"
        "  WHERE k.name=n.name AND k.at>e.at AND " KEY_IS_THERE ")"
        " UNION ALL SELECT k.organization, k.name, k.fingerprint, k.at,"
        " CASE k.run_key WHEN 0 THEN 2 ELSE 1 END, k.target FROM idempotency AS k"
        " WHERE " KEY_IS_THERE " AND NOT EXISTS(SELECT 1 FROM idempotency_event AS n"
        "  CROSS JOIN event AS e ON e.event_key=n.event_key WHERE n.name=k.name"
        "  AND substr(e.key_digest, 1, 16)=n.name AND e.at>=k.at)",
    [STORE_TABLE_BULK] =
        "SELECT organization, bulk_key, id, state, is_dry_run, cascades, has_filter, statuses,"
        " workflow_id, source_run_id, holder, started_after, started_before, is_collected,"
        " parent_id, newest_event, created_at, started_at, finished_at, total, cancelled,"
        " already_final, not_found, actor, reason, request_id, remote_address, idempotency_key"
        " FROM bulk ORDER BY bulk_key",
    [STORE_TABLE_BULK_ITEM] =
        "SELECT coalesce(b.organization, ''), i.bulk_key, i.id, i.outcome, i.due, i.newest_event"
        " FROM bulk_item AS i LEFT JOIN bulk AS b ON b.bulk_key=i.bulk_key"
        " ORDER BY i.bulk_key, i.id",
    [STORE_TABLE_TOKEN] =
        "SELECT organization, name, client_san, hash, scopes, created_at, expires_at, revoked_at,"
        " last_used_at, rotations, rotated_at, previous_hash, previous_created_at,"
        " previous_expires_at, previous_last_used_at, denials, refusals, limit_reads,"
        " limit_changes, limit_bytes, limit_streams FROM token ORDER BY token_key",
};

// About how many rows there are. Those of event, which have no narrow index, are counted already.
static const char *const count_sql[STORE_TABLE_COUNT] = {
    [STORE_TABLE_ORGANIZATION] = "SELECT count(*) FROM organization",
    [STORE_TABLE_EVENT] = "SELECT " SCHEMA_NEWEST_EVENT_SQL "-" STORE_TOTAL_EVENTS_GONE_SQL,
    [STORE_TABLE_RUN] = "SELECT count(*) FROM run",
    [STORE_TABLE_RUN_TERM] = "SELECT count(*) FROM run_term",
    [STORE_TABLE_RUN_PARENT] = "SELECT count(*) FROM run_parent",
    [STORE_TABLE_RUN_COUNT] = "SELECT count(*) FROM run_count",
    [STORE_TABLE_IDEMPOTENCY] = "SELECT " STORE_TOTAL_KEYS_SQL,
    [STORE_TABLE_BULK] = "SELECT count(*) FROM bulk",
    [STORE_TABLE_BULK_ITEM] = "SELECT count(*) FROM bulk_item",
    [STORE_TABLE_TOKEN] = "SELECT count(*) FROM token",
};

static const struct error *fail(const struct source *s, struct arena *a, int rc) {
    return sqlite_error(a, s->db, rc, s->path,
                        arena_printf(a, "reading its table %s", store_tables[s->table].name));
}

static const struct error *count(struct store_source *base, struct arena *a,
                                 enum store_table_index table, int64_t *ret) {
    struct source *s = (struct source *)base;
    s->table = table;
    int rc = sqlite_query_int(s->db, count_sql[table], ret);
    return rc == SQLITE_OK ? NULL : fail(s, a, rc);
}

static const struct error *begin(struct store_source *base, struct arena *a,
                                 enum store_table_index table, int64_t skip, bool in_order) {
    struct source *s = (struct source *)base;
    (void)in_order; // no other one costs less
    s->table = table;
    s->has_ended = false;
    sqlite3_finalize(s->rows);
    s->rows = NULL;
    const char *sql = arena_printf(a, "%s LIMIT -1 OFFSET ?1", select_sql[table]);
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &s->rows, NULL);
    if (rc != SQLITE_OK) {
        return fail(s, a, rc);
    }
    sqlite3_bind_int64(s->rows, 1, skip);
    return NULL;
}

static struct store_value read_value(struct arena *a, sqlite3_stmt *rows, int i,
                                     enum store_column_type type) {
    if (sqlite3_column_type(rows, i) == SQLITE_NULL) {
        return (struct store_value){.is_null = true};
    }
    struct store_value value = {.is_null = false};
    if (type == STORE_COLUMN_RUN_ID) {
        value.bytes = run_id_column(a, rows, i);
    } else if (type == STORE_COLUMN_BYTES) {
        value.bytes = sqlite_column_slice(a, rows, i);
    } else if (type == STORE_COLUMN_FLOAT8) {
        double number = sqlite3_column_double(rows, i);
        number = number == 0 ? 0 : number; // of a negative nothing no sign is kept
        memcpy(&value.number, &number, sizeof(number));
    } else {
        value.number = sqlite3_column_int64(rows, i);
    }
    return value;
}

// Has value, the key of an event of any organization, be the newest revision of this one up to it.
static int fill_revision(struct source *s, struct slice organization, struct store_value *value) {
    if (s->known_organization == NULL || s->known_event != value->number ||
        strlen(s->known_organization) != organization.len ||
        memcmp(s->known_organization, organization.data, organization.len) != 0) {
        sqlite3_bind_int64(s->newest_revision, 1, value->number);
        sqlite_bind_text(s->newest_revision, 2, organization);
        int rc = sqlite3_step(s->newest_revision);
        s->known_revision = rc == SQLITE_ROW ? sqlite3_column_int64(s->newest_revision, 0) : 0;
        sqlite3_reset(s->newest_revision);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            return rc;
        }
        free(s->known_organization);
        s->known_organization = mem_zalloc(organization.len + 1);
        memcpy(s->known_organization, organization.data, organization.len);
        s->known_event = value->number;
    }
    value->number = s->known_revision;
    return SQLITE_OK;
}

static const struct error *refuse_row(const struct source *s, struct arena *a, const char *column) {
    return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                     "the store \"%s\" has a row of %s without %s; see all that is wrong with: "
                     "runsctl check --store sqlite:%s",
                     s->path, store_tables[s->table].name, column, s->path);
}

// Reads the row at s->rows into values; *bytes grows by what its bytes are.
static const struct error *read_row(struct source *s, struct arena *a, struct store_value *values,
                                    size_t *bytes) {
    const struct store_table_form *table = &store_tables[s->table];
    for (int i = 0; i < table->column_count; i++) {
        const struct store_column *column = &table->columns[i];
        values[i] = read_value(a, s->rows, i, column->type);
        if (values[i].is_null && !column->may_be_null) {
            return refuse_row(s, a, column->name);
        }
        int rc = strcmp(column->name, "as_of_revision") == 0
                     ? fill_revision(s, values[0].bytes, &values[i])
                     : SQLITE_OK;
        if (rc != SQLITE_OK) {
            return fail(s, a, rc);
        }
        *bytes += sizeof(values[i]) + values[i].bytes.len;
    }
    return NULL;
}

static const struct error *read_rows(struct store_source *base, struct arena *a,
                                     struct store_rows *ret) {
    struct source *s = (struct source *)base;
    int columns = store_tables[s->table].column_count;
    struct store_value *values = ARENA_ARRAY(a, struct store_value, MOST_ROWS * columns);
    int rows = 0;
    size_t bytes = 0;
    while (!s->has_ended && rows < MOST_ROWS && bytes < MOST_BYTES) {
        int rc = sqlite3_step(s->rows);
        if (rc == SQLITE_DONE) {
            s->has_ended = true; // stepped once more it would begin anew
            break;
        }
        if (rc != SQLITE_ROW) {
            return fail(s, a, rc);
        }
        const struct error *e = read_row(s, a, &values[rows * columns], &bytes);
        if (e != NULL) {
            return e;
        }
        rows++;
    }
    *ret = (struct store_rows){rows, values};
    return NULL;
}

// The lock is held.
static const struct error *confirm(struct store_source *base, struct arena *a) {
    (void)base;
    (void)a;
    return NULL;
}

static void close_source(struct store_source *base) {
    struct source *s = (struct source *)base;
    sqlite3_finalize(s->rows);
    sqlite3_finalize(s->newest_revision);
    sqlite3_close(s->db);
    if (s->lock_fd >= 0) {
        close(s->lock_fd); // last: it drops what locks SQLite has on the file
    }
    free(s->known_organization);
    free(s->path);
    free(s);
}

static const struct store_source_ops ops = {
    .count = count,
    .begin = begin,
    .read = read_rows,
    .confirm = confirm,
    .close = close_source,
};

// Which programs may write to it says nothing of whether all of it is read here.
static const struct error *check_version(struct source *s, struct arena *a) {
    int64_t version = 0;
    const struct error *e = schema_check_version(a, s->db, s->path, &version);
    if (e == NULL && version != SCHEMA_VERSION) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" has schema version %lld, and only version %d is copied; %s",
                      s->path, (long long)version, SCHEMA_VERSION,
                      version < SCHEMA_VERSION ? "a start of this program's server, and a stop, "
                                                 "brings it forward"
                                               : "use a newer program");
    }
    return e;
}

static const struct error *check_mark(struct source *s, struct arena *a, bool is_settled) {
    struct store_copy_mark mark;
    bool has_mark = false;
    int rc = copy_mark_read(s->db, &has_mark, &mark);
    if (rc != SQLITE_OK) {
        return sqlite_error(a, s->db, rc, s->path, "reading whether it is a copy");
    }
    return has_mark && !(is_settled && mark.table == STORE_COPY_SETTLED)
               ? store_copy_refuse_half(a, s->path)
               : NULL;
}

// A server that was killed may have left events that rows do not have yet.
static const struct error *check_applied(struct source *s, struct arena *a, int64_t newest) {
    int64_t applied = 0;
    int rc = schema_applied(s->db, &applied);
    if (rc != SQLITE_OK) {
        return sqlite_error(a, s->db, rc, s->path, "reading up to where its rows are");
    }
    return applied >= newest
               ? NULL
               : error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                           "the store \"%s\" was not closed by its server, which left changes that "
                           "its tables do not have yet; start the server on it once more, stop it, "
                           "and copy then",
                           s->path);
}

static const struct error *read_identity(struct source *s, struct arena *a,
                                         const struct opening *o) {
    struct store_identity *identity = &s->base.identity;
    int64_t newest = 0;
    int rc = schema_read_secret(s->db, identity->secret);
    if (rc == SQLITE_OK) {
        rc = schema_read_epoch(s->db, &identity->epoch);
    }
    if (rc == SQLITE_OK) {
        rc = schema_newest_event(s->db, &newest);
    }
    if (rc != SQLITE_OK) {
        return sqlite_error(a, s->db, rc, s->path, "reading which store it is");
    }
    _Static_assert((int)STORE_STATE_BYTES == (int)LINEAGE_MARK_BYTES, "one becomes the other");
    memcpy(identity->state, o->now.mark, STORE_STATE_BYTES);
    for (size_t i = 0; i < sizeof(newest); i++) {
        identity->state[i] ^= (uint8_t)((uint64_t)newest >> (8 * i));
    }
    return check_applied(s, a, newest);
}

// Opens the database, of which o says how it lies there.
static const struct error *connect(struct source *s, struct arena *a, struct opening *o,
                                   bool is_settled) {
    // Without a log nothing is left beside the file.
    int rc = o->log_bytes > 0 ? sqlite_connect_reader(s->path, &s->db)
                              : sqlite_connect_immutable(a, s->path, &s->db);
    if (rc == SQLITE_OK) {
        rc = sqlite_run(s->db, "BEGIN");
    }
    if (rc != SQLITE_OK) {
        return sqlite_error(a, s->db, rc, s->path, "opening it");
    }
    const struct error *e = check_version(s, a);
    e = e == NULL ? opening_check(o, a, s->db, false) : e;
    e = e == NULL ? check_mark(s, a, is_settled) : e;
    e = e == NULL ? read_identity(s, a, o) : e;
    if (e != NULL) {
        return e;
    }
    rc = sqlite3_prepare_v2(s->db,
                            "SELECT revision FROM event WHERE event_key<=?1 AND organization=?2"
                            " ORDER BY event_key DESC LIMIT 1",
                            -1, &s->newest_revision, NULL);
    return rc == SQLITE_OK ? NULL : sqlite_error(a, s->db, rc, s->path, "preparing to read");
}

const struct error *sqlite_copy_source_open(struct arena *a, const char *path, bool is_settled,
                                            struct store_source **ret_source) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_new(a, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: %s", path, strerror(errno));
    }
    struct source *s = mem_zalloc(sizeof(*s));
    s->base.ops = &ops;
    s->path = mem_strdup(store_path_real(a, path));
    s->lock_fd = fd;
    struct opening o;
    const struct error *e = store_file_lock(a, path, fd);
    if (e != NULL && holder_file_is_own(path)) {
        s->lock_fd = -1; // stays open: to close it would drop the locks of this process's store
    }
    e = e == NULL ? store_file_check(a, s->path, fd) : e;
    if (e == NULL) {
        opening_look(&o, a, s->path, fd);
        e = connect(s, a, &o, is_settled);
    }
    if (e != NULL) {
        close_source(&s->base);
        return e;
    }
    *ret_source = &s->base;
    return NULL;
}
