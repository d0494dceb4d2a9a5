#ifndef RUNSD_GATEWAY_CONNECTION_CONNECTION_MEMORY_H
#define RUNSD_GATEWAY_CONNECTION_CONNECTION_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/options.h"

struct MHD_Connection;

// What libmicrohttpd keeps for a connection: a pool of fixed size, in which it parses
// the head in place, lists the headers, buffers the body and writes the reply's head.
// Version 0.9.75 clears the whole pool after each request, so that an idle connection
// costs all of it: it is as small as the largest head that is allowed lets it be.

// The size of a connection's pool: room for the head (gateway/edge/head_room.h) and for the
// reply's.
size_t connection_memory_size(const struct gateway_limits *limits);

// Keeps libmicrohttpd from listing a query's arguments and cookies, which are not
// used, but which cost 64 bytes each, "&" and ";" being enough for one. Call it from
// MHD_OPTION_URI_LOG_CALLBACK when the target was copied: its query is cut off.
void connection_memory_list_less(struct MHD_Connection *connection, const char *target);

// Whether a header is one that connection_memory_list_less added; by address.
bool connection_memory_is_own(const char *header_name);

#endif
