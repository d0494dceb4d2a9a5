#include "storage/op/store_op.h"

#include <pthread.h>

size_t store_op_bytes(const struct store_op *op) {
    return op->kind->bytes != NULL ? op->kind->bytes(op) : 0;
}

bool store_op_is_too_large(struct store_op *op) {
    size_t bytes = store_op_bytes(op);
    if (bytes <= STORE_LARGEST_OP_BYTES) {
        return false;
    }
    op->result = STORE_TOO_LARGE;
    op->detail = arena_printf(op->arena, "the operation has %zu bytes, the store takes %d", bytes,
                              STORE_LARGEST_OP_BYTES);
    return true;
}

// Gives copy, of kind, an array of slices of its own instead of the one that it borrows.
static void copy_slice_array(const struct store_kind *kind, char *copy, struct arena *a) {
    const struct slice **items = (const struct slice **)(void *)(copy + kind->slice_array);
    int count = *(const int *)(const void *)(copy + kind->slice_count);
    struct slice *own = ARENA_ARRAY(a, struct slice, count);
    for (int i = 0; i < count; i++) {
        own[i] = arena_copy(a, (*items)[i]);
    }
    *items = own;
}

struct store_op *store_op_copy(const struct store_op *op, struct arena *a) {
    const struct store_kind *kind = op->kind;
    char *copy = arena_alloc(a, kind->size);
    memcpy(copy, op, kind->size);
    for (int i = 0; i < STORE_KIND_SLICES && kind->slices[i] != 0; i++) {
        struct slice *input = (struct slice *)(void *)(copy + kind->slices[i]);
        *input = arena_copy(a, *input);
    }
    if (kind->slice_array != 0) {
        copy_slice_array(kind, copy, a);
    }
    return (struct store_op *)(void *)copy;
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
};

static void wake_waiter(struct store_op *op) {
    struct waiter *w = op->context;
    // Signalled under the lock: w is gone as soon as the waiter sees done.
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
}

void store_op_submit_and_wait(struct run_store *store, struct store_op *op) {
    struct waiter w = {.done = false};
    op->done = wake_waiter;
    op->context = &w;
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.ended, NULL);
    run_store_submit(store, op);
    pthread_mutex_lock(&w.lock);
    while (!w.done) {
        pthread_cond_wait(&w.ended, &w.lock);
    }
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.ended);
    pthread_mutex_destroy(&w.lock);
}
