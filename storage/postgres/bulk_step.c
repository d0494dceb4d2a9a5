#include "storage/postgres/bulk_step.h"

// A run that is found for the job becomes an item, unless it is one; it takes the place of a row
// PG_BULK_GONE of its id.
#define ADD_ON_CONFLICT                                                                            \
    " ON CONFLICT(bulk_key, id) DO UPDATE SET outcome=excluded.outcome, due=excluded.due,"         \
    " as_of_revision=excluded.as_of_revision"                                                      \
    " WHERE bulk_item.outcome=4 AND excluded.outcome<>4 RETURNING outcome"

// $1 the job, $2 the ids, $3 as of when; $4 when an open item is due and $5 one that is not.
static const struct pg_statement add_open = {
    "bulk_add_open",
    "WITH added AS (INSERT INTO bulk_item(bulk_key, id, outcome, due, as_of_revision)"
    " SELECT DISTINCT $1::int8, u.id, 0, $4::int2, $3::int8 FROM unnest($2::bytea[])"
    " AS u(id)" ADD_ON_CONFLICT ") SELECT count(*), 0::int8, 0::int8 FROM added"};

// The same, of runs of the organization $6.
static const struct pg_statement add_judged = {
    "bulk_add_judged",
    "WITH judged AS (SELECT DISTINCT u.id, CASE WHEN r.status IS NULL THEN 3"
    " WHEN r.status IN (1, 2) THEN 0 ELSE 2 END AS outcome FROM unnest($2::bytea[]) AS u(id)"
    " LEFT JOIN run AS r ON r.organization=$6::bytea AND r.id=u.id),"
    " added AS (INSERT INTO bulk_item(bulk_key, id, outcome, due, as_of_revision)"
    " SELECT $1::int8, id, outcome, CASE WHEN outcome=0 THEN $4::int2 ELSE $5::int2 END, $3::int8"
    " FROM judged" ADD_ON_CONFLICT ") SELECT count(*), count(*) FILTER (WHERE outcome=2),"
    " count(*) FILTER (WHERE outcome=3) FROM added"};

// $1 the job, $2 the organization, $3 the parents, $4 the child to start behind, $5 how many, $6
// when they are due, $7 as of when.
static const struct pg_statement add_children = {
    "bulk_add_children",
    "WITH child AS (SELECT id, is_gone FROM run_parent WHERE organization=$2::bytea"
    " AND parent=ANY($3::bytea[]) AND id>$4::bytea ORDER BY id LIMIT $5::int4),"
    " added AS (INSERT INTO bulk_item(bulk_key, id, outcome, due, as_of_revision)"
    " SELECT $1::int8, id, CASE WHEN is_gone THEN 4 ELSE 0 END, $6::int2, $7::int8"
    " FROM child" ADD_ON_CONFLICT ") SELECT (SELECT count(*) FROM child),"
    " (SELECT id FROM child ORDER BY id DESC LIMIT 1),"
    " (SELECT count(*) FROM added WHERE outcome=0)"};

// Of the job $1 of the organization $4; with what its run is.
static const struct pg_statement find_due = {
    "bulk_find_due",
    "SELECT i.id, i.outcome, i.as_of_revision, r.status, r.created_revision FROM ("
    "SELECT id, outcome, as_of_revision FROM bulk_item WHERE bulk_key=$1::int8 AND due=$2::int2"
    " ORDER BY outcome, id LIMIT $3::int4) AS i LEFT JOIN run AS r"
    " ON r.organization=$4::bytea AND r.id=i.id ORDER BY i.outcome, i.id"};

static const struct pg_statement count_children = {
    "bulk_count_children",
    "SELECT parent, count(*) FROM run_parent"
    " WHERE organization=$1::bytea AND parent=ANY($2::bytea[]) GROUP BY parent ORDER BY parent"};

