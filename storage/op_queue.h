#ifndef RUNSD_STORAGE_OP_QUEUE_H
#define RUNSD_STORAGE_OP_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#include "storage/op/store_op.h"

// Operations that wait for a thread of a back-end, in the order in which they came.
// Thread safe. The thread that takes gets all that wait at once, and is woken only when the
// queue was empty: under load no push costs a wake-up.
struct op_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    struct store_op *first;
    struct store_op **end;
    int count;
    int limit;
    bool closed;
};

enum { OP_QUEUE_DEFAULT_LIMIT = 16384 };

// limit is how many operations may wait; 0: OP_QUEUE_DEFAULT_LIMIT.
void op_queue_init(struct op_queue *q, int limit);

// q must be empty and no thread may use it any more.
void op_queue_destroy(struct op_queue *q);

// Appends op. Returns false, having done nothing, if limit operations wait.
bool op_queue_push(struct op_queue *q, struct store_op *op);

// Waits until an operation is there and takes all that are, linked by next. Returns
// NULL once the queue is closed and empty. Only one thread may take.
struct store_op *op_queue_take(struct op_queue *q);

// As op_queue_take, but waits for wait_us at most; 0: without limit. Returns false
// once the queue is closed and empty; *ret_all is NULL if the time passed first.
bool op_queue_take_within(struct op_queue *q, int64_t wait_us, struct store_op **ret_all);

// How many operations wait.
int op_queue_length(struct op_queue *q);

bool op_queue_is_empty(struct op_queue *q);

// From here on nothing may be pushed, and op_queue_take returns NULL when all is taken.
void op_queue_close(struct op_queue *q);

#endif
