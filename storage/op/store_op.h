#ifndef RUNSD_STORAGE_OP_STORE_OP_H
#define RUNSD_STORAGE_OP_STORE_OP_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/container_of.h"
#include "base/core/slice.h"
#include "storage/run_store.h"

// What all operations of a store have in common. Each operation is a header of this folder: a
// struct that begins with a struct store_op and has its inputs and its answer, and what
// concerns it alone. Each back-end has one file for it. There is no list of them: the build
// makes the tables of the files (tools/bazel/store_kinds.bzl, file_table.bzl).

// What the rows of any change take at most, beside what varies in length.
enum { STORE_ROWS_BYTES = 512 };

// How many inputs of an operation may be slices.
enum { STORE_KIND_SLICES = 6 };

// What kind of operation it is. NAME.h declares store_NAME_kind and defines STORE_NAME_KIND:
// initializers of the members from part on.
struct store_kind {
    const char *name;     // "get_run"
    int index;            // in each back-end's table
    size_t size;          // of its struct
    enum store_part part; // STORE_CHANGES: the operation changes the store
    // About how many bytes an operation adds to the store; NULL: none.
    size_t (*bytes)(const struct store_op *op);
    // Of an operation that reads: where in its struct the slices are that it asks by; a 0 ends
    // them.
    size_t slices[STORE_KIND_SLICES];
    // Likewise an array of slices (const struct slice *) and how many they are (int), if it asks
    // by many; 0: it does not.
    size_t slice_array;
    size_t slice_count;
    // Of an operation that changes runs: where in its struct the slice is that names their
    // organization. One whose organization is frozen is answered STORE_READ_ONLY by every
    // back-end, before it runs.
    size_t organization;
};

// All of them, by their index. Made by Bazel of the headers.
extern const struct store_kind *const store_kinds[];
extern const int store_kinds_count;

// When a store carried out the transaction of a change, on clock_monotonic_us, and what was in it.
struct store_timing {
    int64_t begin_us;
    int64_t end_us; // before the answers; 0: there was no transaction
    int op_count;   // operations of the transaction
};

// One operation: what is asked, where the answer goes, who is told. Owned by
// the caller, and together with all it points at left alone from submission
// until done is called. Results are allocated in arena or borrow from the
// operation's own inputs.
struct store_op {
    const struct store_kind *kind;
    struct arena *arena;
    int64_t deadline_us; // clock_monotonic_us; 0: none
    // Called exactly once, on a thread of the store or within
    // run_store_submit; from then on the store does not touch the operation.
    // Must not block and must not call run_store_close.
    void (*done)(struct store_op *op);
    void *context; // for done; the store does not look at it
    enum store_result result;
    struct store_timing *timing; // of a change: is set before done is called; NULL: nobody asks
    const char *detail;          // for the log where the store could not do it; or NULL
    struct store_op *next;       // the store's while it holds the operation, as the next
    int64_t queued_us;           // when it began to wait; clock_monotonic_us
};

static inline bool store_op_is_change(const struct store_op *op) {
    return op->kind->part == STORE_CHANGES;
}

// Returns the organization of whose runs op changes some; its kind says where it is.
static inline struct slice store_op_organization(const struct store_op *op) {
    return *(const struct slice *)(const void *)((const char *)op + op->kind->organization);
}

// Whether nobody waits for op any more.
static inline bool store_op_is_late(const struct store_op *op, int64_t now_us) {
    return op->deadline_us != 0 && now_us >= op->deadline_us;
}

// Returns about how many bytes op adds to the store.
size_t store_op_bytes(const struct store_op *op);

// Whether op is above STORE_LARGEST_OP_BYTES; if so its result and detail say it.
bool store_op_is_too_large(struct store_op *op);

// Returns a copy of op, which reads, and of what it asks by, in a.
struct store_op *store_op_copy(const struct store_op *op, struct arena *a);

// Submits op and waits for its end; its done and context are overwritten. For programs and
// tests that have nothing else to do.
void store_op_submit_and_wait(struct run_store *store, struct store_op *op);

#endif
