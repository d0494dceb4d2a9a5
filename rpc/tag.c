#include "base/core/container_of.h"
#include "rpc/tag_internal.h"
#include "rpc/thread_sanitizer_internal.h"

#ifdef __SANITIZE_THREAD__
char rpc_thread_sanitizer_order;
#endif

static void run_tag(struct rpc_task *task) {
    struct rpc_tag *tag = CONTAINER_OF(task, struct rpc_tag, task);
    tag->done(tag, tag->ok);
}

void rpc_tag_completed(grpc_completion_queue_functor *functor, int ok) {
    RPC_AFTER_EVENT();
    struct rpc_tag *tag = CONTAINER_OF(functor, struct rpc_tag, functor);
    tag->ok = ok != 0;
    rpc_loop_post(tag->loop, &tag->task);
}

void rpc_tag_init(struct rpc_tag *tag, struct rpc_loop *loop,
                  void (*done)(struct rpc_tag *tag, bool ok)) {
    *tag = (struct rpc_tag){
        .functor = {.functor_run = rpc_tag_completed, .inlineable = 1},
        .done = done,
        .loop = loop,
        .task.run = run_tag,
    };
}
