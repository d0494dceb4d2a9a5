#include "storage/sqlite/apply.h"

#include "base/core/clock.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_row.h"
#include "storage/sqlite/row_status.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/stored_bytes.h"

enum { UPDATE_RUN, SELECT_RUN };

static const char *const sql[APPLIER_STATEMENTS] = {
    // The sequence decides which of two is newer: a row may be ahead of its entry.
    [UPDATE_RUN] = "UPDATE run SET status=?3, updated_at=?4, sequence=?5, newest_event=?6"
                   " WHERE organization=?1 AND id=?2 AND sequence<?5",
    [SELECT_RUN] = "SELECT sequence FROM run WHERE organization=?1 AND id=?2",
};

int applier_init(struct applier *a, sqlite3 *db, struct pending *pending,
                 struct organizations *organizations, struct run_counts *counts,
                 struct key_rows *keys) {
    *a = (struct applier){.db = db,
                          .pending = pending,
                          .organizations = organizations,
                          .counts = counts,
                          .keys = keys};
    return sqlite_prepare_all(db, sql, APPLIER_STATEMENTS, a->statements);
}

void applier_release(struct applier *a) {
    sqlite_finalize_all(a->statements, APPLIER_STATEMENTS);
}

static void bind_run(sqlite3_stmt *s, const struct pending_entry *e) {
    sqlite_bind_text(s, 1, pending_organization(e));
    run_id_bind_stored(s, 2, pending_id(e), e->is_uuid);
}

// An update that changed nothing found a newer row, unless there is none.
static int check_row(struct applier *a, const struct pending_entry *e) {
    sqlite3_stmt *s = a->statements[SELECT_RUN];
    bind_run(s, e);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        rc = sqlite3_column_int64(s, 0) >= e->state.sequence ? SQLITE_OK : SQLITE_CORRUPT;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_reset(s);
    return rc;
}

static int write_run(struct applier *a, const struct pending_entry *e) {
    sqlite3_stmt *s = a->statements[UPDATE_RUN];
    bind_run(s, e);
    sqlite3_bind_int(s, 3, (int)e->state.status);
    sqlite3_bind_int64(s, 4, e->state.updated_at_us);
    sqlite3_bind_int64(s, 5, e->state.sequence);
    sqlite3_bind_int64(s, 6, e->state.newest_event);
    int rc = sqlite_step_once(s);
    return rc == SQLITE_OK && sqlite3_changes(a->db) == 0 ? check_row(a, e) : rc;
}

// Between two looks at the clock.
enum { ROWS_A_LOOK = 16 };

// Until when a slice that begins now goes on.
static int64_t slice_end_us(const struct applier *a) {
    const struct pending_limits *limits = &a->pending->limits;
    bool is_bounded = limits->slice_us > 0 && !pending_is_overfull(a->pending);
    return is_bounded ? clock_monotonic_us() + limits->slice_us : INT64_MAX;
}

// Freezes what was filled so far if it is due and nothing is frozen. Returns whether anything is.
static bool freeze_if_due(struct applier *a, bool is_idle) {
    if (!pending_is_frozen(a->pending)) {
        if (is_idle ? !pending_has_any(a->pending) : !pending_is_full(a->pending)) {
            return false;
        }
        pending_freeze(a->pending);
        organizations_freeze(a->organizations);
        run_counts_freeze(a->counts);
    }
    return true;
}

// Writes the next row of what is frozen; the mark comes last.
static int write_next(struct applier *a) {
    const struct pending_entry *e = pending_take(a->pending);
    if (e != NULL) {
        return write_run(a, e);
    }
    const struct pending_key *key = pending_keys_take(&a->pending->keys);
    if (key != NULL) {
        return key_rows_write(a->keys, key);
    }
    const struct organization *o = organizations_take(a->organizations);
    if (o != NULL) {
        return organizations_write(a->organizations, o);
    }
    const struct run_count *c = run_counts_take(a->counts);
    if (c != NULL) {
        return run_counts_write(a->counts, c);
    }
    a->is_finishing = true;
    return schema_write_applied(a->db, pending_mark(a->pending));
}

