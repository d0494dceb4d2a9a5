#include "storage/op/rotate_token.h"

#include "base/core/container_of.h"
#include "base/core/timestamp.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"
#include "server/service/token_admin.h"
#include "server/service/token_reply.h"

// Longer than that it would be a second token for good.
enum { OVERLAP_DAYS_MAX = 90, OVERLAP_HOURS = 24, HOUR_S = 3600 };
#define OVERLAP_S_MAX ((int64_t)OVERLAP_DAYS_MAX * 24 * HOUR_S)

struct rotate_token_call {
    struct service_call call;
    struct store_rotate_token rotate;
    char *secret; // which is nowhere else
};

// Why the token is not rotated, which it is as in token.
static const struct error *conflict(const struct service_call *call,
                                    const struct token_record *token) {
    struct arena *a = call->arena;
    if ((token->scopes & token_admin_spared_scopes(call)) != 0) {
        return token_admin_denied(call);
    }
    if (token->client_san.len > 0) {
        struct error *e = error_new(
            a, STATUS_FAILED_PRECONDITION, REASON_TOKEN_WITHOUT_SECRET,
            "the token \"%.*s\" of organization \"%.*s\" has no secret to rotate: the certificate "
            "with the name \"%.*s\" opens it; replace that with the same name",
            SLICE_FMT(token->name), SLICE_FMT(token->organization), SLICE_FMT(token->client_san));
        token_reply_name_resource(e, a, token->organization, token->name);
        return e;
    }
    bool is_revoked = token->revoked_at_us != 0;
    struct error *e = error_new(
        a, STATUS_FAILED_PRECONDITION, REASON_TOKEN_ENDED,
        is_revoked ? "the token \"%.*s\" of organization \"%.*s\" is revoked"
                   : "the token \"%.*s\" of organization \"%.*s\" has expired: give expiresAt, too",
        SLICE_FMT(token->name), SLICE_FMT(token->organization));
    char *at = arena_alloc(a, TIMESTAMP_TEXT_SIZE);
    timestamp_format_us(is_revoked ? token->revoked_at_us : token->expires_at_us, at);
    error_add_metadata(e, a, is_revoked ? "revokedAt" : "expiredAt", at);
    token_reply_name_resource(e, a, token->organization, token->name);
    return e;
}

static void stored(struct service_call *call) {
    struct rotate_token_call *m = CONTAINER_OF(call, struct rotate_token_call, call);
    struct store_rotate_token *rotate = &m->rotate;
    switch (rotate->op.result) {
    case STORE_NOT_FOUND:
        service_call_fail(call, token_reply_not_found(call, rotate->organization, rotate->name));
        return;
    case STORE_OK:
        break;
    case STORE_CONFLICT:
        service_call_fail(call, conflict(call, &rotate->ret));
        return;
    default: // 256 random bits were those of another secret
        service_call_fail(call, error_new(call->arena, STATUS_INTERNAL, REASON_INTERNAL_ERROR,
                                          "the new secret is another token's; nothing was "
                                          "changed"));
        return;
    }
    token_table_put(call->service->tokens, &rotate->ret);
    Runs__V1__RotateTokenResponse response = RUNS__V1__ROTATE_TOKEN_RESPONSE__INIT;
    response.secret = m->secret;
    response.token = token_reply_token(call, &rotate->ret);
    token_reply(call, &response.base);
}

// Rounds up to a microsecond: what is more than 0 must not be at once.
static const struct error *read_overlap(struct arena *a, const Google__Protobuf__Duration *overlap,
                                        int64_t *ret_us) {
    if (overlap == NULL) {
        *ret_us = (int64_t)OVERLAP_HOURS * HOUR_S * 1000000;
        return NULL;
    }
    bool is_within = overlap->seconds >= 0 && overlap->nanos >= 0 && overlap->nanos < 1000000000 &&
                     overlap->seconds <= OVERLAP_S_MAX &&
                     (overlap->seconds < OVERLAP_S_MAX || overlap->nanos == 0);
    if (!is_within) {
        const char *nanos =
            overlap->nanos == 0 ? "" : arena_printf(a, " and %d nanoseconds", (int)overlap->nanos);
        return run_error_field(a, "overlap", "must be from 0s to %llds (%d days), got %llds%s",
                               (long long)OVERLAP_S_MAX, OVERLAP_DAYS_MAX,
                               (long long)overlap->seconds, nanos);
    }
    *ret_us = overlap->seconds * 1000000 + (overlap->nanos + 999) / 1000;
    return NULL;
}

static const struct error *read_request(struct service_call *call,
                                        const Runs__V1__RotateTokenRequest *request,
                                        struct store_rotate_token *rotate) {
    struct arena *a = call->arena;
    const struct error *error = run_validate_name(a, "organizationId", request->organization_id);
    if (error == NULL) {
        error = run_validate_name(a, "name", request->name);
    }
    if (error == NULL) {
        error = read_overlap(a, request->overlap, &rotate->overlap_us);
    }
    if (error == NULL) {
        error = token_reply_read_end(call, request->expires_at, &rotate->expires_at_us);
    }
    rotate->organization = slice_of_cstr(request->organization_id);
    rotate->name = slice_of_cstr(request->name);
    return error;
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct rotate_token_call *m = CONTAINER_OF(call, struct rotate_token_call, call);
    struct store_rotate_token *rotate = &m->rotate;
    rotate->op.kind = &store_rotate_token_kind;
    const struct error *error = read_request(call, request, rotate);
    if (error != NULL) {
        return error;
    }
    if (!token_admin_covers(call, rotate->organization)) {
        return token_reply_not_found(call, rotate->organization, rotate->name);
    }
    rotate->at_us = service_now_us(call->service);
    rotate->spared_scopes = token_admin_spared_scopes(call);
    m->secret = arena_alloc(call->arena, TOKEN_TEXT_SIZE);
    token_make(m->secret);
    token_hash(slice_of_cstr(m->secret), rotate->hash);
    service_call_store(call, &rotate->op, stored);
    return NULL;
}

const struct service_method rotate_token_method = {
    .path = "/runs.v1.TokensService/RotateToken",
    .scope = SCOPE_TOKENS_ADMIN_OWN,
    .request_type = &runs__v1__rotate_token_request__descriptor,
    .call_bytes = sizeof(struct rotate_token_call),
    .serve = serve,
};
