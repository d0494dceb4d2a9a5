#include <stdio.h>
#include <string.h>

#include "rpc/client_error_internal.h"

// gRPC core 1.51 says this of every status that arrives with a stream's end, and its
// HTTP/2 transport makes such an end up when a connection or a stream breaks. Nothing
// else distinguishes the two: not the metadata, the call, nor the channel.
static const char from_peer[] = "Error received from peer";

// How the messages begin that its transport then makes up. The deadline's is the server's
// core's as well, whose clock may be first: it means the same.
static const char *const transport_texts[] = {
    "Deadline Exceeded",
    "Socket closed",
    "Stream removed",
    "GOAWAY received",
    "Received RST_STREAM with error code ",
    "Endpoint read failed",
    "Endpoint already shutdown",
    "Endpoint closing",
    "Transport closed",
    "Transport destroyed",
    "Transport Stream IDs exhausted",
    "Last stream closed after sending GOAWAY",
    "Delayed close due to in-progress write",
    "keepalive watchdog timeout",
    "recvmsg:",
    "sendmsg",
    "Connection reset by peer",
    "Broken pipe",
    "Too many trailer frames",
    "too many header frames received",
    "transport stream initialization failed",
    "Received http2 header with status",
    "Trying to connect an http1.x server",
};

// How the messages begin of a call that found no connection. (grpc_call_get_peer is no
// evidence: where initial metadata is asked for, it may name the target all along.)
static const char *const unsent_texts[] = {
    "failed to connect to all addresses",
    "empty address list",
    "DNS resolution failed",
};

#define BEGINS_WITH_ONE(message, texts)                                                            \
    begins_with_one(message, texts, sizeof(texts) / sizeof((texts)[0]))

static bool begins_with_one(struct slice message, const char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (slice_starts_with(message, slice_of_cstr(texts[i]))) {
            return true;
        }
    }
    return false;
}

static bool has_arrived(const char *core_error) {
    return core_error != NULL && strstr(core_error, from_peer) != NULL;
}

static bool is_reply_too_large(struct slice message, int core_limit) {
    char end[32];
    size_t n = (size_t)snprintf(end, sizeof(end), " vs. %d)", core_limit);
    return slice_starts_with(message, slice_of_cstr("Received message larger than max")) &&
           message.len >= n && memcmp(message.data + message.len - n, end, n) == 0;
}

bool client_error_is_peers(const char *core_error, struct slice message, int core_limit) {
    return has_arrived(core_error) && !is_reply_too_large(message, core_limit) &&
           !BEGINS_WITH_ONE(message, transport_texts);
}

bool client_error_is_unsent(const char *core_error, struct slice message) {
    // A refused stream, of which nothing was processed (RFC 9113 section 8.7), and one above the
    // last that a GOAWAY names, or that had not been sent then (section 6.8): core gives no other
    // stream this message.
    return slice_equal_cstr(message, "Received RST_STREAM with error code 7") ||
           slice_equal_cstr(message, "GOAWAY received") ||
           (core_error != NULL && !has_arrived(core_error) &&
            BEGINS_WITH_ONE(message, unsent_texts));
}

struct error *client_error_new(struct arena *a, enum status_code code, enum reason reason,
                               const char *message) {
    struct error *e = error_new(a, code, reason, "%s", message);
    e->domain = REASON_DOMAIN_GATEWAY;
    return e;
}

static struct error *deadline_error(struct arena *a, bool nothing_changed) {
    return nothing_changed
               ? client_error_new(a, STATUS_DEADLINE_EXCEEDED, REASON_DEADLINE_PASSED,
                                  "the deadline passed; nothing was changed")
               : client_error_new(a, STATUS_DEADLINE_EXCEEDED, REASON_OUTCOME_UNKNOWN,
                                  "the deadline passed before the server answered; whether a "
                                  "change was made is not known");
}

static struct error *connection_error(struct arena *a, bool nothing_changed) {
    return nothing_changed
               ? client_error_new(a, STATUS_UNAVAILABLE, REASON_UPSTREAM_UNREACHABLE,
                                  "the server cannot be reached; nothing was changed")
               : client_error_new(a, STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN,
                                  "the connection to the server broke; whether a change was made "
                                  "is not known");
}

static struct error *make(struct arena *a, int code, struct slice message, int core_limit,
                          bool nothing_changed) {
    switch (code) {
    case STATUS_DEADLINE_EXCEEDED:
        return deadline_error(a, nothing_changed);
    case STATUS_UNAVAILABLE:
    case STATUS_CANCELLED: // a reset stream: this side did not cancel
    case STATUS_UNKNOWN:
        return connection_error(a, nothing_changed);
    case STATUS_RESOURCE_EXHAUSTED:
        // The other one is a reset stream, which says nothing of the call.
        return is_reply_too_large(message, core_limit)
                   ? client_error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_RESPONSE_TOO_LARGE,
                                      "the reply is larger than the client takes")
                   : connection_error(a, nothing_changed);
    default:
        return client_error_new(a, (enum status_code)code, REASON_RESPONSE_MALFORMED,
                                "what the server answered is no gRPC");
    }
}

struct error *client_error_made_up(struct arena *a, int code, struct slice message, int core_limit,
                                   bool nothing_changed, bool is_cancelled) {
    struct error *e = is_cancelled
                          ? client_error_new(a, STATUS_CANCELLED, REASON_REQUEST_CANCELLED,
                                             "the call was cancelled before the server answered")
                          : make(a, code, message, core_limit, nothing_changed);
    // gRPC core's own words hold addresses and errno texts: not for the public.
    e->detail = arena_cstr(a, message);
    return e;
}
