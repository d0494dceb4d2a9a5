#ifndef RUNSD_STORAGE_POSTGRES_READER_QUEUE_H
#define RUNSD_STORAGE_POSTGRES_READER_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/op/store_op.h"

// Operations that wait for a reader. Thread safe.

struct reader_lane {
    struct store_op *first;
    struct store_op **end;
};

struct reader_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    struct reader_lane quick;
    struct reader_lane long_ones;
    int waiting;
    int limit;
    int quick_at_work; // readers
    int long_at_work;
    int most_of_lane; // how many may run those of one lane at once
    bool is_closed;
};

enum { READER_MOST_AT_ONCE = 512 };

// What a reader takes: operations that are read at once, linked by next.
struct reader_turn {
    struct store_op *ops; // NULL: none
    bool is_long;
};

// limit is how many operations may wait; 0: OP_QUEUE_DEFAULT_LIMIT (storage/op_queue.h).
void reader_queue_init(struct reader_queue *q, int limit, int readers);

// q is empty, and no thread uses it any more.
void reader_queue_destroy(struct reader_queue *q);

// Appends op. Returns false, having done nothing, if limit operations wait.
bool reader_queue_push(struct reader_queue *q, struct store_op *op);

// Waits for operations, at most until until_us (clock_monotonic_us; 0: for ever), and takes some.
// Returns false once the queue is closed and empty. The turn is ended by reader_queue_end, and the
// next one is taken at once: nobody else is woken for what waits then.
bool reader_queue_take(struct reader_queue *q, int64_t until_us, struct reader_turn *ret_turn);
void reader_queue_end(struct reader_queue *q, const struct reader_turn *turn);

// Takes the operations that have waited since before queued_before_us, linked by next.
struct store_op *reader_queue_take_older(struct reader_queue *q, int64_t queued_before_us);

struct reader_queue_use {
    int waiting;
    int at_work;
};
struct reader_queue_use reader_queue_look(struct reader_queue *q);

// From here on nothing may be pushed; all that waits is still taken.
void reader_queue_close(struct reader_queue *q);

#endif
