#include "server/service/token_reply.h"

#include "server/domain/message_guard.h"

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

Runs__V1__Token *token_reply_token(struct arena *a, const struct token_record *record) {
    Runs__V1__Token *token = ARENA_NEW(a, Runs__V1__Token);
    runs__v1__token__init(token);
    token->organization_id = arena_cstr(a, record->organization);
    token->name = arena_cstr(a, record->name);
    token->scopes = token_reply_scopes(a, record->scopes, &token->n_scopes);
    token->created_at = token_reply_instant(a, record->created_at_us);
    token->expires_at = token_reply_instant(a, record->expires_at_us);
    token->revoked_at = token_reply_instant(a, record->revoked_at_us);
    return token;
}

void token_reply(struct service_call *call, const ProtobufCMessage *message) {
    struct slice bytes = message_pack(call->arena, message);
    service_call_reply(call, &bytes, 1);
}

const struct error *token_reply_error(struct arena *a, enum status_code code, enum reason reason,
                                      const char *what, struct slice organization,
                                      struct slice name) {
    struct error *e = error_new(a, code, reason, "%s \"%.*s\" of organization \"%.*s\"", what,
                                SLICE_FMT(name), SLICE_FMT(organization));
    e->resource_type = "runs.v1.Token";
    e->resource_name = arena_printf(a, "%.*s/%.*s", SLICE_FMT(organization), SLICE_FMT(name));
    return e;
}
