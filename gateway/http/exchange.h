#ifndef RUNSD_GATEWAY_HTTP_EXCHANGE_H
#define RUNSD_GATEWAY_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/log/log.h"
#include "base/net/peer_address.h"
#include "gateway/admission/admission.h"
#include "gateway/admission/byte_budget.h"
#include "gateway/admission/call_window.h"
#include "gateway/admission/refusal_pace.h"
#include "gateway/api.h"
#include "gateway/connection/reaper.h"
#include "gateway/edge/edge.h"
#include "gateway/http/http_metrics.h"
#include "gateway/http/stream_group.h"
#include "gateway/local/local_route.h"
#include "gateway/local/readiness.h"
#include "gateway/options.h"

// One HTTP request and its response: received, transcoded, called, answered.
//
// An exchange is driven by exchange_machine.h, on the HTTP thread, and never blocks; while a
// call is under way the connection is suspended and the exchange belongs to the thread of the
// upstream's loop (which may be the HTTP thread), which makes the reply and resumes the
// connection.

struct exchange;
struct tls_connection;

// What all exchanges of a gateway share; outlives them.
struct exchange_context {
    const struct logger *log;
    struct tracer *tracer; // NULL: no traces
    bool upstream_has_tracer;
    struct rpc_loop *loop;         // its thread is the HTTP thread
    struct gateway_api_slot *apis; // what requests that begin are served by
    struct edge edge;
    struct gateway_limits limits; // no 0s
    struct gateway_authorizer authorizer;
    struct reaper *reaper;
    struct stream_group *streams;
    const struct local_table *local;
    struct readiness *readiness;
    atomic_bool is_stopping; // replies close their connections
    char keep_alive[32];     // what Keep-Alive says of other connections
    // The HTTP thread's: unary calls, and of these those that are with the upstream;
    // open streams; bytes that requests hold; exchanges to be used again.
    struct http_metrics *metrics; // NULL: nobody looks
    int in_state[HTTP_STATES];    // requests, by enum exchange_state
    struct admission calls;
    struct call_window window;
    struct refusal_pace refusals;
    struct admission streams_open;
    struct admission anonymous_streams; // of these, those without Authorization are here
    struct byte_budget budget;
    struct exchange *spare;
    size_t spare_count;
    struct exchange *to_suspend; // once libmicrohttpd has run
};

// What an exchange's connection is, beside what libmicrohttpd knows; outlives its exchanges.
struct exchange_connection {
    struct reaper_entry *entry;
    char client_address[PEER_ADDRESS_SIZE]; // base/net/peer_address.h
    bool is_of_trusted;                     // a proxy that may ask for others
    struct tls_connection *tls;             // NULL: plain text
    const struct slice *names;              // of its certificate, which was verified
    size_t name_count;
};

// Suspends the connections of requests that were received whole and wait for something; after
// each run of libmicrohttpd.
//
// Not within the run: of a connection that its handler suspends, version 0.9.75 remembers that it
// wanted to be read. It reads first when it goes on, and if its client has ended its sending
// direction it closes it, with the reply that waits to be sent
// (findings/microhttpd-resumed-connection-is-read-first.sh).
void exchange_suspend_received(struct exchange_context *context);

// Puts down what there is at the moment, for whoever looks at the metrics.
void exchange_metrics_put_levels(const struct exchange_context *context);

// Frees the spare exchanges.
void exchange_context_release(struct exchange_context *context);

#endif
