#include "storage/op_queue.h"

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/thread/condition.h"

void op_queue_init(struct op_queue *q, int limit) {
    *q = (struct op_queue){.limit = limit > 0 ? limit : OP_QUEUE_DEFAULT_LIMIT};
    q->end = &q->first;
    pthread_mutex_init(&q->lock, NULL);
    condition_init(&q->not_empty);
}

void op_queue_destroy(struct op_queue *q) {
    CHECK(q->first == NULL);
    pthread_cond_destroy(&q->not_empty);
    pthread_mutex_destroy(&q->lock);
}

bool op_queue_push(struct op_queue *q, struct store_op *op) {
    op->next = NULL;
    op->queued_us = clock_monotonic_us();
    pthread_mutex_lock(&q->lock);
    CHECK(!q->closed);
    bool fits = q->count < q->limit;
    bool wake = false;
    if (fits) {
        wake = q->first == NULL;
        *q->end = op;
        q->end = &op->next;
        q->count++;
    }
    pthread_mutex_unlock(&q->lock);
    if (wake) {
        pthread_cond_signal(&q->not_empty);
    }
    return fits;
}

bool op_queue_take_within(struct op_queue *q, int64_t wait_us, struct store_op **ret_all) {
    int64_t end_us = wait_us > 0 ? clock_monotonic_us() + wait_us : 0;
    pthread_mutex_lock(&q->lock);
    while (q->first == NULL && !q->closed && condition_wait(&q->not_empty, &q->lock, end_us)) {
    }
    *ret_all = q->first;
    bool open = q->first != NULL || !q->closed;
    q->first = NULL;
    q->end = &q->first;
    q->count = 0;
    pthread_mutex_unlock(&q->lock);
    return open;
}

struct store_op *op_queue_take(struct op_queue *q) {
    struct store_op *all = NULL;
    while (op_queue_take_within(q, 0, &all) && all == NULL) {
    }
    return all;
}

int op_queue_length(struct op_queue *q) {
    pthread_mutex_lock(&q->lock);
    int count = q->count;
    pthread_mutex_unlock(&q->lock);
    return count;
}

bool op_queue_is_empty(struct op_queue *q) {
    pthread_mutex_lock(&q->lock);
    bool empty = q->first == NULL;
    pthread_mutex_unlock(&q->lock);
    return empty;
}

void op_queue_close(struct op_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_mutex_unlock(&q->lock);
    pthread_cond_signal(&q->not_empty);
}
