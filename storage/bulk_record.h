#ifndef RUNSD_STORAGE_BULK_RECORD_H
#define RUNSD_STORAGE_BULK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "storage/run_record.h"

// A job that cancels many runs, and its items, as every back-end keeps them. Which runs it is about
// is fixed once, by their ids or by a filter: one item a run. Then the items are dealt with one
// after the other, in steps that are a transaction each, so that a job goes on where it was.

// The numbers are stored.
enum bulk_state {
    BULK_PLANNING = 1, // what the job is about is being found out
    BULK_PLANNED = 2,  // it is known; a dry run waits here to be executed
    BULK_RUNNING = 3,  // runs are being cancelled
    BULK_DONE = 4,
    BULK_ABORTED = 5, // what was open then stays so
};

// A set of states, as bits.
#define BULK_STATE_BIT(state) (1u << (state))

// Those of a job that may still go on.
#define BULK_STATE_UNFINISHED                                                                      \
    (BULK_STATE_BIT(BULK_PLANNING) | BULK_STATE_BIT(BULK_PLANNED) | BULK_STATE_BIT(BULK_RUNNING))

// What became of an item. The numbers are stored.
enum bulk_outcome {
    BULK_OPEN = 0,          // not dealt with, or not yet
    BULK_CANCELLED = 1,     // by this job
    BULK_ALREADY_FINAL = 2, // the run had its final status before
    BULK_NOT_FOUND = 3,     // there was no such run
};

// A set of outcomes, as bits.
#define BULK_OUTCOME_BIT(outcome) (1u << (outcome))
#define BULK_OUTCOME_ALL          0xFu

// When an item is dealt with next. The numbers are stored, but that of never.
enum bulk_due {
    BULK_DUE_NEVER = 0, // it has been, for good
    BULK_DUE_PLAN = 1,  // while the job is BULK_PLANNING: its run's children are to become items
    BULK_DUE_RUN = 2,   // while it is BULK_RUNNING
};

// Which runs are meant: those that all of it is true of.
struct run_filter {
    uint32_t statuses;          // bits, of RUN_STATUS_ACTIVE; 0: all of these
    struct slice workflow_id;   // empty: all
    struct slice source_run_id; // empty: all
    struct slice holder;        // of the runs' leases; empty: all, held or not
    int64_t started_after_us;   // exclusive; 0: no bound
    int64_t started_before_us;  // exclusive; 0: no bound
};

struct bulk_record {
    struct slice organization;
    struct slice id;
    enum bulk_state state;
    bool is_dry_run; // it stops at BULK_PLANNED until change_bulk has it go on
    bool cascades;   // descendants of its runs are items too
    bool has_filter; // else its runs were named
    struct run_filter filter;
    struct event_cause cause; // of the events that it makes
    int64_t created_at_us;
    int64_t started_at_us;  // when it began to cancel; 0: it has not
    int64_t finished_at_us; // when it was done or aborted; 0: it is neither
    // How many items it has, and how many of them came to which outcome; the rest is open. They
    // grow while runs are being found, and with the descendants that are found later.
    int64_t total;
    int64_t cancelled;
    int64_t already_final;
    int64_t not_found;
};

// How many of the job's items are open.
static inline int64_t bulk_record_open(const struct bulk_record *bulk) {
    return bulk->total - bulk->cancelled - bulk->already_final - bulk->not_found;
}

// Which statuses the filter lets through, as bits.
static inline uint32_t run_filter_statuses(const struct run_filter *filter) {
    return filter->statuses == 0 ? RUN_STATUS_ACTIVE : filter->statuses & RUN_STATUS_ACTIVE;
}

// Returns the latest started_at_us, inclusive, of a run that the filter of bulk may let through.
// What started after the job was created is not meant by it.
static inline int64_t bulk_record_newest_start_us(const struct bulk_record *bulk) {
    int64_t before_us = bulk->filter.started_before_us;
    return before_us != 0 && before_us <= bulk->created_at_us ? before_us - 1 : bulk->created_at_us;
}

