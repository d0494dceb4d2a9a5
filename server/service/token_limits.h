#ifndef RUNSD_SERVER_SERVICE_TOKEN_LIMITS_H
#define RUNSD_SERVER_SERVICE_TOKEN_LIMITS_H

#include "runs/v1/tokens_service.pb-c.h"
#include "server/service/service_call.h"
#include "storage/token_record.h"

// A token's limits as messages say them.

// Above it a number is one that was mistyped; all sums of such numbers are far from INT64_MAX.
#define TOKEN_LIMIT_MAX INT64_C(1000000000000000)

// Reads limits, which may be NULL, for none of its own. INVALID_ARGUMENT names the field.
const struct error *token_limits_read(struct arena *a, const Runs__V1__TokenLimits *limits,
                                      struct token_limits *ret_limits);

// Limits as a message in a; NULL if none are the token's own.
Runs__V1__TokenLimits *token_limits_reply(struct arena *a, const struct token_limits *limits);

#endif
