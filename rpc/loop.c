#include "rpc/loop.h"

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/container_of.h"
#include "base/memory.h"
#include "rpc/deadlock_detection.h"
#include "rpc/thread_sanitizer.h"

#ifdef __SANITIZE_THREAD__
char rpc_thread_sanitizer_order;
#endif

enum { THREAD_NAME_SIZE = 16 };

struct rpc_loop {
    grpc_completion_queue *queue;
    pthread_t thread;
    _Atomic(struct rpc_task *) posted; // by other threads, newest first
    struct rpc_task *own;              // posted by the loop's thread, newest first
    // The C API has no event of one's own to put in a queue, but an empty batch
    // of any call completes at once: this call exists for that, on a channel that
    // leads nowhere.
    grpc_channel *wake_channel;
    grpc_call *wake_call;
    struct rpc_tag wake_tag;
    char name[THREAD_NAME_SIZE];
};

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

static void run_list(struct rpc_task *task) {
    while (task != NULL) {
        struct rpc_task *next = task->next;
        task->run(task);
        task = next;
    }
}

static void wake_done(struct rpc_tag *tag, bool ok) {
    (void)ok;
    struct rpc_loop *loop = CONTAINER_OF(tag, struct rpc_loop, wake_tag);
    run_list(reversed(atomic_exchange(&loop->posted, NULL)));
}

static void *run(void *argument) {
    struct rpc_loop *loop = argument;
    pthread_setname_np(pthread_self(), loop->name);
    for (;;) {
        // Tasks that were posted by tasks take turns with gRPC's events.
        gpr_timespec until = loop->own == NULL ? gpr_inf_future(GPR_CLOCK_MONOTONIC)
                                               : gpr_inf_past(GPR_CLOCK_MONOTONIC);
        grpc_event event = grpc_completion_queue_next(loop->queue, until, NULL);
        if (event.type == GRPC_OP_COMPLETE) {
            RPC_AFTER_EVENT();
            struct rpc_tag *tag = event.tag;
            tag->done(tag, event.success != 0);
        }
        struct rpc_task *own = reversed(loop->own);
        loop->own = NULL;
        run_list(own);
        if (event.type == GRPC_QUEUE_SHUTDOWN && loop->own == NULL) {
            return NULL;
        }
    }
}

struct rpc_loop *rpc_loop_new(const char *name) {
    grpc_init();
    rpc_deadlock_detection_off();
    struct rpc_loop *loop = mem_zalloc(sizeof(*loop));
    snprintf(loop->name, sizeof(loop->name), "%s", name);
    loop->queue = grpc_completion_queue_create_for_next(NULL);
    loop->wake_tag.done = wake_done;
    loop->wake_channel =
        grpc_lame_client_channel_create(NULL, GRPC_STATUS_UNAVAILABLE, "wakes a loop");
    loop->wake_call = grpc_channel_create_call(loop->wake_channel, NULL, 0, loop->queue,
                                               grpc_slice_from_static_string("/wake"), NULL,
                                               gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    if (pthread_create(&loop->thread, NULL, run, loop) != 0) {
        abort();
    }
    return loop;
}

void *rpc_loop_queue(struct rpc_loop *loop) {
    return loop->queue;
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
    struct rpc_task *head = atomic_load_explicit(&loop->posted, memory_order_relaxed);
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak(&loop->posted, &head, task));
    // The first of a list wakes, and nothing takes the list before that: so the
    // loop cannot be gone here, and the tag is in the queue once at most.
    if (head == NULL) {
        grpc_call_error error =
            grpc_call_start_batch(loop->wake_call, NULL, 0, &loop->wake_tag, NULL);
        if (error != GRPC_CALL_OK) {
            abort(); // the loop is used after rpc_loop_free
        }
    }
}

void rpc_loop_free(struct rpc_loop *loop) {
    if (loop == NULL) {
        return;
    }
    grpc_call_unref(loop->wake_call);
    grpc_channel_destroy(loop->wake_channel);
    grpc_completion_queue_shutdown(loop->queue);
    pthread_join(loop->thread, NULL);
    grpc_completion_queue_destroy(loop->queue);
    free(loop);
    // Blocking, because grpc_shutdown would clean up in a thread of its own that
    // the end of the process may cut off.
    grpc_shutdown_blocking();
}