// Whether a job may go from a state to another: the table of its life.
static inline bool bulk_state_may_become(enum bulk_state from, enum bulk_state to) {
    switch (from) {
    case BULK_PLANNING:
        return to == BULK_PLANNED || to == BULK_RUNNING || to == BULK_DONE || to == BULK_ABORTED;
    case BULK_PLANNED:
        return to == BULK_RUNNING || to == BULK_ABORTED;
    case BULK_RUNNING:
        return to == BULK_DONE || to == BULK_ABORTED;
    case BULK_DONE:
    case BULK_ABORTED:
        break;
    }
    return false;
}

// Makes the job that of state to, at at_us.
static inline void bulk_record_become(struct bulk_record *bulk, enum bulk_state to, int64_t at_us) {
    int64_t since_us =
        bulk->started_at_us > bulk->created_at_us ? bulk->started_at_us : bulk->created_at_us;
    at_us = at_us > since_us ? at_us : since_us;
    bulk->state = to;
    if (to == BULK_RUNNING) {
        bulk->started_at_us = at_us;
    } else if (to == BULK_DONE || to == BULK_ABORTED) {
        bulk->started_at_us =
            bulk->started_at_us == 0 && to == BULK_DONE ? at_us : bulk->started_at_us;
        bulk->finished_at_us = at_us;
    }
}

// When an item that is added to bulk, with outcome, is dealt with first. One whose run was final
// before, or was deleted, still has children to look for, if the job cascades.
static inline enum bulk_due bulk_record_first_due(const struct bulk_record *bulk,
                                                  enum bulk_outcome outcome) {
    if (outcome != BULK_OPEN && !bulk->cascades) {
        return BULK_DUE_NEVER;
    }
    return bulk->state == BULK_PLANNING && bulk->is_dry_run && bulk->cascades ? BULK_DUE_PLAN
                                                                              : BULK_DUE_RUN;
}

// When an item that was dealt with as due is dealt with again.
static inline enum bulk_due bulk_due_after(enum bulk_due due) {
    return due == BULK_DUE_PLAN ? BULK_DUE_RUN : BULK_DUE_NEVER;
}

// Returns what a job becomes that is BULK_PLANNING and has been planned; has_due says whether any
// of its items is to be dealt with.
static inline enum bulk_state bulk_record_planned(const struct bulk_record *bulk, bool has_due) {
    return bulk->is_dry_run ? BULK_PLANNED : has_due ? BULK_RUNNING : BULK_DONE;
}

// Counts an item that came to outcome, one of those that are not open.
static inline void bulk_record_count(struct bulk_record *bulk, enum bulk_outcome outcome) {
    bulk->cancelled += outcome == BULK_CANCELLED;
    bulk->already_final += outcome == BULK_ALREADY_FINAL;
    bulk->not_found += outcome == BULK_NOT_FOUND;
}

// About how many bytes its texts take.
static inline size_t bulk_record_bytes(const struct bulk_record *bulk) {
    return bulk->organization.len + bulk->id.len + bulk->filter.workflow_id.len +
           bulk->filter.source_run_id.len + bulk->filter.holder.len +
           event_cause_bytes(&bulk->cause);
}

// Makes each slice of bulk what map returns for it.
static inline void bulk_record_map(struct bulk_record *bulk,
                                   struct slice (*map)(void *context, struct slice value),
                                   void *context) {
    bulk->organization = map(context, bulk->organization);
    bulk->id = map(context, bulk->id);
    bulk->filter.workflow_id = map(context, bulk->filter.workflow_id);
    bulk->filter.source_run_id = map(context, bulk->filter.source_run_id);
    bulk->filter.holder = map(context, bulk->filter.holder);
    event_cause_map(&bulk->cause, map, context);
}

#endif
