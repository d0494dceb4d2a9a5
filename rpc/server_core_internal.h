#ifndef RUNSD_RPC_SERVER_CORE_INTERNAL_H
#define RUNSD_RPC_SERVER_CORE_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/core/arena.h"
#include "base/log/log.h"
#include "base/net/accept_thread.h"
#include "rpc/batch_internal.h"
#include "rpc/loop.h"
#include "rpc/loop_round_internal.h"
#include "rpc/message_internal.h"
#include "rpc/method.h"
#include "rpc/server_cork_internal.h"
#include "rpc/server_metrics_internal.h"
#include "rpc/stream_queues_internal.h"

// What all files of the server share: a server, its call objects, and how far it has come.
// It is the lowest of them. Above it, each needs only those before it:
//
//   server_metrics   what is counted
//   server_cork      how answers leave
//   stream_queues    where operations of streams complete
//   server_direct    calls that do not come by gRPC core
//   server_room      the memory that calls hold, and those that wait for some
//   server_long_poll calls that wait for something to happen
//   server_call      one call: what its handler sees, its answer and its end
//   server_stream    calls that are streams
//   server_parting   the answers to calls that are left when a drain is over
//   server_intake    takes calls from gRPC core and serves or refuses them
//   server_stop      the stop
//   server_listen    the listeners
//   server           a server's life

// How long a peer may take to acknowledge what was sent.
enum { RPC_KEEPALIVE_TIMEOUT_MS = 20 * 1000 };
// What RetryInfo says to a caller that is refused.
enum { RPC_RETRY_WHEN_STOPPING_MS = 1000, RPC_RETRY_WHEN_FULL_MS = 1000 };

// What a server has come to: bits, each of which stays once it is set.
enum rpc_server_stage {
    RPC_SERVER_STARTED = 1,   // it takes calls
    RPC_SERVER_QUIET = 2,     // it is stopping, and no handler has a call
    RPC_SERVER_PARTED = 4,    // the answers of server_parting were sent, or cannot be
    RPC_SERVER_SHUT_DOWN = 8, // gRPC core has shut down
    RPC_SERVER_IDLE = 16,     // it is stopping, and no call object is in use
};

// Where calls are taken from: a method, or, with method NULL, what is no method.
struct rpc_acceptor {
    const struct rpc_method *method;
    void *registered; // gRPC's handle; NULL without method
    // Of server_intake: calls that gRPC core is asked for, and shall be.
    int waiting;
    int wanted;
    struct rpc_method_metrics metrics;
};

// One of the ways in which gRPC core takes connections: all of the same credentials.
struct rpc_server_port {
    struct rpc_server *server;
    struct rpc_fd_handler *handler;                   // of server_listen; written by gRPC core
    const struct rpc_server_credentials *credentials; // NULL: not in use
};

enum { RPC_SERVER_PORTS = 4 };

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
    int max_anonymous_streams;
    int max_long_polls;
    const char *error_domain;
    // Whether errors are in the trailer grpc-status-details-bin alone, while the call's
    // status is OK. So it is on a local loop, which only this layer's clients can call: to
    // make a status that is not OK, gRPC core formats times and texts that are never read, a
    // third of what a 404 over REST costs.
    bool errors_in_trailers;
    struct rpc_acceptor *acceptors; // one a method, then the one for all others
    size_t acceptor_count;
    int max_connections;
    struct rpc_server_metrics *metrics;
    struct rpc_server_metrics *own_metrics; // unless some were given
    struct listener_guard *guard;
    struct rpc_server_port ports[RPC_SERVER_PORTS];
    struct accept_thread *accept_thread; // NULL: there is no listener
    struct server_cork cork;             // of server_listen, as the next
    struct rpc_round round;
    struct rpc_stream_queues stream_queues;
    bool started; // and not stopped
    bool stop_begun;

    // Of the loop's thread.
    bool stopping;
    struct rpc_server_call *unary_calls; // at their handlers
    struct rpc_server_call *free_calls;
    int free_call_count;
    int pending; // call objects in use, waiting for a call or with one; and room_task
    // Of server_room: bytes that calls hold, those of reads among them, calls whose reply
    // is being made, and calls that wait for room.
    size_t max_held;
    size_t held;
    size_t held_by_reads;
    int making;
    bool is_room_posted; // room_task
    struct rpc_server_lane waiting_changes;
    struct rpc_server_lane waiting_reads;
    // At handlers, or their answers being sent; with anonymous streams, those of a limit of their
    // own and long polls, which no limit of calls is about.
    int calls_in_flight;
    struct rpc_server_stream_state *streams; // open ones
    int stream_count;                        // without those
    int anonymous_stream_count;              // from when they are taken, as the next
    int own_limit_stream_count;
    int long_polls; // of server_long_poll, as the next
    size_t long_poll_bytes;
    int partings; // answers of server_parting that are being sent

    atomic_int answering;          // calls that were taken and have not ended
    _Atomic(int64_t) last_call_us; // when a call was taken last
    // When a stop began while somebody watched the server's health; 0: nobody did.
    _Atomic(int64_t) watched_stop_us;
    struct rpc_task start_task; // of server_intake
    struct rpc_task room_task;  // of server_intake: calls that wait may have room now
    struct rpc_task stop_task;  // of server_stop, as the next two
    struct rpc_task shutdown_task;
    struct rpc_tag shutdown_tag;
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t changed;
    unsigned stages; // bits of enum rpc_server_stage
};

