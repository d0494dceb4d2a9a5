#ifndef RUNSD_RPC_STREAM_QUEUES_INTERNAL_H
#define RUNSD_RPC_STREAM_QUEUES_INTERNAL_H

#include <grpc/grpc.h>
#include <semaphore.h>

// Completion queues for the operations of a server's long-lived streams, which a stream is bound
// to by turns. Debian's gRPC core has its assertions: each tag that completes is looked for among
// all tags of its queue that have not, one after the other. An open stream has such a tag for its
// end, so with 10,000 streams on the loop's own queue every message of a stream, and every call,
// took 3 to 5 microseconds longer (measured with 1.51.1).
//
// They are callback queues: nobody waits in them, a completion posts its task to the loop
// (rpc/tag_internal.h), mostly on the loop's own thread, where the operation was started.

enum { RPC_STREAM_QUEUES = 128 };

struct rpc_stream_queues {
    grpc_completion_queue *queues[RPC_STREAM_QUEUES];
    grpc_completion_queue_functor is_shut_down; // called for each queue
    sem_t shut_down;                            // counts them
    unsigned next;
};

void rpc_stream_queues_init(struct rpc_stream_queues *q);

// The queue that the next stream is bound to. On the loop's thread.
grpc_completion_queue *rpc_stream_queues_next(struct rpc_stream_queues *q);

// Waits until all operations have ended. All calls must have been released.
void rpc_stream_queues_release(struct rpc_stream_queues *q);

#endif