// Whether the job $2 of the organization $1 comes to the run $3 by an ancestor.
static const struct pg_statement is_descendant = {
    "bulk_is_descendant",
    "WITH RECURSIVE ancestor(id) AS (SELECT parent FROM run_parent"
    " WHERE organization=$1::bytea AND id=$3::bytea UNION SELECT p.parent FROM ancestor AS a"
    " JOIN run_parent AS p ON p.organization=$1::bytea AND p.id=a.id)"
    " SELECT EXISTS(SELECT 1 FROM ancestor AS a"
    " JOIN bulk_item AS j ON j.bulk_key=$2::int8 AND j.id=a.id AND j.outcome<>4"
    " JOIN run AS r ON r.organization=$1::bytea AND r.id=a.id"
    " WHERE r.created_revision<=j.as_of_revision)"};

static const struct pg_statement set_items = {
    "bulk_set_items", "UPDATE bulk_item AS i SET outcome=n.outcome, due=$4::int2"
                      " FROM unnest($2::bytea[], $3::int2[]) AS n(id, outcome)"
                      " WHERE i.bulk_key=$1::int8 AND i.id=n.id"};

static const struct pg_statement drop_gone = {
    "bulk_drop_gone", "DELETE FROM bulk_item WHERE bulk_key=$1::int8 AND id=ANY($2::bytea[])"
                      " AND outcome=4"};

static const struct pg_statement is_due = {
    "bulk_is_due", "SELECT EXISTS(SELECT 1 FROM bulk_item WHERE bulk_key=$1::int8 AND due=1),"
                   " EXISTS(SELECT 1 FROM bulk_item WHERE bulk_key=$1::int8 AND due=2)"};

// An item that is to be dealt with.
struct due_item {
    struct slice id;
    enum bulk_outcome outcome;
    int64_t as_of_revision;
    bool is_gone;   // a row PG_BULK_GONE, without an outcome
    bool has_run;   // there is one of its id, which may be another one
    int64_t status; // of that
    int64_t created_revision;
    int64_t children;
};

// Items that are dealt with in one go, and what became of them.
struct dealing {
    struct due_item *items;
    int count;
    struct pg_array ids; // of those that came to an outcome
    struct pg_array outcomes;
    struct pg_array passed; // ids of rows PG_BULK_GONE
    struct slice *parents;  // whose children, for whom there is room, are no items yet
    int parent_count;
    int64_t child_count;
};

static void add_due(struct pg_params *p, enum bulk_due due) {
    if (due == BULK_DUE_NEVER) {
        pg_add_null(p);
    } else {
        pg_add_int2(p, (int)due);
    }
}

enum pg_outcome pg_bulk_step_begin(struct pg_bulk_step *step, struct slice organization,
                                   struct slice id, bool *ret_found) {
    return pg_bulk_row_lock(step->work, step->arena, organization, id, &step->bulk, &step->row,
                            ret_found);
}

enum pg_outcome pg_bulk_step_add(struct pg_bulk_step *step, const struct slice *ids, int count,
                                 bool judges) {
    struct pg_params p;
    const PGresult *added;
    pg_params_init(&p, work_arena(step->work));
    pg_add_int8(&p, step->row.key);
    pg_add_bytes_array(&p, ids, count);
    pg_add_int8(&p, step->row.as_of_revision);
    add_due(&p, bulk_record_first_due(&step->bulk, BULK_OPEN));
    if (judges) {
        add_due(&p, bulk_record_first_due(&step->bulk, BULK_ALREADY_FINAL));
        pg_add_bytes(&p, step->bulk.organization);
    }
    enum pg_outcome outcome =
        pg_run(work_connection(step->work), judges ? &add_judged : &add_open, &p, &added);
    if (outcome == PG_OK) {
        step->bulk.total += pg_int(added, 0, 0);
        step->bulk.already_final += pg_int(added, 0, 1);
        step->bulk.not_found += pg_int(added, 0, 2);
    }
    return outcome;
}

static int64_t newest_revision(const struct pg_bulk_step *step) {
    return work_find_organization(step->work, step->bulk.organization)->revision;
}

