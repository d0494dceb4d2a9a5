#ifndef RUNSD_STORAGE_SQLITE_ORGANIZATIONS_H
#define RUNSD_STORAGE_SQLITE_ORGANIZATIONS_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "storage/run_record.h"
#include "storage/run_store.h"

// How far the events of each organization have come: the newest revision, the key of its event,
// the feed's floor, and how many runs it has by them. Kept in memory while it is ahead of the rows
// of table organization, which are written with the durable mark that a start reads events from
// (storage/sqlite/apply.h).
//
// The connection that writes changes it, on one thread at a time. What is said to be thread safe
// may be called meanwhile.

struct organization_head {
    int64_t revision;               // of the newest event; 0: none
    int64_t event;                  // its key
    int64_t floor;                  // storage/op/trim_changes.h
    int64_t frozen_at_us;           // 0: it is not
    int64_t runs[RUN_STATUS_COUNT]; // how many there are of each status
    int64_t stored_bytes;           // of its runs, as struct store_use has them
    bool has_old_bytes;             // these were not counted with its newest changes
};

struct organization {
    struct slice name;             // owned
    struct organization_head open; // with the open transaction
    struct organization_head committed;
    int64_t rising_floor; // that of the open transaction, if it raises it; else 0
    uint32_t kinds;       // of the open transaction's events, as in struct store_commit
    int opened;           // likewise
    bool is_touched;      // by the open transaction
    bool is_due;          // its row is to be written in the open transaction
    bool is_dirty;        // ahead of its row, in the list of those that wait
    struct organization *next;
};

struct organization_list {
    struct organization **items;
    int count;
    int capacity;
};

// Of all organizations together.
struct organization_sums {
    int64_t count; // of those that have, or had, an event
    int64_t runs[RUN_STATUS_COUNT];
};

struct organizations {
    pthread_mutex_t lock; // of what other threads look at: the table, what is committed, the sums
    sqlite3_stmt *select;
    sqlite3_stmt *write;
    struct organization **buckets;
    uint32_t bucket_count;
    int count;
    struct organization_list touched;
    struct organization_list dirty;    // since the freeze
    struct organization_list flushing; // those that were dirty at the freeze
    int taken;                         // of flushing, by the open transaction and those before
    int flushed;                       // of flushing, committed
    int due;                           // how many of touched are
    int frozen;                        // organizations, with the open transaction
    int committed_frozen;              // likewise, as committed
    struct organization_sums sums;     // as committed
    // What the last commit did, where that is collected; the names are the organizations'.
    bool collects;
    struct store_commit *commits;
    int commit_count;
    int commit_capacity;
};

// The head of the organization ?1, for organizations_read_head.
#define ORGANIZATION_HEAD_SQL                                                                      \
    "SELECT revision, newest_event, floor_revision, frozen_at, running, waiting, success,"         \
    " failure, cancelled, stored_bytes, bytes_as_of_event, bytes_of_runs FROM organization"        \
    " WHERE name=?1"

// Of rows of organization: those whose bytes were not counted with what the row has else. A program
// from before SCHEMA_TENANTS leaves such ones behind.
#define ORGANIZATION_OLD_BYTES_SQL                                                                 \
    "(bytes_as_of_event<>newest_event"                                                             \
    " OR bytes_of_runs<>running+waiting+success+failure+cancelled)"

// Prepares the statements on db, and reads the sums and which organizations are frozen. Returns
// SQLite's code; release in either case.
int organizations_init(struct organizations *o, sqlite3 *db);
void organizations_release(struct organizations *o);

// Reads the organization's row with s (ORGANIZATION_HEAD_SQL); all 0 if it has none. Returns
// SQLite's code; SQLITE_CORRUPT if it has an impossible floor.
int organizations_read_head(sqlite3_stmt *s, struct slice name, struct organization_head *ret);

// Finds the organization, whose row is read the first time; all 0 if it has none. Returns
// SQLite's code. *ret is valid until organizations_release, or organizations_retire once it is
// neither touched nor dirty.
int organizations_find(struct organizations *o, struct slice name, struct organization **ret);

// Thread safe: returns whether the organization is in memory, and then what is committed of it.
// Where it is not, its row is not behind in a snapshot that begins after this call. The floor is
// already that which a transaction is about to commit, so that nobody finds a lower one after
// having read the row of that transaction.
bool organizations_peek(struct organizations *o, struct slice name, struct organization_head *ret);

// Notes in the open transaction that the event of key is the organization's next revision.
void organizations_advance(struct organizations *o, struct organization *which, int64_t event_key);

// Counts in the open transaction that a run came to status to from status from: from 0 it came to
// be, to 0 it is gone.
void organizations_count(struct organizations *o, struct organization *which, int from, int to);

// Likewise for a run of status that is gone, of which no event tells: the organization's row is
// written by organizations_settle.
void organizations_gone(struct organizations *o, struct organization *which, int status);

// Counts in the open transaction bytes of a run that came to be; as organizations_gone does, for
// less, those of one that is gone.
void organizations_store(struct organizations *o, struct organization *which, int64_t bytes);
void organizations_unstore(struct organizations *o, struct organization *which, int64_t bytes);

// Says in the open transaction how many bytes the organization has stored, whatever was counted.
void organizations_set_stored(struct organizations *o, struct organization *which, int64_t bytes);

// Writes in the open transaction, at its end, the rows of organizations whose runs are gone: a
// start counts what events tell, and nothing else. Returns SQLite's code.
int organizations_settle(struct organizations *o);

// Freezes the organization in the open transaction, or thaws it (0), in its row too. Returns
// SQLite's code.
int organizations_set_frozen(struct organizations *o, struct organization *which, int64_t at_us);

// Whether the organization is frozen with the open transaction. Reads nothing: those that are
// frozen are in memory.
bool organizations_is_frozen_own(const struct organizations *o, struct slice name);

// Thread safe: whether the organization is frozen, or any is.
bool organizations_is_frozen(struct organizations *o, struct slice name);
bool organizations_any_is_frozen(struct organizations *o);

// Thread safe: returns the sums of what is committed.
struct organization_sums organizations_sum(struct organizations *o);

// Notes in the open transaction which kind the organization's next revision is of, and whether
// its run can be acquired from then on: for what is collected.
static inline void organizations_note(struct organization *which, int kind, bool opens) {
    which->kinds |= 1u << kind;
    which->opened += opens;
}

// Raises the organization's floor in the open transaction, in its row too, which then says all
// that the organization is. Returns SQLite's code.
int organizations_raise_floor(struct organizations *o, struct organization *which, int64_t floor);

// From the next commit on what each did is collected in o->commits, until the one after it.
void organizations_collect(struct organizations *o);

void organizations_committed(struct organizations *o);
void organizations_rolled_back(struct organizations *o);

// Those that are dirty now are to be flushed; what was frozen before is.
void organizations_freeze(struct organizations *o);

// Returns the next one to be flushed in the open transaction, with what the transaction made
// of it; NULL if all were taken.
const struct organization *organizations_take(struct organizations *o);

// Writes the row of which. Returns SQLite's code.
int organizations_write(struct organizations *o, const struct organization *which);

// All that was frozen is flushed and committed: forgets those that are not needed if there are
// more than kept.
void organizations_retire(struct organizations *o, int kept);

#endif
