#include "storage/op/list_tokens.h"

#include "base/core/container_of.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"
#include "server/service/token_admin.h"
#include "server/service/token_reply.h"

struct list_tokens_call {
    struct service_call call;
    struct store_list_tokens list;
};

static void stored(struct service_call *call) {
    struct store_list_tokens *list = &CONTAINER_OF(call, struct list_tokens_call, call)->list;
    Runs__V1__ListTokensResponse response = RUNS__V1__LIST_TOKENS_RESPONSE__INIT;
    response.tokens = ARENA_ARRAY(call->arena, Runs__V1__Token *, list->ret_count);
    for (int i = 0; i < list->ret_count; i++) {
        response.tokens[response.n_tokens++] = token_reply_token(call, &list->ret_tokens[i]);
    }
    token_reply(call, &response.base);
}

static const struct error *serve(struct service_call *call, const void *request) {
    const char *organization = ((const Runs__V1__ListTokensRequest *)request)->organization_id;
    const struct error *error =
        organization[0] == '\0' ? NULL
                                : run_validate_name(call->arena, "organizationId", organization);
    if (error != NULL) {
        return error;
    }
    struct store_list_tokens *list = &CONTAINER_OF(call, struct list_tokens_call, call)->list;
    list->op.kind = &store_list_tokens_kind;
    list->organization = slice_of_cstr(organization);
    if (list->organization.len == 0 && !token_admin_covers(call, SLICE_EMPTY)) {
        list->organization = call->organization;
    }
    if (!token_admin_covers(call, list->organization)) {
        stored(call); // none, as of an organization that has none
        return NULL;
    }
    service_call_store(call, &list->op, stored);
    return NULL;
}

const struct service_method list_tokens_method = {
    .path = "/runs.v1.TokensService/ListTokens",
    .scope = SCOPE_TOKENS_ADMIN_OWN,
    .is_read = true,
    .request_type = &runs__v1__list_tokens_request__descriptor,
    .call_bytes = sizeof(struct list_tokens_call),
    .serve = serve,
};
