#include "server/service/tokens_service.h"

#include "base/core/request_id.h"
#include "runs/v1/tokens_service.pb-c.h"
#include "server/domain/message_guard.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_errors.h"
#include "server/domain/run_validate.h"
#include "server/service/service_call.h"

// --- what is told of a token ---

static Google__Protobuf__Timestamp *instant(struct arena *a, int64_t us) {
    if (us == 0) {
        return NULL;
    }
    Google__Protobuf__Timestamp *t = ARENA_NEW(a, Google__Protobuf__Timestamp);
    google__protobuf__timestamp__init(t);
    t->seconds = us / 1000000;
    t->nanos = (int32_t)(us % 1000000 * 1000);
    return t;
}

// The words of the scopes, of which there are *ret_count.
static char **scope_words(struct arena *a, uint32_t scopes, size_t *ret_count) {
    char **words = ARENA_ARRAY(a, char *, SCOPE_COUNT);
    for (int i = 0; i < SCOPE_COUNT; i++) {
        if ((scopes & 1u << i) != 0) {
            words[(*ret_count)++] = arena_cstr(a, slice_of_cstr(scope_word(i)));
        }
    }
    return words;
}

static Runs__V1__Token *token_message(struct arena *a, const struct token_record *record) {
    Runs__V1__Token *token = ARENA_NEW(a, Runs__V1__Token);
    runs__v1__token__init(token);
    token->organization_id = arena_cstr(a, record->organization);
    token->name = arena_cstr(a, record->name);
    token->scopes = scope_words(a, record->scopes, &token->n_scopes);
    token->created_at = instant(a, record->created_at_us);
    token->expires_at = instant(a, record->expires_at_us);
    token->revoked_at = instant(a, record->revoked_at_us);
    return token;
}

static void reply_message(struct service_call *call, const ProtobufCMessage *message) {
    struct slice bytes = message_pack(call->arena, message);
    service_call_reply(call, &bytes, 1);
}

static const struct error *check_name(struct arena *a, const char *field, const char *name) {
    if (name_is_valid(name)) {
        return NULL;
    }
    return field_error(a, field, "must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, got \"%.200s\"", name);
}

static const struct error *about_token(struct service_call *call, enum status_code code,
                                       enum reason reason, const char *what,
                                       struct slice organization, struct slice name) {
    struct error *e = error_new(call->arena, code, reason, "%s \"%.*s\" of organization \"%.*s\"",
                                what, SLICE_FMT(name), SLICE_FMT(organization));
    e->resource_type = "runs.v1.Token";
    e->resource_name =
        arena_printf(call->arena, "%.*s/%.*s", SLICE_FMT(organization), SLICE_FMT(name));
    return e;
}

// --- CreateToken ---

static void token_created(struct service_call *call) {
    const struct token_record *record = &call->op.token_create.in;
    if (call->op.result == STORE_EXISTS) {
        service_call_fail(call, about_token(call, STATUS_ALREADY_EXISTS,
                                            REASON_TOKEN_ALREADY_EXISTS, "there is already a token",
                                            record->organization, record->name));
        return;
    }
    token_table_put(call->service->tokens, record);
    Runs__V1__CreateTokenResponse response = RUNS__V1__CREATE_TOKEN_RESPONSE__INIT;
    response.secret = call->token_secret;
    response.token = token_message(call->arena, record);
    reply_message(call, &response.base);
}

static const struct error *read_scopes(struct arena *a, const Runs__V1__CreateTokenRequest *request,
                                       uint32_t *ret_scopes) {
    if (request->n_scopes == 0) {
        return field_error(a, "scopes", "must hold at least one scope");
    }
    for (size_t i = 0; i < request->n_scopes; i++) {
        uint32_t scope = scope_parse(request->scopes[i]);
        if (scope == 0) {
            return field_error(a, arena_printf(a, "scopes[%zu]", i),
                               "must be runs.read, runs.cancel, runs.create, runs.report or "
                               "tokens.admin, got \"%.200s\"",
                               request->scopes[i]);
        }
        *ret_scopes |= scope;
    }
    return NULL;
}

static const struct error *decide_create(struct service_call *call, struct slice bytes) {
    struct arena *a = call->arena;
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(a, &runs__v1__create_token_request__descriptor, bytes, &message);
    if (error != NULL) {
        return error;
    }
    const Runs__V1__CreateTokenRequest *request = (const Runs__V1__CreateTokenRequest *)message;
    call->op.kind = STORE_TOKEN_CREATE;
    struct token_record *in = &call->op.token_create.in;
    in->created_at_us = service_now_us(call->service);
    error = check_name(a, "organizationId", request->organization_id);
    if (error == NULL && request->name[0] != '\0') {
        error = check_name(a, "name", request->name);
    }
    if (error == NULL) {
        error = read_scopes(a, request, &in->scopes);
    }
    if (error != NULL) {
        return error;
    }
    if (request->expires_at != NULL &&
        (!timestamp_from_message(request->expires_at, &in->expires_at_us) ||
         in->expires_at_us <= in->created_at_us)) {
        return field_error(a, "expiresAt", "must be an instant in the future");
    }
    char *name = arena_alloc(a, UUID_TEXT_SIZE);
    uuid_make(name);
    in->organization = slice_of_cstr(request->organization_id);
    in->name = slice_of_cstr(request->name[0] != '\0' ? request->name : name);
    char *secret = arena_alloc(a, TOKEN_TEXT_SIZE);
    token_make(secret);
    token_hash(slice_of_cstr(secret), in->hash);
    call->token_secret = secret;
    return NULL;
}