// Makes items of up to most children of the parents, from behind after on. Returns how many it
// looked at, and the last of them.
static enum pg_outcome add_children_of(struct pg_bulk_step *step, const struct slice *parents,
                                       int count, struct slice after, int64_t most,
                                       int64_t *ret_looked, struct slice *ret_last) {
    struct pg_params p;
    const PGresult *added;
    pg_params_init(&p, work_arena(step->work));
    pg_add_int8(&p, step->row.key);
    pg_add_bytes(&p, step->bulk.organization);
    pg_add_bytes_array(&p, parents, count);
    pg_add_bytes(&p, after);
    pg_add_int4(&p, (int32_t)most);
    add_due(&p, bulk_record_first_due(&step->bulk, BULK_OPEN));
    pg_add_int8(&p, newest_revision(step));
    enum pg_outcome outcome = pg_run(work_connection(step->work), &add_children, &p, &added);
    if (outcome == PG_OK) {
        *ret_looked = pg_int(added, 0, 0);
        *ret_last = pg_copy(work_arena(step->work), added, 0, 1);
        step->bulk.total += pg_int(added, 0, 2);
    }
    return outcome;
}

// Makes items of children of the row's parent, from behind its cursor on.
static enum pg_outcome go_on_with_parent(struct pg_bulk_step *step) {
    struct pg_bulk_row *row = &step->row;
    int64_t looked = 0;
    struct slice last = SLICE_EMPTY;
    enum pg_outcome outcome =
        add_children_of(step, &row->parent_id, 1, row->cursor_id, step->left, &looked, &last);
    if (outcome != PG_OK) {
        return outcome;
    }
    bool is_last = looked < step->left; // there are no more than there was room for
    step->left -= (int)looked;
    if (is_last) {
        row->parent_id = SLICE_EMPTY;
        row->cursor_id = SLICE_EMPTY;
    } else if (looked > 0) {
        row->cursor_id = last;
    }
    return PG_OK;
}

static bool has_parent(const struct pg_bulk_step *step) {
    return step->row.parent_id.len > 0;
}

static enum pg_outcome read_due(struct pg_bulk_step *step, enum bulk_due due, struct dealing *d) {
    struct arena *a = work_arena(step->work);
    struct pg_params p;
    const PGresult *found;
    pg_params_init(&p, a);
    pg_add_int8(&p, step->row.key);
    pg_add_int2(&p, (int)due);
    pg_add_int4(&p, step->left);
    pg_add_bytes(&p, step->bulk.organization);
    enum pg_outcome outcome = pg_run(work_connection(step->work), &find_due, &p, &found);
    if (outcome != PG_OK) {
        return outcome;
    }
    d->count = pg_row_count(found);
    d->items = ARENA_ARRAY(a, struct due_item, d->count);
    for (int i = 0; i < d->count; i++) {
        bool is_gone = pg_int(found, i, 1) == PG_BULK_GONE;
        d->items[i] = (struct due_item){
            .id = pg_copy(a, found, i, 0),
            .outcome = is_gone ? BULK_OPEN : (enum bulk_outcome)pg_int(found, i, 1),
            .as_of_revision = pg_int(found, i, 2),
            .is_gone = is_gone,
            .has_run = !pg_is_null(found, i, 3),
            .status = pg_int(found, i, 3),
            .created_revision = pg_int(found, i, 4),
        };
    }
    return PG_OK;
}

// Reads how many children the runs of the items have.
static enum pg_outcome read_children(struct pg_bulk_step *step, struct dealing *d) {
    struct arena *a = work_arena(step->work);
    struct slice *ids = ARENA_ARRAY(a, struct slice, d->count);
    struct pg_params p;
    const PGresult *counts;
    for (int i = 0; i < d->count; i++) {
        ids[i] = d->items[i].id;
    }
    pg_params_init(&p, a);
    pg_add_bytes(&p, step->bulk.organization);
    pg_add_bytes_array(&p, ids, d->count);
    enum pg_outcome outcome = pg_run(work_connection(step->work), &count_children, &p, &counts);
    int rows = outcome == PG_OK ? pg_row_count(counts) : 0;
    for (int row = 0; row < rows; row++) {
        struct slice parent = pg_bytes(counts, row, 0);
        for (int i = 0; i < d->count; i++) {
            if (slice_equal(d->items[i].id, parent)) {
                d->items[i].children = pg_int(counts, row, 1);
            }
        }
    }
    return outcome;
}

// Whether the run of the item may have to be cancelled.
static bool may_cancel(const struct pg_bulk_step *step, const struct due_item *item) {
    return step->cancel != NULL && !item->is_gone && item->outcome == BULK_OPEN && item->has_run &&
           run_status_is_active((enum run_status)item->status);
}

