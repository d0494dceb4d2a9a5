#ifndef RUNSD_STORAGE_SQLITE_BULK_STEP_H
#define RUNSD_STORAGE_SQLITE_BULK_STEP_H

#include "storage/sqlite/bulk_row.h"
#include "storage/sqlite/run_change.h"

// What the operations share that take a job a step further: items are added, and dealt with. Where
// the job cascades the children of a run become items once the run was dealt with; as many as the
// step has room for, so that the next one goes on with them. A child that is gone
// (storage/sqlite/family_row.h) gets a row of its own, BULK_ROW_GONE, until its children are items.

struct bulk_step {
    struct session *session;
    struct arena *arena;
    sqlite3_stmt *const *s; // the operation's, which begin with those of enum bulk_statement
    struct bulk_record bulk;
    struct bulk_row row;
    enum bulk_state state_in_row;
    int left; // how many runs it may still look at
    // Cancels the run of c, which is active. NULL: items are looked at, and no more.
    int (*cancel)(struct bulk_step *step, struct run_change *c);
    void *context; // for cancel
};

enum bulk_statement {
    BULK_FIND,
    BULK_UPDATE,
    BULK_PROGRESS,
    BULK_ADD_ITEM,
    BULK_SET_ITEM,
    BULK_SET_ITEMS,
    BULK_DROP_GONE,
    BULK_DUE_ITEMS,
    BULK_CHILDREN,
    BULK_READ_RUN,
    BULK_IS_MEANT,
    BULK_STEP_STATEMENTS,
};

// Initializers of the statements.
#define BULK_STEP_SQL                                                                              \
    [BULK_FIND] = BULK_ROW_FIND_SQL, [BULK_UPDATE] = BULK_ROW_UPDATE_SQL,                          \
    [BULK_ADD_ITEM] = "INSERT INTO bulk_item(bulk_key, id, outcome, due, newest_event)"            \
                      " VALUES(?1, ?2, ?3, ?4, ?5)"                                                \
                      " ON CONFLICT DO UPDATE SET outcome=excluded.outcome, due=excluded.due, "    \
                      "newest_event=excluded.newest_event"                                         \
                      " WHERE outcome=4 AND excluded.outcome<>4",                                  \
    [BULK_DROP_GONE] = "DELETE FROM bulk_item WHERE bulk_key=?1 AND id=?2 AND outcome=4",          \
    [BULK_PROGRESS] = BULK_ROW_PROGRESS_SQL,                                                       \
    [BULK_SET_ITEMS] = "UPDATE bulk_item SET outcome=?4, due=?5"                                   \
                       " WHERE bulk_key=?1 AND id>=?2 AND id<=?3 AND outcome=?6 AND due=?7",       \
    [BULK_SET_ITEM] = "UPDATE bulk_item SET outcome=?3, due=?4 WHERE bulk_key=?1 AND id=?2",       \
    [BULK_DUE_ITEMS] = "SELECT id, outcome FROM bulk_item INDEXED BY bulk_item_due"                \
                       " WHERE bulk_key=?1 AND due=?2 ORDER BY outcome, id LIMIT ?3",              \
    [BULK_CHILDREN] = "SELECT id, is_gone FROM run_parent INDEXED BY run_child"                    \
                      " WHERE organization=?1 AND parent=?2 AND id>?3 ORDER BY id LIMIT ?4",       \
    [BULK_READ_RUN] = "SELECT " RUN_ROW_COLUMNS " FROM run AS r"                                   \
                      " WHERE r.organization=?1 AND r.id=?2",                                      \
    [BULK_IS_MEANT] = /* of ?1 organization, ?2 id, ?3 the job, ?4 the run's key */                \
        "WITH RECURSIVE ancestor(id) AS (SELECT parent FROM run_parent"                            \
        " WHERE organization=?1 AND id=?2 UNION SELECT p.parent FROM ancestor AS a"                \
        " CROSS JOIN run_parent AS p WHERE p.organization=?1 AND p.id=a.id)"                       \
        "SELECT i.newest_event>=?4 OR b.cascades<>0 AND EXISTS(SELECT 1 FROM ancestor AS a"        \
        " CROSS JOIN bulk_item AS j CROSS JOIN run AS r WHERE j.bulk_key=?3 AND j.id=a.id"         \
        " AND r.organization=?1 AND r.id=a.id AND r.run_key<=j.newest_event)"                      \
        " FROM bulk AS b CROSS JOIN bulk_item AS i"                                                \
        " WHERE b.bulk_key=?3 AND i.bulk_key=?3 AND i.id=?2"

// Finds the job of id and begins a step of it. Returns SQLite's code; SQLITE_DONE if there is none.
int bulk_step_begin(struct bulk_step *step, struct slice organization, struct slice id);

// Writes the job's row at the end of the step. Returns SQLite's code.
int bulk_step_write(struct bulk_step *step);

// Adds an item, and counts it, unless the run is one: a run of a later key than newest_event is not
// the one that it is about. Returns SQLite's code.
int bulk_step_add_item(struct bulk_step *step, const struct run_id *id, enum bulk_outcome outcome,
                       int64_t newest_event);

// Deals with the items that are due so, as many as there is room for. Returns SQLite's code.
int bulk_step_deal(struct bulk_step *step, enum bulk_due due);

// Whether the job, of which all items that are due so were dealt with as far as there was room, has
// none left. Returns SQLite's code.
int bulk_step_is_over(struct bulk_step *step, enum bulk_due due, bool *ret);

// The job, which is BULK_PLANNING, goes on if all its runs are known. Returns SQLite's code.
int bulk_step_settle(struct bulk_step *step, int64_t at_us);

#endif
