#ifndef RUNSD_GATEWAY_GATEWAY_H
#define RUNSD_GATEWAY_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/slice.h"
#include "rpc/client.h"

// The REST front as one object: what `runs-gateway` runs alone and `runsctl
// serve` runs beside a server.

struct gateway;

// Every limit's 0 means the default in brackets.
struct gateway_limits {
    size_t header_bytes;         // request line and headers [16 KiB]; more: 431
    size_t body_bytes;           // [1 MiB]; more: 413
    size_t url_bytes;            // path and query [8 KiB]; more: 414
    int connections;             // [10,000]; more are not accepted
    int64_t idle_timeout_ms;     // a connection without traffic [60 s]; closed
    int64_t request_timeout_ms;  // to receive one whole request [30 s]; closed
    int64_t upstream_timeout_ms; // an upstream call, also the cap of the deadline headers [30 s]
};

struct gateway_options {
    const struct logger *log;
    struct address listen;
    // Serialized FileDescriptorSets; copied. None: the product's own.
    const struct slice *descriptor_sets;
    size_t descriptor_set_count;
    struct rpc_channel *upstream; // borrowed until gateway_stop returned
    struct gateway_limits limits;
};

// Compiles the routes, listens, logs "ready". Errors: those of transcoder_new;
// UNAVAILABLE if the address cannot be bound.
const struct error *gateway_start(struct arena *a, const struct gateway_options *options,
                                  struct gateway **ret_gateway);

// The TCP port; 0 for a unix socket.
int gateway_port(const struct gateway *gateway);

// Stops to accept, lets requests in flight end for at most drain_ms, cancels
// the rest, frees the gateway. NULL is ignored.
void gateway_stop(struct gateway *gateway, int64_t drain_ms);

#endif
