#include "storage/postgres/change_batch.h"

#include "base/core/clock.h"
#include "storage/store_metrics.h"

// More in one transaction saves nothing, and has others wait.
enum { BATCH_BYTES = 8 * 1024 * 1024 };

static void init(struct change_batch *b) {
    *b = (struct change_batch){.first = NULL};
    b->end = &b->first;
}

static void append(struct change_batch *b, struct store_op *op) {
    op->next = NULL;
    *b->end = op;
    b->end = &op->next;
    b->count++;
    b->bytes += store_op_bytes(op);
}

static struct store_op *take_first(struct change_batch *b) {
    struct store_op *op = b->first;
    if (op != NULL) {
        b->first = op->next;
        b->end = b->first == NULL ? &b->first : b->end;
        b->count--;
    }
    return op;
}

void change_batch_fill(struct change_batch *b, struct store_op **waiting, int most_count,
                       struct store_metrics *metrics) {
    init(b);
    b->begin_us = clock_monotonic_us();
    while (*waiting != NULL && b->count < most_count && b->bytes < BATCH_BYTES) {
        struct store_op *op = *waiting;
        *waiting = op->next;
        op->detail = NULL;
        if (store_op_is_too_large(op)) {
            store_metrics_answer(metrics, op);
        } else if (store_op_is_late(op, b->begin_us)) {
            op->result = STORE_EXPIRED;
            store_metrics_answer(metrics, op);
        } else {
            append(b, op);
        }
    }
}

void change_batch_drop_late(struct change_batch *b, struct store_metrics *metrics) {
    int64_t now_us = clock_monotonic_us();
    struct change_batch left;
    init(&left);
    left.begin_us = b->begin_us;
    for (struct store_op *op = take_first(b); op != NULL; op = take_first(b)) {
        if (store_op_is_late(op, now_us)) {
            op->result = STORE_EXPIRED;
            store_metrics_answer(metrics, op);
        } else {
            append(&left, op);
        }
    }
    *b = left;
    b->end = left.first == NULL ? &b->first : left.end;
}

bool change_batch_split(struct change_batch *b, struct change_batch *ret_single) {
    struct store_op *op = take_first(b);
    if (op == NULL) {
        return false;
    }
    init(ret_single);
    append(ret_single, op);
    ret_single->begin_us = clock_monotonic_us();
    return true;
}

int64_t change_batch_deadline(const struct change_batch *b, int64_t end_us) {
    int64_t latest_us = 0;
    for (const struct store_op *op = b->first; op != NULL; op = op->next) {
        if (op->deadline_us == 0) {
            return end_us;
        }
        latest_us = op->deadline_us > latest_us ? op->deadline_us : latest_us;
    }
    return latest_us < end_us ? latest_us : end_us;
}

void change_batch_answer(struct change_batch *b, struct store_metrics *metrics) {
    const struct store_timing timing = {b->begin_us, clock_monotonic_us(), b->count};
    for (struct store_op *op = take_first(b); op != NULL; op = take_first(b)) {
        if (op->timing != NULL) {
            *op->timing = timing;
        }
        store_metrics_answer(metrics, op); // it is its owner's then
    }
}

void change_batch_answer_all(struct change_batch *b, struct store_metrics *metrics,
                             enum store_result result, const char *detail) {
    for (struct store_op *op = b->first; op != NULL; op = op->next) {
        op->result = result;
        op->detail = arena_printf(op->arena, "%s", detail);
    }
    change_batch_answer(b, metrics);
}
