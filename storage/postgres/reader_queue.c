#include "storage/postgres/reader_queue.h"

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/thread/condition.h"
#include "storage/op_queue.h"
#include "storage/postgres/postgres_op.h"

static const struct postgres_op *kind_of(const struct store_op *op) {
    return postgres_ops[op->kind->index];
}

void reader_queue_init(struct reader_queue *q, int limit, int readers) {
    *q = (struct reader_queue){
        .limit = limit > 0 ? limit : OP_QUEUE_DEFAULT_LIMIT,
        .most_of_lane = readers > 1 ? readers / 2 : 1,
    };
    q->quick.end = &q->quick.first;
    q->long_ones.end = &q->long_ones.first;
    pthread_mutex_init(&q->lock, NULL);
    condition_init(&q->not_empty);
}

void reader_queue_destroy(struct reader_queue *q) {
    CHECK(q->waiting == 0);
    pthread_cond_destroy(&q->not_empty);
    pthread_mutex_destroy(&q->lock);
}

bool reader_queue_push(struct reader_queue *q, struct store_op *op) {
    struct reader_lane *lane = kind_of(op)->is_long ? &q->long_ones : &q->quick;
    op->next = NULL;
    op->queued_us = clock_monotonic_us();
    pthread_mutex_lock(&q->lock);
    CHECK(!q->is_closed);
    bool fits = q->waiting < q->limit;
    if (fits) {
        *lane->end = op;
        lane->end = &op->next;
        q->waiting++;
    }
    pthread_mutex_unlock(&q->lock);
    if (fits) {
        pthread_cond_signal(&q->not_empty);
    }
    return fits;
}

// Takes out of the lane what at leads to.
static struct store_op *unlink_op(struct reader_queue *q, struct reader_lane *lane,
                                  struct store_op **at) {
    struct store_op *op = *at;
    *at = op->next;
    if (*at == NULL) {
        lane->end = at;
    }
    op->next = NULL;
    q->waiting--;
    return op;
}

// Takes the first quick one, and all of its kind if they are read at once.
static struct store_op *take_quick(struct reader_queue *q) {
    struct store_op *first = unlink_op(q, &q->quick, &q->quick.first);
    if (kind_of(first)->read_all == NULL) {
        return first;
    }
    struct store_op **end = &first->next;
    struct store_op **at = &q->quick.first;
    for (int left = READER_MOST_AT_ONCE - 1; *at != NULL && left > 0;) {
        if ((*at)->kind != first->kind) {
            at = &(*at)->next;
            continue;
        }
        *end = unlink_op(q, &q->quick, at);
        end = &(*end)->next;
        left--;
    }
    return first;
}

static bool may_run_long(const struct reader_queue *q) {
    return q->long_ones.first != NULL && q->long_at_work < q->most_of_lane;
}

static bool may_run_quick(const struct reader_queue *q) {
    return q->quick.first != NULL && q->quick_at_work < q->most_of_lane;
}

static bool may_run_any(const struct reader_queue *q) {
    return may_run_long(q) || may_run_quick(q);
}

bool reader_queue_take(struct reader_queue *q, int64_t until_us, struct reader_turn *ret_turn) {
    *ret_turn = (struct reader_turn){.ops = NULL};
    pthread_mutex_lock(&q->lock);
    while (!may_run_any(q) && !(q->is_closed && q->waiting == 0) &&
           condition_wait(&q->not_empty, &q->lock, until_us)) {
    }
    if (may_run_long(q)) { // quick ones have the other readers
        ret_turn->ops = unlink_op(q, &q->long_ones, &q->long_ones.first);
        ret_turn->is_long = true;
        q->long_at_work++;
    } else if (may_run_quick(q)) {
        ret_turn->ops = take_quick(q);
        q->quick_at_work++;
    }
    bool has_more = may_run_any(q);
    bool is_over = ret_turn->ops == NULL && q->is_closed && q->waiting == 0;
    pthread_mutex_unlock(&q->lock);
    if (has_more) {
        pthread_cond_signal(&q->not_empty);
    }
    return !is_over;
}

void reader_queue_end(struct reader_queue *q, const struct reader_turn *turn) {
    if (turn->ops == NULL) {
        return;
    }
    pthread_mutex_lock(&q->lock);
    q->quick_at_work -= !turn->is_long;
    q->long_at_work -= turn->is_long;
    bool is_closed = q->is_closed;
    pthread_mutex_unlock(&q->lock);
    if (is_closed) {
        pthread_cond_broadcast(&q->not_empty);
    }
}

static struct store_op **take_older_of(struct reader_queue *q, struct reader_lane *lane,
                                       int64_t queued_before_us, struct store_op **end) {
    while (lane->first != NULL && lane->first->queued_us < queued_before_us) {
        *end = unlink_op(q, lane, &lane->first);
        end = &(*end)->next;
    }
    return end;
}

struct store_op *reader_queue_take_older(struct reader_queue *q, int64_t queued_before_us) {
    struct store_op *all = NULL;
    pthread_mutex_lock(&q->lock);
    struct store_op **end = take_older_of(q, &q->quick, queued_before_us, &all);
    take_older_of(q, &q->long_ones, queued_before_us, end);
    pthread_mutex_unlock(&q->lock);
    return all;
}

struct reader_queue_use reader_queue_look(struct reader_queue *q) {
    pthread_mutex_lock(&q->lock);
    struct reader_queue_use use = {.waiting = q->waiting,
                                   .at_work = q->quick_at_work + q->long_at_work};
    pthread_mutex_unlock(&q->lock);
    return use;
}

void reader_queue_close(struct reader_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->is_closed = true;
    pthread_mutex_unlock(&q->lock);
    pthread_cond_broadcast(&q->not_empty);
}