// What a direct call's client does to a stream. On the loop's thread, not from within a function
// of the server's.
struct rpc_direct_events {
    void (*taken)(struct rpc_server_call *call); // the message that it was sent
    void (*left)(struct rpc_server_call *call);  // once; it takes no more
};

// Who answers a call: whoever sets it first.
enum rpc_answerer { RPC_ANSWERER_NOBODY, RPC_ANSWERER_HANDLER, RPC_ANSWERER_STOP };

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
    char *arena_begin; // its first bytes, of a call that rpc_server_core_take_little made; or NULL
    grpc_metadata trailers[1];
    struct rpc_server_stream_state *stream; // if it is one
    int64_t started_us;
    bool is_direct;            // by server_direct; then core, payload and deadline are not used
    struct rpc_direct *direct; // its client; NULL once it was answered, or has left
    const struct rpc_direct_events *direct_events; // of a stream that has begun
    int64_t deadline_us;                           // clock_monotonic_us; 0: none
    struct rpc_message direct_reply;
    struct slice direct_details; // of the error, in arena; empty: direct_reply is the answer
    const struct rpc_metadata *head_metadata; // of any answer, and of a stream's head
    int head_metadata_count;
    const struct rpc_metadata *reply_metadata; // of an OK answer
    int reply_metadata_count;
    bool counted; // in calls_in_flight
    struct rpc_server_call *next_waiting;
    size_t held;
    size_t reply_bytes;           // set with the reply, before the loop's thread has it
    bool is_making;               // counted in making
    enum status_code answer_code; // set with the answer, as the next
    enum reason answer_reason;
    struct rpc_server_long_poll *long_poll; // NULL unless it is one
    atomic_int answerer;
    struct rpc_server_parting *parting; // NULL unless the stop answered
    struct rpc_task late_task;          // then: the handler has answered too
    struct rpc_server_call *next;       // of the server's unary_calls
    struct rpc_server_call **link;      // what points to this one there; NULL: not in it
};

// Makes what rpc_server_core_reach needs, and its end.
void rpc_server_core_init(struct rpc_server *server);
void rpc_server_core_release(struct rpc_server *server);

// Says that the server has come to a stage. Thread safe.
void rpc_server_core_reach(struct rpc_server *server, enum rpc_server_stage stage);

// Whether the server has come to a stage. Thread safe.
bool rpc_server_core_has_reached(struct rpc_server *server, enum rpc_server_stage stage);

// Waits until the server has come to all of the stages, at most until until_us
// (clock_monotonic_us; 0: for ever). Returns whether it has. Not on the loop's thread.
bool rpc_server_core_await(struct rpc_server *server, unsigned stages, int64_t until_us);

// Takes a call object, which counts as pending; taken is called when gRPC core has given it
// a call. On the loop's thread, as the following.
struct rpc_server_call *rpc_server_core_take_call(struct rpc_server *server,
                                                  void (*taken)(struct rpc_tag *tag, bool ok));

// Has the call's arena begin with fewer bytes than an arena's first block has: for one that lasts,
// of which there are many.
void rpc_server_core_take_little(struct rpc_server_call *call);

// Takes the call object back and releases what it holds.
void rpc_server_core_give_back_call(struct rpc_server_call *call);

// The call, or stream, is about to be answered so: counts it.
void rpc_server_core_count_answer(const struct rpc_server_call *call, enum status_code code,
                                  enum reason reason);

// Which limit the method's calls count for, unless they are long polls.
enum rpc_call_kind rpc_server_core_kind_of(const struct rpc_method *method);

// Reaches RPC_SERVER_IDLE, or RPC_SERVER_QUIET, if that is so.
void rpc_server_core_check_idle(struct rpc_server *server);
void rpc_server_core_check_quiet(struct rpc_server *server);

#endif
