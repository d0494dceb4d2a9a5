#ifndef RUNSD_STORAGE_POSTGRES_BULK_STEP_H
#define RUNSD_STORAGE_POSTGRES_BULK_STEP_H

#include "storage/postgres/bulk_row.h"

// What the operations share that take a job a step further: items are added, and dealt with. Where
// the job cascades the children of a run become items once the run was dealt with; as many as the
// step has room for, so that the next one goes on with them. A child that is gone
// (storage/postgres/family_row.h) gets a row of its own, PG_BULK_GONE, until its children are
// items.
//
// Two servers may take steps of one job: each step has the job's organization and row locked, and
// goes on from what it then finds there.

struct pg_bulk_step {
    struct work *work;
    struct arena *arena; // the operation's, where the job's record is
    struct bulk_record bulk;
    struct pg_bulk_row row;
    int left; // how many runs it may still look at
    // Cancels the run, which is active. NULL: items are looked at, and no more.
    void (*cancel)(struct pg_bulk_step *step, struct work_run *run);
    void *context; // for cancel
};

// Finds the job of id and begins a step of it, whose organization is locked; *ret_found says
// whether there is one.
enum pg_outcome pg_bulk_step_begin(struct pg_bulk_step *step, struct slice organization,
                                   struct slice id, bool *ret_found);

// Adds items, and counts them, but of the runs that are such already. With judges they come to what
// their runs are; else they are open.
enum pg_outcome pg_bulk_step_add(struct pg_bulk_step *step, const struct slice *ids, int count,
                                 bool judges);

// Deals with the items that are due so, as many as there is room for.
enum pg_outcome pg_bulk_step_deal(struct pg_bulk_step *step, enum bulk_due due);

// Whether the job, of which all items that are due so were dealt with as far as there was room, has
// none left.
enum pg_outcome pg_bulk_step_is_over(struct pg_bulk_step *step, enum bulk_due due, bool *ret);

// The job, which is BULK_PLANNING, goes on if all its runs are known.
enum pg_outcome pg_bulk_step_settle(struct pg_bulk_step *step, int64_t at_us);

#endif
