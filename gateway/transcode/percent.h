#ifndef RUNSD_GATEWAY_TRANSCODE_PERCENT_H
#define RUNSD_GATEWAY_TRANSCODE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// Percent-encoding (RFC 3986 section 2.1). Pure.

enum percent_mode {
    PERCENT_ALL,        // decode everything
    PERCENT_KEEP_SLASH, // leave %2F as it is given: for variables of several segments
    PERCENT_FORM,       // also read "+" as a space: for queries
};

// Returns whether each "%" in text is followed by two hex digits; if not, sets
// *ret_at to the offset of the first that is not.
bool percent_valid(struct slice text, size_t *ret_at);

// Decodes valid text once. The result is text itself if nothing had to be
// decoded, else lives in a.
struct slice percent_decode(struct arena *a, struct slice text, enum percent_mode mode);

#endif
