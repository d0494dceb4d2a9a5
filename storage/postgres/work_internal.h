#ifndef RUNSD_STORAGE_POSTGRES_WORK_INTERNAL_H
#define RUNSD_STORAGE_POSTGRES_WORK_INTERNAL_H

#include "storage/postgres/work.h"

// What the files of the work share.

// Whether the store was asked for something.
enum work_state { WORK_UNASKED, WORK_WANTED, WORK_LOADED };

// What is to be written of a run.
struct work_run_change {
    enum work_state state;
    bool is_listed; // in work.changed
    bool is_new;    // its rows are to be added
    bool is_changed;
    uint32_t fields; // to be replaced
    bool is_bare;    // what is long was not read
    bool has_place;  // its row of run is where it was read
    uint8_t place[PG_TID_BYTES];
    bool has_active; // run_active has its row
    bool has_term;   // run_term
    bool writes_term;
    bool ends_lease;           // what was noted of its renewals is void
    struct event_cause ending; // of the event that made it final
};

struct work_organization_change {
    enum work_state state;
    bool is_made; // if it is not there
    bool has_row;
    bool is_listed; // in work.changed_organizations
    uint32_t kinds; // of the transaction's events
    int opened;
};

struct work_key {
    uint8_t name[IDEMPOTENCY_DIGEST_BYTES];
    uint8_t fingerprint[IDEMPOTENCY_DIGEST_BYTES];
    bool is_there;
    int64_t at_us;
    enum work_key_target of;
    struct slice organization;
    struct slice id;
    enum work_state state;
    bool is_listed; // in work.changed_keys
    struct work_key *next;
};

// How the number of a workflow's runs changes.
struct work_count {
    struct slice organization;
    struct slice workflow_id;
    int64_t runs[RUN_STATUS_COUNT];
    struct work_count *next;
};

struct work_event {
    struct slice organization;
    struct slice id;
    struct slice workflow_id;
    struct run_event event; // borrows
};

// The rows of a run that is to be deleted.
struct work_deletion {
    struct slice organization;
    struct slice id;
    int64_t run_key;          // 0: it has none yet
    int64_t created_revision; // its events are those of its id from this one
    int64_t newest_revision;  // to this one
    int64_t started_at_us;
    bool has_active; // it has a row of run_active
};

// Pointers, or structs, in a row in the work's arena.
struct work_list {
    void *items;
    int count;
    int capacity;
};

enum { WORK_BUCKETS = 1024 };

struct work {
    struct pg_connection *connection;
    struct arena arena;
    bool is_begun;       // BEGIN is queued, at least
    const char *problem; // why the store refused, where the connection did not; or NULL

    struct work_run *runs[WORK_BUCKETS];
    struct work_organization *organizations[WORK_BUCKETS];
    struct work_key *keys[WORK_BUCKETS];
    struct work_count *counts[WORK_BUCKETS];

    // Wanted and not yet loaded: pointers.
    struct work_list wanted_runs;
    struct work_list wanted_organizations;
    struct work_list wanted_keys;

    // To be written.
    struct work_list changed_runs;          // struct work_run *
    struct work_list changed_organizations; // struct work_organization *
    struct work_list changed_keys;          // struct work_key *
    struct work_list changed_counts;        // struct work_count *
    struct work_list events;                // struct work_event
    struct work_list deletions;             // struct work_deletion
    struct work_list renewals;              // const struct store_renewal *

    struct work_list told; // struct work_organization *, whose events the transaction made
};

// Makes room for one more item of size in list and returns it, all 0.
void *work_list_add(struct work *work, struct work_list *list, size_t size);

static inline void work_list_add_pointer(struct work *work, struct work_list *list, void *pointer) {
    *(void **)work_list_add(work, list, sizeof(void *)) = pointer;
}

// Return what is known of something, added if nothing was.
struct work_run *work_run_of(struct work *work, struct slice organization, struct slice id);
struct work_organization *work_organization_of(struct work *work, struct slice name);
struct work_key *work_key_of(struct work *work, const uint8_t name[IDEMPOTENCY_DIGEST_BYTES]);

// Counts one run of the workflow less in status from and one more in status to; 0: in none.
void work_count_run(struct work *work, struct work_organization *organization,
                    struct slice workflow_id, int from, int to);

#endif
