#include "server/options.h"

#include "base/cli/time_span.h"
#include "server/feed/feed_hub.h"
#include "server/limit/limit_bucket.h"
#include "storage/op_queue.h"
#include "storage/store_opener.h"

// The word for no limit, which is 0.
static const char *const off[] = {"off", NULL};

// A rate is what comes a second.
#define LIMIT_ROW(name_, member_, reload_, most_, help_)                                           \
    {                                                                                              \
        .name = (name_), .value = "N", CLI_NUMBER_AT(struct server_options, runsd.member_),        \
        .least = 1, .most = (most_), .words = off, .reload = (reload_), .help = (help_)            \
    }

#define MOST_QUOTA INT64_C(1000000000000000)

const struct cli_option server_options_rows[] = {
    {.name = "--bulk-max-age",
     .reload = true,
     .value = "TIME",
     CLI_TEXT_AT(struct server_options, bulk_max_age),
     .fallback = "7d",
     .help = "of bulk cancels that are over, until they are forgotten: 1h to 365d"},
    {.name = "--demo-token",
     .value = "FILE",
     CLI_TEXT_AT(struct server_options, demo_token),
     .help = "of a store in memory: where a token with every scope "
             "is written; - for standard output"},
    {.name = "--feed-max-age",
     .reload = true,
     .value = "TIME",
     CLI_TEXT_AT(struct server_options, feed_max_age),
     .fallback = "7d",
     .help = "of events that can still be watched from: " TIME_SPAN_EXAMPLES},
    {.name = "--feed-max-events",
     .reload = true,
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.feed_max_events),
     .least = 1,
     .most = INT64_C(1) << 40,
     .fallback_number = RUNSD_DEFAULT_FEED_MAX_EVENTS,
     .help = "of an organization that can be watched from"},
    {.name = "--idempotency-ttl",
     .reload = true,
     .value = "TIME",
     CLI_TEXT_AT(struct server_options, idempotency_ttl),
     .fallback = "24h",
     .help = "how long a request can be repeated under its key: 1m to 30d"},
    LIMIT_ROW("--limit-bytes", limit_bytes, true, LIMIT_MOST_PER_S,
              "of requests and replies a second of each organization, or off; more: "
              "RATE_LIMITED"),
    {.name = "--limit-burst-ms",
     .reload = true,
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.limit_burst_ms),
     .least = LIMIT_LEAST_BURST_MS,
     .most = LIMIT_MOST_BURST_MS,
     .fallback_number = RUNSD_DEFAULT_LIMIT_BURST_MS,
     .help = "for which an organization that was quiet may catch up at once"},
    LIMIT_ROW("--limit-changes", limit_changes, true, LIMIT_MOST_PER_S,
              "calls that change something, a second of each organization, or off; more: "
              "RATE_LIMITED"),
    LIMIT_ROW("--limit-reads", limit_reads, true, LIMIT_MOST_PER_S,
              "calls that read, a second of each organization, or off; more: RATE_LIMITED"),
    LIMIT_ROW("--limit-streams", limit_streams, true, 1000000,
              "watches, exports and calls that wait, of each organization at once, or off; more: "
              "RATE_LIMITED"),
    {.name = "--max-message-bytes",
     .old_name = "--max-request-bytes",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.max_request_bytes),
     .least = 1024,
     .most = 1 << 30,
     .fallback_number = RPC_DEFAULT_MAX_REQUEST_BYTES,
     .help = "of a gRPC request"},
    {.name = "--max-grpc-connections",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, connections.connections),
     CLI_GIVEN_AT(struct server_options, connections.is_given),
     .least = 1,
     .most = 1000000,
     .fallback_number = RPC_DEFAULT_MAX_CONNECTIONS,
     .default_help = "or what fits the limit of open files",
     .help = "open at once; more are closed"},
    {.name = "--max-grpc-anonymous",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.max_anonymous_streams),
     .least = 1,
     .most = 1000000,
     .fallback_number = RPC_DEFAULT_MAX_ANONYMOUS_STREAMS,
     .help =
         "streams of health and reflection, open at once, beside calls; more: RESOURCE_EXHAUSTED"},
    {.name = "--max-watches",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.max_watches),
     .least = 1,
     .most = 1000000,
     .fallback_number = FEED_DEFAULT_MAX_WATCHES,
     .help = "open at once, beside calls; more: RESOURCE_EXHAUSTED"},
    {.name = "--max-watches-per-token",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.max_watches_per_token),
     .least = 1,
     .most = 1000000,
     .fallback_number = FEED_DEFAULT_MAX_WATCHES_PER_TOKEN,
     .help = "the same of each token"},
    {.name = "--max-long-polls",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.max_long_polls),
     .least = 1,
     .most = 1000000,
     .fallback_number = RPC_DEFAULT_MAX_LONG_POLLS,
     .help = "AcquireRuns and CancelRun that wait, at once, beside calls; more: "
             "RESOURCE_EXHAUSTED, or no wait"},
    {.name = "--min-ping-interval-ms",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.min_ping_interval_ms),
     .least = 1,
     .most = 3600000,
     .fallback_number = RPC_DEFAULT_MIN_PING_INTERVAL_MS,
     .help = "of gRPC clients; who pings more often is disconnected"},
    LIMIT_ROW("--quota-open-runs", quota_open_runs, false, MOST_QUOTA,
              "runs of each organization that are not final, or off; a run more: QUOTA_EXCEEDED"),
    LIMIT_ROW("--quota-stored-bytes", quota_stored_bytes, false, MOST_QUOTA,
              "of the definitions of each organization's runs, or off; a run more: "
              "QUOTA_EXCEEDED"),
    {.name = "--queue-limit",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.queue_limit),
     .least = 1,
     .most = 10000000,
     .fallback_number = OP_QUEUE_DEFAULT_LIMIT,
     .help = "operations that wait for the store"},
    {.name = "--cache-bytes",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.cache_bytes),
     .least = STORE_LEAST_CACHE_BYTES,
     .most = STORE_MOST_CACHE_BYTES,
     .fallback_number = STORE_DEFAULT_CACHE_BYTES,
     .help = "of memory for pages of the store's file"},
    {.name = "--require-replicas",
     .value = "N",
     CLI_NUMBER_AT(struct server_options, runsd.require_replicas),
     .least = 0,
     .most = RUNSD_MOST_REQUIRED_REPLICAS,
     .help = "of a store on a database server: standbys that have each change before it is "
             "answered; fewer: no start, STORE_UNREACHABLE"},
    {.name = "--retain-finished",
     .reload = true,
     .value = "TIME",
     CLI_TEXT_AT(struct server_options, retain_finished),
     .help = "final runs older than that are deleted, with their events: at least 1h"},
    {.name = "--store-direct-url",
     .value = "URL",
     CLI_TEXT_AT(struct server_options, runsd.store_direct_url),
     .help = "of a store on a database server whose URL leads through a pooler: past it"},
    {.name = NULL},
};

