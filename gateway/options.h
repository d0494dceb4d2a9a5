#ifndef RUNSD_GATEWAY_OPTIONS_H
#define RUNSD_GATEWAY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/log/log.h"
#include "base/net/address.h"
#include "base/tls/tls_options.h"
#include "gateway/transcode/json_options.h"

// The configuration of a gateway: its limits, its HTTP side, and the rest.

struct listener_guard;
struct local_table;
struct metrics;
struct rpc_channel;
struct rpc_loop;
struct tls_source;
struct trusted_addresses;

// Limits. 0 means the default, which stands in brackets.
//
// A call in flight is a unary one, from its start until its reply is handed to the
// connection or its client is found to have left. The limit bounds how long a request
// waits for a busy server: 1,536 calls at 20,000 a second are 77 ms. With a quarter
// reserved for changes, reads on 1,000 connections are still served.
struct gateway_limits {
    size_t header_bytes; // request line and headers [16 KiB]; more: 431
    size_t body_bytes;   // [1 MiB]; more: 413
    size_t url_bytes;    // path and query [8 KiB]; more: 414
    // Bytes of all bodies, messages and replies together [256 MiB, or 4 times body_bytes].
    // A request that exceeds it waits for 2 s, then is answered 429 OVERLOADED
    // (gateway/admission/byte_budget.h).
    size_t buffered_bytes;
    int connections;             // [10,000]; more wait to be accepted
    int calls_in_flight;         // [1,536]; more: 429 OVERLOADED
    int reserved_calls;          // of these, not for safe methods [a quarter]; -1: none
    int streams;                 // open at once, apart from calls [1,024]; more: the same
    int anonymous_streams;       // the same without Authorization, apart from these [streams]
    int64_t idle_timeout_ms;     // a connection without traffic [75 s]; closed 2 s later
    int64_t request_timeout_ms;  // to receive one whole request [30 s]; closed
    int64_t upstream_timeout_ms; // an upstream call, also the cap of the deadline headers [30 s]
};

enum {
    GATEWAY_DEFAULT_HEADER_BYTES = 16 << 10,
    GATEWAY_DEFAULT_BODY_BYTES = 1 << 20,
    GATEWAY_DEFAULT_URL_BYTES = 8 << 10,
    GATEWAY_DEFAULT_BUFFERED_BYTES = 256 << 20,
    GATEWAY_LEAST_BUFFERED_BYTES = 4 << 20,
    // So that a body, its message and the copy that is sent fit into one client's share.
    GATEWAY_BODIES_IN_BUFFER = 4,
};

enum {
    GATEWAY_DEFAULT_CONNECTIONS = 10000,
    GATEWAY_DEFAULT_CALLS_IN_FLIGHT = 1536,
    GATEWAY_DEFAULT_STREAMS = 1024,
    GATEWAY_DEFAULT_IDLE_TIMEOUT_MS = 75000, // load balancers keep connections for 60 s
    GATEWAY_DEFAULT_REQUEST_TIMEOUT_MS = 30000,
    GATEWAY_DEFAULT_UPSTREAM_TIMEOUT_MS = 30000,
    GATEWAY_DEFAULT_CORS_MAX_AGE_S = 600,
    GATEWAY_DEFAULT_GZIP_MIN_BYTES = 4096,
    GATEWAY_DEFAULT_STREAM_HEARTBEAT_MS = 15000,
    GATEWAY_DEFAULT_STREAM_HEADERS_MS = 1000,
};

// The default of reserved_calls for a limit of calls_in_flight.
static inline int gateway_default_reserved_calls(int calls_in_flight) {
    return calls_in_flight / 4;
}

// The JSON that surrounds the message in every reply (gateway/envelope.h).
enum envelope_kind { ENVELOPE_RUNS, ENVELOPE_NONE };

// What a stream of JSON objects is to who does not ask for events or NDJSON.
enum stream_json { STREAM_JSON_LINES, STREAM_JSON_ARRAY };

// Maps an HTTP header to a metadata key or the other way; both names in lower case.
struct header_mapping {
    const char *from;
    const char *to;
};

