#ifndef RUNSD_STORAGE_SQLITE_RUN_COUNTS_H
#define RUNSD_STORAGE_SQLITE_RUN_COUNTS_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/run_record.h"

// How many runs of each status each workflow has. A change counts in memory, so that it writes no
// page for it; the rows of table run_count are written with the durable mark that a start reads
// events from (storage/sqlite/apply.h), and each says up to which event it counts.
//
// The connection that writes changes it, on one thread at a time. run_counts_peek is thread safe.

struct run_count_state {
    int64_t as_of_event; // the workflow's newest event that is counted
    int64_t runs[RUN_STATUS_COUNT];
};

struct run_count {
    int64_t workflow_key;
    struct run_count_state open; // with the open transaction
    struct run_count_state committed;
    bool is_touched; // by the open transaction
    bool is_due;     // its row is to be written in the open transaction
    bool is_dirty;   // ahead of its row, in the list of those that wait
    struct run_count *next;
};

struct run_count_list {
    struct run_count **items;
    int count;
    int capacity;
};

struct run_counts {
    pthread_mutex_t lock; // of what run_counts_peek looks at: the table, what is committed
    sqlite3_stmt *select;
    sqlite3_stmt *write;
    struct run_count **buckets;
    uint32_t bucket_count;
    int count;
    struct run_count_list touched;
    struct run_count_list dirty;    // since the freeze
    struct run_count_list flushing; // those that were dirty at the freeze
    int due;                        // how many of touched are
    int taken;                      // of flushing, by the open transaction and those before
    int flushed;                    // of flushing, committed
};

// The row of the workflow of key ?1, for run_counts_read.
#define RUN_COUNT_SQL                                                                              \
    "SELECT as_of_event, running, waiting, success, failure, cancelled FROM run_count"             \
    " WHERE workflow_key=?1"

// Prepares the statements on db. Returns SQLite's code; release in either case.
int run_counts_init(struct run_counts *c, sqlite3 *db);
void run_counts_release(struct run_counts *c);

// Reads the workflow's row with s (RUN_COUNT_SQL); all 0 if it has none. Returns SQLite's code.
int run_counts_read(sqlite3_stmt *s, int64_t workflow_key, struct run_count_state *ret);

// Counts in the open transaction that a run of the workflow came to status to from status from, by
// the event of event_key: from 0 it came to be, to 0 it is gone. Returns SQLite's code.
int run_counts_note(struct run_counts *c, int64_t workflow_key, int64_t event_key, int from,
                    int to);

// Likewise for a run of status that is gone, of which no event tells: its workflow's row is written
// by run_counts_settle. Returns SQLite's code.
int run_counts_gone(struct run_counts *c, int64_t workflow_key, int status);

// Writes in the open transaction, at its end, the rows of workflows whose runs are gone: a start
// counts what events tell, and nothing else. Returns SQLite's code.
int run_counts_settle(struct run_counts *c);

// Counts the event again that a start reads, unless the workflow's row has it. Returns SQLite's
// code.
int run_counts_replay(struct run_counts *c, int64_t workflow_key, int64_t event_key, int from,
                      int to);

void run_counts_committed(struct run_counts *c);
void run_counts_rolled_back(struct run_counts *c);

// Those that are dirty now are to be flushed; what was frozen before is.
void run_counts_freeze(struct run_counts *c);

// Returns the next one to be flushed in the open transaction; NULL if all were taken.
const struct run_count *run_counts_take(struct run_counts *c);

// Writes the row of which. Returns SQLite's code.
int run_counts_write(struct run_counts *c, const struct run_count *which);

// All that was frozen is flushed and committed: forgets those that are not needed if there are
// more than kept.
void run_counts_retire(struct run_counts *c, int kept);

// What run_counts_peek looks for, and finds.
struct run_count_peek {
    int64_t workflow_key;
    bool is_known;
    int64_t runs[RUN_STATUS_COUNT]; // as committed, if it is known
};

// Thread safe: looks for workflows, all at one moment. The row of one that is not known is not
// behind in a snapshot that begins after this call.
void run_counts_peek(struct run_counts *c, struct run_count_peek *peeks, int count);

#endif
