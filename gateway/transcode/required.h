#ifndef RUNSD_GATEWAY_TRANSCODE_REQUIRED_H
#define RUNSD_GATEWAY_TRANSCODE_REQUIRED_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "gateway/descriptor/schema.h"

// Required fields: proto2's, and those with field_presence = LEGACY_REQUIRED. Parsers
// refuse a message that lacks one, so a gateway that sent it would answer for its client's
// fault with its upstream's error. Pure.

// Returns the JSON path of a required field that message bytes of type m lack
// ("part.pieces[1].weight"), in a; NULL if they have all. The bytes are those that the
// gateway wrote; the values of google.protobuf.Any are not looked at.
const char *required_missing(struct arena *a, const struct schema_message *m, struct slice message);

#endif
