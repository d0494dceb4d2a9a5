#ifndef RUNSD_GATEWAY_EDGE_ERROR_DETAILS_H
#define RUNSD_GATEWAY_EDGE_ERROR_DETAILS_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "base/core/strbuf.h"
#include "gateway/descriptor/schema.h"
#include "gateway/transcode/transcoder.h"

// The JSON of what an upstream's status has in its details: of the types that the
// descriptor sets have, and those of google/rpc/error_details.proto, which are compiled
// in, because most descriptor sets lack them.

// Compiles the types of google/rpc/error_details.proto; freed with schema_free.
struct schema *error_details_schema_new(void);

struct error_details {
    const struct transcoder *transcoder; // asked first
    const struct schema *schema;         // of error_details_schema_new
    struct arena *arena;                 // for temporary use
};

// An rpc_status_message_json whose context is a struct error_details.
bool error_details_json(void *details, struct slice full_name, struct slice message,
                        struct strbuf *out);

#endif
