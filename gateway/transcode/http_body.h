#ifndef RUNSD_GATEWAY_TRANSCODE_HTTP_BODY_H
#define RUNSD_GATEWAY_TRANSCODE_HTTP_BODY_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/descriptor/schema.h"

// google.api.HttpBody: bytes of any media type in place of JSON. Source:
// google/api/httpbody.proto. Pure.

// Whether m is google.api.HttpBody.
bool http_body_is(const struct schema_message *m);

// Whether a field is a singular google.api.HttpBody.
bool http_body_is_field(const struct schema_field *f);

// Appends the message's bytes, without its length.
void http_body_put(struct slice content_type, struct slice data, struct strbuf *out);

// Reads a message's bytes; the results borrow from them. Returns false if they are
// malformed or the media type is no UTF-8.
bool http_body_read(struct slice message, struct slice *ret_content_type, struct slice *ret_data);

// Reads the HttpBody that is the field f of message bytes; the results borrow from them
// or live in a. An unset one is empty.
bool http_body_read_field(struct arena *a, const struct schema_field *f, struct slice message,
                          struct slice *ret_content_type, struct slice *ret_data);

#endif
