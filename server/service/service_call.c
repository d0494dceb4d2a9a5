#include "server/service/service_call.h"

#include <string.h>

#include "base/core/check.h"
#include "base/core/request_id.h"
#include "rpc/server_peer.h"
#include "server/service/call_trace.h"

// When to try again: a queue empties soon, a full disk needs a person.
enum { RETRY_AFTER_MS = 1000, RETRY_AFTER_FULL_MS = 5000 };

enum { LONGEST_NAMES = 512 }; // in a log line

struct service_call *service_call_begin_open(const struct service *service,
                                             struct rpc_server_call *rpc, size_t bytes) {
    struct arena *a = rpc_server_call_arena(rpc);
    CHECK(bytes >= sizeof(struct service_call));
    struct service_call *call = arena_zalloc(a, bytes);
    call->service = service;
    call->rpc = rpc;
    call->arena = a;
    if (!rpc_server_call_metadata(rpc, "x-request-id", &call->request_id) ||
        !request_id_valid(call->request_id)) {
        char *id = arena_alloc(a, UUID_TEXT_SIZE);
        uuid_make(id);
        call->request_id = slice_of_cstr(id);
    }
    if (service->tracer != NULL && !rpc_server_call_method(rpc)->is_probe) {
        call->span = call_trace_begin(service->tracer, rpc);
    }
    return call;
}

// "uri:spiffe://a/b, dns:a.example", as far as there is room.
static const char *join_names(struct arena *a, const struct slice *names, size_t count) {
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        size_t room = LONGEST_NAMES - strlen(text);
        bool is_cut = names[i].len > room;
        text = arena_printf(a, "%s%s%.*s%s", text, i > 0 ? ", " : "",
                            (int)(is_cut ? room : names[i].len), (const char *)names[i].data,
                            is_cut ? "[cut]" : "");
        if (is_cut || strlen(text) >= LONGEST_NAMES) {
            break;
        }
    }
    return text;
}

static const struct error *authenticate_call(struct service_call *call, enum scope scope) {
    struct token_table *tokens = call->service->tokens;
    int64_t now_us = service_now_us(call->service);
    int count = rpc_server_call_metadata_count(call->rpc, "authorization");
    if (count > 0) {
        struct slice value = SLICE_EMPTY;
        rpc_server_call_metadata(call->rpc, "authorization", &value);
        return authenticate(tokens, call->arena, value, count, scope, now_us, &call->identity);
    }
    struct slice names[RPC_MOST_CLIENT_NAMES];
    size_t name_count = rpc_server_call_client_names(call->rpc, names, RPC_MOST_CLIENT_NAMES);
    const struct error *error =
        authenticate_client(tokens, call->arena, names, name_count, scope, now_us, &call->identity);
    if (call->identity.client_name == NULL && name_count > 0) {
        call->refused_names = join_names(call->arena, names, name_count);
    }
    return error;
}

struct service_call *service_call_begin(const struct service *service, struct rpc_server_call *rpc,
                                        enum scope scope, size_t bytes) {
    struct service_call *call = service_call_begin_open(service, rpc, bytes);
    const struct error *error = authenticate_call(call, scope);
    if (error == NULL) {
        error = call_limit_enter(service->limiter, rpc, &call->identity, &call->limit);
    }
    if (error != NULL) {
        service_call_fail(call, error);
        return NULL;
    }
    call->organization = slice_of_cstr(call->identity.organization);
    return call;
}

static enum log_level level_of(const struct service_call *call, const struct error *error) {
    if (error == NULL) {
        return rpc_server_call_method(call->rpc)->is_probe ? LOG_DEBUG : LOG_INFO;
    }
    // An organization's own limits are no trouble of the server's.
    if (error->reason_id == REASON_RATE_LIMITED || error->reason_id == REASON_QUOTA_EXCEEDED) {
        return LOG_INFO;
    }
    switch (error->code) {
    case STATUS_INTERNAL:
    case STATUS_DATA_LOSS:
    case STATUS_UNKNOWN:
        return LOG_ERROR;
    case STATUS_UNAVAILABLE:
    case STATUS_RESOURCE_EXHAUSTED:
        return LOG_WARN;
    default:
        return LOG_INFO;
    }
}

