#ifndef RUNSD_BENCH_WATCH_H2_CONNECTION_H
#define RUNSD_BENCH_WATCH_H2_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// One HTTP/2 connection without TLS that makes gRPC calls, on nghttp2 and a socket that does
// not block. gRPC core as the client would cost as much for a message as the server that is
// measured, and another client would see the peer differently: so the same one for both, which
// costs little.

struct h2_connection;

// A call. The caller fills the first part, owns the whole and leaves it alone from
// h2_connection_call until ended, or until the connection was freed. Events are called from
// h2_connection_read and must not free the connection.
struct h2_call {
    bool stays_open; // the client's half is not closed behind the request

    // The server's initial metadata came. NULL: nobody wants to know.
    void (*head)(struct h2_call *call);
    // A message of the server; the bytes are valid during the call.
    void (*message)(struct h2_call *call, struct slice message);
    // The end, once: grpc-status, or -1 if the server gave none.
    void (*ended)(struct h2_call *call, int grpc_status);

    // h2_connection's own.
    struct h2_connection *connection;
    int32_t stream_id;
    int grpc_status;
    struct strbuf request; // with gRPC's prefix
    size_t request_sent;
    struct strbuf partial; // what came of a message that is not whole yet
};

// Makes a connection of a connected socket, which is taken over and made non-blocking.
struct h2_connection *h2_connection_new(int fd);

// The socket, for epoll.
int h2_connection_fd(const struct h2_connection *c);

// Begins a call of "/package.Service/Method" with one message; token is a bearer token, or NULL.
// It is sent by the next h2_connection_flush. All bytes are copied.
void h2_connection_call(struct h2_connection *c, struct h2_call *call, const char *path,
                        const char *token, struct slice message);

// Reads once what the socket has, and calls the events. before is called, if not NULL, when
// bytes were read and none was looked at: to note the time. False: the connection has ended.
bool h2_connection_read(struct h2_connection *c, void (*before)(void *context), void *context);

// Sends what waits as far as the socket takes it; false: the connection has ended.
bool h2_connection_flush(struct h2_connection *c);

// Whether something waits that the socket did not take.
bool h2_connection_is_blocked(const struct h2_connection *c);

// Closes it. Calls that have not ended are dropped without an event. NULL is ignored.
void h2_connection_free(struct h2_connection *c);

// Releases what a call holds, which has ended or whose connection was freed.
void h2_call_release(struct h2_call *call);

#endif
