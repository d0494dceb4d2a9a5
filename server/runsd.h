#ifndef RUNSD_SERVER_RUNSD_H
#define RUNSD_SERVER_RUNSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/clock.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "base/net/address.h"
#include "base/tls/tls_source.h"
#include "rpc/server.h"

// The run-control server as one object: what `runsd` runs alone and `runsctl
// serve` runs beside a gateway.

struct metrics;
struct run_store;
struct run_store_options;
struct runsd;

enum {
    RUNSD_LEAST_BUFFERED_BYTES = 4 << 20,
    RUNSD_DEFAULT_FEED_MAX_AGE_S = 7 * 24 * 3600,
    RUNSD_DEFAULT_FEED_MAX_EVENTS = 1000000,
    RUNSD_LEAST_RETAIN_FINISHED_S = 3600,
    RUNSD_DEFAULT_IDEMPOTENCY_TTL_S = 24 * 3600,
    RUNSD_DEFAULT_LIMIT_BURST_MS = 2000,
    RUNSD_MOST_REQUIRED_REPLICAS = 32,
};

struct runsd_options {
    const struct logger *log;
    const struct clock *clock;
    const char *store_url;
    bool store_must_exist;        // else a store that is not there is made
    const char *store_direct_url; // of run_store_options, as the next one
    int require_replicas;
    // Opens the store; NULL: run_store_open (storage/store_opener.h).
    const struct error *(*open_store)(struct arena *a, const char *url,
                                      const struct run_store_options *options,
                                      struct run_store **ret_store);
    struct address *listen; // may be none; borrowed
    size_t listen_count;
    const char *unfit_socket;     // a default of listen that is left out: too long; NULL: none
    size_t max_request_bytes;     // 0: 4 MiB
    int max_connections;          // of gRPC at once; 0: RPC_DEFAULT_MAX_CONNECTIONS
    int max_anonymous_streams;    // health, reflection; 0: RPC_DEFAULT_MAX_ANONYMOUS_STREAMS
    int max_watches;              // WatchRuns; 0: FEED_DEFAULT_MAX_WATCHES
    int max_watches_per_token;    // 0: FEED_DEFAULT_MAX_WATCHES_PER_TOKEN
    int max_long_polls;           // calls that wait; 0: RPC_DEFAULT_MAX_LONG_POLLS
    int64_t min_ping_interval_ms; // of gRPC clients; 0: RPC_DEFAULT_MIN_PING_INTERVAL_MS
    size_t max_buffered_bytes;    // of requests and replies over gRPC; 0: 256 MiB
    int64_t limit_reads;          // of each organization a second; 0: no limit, as the next ones
    int64_t limit_changes;
    int64_t limit_bytes;     // of requests and replies
    int64_t limit_streams;   // watches and calls that wait, at once
    int64_t limit_burst_ms;  // how long an unused limit adds up; 0: the default
    int64_t quota_open_runs; // of each organization; 0: no limit, as the next one
    int64_t quota_stored_bytes;
    int queue_limit;           // operations that may wait for the store; 0: the store's default
    int64_t cache_bytes;       // for pages of the store's file; 0: the store's default
    int64_t feed_max_age_s;    // of events that can be watched from; 0: the default
    int64_t feed_max_events;   // of an organization, likewise; 0: the default
    int64_t feed_trim_ms;      // how often that is looked at; 0: FEED_TRIM_DEFAULT_MS
    int64_t idempotency_ttl_s; // how long a key counts; 0: the default
    int64_t bulk_max_age_s;    // of bulk cancels that are over; 0: the default
    int64_t housekeeping_ms;   // how often it is looked for what has no use any more; 0: default
    int64_t retain_finished_s; // how long final runs are kept; 0: for good
    int64_t retention_ms;      // how often that is looked at; 0: RETENTION_DEFAULT_MS
    int64_t token_use_ms;      // how often uses of tokens are stored; 0: TOKEN_USE_DEFAULT_MS
    int64_t drain_ms;          // how long calls in flight may take to end at a stop
    // What TCP listeners show to clients, and ask them for; NULL: they speak plain text. Borrowed
    // until runsd_stop has returned.
    struct tls_source *tls;
    enum tls_client_auth client_auth;
    struct tracer *tracer;        // of traces; until runsd_stop; NULL: none
    struct listener_guard *guard; // looks at the listeners until runsd_stop; may be NULL
    struct metrics *metrics;      // its families are added; borrowed; NULL: nobody looks
    // Called at most once, on any thread, when the store failed and the process
    // must restart.
    void (*on_failure)(void *context);
    void *context;
};

