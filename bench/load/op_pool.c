#include "bench/load/op_pool.h"

#include <stdlib.h>

#include "base/core/clock.h"
#include "base/core/memory.h"

static void on_done(struct store_op *op) {
    struct op_slot *s = op->context;
    struct op_pool *p = s->pool;
    int64_t latency_us = clock_monotonic_us() - s->submitted_us;
    pthread_mutex_lock(&p->lock);
    histogram_record(&p->latency_us, (uint64_t)latency_us);
    p->failures += op->result != STORE_OK;
    s->next_free = p->free;
    p->free = s;
    p->free_count++;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

// Waits for free slots and takes all.
static struct op_slot *take_slots(struct op_pool *p, int at_least) {
    pthread_mutex_lock(&p->lock);
    while (p->free_count < at_least) {
        pthread_cond_wait(&p->freed, &p->lock);
    }
    struct op_slot *all = p->free;
    p->free = NULL;
    p->free_count = 0;
    pthread_mutex_unlock(&p->lock);
    return all;
}

static void give_slots(struct op_pool *p, struct op_slot *all) {
    pthread_mutex_lock(&p->lock);
    while (all != NULL) {
        struct op_slot *next = all->next_free;
        all->next_free = p->free;
        p->free = all;
        p->free_count++;
        all = next;
    }
    pthread_mutex_unlock(&p->lock);
}

void op_pool_init(struct op_pool *p, struct run_store *store, int size) {
    *p = (struct op_pool){.store = store, .size = size};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->freed, NULL);
    p->slots = mem_zalloc((size_t)size * sizeof(struct op_slot));
    for (int i = 0; i < size; i++) {
        p->slots[i].pool = p;
        p->slots[i].next_free = i + 1 < size ? &p->slots[i + 1] : NULL;
        arena_init(&p->slots[i].arena);
    }
    give_slots(p, p->slots);
}

void op_pool_run(struct op_pool *p, uint64_t first, uint64_t end, op_pool_fill *fill,
                 void *context) {
    for (uint64_t number = first; number < end;) {
        struct op_slot *s = take_slots(p, 1);
        while (s != NULL && number < end) {
            struct op_slot *next = s->next_free;
            arena_release(&s->arena);
            s->op = (struct store_op){.arena = &s->arena, .done = on_done, .context = s};
            fill(context, s, number++);
            s->submitted_us = clock_monotonic_us();
            run_store_submit(p->store, &s->op);
            s = next;
        }
        give_slots(p, s);
    }
    give_slots(p, take_slots(p, p->size));
}

void op_pool_release(struct op_pool *p) {
    for (int i = 0; i < p->size; i++) {
        arena_release(&p->slots[i].arena);
    }
    free(p->slots);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->freed);
}
