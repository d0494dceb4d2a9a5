#include "server/service/service_method.h"
#include "server/service/token_reply.h"

// Answered from the table of tokens, so at once, whatever the store does.
static const struct error *serve(struct service_call *call, const void *request) {
    (void)request; // it has no fields
    const struct identity *identity = &call->identity;
    Runs__V1__Caller caller = RUNS__V1__CALLER__INIT;
    caller.organization_id = arena_cstr(call->arena, call->organization);
    caller.name = arena_cstr(call->arena, slice_of_cstr(identity->name));
    caller.scopes = token_reply_scopes(call->arena, identity->scopes, &caller.n_scopes);
    caller.expires_at = token_reply_instant(call->arena, identity->expires_at_us);
    caller.replaced_at = token_reply_instant(call->arena, identity->replaced_at_us);
    if (identity->client_name != NULL) {
        caller.client_san = arena_cstr(call->arena, slice_of_cstr(identity->client_name));
    }
    token_reply(call, &caller.base);
    return NULL;
}

const struct service_method get_caller_method = {
    .path = "/runs.v1.TokensService/GetCaller",
    .scope = SCOPE_NONE,
    .is_read = true,
    .request_type = &runs__v1__get_caller_request__descriptor,
    .call_bytes = sizeof(struct service_call),
    .serve = serve,
};
