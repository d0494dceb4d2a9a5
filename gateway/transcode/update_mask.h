#ifndef RUNSD_GATEWAY_TRANSCODE_UPDATE_MASK_H
#define RUNSD_GATEWAY_TRANSCODE_UPDATE_MASK_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/descriptor/schema.h"

// PATCH changes the fields that the JSON body names, unless the request has a mask of
// its own: the mask is inferred. Source: AIP-134 ("update_mask"), and the rule of
// grpc-gateway: the body is one field of the request, and the request has exactly one
// singular field of google.protobuf.FieldMask. Pure.

// Returns the field of a request that holds the mask; NULL if there is none, or more than
// one.
const struct schema_field *update_mask_field(const struct schema_message *request,
                                             const struct schema_field *body);

// Whether request bytes have a mask with at least one path.
bool update_mask_is_given(const struct schema_field *mask, struct slice request);

// Appends the mask of a JSON value of the field body, which json_read_field has taken,
// to request bytes: the proto path of every key, and for nested messages the paths of their
// keys instead. Lists, maps, empty objects, null and messages whose JSON is special give
// one path for the whole field. What is ignored, unknown keys and words of enums, gives no path.
// Returns false, with nothing appended, if all that the body has is ignored: without a mask an
// upstream would replace what is set, which are the messages around it.
bool update_mask_infer(struct arena *a, const struct schema_field *mask,
                       const struct schema_field *body, struct slice json, struct strbuf *out);

#endif
