#ifndef RUNSD_RPC_SERVER_METRICS_INTERNAL_H
#define RUNSD_RPC_SERVER_METRICS_INTERNAL_H

#include "base/core/error.h"
#include "rpc/method.h"
#include "rpc/server_metrics.h"

// What the files of a server count with; of a registry that is NULL all members are.

// Which limit a call in flight is about (struct rpc_server_options).
enum rpc_call_kind {
    RPC_CALL_UNARY,
    RPC_CALL_STREAM,
    RPC_CALL_ANONYMOUS,
    RPC_CALL_OWN_LIMIT,
    RPC_CALL_LONG_POLL,
    RPC_CALL_KINDS,
};

// Why a server does not serve a call.
enum rpc_refusal {
    RPC_REFUSED_CALLS, // as many calls are in flight as may be
    RPC_REFUSED_READS, // as many as may be when a read begins
    RPC_REFUSED_STREAMS,
    RPC_REFUSED_ANONYMOUS,
    RPC_REFUSED_LONG_POLLS, // of which some are answered without a wait
    RPC_REFUSED_BYTES,
    RPC_REFUSED_STOPPING,
    RPC_REFUSALS,
};

struct rpc_server_metrics {
    struct metrics *registry;
    struct metrics_family *calls;     // by method, code and reason
    struct metrics_family *durations; // by method
    struct metrics_child *in_flight[RPC_CALL_KINDS];
    struct metrics_child *limits[RPC_CALL_KINDS];
    struct metrics_child *refused[RPC_REFUSALS];
    struct metrics_child *held_bytes;
    struct metrics_child *held_limit;
    struct metrics_child *waiting; // for room
    // What is known of listeners when somebody looks.
    struct metrics_family *connections;
    struct metrics_family *connections_limit;
    struct metrics_family *accepted;
    struct metrics_family *refused_connections; // by cause
};

// What is counted of one method.
struct rpc_method_metrics {
    const struct rpc_server_metrics *server;
    const char *method; // "runs.v1.RunsService/GetRun"; "other" for what is no method
    struct metrics_child *ok;
    struct metrics_child *duration; // NULL of streams
    // The error that was counted last, which the next one is likely to be.
    enum status_code error_code;
    enum reason error_reason;
    struct metrics_child *error; // NULL: none was
};

// method is NULL for what is no method.
struct rpc_method_metrics rpc_method_metrics_of(const struct rpc_server_metrics *server,
                                                const struct rpc_method *method);

// A call of the method has ended so. On one thread.
void rpc_method_metrics_count(struct rpc_method_metrics *m, enum status_code code,
                              enum reason reason);

#endif
