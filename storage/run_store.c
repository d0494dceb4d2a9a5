#include "storage/run_store.h"

#include <pthread.h>

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
