#include "storage/op/list_runs.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/term_row.h"
#include "storage/sqlite/workflow_row.h"

// How many index rows one listing looks at before it stops with has_more.
enum { SCAN_LIMIT = 10000 };

// After how many bytes of runs it stops with has_more: what is above one reply is
// read in vain, and a page of the largest runs would be gigabytes.
enum { BYTE_LIMIT = 4 * 1024 * 1024 };

enum { SELECT_BODY, BY_START, BY_WORKFLOW, ACTIVE, HELD, BY_ID, SELECT_WORKFLOW, SELECT_RUN };

// ?1 organization; ?2, ?3 the place to start behind; ?4 the exclusive lower
// bound of started_at; ?5 what else is asked by. The index is named so that no statistics
// can change the plan.
#define LIST_SQL(index, where)                                                                     \
    "SELECT " RUN_ROW_COLUMNS " FROM run AS r INDEXED BY " index                                   \
    " WHERE organization=?1 AND (started_at, id)<(?2, ?3) AND started_at>?4" where                 \
    " ORDER BY started_at DESC, id DESC"

// As LIST_SQL, of those that ?5 holds.
#define HELD_SQL                                                                                   \
    "SELECT " RUN_ROW_COLUMNS " FROM run_term AS t INDEXED BY term_held CROSS JOIN run AS r"       \
    " WHERE t." TERM_ROW_HELD_SQL " AND t.organization=?1 AND t.holder=?5"                         \
    " AND (t.started_at, t.id)<(?2, ?3) AND t.started_at>?4"                                       \
    " AND r.organization=t.organization AND r.id=t.id"                                             \
    " ORDER BY t.started_at DESC, t.id DESC"

// Picks the index that has the fewest rows to look at.
static int list_statement(const struct store_list_runs *l) {
    if (l->holder.len > 0) {
        return HELD;
    }
    if ((l->status & ~RUN_STATUS_ACTIVE) == 0) {
        return ACTIVE;
    }
    return l->workflow_id.len > 0 ? BY_WORKFLOW : BY_START;
}

// The place that both bounds from above, the cursor and started_before_us,
// put the listing behind.
static struct store_cursor list_upper_bound(const struct store_list_runs *l) {
    if (l->has_cursor && l->cursor.started_at_us < l->started_before_us) {
        return l->cursor;
    }
    return (struct store_cursor){l->started_before_us, SLICE_EMPTY};
}

// A listing that is being collected.
struct listing {
    struct session *session;
    struct store_list_runs *list;
    int64_t workflow_key; // 0: all
    bool *is_old;         // of each run in list: read without all that made it what it is
    int is_old_capacity;
    bool has_old;
};

// Whether the row at s, of RUN_ROW_COLUMNS, is of a run that is asked for.
static bool is_wanted(const struct listing *l, sqlite3_stmt *s) {
    int status = run_row_status(l->session, s);
    if (!run_row_status_is_sound(status)) {
        return true; // which is how it is found out
    }
    return (RUN_STATUS_BIT(status) & l->list->status) != 0 &&
           (l->workflow_key == 0 ||
            sqlite3_column_int64(s, RUN_ROW_WORKFLOW_KEY) == l->workflow_key);
}

static void set_more(struct store_list_runs *l, const struct run_record *last) {
    l->ret_has_more = true;
    l->ret_cursor = (struct store_cursor){last->started_at_us, last->id};
}

// Notes whether the run that was read is to be read again.
static void note_age(struct listing *listing) {
    struct store_list_runs *l = listing->list;
    listing->is_old = rows_grow(l->op.arena, listing->is_old, l->ret_count,
                                &listing->is_old_capacity, sizeof(listing->is_old[0]));
    listing->is_old[l->ret_count] = listing->session->is_old;
    listing->has_old = listing->has_old || listing->session->is_old;
}

// Reads again, in newer snapshots, the runs that were changed while the listing was read, and
// leaves out those that are no longer asked for, or no longer there: another run may have their id.
static int read_old_again(const struct listing *listing, sqlite3_stmt *s) {
    struct store_list_runs *l = listing->list;
    int count = l->ret_count;
    l->ret_count = 0;
    for (int i = 0; i < count; i++) {
        struct run_record run = l->ret_runs[i];
        if (listing->is_old[i]) {
            struct run_id id = run_id_of(run.id);
            struct run_row row;
            int rc =
                run_read_whole(listing->session, l->op.arena, s, l->organization, &id, &run, &row);
            if (rc != SQLITE_OK && rc != SQLITE_DONE) {
                return rc;
            }
            if (rc == SQLITE_DONE || run.started_at_us != l->ret_runs[i].started_at_us) {
                continue;
            }
        }
        if ((RUN_STATUS_BIT(run.status) & l->status) != 0) {
            l->ret_runs[l->ret_count++] = run;
        }
    }
    return SQLITE_OK;
}

