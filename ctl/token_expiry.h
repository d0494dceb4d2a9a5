#ifndef RUNSD_CTL_TOKEN_EXPIRY_H
#define RUNSD_CTL_TOKEN_EXPIRY_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "runs/v1/tokens_service.pb-c.h"

// The options --expires-at and --expires-in, of which one may be given.

// Reads when a secret expires into *ret, to which *ret_field points then; *ret_field is left as
// it is if neither option was given (NULL). INVALID_ARGUMENT, in a, naming the option and what
// was given.
const struct error *token_expiry_read(struct arena *a, const char *expires_at,
                                      const char *expires_in, Google__Protobuf__Timestamp *ret,
                                      Google__Protobuf__Timestamp **ret_field);

#endif
