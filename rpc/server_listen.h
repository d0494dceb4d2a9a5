#ifndef RUNSD_RPC_SERVER_LISTEN_H
#define RUNSD_RPC_SERVER_LISTEN_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"
#include "rpc/credentials.h"

// Where a server listens.

struct rpc_server;

struct rpc_listen_options {
    const struct address *address; // borrowed for the call
    // Borrowed until rpc_server_free. The listeners of one server may have different ones,
    // four at most.
    const struct rpc_server_credentials *credentials;
};

// Adds a listener, before rpc_server_start. *ret_port is the TCP port chosen (0
// for unix). A unix socket's file gets mode 0660: the file's group and its directory decide
// who may use it. A stale socket file is replaced, one that still answers is not, nor is a
// file of another kind; one that is lost later is made again (base/net/accept_thread.h).
// UNAVAILABLE if the address cannot be bound, with the reason: in use, forbidden and so on.
const struct error *rpc_server_listen(struct rpc_server *server, struct arena *a,
                                      const struct rpc_listen_options *options, int *ret_port);

#endif
