#ifndef RUNSD_STORAGE_RUN_STORE_H
#define RUNSD_STORAGE_RUN_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/log/log.h"

// The durable home of runs, their events and the tokens: the interface that
// every back-end keeps, told apart by nothing but speed and durability. One
// contract suite (tests/storage) is run against each.

// Numbered as runs.v1.RunStatus.
enum run_status {
    RUN_RUNNING = 1,
    RUN_WAITING = 2,
    RUN_SUCCESS = 3,
    RUN_FAILURE = 4,
    RUN_CANCELLED = 5,
};

enum { RUN_STATUS_COUNT = 6 };

// A set of statuses, as bits.
#define RUN_STATUS_BIT(status) (1u << (status))
#define RUN_STATUS_ALL         0x3Eu

// A run as it is stored: the immutable part as the bytes that CreateRun made,
// the mutable part in columns.
struct run_record {
    struct slice organization;
    struct slice id;
    enum run_status status;
    int64_t started_at_us;
    int64_t updated_at_us;  // of the newest event
    int64_t finished_at_us; // 0 until the status is final
    int64_t sequence;       // of the newest event; 1 after creation
    double total_cu;
    struct slice workflow_id;
    struct slice spec;            // serialized runs.v1.Run without its mutable fields
    struct slice execution_state; // serialized google.protobuf.Struct; empty if none
};

// One change of a run's status.
struct run_event {
    int64_t sequence;
    int from; // 0 for the creation
    enum run_status to;
    int64_t at_us;
    struct slice actor;
    struct slice reason;
};

enum { TOKEN_HASH_BYTES = 32 };

// A bearer token as it is stored.
struct token_record {
    struct slice organization;
    struct slice name;
    uint8_t hash[TOKEN_HASH_BYTES]; // SHA-256 of the token's text
    uint32_t scopes;                // bits of server/auth's scopes
    int64_t created_at_us;
    int64_t expires_at_us; // 0: never
    int64_t revoked_at_us; // 0: not revoked
};

enum store_result {
    STORE_OK,
    STORE_NOT_FOUND,   // no such run or token in that organization
    STORE_CONFLICT,    // the run's status is not one the transition starts from
    STORE_EXISTS,      // the id, or the token's name, is taken
    STORE_EXPIRED,     // deadline_us passed before the work began; nothing changed
    STORE_BUSY,        // too many operations wait; nothing changed
    STORE_DISK_FULL,   // there is no room on the disk, or in its quota; nothing changed
    STORE_LOCKED,      // another program kept the store locked for too long; nothing changed
    STORE_TOO_LARGE,   // above STORE_LARGEST_OP_BYTES; nothing changed
    STORE_STOPPED,     // the store failed before the operation began; nothing changed
    STORE_UNAVAILABLE, // the store failed: whether a change was made is UNKNOWN
};

// What one operation may add to the store: far more than a server lets through, far less
// than what would spoil the transaction that it shares with others.
enum { STORE_LARGEST_OP_BYTES = 256 * 1024 * 1024 };

enum store_op_kind {
    STORE_CREATE,
    STORE_TRANSITION,
    STORE_GET,
    STORE_LIST,
    STORE_EVENTS,
    STORE_TOKEN_CREATE,
    STORE_TOKEN_REVOKE,
    STORE_TOKEN_LIST,
};

// STORE_CREATE: adds the run of in with its first event. Of in everything is
// stored but updated_at_us, finished_at_us and sequence, which follow.
// STORE_EXISTS if (organization, id) is there; STORE_OK leaves ret as stored.
struct store_create {
    struct run_record in;
    struct slice actor;
    struct slice reason;
    struct run_record ret; // borrows from in
};

// STORE_TRANSITION: compare-and-set. If the run's status is in from, it becomes
// to and, where to is another status, the event is stored in the same
// transaction; at_us is raised to the run's newest event, so that time never
// runs backwards within a run, and becomes finished_at_us if final. If to is
// the status it has, only execution_state and total_cu are replaced and no
// event is made.
//
// STORE_OK and STORE_CONFLICT set ret to the run as it is after the operation;
// STORE_NOT_FOUND leaves it.
struct store_transition {
    struct slice organization;
    struct slice id;
    uint32_t from; // bits
    enum run_status to;
    bool final; // whether to is a final status
    int64_t at_us;
    struct slice actor;
    struct slice reason;
    bool set_execution_state;
    struct slice execution_state;
    bool set_total_cu;
    double total_cu;
    struct run_record ret;
};

