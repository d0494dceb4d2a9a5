#ifndef RUNSD_RPC_SERVER_H
#define RUNSD_RPC_SERVER_H

#include <stddef.h>

#include "base/log/log.h"
#include "base/net/listener_guard.h"
#include "rpc/loop.h"
#include "rpc/method.h"
#include "rpc/server_call.h"
#include "rpc/server_listen.h"
#include "rpc/server_metrics.h"
#include "rpc/server_stop.h"

// A gRPC server over gRPC core: its life. Its calls are in rpc/server_call.h, and those that
// are streams in rpc/server_stream.h. These headers name nothing of gRPC's, so that what is
// served need not know it.

struct rpc_server;

enum {
    RPC_DEFAULT_MAX_CONNECTIONS = 1024,
    RPC_DEFAULT_MAX_REQUEST_BYTES = 4 << 20,
    RPC_DEFAULT_MAX_BUFFERED_BYTES = 256 << 20,
    RPC_DEFAULT_MAX_ANONYMOUS_STREAMS = 256,
    RPC_DEFAULT_MAX_LONG_POLLS = 10000,
    RPC_DEFAULT_MIN_PING_INTERVAL_MS = 10000,
};

struct rpc_server_options {
    const struct logger *log;
    const struct rpc_method *methods; // borrowed until rpc_server_free
    size_t method_count;
    size_t max_request_bytes; // 0: 4 MiB. Larger: RESOURCE_EXHAUSTED
    int max_calls_in_flight;  // 0: 10,000. More: RESOURCE_EXHAUSTED, QUEUE_FULL
    int reserved_calls;       // of these, for methods that are no reads; 0: a quarter
    int max_streams;          // of these; 0: half. More: the same
    // Streams of methods that are anonymous, apart from these; 0: 256. More: the same
    int max_anonymous_streams;
    // Of requests and replies of all calls, until they were sent; a quarter is not for
    // reads. 0: 256 MiB. More wait while replies are being made, then: the same
    size_t max_buffered_bytes;
    int max_long_polls;       // apart from calls (rpc/server_long_poll.h); 0: 10,000
    const char *error_domain; // ErrorInfo.domain of errors that have none
    // A client may ping so often while the server sends it nothing; 0: 10 s. The third ping in
    // a row that comes earlier ends its connection: GOAWAY, ENHANCE_YOUR_CALM, "too_many_pings"
    // (https://github.com/grpc/grpc/blob/master/doc/keepalive.md).
    int64_t min_ping_interval_ms;
    int max_connections;          // from listeners, at once; 0: 1,024. More are closed
    struct listener_guard *guard; // watches the listeners; NULL: nothing does
    struct rpc_server_metrics
        *metrics; // shared by servers, outlives them; NULL: nothing is counted
};

// Makes a server that listens nowhere yet. The server itself answers
//   UNIMPLEMENTED, METHOD_UNKNOWN         a method that is not among methods
//   INVALID_ARGUMENT, MESSAGE_MALFORMED   no message, or one that does not
//                                         decompress
//   RESOURCE_EXHAUSTED                    a message above max_request_bytes, also
//                                         when decompressed
//   RESOURCE_EXHAUSTED, QUEUE_FULL        with RetryInfo: too many calls in flight, bytes of
//                                         them, streams or anonymous streams
//   UNAVAILABLE, SERVER_STOPPING          with RetryInfo: rpc_server_stop was called
// Metadata of a call is limited to 16 KiB (RESOURCE_EXHAUSTED).
struct rpc_server *rpc_server_new(struct rpc_loop *loop, const struct rpc_server_options *options);

// Starts to serve. Needs no listener: in-process channels
// (rpc_channel_new_in_process) are served too.
void rpc_server_start(struct rpc_server *server);

// Frees a server that was stopped, or never started. Its loop must be freed
// after it. NULL is ignored.
void rpc_server_free(struct rpc_server *server);

#endif