static void create_token(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_TOKENS_ADMIN, decide_create, token_created);
}

// --- ListTokens ---

static void tokens_listed(struct service_call *call) {
    const struct store_token_list *list = &call->op.token_list;
    Runs__V1__ListTokensResponse response = RUNS__V1__LIST_TOKENS_RESPONSE__INIT;
    response.tokens = ARENA_ARRAY(call->arena, Runs__V1__Token *, list->ret_count);
    for (int i = 0; i < list->ret_count; i++) {
        response.tokens[response.n_tokens++] = token_message(call->arena, &list->ret_tokens[i]);
    }
    reply_message(call, &response.base);
}

static const struct error *decide_list(struct service_call *call, struct slice bytes) {
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(call->arena, &runs__v1__list_tokens_request__descriptor, bytes, &message);
    if (error != NULL) {
        return error;
    }
    const char *organization = ((const Runs__V1__ListTokensRequest *)message)->organization_id;
    call->op.kind = STORE_TOKEN_LIST;
    call->op.token_list.organization = slice_of_cstr(organization);
    return organization[0] == '\0' ? NULL : check_name(call->arena, "organizationId", organization);
}

static void list_tokens(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_TOKENS_ADMIN, decide_list, tokens_listed);
}

// --- RevokeToken ---

static void token_revoked(struct service_call *call) {
    const struct store_token_revoke *revoke = &call->op.token_revoke;
    if (call->op.result == STORE_NOT_FOUND) {
        service_call_fail(call,
                          about_token(call, STATUS_NOT_FOUND, REASON_TOKEN_NOT_FOUND,
                                      "there is no token", revoke->organization, revoke->name));
        return;
    }
    token_table_put(call->service->tokens, &revoke->ret);
    reply_message(call, &token_message(call->arena, &revoke->ret)->base);
}

static const struct error *decide_revoke(struct service_call *call, struct slice bytes) {
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(call->arena, &runs__v1__revoke_token_request__descriptor, bytes, &message);
    if (error != NULL) {
        return error;
    }
    const Runs__V1__RevokeTokenRequest *request = (const Runs__V1__RevokeTokenRequest *)message;
    call->op.kind = STORE_TOKEN_REVOKE;
    struct store_token_revoke *revoke = &call->op.token_revoke;
    revoke->organization = slice_of_cstr(request->organization_id);
    revoke->name = slice_of_cstr(request->name);
    revoke->at_us = service_now_us(call->service);
    error = check_name(call->arena, "organizationId", request->organization_id);
    return error != NULL ? error : check_name(call->arena, "name", request->name);
}

static void revoke_token(void *service, struct rpc_server_call *rpc) {
    service_call_serve(service, rpc, SCOPE_TOKENS_ADMIN, decide_revoke, token_revoked);
}

// --- GetCaller ---

// Answered from the table of tokens, so at once, whatever the store does.
static void get_caller(void *service, struct rpc_server_call *rpc) {
    struct service_call *call = service_call_begin(service, rpc, SCOPE_NONE);
    if (call == NULL) {
        return;
    }
    ProtobufCMessage *message = NULL;
    const struct error *error =
        message_unpack(call->arena, &runs__v1__get_caller_request__descriptor,
                       rpc_server_call_request(rpc), &message);
    if (error != NULL) {
        service_call_fail(call, error);
        return;
    }
    const struct identity *identity = &call->identity;
    Runs__V1__Caller caller = RUNS__V1__CALLER__INIT;
    caller.organization_id = arena_cstr(call->arena, call->organization);
    caller.name = arena_cstr(call->arena, slice_of_cstr(identity->name));
    caller.scopes = scope_words(call->arena, identity->scopes, &caller.n_scopes);
    caller.expires_at = instant(call->arena, identity->expires_at_us);
    reply_message(call, &caller.base);
}

void tokens_service_methods(struct service *service, struct rpc_method *ret_methods) {
    const struct rpc_method methods[TOKENS_SERVICE_METHODS] = {
        {.path = "/runs.v1.TokensService/CreateToken", .handle = create_token, .service = service},
        {.path = "/runs.v1.TokensService/ListTokens",
         .handle = list_tokens,
         .service = service,
         .is_read = true},
        {.path = "/runs.v1.TokensService/RevokeToken", .handle = revoke_token, .service = service},
        {.path = "/runs.v1.TokensService/GetCaller",
         .handle = get_caller,
         .service = service,
         .is_read = true},
    };
    memcpy(ret_methods, methods, sizeof(methods));
}
