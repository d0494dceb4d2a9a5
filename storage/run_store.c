#include "storage/run_store.h"

#include <pthread.h>

#include "base/core/check.h"

// op comes first, so that done finds the rest from the operation's address.
struct waiting_op {
    struct store_op op;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
};

static void wake_waiter(struct store_op *op) {
    struct waiting_op *w = (struct waiting_op *)op;
    // Signalled under the lock: w is gone as soon as the waiter sees done.
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
}

void run_store_submit_and_wait(struct run_store *store, struct store_op *op) {
    struct waiting_op w = {.op = *op};
    w.op.done = wake_waiter;
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.ended, NULL);
    run_store_submit(store, &w.op);
    pthread_mutex_lock(&w.lock);
    while (!w.done) {
        pthread_cond_wait(&w.ended, &w.lock);
    }
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.ended);
    pthread_mutex_destroy(&w.lock);
    *op = w.op;
}

size_t store_op_bytes(const struct store_op *op) {
    const size_t rows = 512;
    switch (op->kind) {
    case STORE_CREATE: {
        const struct store_create *c = &op->create;
        return rows + 4 * (c->in.organization.len + c->in.id.len) + 2 * c->in.workflow_id.len +
               c->in.spec.len + c->in.execution_state.len + c->actor.len + c->reason.len;
    }
    case STORE_TRANSITION: {
        const struct store_transition *t = &op->transition;
        return rows + t->actor.len + t->reason.len +
               (t->set_execution_state ? t->execution_state.len : 0);
    }
    case STORE_TOKEN_CREATE:
    case STORE_TOKEN_REVOKE:
        return rows;
    case STORE_GET:
    case STORE_LIST:
    case STORE_EVENTS:
    case STORE_TOKEN_LIST:
        return 0;
    }
    CHECK_FAIL("no such operation");
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
