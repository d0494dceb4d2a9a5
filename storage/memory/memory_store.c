#include "storage/memory/memory_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "storage/memory/memory_op.h"
#include "storage/store_metrics.h"

// What an operation did, until the listener is told.
struct memory_commit {
    struct store_commit *commits;
    int count;
    bool is_answered; // the operation's done was called
    struct memory_commit *next;
};

struct memory_store {
    struct run_store base;
    struct store_metrics metrics;
    pthread_mutex_t lock;
    struct memory_tables tables;
    // For the one who listens, or NULL.
    void (*on_commit)(void *context, const struct store_commit *commits, int count);
    void *context;
    struct memory_commit *first; // in the order of the commits
    struct memory_commit **end;
    bool is_telling; // a thread is at it
    pthread_cond_t told;
};

static enum store_result run_op(struct memory_store *s, struct store_op *op) {
    if (op->deadline_us != 0 && clock_monotonic_us() >= op->deadline_us) {
        return STORE_EXPIRED;
    }
    if (store_op_is_too_large(op)) {
        return STORE_TOO_LARGE;
    }
    if (op->kind->organization != 0 &&
        memory_tables_is_frozen(&s->tables, store_op_organization(op))) {
        return STORE_READ_ONLY;
    }
    return memory_ops[op->kind->index]->run(&s->tables, op);
}

// Takes what the operation that ran did, with the lock held. Returns NULL if it is nothing, or
// nobody listens.
static struct memory_commit *take_commit(struct memory_store *s) {
    int count = s->tables.commit_count;
    s->tables.commit_count = 0;
    if (count == 0 || s->on_commit == NULL) {
        return NULL;
    }
    struct memory_commit *c = mem_zalloc(sizeof(*c));
    size_t bytes = (size_t)count * sizeof(c->commits[0]);
    c->commits = memcpy(mem_alloc(bytes), s->tables.commits, bytes);
    c->count = count;
    *s->end = c;
    s->end = &c->next;
    return c;
}

// Tells the listener of answered commits, one thread at a time in their order: where another
// thread is at it, or the one before is not yet answered, what is left is told by that one.
static void tell(struct memory_store *s, struct memory_commit *answered) {
    pthread_mutex_lock(&s->lock);
    answered->is_answered = true;
    while (!s->is_telling && s->first != NULL && s->first->is_answered) {
        struct memory_commit *c = s->first;
        s->first = c->next;
        s->end = s->first == NULL ? &s->first : s->end;
        s->is_telling = true;
        pthread_mutex_unlock(&s->lock);
        s->on_commit(s->context, c->commits, c->count);
        free(c->commits);
        free(c);
        pthread_mutex_lock(&s->lock);
        s->is_telling = false;
    }
    if (s->first == NULL && !s->is_telling) {
        pthread_cond_signal(&s->told);
    }
    pthread_mutex_unlock(&s->lock);
}

static void submit(struct run_store *store, struct store_op *op) {
    struct memory_store *s = (struct memory_store *)store;
    op->detail = NULL;
    pthread_mutex_lock(&s->lock);
    int64_t begin_us = op->timing != NULL ? clock_monotonic_us() : 0;
    op->result = run_op(s, op);
    struct memory_commit *commit = take_commit(s);
    if (op->timing != NULL) {
        *op->timing = (struct store_timing){begin_us, clock_monotonic_us(), 1};
    }
    pthread_mutex_unlock(&s->lock);
    store_metrics_answer(&s->metrics, op);
    if (commit != NULL) {
        tell(s, commit);
    }
}

static void close_store(struct run_store *store) {
    struct memory_store *s = (struct memory_store *)store;
    metrics_remove_collectors(s->metrics.registry, s);
    // Who waited for an operation may be here before the thread that made it has told of it.
    pthread_mutex_lock(&s->lock);
    while (s->first != NULL || s->is_telling) {
        pthread_cond_wait(&s->told, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    memory_tables_release(&s->tables);
    store_metrics_release(&s->metrics);
    pthread_cond_destroy(&s->told);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static const struct run_store_ops interface = {
    .name = "memory",
    .submit = submit,
    .close = close_store,
};

// Before the samples are taken: collectors run first.
static void tell_runs(void *context, struct metrics_collection *collection) {
    (void)collection;
    struct memory_store *s = context;
    int64_t runs[RUN_STATUS_COUNT] = {0};
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->tables.run_count; i++) {
        runs[s->tables.runs[i]->record.status]++;
    }
    int64_t organizations = 0;
    for (size_t i = 0; i < s->tables.organization_count; i++) {
        organizations += s->tables.organizations[i].revision > 0;
    }
    pthread_mutex_unlock(&s->lock);
    store_metrics_set_runs(&s->metrics, runs, organizations);
}

struct run_store *memory_store_new(const struct run_store_options *options) {
    struct memory_store *s = mem_zalloc(sizeof(*s));
    s->base.ops = &interface;
    s->on_commit = options->on_commit;
    s->context = options->context;
    s->end = &s->first;
    pthread_cond_init(&s->told, NULL);
    // Up to 256 bytes come whole or not at all, and not only before the
    // kernel's pool is ready (getrandom(2)).
    CHECK(getrandom(s->base.secret, STORE_SECRET_BYTES, 0) == STORE_SECRET_BYTES);
    while (s->base.epoch == 0) {
        CHECK(getrandom(&s->base.epoch, sizeof(s->base.epoch), 0) == sizeof(s->base.epoch));
    }
    pthread_mutex_init(&s->lock, NULL);
    store_metrics_init(&s->metrics, options->metrics);
    metrics_add_collector(options->metrics, tell_runs, s);
    return &s->base;
}