// Collects what s returns: up to limit runs or the byte limit, and whether
// there is more, which one more wanted row or a limit tells.
static int collect_runs(struct listing *listing, sqlite3_stmt *s, sqlite3_stmt *select_body) {
    struct store_list_runs *l = listing->list;
    struct arena *a = l->op.arena;
    int capacity = 0;
    size_t bytes = 0;
    int rc;
    for (int scanned = 1; (rc = sqlite3_step(s)) == SQLITE_ROW; scanned++) {
        bool wanted = is_wanted(listing, s);
        if (l->ret_count == l->limit) {
            if (wanted || scanned > SCAN_LIMIT) {
                set_more(l, &l->ret_runs[l->ret_count - 1]);
                return SQLITE_OK;
            }
            continue;
        }
        if (!wanted && scanned < SCAN_LIMIT) {
            continue;
        }
        struct run_record run = {.sequence = 0};
        struct run_row row;
        listing->session->is_old = false;
        rc = run_row_read(listing->session, a, s, &run, &row);
        if (rc == SQLITE_OK && wanted) {
            rc = run_body_read(a, select_body, row.run_key, &run);
        }
        if (rc != SQLITE_OK) {
            return rc;
        }
        if (wanted) {
            note_age(listing);
            l->ret_runs = rows_grow(a, l->ret_runs, l->ret_count, &capacity, sizeof(run));
            l->ret_runs[l->ret_count++] = run;
            bytes += run.spec.len + run_fields_bytes(&run.fields, RUN_FIELDS_ALL);
        }
        bool is_enough = scanned >= SCAN_LIMIT || bytes >= BYTE_LIMIT;
        if (is_enough && l->ret_count < l->limit) {
            set_more(l, &run);
            return SQLITE_OK;
        }
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Collects what the selection returns.
static int list(struct listing *listing, sqlite3_stmt *const *statements) {
    const struct store_list_runs *l = listing->list;
    struct store_cursor upper = list_upper_bound(l);
    struct run_id upper_id = run_id_of(upper.id);
    int which = list_statement(l);
    sqlite3_stmt *s = statements[which];
    sqlite_bind_text(s, 1, l->organization);
    sqlite3_bind_int64(s, 2, upper.started_at_us);
    run_id_bind(s, 3, &upper_id);
    sqlite3_bind_int64(s, 4, l->started_after_us);
    if (which == HELD) {
        sqlite_bind_text(s, 5, l->holder);
    } else if (which == BY_WORKFLOW) {
        sqlite3_bind_int64(s, 5, listing->workflow_key);
    }
    int rc = collect_runs(listing, s, statements[SELECT_BODY]);
    sqlite3_reset(s);
    return rc;
}

// A run that is asked for by its id, and its place in the list.
struct place {
    int64_t started_at_us;
    struct run_id id;
};

// In the order of the indexes, backwards; SQLite has blobs behind texts.
static int compare_places(const void *pa, const void *pb) {
    const struct place *a = pa;
    const struct place *b = pb;
    if (a->started_at_us != b->started_at_us) {
        return a->started_at_us > b->started_at_us ? -1 : 1;
    }
    if (a->id.is_uuid != b->id.is_uuid) {
        return a->id.is_uuid ? -1 : 1;
    }
    return slice_compare(run_id_stored(&b->id), run_id_stored(&a->id));
}

// Finds which of the runs that are asked for by their ids are there and within the bounds, and
// puts them in the list's order.
static int find_places(const struct store_list_runs *l, sqlite3_stmt *s, struct place *ret_places,
                       int *ret_count) {
    struct store_cursor upper = list_upper_bound(l);
    struct run_id upper_id = run_id_of(upper.id);
    int count = 0;
    for (int i = 0; i < l->id_count; i++) {
        struct place *p = &ret_places[count];
        p->id = run_id_of(l->ids[i]);
        sqlite_bind_text(s, 1, l->organization);
        sqlite3_bind_int64(s, 2, upper.started_at_us);
        run_id_bind(s, 3, &upper_id);
        sqlite3_bind_int64(s, 4, l->started_after_us);
        run_id_bind(s, 5, &p->id);
        int rc = sqlite3_step(s);
        p->started_at_us = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
        count += rc == SQLITE_ROW;
        sqlite3_reset(s);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            return rc;
        }
    }
    qsort(ret_places, (size_t)count, sizeof(ret_places[0]), compare_places);
    *ret_count = 0;
    for (int i = 0; i < count; i++) {
        if (i == 0 || compare_places(&ret_places[i - 1], &ret_places[i]) != 0) {
            ret_places[(*ret_count)++] = ret_places[i];
        }
    }
    return SQLITE_OK;
}

// Lists of the runs with certain ids those that are asked for.
static int list_by_ids(const struct listing *listing, sqlite3_stmt *const *s) {
    struct store_list_runs *l = listing->list;
    struct arena *a = l->op.arena;
    struct place *places = ARENA_ARRAY(a, struct place, l->id_count);
    int count = 0;
    int capacity = 0;
    size_t bytes = 0;
    int rc = find_places(l, s[BY_ID], places, &count);
    for (int i = 0; rc == SQLITE_OK && i < count; i++) {
        if (l->ret_count == l->limit || bytes >= BYTE_LIMIT) {
            l->ret_has_more = true;
            l->ret_cursor =
                (struct store_cursor){places[i - 1].started_at_us, places[i - 1].id.text};
            break;
        }
        struct run_record run;
        struct run_row row;
        rc = run_read_whole(listing->session, a, s[SELECT_RUN], l->organization, &places[i].id,
                            &run, &row);
        if (rc == SQLITE_DONE ||
            (rc == SQLITE_OK && run.started_at_us != places[i].started_at_us)) {
            rc = SQLITE_OK; // it was deleted since, and another one may have its id
            continue;
        }
        if (rc == SQLITE_OK && (RUN_STATUS_BIT(run.status) & l->status) != 0 &&
            (listing->workflow_key == 0 || row.workflow_key == listing->workflow_key) &&
            (l->holder.len == 0 || slice_equal(run.holder, l->holder))) {
            l->ret_runs = rows_grow(a, l->ret_runs, l->ret_count, &capacity, sizeof(run));
            l->ret_runs[l->ret_count++] = run;
            bytes += run.spec.len + run_fields_bytes(&run.fields, RUN_FIELDS_ALL);
        }
    }
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_list_runs *l = CONTAINER_OF(op, struct store_list_runs, op);
    struct listing listing = {.session = session, .list = l};
    CHECK(l->limit >= 1);
    l->ret_runs = NULL;
    l->ret_count = 0;
    l->ret_has_more = false;
    op->result = STORE_OK;
    struct organization_head head;
    int rc = session_read_head(session, l->organization, &head);
    if (rc != SQLITE_OK) {
        return rc;
    }
    l->ret_newest_revision = head.revision;
    if (l->workflow_id.len > 0) {
        rc = workflow_row_find(s[SELECT_WORKFLOW], l->organization, l->workflow_id,
                               &listing.workflow_key);
        if (rc != SQLITE_OK) {
            return rc == SQLITE_DONE ? SQLITE_OK : rc; // no run is of it
        }
    }
    if (l->id_count > 0) {
        return list_by_ids(&listing, s);
    }
    rc = list(&listing, s);
    return rc == SQLITE_OK && listing.has_old ? read_old_again(&listing, s[SELECT_RUN]) : rc;
}

const struct sqlite_op sqlite_list_runs = {
    .sql =
        {
            [SELECT_BODY] = RUN_BODY_SELECT_SQL,
            [BY_START] = LIST_SQL("run_by_start", ""),
            [BY_WORKFLOW] = LIST_SQL("run_by_workflow", " AND workflow_key=?5"),
            [ACTIVE] = LIST_SQL("run_active", " AND " RUN_ROW_ACTIVE_SQL),
            [HELD] = HELD_SQL,
            [BY_ID] = "SELECT started_at FROM run WHERE organization=?1 AND id=?5"
                      " AND (started_at, id)<(?2, ?3) AND started_at>?4",
            [SELECT_WORKFLOW] = WORKFLOW_ROW_FIND_SQL,
            [SELECT_RUN] = RUN_READ_SQL,
        },
    .run = run,
    .is_long = true,
};
