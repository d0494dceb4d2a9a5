#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "gateway/http/exchange_internal.h"

// What an exchange holds of the budget for bytes (byte_budget.h). All that it will need is
// taken at its head: the body, the message made of it and gRPC's copy, and what the reply
// may be by the replies of its method so far. What is there in fact replaces it when it is
// known.

enum {
    // A change up to here is let through whatever else is held: a cancel has no body or
    // a short one.
    SMALL_CHANGE_BYTES = 4 << 10,
    // Body, message, and the copy of it that is sent. JSON of numbers alone becomes up to
    // six times as long: that is seen when it was made.
    COPIES = 3,
    RETRY_AFTER_MS = 1000,
};

// --- what a method's reply may be ---

static size_t *reply_estimate(const struct exchange *x) {
    return &x->api->reply_bytes[transcoder_route_method_index(x->routing.match.route)];
}

// Follows larger replies at once and smaller ones slowly.
static void learn_reply(const struct exchange *x, size_t bytes) {
    size_t *estimate = reply_estimate(x);
    *estimate = bytes >= *estimate ? bytes : *estimate - (*estimate - bytes) / 8;
}

// --- whose bytes they are ---

// The client's address; of IPv6 the network, which is what one client has of it. Zero if
// it has none.
static struct byte_peer_key peer_key(struct MHD_Connection *connection) {
    struct byte_peer_key key = {{0}};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        key.bytes[10] = key.bytes[11] = 0xFF;
        memcpy(key.bytes + 12, &v4->sin_addr, sizeof(v4->sin_addr));
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(key.bytes, &v6->sin6_addr, is_mapped ? sizeof(key.bytes) : 8);
    }
    return key;
}

static void name_peer(struct exchange *x, size_t bytes) {
    if (bytes > BYTE_BUDGET_SMALL && x->hold.peer == NULL) {
        const struct byte_peer_key key = peer_key(x->connection);
        byte_budget_count_for(&x->context->budget, &x->hold, &key);
    }
}

// --- room ---

static const struct error *overload_error(struct exchange *x) {
    size_t limit = x->context->budget.limit;
    struct error *e =
        error_new(&x->arena, STATUS_RESOURCE_EXHAUSTED, REASON_OVERLOADED,
                  "There are as many bytes of requests and replies under way as the gateway "
                  "allows: %zu. Nothing was changed.",
                  limit);
    e->domain = exchange_error_domain;
    e->retry_after_ms = RETRY_AFTER_MS;
    error_add_metadata(e, &x->arena, "limit", arena_printf(&x->arena, "%zu", limit));
    x->is_overload = true;
    x->refusal = HTTP_REFUSAL_BUFFERED_BYTES;
    return e;
}

enum MHD_Result exchange_memory_reserve(struct exchange *x, struct MHD_Connection *connection) {
    struct exchange_context *context = x->context;
    size_t body = x->facts.is_chunked ? EXCHANGE_FIRST_CHUNKS_BYTES
                                      : (size_t)x->facts.content_length; // within its limit
    x->chunks_room = EXCHANGE_FIRST_CHUNKS_BYTES;
    x->reserved_for_reply = *reply_estimate(x);
    size_t bytes = COPIES * body + x->reserved_for_reply;
    // What a compressed body becomes is not known.
    x->hold.is_change = body <= SMALL_CHANGE_BYTES && !x->facts.is_chunked && !x->facts.is_gzip &&
                        !admission_is_safe(x->method);
    name_peer(x, bytes);
    if (byte_budget_enter(&context->budget, &x->hold, bytes)) {
        exchange_move(x, EXCHANGE_BODY);
        return MHD_YES;
    }
    x->hold.due_us = clock_monotonic_us() + BYTE_BUDGET_PATIENCE_US;
    exchange_suspend(x, connection, EXCHANGE_WAITING);
    return MHD_YES;
}

void exchange_memory_give_room(struct exchange_context *context, int64_t now_us, bool is_stopping) {
    struct byte_hold *hold;
    while ((hold = byte_budget_next(&context->budget)) != NULL) {
        MHD_resume_connection(CONTAINER_OF(hold, struct exchange, hold)->connection);
    }
    int64_t until_us = is_stopping ? INT64_MAX - 1 : now_us;
    while ((hold = byte_budget_overdue(&context->budget, until_us)) != NULL) {
        struct exchange *x = CONTAINER_OF(hold, struct exchange, hold);
        x->error = is_stopping ? exchange_stopping_error(x, true) : overload_error(x);
        MHD_resume_connection(x->connection);
    }
}

// --- what is there in fact ---

const struct error *exchange_memory_hold_chunks(struct exchange *x) {
    size_t limit = x->context->limits.body_bytes;
    bool is_unknown = exchange_caller_must_ask(x) && limit > EXCHANGE_STRANGERS_BYTES;
    x->chunks_room = is_unknown ? EXCHANGE_STRANGERS_BYTES : limit;
    size_t bytes = COPIES * x->chunks_room + x->reserved_for_reply;
    name_peer(x, bytes);
    return byte_budget_try(&x->context->budget, &x->hold, bytes) ? NULL : overload_error(x);
}

const struct error *exchange_memory_hold_inflated(struct exchange *x, size_t inflated) {
    size_t bytes = x->body.len + COPIES * inflated + x->reserved_for_reply;
    name_peer(x, bytes);
    return byte_budget_try(&x->context->budget, &x->hold, bytes) ? NULL : overload_error(x);
}

const struct error *exchange_memory_hold_message(struct exchange *x, struct slice message) {
    x->request_bytes = arena_bytes(&x->arena) + message.len;
    size_t bytes = x->request_bytes + x->reserved_for_reply;
    name_peer(x, bytes);
    return byte_budget_try(&x->context->budget, &x->hold, bytes) ? NULL : overload_error(x);
}

static void hold(struct exchange *x, size_t bytes) {
    name_peer(x, bytes);
    byte_budget_set(&x->context->budget, &x->hold, bytes);
}

void exchange_memory_hold_reply(struct exchange *x) {
    if (x->call.error == NULL) {
        // The message, gRPC's buffer of it, the body made of it.
        learn_reply(x, 2 * x->call.response.len + x->reply.held_bytes);
    }
    hold(x, arena_bytes(&x->arena) + x->reply.held_bytes);
}

void exchange_memory_hold_stream(struct exchange *x, size_t ready_bytes) {
    learn_reply(x, ready_bytes);
    hold(x, x->request_bytes + ready_bytes);
}

void exchange_memory_hold_nothing(struct exchange *x) {
    byte_budget_leave(&x->context->budget, &x->hold);
}