const struct error *service_call_check_token(const struct service_call *call, const char *message) {
    int64_t expires_at_us;
    return token_table_look(call->service->tokens, call->identity.entry, call->identity.hash,
                            service_now_us(call->service), &expires_at_us) == TOKEN_OPENS
               ? NULL
               : error_new(call->arena, STATUS_UNAUTHENTICATED, REASON_TOKEN_INVALID, "%s",
                           message);
}

// Whether an operator asks of the call where it came from: whoever was refused may have no name.
static bool is_refusal(const struct error *error) {
    return error != NULL &&
           (error->code == STATUS_UNAUTHENTICATED || error->code == STATUS_PERMISSION_DENIED ||
            error->code == STATUS_RESOURCE_EXHAUSTED);
}

static void write_log(const struct service_call *call, const struct error *error,
                      enum log_level level) {
    struct log_field fields[13];
    int n = 0;
    fields[n++] = log_slice("requestId", call->request_id);
    char trace_id[TRACE_ID_TEXT_SIZE];
    if (call_trace_id(call->span, call->rpc, trace_id)) {
        fields[n++] = log_own_text("traceId", trace_id);
    }
    fields[n++] = log_own_text("method", rpc_server_call_method(call->rpc)->path);
    fields[n++] =
        log_own_text("code", status_code_name(error != NULL ? (int)error->code : STATUS_OK));
    fields[n++] =
        log_int("durationUs", clock_monotonic_us() - rpc_server_call_started_us(call->rpc));
    if (call->identity.name != NULL) {
        fields[n++] = log_text("organization", call->identity.organization);
        fields[n++] = log_text("actor", call->identity.name);
    }
    if (call->identity.client_name != NULL) {
        fields[n++] = log_text("clientName", call->identity.client_name);
    } else if (call->refused_names != NULL) {
        fields[n++] = log_text("clientName", call->refused_names);
    }
    struct slice address =
        is_refusal(error) ? rpc_server_call_client_address(call->rpc) : SLICE_EMPTY;
    if (address.len > 0) {
        fields[n++] = log_slice("clientAddress", address);
    }
    if (call->run_id != NULL) {
        fields[n++] = log_text("runId", call->run_id);
    }
    if (call->target != NULL) {
        fields[n++] = log_text("target", call->target);
    }
    if (error != NULL && error->reason != NULL) {
        fields[n++] = log_own_text("reason", error->reason);
    }
    if (error != NULL && error->detail != NULL) {
        fields[n++] = log_text("detail", error->detail);
    }
    log_write(call->service->log, level, "call", fields, n);
}

void service_call_log(const struct service_call *call, const struct error *error) {
    enum log_level level = level_of(call, error);
    if (log_enabled(call->service->log, level)) {
        write_log(call, error, level);
    }
    if (call->span != NULL) {
        const struct call_trace_end end = {call->request_id, call->run_id, error};
        call_trace_end(call->span, call->rpc, &end);
    }
}

void service_call_reply(struct service_call *call, const struct slice *parts, size_t count) {
    call_limit_leave(&call->limit, parts, count);
    service_call_log(call, NULL);
    rpc_server_call_reply(call->rpc, parts, count);
}

void service_call_fail(struct service_call *call, const struct error *error) {
    if (error->code == STATUS_PERMISSION_DENIED && call->identity.entry != NULL) {
        token_table_count_denial(call->service->tokens, call->identity.entry);
    }
    call_limit_leave(&call->limit, NULL, 0);
    service_call_log(call, error);
    rpc_server_call_fail(call->rpc, error);
}

static struct error *retriable(struct service_call *call, const struct store_op *op,
                               enum status_code code, enum reason reason, const char *message,
                               int64_t retry_after_ms) {
    struct error *e = error_new(call->arena, code, reason, "%s", message);
    e->detail = op->detail;
    e->retry_after_ms = retry_after_ms;
    return e;
}

