#ifndef RUNSD_GATEWAY_TRANSCODE_REQUEST_KEY_H
#define RUNSD_GATEWAY_TRANSCODE_REQUEST_KEY_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/descriptor/schema.h"

// Under which key a request may be repeated: the field of it that idempotency_key of
// runsd.gateway.v1.field_json marks. Pure.

// Finds the field; NULL where there is none, and of a method that streams. Returns NULL, or why the
// field that is marked cannot be used, in a: it is no string, or one of several.
const char *request_key_find(struct arena *a, const struct schema_method *method,
                             const struct schema_field **ret);

// Sets the field of a request, which is well formed, to the key; in a. Returns false if the request
// has another key, which is *ret_other then: it is not changed.
bool request_key_set(struct arena *a, const struct schema_field *field, struct slice key,
                     struct slice *message, struct slice *ret_other);

#endif
