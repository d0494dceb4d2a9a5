#include "storage/op/revoke_token.h"

#include "base/core/container_of.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"
#include "server/service/token_admin.h"
#include "server/service/token_reply.h"

struct revoke_token_call {
    struct service_call call;
    struct store_revoke_token revoke;
};

static void stored(struct service_call *call) {
    struct store_revoke_token *revoke = &CONTAINER_OF(call, struct revoke_token_call, call)->revoke;
    if (revoke->op.result == STORE_NOT_FOUND) {
        service_call_fail(call, token_reply_not_found(call, revoke->organization, revoke->name));
        return;
    }
    if (revoke->op.result == STORE_CONFLICT) {
        service_call_fail(call, token_admin_denied(call));
        return;
    }
    token_table_put(call->service->tokens, &revoke->ret);
    token_reply(call, &token_reply_token(call, &revoke->ret)->base);
}

static const struct error *serve(struct service_call *call, const void *message) {
    const Runs__V1__RevokeTokenRequest *request = message;
    const struct error *error =
        run_validate_name(call->arena, "organizationId", request->organization_id);
    if (error == NULL) {
        error = run_validate_name(call->arena, "name", request->name);
    }
    if (error != NULL) {
        return error;
    }
    struct store_revoke_token *revoke = &CONTAINER_OF(call, struct revoke_token_call, call)->revoke;
    revoke->op.kind = &store_revoke_token_kind;
    revoke->organization = slice_of_cstr(request->organization_id);
    revoke->name = slice_of_cstr(request->name);
    revoke->at_us = service_now_us(call->service);
    revoke->spared_scopes = token_admin_spared_scopes(call);
    if (!token_admin_covers(call, revoke->organization)) {
        return token_reply_not_found(call, revoke->organization, revoke->name);
    }
    service_call_store(call, &revoke->op, stored);
    return NULL;
}

const struct service_method revoke_token_method = {
    .path = "/runs.v1.TokensService/RevokeToken",
    .scope = SCOPE_TOKENS_ADMIN_OWN,
    .request_type = &runs__v1__revoke_token_request__descriptor,
    .call_bytes = sizeof(struct revoke_token_call),
    .serve = serve,
};
