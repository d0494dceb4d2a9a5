#ifndef RUNSD_BASE_CORE_REASON_H
#define RUNSD_BASE_CORE_REASON_H

#include "base/core/slice.h"

// Every reason that our errors may have (google.rpc.ErrorInfo.reason), in one list:
// programs branch on these, so neither a name nor its meaning ever changes. What each
// means stands in protos/runs/v1/error_reason.proto, docs/API.md and
// protos/runsd/gateway/v1/gateway_error_reason.proto; tests/e2e/test_reasons.py holds them
// against each other.

// google.rpc.ErrorInfo.domain: the server's, and the gateway's for the errors that the
// gateway itself makes.
#define REASON_DOMAIN_RUNS    "runs.v1"
#define REASON_DOMAIN_GATEWAY "gateway.v1"

// X(name, http_status): http_status replaces the HTTP status of the error's code where
// HTTP has a more specific one for the reason; 0 where it has none.
//
// The server's reasons, numbered as runs.v1.ErrorReason.
#define REASONS_OF_RUNS(X)                                                                         \
    X(TOKEN_MISSING, 0)                                                                            \
    X(TOKEN_INVALID, 0)                                                                            \
    X(SCOPE_MISSING, 0)                                                                            \
    X(FIELD_INVALID, 0)                                                                            \
    X(MESSAGE_MALFORMED, 0)                                                                        \
    X(RUN_NOT_FOUND, 0)                                                                            \
    X(RUN_ALREADY_EXISTS, 0)                                                                       \
    X(RUN_ALREADY_FINISHED, 0)                                                                     \
    X(TOKEN_NOT_FOUND, 0)                                                                          \
    X(TOKEN_ALREADY_EXISTS, 0)                                                                     \
    X(QUEUE_FULL, 0)                                                                               \
    X(STORE_UNAVAILABLE, 0)                                                                        \
    X(SERVER_STOPPING, 0)                                                                          \
    X(DEADLINE_PASSED, 0)                                                                          \
    X(METHOD_UNKNOWN, 0)                                                                           \
    X(INTERNAL_ERROR, 0)                                                                           \
    X(DISK_FULL, 0)                                                                                \
    X(STORE_LOCKED, 0)                                                                             \
    X(OUTCOME_UNKNOWN, 0)                                                                          \
    X(MESSAGE_TOO_LARGE, 0)                                                                        \
    X(SERVICE_UNKNOWN, 0)                                                                          \
    X(REQUEST_CANCELLED, 0)                                                                        \
    X(TOKEN_ENDED, 0)                                                                              \
    X(CURSOR_EXPIRED, 410)                                                                         \
    X(ATTEMPT_STALE, 0)                                                                            \
    X(RUN_NOT_CANCELLED, 0)                                                                        \
    X(RUN_NOT_HELD, 0)                                                                             \
    X(IDEMPOTENCY_KEY_REUSED, 422)                                                                 \
    X(RUN_CHANGED, 0)                                                                              \
    X(READ_ONLY, 0)                                                                                \
    X(PARENT_CANCELLED, 0)                                                                         \
    X(RUN_NOT_FINISHED, 0)                                                                         \
    X(BULK_CANCEL_NOT_FOUND, 0)                                                                    \
    X(BULK_CANCEL_LIMIT, 0)                                                                        \
    X(BULK_CANCEL_ENDED, 0)                                                                        \
    X(ORGANIZATION_NOT_FOUND, 0)                                                                   \
    X(ORGANIZATION_NOT_FROZEN, 0)                                                                  \
    X(RATE_LIMITED, 0)                                                                             \
    X(QUOTA_EXCEEDED, 0)                                                                           \
    X(TOKEN_WITHOUT_SECRET, 0)                                                                     \
    X(STORE_UNREACHABLE, 0)                                                                        \
    X(STORE_FROZEN, 0)

// The gateway's own reasons, numbered as runsd.gateway.v1.ErrorReason.
#define REASONS_OF_GATEWAY(X)                                                                      \
    X(BODY_INVALID, 0)                                                                             \
    X(BODY_TOO_LARGE, 413)                                                                         \
    X(CONTENT_ENCODING_UNSUPPORTED, 415)                                                           \
    X(EXPECTATION_FAILED, 417)                                                                     \
    X(HEADERS_TOO_LARGE, 431)                                                                      \
    X(HEADER_INVALID, 400)                                                                         \
    X(MEDIA_TYPE_UNSUPPORTED, 415)                                                                 \
    X(METHOD_NOT_ALLOWED, 405)                                                                     \
    X(OVERLOADED, 0)                                                                               \
    X(PATH_INVALID, 0)                                                                             \
    X(QUERY_INVALID, 0)                                                                            \
    X(REQUEST_TIMEOUT, 408)                                                                        \
    X(RESPONSE_MALFORMED, 0)                                                                       \
    X(ROUTE_NOT_FOUND, 404)                                                                        \
    X(STREAMING_UNSUPPORTED, 0)                                                                    \
    X(URL_TOO_LONG, 414)                                                                           \
    X(UPSTREAM_UNREACHABLE, 0)                                                                     \
    X(UPSTREAM_STATUS, 0)                                                                          \
    X(RESPONSE_TOO_LARGE, 502)                                                                     \
    X(ORIGIN_NOT_ALLOWED, 0)

// Why a program does not start or does not take a new configuration; never in a reply.
#define REASONS_OF_START(X)                                                                        \
    X(DESCRIPTOR_INVALID, 0)                                                                       \
    X(HTTP_RULE_INVALID, 0)

enum reason {
    REASON_NONE = 0,
#define REASON_ENUMERATOR(name, http_status) REASON_##name,
    REASONS_OF_RUNS(REASON_ENUMERATOR) REASONS_OF_GATEWAY(REASON_ENUMERATOR)
        REASONS_OF_START(REASON_ENUMERATOR)
#undef REASON_ENUMERATOR
            REASON_COUNT
};

// The reason as it is sent: "RUN_NOT_FOUND". NULL for REASON_NONE.
const char *reason_name(enum reason reason);

// The HTTP status that replaces that of the error's code; 0 if there is none.
int reason_http_status(enum reason reason);

// The reason of that name; REASON_NONE if it is none of ours.
enum reason reason_find(struct slice name);

#endif
