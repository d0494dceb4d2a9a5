#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/thread/thread.h"
#include "rpc/loop_internal.h"

// A loop for calls within the process. gRPC core has nothing to wait for there: its
// completions come as tasks, mostly on the very thread, and the thread waits for
// what it watches.

enum { TASK_ROUNDS = 16 }; // before the watch has its turn: a call takes a few

struct local_loop {
    struct rpc_loop base;
    struct rpc_task asleep; // base.idle
    int wake_fd;
    struct rpc_watch *watch;
    grpc_completion_queue_functor shutdown;
    struct rpc_task shutdown_task;
    bool is_over;
};

// Waits for a task, the watch or wait_ms (negative: for ever). Returns the tasks that
// other threads have posted.
static struct rpc_task *sleep_until_woken(struct local_loop *loop, int wait_ms) {
    struct rpc_task *awake = NULL;
    if (!atomic_compare_exchange_strong(&loop->base.posted, &awake, &loop->asleep)) {
        return atomic_exchange(&loop->base.posted, NULL);
    }
    struct pollfd fds[] = {
        {.fd = loop->wake_fd, .events = POLLIN},
        {.fd = loop->watch != NULL ? loop->watch->fd : -1, .events = POLLIN},
        {.fd = loop->watch != NULL ? loop->watch->more_fd : 0, .events = POLLIN},
    };
    poll(fds, fds[2].fd != 0 ? 3 : 2, wait_ms); // EINTR: nothing to do yet
    struct rpc_task *posted = atomic_exchange(&loop->base.posted, NULL);
    if (posted == &loop->asleep) {
        return NULL;
    }
    // Who posted the first task wakes us, or is about to: each wake is taken once.
    uint64_t wakes;
    while (read(loop->wake_fd, &wakes, sizeof(wakes)) < 0 && errno == EINTR) {
    }
    return posted;
}

static void wake(struct rpc_loop *base) {
    struct local_loop *loop = CONTAINER_OF(base, struct local_loop, base);
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

static bool run_some_tasks(struct rpc_loop *loop) {
    rpc_loop_run_tasks(atomic_exchange(&loop->posted, NULL));
    for (int i = 0; i < TASK_ROUNDS; i++) {
        if (!rpc_loop_run_own(loop)) {
            return false;
        }
    }
    return loop->own != NULL;
}

// Of two waits in ms, negative for ever.
static int shorter_ms(int a, int b) {
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void *run(void *argument) {
    struct local_loop *loop = argument;
    for (;;) {
        bool has_more = run_some_tasks(&loop->base);
        int wait_ms = loop->watch != NULL ? loop->watch->turn(loop->watch) : -1;
        wait_ms = shorter_ms(wait_ms, rpc_timeouts_run(&loop->base.timeouts));
        if (has_more || loop->base.own != NULL) {
            continue;
        }
        if (loop->is_over && atomic_load(&loop->base.posted) == NULL) {
            return NULL;
        }
        if (wait_ms != 0) {
            rpc_loop_run_tasks(sleep_until_woken(loop, wait_ms));
        }
    }
}

static void run_shutdown(struct rpc_task *task) {
    CONTAINER_OF(task, struct local_loop, shutdown_task)->is_over = true;
}

static void shut_down(grpc_completion_queue_functor *functor, int ok) {
    (void)ok;
    struct local_loop *loop = CONTAINER_OF(functor, struct local_loop, shutdown);
    rpc_loop_post(&loop->base, &loop->shutdown_task);
}

static void free_loop(struct rpc_loop *base) {
    struct local_loop *loop = CONTAINER_OF(base, struct local_loop, base);
    CHECK(loop->watch == NULL);
    grpc_completion_queue_shutdown(base->queue);
    thread_join(base->thread);
    grpc_completion_queue_destroy(base->queue);
    close(loop->wake_fd);
    free(loop);
}

struct rpc_loop *rpc_loop_new_local(const char *name) {
    int wake_fd = eventfd(0, EFD_CLOEXEC);
    if (wake_fd < 0) {
        return NULL;
    }
    struct local_loop *loop = mem_zalloc(sizeof(*loop));
    rpc_loop_init(&loop->base);
    loop->base.idle = &loop->asleep;
    loop->base.wake = wake;
    loop->base.free = free_loop;
    loop->wake_fd = wake_fd;
    loop->shutdown.functor_run = shut_down;
    loop->shutdown.inlineable = 1;
    loop->shutdown_task.run = run_shutdown;
    loop->base.queue = grpc_completion_queue_create_for_callback(&loop->shutdown, NULL);
    loop->base.thread = thread_start(name, run, &loop->base);
    return &loop->base;
}

bool rpc_loop_is_local(const struct rpc_loop *loop) {
    return loop->free == free_loop;
}

struct watching {
    struct local_loop *loop;
    struct rpc_watch *watch;
};

static void set_watch(void *context) {
    const struct watching *watching = context;
    watching->loop->watch = watching->watch;
}

void rpc_loop_watch(struct rpc_loop *loop, struct rpc_watch *watch) {
    struct local_loop *local = CONTAINER_OF(loop, struct local_loop, base);
    rpc_loop_call(loop, set_watch, &(struct watching){local, watch});
}