// The HTTP side. All that is pointed to is borrowed until gateway_stop has returned. 0
// means the default in brackets, where there is one.
struct gateway_http_options {
    enum envelope_kind envelope;
    // "https://a.example" exactly, or "*" alone; none: CORS is off.
    const char *const *cors_origins;
    size_t cors_origin_count;
    bool cors_credentials;
    int64_t cors_max_age_s; // [600]
    // HTTP header to metadata key, beside authorization, x-request-id, traceparent and
    // tracestate.
    const struct header_mapping *request_headers;
    size_t request_header_count;
    // Metadata key of the reply to HTTP header.
    const struct header_mapping *response_headers;
    size_t response_header_count;
    // The upstream gets the X-Forwarded-For that the client sent, with its address appended;
    // else the address alone, which no client chooses.
    bool appends_forwarded_for;
    // Whose X-Forwarded-For says for whom they ask, which is sent in place of their own address;
    // NULL: nobody's. Not together with appends_forwarded_for.
    const struct trusted_addresses *trusted;
    size_t gzip_min_bytes;       // replies from this size on [4096]; SIZE_MAX: none
    int64_t stream_heartbeat_ms; // of a stream without messages [15 s]
    // When a stream's 200 is sent though the upstream has sent nothing, not even initial
    // metadata [1 s]; -1: never.
    int64_t stream_headers_after_ms;
    enum stream_json stream_json;
};

// What says who calls.
struct gateway_caller {
    struct slice authorization;       // the header's value
    bool has_authorization;           // there is one
    const struct slice *client_names; // of the client's certificate, as rpc/server_peer.h has them
    size_t client_name_count;
};

// Checks a caller without a call to the upstream.
struct gateway_authorizer {
    // Returns the error that any method would answer to a call of this caller, in a; NULL if the
    // caller is known. On the HTTP thread; must not block. NULL: there is no such check.
    const struct error *(*check)(void *context, struct arena *a,
                                 const struct gateway_caller *caller);
    void *context;
};

// Checks readiness without a call to the upstream.
struct gateway_readiness {
    // On the HTTP thread; must not block. NULL: the upstream is asked
    // (gateway/local/readiness.h).
    bool (*is_ready)(void *context);
    void *context;
};

struct gateway_options {
    const struct logger *log;
    struct address listen;
    // Serialized FileDescriptorSets; copied. None: the product's own.
    const struct slice *descriptor_sets;
    size_t descriptor_set_count;
    bool ignore_unknown;  // fields of JSON bodies; else they are refused
    bool unbound_methods; // those without a rule are POST /package.Service/Method
    // Keys of queries that are no field's and are passed over: all, or these, of which one that
    // ends in "*" is the beginning of keys. Borrowed until gateway_stop has returned.
    bool ignore_unknown_query;
    const char *const *ignored_query;
    size_t ignored_query_count;
    struct json_options json;
    struct rpc_channel *upstream; // borrowed until gateway_stop returned
    // A local loop whose thread serves HTTP, best the one of an in-process upstream; it
    // watches nothing else until gateway_stop returned. NULL: the gateway makes its own.
    struct rpc_loop *loop;
    // The most calls that are sent to the upstream at once, where more would not make it
    // faster (gateway/admission/call_window.h); 0: no limit beside calls_in_flight.
    int upstream_window;
    // Called before a body of more than a few KiB is buffered, so that bodies of unknown
    // callers are not.
    struct gateway_authorizer authorizer;
    struct gateway_readiness readiness;
    // The gateway's own pages, served where the API has no route
    // (gateway/local/local_route.h); borrowed until gateway_stop has returned. NULL: those
    // of local_table_default.
    const struct local_table *local;
    bool web; // the reference page, too (gateway/local/web_pages.h)
    struct gateway_limits limits;
    struct gateway_http_options http;
    // What a TCP listener shows to clients, and asks them for; NULL: it speaks plain text. Borrowed
    // until gateway_stop has returned.
    struct tls_source *tls;
    enum tls_client_auth client_auth;
    // Of traces, until gateway_stop; NULL: none. The upstream may have the same one, as it has in
    // this process: then it begins no traces, and is not told of calls that are not sampled.
    struct tracer *tracer;
    bool upstream_has_tracer;
    struct listener_guard *guard; // checks the listener until gateway_stop; may be NULL
    struct metrics *metrics;      // its families are added; borrowed; NULL: nobody looks
};

#endif
