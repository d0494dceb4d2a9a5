#include <grpc/support/time.h>

#include "base/core/clock.h"
#include "rpc/client_core_internal.h"
#include "rpc/client_error_internal.h"
#include "rpc/metadata_array_internal.h"
#include "rpc/slice_internal.h"
#include "rpc/status_details.h"

static gpr_timespec core_deadline(int64_t deadline_us) {
    if (deadline_us == 0) {
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    }
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_micros(deadline_us - clock_monotonic_us(), GPR_TIMESPAN));
}

const struct error *rpc_client_core_check(struct arena *a, int64_t deadline_us,
                                          const atomic_bool *is_cancelled) {
    if (deadline_us != 0 && deadline_us <= clock_monotonic_us()) {
        // gRPC core's clock is coarser: it might let the call go out.
        return client_error_new(a, STATUS_DEADLINE_EXCEEDED, REASON_DEADLINE_PASSED,
                                "the deadline passed before the call began; nothing was changed");
    }
    if (atomic_load(is_cancelled)) {
        return client_error_new(a, STATUS_CANCELLED, REASON_REQUEST_CANCELLED,
                                "the call was cancelled before it began; nothing was changed");
    }
    return NULL;
}

const struct error *rpc_client_core_open(struct rpc_client_core *core, struct arena *a,
                                         struct rpc_client_method *method, int64_t deadline_us) {
    const struct error *error = rpc_client_core_check(a, deadline_us, &core->cancelled);
    if (error != NULL) {
        return error;
    }
    if (core->balanced != NULL) {
        method = core->balanced->method->channel->balancing->choose(core->balanced);
    }
    if (method == NULL) {
        return client_error_new(a, STATUS_UNAVAILABLE, REASON_UPSTREAM_UNREACHABLE,
                                "the server cannot be reached; nothing was changed");
    }
    core->channel = method->channel;
    atomic_store(&core->call, rpc_channel_new_call(method, core_deadline(deadline_us)));
    return NULL;
}

const struct error *rpc_client_core_start(struct rpc_client_core *core, struct arena *a,
                                          struct rpc_batch *batch) {
    grpc_call *call = atomic_load(&core->call);
    grpc_call_error result = rpc_batch_start(batch, call);
    if (result == GRPC_CALL_ERROR_INVALID_METADATA) {
        return rpc_client_core_metadata_error(a);
    }
    if (result != GRPC_CALL_OK) {
        struct error *e = client_error_new(a, STATUS_INTERNAL, REASON_INTERNAL_ERROR,
                                           "the call could not be started");
        e->detail = grpc_call_error_to_string(result);
        return e;
    }
    if (atomic_load(&core->cancelled)) {
        grpc_call_cancel(call, NULL);
    }
    return NULL;
}

// --- several servers ---

// gRPC core's object of an attempt. Who cancels may be using it yet.
struct client_past {
    struct client_past *next;
    grpc_call *call;
};

struct balanced_call *rpc_client_core_balanced(struct arena *a, struct rpc_client_method *method,
                                               bool is_stream,
                                               void (*again)(struct balanced_call *call),
                                               void *context) {
    if (method->channel->balancing == NULL) {
        return NULL;
    }
    struct balanced_call *call = ARENA_NEW(a, struct balanced_call);
    call->method = method;
    call->is_stream = is_stream;
    call->again = again;
    call->context = context;
    return call;
}

// Why the server surely has not begun the call; ATTEMPT_OVER: it may have.
static enum attempt_end end_of(const struct rpc_batch *batch, const struct error *error) {
    if (error == NULL) {
        return ATTEMPT_OVER;
    }
    if (batch == NULL) { // there was no server, or the call cannot be begun at any
        return error->code == STATUS_UNAVAILABLE ? ATTEMPT_UNSENT : ATTEMPT_OVER;
    }
    if (error->reason_id != REASON_NONE) {
        return client_error_is_unsent(batch->core_error, rpc_slice_view(&batch->status_message))
                   ? ATTEMPT_UNSENT
                   : ATTEMPT_OVER;
    }
    if (error->code == STATUS_UNIMPLEMENTED) {
        return ATTEMPT_UNKNOWN_METHOD;
    }
    return error->code == STATUS_UNAVAILABLE && error_reason_of(error) == REASON_SERVER_STOPPING
               ? ATTEMPT_STOPPING
               : ATTEMPT_OVER;
}

bool rpc_client_core_goes_on(struct rpc_client_core *core, struct arena *a,
                             const struct rpc_batch *batch, const struct error *error) {
    struct balanced_call *balanced = core->balanced;
    if (balanced == NULL) {
        return false;
    }
    enum attempt_end end = atomic_load(&core->cancelled) ? ATTEMPT_OVER : end_of(batch, error);
    grpc_call *call = atomic_load(&core->call);
    if (end != ATTEMPT_OVER && call != NULL) {
        struct client_past *past = ARENA_NEW(a, struct client_past);
        *past = (struct client_past){core->past, call};
        core->past = past;
        atomic_store(&core->call, NULL);
    }
    return balanced->method->channel->balancing->end(balanced, end);
}

