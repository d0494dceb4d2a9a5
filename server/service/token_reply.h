#ifndef RUNSD_SERVER_SERVICE_TOKEN_REPLY_H
#define RUNSD_SERVER_SERVICE_TOKEN_REPLY_H

#include "runs/v1/tokens_service.pb-c.h"
#include "server/service/service_call.h"

// What several methods reply about tokens. All of it lives in the arena a.

// us as a message; NULL for 0, which is "never".
Google__Protobuf__Timestamp *token_reply_instant(struct arena *a, int64_t us);

// The words of the scopes, bits of enum scope; *ret_count says how many there are.
char **token_reply_scopes(struct arena *a, uint32_t scopes, size_t *ret_count);

// The token as the API shows it: without its secrets and hashes. Raises the uses in record to
// those of the table of tokens, which are newer than the store's.
Runs__V1__Token *token_reply_token(const struct service_call *call, struct token_record *record);

// Reads when a secret is to end, in microseconds; NULL leaves *ret_us. INVALID_ARGUMENT:
// expiresAt is not in the future.
const struct error *token_reply_read_end(const struct service_call *call,
                                         const Google__Protobuf__Timestamp *expires_at,
                                         int64_t *ret_us);

// Replies with the message; the call must not be touched after it.
void token_reply(struct service_call *call, const ProtobufCMessage *message);

// Names the token as what the error is about.
void token_reply_name_resource(struct error *e, struct arena *a, struct slice organization,
                               struct slice name);

// An error about the token of that name: "WHAT "NAME" of organization "ORGANIZATION"".
const struct error *token_reply_error(struct arena *a, enum status_code code, enum reason reason,
                                      const char *what, struct slice organization,
                                      struct slice name);

// NOT_FOUND / TOKEN_NOT_FOUND, in the call's arena: the same for a token that the caller may not
// know of.
const struct error *token_reply_not_found(const struct service_call *call,
                                          struct slice organization, struct slice name);

#endif
