#ifndef RUNSD_SERVER_SERVICE_CALL_KEY_H
#define RUNSD_SERVER_SERVICE_CALL_KEY_H

#include <protobuf-c/protobuf-c.h>

#include "server/service/service_call.h"
#include "storage/idempotency.h"
#include "storage/run_record.h"

// The key under which a call may be repeated: its request's request_id.

// Sets *ret_key to what the store looks for, and cause to be under the key, if request_id is one;
// "" is none, and leaves both as they are. request is the decoded message, and left_out as struct
// keyed_request has it. Borrows request_id. INVALID_ARGUMENT / FIELD_INVALID:
// idempotency_check_key.
const struct error *call_key_set(const struct service_call *call, const char *request_id,
                                 const ProtobufCMessage *request, const uint32_t *left_out,
                                 struct idempotency *ret_key, struct event_cause *cause);

// Has the reply say that it is that of an earlier call with the key. Before the reply, or before
// the call waits for it.
void call_key_mark_replayed(struct service_call *call);

#endif
