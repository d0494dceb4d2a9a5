#include "storage/sqlite/bulk_step.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"

// An item that is to be dealt with.
struct due_item {
    struct run_id id; // without its text if it is a UUID
    enum bulk_outcome outcome;
    bool is_gone; // a row BULK_ROW_GONE, without an outcome
};

int bulk_step_begin(struct bulk_step *step, struct slice organization, struct slice id) {
    int rc =
        bulk_row_find(step->arena, step->s[BULK_FIND], organization, id, &step->bulk, &step->row);
    step->state_in_row = step->bulk.state;
    return rc;
}

int bulk_step_write(struct bulk_step *step) {
    bool is_progress = step->bulk.state == step->state_in_row;
    return bulk_row_update(step->s[is_progress ? BULK_PROGRESS : BULK_UPDATE], &step->bulk,
                           &step->row);
}

static void bind_due(sqlite3_stmt *s, int index, enum bulk_due due) {
    if (due == BULK_DUE_NEVER) {
        sqlite3_bind_null(s, index);
    } else {
        sqlite3_bind_int(s, index, (int)due);
    }
}

int bulk_step_add_item(struct bulk_step *step, const struct run_id *id, enum bulk_outcome outcome,
                       int64_t newest_event) {
    sqlite3_stmt *s = step->s[BULK_ADD_ITEM];
    sqlite3_bind_int64(s, 1, step->row.key);
    run_id_bind(s, 2, id);
    sqlite3_bind_int(s, 3, (int)outcome);
    bind_due(s, 4, bulk_record_first_due(&step->bulk, outcome));
    sqlite3_bind_int64(s, 5, newest_event);
    int rc = sqlite_step_once(s);
    if (rc == SQLITE_OK && sqlite3_changes(step->session->db) == 1) {
        step->bulk.total++;
        bulk_record_count(&step->bulk, outcome);
    }
    return rc;
}

// Adds a row for the run, which is gone, unless it has one.
static int add_gone(struct bulk_step *step, const struct run_id *id) {
    sqlite3_stmt *s = step->s[BULK_ADD_ITEM];
    sqlite3_bind_int64(s, 1, step->row.key);
    run_id_bind(s, 2, id);
    sqlite3_bind_int(s, 3, BULK_ROW_GONE);
    bind_due(s, 4, bulk_record_first_due(&step->bulk, BULK_OPEN));
    sqlite3_bind_int64(s, 5, step->session->events.last);
    return sqlite_step_once(s);
}

// Returns the id in column, without its text if it is a UUID, with copies in the step's arena.
static struct run_id copy_id(const struct bulk_step *step, sqlite3_stmt *s, int column) {
    struct run_id id = run_id_peek(s, column);
    if (!id.is_uuid) {
        id.text = arena_copy(step->arena, id.text);
    }
    return id;
}

static bool has_parent(const struct bulk_row *row) {
    return row->parent_id.is_uuid || row->parent_id.text.len > 0;
}

// Makes items of children of the row's parent, from behind its cursor on.
static int add_children(struct bulk_step *step) {
    static const struct run_id none = {.is_uuid = false};
    struct bulk_row *row = &step->row;
    sqlite3_stmt *s = step->s[BULK_CHILDREN];
    sqlite_bind_text(s, 1, step->bulk.organization);
    run_id_bind(s, 2, &row->parent_id);
    run_id_bind(s, 3, &row->cursor_id);
    sqlite3_bind_int(s, 4, step->left);
    int rc = SQLITE_ROW;
    int room = step->left;
    struct run_id last = row->cursor_id;
    while (rc == SQLITE_ROW && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        step->left--;
        last = copy_id(step, s, 0);
        bool is_gone = sqlite3_column_int(s, 1) != 0;
        int added = is_gone
                        ? add_gone(step, &last)
                        : bulk_step_add_item(step, &last, BULK_OPEN, step->session->events.last);
        rc = added == SQLITE_OK ? SQLITE_ROW : added;
    }
    sqlite3_reset(s);
    row->cursor_id = last; // no longer bound
    if (rc != SQLITE_DONE) {
        return rc;
    }
    if (room > 0 && step->left > 0) { // there are no more than there was room for
        row->parent_id = none;
        row->cursor_id = none;
    }
    return SQLITE_OK;
}

