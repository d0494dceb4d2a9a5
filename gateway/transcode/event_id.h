#ifndef RUNSD_GATEWAY_TRANSCODE_EVENT_ID_H
#define RUNSD_GATEWAY_TRANSCODE_EVENT_ID_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/descriptor/schema.h"

// The ids of a stream's events, and where a client that has seen one goes on: the field of
// its messages that event_id of runsd.gateway.v1.field_json marks, and that of its request which
// last_event_id marks; fields that not_resumed marks are unset then. Source:
// https://html.spec.whatwg.org/#the-last-event-id-header. Pure.

// NULL where there is none.
struct event_ids {
    const struct schema_field *id;      // of the messages: a string, or an integer
    const struct schema_field *last_id; // of the request: what a path variable can be
    const struct schema_message *request;
};

// Finds both; of a method that does not stream its replies, none. Returns NULL, or why a field
// that is marked cannot be used, in a: several in one message, or of a type that is no id.
const char *event_ids_find(struct arena *a, const struct schema_method *method,
                           struct event_ids *ret);

// The id of a message, which is well formed; in a or borrowed from message. Empty if the field
// is not set, or has the value 0.
struct slice event_id_of(struct arena *a, const struct schema_field *id, struct slice message);

// The request, which is well formed, with the field last_id set to text, and without those that
// are not resumed; in a. A value that it had is replaced, since of a field that is there twice the
// last counts. Returns NULL, or why text is no such value.
const char *event_id_resume(struct arena *a, const struct event_ids *ids, struct slice text,
                            struct slice *message);

#endif
