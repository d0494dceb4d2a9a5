#include "rpc/loop.h"

#include <semaphore.h>
#include <stdlib.h>

#include "base/core/container_of.h"
#include "rpc/deadlock_detection_internal.h"
#include "rpc/loop_internal.h"

// --- tasks ---

static struct rpc_task *reversed(struct rpc_task *list) {
    struct rpc_task *result = NULL;
    while (list != NULL) {
        struct rpc_task *next = list->next;
        list->next = result;
        result = list;
        list = next;
    }
    return result;
}

void rpc_loop_run_tasks(struct rpc_task *newest) {
    struct rpc_task *task = reversed(newest);
    while (task != NULL) {
        struct rpc_task *next = task->next;
        task->run(task);
        task = next;
    }
}

bool rpc_loop_run_own(struct rpc_loop *loop) {
    struct rpc_task *own = loop->own;
    loop->own = NULL;
    rpc_loop_run_tasks(own);
    return own != NULL;
}

bool rpc_loop_is_current(const struct rpc_loop *loop) {
    return pthread_equal(loop->thread, pthread_self()) != 0;
}

void rpc_loop_post(struct rpc_loop *loop, struct rpc_task *task) {
    if (rpc_loop_is_current(loop)) {
        task->next = loop->own;
        loop->own = task;
        return;
    }
    struct rpc_task *idle = loop->idle;
    struct rpc_task *head = atomic_load_explicit(&loop->posted, memory_order_relaxed);
    do {
        task->next = head == idle ? NULL : head;
    } while (!atomic_compare_exchange_weak(&loop->posted, &head, task));
    if (head == idle) {
        loop->wake(loop);
    }
}

struct waited_call {
    struct rpc_task task;
    void (*function)(void *context);
    void *context;
    sem_t is_done;
};

static void run_waited_call(struct rpc_task *task) {
    struct waited_call *call = CONTAINER_OF(task, struct waited_call, task);
    call->function(call->context);
    sem_post(&call->is_done);
}

void rpc_loop_call(struct rpc_loop *loop, void (*function)(void *context), void *context) {
    if (rpc_loop_is_current(loop)) {
        function(context);
        return;
    }
    struct waited_call call = {.task.run = run_waited_call, .function = function};
    call.context = context;
    sem_init(&call.is_done, 0, 0);
    rpc_loop_post(loop, &call.task);
    while (sem_wait(&call.is_done) != 0) {
    }
    sem_destroy(&call.is_done);
}

// --- timeouts ---

static void run_sweep(struct rpc_task *task) {
    rpc_timeouts_sweep(&CONTAINER_OF(task, struct rpc_loop, sweep_task)->timeouts);
}

void rpc_loop_cancel_timeout(struct rpc_loop *loop, struct rpc_timeout *timeout) {
    if (rpc_timeouts_cancel(&loop->timeouts, timeout)) {
        rpc_loop_post(loop, &loop->sweep_task);
    }
}

// --- a loop's life ---

void rpc_loop_init(struct rpc_loop *loop) {
    grpc_init();
    rpc_deadlock_detection_off();
    atomic_init(&loop->posted, NULL);
    rpc_timeouts_init(&loop->timeouts);
    loop->sweep_task.run = run_sweep;
}

void *rpc_loop_queue(struct rpc_loop *loop) {
    return loop->queue;
}

void rpc_loop_free(struct rpc_loop *loop) {
    if (loop == NULL) {
        return;
    }
    loop->free(loop);
    // Blocking, because grpc_shutdown would clean up in a thread of its own that
    // the end of the process may cut off.
    grpc_shutdown_blocking();
}
