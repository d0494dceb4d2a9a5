#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <string.h>

#include "base/core/memory.h"
#include "rpc/server_direct_internal.h"
#include "rpc/server_long_poll_internal.h"

bool rpc_server_direct_serves(const struct rpc_server *server, const struct rpc_loop *loop) {
    return loop == server->loop && rpc_loop_is_local(loop);
}

const struct rpc_acceptor *rpc_server_direct_find(const struct rpc_server *server,
                                                  const char *path) {
    for (size_t i = 0; i < server->acceptor_count; i++) {
        const struct rpc_method *method = server->acceptors[i].method;
        if (method != NULL && method->kind != RPC_BIDI_STREAM && strcmp(method->path, path) == 0) {
            return &server->acceptors[i];
        }
    }
    return NULL;
}

// --- the request ---

static grpc_slice copy(struct arena *a, struct slice bytes) {
    struct slice copied = arena_copy(a, bytes);
    // Not counted, so that nobody releases it: the arena does.
    return grpc_slice_from_static_buffer(copied.data, copied.len);
}

static void fill_metadata(struct rpc_server_call *call, const struct rpc_direct *direct) {
    grpc_metadata_array *array = &call->metadata;
    size_t count = (size_t)direct->metadata_count;
    if (array->capacity < count) {
        array->metadata = gpr_realloc(array->metadata, count * sizeof(*array->metadata));
        array->capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        const struct rpc_metadata *pair = &direct->metadata[i];
        array->metadata[i].key = copy(&call->arena, slice_of_cstr(pair->key));
        array->metadata[i].value = copy(&call->arena, pair->value);
    }
    array->count = count;
}

void rpc_server_direct_fill(struct rpc_server_call *call, struct rpc_direct *direct) {
    call->is_direct = true;
    call->direct = direct;
    direct->call = call;
    call->deadline_us = direct->deadline_us;
    fill_metadata(call, direct);
    rpc_message_copy(&direct->request, 1, &call->request);
}

// --- the answer ---

void rpc_server_direct_answer(struct rpc_server_call *call, struct slice details) {
    struct rpc_direct *direct = call->direct;
    if (direct != NULL) {
        struct rpc_message reply = call->direct_reply;
        call->direct_reply = (struct rpc_message){0};
        call->direct = NULL;
        direct->call = NULL;
        direct->head_metadata = call->head_metadata;
        direct->head_metadata_count = call->head_metadata_count;
        if (details.len == 0) { // else the handler's thread may be setting them
            direct->reply_metadata = call->reply_metadata;
            direct->reply_metadata_count = call->reply_metadata_count;
        }
        direct->answered(direct, &reply, details);
    }
}

void rpc_server_direct_leave(struct rpc_direct *direct) {
    struct rpc_server_call *call = direct->call;
    if (call != NULL) {
        call->direct = NULL;
        direct->call = NULL;
        if (call->direct_events != NULL) {
            call->direct_events->left(call);
        }
        if (call->long_poll != NULL) {
            rpc_server_long_poll_left(call);
        }
    }
}

// --- streams ---

bool rpc_server_direct_send_head(struct rpc_server_call *call) {
    if (call->direct != NULL) {
        call->direct->head_metadata = call->head_metadata;
        call->direct->head_metadata_count = call->head_metadata_count;
        call->direct->head(call->direct);
    }
    return call->direct != NULL;
}

bool rpc_server_direct_send_message(struct rpc_server_call *call, struct rpc_message *message) {
    if (call->direct == NULL) {
        rpc_message_release(message);
        return false;
    }
    call->direct->head_metadata = call->head_metadata;
    call->direct->head_metadata_count = call->head_metadata_count;
    call->direct->message(call->direct, message);
    return true;
}

void rpc_server_direct_taken(struct rpc_direct *direct) {
    if (direct->call != NULL) {
        direct->call->direct_events->taken(direct->call);
    }
}

void rpc_server_direct_part(struct rpc_server_call *call, struct slice details) {
    if (call->direct != NULL) {
        rpc_server_direct_answer(call, details);
        call->direct_events->left(call);
    }
}
