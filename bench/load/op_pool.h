#ifndef RUNSD_BENCH_LOAD_OP_POOL_H
#define RUNSD_BENCH_LOAD_OP_POOL_H

#include <pthread.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/request_id.h"
#include "bench/load/histogram.h"
#include "storage/op/create_run.h"
#include "storage/op/get_run.h"
#include "storage/op/transition_run.h"

// Keeps a fixed number of operations outstanding at a store.

struct op_pool;

struct op_slot {
    union { // which is submitted is fill's choice
        struct store_op op;
        struct store_create_run create;
        struct store_get_run get;
        struct store_transition_run transition;
    };
    struct op_pool *pool;
    struct arena arena;      // emptied before each operation
    char id[UUID_TEXT_SIZE]; // for the id of a run
    int64_t submitted_us;
    struct op_slot *next_free;
};

struct op_pool {
    struct run_store *store;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct op_slot *slots;
    struct op_slot *free;
    int size;
    int free_count;
    uint64_t failures;           // operations that did not end with STORE_OK
    struct histogram latency_us; // from submission to answer; the caller may empty it between runs
};

void op_pool_init(struct op_pool *p, struct run_store *store, int size);

// Fills in operation number of a run of the pool: all of a member of the union, whose op is the
// slot's with its kind.
typedef void op_pool_fill(void *context, struct op_slot *slot, uint64_t number);

// Submits operations first to end - 1 in that order, each filled in by fill, and
// waits until all have ended.
void op_pool_run(struct op_pool *p, uint64_t first, uint64_t end, op_pool_fill *fill,
                 void *context);

// The store was closed before, so that no operation of it is under way.
void op_pool_release(struct op_pool *p);

#endif