static int find_due(struct bulk_step *step, enum bulk_due due, int most, struct due_item *items,
                    int *ret_count) {
    sqlite3_stmt *s = step->s[BULK_DUE_ITEMS];
    sqlite3_bind_int64(s, 1, step->row.key);
    sqlite3_bind_int(s, 2, (int)due);
    sqlite3_bind_int(s, 3, most);
    int rc;
    *ret_count = 0;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        int outcome = sqlite3_column_int(s, 1);
        bool is_gone = outcome == BULK_ROW_GONE;
        items[(*ret_count)++] =
            (struct due_item){.id = copy_id(step, s, 0),
                              .outcome = is_gone ? BULK_OPEN : (enum bulk_outcome)outcome,
                              .is_gone = is_gone};
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Reads the run without its body. Returns SQLite's code; SQLITE_DONE if there is none.
static int read_run(struct bulk_step *step, struct run_change *c) {
    sqlite3_stmt *s = step->s[BULK_READ_RUN];
    sqlite_bind_text(s, 1, step->bulk.organization);
    run_id_bind(s, 2, &c->id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        rc = run_row_read(step->session, step->arena, s, &c->before, &c->row);
    }
    sqlite3_reset(s);
    return rc;
}

// Whether the run of c is the one that its item is about, not one that was created later under the
// id of that: such a one is meant only where the job comes to it by an ancestor, which may not have
// been dealt with yet.
static int is_meant(struct bulk_step *step, const struct run_change *c, bool *ret) {
    *ret = c->row.run_key <= step->row.newest_event;
    if (*ret) {
        return SQLITE_OK;
    }
    sqlite3_stmt *s = step->s[BULK_IS_MEANT];
    sqlite_bind_text(s, 1, step->bulk.organization);
    run_id_bind(s, 2, &c->id);
    sqlite3_bind_int64(s, 3, step->row.key);
    sqlite3_bind_int64(s, 4, c->row.run_key);
    int rc = sqlite3_step(s);
    *ret = rc == SQLITE_ROW && sqlite3_column_int(s, 0) != 0;
    sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

// Finds what an open item comes to, and cancels its run if that is to be.
static int judge(struct bulk_step *step, struct run_change *c, bool is_there,
                 enum bulk_outcome *ret_outcome) {
    int rc = SQLITE_OK;
    if (!is_there) {
        *ret_outcome = BULK_NOT_FOUND;
    } else if (!run_status_is_active(c->before.status)) {
        *ret_outcome = BULK_ALREADY_FINAL;
    } else if (step->cancel != NULL) {
        *ret_outcome = BULK_CANCELLED;
        rc = step->cancel(step, c);
    }
    return rc;
}

// Items one after the other, in the order of the index, that came to the same.
struct same_items {
    const struct due_item *first;
    const struct due_item *last;
    enum bulk_outcome outcome;
    enum bulk_due due; // as they were
    int count;
};

// Writes the items, of which there may be none, in one statement. No other is due between them.
static int write_items(struct bulk_step *step, const struct same_items *same) {
    sqlite3_stmt *s = step->s[same->count == 1 ? BULK_SET_ITEM : BULK_SET_ITEMS];
    int at = same->count == 1 ? 3 : 4;
    if (same->count == 0) {
        return SQLITE_OK;
    }
    sqlite3_bind_int64(s, 1, step->row.key);
    run_id_bind(s, 2, &same->first->id);
    sqlite3_bind_int(s, at, (int)same->outcome);
    bind_due(s, at + 1, bulk_due_after(same->due));
    if (same->count > 1) {
        run_id_bind(s, 3, &same->last->id);
        sqlite3_bind_int(s, 6, (int)same->first->outcome);
        bind_due(s, 7, same->due);
    }
    int rc = sqlite_step_once(s);
    // They were read in this very transaction.
    return rc == SQLITE_OK && sqlite3_changes(step->session->db) != same->count ? SQLITE_CORRUPT
                                                                                : rc;
}

// Takes the item, which came to outcome, to those before it if it came to the same, else writes
// those.
static int note_item(struct bulk_step *step, struct same_items *same, const struct due_item *item,
                     enum bulk_outcome outcome) {
    int rc = SQLITE_OK;
    if (outcome != item->outcome) {
        bulk_record_count(&step->bulk, outcome);
    }
    if (same->count > 0 && (same->outcome != outcome || same->first->outcome != item->outcome)) {
        rc = write_items(step, same);
        same->count = 0;
    }
    same->first = same->count == 0 ? item : same->first;
    same->last = item;
    same->outcome = outcome;
    same->count++;
    return rc;
}

// Makes items of the children of the run of id, after those of same were written: they may come
// between.
static int go_through(struct bulk_step *step, struct same_items *same, const struct run_id *id) {
    int rc = write_items(step, same);
    same->count = 0;
    step->row.parent_id = *id;
    return rc == SQLITE_OK ? add_children(step) : rc;
}

// Goes through the run, which was gone, and has no row from then on.
static int pass(struct bulk_step *step, struct same_items *same, const struct due_item *item) {
    sqlite3_stmt *s = step->s[BULK_DROP_GONE];
    sqlite3_bind_int64(s, 1, step->row.key);
    run_id_bind(s, 2, &item->id);
    step->left--;
    int rc = sqlite_step_once(s);
    return rc == SQLITE_OK ? go_through(step, same, &item->id) : rc;
}

// Whether the children of the item's run are meant by the job too. Kinship goes on through a run
// that was deleted, but that one is not what has its id now.
static bool goes_on(const struct bulk_step *step, const struct due_item *item, bool is_there,
                    bool is_another) {
    return step->bulk.cascades && !is_another && (item->outcome != BULK_NOT_FOUND || !is_there);
}

static int deal_with(struct bulk_step *step, struct same_items *same, const struct due_item *item) {
    struct run_change c = {.id = item->id};
    enum bulk_outcome outcome = item->outcome;
    step->left--;
    int rc = read_run(step, &c);
    bool is_there = false;
    bool is_taken = rc == SQLITE_OK;
    rc = rc == SQLITE_OK ? is_meant(step, &c, &is_there) : rc == SQLITE_DONE ? SQLITE_OK : rc;
    if (rc == SQLITE_OK && outcome == BULK_OPEN) {
        rc = judge(step, &c, is_there, &outcome);
    }
    if (rc == SQLITE_OK) {
        rc = note_item(step, same, item, outcome);
    }
    return rc == SQLITE_OK && goes_on(step, item, is_there, is_taken && !is_there)
               ? go_through(step, same, &item->id)
               : rc;
}

// Deals with the items in turn, until there is no more room.
static int deal_with_all(struct bulk_step *step, enum bulk_due due, const struct due_item *items,
                         int count) {
    struct same_items same = {.due = due, .count = 0};
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < count && step->left > 0 && !has_parent(&step->row);
         i++) {
        rc = items[i].is_gone ? pass(step, &same, &items[i]) : deal_with(step, &same, &items[i]);
    }
    return rc == SQLITE_OK ? write_items(step, &same) : rc;
}

int bulk_step_deal(struct bulk_step *step, enum bulk_due due) {
    int rc = has_parent(&step->row) ? add_children(step) : SQLITE_OK;
    while (rc == SQLITE_OK && step->left > 0 && !has_parent(&step->row)) {
        struct due_item *items = ARENA_ARRAY(step->arena, struct due_item, step->left);
        int count = 0;
        rc = find_due(step, due, step->left, items, &count);
        if (rc != SQLITE_OK || count == 0) {
            return rc;
        }
        rc = deal_with_all(step, due, items, count);
    }
    return rc;
}

int bulk_step_is_over(struct bulk_step *step, enum bulk_due due, bool *ret) {
    struct due_item one;
    int count = 0;
    int rc = has_parent(&step->row) ? SQLITE_OK : find_due(step, due, 1, &one, &count);
    *ret = !has_parent(&step->row) && count == 0;
    return rc;
}

int bulk_step_settle(struct bulk_step *step, int64_t at_us) {
    bool is_planned;
    bool has_nothing;
    int rc = bulk_step_is_over(step, BULK_DUE_PLAN, &is_planned);
    if (rc != SQLITE_OK || !is_planned) {
        return rc;
    }
    rc = bulk_step_is_over(step, BULK_DUE_RUN, &has_nothing);
    if (rc == SQLITE_OK) {
        bulk_record_become(&step->bulk, bulk_record_planned(&step->bulk, !has_nothing), at_us);
    }
    return rc;
}