// STORE_GET: the run as it is; sees every write that was answered before the
// submission.
struct store_get {
    struct slice organization;
    struct slice id;
    struct run_record ret;
};

// A place in the order of STORE_LIST: behind the run with these.
struct store_cursor {
    int64_t started_at_us;
    struct slice id;
};

// STORE_LIST: runs of an organization by started_at_us descending, then by id
// descending (bytes), from behind the cursor. May stop before limit runs are
// found to bound the work of one call: has_more says whether the next call,
// from ret_cursor, can find more.
struct store_list {
    struct slice organization;
    uint32_t status;           // bits; RUN_STATUS_ALL for all
    struct slice workflow_id;  // empty: all
    int64_t started_after_us;  // exclusive; INT64_MIN: no bound
    int64_t started_before_us; // exclusive; INT64_MAX: no bound
    bool has_cursor;
    struct store_cursor cursor;
    int limit; // at least 1
    struct run_record *ret_runs;
    int ret_count;
    bool ret_has_more;
    struct store_cursor ret_cursor; // set if ret_has_more
};

// STORE_EVENTS: the newest limit events of a run, oldest first.
struct store_events {
    struct slice organization;
    struct slice id;
    int limit;
    struct run_event *ret_events;
    int ret_count;
};

// STORE_TOKEN_CREATE: STORE_EXISTS if (organization, name) or hash is there.
struct store_token_create {
    struct token_record in;
};

// STORE_TOKEN_REVOKE: sets revoked_at_us to at_us unless it is set already; to created_at_us
// if the clock went back since, and never to 0, which would be no revocation.
struct store_token_revoke {
    struct slice organization;
    struct slice name;
    int64_t at_us;
    struct token_record ret;
};

// STORE_TOKEN_LIST: all tokens by organization, then name.
struct store_token_list {
    struct slice organization; // empty: all
    struct token_record *ret_tokens;
    int ret_count;
};

// One operation: what is asked, where the answer goes, who is told. Owned by
// the caller, and together with all it points at left alone from submission
// until done is called. Results are allocated in arena or borrow from the
// operation's own inputs.
struct store_op {
    enum store_op_kind kind;
    struct arena *arena;
    int64_t deadline_us; // clock_monotonic_us; 0: none
    // Called exactly once, on a thread of the store or within
    // run_store_submit; from then on the store does not touch the operation.
    // Must not block and must not call run_store_close.
    void (*done)(struct store_op *op);
    void *context; // the caller's, for done
    enum store_result result;
    const char *detail; // for the log where the store could not do it; or NULL
    union {
        struct store_create create;
        struct store_transition transition;
        struct store_get get;
        struct store_list list;
        struct store_events events;
        struct store_token_create token_create;
        struct store_token_revoke token_revoke;
        struct store_token_list token_list;
    };
    struct store_op *next; // the store's while it holds the operation
};

enum { STORE_SECRET_BYTES = 32 };

struct run_store;

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

// Submits op and waits for its end; op->done is overwritten. For programs and
// tests that have nothing else to do.
void run_store_submit_and_wait(struct run_store *store, struct store_op *op);

// Returns about how many bytes op adds to the store.
size_t store_op_bytes(const struct store_op *op);

// Whether op is above STORE_LARGEST_OP_BYTES; if so its result and detail say it.
bool store_op_is_too_large(struct store_op *op);

// What a store does, and may be unable to do for a while.
enum store_part { STORE_READS, STORE_CHANGES };

struct run_store_options {
    const struct logger *log;
    // How many operations may wait; 0: 16,384.
    int queue_limit;
    // Called at most once, on a thread of the store, when the store can no
    // longer be used (a commit's outcome is unknown, say): every later
    // operation is answered STORE_STOPPED, and only a restart mends it.
    void (*on_failure)(void *context, const char *detail);
    // Called when a part of the store stops working (the disk is full, another program
    // holds the lock, a read failed) and when it works again, which the store finds out by
    // itself: for each part by one thread at a time, in turns, works false first. All
    // works at first. May be called within run_store_open. Must not block.
    void (*on_health)(void *context, enum store_part part, bool works);
    void *context;
};

#endif