void rpc_client_core_over(struct rpc_client_core *core) {
    if (core->balanced != NULL) {
        core->balanced->method->channel->balancing->end(core->balanced, ATTEMPT_OVER);
    }
}

bool rpc_client_core_is_unsent(const struct rpc_client_core *core) {
    return atomic_load(&core->call) == NULL;
}

void rpc_client_core_cancel(struct rpc_client_core *core) {
    atomic_store(&core->cancelled, true);
    grpc_call *call = atomic_load(&core->call);
    if (call != NULL) {
        grpc_call_cancel(call, NULL);
    }
}

void rpc_client_core_release(struct rpc_client_core *core) {
    grpc_call *call = atomic_load(&core->call);
    if (call != NULL) {
        grpc_call_unref(call);
    }
    for (struct client_past *past = core->past; past != NULL; past = past->next) {
        grpc_call_unref(past->call);
    }
}

void rpc_client_core_send_request(struct rpc_batch *batch, struct arena *a,
                                  const struct rpc_metadata *metadata, int count,
                                  struct slice request) {
    grpc_metadata *copies = ARENA_ARRAY(a, grpc_metadata, count);
    for (int i = 0; i < count; i++) {
        copies[i].key = rpc_slice_copy(slice_of_cstr(metadata[i].key));
        copies[i].value = rpc_slice_copy(metadata[i].value);
    }
    rpc_batch_send_metadata(batch, copies, (size_t)count);
    rpc_batch_send_message(batch, &request, 1);
    rpc_batch_send_close(batch);
}

struct slice rpc_client_core_details(const struct rpc_batch *batch) {
    struct slice details = SLICE_EMPTY;
    rpc_metadata_array_find(&batch->trailing_metadata, "grpc-status-details-bin", &details);
    return details;
}

const struct error *rpc_client_core_error(const struct rpc_client_core *core, struct arena *a,
                                          const struct rpc_batch *batch) {
    struct slice details = SLICE_EMPTY;
    int code = (int)batch->status;
    if (code != STATUS_OK || core->channel->errors_in_trailers) {
        details = rpc_client_core_details(batch);
    }
    if (code == STATUS_OK && details.len > 0) {
        code = status_details_code(details);
    }
    if (code == STATUS_OK) {
        return NULL;
    }
    struct slice message = rpc_slice_view(&batch->status_message);
    const struct rpc_channel *channel = core->channel;
    bool is_cancelled = atomic_load(&core->cancelled);
    // In process there is our own server, and core makes up an end for a call that was
    // cancelled, or whose deadline passed, only.
    bool is_made_up =
        channel->is_in_process
            ? code == STATUS_CANCELLED || code == STATUS_DEADLINE_EXCEEDED ||
                  code == STATUS_UNAVAILABLE
            : (is_cancelled && code == STATUS_CANCELLED) ||
                  !client_error_is_peers(batch->core_error, message, channel->core_limit);
    if (details.len > 0 || !is_made_up) {
        return status_details_decode(a, code, message, details);
    }
    return client_error_made_up(a, code, message, channel->core_limit,
                                core->is_read || client_error_is_unsent(batch->core_error, message),
                                is_cancelled);
}

const struct error *rpc_client_core_metadata_error(struct arena *a) {
    return client_error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID,
                            "the call's metadata has a key or a value that HTTP does not allow");
}

const struct error *rpc_client_core_too_large(struct arena *a,
                                              const struct rpc_client_method *method) {
    return client_error_new(
        a, STATUS_RESOURCE_EXHAUSTED, REASON_RESPONSE_TOO_LARGE,
        arena_printf(a, "the reply is larger than %zu bytes", method->channel->max_reply_bytes));
}

const struct error *rpc_client_core_take_message(struct arena *a, struct rpc_client_method *method,
                                                 struct rpc_batch *batch, struct rpc_message *ret) {
    grpc_byte_buffer *message = batch->message;
    batch->message = NULL;
    switch (rpc_message_take(message, method->channel->max_reply_bytes, ret)) {
    case RPC_MESSAGE_OK:
        return NULL;
    case RPC_MESSAGE_TOO_LARGE:
        return rpc_client_core_too_large(a, method);
    case RPC_MESSAGE_MALFORMED:
        break;
    }
    return client_error_new(a, STATUS_INTERNAL, REASON_RESPONSE_MALFORMED,
                            "the server's compressed reply cannot be decompressed");
}
