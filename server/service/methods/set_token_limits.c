#include "storage/op/set_token_limits.h"

#include "base/core/container_of.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"
#include "server/service/token_limits.h"
#include "server/service/token_reply.h"

struct set_token_limits_call {
    struct service_call call;
    struct store_set_token_limits set;
};

static void stored(struct service_call *call) {
    struct store_set_token_limits *set =
        &CONTAINER_OF(call, struct set_token_limits_call, call)->set;
    if (set->op.result == STORE_NOT_FOUND) {
        service_call_fail(call, token_reply_not_found(call, set->organization, set->name));
        return;
    }
    token_table_set_limits(call->service->tokens, &set->ret);
    token_reply(call, &token_reply_token(call, &set->ret)->base);
}

static const struct error *serve(struct service_call *call, const void *message) {
    const Runs__V1__SetTokenLimitsRequest *request = message;
    struct store_set_token_limits *set =
        &CONTAINER_OF(call, struct set_token_limits_call, call)->set;
    set->op.kind = &store_set_token_limits_kind;
    const struct error *error =
        run_validate_name(call->arena, "organizationId", request->organization_id);
    if (error == NULL) {
        error = run_validate_name(call->arena, "name", request->name);
    }
    if (error == NULL) {
        error = token_limits_read(call->arena, request->limits, &set->limits);
    }
    if (error != NULL) {
        return error;
    }
    set->organization = slice_of_cstr(request->organization_id);
    set->name = slice_of_cstr(request->name);
    service_call_store(call, &set->op, stored);
    return NULL;
}

// Not for tokens.admin.own: no organization raises limits that are its own.
const struct service_method set_token_limits_method = {
    .path = "/runs.v1.TokensService/SetTokenLimits",
    .scope = SCOPE_TOKENS_ADMIN,
    .request_type = &runs__v1__set_token_limits_request__descriptor,
    .call_bytes = sizeof(struct set_token_limits_call),
    .serve = serve,
};
