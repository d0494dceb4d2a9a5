#include "rpc/server_metrics.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "rpc/server_metrics_internal.h"

// --- what the families are ---

static const char other[] = "other";

static const char *const kind_words[RPC_CALL_KINDS] = {
    [RPC_CALL_UNARY] = "call",          [RPC_CALL_STREAM] = "stream",
    [RPC_CALL_ANONYMOUS] = "anonymous", [RPC_CALL_OWN_LIMIT] = "own_limit",
    [RPC_CALL_LONG_POLL] = "long_poll",
};

static const char *const refusal_words[RPC_REFUSALS] = {
    [RPC_REFUSED_CALLS] = "calls",           [RPC_REFUSED_READS] = "reads",
    [RPC_REFUSED_STREAMS] = "streams",       [RPC_REFUSED_ANONYMOUS] = "anonymous_streams",
    [RPC_REFUSED_LONG_POLLS] = "long_polls", [RPC_REFUSED_BYTES] = "bytes",
    [RPC_REFUSED_STOPPING] = "stopping",
};

// Microseconds: a read in memory takes some tens, a change what the disk takes.
static const int64_t duration_bounds_us[] = {
    100,   250,    500,    1000,   2500,    5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

static const struct metrics_info calls_info = {
    .name = "runsd_grpc_calls",
    .help = "Calls and streams that have ended, by gRPC status and the reason of the error",
    .kind = METRICS_COUNTER,
    .labels = {"method", "code", "reason"},
};

static const struct metrics_info durations_info = {
    .name = "runsd_grpc_call_duration_seconds",
    .unit = "seconds",
    .help = "Time from when the server takes a call until it sends the answer, of calls that are "
            "neither streams nor long polls",
    .kind = METRICS_HISTOGRAM,
    .per_unit = 1000000,
    .labels = {"method"},
    .bounds = duration_bounds_us,
    .bound_count = sizeof(duration_bounds_us) / sizeof(duration_bounds_us[0]),
};

static const struct metrics_info in_flight_info = {
    .name = "runsd_grpc_calls_in_flight",
    .help = "Calls that are served or being answered, and open streams, by the limit that they "
            "count for",
    .kind = METRICS_GAUGE,
    .labels = {"kind"},
};

static const struct metrics_info limits_info = {
    .name = "runsd_grpc_calls_limit",
    .help = "How many calls in flight of the kind each of the program's gRPC servers serves",
    .kind = METRICS_GAUGE,
    .labels = {"kind"},
};

static const struct metrics_info refused_info = {
    .name = "runsd_grpc_calls_refused",
    .help = "Calls that a limit of the server, or its stop, kept from being served or from waiting",
    .kind = METRICS_COUNTER,
    .labels = {"cause"},
};

static const struct metrics_info held_info = {
    .name = "runsd_grpc_held_bytes",
    .unit = "bytes",
    .help = "Memory of the requests and replies of calls in flight",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info held_limit_info = {
    .name = "runsd_grpc_held_limit_bytes",
    .unit = "bytes",
    .help = "How much of it each of the program's gRPC servers holds at most",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info waiting_info = {
    .name = "runsd_grpc_calls_waiting",
    .help = "Calls that wait until others give memory back",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info connections_info = {
    .name = "runsd_grpc_connections",
    .help = "Open connections from other programs",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info connections_limit_info = {
    .name = "runsd_grpc_connections_limit",
    .help = "How many connections may be open",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info accepted_info = {
    .name = "runsd_grpc_connections_accepted",
    .help = "Connections that were accepted, those among them that were closed at once",
    .kind = METRICS_COUNTER,
};

static const struct metrics_info refused_connections_info = {
    .name = "runsd_grpc_connections_refused",
    .help = "Connections that were closed at once",
    .kind = METRICS_COUNTER,
    .labels = {"cause"},
};

// --- the registry's ---

static void add_children(struct metrics *registry, const struct metrics_info *info,
                         const char *const *words, size_t count, struct metrics_child **ret) {
    struct metrics_family *family = metrics_add_family(registry, info);
    for (size_t i = 0; i < count; i++) {
        ret[i] = words[i] != NULL ? metrics_child(family, &words[i]) : NULL;
    }
}

struct rpc_server_metrics *rpc_server_metrics_new(struct metrics *registry) {
    struct rpc_server_metrics *m = mem_zalloc(sizeof(*m));
    m->registry = registry;
    m->calls = metrics_add_family(registry, &calls_info);
    m->durations = metrics_add_family(registry, &durations_info);
    add_children(registry, &in_flight_info, kind_words, RPC_CALL_KINDS, m->in_flight);
    const char *limited[RPC_CALL_KINDS];
    for (int i = 0; i < RPC_CALL_KINDS; i++) {
        limited[i] = i != RPC_CALL_OWN_LIMIT ? kind_words[i] : NULL; // which its handler knows
    }
    add_children(registry, &limits_info, limited, RPC_CALL_KINDS, m->limits);
    add_children(registry, &refused_info, refusal_words, RPC_REFUSALS, m->refused);
    m->held_bytes = metrics_add(registry, &held_info);
    m->held_limit = metrics_add(registry, &held_limit_info);
    m->waiting = metrics_add(registry, &waiting_info);
    m->connections = metrics_add_family(registry, &connections_info);
    m->connections_limit = metrics_add_family(registry, &connections_limit_info);
    m->accepted = metrics_add_family(registry, &accepted_info);
    m->refused_connections = metrics_add_family(registry, &refused_connections_info);
    return m;
}

void rpc_server_metrics_free(struct rpc_server_metrics *m) {
    free(m);
}

// --- methods ---

static const char *reason_word(enum reason reason) {
    const char *name = reason_name(reason);
    return name != NULL ? name : "";
}

static struct metrics_child *outcome(const struct rpc_method_metrics *m, enum status_code code,
                                     enum reason reason) {
    const char *const values[] = {m->method, status_code_name((int)code), reason_word(reason)};
    return metrics_child(m->server->calls, values);
}

struct rpc_method_metrics rpc_method_metrics_of(const struct rpc_server_metrics *server,
                                                const struct rpc_method *method) {
    struct rpc_method_metrics m = {
        .server = server,
        .method = method != NULL ? method->path + 1 : other, // without its "/"
    };
    if (method != NULL) {
        m.ok = outcome(&m, STATUS_OK, REASON_NONE);
    }
    if (method != NULL && method->kind == RPC_UNARY) {
        m.duration = metrics_child(server->durations, &m.method);
    }
    return m;
}

void rpc_method_metrics_count(struct rpc_method_metrics *m, enum status_code code,
                              enum reason reason) {
    if (code == STATUS_OK) {
        metrics_counter_add(m->ok, 1);
        return;
    }
    if (m->error == NULL || m->error_code != code || m->error_reason != reason) {
        m->error = outcome(m, code, reason);
        m->error_code = code;
        m->error_reason = reason;
    }
    metrics_counter_add(m->error, 1);
}
