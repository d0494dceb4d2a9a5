#include "server/service/token_reply.h"

#include "server/domain/message_guard.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_error.h"
#include "server/service/token_limits.h"

Google__Protobuf__Timestamp *token_reply_instant(struct arena *a, int64_t us) {
    if (us == 0) {
        return NULL;
    }
    Google__Protobuf__Timestamp *t = ARENA_NEW(a, Google__Protobuf__Timestamp);
    google__protobuf__timestamp__init(t);
    t->seconds = us / 1000000;
    t->nanos = (int32_t)(us % 1000000 * 1000);
    return t;
}

char **token_reply_scopes(struct arena *a, uint32_t scopes, size_t *ret_count) {
    char **words = ARENA_ARRAY(a, char *, SCOPE_COUNT);
    size_t count = 0;
    for (int i = 0; i < SCOPE_COUNT; i++) {
        if ((scopes & 1u << i) != 0) {
            words[count++] = arena_cstr(a, slice_of_cstr(scope_word(i)));
        }
    }
    *ret_count = count;
    return words;
}

static Runs__V1__TokenSecret *secret_of(struct arena *a, int64_t created_at_us,
                                        int64_t expires_at_us, int64_t last_used_at_us) {
    Runs__V1__TokenSecret *secret = ARENA_NEW(a, Runs__V1__TokenSecret);
    runs__v1__token_secret__init(secret);
    secret->created_at = token_reply_instant(a, created_at_us);
    secret->expires_at = token_reply_instant(a, expires_at_us);
    secret->last_used_at = token_reply_instant(a, last_used_at_us - last_used_at_us % 1000000);
    return secret;
}

static void add_secrets(struct arena *a, const struct token_record *record,
                        Runs__V1__Token *token) {
    token->secrets = ARENA_ARRAY(a, Runs__V1__TokenSecret *, 2);
    int64_t since_us = record->rotations > 0 ? record->rotated_at_us : record->created_at_us;
    token->secrets[token->n_secrets++] =
        secret_of(a, since_us, record->expires_at_us, record->last_used_at_us);
    if (record->rotations > 0) {
        const struct token_secret *previous = &record->previous;
        token->secrets[token->n_secrets++] = secret_of(
            a, previous->created_at_us, previous->expires_at_us, previous->last_used_at_us);
    }
}

Runs__V1__Token *token_reply_token(const struct service_call *call, struct token_record *record) {
    struct arena *a = call->arena;
    token_table_complete(call->service->tokens, record);
    Runs__V1__Token *token = ARENA_NEW(a, Runs__V1__Token);
    runs__v1__token__init(token);
    token->organization_id = arena_cstr(a, record->organization);
    token->name = arena_cstr(a, record->name);
    token->scopes = token_reply_scopes(a, record->scopes, &token->n_scopes);
    token->created_at = token_reply_instant(a, record->created_at_us);
    token->expires_at = token_reply_instant(a, record->expires_at_us);
    token->revoked_at = token_reply_instant(a, record->revoked_at_us);
    add_secrets(a, record, token);
    token->denied_calls = record->denials;
    token->refused_calls = record->refusals;
    token->client_san = arena_cstr(a, record->client_san);
    token->limits = token_limits_reply(a, &record->limits);
    return token;
}

const struct error *token_reply_read_end(const struct service_call *call,
                                         const Google__Protobuf__Timestamp *expires_at,
                                         int64_t *ret_us) {
    int64_t end_us;
    if (expires_at == NULL) {
        return NULL;
    }
    if (!run_timestamp_decode(expires_at, &end_us) || end_us <= service_now_us(call->service)) {
        return run_error_field(call->arena, "expiresAt", "must be a time in the future");
    }
    *ret_us = end_us;
    return NULL;
}

void token_reply(struct service_call *call, const ProtobufCMessage *message) {
    struct slice bytes = message_pack(call->arena, message);
    service_call_reply(call, &bytes, 1);
}

void token_reply_name_resource(struct error *e, struct arena *a, struct slice organization,
                               struct slice name) {
    e->resource_type = "runs.v1.Token";
    e->resource_name = arena_printf(a, "%.*s/%.*s", SLICE_FMT(organization), SLICE_FMT(name));
}

const struct error *token_reply_error(struct arena *a, enum status_code code, enum reason reason,
                                      const char *what, struct slice organization,
                                      struct slice name) {
    struct error *e = error_new(a, code, reason, "%s \"%.*s\" of organization \"%.*s\"", what,
                                SLICE_FMT(name), SLICE_FMT(organization));
    token_reply_name_resource(e, a, organization, name);
    return e;
}

const struct error *token_reply_not_found(const struct service_call *call,
                                          struct slice organization, struct slice name) {
    return token_reply_error(call->arena, STATUS_NOT_FOUND, REASON_TOKEN_NOT_FOUND,
                             "there is no token", organization, name);
}
