#ifndef RUNSD_STORAGE_SQLITE_PENDING_H
#define RUNSD_STORAGE_SQLITE_PENDING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "storage/run_record.h"
#include "storage/sqlite/pending_keys.h"
#include "storage/sqlite/pending_limits.h"
#include "storage/sqlite/run_id.h"

// What runs have become by events that are committed, while their rows do not say it yet: a
// bounded table in memory that is consulted beside each row. Rows are brought up to date later,
// many at once and in the order of their keys, so that runs that are changed in any order cost
// about as few pages as those changed in the order of the table (storage/sqlite/apply.h).
//
// Entries move through generations: those of the open transaction are staged; a commit
// publishes them into the one that is filling; a full one is frozen and applied while another
// fills; once all of it is applied it is retired, and freed when no reader has a snapshot
// from before.
//
// The writer's thread alone changes it. pending_enter, pending_leave and pending_find are
// thread safe.

enum { PENDING_READERS = 16 };

// A run as its newest event left it.
struct pending_state {
    enum run_status status;
    int64_t updated_at_us;
    int64_t sequence;
    int64_t newest_event;
};

// One run in a generation.
struct pending_entry {
    uint64_t hash;
    const uint8_t *key; // organization, then the id as it is stored
    uint32_t organization_len;
    uint32_t id_len;
    bool is_uuid;
    struct pending_state state;
};

static inline struct slice pending_organization(const struct pending_entry *e) {
    return slice_of(e->key, e->organization_len);
}
static inline struct slice pending_id(const struct pending_entry *e) {
    return slice_of(e->key + e->organization_len, e->id_len);
}

struct pending_generation;

struct pending {
    struct pending_limits limits;
    pthread_mutex_t lock;              // of all that readers look at
    struct pending_generation *staged; // the writer's own
    struct pending_generation *filling;
    struct pending_generation *applying; // NULL: none is frozen
    struct pending_generation *retired;  // newest first
    uint32_t *sequence;                  // of applying: its entries in the order of their keys
    int taken;                           // of sequence, by the open transaction and those before
    int applied;                         // of sequence, committed
    struct pending_keys keys;            // the writer's own, in the same generations
    uint64_t epoch;                      // grows with each generation that is retired
    uint64_t readers[PENDING_READERS];   // the epoch at which each entered; 0: it is outside
    atomic_int published;                // runs in generations that readers look at
    _Atomic int64_t newest_event;        // of those that are published
    int64_t wanted_event;                // pending_want
};

void pending_init(struct pending *p, const struct pending_limits *limits);
void pending_release(struct pending *p);

// Forgets all of it: the rows are up to date with the events up to mark. No reader is inside.
void pending_clear(struct pending *p, int64_t mark);

// Around each snapshot of reader, from before it begins until after it ended.
void pending_enter(struct pending *p, int reader);
void pending_leave(struct pending *p, int reader);

// The key of an event that a snapshot which begins after this call has, and all before it: what
// pending_find finds of a later one may follow a change of the run's rows that the snapshot has
// not.
static inline int64_t pending_newest_event(struct pending *p) {
    return atomic_load_explicit(&p->newest_event, memory_order_acquire);
}

// Looks for what the run has become by committed events. Returns false if it is in no
// generation; ret_state is older than the run's row if its event is, and may be that of a run that
// was deleted.
bool pending_find(struct pending *p, struct slice organization, const struct run_id *id,
                  struct pending_state *ret_state);

// As pending_find, for the writer in its transaction: with what is staged.
bool pending_find_own(struct pending *p, struct slice organization, const struct run_id *id,
                      struct pending_state *ret_state);

// Notes in the open transaction what the run becomes.
void pending_stage(struct pending *p, struct slice organization, const struct run_id *id,
                   const struct pending_state *state);

// The transaction is committed, or rolled back. newest_event is the key of the newest event.
void pending_committed(struct pending *p, int64_t newest_event);
void pending_rolled_back(struct pending *p);

// Rows are to be brought up to date with the events up to event soon, without waiting for a
// generation to become full.
void pending_want(struct pending *p, int64_t event);

// Whether there are such rows.
bool pending_is_wanted(const struct pending *p);

// The event up to which all rows are up to date, in what is committed.
int64_t pending_applied(const struct pending *p);

// Whether the generation that fills is full, or wanted.
bool pending_is_full(const struct pending *p);

// Whether it has grown to twice its limit, because the one before it is not yet applied.
bool pending_is_overfull(const struct pending *p);

// Whether there is an event behind the mark, applied or not.
bool pending_has_any(const struct pending *p);

// Whether a generation is frozen and not yet retired.
static inline bool pending_is_frozen(const struct pending *p) {
    return p->applying != NULL;
}

// How many rows there are to write for so many changes: those of their runs, and of their keys as
// far as the generation that is applied next has any.
int pending_rows_of(const struct pending *p, int changes);

// Freezes what was filled so far; none is frozen.
void pending_freeze(struct pending *p);

// Returns the next run to be applied in the open transaction, NULL if all of the frozen
// generation was taken. It is the table's, until the transaction ends.
const struct pending_entry *pending_take(struct pending *p);

// The event up to which all rows are up to date once the frozen generation is applied.
int64_t pending_mark(const struct pending *p);

// All of the frozen generation is applied, and the mark that says it is committed.
void pending_retire(struct pending *p);

#endif
