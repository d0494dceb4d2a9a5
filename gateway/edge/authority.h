#ifndef RUNSD_GATEWAY_EDGE_AUTHORITY_H
#define RUNSD_GATEWAY_EDGE_AUTHORITY_H

#include <stdbool.h>

#include "base/core/slice.h"

// Whether s is uri-host [":" port] (RFC 3986 section 3.2, RFC 9110 section 7.2): a name,
// an IPv4 address or an IP literal in brackets, then digits. A user is none of it; the
// name, and the port behind its colon, may be empty. Pure.
bool authority_is_valid(struct slice s);

#endif