const struct error *service_call_store_error(struct service_call *call, const struct store_op *op) {
    switch (op->result) {
    case STORE_OK:
    case STORE_NOT_FOUND:
    case STORE_CONFLICT:
    case STORE_EXISTS:
    case STORE_OVER_QUOTA:
        return NULL;
    case STORE_EXPIRED:
        return error_new(call->arena, STATUS_DEADLINE_EXCEEDED, REASON_DEADLINE_PASSED,
                         "the deadline passed before the work began; nothing was changed");
    case STORE_TOO_LARGE:
        return error_new(call->arena, STATUS_INVALID_ARGUMENT, REASON_FIELD_INVALID,
                         "the request is larger than the store takes, at most %d bytes; nothing "
                         "was changed",
                         STORE_LARGEST_OP_BYTES);
    case STORE_BUSY:
        return retriable(call, op, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                         "too many requests wait for the store; nothing was changed",
                         RETRY_AFTER_MS);
    case STORE_DISK_FULL:
        return retriable(call, op, STATUS_UNAVAILABLE, REASON_DISK_FULL,
                         "the store's disk, or its quota, is full; nothing was changed",
                         RETRY_AFTER_FULL_MS);
    case STORE_LOCKED:
        return retriable(call, op, STATUS_UNAVAILABLE, REASON_STORE_LOCKED,
                         "another program keeps the store locked; nothing was changed",
                         RETRY_AFTER_MS);
    case STORE_FROZEN:
        return retriable(call, op, STATUS_UNAVAILABLE, REASON_STORE_FROZEN,
                         "the store is frozen for a moment, to copy its files; nothing was changed",
                         RETRY_AFTER_FULL_MS);
    case STORE_UNREACHABLE:
        return retriable(call, op, STATUS_UNAVAILABLE, REASON_STORE_UNREACHABLE,
                         "the database that keeps the runs cannot be reached, or keeps changes on "
                         "fewer standbys than it must; nothing was changed",
                         RETRY_AFTER_MS);
    case STORE_KEY_REUSED:
        return error_new(call->arena, STATUS_INVALID_ARGUMENT, REASON_IDEMPOTENCY_KEY_REUSED,
                         "the idempotency key was used with another request; nothing was changed");
    case STORE_READ_ONLY:
        return retriable(call, op, STATUS_UNAVAILABLE, REASON_READ_ONLY,
                         "the organization is frozen: its runs can be read and not changed; "
                         "nothing was changed",
                         RETRY_AFTER_FULL_MS);
    case STORE_STOPPED:
        return retriable(call, op, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING,
                         "the server is stopping because its store failed; nothing was changed",
                         RETRY_AFTER_MS);
    case STORE_UNAVAILABLE:
        break;
    }
    return retriable(call, op, STATUS_UNAVAILABLE, REASON_STORE_UNAVAILABLE,
                     rpc_server_call_method(call->rpc)->is_read
                         ? "the store cannot be read now"
                         : "the store failed; whether a change was made is not known",
                     RETRY_AFTER_MS);
}

static void store_done(struct store_op *op) {
    struct service_call *call = op->context;
    if (op->timing != NULL) {
        call_trace_store(call->span, op);
    }
    const struct error *error = service_call_store_error(call, op);
    if (error != NULL) {
        service_call_fail(call, error);
    } else {
        call->stored(call);
    }
}

void service_call_store(struct service_call *call, struct store_op *op,
                        void (*stored)(struct service_call *call)) {
    call->stored = stored;
    op->arena = call->arena;
    op->deadline_us = rpc_server_call_deadline_us(call->rpc);
    op->done = store_done;
    op->context = call;
    if (store_op_is_change(op)) {
        bulk_runner_note_change(call->service->bulks);
        if (call->span != NULL) {
            op->timing = ARENA_NEW(call->arena, struct store_timing);
        }
    }
    run_store_submit(call->service->store, op);
}
