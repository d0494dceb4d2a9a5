#ifndef RUNSD_SERVER_DOMAIN_IDEMPOTENCY_H
#define RUNSD_SERVER_DOMAIN_IDEMPOTENCY_H

#include <protobuf-c/protobuf-c.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "storage/idempotency.h"

// Under which key a request may be repeated, and which requests are the same one. Pure.

enum { IDEMPOTENCY_LONGEST_KEY = 255 };

// A request with a key.
struct keyed_request {
    struct slice organization;
    struct slice token;      // its name, which a rotation keeps
    const char *key;         // that idempotency_check_key has taken
    const char *method_path; // "/runs.v1.RunsService/CancelRun"
    const ProtobufCMessage *message;
    // Numbers of its fields that two requests may differ in and still be the same one: that of the
    // key, and what only says how to answer. Ends with 0.
    const uint32_t *left_out;
};

// Checks a key: 1 to 255 bytes, printable ASCII, no space at the ends. INVALID_ARGUMENT /
// FIELD_INVALID of the field "requestId", in a.
const struct error *idempotency_check_key(struct arena *a, const char *key);

// What the store looks for; a is for temporary memory. The name is a digest of organization, token
// and key. The fingerprint is one of the method and of the message as it was decoded: the order of
// fields on the wire, and that of the keys of free-form objects, do not matter, nor do fields that
// are not known or hold the default that they have when unset. Numbers of free-form objects are
// doubles: 1 and 1.0 are the same, 0 and -0 are not, as they are not when they are read back.
// oldest_us is 0.
struct idempotency idempotency_of(struct arena *a, const struct keyed_request *request);

#endif
