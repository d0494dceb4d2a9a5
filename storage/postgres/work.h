#ifndef RUNSD_STORAGE_POSTGRES_WORK_H
#define RUNSD_STORAGE_POSTGRES_WORK_H

#include "storage/idempotency.h"
#include "storage/op/note_renewals.h"
#include "storage/postgres/pg_connection.h"
#include "storage/quota.h"
#include "storage/run_record.h"
#include "storage/run_store.h"

// One transaction of changes, in memory: the rows that its operations decide by, as they are within
// it, and what is to be written at its end, set by set. One thread uses it.

// A run within the transaction.
struct work_run {
    // As it is now; its slices are the work's or the operation's. workflow_id is always set.
    struct run_record record;
    struct slice parent_id;   // of a new one; empty: none
    bool is_there;            // false: there is no such run (any more)
    int64_t run_key;          // of its row; 0: it is new
    int64_t created_revision; // of its first event
    int64_t newest_revision;  // of its newest event
    int64_t ended_revision;   // of the event that made it final; 0: it is not
    int64_t spec_bytes;       // also where record.spec was not read
    // How long its lease lasts by what was noted of renewals (note_renewals.h), when it was read;
    // below 0: since when it is over; 0: nothing was noted.
    int64_t renewed_left_us;

    // The work's (work_internal.h), which nobody else looks at.
    struct work_run_change *change;
    struct work_organization *organization;
    struct work_run *next;
};

// An organization within the transaction, locked.
struct work_organization {
    struct slice name;
    bool is_there; // it has, or had, an event
    int64_t revision;
    int64_t floor;
    int64_t frozen_at_us;
    int64_t attempt_floor; // run_attempt_after
    int64_t runs[RUN_STATUS_COUNT];
    int64_t stored_bytes;

    struct work_organization_change *change; // the work's
    struct work_organization *next;
};

struct work;

// What belongs to the work, for operations.
struct pg_connection *work_connection(struct work *work);
struct arena *work_arena(struct work *work); // until its transaction ends

// --- what is wanted ---

// The run is to be read, and its organization to be locked and read.
void work_want_run(struct work *work, struct slice organization, struct slice id);

// The same without what is long: its record's spec and execution_state are empty. Nobody else in
// the transaction wants the run's: for operations that are alone in theirs.
void work_want_bare_run(struct work *work, struct slice organization, struct slice id);

// The organization is to be locked and read; with is_made its row is added if it is not there.
void work_want_organization(struct work *work, struct slice name, bool is_made);

// What is stored under the key that is asked for is to be read, and the run that it leads to, if
// any; asked may be of none.
void work_want_key(struct work *work, const struct idempotency *asked);

// Locks and reads what was wanted since the last call. Called by the driver after all wants; by an
// operation that has to look further, which wants no other organization than those that are locked.
enum pg_outcome work_load(struct work *work);

// --- decide ---

// Returns the run; NULL if there is none. It was wanted, or is new.
struct work_run *work_find_run(struct work *work, struct slice organization, struct slice id);

// Returns the organization, which was wanted.
struct work_organization *work_find_organization(struct work *work, struct slice name);

// What leads a key to something.
enum work_key_target { WORK_KEY_OF_RUN = 1, WORK_KEY_OF_BULK = 2 };

// Looks for the key that is asked under; asked may be of none. *ret_id is that of what the change
// made, where it is not IDEMPOTENCY_NEW, in the work's arena.
enum idempotency_match work_find_key(struct work *work, const struct idempotency *asked,
                                     struct slice *ret_id);

// Notes that the change that was asked for under a key, if under any, was made at at_us to id.
void work_note_key(struct work *work, const struct idempotency *asked, enum work_key_target of,
                   struct slice organization, struct slice id, int64_t at_us);

// Adds the run of record, whose id is free, with its first event, which holder acquired with it
// unless it is empty. Its organization was wanted with is_made. Returns it; *ret_revision is the
// event's.
struct work_run *work_add_run(struct work *work, const struct run_record *record,
                              struct slice parent_id, struct slice holder,
                              const struct event_cause *cause, int64_t *ret_revision);

// Makes run what after is, by the event of kind and cause. given are the fields (RUN_FIELD_BIT) of
// after that are other ones. Returns the event's revision.
int64_t work_change_run(struct work *work, struct work_run *run, const struct run_record *after,
                        enum store_event_kind kind, const struct event_cause *cause,
                        uint32_t given);

// Replaces fields alone, without an event.
void work_set_fields(struct work *work, struct work_run *run, const struct run_fields *fields,
                     uint32_t given);

// Notes how long a lease lasts from now on; renewal is the operation's, and its organization was
// wanted. All that a transaction notes is one statement.
void work_note_renewal(struct work *work, const struct store_renewal *renewal);

// Deletes the run but for the event of cause that tells so; gone is the run of which it tells.
// Returns the event's revision. Its family and its keys are for ops/delete_run.c.
int64_t work_bury_run(struct work *work, struct work_run *run, const struct run_record *gone,
                      const struct event_cause *cause);

// Deletes the run with all its events, up to which the organization's floor is raised.
void work_delete_run(struct work *work, struct work_run *run);

// The organization's row is to be written with what it is now, where an operation changed its
// floor, frozen_at_us or attempt_floor.
void work_change_organization(struct work *work, struct work_organization *organization);

// Of a final run: the cause of the event that made it so, in a.
struct event_cause work_ending(struct arena *a, const struct work_run *run);

// Writes all that was changed since the last call. Called by the driver after all decides, as the
// last before the commit.
enum pg_outcome work_flush(struct work *work);

#endif
