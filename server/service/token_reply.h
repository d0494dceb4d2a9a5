#ifndef RUNSD_SERVER_SERVICE_TOKEN_REPLY_H
#define RUNSD_SERVER_SERVICE_TOKEN_REPLY_H

#include "runs/v1/tokens_service.pb-c.h"
#include "server/service/service_call.h"

// What several methods read and reply about tokens. All in the arena.

// us as a message; NULL for 0, which is "never".
Google__Protobuf__Timestamp *token_instant(struct arena *a, int64_t us);

// The words of the scopes, bits of enum scope; *ret_count says how many there are.
char **token_scope_words(struct arena *a, uint32_t scopes, size_t *ret_count);

// The token as the API shows it: without its secret and hash.
Runs__V1__Token *token_message(struct arena *a, const struct token_record *record);

// Replies with the message; the call must not be touched after it.
void token_reply(struct service_call *call, const ProtobufCMessage *message);

// INVALID_ARGUMENT / FIELD_INVALID unless name, the value of field, is 1 to 128 of
// A-Z a-z 0-9 . _ ~ -.
const struct error *token_check_name(struct arena *a, const char *field, const char *name);

// An error about the token of that name: "WHAT "NAME" of organization "ORGANIZATION"".
const struct error *token_error(struct arena *a, enum status_code code, enum reason reason,
                                const char *what, struct slice organization, struct slice name);

#endif
