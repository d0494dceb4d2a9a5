#include "storage/sqlite/read_health.h"

void read_health_init(struct read_health *h, struct store_failure *owner) {
    *h = (struct read_health){.failed = NULL};
    pthread_mutex_init(&h->lock, NULL);
    part_health_init(&h->part, STORE_READS, owner);
    arena_init(&h->failed_arena);
}

void read_health_release(struct read_health *h) {
    arena_release(&h->failed_arena);
    pthread_mutex_destroy(&h->lock);
}

void read_health_break(struct read_health *h, int reader, const struct store_op *op,
                       enum store_result why, const char *detail) {
    pthread_mutex_lock(&h->lock);
    if (op != NULL && !h->part.is_broken) {
        arena_release(&h->failed_arena);
        h->failed = store_op_copy(op, &h->failed_arena);
        h->prober = reader;
    }
    part_health_break(&h->part, why, detail);
    atomic_store(&h->is_broken, true);
    pthread_mutex_unlock(&h->lock);
}

int64_t read_health_wait_us(struct read_health *h, int reader) {
    if (!atomic_load(&h->is_broken)) {
        return 0;
    }
    pthread_mutex_lock(&h->lock);
    int64_t wait_us = h->prober == reader ? part_health_wait_us(&h->part) : 0;
    pthread_mutex_unlock(&h->lock);
    return wait_us;
}

struct store_op *read_health_take_probe(struct read_health *h, int reader, struct arena *a) {
    if (!atomic_load(&h->is_broken)) {
        return NULL;
    }
    struct store_op *op = NULL;
    pthread_mutex_lock(&h->lock);
    if (h->prober == reader && part_health_take_probe(&h->part)) {
        op = store_op_copy(h->failed, a);
        op->arena = a;
    }
    pthread_mutex_unlock(&h->lock);
    return op;
}

void read_health_mend(struct read_health *h) {
    pthread_mutex_lock(&h->lock);
    part_health_mend(&h->part);
    atomic_store(&h->is_broken, false);
    pthread_mutex_unlock(&h->lock);
}
