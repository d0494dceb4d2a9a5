#ifndef RUNSD_GATEWAY_ADMISSION_ADMISSION_H
#define RUNSD_GATEWAY_ADMISSION_ADMISSION_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// How many upstream calls may be under way at once. Beyond what the upstream can do
// more of them only wait longer, so the rest is refused while that costs little. A part
// is kept for requests that change something: reads cannot take it.
//
// Used on the HTTP thread only.
struct admission {
    const char *what; // "calls in flight", for the client
    int limit;        // at least 1
    int reserved;     // of limit; 0: reads may have all
    int count;        // under way
};

// Whether the method is safe (RFC 9110, 9.2.1): GET, HEAD, OPTIONS or TRACE.
bool admission_is_safe(struct slice method);

// Whether a request of the method may call upstream now: NULL, or RESOURCE_EXHAUSTED,
// OVERLOADED, in a, with the retry delay and in the metadata "limit": how many may be
// under way at most when such a request comes. For safe methods that is limit - reserved.
struct error *admission_check(const struct admission *admission, struct arena *a,
                              struct slice method);

// A call begins, which admission_check allowed.
void admission_enter(struct admission *admission);

// It is over.
void admission_leave(struct admission *admission);

#endif