// Reads what is needed to deal with the items.
static enum pg_outcome prepare(struct pg_bulk_step *step, struct dealing *d) {
    struct arena *a = work_arena(step->work);
    pg_array_init(&d->ids, a, PG_BYTEA);
    pg_array_init(&d->outcomes, a, PG_INT2);
    pg_array_init(&d->passed, a, PG_BYTEA);
    d->parents = ARENA_ARRAY(a, struct slice, d->count);
    d->parent_count = 0;
    d->child_count = 0;
    enum pg_outcome outcome = step->bulk.cascades ? read_children(step, d) : PG_OK;
    bool wants_any = false;
    for (int i = 0; outcome == PG_OK && i < d->count; i++) {
        if (may_cancel(step, &d->items[i])) {
            work_want_bare_run(step->work, step->bulk.organization, d->items[i].id);
            wants_any = true;
        }
    }
    return outcome == PG_OK && wants_any ? work_load(step->work) : outcome;
}

// Makes items of the children for whom there was room.
static enum pg_outcome write_children(struct pg_bulk_step *step, struct dealing *d) {
    int64_t looked;
    struct slice last;
    enum pg_outcome outcome = d->parent_count > 0
                                  ? add_children_of(step, d->parents, d->parent_count, SLICE_EMPTY,
                                                    d->child_count, &looked, &last)
                                  : PG_OK;
    d->parent_count = 0;
    d->child_count = 0;
    return outcome;
}

// Queues what became of the items.
static void queue_items(struct pg_bulk_step *step, enum bulk_due due, struct dealing *d) {
    struct pg_connection *c = work_connection(step->work);
    struct pg_params p;
    if (d->ids.count > 0) {
        pg_params_init(&p, work_arena(step->work));
        pg_add_int8(&p, step->row.key);
        pg_add_array(&p, &d->ids);
        pg_add_array(&p, &d->outcomes);
        add_due(&p, bulk_due_after(due));
        pg_queue(c, &set_items, &p, NULL);
    }
    if (d->passed.count > 0) {
        pg_params_init(&p, work_arena(step->work));
        pg_add_int8(&p, step->row.key);
        pg_add_array(&p, &d->passed);
        pg_queue(c, &drop_gone, &p, NULL);
    }
}

// Makes items of the children of the item's run; as many as there is room for.
static enum pg_outcome go_through(struct pg_bulk_step *step, struct dealing *d,
                                  const struct due_item *item) {
    if (item->children <= step->left) {
        if (item->children > 0) {
            d->parents[d->parent_count++] = item->id;
            d->child_count += item->children;
            step->left -= (int)item->children;
        }
        return PG_OK;
    }
    enum pg_outcome outcome = write_children(step, d);
    step->row.parent_id = item->id;
    step->row.cursor_id = SLICE_EMPTY;
    return outcome == PG_OK && step->left > 0 ? go_on_with_parent(step) : outcome;
}

// Whether the run of the item's id is the one that the item is about, not one that was created
// later under the id of that: such a one is meant only where the job comes to it by an ancestor,
// which may not have been dealt with yet.
static enum pg_outcome is_meant(struct pg_bulk_step *step, struct dealing *d,
                                const struct due_item *item, bool *ret) {
    int64_t created = item->created_revision;
    *ret =
        item->has_run && (created <= step->row.as_of_revision || created <= item->as_of_revision);
    if (*ret || !item->has_run || !step->bulk.cascades) {
        return PG_OK;
    }
    enum pg_outcome outcome = write_children(step, d);
    if (outcome != PG_OK) {
        return outcome;
    }
    struct pg_params p;
    const PGresult *found;
    pg_params_init(&p, work_arena(step->work));
    pg_add_bytes(&p, step->bulk.organization);
    pg_add_int8(&p, step->row.key);
    pg_add_bytes(&p, item->id);
    outcome = pg_run(work_connection(step->work), &is_descendant, &p, &found);
    *ret = outcome == PG_OK && pg_bool(found, 0, 0);
    return outcome;
}