// Reads text, the value of the option, if it was given: from least_s to most_s seconds, which range
// says in words.
static const struct error *take_time_span(struct arena *a, const char *option, const char *text,
                                          int64_t least_s, int64_t most_s, const char *range,
                                          int64_t *ret_seconds) {
    if (text == NULL) {
        return NULL;
    }
    if (!time_span_parse(text, ret_seconds)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: \"%s\" is no length of time: " TIME_SPAN_EXAMPLES, option, text);
    }
    if (*ret_seconds < least_s || *ret_seconds > most_s) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: \"%s\" is not from %s",
                         option, text, range);
    }
    return NULL;
}

static const struct error *take_time_spans(struct arena *a, struct server_options *options) {
    enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 24 * HOUR_S };
    struct runsd_options *runsd = &options->runsd;
    const struct error *error =
        take_time_span(a, "--idempotency-ttl", options->idempotency_ttl, MINUTE_S, 30 * DAY_S,
                       "1m to 30d", &runsd->idempotency_ttl_s);
    if (error == NULL) {
        error = take_time_span(a, "--bulk-max-age", options->bulk_max_age, HOUR_S, 365 * DAY_S,
                               "1h to 365d", &runsd->bulk_max_age_s);
    }
    return error;
}

static const struct error *take_retention(struct arena *a, struct server_options *options) {
    const char *text = options->retain_finished;
    int64_t *seconds = &options->runsd.retain_finished_s;
    if (text == NULL) {
        return NULL;
    }
    if (!time_span_parse(text, seconds)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--retain-finished: \"%s\" is no length of time: " TIME_SPAN_EXAMPLES,
                         text);
    }
    if (*seconds < RUNSD_LEAST_RETAIN_FINISHED_S) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--retain-finished: \"%s\" is less than 1h", text);
    }
    return NULL;
}

// What is said of a database server needs a store on one.
static const struct error *check_store(struct arena *a, const struct server_options *options) {
    const char *url = options->runsd.store_url;
    const char *name = options->runsd.require_replicas > 0       ? "--require-replicas"
                       : options->runsd.store_direct_url != NULL ? "--store-direct-url"
                                                                 : NULL;
    if (name != NULL && !run_store_is_on_server(url)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: the store \"%s\" is not on a database server", name,
                         run_store_describe(a, url));
    }
    if (options->demo_token != NULL && !run_store_is_temporary(url)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--demo-token: \"%s\" keeps its tokens; runsctl tokens create --store "
                         "makes them",
                         run_store_describe(a, url));
    }
    return NULL;
}

const struct error *server_options_finish(struct arena *a, struct server_options *options,
                                          const char *name, const struct cli_list *listen) {
    options->connections.option = "--max-grpc-connections";
    const struct error *error = check_store(a, options);
    if (error != NULL) {
        return error;
    }
    if (options->feed_max_age != NULL &&
        (!time_span_parse(options->feed_max_age, &options->runsd.feed_max_age_s) ||
         options->runsd.feed_max_age_s == 0)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--feed-max-age: \"%s\" is no length of time: " TIME_SPAN_EXAMPLES,
                         options->feed_max_age);
    }
    error = take_time_spans(a, options);
    if (error == NULL) {
        error = take_retention(a, options);
    }
    if (error != NULL) {
        return error;
    }
    const char *defaults[RUNSD_DEFAULT_LISTENERS];
    struct cli_list texts = *listen;
    if (texts.count == 0) {
        texts.items = defaults;
        texts.count = runsd_default_listeners(a, options->runsd.store_url, defaults,
                                              &options->runsd.unfit_socket);
    }
    struct address *addresses = ARENA_ARRAY(a, struct address, texts.count);
    for (size_t i = 0; i < texts.count; i++) {
        error = address_parse_listener(a, name, texts.items[i], &addresses[i]);
        if (error != NULL) {
            return error;
        }
    }
    options->runsd.listen = addresses;
    options->runsd.listen_count = texts.count;
    return NULL;
}