#define RUNSD_DEFAULT_ADDRESS "127.0.0.1:50051"

enum { RUNSD_DEFAULT_LISTENERS = 2 };

// Where gRPC listens by default: on loopback, and on a unix socket for a store that has a place
// for one (run_store_socket_path). Returns how many there are: loopback alone for other stores,
// and where the socket's path would be too long for a unix socket (sun_path, 107 bytes), which
// *ret_unfit is then, else NULL.
size_t runsd_default_listeners(struct arena *a, const char *store_url,
                               const char *ret_texts[RUNSD_DEFAULT_LISTENERS],
                               const char **ret_unfit);

// Opens the store and starts the listeners. Errors: those of
// run_store_open and rpc_server_listen.
const struct error *runsd_start(struct arena *a, const struct runsd_options *options,
                                struct runsd **ret_runsd);

// Logs where it listens and "ready": once all that belongs to the program is. options are those
// of runsd_start.
void runsd_log_ready(struct arena *a, const struct runsd *runsd,
                     const struct runsd_options *options);

// Makes a token of the organization "demo", called "demo", that has every scope; its text lives
// in a. For a store that nobody else can reach. UNAVAILABLE if it cannot be stored.
const struct error *runsd_make_demo_token(struct runsd *runsd, struct arena *a,
                                          const char **ret_text);

// The gRPC server, for in-process channels on loops of their own.
struct rpc_server *runsd_rpc_server(struct runsd *runsd);

// A token that may all that concerns tokens, for who runs this: never stored, it ends with the
// server.
const char *runsd_admin_token(const struct runsd *runsd);

// The loop of that server.
struct rpc_loop *runsd_loop(struct runsd *runsd);

// Serves runs and tokens (neither health nor reflection) to in-process channels too, on
// a local loop that the caller frees after runsd_stop. A channel on the same loop costs
// half of one on a loop of its own. Call it at most once. Returns the server, which runsd owns.
struct rpc_server *runsd_serve_in_process(struct runsd *runsd, struct rpc_loop *loop);

// Checks whether a call with this value of the authorization metadata, or (NULL) without one and
// from a client with these names (rpc/server_peer.h), comes from a known caller: NULL, or the error
// of authenticate or authenticate_client, in a, as every method of the product sends it. Checks no
// scopes: they differ by method. Thread safe.
const struct error *runsd_check_caller(struct runsd *runsd, struct arena *a,
                                       const struct slice *authorization,
                                       const struct slice *client_names, size_t client_name_count);

// Whether calls would be served: what the health service says of "". Thread safe; until
// runsd_stop.
bool runsd_is_serving(struct runsd *runsd);

// What that is made of, at one moment.
struct runsd_health {
    bool is_started;     // it serves: it has started, and does not stop
    bool is_store_alive; // the store has not failed for good
    bool can_read;
    bool can_change; // without it reads are served, and runsd_is_serving
};

// Thread safe; until runsd_stop.
struct runsd_health runsd_look_at_health(struct runsd *runsd);

// The TCP port of the index-th listener; 0 for a unix socket.
int runsd_port(const struct runsd *runsd, size_t index);

// Takes from options what may change while it serves: limits of organizations, ages of events, keys
// and bulk cancels, retention, the drain; all else stays. On the thread that started it.
void runsd_set_options(struct runsd *runsd, const struct runsd_options *options);

// Begins to stop: refuses new calls of other programs; their calls in flight have drain_ms from
// now on to end. Calls of this process are still served, so that whatever makes them can drain
// first. Call runsd_stop next.
void runsd_begin_stop(struct runsd *runsd);

// Drains, within what is left of drain_ms, and frees: no new calls, those in flight answered, the
// store closed. No acknowledged work is lost. NULL is ignored.
void runsd_stop(struct runsd *runsd);

#endif
