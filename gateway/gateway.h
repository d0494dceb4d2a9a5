#ifndef RUNSD_GATEWAY_GATEWAY_H
#define RUNSD_GATEWAY_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/options.h"

// The REST front as one object: what `runs-gateway` runs alone and `runsctl
// serve` runs beside a server.

struct gateway;

// Compiles the routes, listens, logs "ready". Errors: those of transcoder_new;
// UNAVAILABLE if the address cannot be bound.
const struct error *gateway_start(struct arena *a, const struct gateway_options *options,
                                  struct gateway **ret_gateway);

// Appends the OpenAPI 3.1 document of what a gateway with these options would serve, as
// GET /openapi.json has it; nothing is served, and the upstream may be NULL. Errors: those
// of gateway_start for the sets.
const struct error *gateway_print_openapi(struct arena *a, const struct gateway_options *options,
                                          struct strbuf *out);

// Replaces the routes by those of other sets (none: the product's own), and takes what options say
// of JSON, queries, CORS, trusted addresses, compression and the time-out of calls; NULL: that
// stays as it is. What they point to must live until gateway_stop has returned. Requests in flight
// end with the routes that they began with. Errors, after which nothing has changed: those of
// gateway_start for the sets. *ret_routes is the number of routes. Blocks while the sets are
// compiled.
const struct error *gateway_reload(struct gateway *gateway, struct arena *a,
                                   const struct gateway_options *options,
                                   const struct slice *descriptor_sets, size_t count,
                                   size_t *ret_routes);

// The TCP port; 0 for a unix socket.
int gateway_port(const struct gateway *gateway);

// The loop that serves HTTP.
struct rpc_loop *gateway_loop(const struct gateway *gateway);

// Stops accepting, waits at most drain_ms for requests in flight to end, cancels
// the rest, frees the gateway. NULL is ignored.
void gateway_stop(struct gateway *gateway, int64_t drain_ms);

#endif
