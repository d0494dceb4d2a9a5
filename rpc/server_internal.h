#ifndef RUNSD_RPC_SERVER_INTERNAL_H
#define RUNSD_RPC_SERVER_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/net/accept_thread.h"
#include "rpc/batch.h"
#include "rpc/message.h"
#include "rpc/server.h"

// What server.c, server_call.c, server_stream.c and listener.c share.

// How long a peer may take to acknowledge what was sent.
enum { RPC_KEEPALIVE_TIMEOUT_MS = 20 * 1000 };
enum { RPC_RETRY_WHEN_STOPPING_MS = 1000 };

// Where calls are taken from: a method, or, with method NULL, what is no method.
struct rpc_acceptor {
    const struct rpc_method *method;
    void *registered; // gRPC's handle; NULL without method
};

// Takes connections that somebody else accepted; gRPC core's (listener.c).
struct rpc_fd_handler;

// Calls that wait for room, first come first served.
struct rpc_server_lane {
    struct rpc_server_call *first;
    struct rpc_server_call *last;
};

struct rpc_server {
    struct rpc_loop *loop;
    grpc_completion_queue *queue;
    grpc_server *core;
    const struct logger *log;
    size_t max_request_bytes;
    int max_calls_in_flight;
    int max_calls_for_reads; // in flight, of any kind, when a read begins
    int max_streams;
    const char *error_domain;
    bool errors_in_trailers;        // see rpc_server_errors_in_trailers
    struct rpc_acceptor *acceptors; // one a method, then the one for all others
    size_t acceptor_count;
    int max_connections;
    struct listener_guard *guard;
    struct rpc_fd_handler *fd_handler;   // written by gRPC core; NULL: it has no listener
    struct accept_thread *accept_thread; // NULL: the same
    bool started;                        // and not stopped
    bool stop_begun;

    // Of the loop's thread.
    bool stopping;
    struct rpc_server_call *unary_calls; // at their handlers
    struct rpc_server_call *free_calls;
    int free_call_count;
    int pending; // call objects in use: waiting for a call, or with one
    // Bytes that calls hold (server_room.c), those of reads among them, calls whose reply
    // is being made, and calls that wait for room.
    size_t max_held;
    size_t held;
    size_t held_by_reads;
    int making;
    bool is_looking;
    struct rpc_server_lane waiting_changes;
    struct rpc_server_lane waiting_reads;
    int calls_in_flight;                     // at handlers, or their answers being sent
    struct rpc_server_stream_state *streams; // open ones
    int stream_count;

    atomic_int answering;          // calls that were taken and have not ended
    _Atomic(int64_t) last_call_us; // when a call was taken last
    struct rpc_task start_task;
    struct rpc_task stop_task;
    struct rpc_task shutdown_task;
    struct rpc_tag shutdown_tag;
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t changed;
    bool is_started;   // start_task has run
    bool is_quiet;     // stopping, and no handler has a call
    int partings;      // answers of rpc_server_calls_give_up that are being sent
    bool is_shut_down; // shutdown_tag has completed
    bool is_idle;      // stopping, and no call object is in use
};

// Who answers a call: whoever sets it first.
enum rpc_answerer { RPC_ANSWERER_NOBODY, RPC_ANSWERER_HANDLER, RPC_ANSWERER_STOP };

// The answer to a call whose handler had none when the drain time was over.
struct rpc_server_parting;

struct rpc_server_call {
    struct rpc_batch answer;
    struct rpc_tag accept_tag;
    struct rpc_task answer_task;
    struct rpc_server *server;
    const struct rpc_acceptor *acceptor;
    struct rpc_server_call *next_free;
    grpc_call *core;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_call_details details; // if not of a method
    grpc_byte_buffer *payload;
    struct rpc_message request;
    struct arena arena;
    grpc_metadata trailers[1];
    struct rpc_server_stream_state *stream; // if it is one
    int64_t started_us;
    bool counted; // in calls_in_flight
    struct rpc_server_call *next_waiting;
    size_t held;
    size_t reply_bytes; // set with the reply, before the loop's thread has it
    bool is_making;     // counted in making
    atomic_int answerer;
    struct rpc_server_parting *parting; // NULL unless the stop answered
    struct rpc_server_call *next;       // of the server's unary_calls
    struct rpc_server_call **link;      // what points to this one there; NULL: not in it
};

// The call goes to its handler, which is a unary one's: from now on a stop may answer it.
void rpc_server_call_at_handler(struct rpc_server_call *call);

// The answer was sent, or cannot be any more: the call object is reused.
void rpc_server_call_ended(struct rpc_server_call *call);

// Has the method serve the call, at once or when there is room for its bytes, or refuses it.
void rpc_server_serve_in_room(struct rpc_server_call *call);

// The call's reply, of call->reply_bytes, is about to be sent.
void rpc_server_reply_made(struct rpc_server_call *call);

// The call is over.
void rpc_server_give_room(struct rpc_server_call *call);

// The server is stopping.
void rpc_server_refuse_waiting(struct rpc_server *server);
void rpc_server_refuse_stopping(struct rpc_server_call *call);

// Adds the status to call->answer: OK if error is NULL, else error with its details.
void rpc_server_call_add_status(struct rpc_server_call *call, const struct error *error);

// Answers the unary calls that handlers still have, as rpc_server_stop says; what the
// handlers answer later goes nowhere. On the loop's thread.
void rpc_server_calls_give_up(struct rpc_server *server);

// Takes a message of the client, which is buffer (taken over). Errors, made in a:
// INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
const struct error *rpc_server_take_message(const struct rpc_server_call *call, struct arena *a,
                                            grpc_byte_buffer *buffer, struct rpc_message *ret);

// Tells the open streams that the server stops. On the loop's thread.
void rpc_server_streams_stopping(struct rpc_server *server);

// The channel argument by which gRPC core tells server->fd_handler.
grpc_arg rpc_listener_argument(struct rpc_server *server);

#endif