int applier_run(struct applier *a, int count, bool is_idle) {
    a->left = 0;
    if (!freeze_if_due(a, is_idle)) {
        return SQLITE_OK;
    }
    int64_t end_us = slice_end_us(a);
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < count && !a->is_finishing; i++) {
        if (i % ROWS_A_LOOK == ROWS_A_LOOK - 1 && clock_monotonic_us() >= end_us) {
            a->left = count - i;
            break;
        }
        rc = write_next(a);
    }
    return rc;
}

void applier_committed(struct applier *a) {
    if (a->is_finishing) {
        a->is_finishing = false;
        pending_retire(a->pending);
        organizations_retire(a->organizations, a->pending->limits.organizations);
        run_counts_retire(a->counts, a->pending->limits.organizations);
    }
}

void applier_rolled_back(struct applier *a) {
    a->is_finishing = false;
}

// How many events are read before what they say is published: what is staged is held twice.
enum { REPLAY_STEP = 4096 };

// One event behind the mark, borrowed from its row.
struct replayed {
    int64_t key;
    struct slice organization;
    struct run_id id;
    int64_t revision;
    struct pending_state state;
    int64_t previous_of_organization;
    struct slice key_digest; // of its idempotency key; empty: none
    bool is_deletion;        // of its run, which has no row then
    int64_t workflow_key;    // 0: a program from before SCHEMA_JOBS wrote it
    int from;
    int counted_to;
};

static const char replay_sql[] =
    "SELECT event_key, organization, id, revision, sequence, to_status, at,"
    " previous_of_organization, workflow_key, kind, from_status, key_digest FROM event"
    " WHERE event_key>?1 ORDER BY event_key";

static struct replayed read_event(sqlite3_stmt *s) {
    struct replayed e = {
        .key = sqlite3_column_int64(s, 0),
        .organization = sqlite_column_peek(s, 1),
        .id = run_id_peek(s, 2),
        .revision = sqlite3_column_int64(s, 3),
        .previous_of_organization = sqlite3_column_int64(s, 7),
        .workflow_key = sqlite3_column_int64(s, 8),
        .from = sqlite3_column_int(s, 10),
        .key_digest = sqlite_column_peek(s, 11),
        .is_deletion = sqlite3_column_int(s, 9) == STORE_EVENT_DELETION,
    };
    e.state = (struct pending_state){
        .sequence = sqlite3_column_int64(s, 4),
        .status = (enum run_status)sqlite3_column_int(s, 5),
        .updated_at_us = sqlite3_column_int64(s, 6),
        .newest_event = e.key,
    };
    e.counted_to =
        event_row_counted_to((enum store_event_kind)sqlite3_column_int(s, 9), (int)e.state.status);
    return e;
}

// Takes the event into its organization's count; returns whether it is the next of it. The
// organization's row may be ahead of the mark.
static bool count_event(struct organizations *organizations, struct organization *which,
                        const struct replayed *e) {
    if (which->open.event >= e->key) {
        return e->revision <= which->open.revision;
    }
    if (e->revision != which->open.revision + 1 ||
        e->previous_of_organization != which->open.event) {
        return false;
    }
    organizations_advance(organizations, which, e->key);
    if (e->from != e->counted_to) {
        organizations_count(organizations, which, e->from, e->counted_to);
    }
    return true;
}

// Returns what is wrong with e, which should have the key, or NULL.
static const char *problem_of(struct pending *pending, const struct replayed *e, int64_t key) {
    struct pending_state before;
    if (e->key != key) {
        return "is missing";
    }
    if (!run_row_status_is_sound((int)e->state.status) || e->state.sequence < 1 ||
        (e->from != 0 && !run_row_status_is_sound(e->from))) {
        return "has an impossible status or sequence";
    }
    if (e->key_digest.len != 0 && e->key_digest.len != KEY_ROW_DIGEST_BYTES) {
        return "has an impossible idempotency key";
    }
    if (pending_find_own(pending, e->organization, &e->id, &before) &&
        e->state.sequence != before.sequence + 1) {
        return "does not follow the event of its run before it";
    }
    return NULL;
}