// Returns what an open item comes to, and cancels its run if that is to be.
static enum bulk_outcome judge(struct pg_bulk_step *step, const struct due_item *item,
                               bool is_there) {
    if (!is_there) {
        return BULK_NOT_FOUND;
    }
    if (!run_status_is_active((enum run_status)item->status)) {
        return BULK_ALREADY_FINAL;
    }
    if (step->cancel == NULL) {
        return BULK_OPEN;
    }
    step->cancel(step, work_find_run(step->work, step->bulk.organization, item->id));
    return BULK_CANCELLED;
}

// Whether the children of the item's run are meant by the job too. Kinship goes on through a run
// that was deleted, but that one is not what has its id now.
static bool goes_on(const struct pg_bulk_step *step, const struct due_item *item, bool is_there) {
    bool is_another = item->has_run && !is_there;
    return step->bulk.cascades && !is_another && (item->outcome != BULK_NOT_FOUND || !is_there);
}

static enum pg_outcome deal_with(struct pg_bulk_step *step, struct dealing *d,
                                 const struct due_item *item) {
    step->left--;
    if (item->is_gone) {
        pg_array_bytes(&d->passed, item->id);
        return go_through(step, d, item);
    }
    bool is_there = false;
    enum pg_outcome outcome = is_meant(step, d, item, &is_there);
    if (outcome != PG_OK) {
        return outcome;
    }
    enum bulk_outcome came_to =
        item->outcome == BULK_OPEN ? judge(step, item, is_there) : item->outcome;
    if (came_to != item->outcome) {
        bulk_record_count(&step->bulk, came_to);
    }
    pg_array_bytes(&d->ids, item->id);
    pg_array_int2(&d->outcomes, (int)came_to);
    return goes_on(step, item, is_there) ? go_through(step, d, item) : PG_OK;
}

// Deals with the items in turn, until there is no more room.
static enum pg_outcome deal_with_all(struct pg_bulk_step *step, enum bulk_due due,
                                     struct dealing *d) {
    enum pg_outcome outcome = prepare(step, d);
    for (int i = 0; outcome == PG_OK && i < d->count && step->left > 0 && !has_parent(step); i++) {
        outcome = deal_with(step, d, &d->items[i]);
    }
    if (outcome != PG_OK) {
        return outcome;
    }
    queue_items(step, due, d);
    return write_children(step, d);
}

enum pg_outcome pg_bulk_step_deal(struct pg_bulk_step *step, enum bulk_due due) {
    enum pg_outcome outcome = has_parent(step) ? go_on_with_parent(step) : PG_OK;
    while (outcome == PG_OK && step->left > 0 && !has_parent(step)) {
        struct dealing d;
        outcome = read_due(step, due, &d);
        if (outcome != PG_OK || d.count == 0) {
            return outcome;
        }
        outcome = deal_with_all(step, due, &d);
    }
    return outcome;
}

// Whether items are due while the job is being planned, and once it runs.
static enum pg_outcome read_is_due(struct pg_bulk_step *step, bool *ret_plan, bool *ret_run) {
    struct pg_params p;
    const PGresult *due;
    pg_params_init(&p, work_arena(step->work));
    pg_add_int8(&p, step->row.key);
    enum pg_outcome outcome = pg_run(work_connection(step->work), &is_due, &p, &due);
    *ret_plan = outcome == PG_OK && pg_bool(due, 0, 0);
    *ret_run = outcome == PG_OK && pg_bool(due, 0, 1);
    return outcome;
}

enum pg_outcome pg_bulk_step_is_over(struct pg_bulk_step *step, enum bulk_due due, bool *ret) {
    bool plans;
    bool runs;
    enum pg_outcome outcome = read_is_due(step, &plans, &runs);
    *ret = !has_parent(step) && !(due == BULK_DUE_PLAN ? plans : runs);
    return outcome;
}

enum pg_outcome pg_bulk_step_settle(struct pg_bulk_step *step, int64_t at_us) {
    bool plans;
    bool runs;
    enum pg_outcome outcome = read_is_due(step, &plans, &runs);
    if (outcome == PG_OK && !plans && !has_parent(step)) {
        bulk_record_become(&step->bulk, bulk_record_planned(&step->bulk, runs), at_us);
    }
    return outcome;
}
