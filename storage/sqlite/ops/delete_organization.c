#include "storage/op/delete_organization.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_deletion.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum {
    SELECT_TOKEN,
    SELECT_RUNS,
    SELECT_BULK,
    LEAVE_BULK,
    DELETE_ITEMS,
    DELETE_BULK,
    DELETE_TOKENS,
    DELETE_COUNTS,
    DELETE_WORKFLOWS,
    DELETE_KEYS,
};

// How many runs, or events of deletions, one step looks at; and how many events it deletes, unless
// the first run alone has more.
enum { MOST_RUNS = 256, MOST_EVENTS = 4096 };

// A step, and how much it may still delete.
struct step {
    struct session *session;
    sqlite3_stmt *const *s;
    struct store_delete_organization *d;
    struct organization *which;
    int left;
    bool waits; // for rows that are behind
};

// Finds runs of the organization. Their ids are copies in the operation's arena.
static int find_runs(struct step *t, struct run_id *ids, int capacity, int *ret_count) {
    sqlite3_stmt *s = t->s[SELECT_RUNS];
    int rc;
    sqlite_bind_text(s, 1, t->d->name);
    sqlite3_bind_int(s, 2, capacity);
    *ret_count = 0;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW && *ret_count < capacity) {
        ids[(*ret_count)++] = run_id_of(run_id_column(t->d->op.arena, s, 0));
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Deletes the event's run, or the event, in the organization's name. Its rows may be behind.
static int delete_run(struct step *t, const struct doomed_run *run) {
    if (run_deletion_is_behind(t->session, t->d->name, run)) {
        pending_want(t->session->pending, t->session->events.last);
        t->waits = true;
        return SQLITE_OK;
    }
    int rc = run_deletion_keep_key(t->session, run->newest_event);
    if (rc == SQLITE_OK) {
        rc = run_deletion_count(t->session, t->d->name, run);
    }
    if (rc == SQLITE_OK) {
        rc = run_deletion_delete(t->session, t->d->op.arena, t->d->name, run);
    }
    t->left--;
    t->d->ret_deleted++;
    return rc;
}

// Nobody reads the feed of it any more: the floor is the newest revision before anything goes.
static int raise_floor(struct step *t) {
    return run_deletion_raise_floor(t->session, t->d->name, t->which->open.revision);
}

static int delete_runs(struct step *t) {
    int capacity = t->left < MOST_RUNS ? t->left : MOST_RUNS;
    struct run_id *ids = ARENA_ARRAY(t->d->op.arena, struct run_id, capacity);
    int count = 0;
    int64_t events = 0;
    int rc = find_runs(t, ids, capacity, &count);
    for (int i = 0; rc == SQLITE_OK && i < count && events < MOST_EVENTS; i++) {
        struct doomed_run run;
        rc = deletion_rows_find(&t->session->deletion, t->d->name, &ids[i], &run);
        rc = rc == SQLITE_DONE ? SQLITE_CORRUPT : rc; // it was there a moment ago
        if (rc == SQLITE_OK) {
            events += run.sequence;
            rc = delete_run(t, &run);
        }
    }
    // There may be more: nothing else goes in this step.
    t->left = count > 0 ? 0 : t->left;
    return rc;
}

static int delete_gone(struct step *t) {
    int capacity = t->left < MOST_RUNS ? t->left : MOST_RUNS;
    struct gone_event *gone = ARENA_ARRAY(t->d->op.arena, struct gone_event, capacity);
    int count = 0;
    int rc = deletion_rows_find_gone(&t->session->deletion, t->d->name, NULL, INT64_MAX, capacity,
                                     gone, &count);
    for (int i = 0; rc == SQLITE_OK && i < count; i++) {
        if (gone[i].event > pending_applied(t->session->pending)) {
            pending_want(t->session->pending, t->session->events.last);
            t->waits = true;
            continue;
        }
        rc = run_deletion_keep_key(t->session, gone[i].event);
        if (rc == SQLITE_OK) {
            rc = run_deletion_delete_gone(t->session, t->d->name, &gone[i]);
        }
    }
    t->left = count > 0 ? 0 : t->left;
    return rc;
}

// Deletes items of one job, and the job if it has no more than there is room for. It is not there
// any more from the first one on: its counts are no longer those of its items.
static int delete_job(struct step *t, int64_t key) {
    sqlite3_bind_int64(t->s[LEAVE_BULK], 1, key);
    int rc = sqlite_step_once(t->s[LEAVE_BULK]);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(t->s[DELETE_ITEMS], 1, key);
        sqlite3_bind_int(t->s[DELETE_ITEMS], 2, t->left);
        rc = sqlite_step_once(t->s[DELETE_ITEMS]);
    }
    int gone = rc == SQLITE_OK ? sqlite3_changes(t->session->db) : 0;
    if (rc == SQLITE_OK && gone < t->left) {
        sqlite3_bind_int64(t->s[DELETE_BULK], 1, key);
        rc = sqlite_step_once(t->s[DELETE_BULK]);
        store_totals_note(&t->session->totals, TOTAL_JOBS, -1);
        gone++;
    }
    t->left -= gone;
    return rc;
}

