#ifndef RUNSD_STORAGE_OP_LIST_CHANGES_H
#define RUNSD_STORAGE_OP_LIST_CHANGES_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// The feed of an organization: its events in the order of their revisions, from the one after
// after_revision on. It has every event that was committed before the submission and none that
// may yet be lost.
//
// STORE_OK: ret_changes are those of revisions after_revision+1, after_revision+2 and so on,
// without a gap; none where after_revision is ret_newest. There are fewer than limit where
// ret_newest is reached, and where they would take more work or memory than one operation may
// (STORE_MOST_CHANGES, STORE_CHANGES_BYTES), but at least one: whoever wants all goes on until
// the last one's revision is ret_newest.
// STORE_CONFLICT: after_revision is below ret_floor, behind which alone events can be followed,
// or above ret_newest, which no event has reached.
//
// Both set ret_newest and ret_floor: 0 where the organization has no event. With limit 0 these
// are all that is asked: STORE_OK whatever after_revision is.
enum { STORE_MOST_CHANGES = 4096, STORE_CHANGES_BYTES = 4 * 1024 * 1024 };

struct store_change {
    struct slice run_id;
    struct run_event event;
    struct slice workflow_id; // of the run; empty unless asked for, and where it is known no more
    // The run as it is when it is read, by this event or a later one, its workflow_id empty; all
    // 0 unless asked for, and where the run was deleted meanwhile.
    struct run_record run;
};

struct store_list_changes {
    struct store_op op;
    struct slice organization;
    int64_t after_revision;
    int limit; // at least 0
    bool with_workflow;
    bool with_runs;
    struct store_change *ret_changes;
    int ret_count;
    int64_t ret_newest;
    int64_t ret_floor;
};

// Finds out what is to be read, with newest and floor of the organization: sets ret_newest,
// ret_floor and ret_count, and returns the operation's result. For every back-end.
static inline enum store_result store_list_changes_begin(struct store_list_changes *c,
                                                         int64_t newest, int64_t floor) {
    c->ret_changes = NULL;
    c->ret_count = 0;
    c->ret_newest = newest;
    c->ret_floor = floor;
    if (c->limit <= 0) {
        return STORE_OK;
    }
    if (c->after_revision < floor || c->after_revision > newest) {
        return STORE_CONFLICT;
    }
    int64_t most = c->limit < STORE_MOST_CHANGES ? c->limit : STORE_MOST_CHANGES;
    int64_t left = newest - c->after_revision;
    c->ret_count = (int)(left < most ? left : most);
    return STORE_OK;
}

// About how many bytes of a reply the change is.
static inline size_t store_change_bytes(const struct store_change *change) {
    return sizeof(*change) + event_cause_bytes(&change->event.cause) + change->run.spec.len +
           run_fields_bytes(&change->run.fields, RUN_FIELDS_ALL);
}

extern const struct store_kind store_list_changes_kind;
#define STORE_LIST_CHANGES_KIND                                                                    \
    .part = STORE_READS, .slices = {offsetof(struct store_list_changes, organization)}

#endif
