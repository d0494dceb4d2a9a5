#ifndef RUNSD_CTL_CONNECTION_H
#define RUNSD_CTL_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "rpc/client.h"
#include "rpc/remote.h"
#include "rpc/server.h"

// gRPC calls of a command, one after the other, with a token.

struct connection {
    struct rpc_remote remote; // all 0 in process
    struct rpc_loop *loop;
    struct rpc_channel *channel;
    struct slice authorization; // "Bearer ..."
    struct slice request_id;    // sent with each call, for the server's log
    int64_t timeout_ms;         // of one call
    const char *server;         // its address, for messages
    bool shows_certificate;     // of a client, over TLS
};

// Makes a connection to the server of the options (nothing is connected yet). token "" sends none.
// Errors: those of rpc_remote_open. The connection uses a and, for its calls, request_id.
const struct error *connection_open(struct arena *a, const struct rpc_remote_options *options,
                                    const char *token, const char *request_id, int64_t timeout_ms,
                                    struct connection *ret_connection);

// The same to a server of this process.
void connection_open_in_process(struct arena *a, struct rpc_server *server, const char *token,
                                const char *request_id, int64_t timeout_ms,
                                struct connection *ret_connection);

// Calls "/package.Service/Method"; the response lives in a. Errors: what the
// server answers, UNAVAILABLE, DEADLINE_EXCEEDED; those of a method that only reads, by its
// name, never say that the outcome is not known.
const struct error *connection_call(struct connection *c, struct arena *a, const char *path,
                                    struct slice request, struct slice *ret_response);

void connection_close(struct connection *c);

#endif
