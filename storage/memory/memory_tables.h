#ifndef RUNSD_STORAGE_MEMORY_MEMORY_TABLES_H
#define RUNSD_STORAGE_MEMORY_MEMORY_TABLES_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "storage/memory/memory_bulks.h"
#include "storage/memory/memory_keys.h"
#include "storage/memory/memory_slice.h"
#include "storage/quota.h"
#include "storage/run_record.h"
#include "storage/run_store.h"
#include "storage/token_record.h"

// What the memory back-end holds. The caller sees to it that one thread uses it at a time.

struct memory_event {
    struct memory_event *older; // of the run
    struct memory_run *run;
    int64_t key;            // 1, 2, 3 and so on in the order of all events of the store
    struct run_event event; // owns its holder and its cause
};

struct memory_run {
    struct run_record record; // owns its slices
    struct slice parent_id;   // owned; empty: it has none
    struct memory_event *newest;
    int64_t key; // of its first event
    // It was deleted and is in no table: the event that tells so has it, and it has that event.
    bool is_gone;
};

// A run that was deleted and had a parent, while it is the parent of another.
struct memory_gone_child {
    struct slice organization; // owned, as the others
    struct slice id;
    struct slice parent_id;
};

// The feed of an organization.
struct memory_organization {
    struct slice name; // owned
    // By their revisions, from 1 on; the runs' own. NULL: it went with its run, and is at most the
    // floor.
    struct memory_event **events;
    int64_t revision; // of the newest event
    int64_t capacity;
    int64_t floor;        // storage/op/trim_changes.h
    int64_t frozen_at_us; // storage/op/freeze_organization.h
};

struct memory_tables {
    struct memory_run **runs; // by organization, then id
    size_t run_count;
    size_t run_capacity;
    struct memory_gone_child *gone_children; // in no order
    size_t gone_child_count;
    struct memory_organization *organizations; // by name
    size_t organization_count;
    int64_t newest_key;           // of all events
    int64_t attempt_floor;        // run_attempt_after: the newest of any run that was deleted
    struct token_record **tokens; // by organization, then name; they own their slices
    size_t token_count;
    struct memory_keys keys;
    struct memory_bulks bulks;
    // What the operation that runs did to an organization, in a list of those that it changed.
    struct store_commit *commits;
    int commit_count;
    int commit_capacity;
};

void memory_tables_release(struct memory_tables *t);

// Compares (organization, name) with (organization, name).
int memory_tables_compare(struct slice org_a, struct slice name_a, struct slice org_b,
                          struct slice name_b);

// Returns NULL if there is none.
struct memory_run *memory_tables_find_run(const struct memory_tables *t, struct slice organization,
                                          struct slice id);

// Adds a copy of record, without events. Returns NULL if (organization, id) is taken.
struct memory_run *memory_tables_add_run(struct memory_tables *t, const struct run_record *record);

// Makes run own copies of fields instead of its own, which fields may borrow.
void memory_tables_set_fields(struct memory_run *run, const struct run_fields *fields);

// Makes run, which keeps its fields, what after is otherwise, by the event of kind and cause.
// Returns the event's revision.
int64_t memory_tables_change(struct memory_tables *t, struct memory_run *run,
                             const struct run_record *after, enum store_event_kind kind,
                             const struct event_cause *cause);

// Adds the event of the creation of run, which holder acquired with it unless it is empty.
// Returns its revision.
int64_t memory_tables_add_creation(struct memory_tables *t, struct memory_run *run,
                                   struct slice holder, const struct event_cause *cause);

// Returns the cause of the event that made run final, in a.
struct event_cause memory_tables_ending(struct arena *a, const struct memory_run *run);

// Deletes the run, which may be gone already, with its events, up to which its organization's floor
// is raised.
void memory_tables_delete_run(struct memory_tables *t, struct memory_run *run);

// Deletes the run but for the event of cause that tells so, with which it becomes gone. Returns the
// event's revision.
int64_t memory_tables_bury_run(struct memory_tables *t, struct memory_run *run,
                               const struct run_record *gone, const struct event_cause *cause);

// Returns the organization's feed; NULL if it has no event, unless it is made with
// memory_tables_organization, after which it may have none.
struct memory_organization *memory_tables_find_organization(const struct memory_tables *t,
                                                            struct slice name);
struct memory_organization *memory_tables_organization(struct memory_tables *t, struct slice name);

// Whether the organization is frozen.
bool memory_tables_is_frozen(const struct memory_tables *t, struct slice name);

// Returns NULL if there is none.
struct token_record *memory_tables_find_token(const struct memory_tables *t,
                                              struct slice organization, struct slice name);

// What the organization has of what quotas count.
struct store_use memory_tables_use(const struct memory_tables *t, struct slice organization);

// Returns how many tokens the organization has.
int64_t memory_tables_count_tokens(const struct memory_tables *t, struct slice organization);

// The token whose newest secret, or the one before, has that hash; NULL if there is none.
struct token_record *memory_tables_find_hash(const struct memory_tables *t,
                                             const uint8_t hash[TOKEN_HASH_BYTES]);

// Frees a token of the tables, with its slices.
void memory_tables_free_token(struct token_record *token);

// Return what is given with all it points at copied into a.
struct run_event memory_tables_copy_event(struct arena *a, const struct run_event *event);
struct token_record memory_tables_copy_token(struct arena *a, const struct token_record *token);

#endif
