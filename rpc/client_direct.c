#include "base/core/container_of.h"
#include "rpc/client_core_internal.h"
#include "rpc/client_direct_internal.h"
#include "rpc/client_error_internal.h"
#include "rpc/loop_internal.h"
#include "rpc/server_direct_internal.h"
#include "rpc/server_intake_internal.h"
#include "rpc/status_details.h"

// --- metadata ---

void client_direct_copy_metadata(struct arena *a, const struct rpc_metadata *pairs, int count,
                                 struct rpc_metadata *ret) {
    for (int i = 0; i < count; i++) {
        ret[i].key = arena_cstr(a, slice_of_cstr(pairs[i].key));
        ret[i].value = arena_copy(a, pairs[i].value);
    }
}

bool client_direct_find_metadata(const struct rpc_metadata *pairs, int count, const char *key,
                                 struct slice *ret_value) {
    for (int i = 0; i < count; i++) {
        if (strcmp(key, pairs[i].key) == 0) {
            *ret_value = pairs[i].value;
            return true;
        }
    }
    return false;
}

// --- the end ---

static void keep_metadata(struct client_direct *d) {
    int head_count = d->direct.head_metadata_count;
    int count = head_count + d->direct.reply_metadata_count;
    if (count == 0) {
        return;
    }
    d->metadata = ARENA_ARRAY(d->arena, struct rpc_metadata, count);
    d->metadata_count = count;
    client_direct_copy_metadata(d->arena, d->direct.head_metadata, head_count, d->metadata);
    client_direct_copy_metadata(d->arena, d->direct.reply_metadata, count - head_count,
                                d->metadata + head_count);
}

static void answered(struct rpc_direct *direct, struct rpc_message *reply, struct slice details) {
    struct client_direct *d = CONTAINER_OF(direct, struct client_direct, direct);
    rpc_timeouts_remove(&d->timeout);
    d->response = *reply;
    keep_metadata(d);
    if (details.len > 0) {
        d->status_details = arena_copy(d->arena, details);
        d->error = status_details_decode(d->arena, status_details_code(d->status_details),
                                         SLICE_EMPTY, d->status_details);
    } else if (reply->bytes.len > d->method->channel->max_reply_bytes) {
        client_direct_release(d);
        d->error = rpc_client_core_too_large(d->arena, d->method);
    }
    d->done(d);
}

static void expire(struct rpc_timeout *timeout) {
    struct client_direct *d = CONTAINER_OF(timeout, struct client_direct, timeout);
    rpc_server_direct_leave(&d->direct);
    bool is_cancelled = atomic_load(&d->is_cancelled);
    // The detail is what gRPC core says of other calls.
    d->error =
        client_error_made_up(d->arena, is_cancelled ? STATUS_CANCELLED : STATUS_DEADLINE_EXCEEDED,
                             slice_of_cstr(is_cancelled ? "CANCELLED" : "Deadline Exceeded"), 0,
                             d->is_read, is_cancelled);
    d->done(d);
}

void client_direct_release(struct client_direct *d) {
    rpc_message_release(&d->response);
}

// --- the start ---

// What gRPC core checks of other calls: Header-Name and ASCII-Value of gRPC's PROTOCOL-HTTP2.
static bool is_legal_key(struct slice key) {
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.data[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return key.len > 0;
}

static bool is_legal_text(struct slice text) {
    bool is_illegal = false;
    for (size_t i = 0; i < text.len; i++) {
        is_illegal |= (uint8_t)(text.data[i] - ' ') > '~' - ' ';
    }
    return !is_illegal;
}

static bool is_binary_key(struct slice key) {
    return key.len >= 4 && memcmp(key.data + key.len - 4, "-bin", 4) == 0;
}

static bool is_legal(const struct rpc_metadata *pair) {
    struct slice key = slice_of_cstr(pair->key);
    return is_legal_key(key) && (is_binary_key(key) || is_legal_text(pair->value));
}

const struct error *client_direct_check_metadata(struct arena *a, const struct rpc_direct *direct) {
    for (int i = 0; i < direct->metadata_count; i++) {
        if (!is_legal(&direct->metadata[i])) {
            return rpc_client_core_metadata_error(a);
        }
    }
    return NULL;
}

bool client_direct_serves(const struct rpc_client_method *method) {
    return method->direct != NULL && method->direct->method->kind == RPC_UNARY;
}

void client_direct_start(struct client_direct *d) {
    d->error = rpc_client_core_check(d->arena, d->direct.deadline_us, &d->is_cancelled);
    if (d->error == NULL) {
        d->error = client_direct_check_metadata(d->arena, &d->direct);
    }
    if (d->error != NULL) {
        d->done(d);
        return;
    }
    d->is_begun = true;
    d->direct.answered = answered;
    d->timeout.due_us = d->direct.deadline_us;
    d->timeout.expire = expire;
    struct rpc_channel *channel = d->method->channel;
    rpc_timeouts_add(&channel->loop->timeouts, &d->timeout);
    rpc_server_intake_take_direct(channel->direct_server, d->method->direct, &d->direct);
}

void client_direct_cancel(struct client_direct *d) {
    atomic_store(&d->is_cancelled, true);
    rpc_loop_cancel_timeout(d->method->channel->loop, &d->timeout);
}