static void stage_event(struct pending *pending, const struct replayed *e) {
    pending_stage(pending, e->organization, &e->id, &e->state);
    if (e->key_digest.len == 0) {
        return;
    }
    struct pending_key key = {.event = e->key};
    memcpy(key.name, e->key_digest.data, IDEMPOTENCY_DIGEST_BYTES);
    pending_keys_stage(&pending->keys, &key);
}

// The migration counted the events that do not say which workflow their run is of.
static int count_run(struct run_counts *counts, const struct replayed *e) {
    return e->workflow_key == 0 || e->from == e->counted_to
               ? SQLITE_OK
               : run_counts_replay(counts, e->workflow_key, e->key, e->from, e->counted_to);
}

// Where what is read goes.
struct replay {
    sqlite3_stmt *events;
    sqlite3_stmt *bytes; // STORED_BYTES_SQL
    struct pending *pending;
    struct organizations *organizations;
    struct run_counts *counts;
};

// Counts the bytes of the run that came to be by e; its organization had not counted the event.
static int count_bytes(struct replay *r, struct organization *which, const struct replayed *e) {
    if (e->from != 0 || which->open.has_old_bytes) {
        return SQLITE_OK;
    }
    int64_t bytes = 0;
    int rc = stored_bytes_of(r->bytes, e->key, &bytes);
    if (rc == SQLITE_OK) {
        organizations_store(r->organizations, which, bytes);
    }
    return rc;
}

static int replay_event(struct replay *r, int64_t key, const char **ret_problem) {
    struct replayed e = read_event(r->events);
    const char *problem = problem_of(r->pending, &e, key);
    struct organization *which;
    int rc = organizations_find(r->organizations, e.organization, &which);
    if (rc != SQLITE_OK) {
        return rc;
    }
    bool is_new = which->open.event < e.key;
    if (problem == NULL && !count_event(r->organizations, which, &e)) {
        problem = "is not the next of its organization";
    }
    if (problem != NULL) {
        *ret_problem = problem;
        return SQLITE_OK;
    }
    if (!e.is_deletion) {
        stage_event(r->pending, &e);
    }
    rc = is_new ? count_bytes(r, which, &e) : SQLITE_OK;
    return rc == SQLITE_OK ? count_run(r->counts, &e) : rc;
}

static int replay_all(struct replay *r, int64_t mark, int64_t *ret_newest,
                      const char **ret_problem) {
    int64_t key = mark;
    int rc = SQLITE_OK;
    while (*ret_problem == NULL && (rc = sqlite3_step(r->events)) == SQLITE_ROW) {
        rc = replay_event(r, ++key, ret_problem);
        if (rc != SQLITE_OK) {
            break;
        }
        if (key % REPLAY_STEP == 0) {
            pending_committed(r->pending, key);
        }
    }
    pending_committed(r->pending, key);
    organizations_committed(r->organizations);
    run_counts_committed(r->counts);
    *ret_newest = key;
    return *ret_problem != NULL || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int applier_replay(struct arena *arena, sqlite3 *db, struct pending *pending,
                   struct organizations *organizations, struct run_counts *counts,
                   const char **ret_problem) {
    *ret_problem = NULL;
    int64_t mark = 0;
    int64_t newest = 0;
    int64_t last = 0;
    static const char *const statements[] = {replay_sql, STORED_BYTES_SQL};
    sqlite3_stmt *s[2] = {NULL};
    int rc = schema_applied(db, &mark);
    if (rc == SQLITE_OK) {
        rc = schema_newest_event(db, &newest);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_prepare_all(db, statements, 2, s);
    }
    if (rc == SQLITE_OK) {
        pending_clear(pending, mark);
        sqlite3_bind_int64(s[0], 1, mark);
        const char *problem = NULL;
        struct replay replay = {s[0], s[1], pending, organizations, counts};
        rc = replay_all(&replay, mark, &last, &problem);
        if (problem != NULL) {
            *ret_problem = arena_printf(arena, "the event %lld %s", (long long)last, problem);
        } else if (rc == SQLITE_OK && mark > newest) {
            *ret_problem =
                arena_printf(arena, "rows are up to date with event %lld, and the newest is %lld",
                             (long long)mark, (long long)newest);
        }
    }
    sqlite_finalize_all(s, 2);
    return rc;
}
