#ifndef RUNSD_RPC_BALANCER_H
#define RUNSD_RPC_BALANCER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "rpc/channel.h"
#include "rpc/remote.h"

// One channel to several servers that serve the same. Who calls over it does as over any other
// (rpc/client.h, rpc/client_stream.h); each call goes to one server:
//
// - Of the servers that say they serve (grpc.health.v1, "") it gets the one with the fewest calls
// in
//   flight, in turn where these are equal; streams are counted apart. Servers that say they do not,
//   and those that cannot be reached, get calls only while there is no better one; one that is
//   stopping gets none, for it may close its connections with a call on its way.
// - A call that surely was not begun goes on to another server, whatever its method, within its
//   deadline: there was no connection, the server refused to look at it, is stopping
//   (SERVER_STOPPING), or does not have the method (UNIMPLEMENTED). A stream likewise, until the
//   server's initial metadata has come. Where no server takes it now, it waits up to
//   RPC_BALANCER_PATIENCE_MS, if one served so lately.
// - A call that may have been begun is never sent again.
//
// A server is watched by its Watch, and asked by Check once a second, which one that hangs does not
// answer. One without a health service serves as long as it answers.

enum {
    RPC_MOST_SERVERS = 64,
    RPC_BALANCER_PATIENCE_MS = 5000,
};

// Finds the addresses of a host: at most count, as numbers, in a. Returns how many, 0 if it is not
// known. Blocks.
typedef size_t rpc_name_lookup(void *context, struct arena *a, const char *host, size_t count,
                               const char **ret_addresses);

struct rpc_balancer_options {
    const struct logger *log;         // servers that come and go
    struct metrics *metrics;          // NULL: nobody looks
    const struct rpc_remote *servers; // borrowed until rpc_channel_free
    size_t server_count;              // 1 to RPC_MOST_SERVERS
    size_t max_reply_bytes;           // 0: 4 MiB
    rpc_name_lookup *look_up;         // of servers that are names; NULL: the system's
    void *look_up_context;
};

// Makes the channel, on a polling loop; freed by rpc_channel_free. It connects at once. A name
// stands for all its addresses, as they are now: it is looked up every 5 s, and again when a server
// goes away. What is not among its addresses any more ends its calls and gets no others.
struct rpc_channel *rpc_channel_new_balanced(struct rpc_loop *loop,
                                             const struct rpc_balancer_options *options);

// How a server is.
struct rpc_server_view {
    const char *address;
    bool is_serving;
    const char *problem; // why it is not; "" if it is
};

// Calls each for every server, in the order of the options. Thread safe; each must not block.
// Does nothing for a channel to one server.
void rpc_balancer_each(struct rpc_channel *channel,
                       void (*each)(void *context, const struct rpc_server_view *view),
                       void *context);

// Whether the channel is one to several servers.
bool rpc_channel_is_balanced(const struct rpc_channel *channel);

#endif
