#ifndef RUNSD_GATEWAY_TRANSCODE_CALL_WAIT_H
#define RUNSD_GATEWAY_TRANSCODE_CALL_WAIT_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/descriptor/schema.h"

// How long a call may wait by itself before it is answered: the field of its request that call_wait
// of runsd.gateway.v1.field_json marks. Pure.

enum { CALL_WAIT_MOST_MS = 24 * 60 * 60 * 1000 };

// Finds the field; NULL where there is none, and of a method that streams. Returns NULL, or why the
// field that is marked cannot be used, in a: it is no google.protobuf.Duration, or one of several.
const char *call_wait_find(struct arena *a, const struct schema_method *method,
                           const struct schema_field **ret);

// The milliseconds of the field in a request, which is well formed, rounded up: at most
// CALL_WAIT_MOST_MS, and 0 if it is not set or negative.
int64_t call_wait_ms(const struct schema_field *wait, struct slice message);

#endif
