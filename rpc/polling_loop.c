#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/thread/thread.h"
#include "rpc/loop_internal.h"
#include "rpc/loop_round_internal.h"
#include "rpc/tag_internal.h"
#include "rpc/thread_sanitizer_internal.h"

// A loop whose thread waits in gRPC core for sockets and completions.

struct polling_loop {
    struct rpc_loop base;
    // The C API has no event of one's own to put in a queue, but an empty batch
    // of any call completes at once: this call exists for that, on a channel that
    // leads nowhere.
    grpc_channel *wake_channel;
    grpc_call *wake_call;
    struct rpc_tag wake_tag;
};

static void wake_done(struct rpc_tag *tag, bool ok) {
    (void)ok;
    struct polling_loop *loop = CONTAINER_OF(tag, struct polling_loop, wake_tag);
    rpc_loop_run_round(&loop->base, atomic_exchange(&loop->base.posted, NULL));
}

static void *run(void *argument) {
    struct rpc_loop *loop = argument;
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
        rpc_loop_run_own(loop);
        rpc_loop_end_turn(loop);
        if (event.type == GRPC_QUEUE_SHUTDOWN && loop->own == NULL) {
            return NULL;
        }
    }
}

// The tag is in the queue once at most.
static void wake(struct rpc_loop *base) {
    struct polling_loop *loop = CONTAINER_OF(base, struct polling_loop, base);
    grpc_call_error error = grpc_call_start_batch(loop->wake_call, NULL, 0, &loop->wake_tag, NULL);
    CHECK(error == GRPC_CALL_OK); // else the loop is used after rpc_loop_free
}

static void free_loop(struct rpc_loop *base) {
    struct polling_loop *loop = CONTAINER_OF(base, struct polling_loop, base);
    grpc_call_unref(loop->wake_call);
    grpc_channel_destroy(loop->wake_channel);
    grpc_completion_queue_shutdown(base->queue);
    thread_join(base->thread);
    grpc_completion_queue_destroy(base->queue);
    free(loop);
}

struct rpc_loop *rpc_loop_new(const char *name) {
    struct polling_loop *loop = mem_zalloc(sizeof(*loop));
    rpc_loop_init(&loop->base);
    loop->base.wake = wake;
    loop->base.free = free_loop;
    loop->base.queue = grpc_completion_queue_create_for_next(NULL);
    rpc_tag_init(&loop->wake_tag, &loop->base, wake_done);
    loop->wake_channel =
        grpc_lame_client_channel_create(NULL, GRPC_STATUS_UNAVAILABLE, "wakes a loop");
    loop->wake_call = grpc_channel_create_call(loop->wake_channel, NULL, 0, loop->base.queue,
                                               grpc_slice_from_static_string("/wake"), NULL,
                                               gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    loop->base.thread = thread_start(name, run, &loop->base);
    return &loop->base;
}
