#ifndef RUNSD_GATEWAY_HTTP_HTTP_SERVER_H
#define RUNSD_GATEWAY_HTTP_HTTP_SERVER_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "base/net/address.h"
#include "base/net/listener_guard.h"
#include "base/tls/tls_source.h"
#include "gateway/api.h"
#include "gateway/options.h"

// The gateway's HTTP side: libmicrohttpd on the thread of one loop.

struct http_server;
struct metrics;

struct http_server_options {
    const struct logger *log;
    struct address listen;
    struct gateway_limits limits;     // no 0s
    struct gateway_http_options http; // no 0s; what it points to is borrowed
    struct gateway_api *api;          // served first; borrowed: the server takes references
    struct gateway_authorizer authorizer;
    const struct local_table *local; // the gateway's own pages; borrowed
    struct gateway_readiness readiness;
    struct rpc_channel *upstream; // asked for its readiness; borrowed until the stop
    int upstream_window;          // 0: none (gateway/options.h)
    struct rpc_loop *loop;        // a local one, which watches nothing else; NULL: its own
    struct tls_source *tls;       // of a TCP listener; NULL: plain text; borrowed until the stop
    enum tls_client_auth client_auth;
    struct tracer *tracer;        // as in gateway_options
    bool upstream_has_tracer;     // likewise
    struct listener_guard *guard; // looks at the listener until the stop; may be NULL
    struct metrics *metrics;      // its families are added; borrowed; NULL: nobody looks
};

// Listens and serves. Errors, in a: UNAVAILABLE if it cannot listen or there is no file
// descriptor left; those of
// edge_check.
const struct error *http_server_start(struct arena *a, const struct http_server_options *options,
                                      struct http_server **ret_server);

// Has requests from now on served by another API; takes over the caller's reference.
// Thread safe.
void http_server_set_api(struct http_server *server, struct gateway_api *api);

// Has requests from now on served by other rules: what edge_set takes of http, and the limits'
// upstream_timeout_ms. What http points to lives until http_server_stop has returned. Waits for the
// HTTP thread.
void http_server_set_options(struct http_server *server, const struct gateway_limits *limits,
                             const struct gateway_http_options *http);

// The TCP port; 0 for a unix socket.
int http_server_port(const struct http_server *server);

// The loop that it is served on.
struct rpc_loop *http_server_loop(const struct http_server *server);

// Stops to accept, waits at most drain_ms for the requests in flight, cancels
// the rest, frees the server. NULL is ignored.
void http_server_stop(struct http_server *server, int64_t drain_ms);

#endif
