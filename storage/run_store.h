#ifndef RUNSD_STORAGE_RUN_STORE_H
#define RUNSD_STORAGE_RUN_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"

// The durable home of runs, their events and the tokens: the interface that
// every back-end keeps, told apart by nothing but speed and durability. One
// contract suite (tests/storage) is run against each.

enum store_result {
    STORE_OK,
    STORE_NOT_FOUND,   // no such run or token in that organization
    STORE_CONFLICT,    // the run's status is not one the transition starts from
    STORE_EXISTS,      // the id, or the token's name, is taken
    STORE_EXPIRED,     // deadline_us passed before the work began; nothing changed
    STORE_BUSY,        // too many operations wait; nothing changed
    STORE_DISK_FULL,   // there is no room on the disk, or in its quota; nothing changed
    STORE_LOCKED,      // another program kept the store locked for too long; nothing changed
    STORE_FROZEN,      // run_store_freeze keeps it as it is; nothing changed
    STORE_UNREACHABLE, // its database server is not there, or not as required; nothing changed
    STORE_TOO_LARGE,   // above STORE_LARGEST_OP_BYTES; nothing changed
    STORE_KEY_REUSED,  // the idempotency key was used with another request; nothing changed
    STORE_OVER_QUOTA,  // the organization has as much as it may have; nothing changed
    STORE_READ_ONLY,   // the organization is frozen; nothing changed
    STORE_STOPPED,     // the store failed before the operation began; nothing changed
    STORE_UNAVAILABLE, // the store failed: whether a change was made is UNKNOWN
};

// What one operation may add to the store: far more than a server lets through, far less
// than what would spoil the transaction that it shares with others.
enum { STORE_LARGEST_OP_BYTES = 256 * 1024 * 1024 };

// What a store does, and may be unable to do for a while.
enum store_part { STORE_READS, STORE_CHANGES };

enum { STORE_SECRET_BYTES = 32 };

// The memory in which a store keeps pages of its file, of all its threads together.
enum { STORE_LEAST_CACHE_BYTES = 1 << 20, STORE_DEFAULT_CACHE_BYTES = 16 << 20 };
#define STORE_MOST_CACHE_BYTES ((int64_t)1 << 40)

struct run_store;
struct store_op; // storage/op/store_op.h; each operation is a header beside it

// What a back-end implements. See the functions below for what each does.
struct run_store_ops {
    const char *name; // "sqlite"
    void (*submit)(struct run_store *store, struct store_op *op);
    void (*close)(struct run_store *store);
};

// The part that all back-ends share; each embeds it as its first member.
struct run_store {
    const struct run_store_ops *ops;
    // Random bytes made with the store and kept in it, for page tokens.
    uint8_t secret[STORE_SECRET_BYTES];
    // Random, not 0, made with the store and kept in it; another one where the store's
    // revisions may have been given to other events before, as after a restore: what names a
    // revision names the epoch too, and is void in another.
    uint64_t epoch;
    // Other processes may serve the same store at the same time: what each knows in memory alone
    // the others do not.
    bool is_shared;
};

// Hands op to the store. Never blocks on I/O. Thread safe. STORE_BUSY is
// answered at once when the queue is full; writes are durable when done is
// called with STORE_OK.
static inline void run_store_submit(struct run_store *store, struct store_op *op) {
    store->ops->submit(store, op);
}

// Finishes every operation submitted before, then releases the store and all it
// holds. No operation may be submitted any more. NULL is ignored.
static inline void run_store_close(struct run_store *store) {
    if (store != NULL) {
        store->ops->close(store);
    }
}

// As kinds of a commit of another process, which did nobody knows what.
#define STORE_COMMIT_ELSEWHERE UINT32_MAX

// What one commit did to one organization. A hint: whoever missed one reads the store
// (storage/op/list_changes.h).
struct store_commit {
    struct slice organization;
    int64_t revision; // its newest
    uint32_t kinds;   // of its events: bits, 1u << enum store_event_kind; or STORE_COMMIT_ELSEWHERE
    int opened;       // how many runs became such that they can be acquired
};

struct run_store_options {
    const struct logger *log;
    // How many operations may wait; 0: 16,384.
    int queue_limit;
    // Whether a store that is not there is refused (NOT_FOUND) instead of made.
    bool must_exist;
    // For pages of the store's file; 0: STORE_DEFAULT_CACHE_BYTES. A store that has no file
    // ignores it.
    int64_t cache_bytes;
    // Of a store on a database server, which others ignore. How many standbys must have a change
    // before it is answered; else changes are STORE_UNREACHABLE.
    int require_replicas;
    // Where the server is reached without a pooler, which the URL then goes through; NULL: it does
    // not.
    const char *direct_url;
    // Called at most once, on a thread of the store, when the store can no
    // longer be used (a commit's outcome is unknown, say): every later
    // operation is answered STORE_STOPPED, and only a restart mends it.
    void (*on_failure)(void *context, const char *detail);
    // Called when a part of the store stops working (the disk is full, another program
    // holds the lock, a read failed) and when it works again, which the store finds out by
    // itself: for each part by one thread at a time, in turns, works false first. All
    // works at first. May be called within run_store_open. Must not block.
    void (*on_health)(void *context, enum store_part part, bool works);
    // Called after each transaction that made events, once it is durable and its operations are
    // answered, and where another process made one, soon after (commits may be told together
    // then, and opened is 1 where it is not known), with what it did to each organization that it
    // changed: in the order of the commits, one call at a time, on the store's threads or within
    // run_store_submit. commits is valid during the call. Must not block; may submit operations.
    // Not called any more once run_store_close has returned.
    void (*on_commit)(void *context, const struct store_commit *commits, int count);
    // Called within run_store_open, about once a second while the store is brought to a newer
    // schema, with what is being done: a start that takes long is not one that hangs. NULL: nobody
    // asks.
    void (*on_opening)(void *context, const char *step);
    // Called when this process becomes the one, of all that serve the store, that does what is done
    // once for all (sweeps, jobs), and when it is that no more: by one thread at a time, in turns,
    // true first. Two may be on duty for a moment: whatever is done must be right then, too. A
    // store that is not shared calls it once, within run_store_open. Must not block.
    void (*on_duty)(void *context, bool is_on_duty);
    // Called when another process may have changed tokens: within a second of the change. Must not
    // block; may submit operations.
    void (*on_tokens)(void *context);
    void *context;
    // Where the store tells of itself (storage/store_metrics.h), until it is closed; NULL: nowhere.
    // It outlives the store, and has one at most.
    struct metrics *metrics;
};

#endif
