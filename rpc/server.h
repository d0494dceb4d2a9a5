#ifndef RUNSD_RPC_SERVER_H
#define RUNSD_RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/log/log.h"
#include "base/net/address.h"
#include "base/net/listener_guard.h"
#include "rpc/loop.h"

// A gRPC server over gRPC core: unary methods, and in rpc/server_stream.h streams.
// This header names nothing of gRPC's, so that what is served need not know it.

struct rpc_server;
struct rpc_server_call;

// Serves one call; called on the loop's thread, must not block. Must see to it
// that rpc_server_call_reply or rpc_server_call_fail is called exactly once, at
// once or later, from any thread, also if the server was stopped meanwhile. Of a
// streaming method: that, or rpc_server_stream_begin (rpc/server_stream.h).
typedef void rpc_handler(void *service, struct rpc_server_call *call);

enum rpc_method_kind {
    RPC_UNARY,
    RPC_SERVER_STREAM, // one request, any number of replies
    RPC_BIDI_STREAM,   // any number of both; the call has no request message
};

struct rpc_method {
    const char *path; // "/runs.v1.RunsService/GetRun"
    rpc_handler *handle;
    void *service;
    enum rpc_method_kind kind;
    bool is_read;            // it changes nothing: what is reserved for changes is not for it
    size_t most_reply_bytes; // what a reply may take while it is made; 0: not much
};

enum { RPC_DEFAULT_MAX_CONNECTIONS = 1024 };

struct rpc_server_options {
    const struct logger *log;
    const struct rpc_method *methods; // borrowed until rpc_server_free
    size_t method_count;
    size_t max_request_bytes; // 0: 4 MiB. Larger: RESOURCE_EXHAUSTED
    int max_calls_in_flight;  // 0: 10,000. More: RESOURCE_EXHAUSTED, QUEUE_FULL
    int reserved_calls;       // of these, for methods that are no reads; 0: a quarter
    int max_streams;          // of these; 0: half. More: the same
    // Of requests and replies of all calls, until they were sent; a quarter is not for
    // reads. 0: 256 MiB. More wait while replies are being made, then: the same
    size_t max_buffered_bytes;
    const char *error_domain;     // ErrorInfo.domain of errors that have none
    int max_connections;          // from listeners, at once; 0: 1,024. More are closed
    struct listener_guard *guard; // looks at the listeners; NULL: nobody does
};

// Makes a server that listens nowhere yet. The server itself answers
//   UNIMPLEMENTED, METHOD_UNKNOWN         a method that is not among methods
//   INVALID_ARGUMENT, MESSAGE_MALFORMED   no message, or one that does not
//                                         decompress
//   RESOURCE_EXHAUSTED                    a message above max_request_bytes, also
//                                         when decompressed
//   RESOURCE_EXHAUSTED, QUEUE_FULL        with RetryInfo: too many calls in flight, or bytes
//                                         of them
//   UNAVAILABLE, SERVER_STOPPING          with RetryInfo: rpc_server_stop was called
// Metadata of a call is limited to 16 KiB (RESOURCE_EXHAUSTED).
struct rpc_server *rpc_server_new(struct rpc_loop *loop, const struct rpc_server_options *options);

// Adds a listener, before rpc_server_start. *ret_port is the TCP port chosen (0
// for unix). A unix socket's file gets mode 0660: who may use it is decided by
// the file's group and its directory. A stale socket file is replaced, one that
// still answers is not, nor is a file of another kind; one that is lost later is made
// again (base/net/accept_thread.h). UNAVAILABLE if the address cannot be bound, with the
// reason: in use, forbidden and so on.
const struct error *rpc_server_listen(struct rpc_server *server, struct arena *a,
                                      const struct address *address, int *ret_port);

// Starts to serve. Needs no listener: in-process channels
// (rpc_channel_new_in_process) are served too.
void rpc_server_start(struct rpc_server *server);

// Begins to stop: from now on new calls are refused, streams are told. rpc_server_stop
// comes next. From any thread; on a server that was never started it does nothing.
void rpc_server_begin_stop(struct rpc_server *server);

// Stops: new calls are refused with SERVER_STOPPING, streams are told, calls in flight may
// finish until drain_ms have passed. Unary calls that are left then are answered for
// their handlers: UNAVAILABLE, and SERVER_STOPPING if the method is a read, else
// OUTCOME_UNKNOWN; what is still open is cancelled. It returns only when the last handler
// has answered, so no call is left. A call that comes while the connections are closed
// may end with gRPC core's own UNAVAILABLE or CANCELLED; no handler has seen it. The unix
// sockets' files are removed. Call it once, from any thread but the loop's; on a
// server that was never started it does nothing. Returns whether all calls ended
// by themselves.
bool rpc_server_stop(struct rpc_server *server, int64_t drain_ms);

// Frees a server that was stopped, or never started. Its loop must be freed
// after it. NULL is ignored.
void rpc_server_free(struct rpc_server *server);

// --- one call; valid until it is replied to ---

// The request message's bytes in one piece.
struct slice rpc_server_call_request(struct rpc_server_call *call);

// The first value of a request metadata key (lower case). Returns false if it is
// not there.
bool rpc_server_call_metadata(struct rpc_server_call *call, const char *key,
                              struct slice *ret_value);

// How many values the key has.
int rpc_server_call_metadata_count(struct rpc_server_call *call, const char *key);

// Memory that lives as long as the call.
struct arena *rpc_server_call_arena(struct rpc_server_call *call);

// The caller's deadline as clock_monotonic_us has it; 0: none.
int64_t rpc_server_call_deadline_us(struct rpc_server_call *call);

// The method that was called.
const struct rpc_method *rpc_server_call_method(struct rpc_server_call *call);

// When the call was taken, as clock_monotonic_us has it.
int64_t rpc_server_call_started_us(struct rpc_server_call *call);

// Answers OK with the message that parts concatenated are. The parts are copied.
// The call must not be touched after it. From another thread than the loop's it
// costs a copy and a push to a list: the loop's thread sends.
void rpc_server_call_reply(struct rpc_server_call *call, const struct slice *parts, size_t count);

// Answers with error and its details (rpc/status_details.h has their limits);
// without a domain it gets the server's. error->detail is not sent. The call must
// not be touched after it. Threads as rpc_server_call_reply.
void rpc_server_call_fail(struct rpc_server_call *call, const struct error *error);

#endif
