#include "storage/memory/memory_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "storage/memory/memory_op.h"

struct memory_store {
    struct run_store base;
    pthread_mutex_t lock;
    struct memory_tables tables;
};

static enum store_result run_op(struct memory_store *s, struct store_op *op) {
    if (op->deadline_us != 0 && clock_monotonic_us() >= op->deadline_us) {
        return STORE_EXPIRED;
    }
    if (store_op_is_too_large(op)) {
        return STORE_TOO_LARGE;
    }
    return memory_ops[op->kind->index]->run(&s->tables, op);
}

static void submit(struct run_store *store, struct store_op *op) {
    struct memory_store *s = (struct memory_store *)store;
    op->detail = NULL;
    pthread_mutex_lock(&s->lock);
    op->result = run_op(s, op);
    pthread_mutex_unlock(&s->lock);
    op->done(op);
}

static void close_store(struct run_store *store) {
    struct memory_store *s = (struct memory_store *)store;
    memory_tables_release(&s->tables);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static const struct run_store_ops interface = {
    .name = "memory",
    .submit = submit,
    .close = close_store,
};

struct run_store *memory_store_new(const struct run_store_options *options) {
    (void)options;
    struct memory_store *s = mem_zalloc(sizeof(*s));
    s->base.ops = &interface;
    // Up to 256 bytes come whole or not at all, and not only before the
    // kernel's pool is ready (getrandom(2)).
    CHECK(getrandom(s->base.secret, STORE_SECRET_BYTES, 0) == STORE_SECRET_BYTES);
    while (s->base.epoch == 0) {
        CHECK(getrandom(&s->base.epoch, sizeof(s->base.epoch), 0) == sizeof(s->base.epoch));
    }
    pthread_mutex_init(&s->lock, NULL);
    return &s->base;
}
