#ifndef RUNSD_RPC_LOOP_H
#define RUNSD_RPC_LOOP_H

#include <stdbool.h>

// One gRPC completion queue and the one thread that drains it. One queue with
// one thread is what measured fastest (docs/ARCHITECTURE.md).
//
// There are two kinds. A polling loop serves sockets and waits in gRPC core. A local
// loop serves calls within the process and whatever else it watches, such as an HTTP
// server: what comes by HTTP and is answered in the process changes no thread.

// Something to do on the loop's thread.
struct rpc_task {
    struct rpc_task *next; // the loop's own
    // Called once on the loop's thread. Must not block. The loop does not touch
    // the task once run was called.
    void (*run)(struct rpc_task *task);
};

struct rpc_loop;

// Initializes gRPC and starts the thread of a polling loop; name is what `top -H`
// shows (the first 15 bytes).
struct rpc_loop *rpc_loop_new(const char *name);

// The same for a local loop: its servers must not listen, its channels be in-process.
// NULL with errno if there is no file descriptor left.
struct rpc_loop *rpc_loop_new_local(const char *name);

// Whether rpc_loop_new_local made it.
bool rpc_loop_is_local(const struct rpc_loop *loop);

// What the thread of a local loop serves beside calls.
struct rpc_watch {
    int fd;      // turn is called when it is readable
    int more_fd; // likewise; 0: none
    // Called on the loop's thread, also when nothing happened. Returns after how many
    // milliseconds it must be called again at the latest; negative: only fd counts.
    // Must not block.
    int (*turn)(struct rpc_watch *watch);
};

// Has a local loop serve watch from now on, in place of what it watched; NULL: nothing,
// as is needed before rpc_loop_free. When it returns, what was watched before is not
// used any more, unless it is called on the loop's thread. Thread safe.
void rpc_loop_watch(struct rpc_loop *loop, struct rpc_watch *watch);

// The queue, a grpc_completion_queue (void here so that users of the loop need
// no gRPC header).
void *rpc_loop_queue(struct rpc_loop *loop);

// Whether the calling thread is the loop's.
bool rpc_loop_is_current(const struct rpc_loop *loop);

// Has the task run on the loop's thread, soon; the tasks of one thread in the
// order they were posted. The task is the loop's until it is run. The thread is
// woken only if no other task waits. Thread safe.
void rpc_loop_post(struct rpc_loop *loop, struct rpc_task *task);

// Calls function on the loop's thread and returns when it has returned; at once on
// the loop's thread. Thread safe.
void rpc_loop_call(struct rpc_loop *loop, void (*function)(void *context), void *context);

// Shuts the queue down, waits until every tag has completed, every task has run
// and the thread has ended. Everything that uses the loop must have been freed
// before. NULL is ignored.
void rpc_loop_free(struct rpc_loop *loop);

#endif
