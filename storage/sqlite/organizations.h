#ifndef RUNSD_STORAGE_SQLITE_ORGANIZATIONS_H
#define RUNSD_STORAGE_SQLITE_ORGANIZATIONS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// How far the events of each organization have come, for the one connection that writes: the
// newest revision and the key of its event. Kept in memory while it is ahead of the rows of
// table organization, which are written with the durable mark that a start reads events from
// (storage/sqlite/apply.h).

struct organization {
    struct slice name; // owned
    int64_t revision;  // with the open transaction
    int64_t newest_event;
    int64_t committed_revision;
    int64_t committed_event;
    bool is_touched; // by the open transaction
    bool is_dirty;   // ahead of its row, in the list of those that wait
    struct organization *next;
};

struct organization_list {
    struct organization **items;
    int count;
    int capacity;
};

struct organizations {
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
};

// Prepares the statements on db. Returns SQLite's code; release in either case.
int organizations_init(struct organizations *o, sqlite3 *db);
void organizations_release(struct organizations *o);

// Finds the organization, whose row is read the first time; all 0 if it has none. Returns
// SQLite's code. *ret is valid until organizations_release.
int organizations_find(struct organizations *o, struct slice name, struct organization **ret);

// Notes in the open transaction that the event of key is the organization's next revision.
void organizations_advance(struct organizations *o, struct organization *which, int64_t event_key);

void organizations_committed(struct organizations *o);
void organizations_rolled_back(struct organizations *o);

// Those that are dirty now are to be flushed; what was frozen before is.
void organizations_freeze(struct organizations *o);

// Returns the next one to be flushed in the open transaction, with what the transaction made
// of it; NULL if all were taken.
const struct organization *organizations_take(struct organizations *o);

// Writes the row of which. Returns SQLite's code.
int organizations_write(struct organizations *o, const struct organization *which);

// All that was frozen is flushed and committed: forgets those that are not needed if there
// are many.
void organizations_retire(struct organizations *o);

#endif
