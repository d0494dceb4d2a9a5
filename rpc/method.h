#ifndef RUNSD_RPC_METHOD_H
#define RUNSD_RPC_METHOD_H

#include <stdbool.h>
#include <stddef.h>

// A method that a gRPC server serves. Names nothing of gRPC's, so that what is served need
// not know it.

struct rpc_server_call;

// Serves one call. Called on the thread of the server's loop; must not block. It must see
// to it that rpc_server_call_reply or rpc_server_call_fail (rpc/server_call.h) is called
// exactly once, at once or later, from any thread, also if the server was stopped
// meanwhile. The handler of a streaming method may call rpc_server_stream_begin
// (rpc/server_stream.h) instead.
typedef void rpc_handler(void *service, struct rpc_server_call *call);

enum rpc_method_kind {
    RPC_UNARY,
    RPC_SERVER_STREAM, // one request, any number of replies
    RPC_BIDI_STREAM,   // any number of both; the call has no request message
};

enum { RPC_MOST_ANONYMOUS_BYTES = 16 << 10 };

struct rpc_method {
    const char *path; // "/runs.v1.RunsService/GetRun"
    rpc_handler *handle;
    void *service; // handle's first argument
    enum rpc_method_kind kind;
    bool is_read;            // it changes nothing: it gets nothing of what is kept for changes
    size_t most_reply_bytes; // the memory that making a reply may take; 0: not much
    // A stream that needs no token: it takes nothing of what calls and other streams may have
    // (rpc/server.h), and none of its messages may exceed RPC_MOST_ANONYMOUS_BYTES.
    bool is_anonymous;
    // A stream of which its handler bounds how many there are: apart from calls and other
    // streams too. Its request counts with the bytes of all calls until it has begun.
    bool has_own_limit;
    // Machines ask it again and again, whether there is news or not: it has no span, and is logged
    // at info only where it fails.
    bool is_probe;
};

#endif