static int delete_jobs(struct step *t) {
    sqlite3_stmt *s = t->s[SELECT_BULK];
    int rc = SQLITE_ROW;
    while (rc == SQLITE_ROW && t->left > 0) {
        sqlite_bind_text(s, 1, t->d->name);
        rc = sqlite3_step(s);
        int64_t key = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        if (rc == SQLITE_ROW) {
            int failure = delete_job(t, key);
            rc = failure == SQLITE_OK ? SQLITE_ROW : failure;
        }
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Deletes as many rows as there is room for with s.
static int delete_rows(struct step *t, sqlite3_stmt *s) {
    sqlite_bind_text(s, 1, t->d->name);
    sqlite3_bind_int(s, 2, t->left);
    int rc = sqlite_step_once(s);
    t->left -= rc == SQLITE_OK ? sqlite3_changes(t->session->db) : 0;
    return rc;
}

// Those of changes without an event, which no run leads to. They are few, and have no index by
// organization: this is a scan.
static int delete_keys(struct step *t) {
    int left = t->left;
    int rc = delete_rows(t, t->s[DELETE_KEYS]);
    store_totals_note(&t->session->totals, TOTAL_KEYS, t->left - left);
    return rc;
}

// Deletes what is left, one kind after the other, as long as there is room.
static int delete_some(struct step *t) {
    static int (*const parts[])(struct step *) = {delete_runs, delete_gone, delete_jobs};
    static const int rows[] = {DELETE_TOKENS, DELETE_COUNTS, DELETE_WORKFLOWS};
    int rc = raise_floor(t);
    for (size_t i = 0; rc == SQLITE_OK && t->left > 0 && i < sizeof(parts) / sizeof(parts[0]);
         i++) {
        rc = parts[i](t);
    }
    for (size_t i = 0; rc == SQLITE_OK && t->left > 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
        rc = delete_rows(t, t->s[rows[i]]);
    }
    if (rc == SQLITE_OK && t->left > 0) {
        rc = delete_keys(t);
    }
    if (rc == SQLITE_OK && t->left > 0 && !t->waits) {
        t->d->ret_is_done = true;
        rc = organizations_set_frozen(t->session->organizations, t->which, 0);
    }
    return rc;
}

// Whether there is such an organization, as storage/op/freeze_organization.h has it.
static int look_for(struct step *t, bool *ret_is_there) {
    *ret_is_there = t->which->open.revision > 0 || t->which->open.frozen_at_us != 0;
    if (*ret_is_there) {
        return SQLITE_OK;
    }
    sqlite_bind_text(t->s[SELECT_TOKEN], 1, t->d->name);
    int rc = sqlite3_step(t->s[SELECT_TOKEN]);
    sqlite3_reset(t->s[SELECT_TOKEN]);
    *ret_is_there = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_delete_organization *d = CONTAINER_OF(op, struct store_delete_organization, op);
    CHECK(d->most >= 1);
    struct step t = {.session = session, .s = s, .d = d, .left = d->most};
    bool is_there = false;
    d->ret_deleted = 0;
    d->ret_is_done = false;
    int rc = organizations_find(session->organizations, d->name, &t.which);
    if (rc == SQLITE_OK) {
        rc = look_for(&t, &is_there);
    }
    op->result = is_there ? STORE_CONFLICT : STORE_NOT_FOUND;
    if (rc == SQLITE_OK && is_there && t.which->open.frozen_at_us != 0) {
        op->result = STORE_OK;
        rc = delete_some(&t);
    }
    return rc;
}

const struct sqlite_op sqlite_delete_organization = {
    .sql =
        {
            [SELECT_TOKEN] =
                "SELECT 1 FROM token INDEXED BY token_by_name WHERE organization=?1 LIMIT 1",
            [SELECT_RUNS] = "SELECT id FROM run WHERE organization=?1 ORDER BY id LIMIT ?2",
            [SELECT_BULK] =
                "SELECT bulk_key FROM bulk INDEXED BY bulk_by_id WHERE organization=?1 LIMIT 1",
            [LEAVE_BULK] = "UPDATE bulk SET state=6 WHERE bulk_key=?1",
            [DELETE_ITEMS] = "DELETE FROM bulk_item WHERE bulk_key=?1 AND id IN"
                             " (SELECT id FROM bulk_item WHERE bulk_key=?1 ORDER BY id LIMIT ?2)",
            [DELETE_BULK] = "DELETE FROM bulk WHERE bulk_key=?1",
            [DELETE_TOKENS] = "DELETE FROM token WHERE token_key IN (SELECT token_key FROM token"
                              " INDEXED BY token_by_name WHERE organization=?1 LIMIT ?2)",
            [DELETE_COUNTS] = "DELETE FROM run_count WHERE workflow_key IN (SELECT w.workflow_key"
                              " FROM workflow AS w INDEXED BY workflow_by_id WHERE"
                              " w.organization=?1 AND EXISTS(SELECT 1 FROM run_count AS c"
                              " WHERE c.workflow_key=w.workflow_key) LIMIT ?2)",
            [DELETE_WORKFLOWS] =
                "DELETE FROM workflow WHERE workflow_key IN (SELECT workflow_key FROM workflow"
                " INDEXED BY workflow_by_id WHERE organization=?1 LIMIT ?2)",
            [DELETE_KEYS] = "DELETE FROM idempotency WHERE name IN (SELECT name FROM idempotency"
                            " WHERE organization=?1 LIMIT ?2)",
        },
    .run = run,
};
