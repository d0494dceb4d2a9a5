#include "storage/op/create_token.h"

#include <string.h>
#include <sys/random.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/request_id.h"
#include "server/auth/client_name.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"
#include "server/service/service_method.h"
#include "server/service/token_admin.h"
#include "server/service/token_limits.h"
#include "server/service/token_reply.h"
#include "storage/run_record.h"

struct create_token_call {
    struct service_call call;
    struct store_create_token create;
    char *secret; // which is nowhere else; NULL: the token has a client name
};

// Whose the name or the client name is that the token was to have.
static const struct error *taken(const struct service_call *call,
                                 const struct store_create_token *create) {
    struct arena *a = call->arena;
    const struct token_record *in = &create->in;
    const struct token_record *other = &create->ret_other;
    if (other->name.len == 0) {
        return token_reply_error(a, STATUS_ALREADY_EXISTS, REASON_TOKEN_ALREADY_EXISTS,
                                 "there is already a token", in->organization, in->name);
    }
    struct error *e = error_new(
        a, STATUS_ALREADY_EXISTS, REASON_TOKEN_ALREADY_EXISTS,
        "the client name \"%.*s\" is that of the token \"%.*s\" of organization \"%.*s\": revoke "
        "that first",
        SLICE_FMT(in->client_san), SLICE_FMT(other->name), SLICE_FMT(other->organization));
    error_add_metadata(e, a, "clientSan", arena_cstr(a, in->client_san));
    token_reply_name_resource(e, a, other->organization, other->name);
    return e;
}

static void stored(struct service_call *call) {
    struct create_token_call *m = CONTAINER_OF(call, struct create_token_call, call);
    struct token_record *record = &m->create.in;
    if (m->create.op.result == STORE_EXISTS) {
        service_call_fail(call, taken(call, &m->create));
        return;
    }
    if (m->create.ret_other.name.len > 0) {
        token_table_put(call->service->tokens, &m->create.ret_other);
    }
    token_table_put(call->service->tokens, record);
    Runs__V1__CreateTokenResponse response = RUNS__V1__CREATE_TOKEN_RESPONSE__INIT;
    if (m->secret != NULL) {
        response.secret = m->secret;
    }
    response.token = token_reply_token(call, record);
    token_reply(call, &response.base);
}

static const struct error *read_scopes(struct arena *a, const Runs__V1__CreateTokenRequest *request,
                                       uint32_t *ret_scopes) {
    if (request->n_scopes == 0) {
        return run_error_field(a, "scopes", "must hold at least one scope");
    }
    for (size_t i = 0; i < request->n_scopes; i++) {
        uint32_t scope = scope_parse(request->scopes[i]);
        if (scope == 0) {
            return run_error_field(a, arena_printf(a, "scopes[%zu]", i),
                                   "must be runs.read, runs.cancel, runs.create, runs.report, "
                                   "runs.delete, tokens.admin, tokens.admin.own or "
                                   "organizations.admin, got \"%.200s\"",
                                   request->scopes[i]);
        }
        *ret_scopes |= scope;
    }
    return NULL;
}

static const struct error *read_record(struct service_call *call,
                                       const Runs__V1__CreateTokenRequest *request,
                                       struct token_record *ret_record) {
    struct arena *a = call->arena;
    ret_record->created_at_us = service_now_us(call->service);
    const struct error *error = run_validate_name(a, "organizationId", request->organization_id);
    if (error == NULL && request->name[0] != '\0') {
        error = run_validate_name(a, "name", request->name);
    }
    if (error == NULL && strcmp(request->name, EVENT_ACTOR_SERVER) == 0) {
        error = run_error_field(a, "name",
                                "must not be \"%s\", as which the server does what it does by "
                                "itself",
                                EVENT_ACTOR_SERVER);
    }
    if (error == NULL) {
        error = read_scopes(a, request, &ret_record->scopes);
    }
    if (error != NULL) {
        return error;
    }
    error = token_reply_read_end(call, request->expires_at, &ret_record->expires_at_us);
    if (error == NULL) {
        error = token_limits_read(a, request->limits, &ret_record->limits);
    }
    ret_record->client_san = slice_of_cstr(request->client_san);
    if (error == NULL && ret_record->client_san.len > 0) {
        const char *problem = client_name_problem(a, ret_record->client_san);
        error = problem != NULL ? run_error_field(a, "clientSan", "%s", problem) : NULL;
    }
    if (error != NULL) {
        return error;
    }
    char *name = arena_alloc(a, UUID_TEXT_SIZE);
    uuid_make(name);
    ret_record->organization = slice_of_cstr(request->organization_id);
    ret_record->name = slice_of_cstr(request->name[0] != '\0' ? request->name : name);
    return NULL;
}

// What is not an organization's own: a client name may be that of another organization's program,
// which would be let in with the scopes, and write where it did not mean to.
static bool is_for_all(const struct token_record *in) {
    return in->client_san.len > 0 || token_limits_are_own(&in->limits);
}

// Gives the token what opens it.
static void make_key(struct create_token_call *m) {
    struct token_record *in = &m->create.in;
    if (in->client_san.len > 0) {
        client_name_hash(in->client_san, in->hash);
        CHECK(getrandom(m->create.retired_hash, TOKEN_HASH_BYTES, 0) == TOKEN_HASH_BYTES);
        return;
    }
    m->secret = arena_alloc(m->call.arena, TOKEN_TEXT_SIZE);
    token_make(m->secret);
    token_hash(slice_of_cstr(m->secret), in->hash);
}

static const struct error *serve(struct service_call *call, const void *request) {
    struct create_token_call *m = CONTAINER_OF(call, struct create_token_call, call);
    m->create.op.kind = &store_create_token_kind;
    struct token_record *in = &m->create.in;
    const struct error *error = read_record(call, request, in);
    if (error != NULL) {
        return error;
    }
    if (!token_admin_covers(call, in->organization) ||
        (in->scopes & token_admin_spared_scopes(call)) != 0 ||
        (is_for_all(in) && !token_admin_covers_all(call))) {
        return token_admin_denied(call);
    }
    make_key(m);
    service_call_store(call, &m->create.op, stored);
    return NULL;
}

const struct service_method create_token_method = {
    .path = "/runs.v1.TokensService/CreateToken",
    .scope = SCOPE_TOKENS_ADMIN_OWN,
    .request_type = &runs__v1__create_token_request__descriptor,
    .call_bytes = sizeof(struct create_token_call),
    .serve = serve,
};
