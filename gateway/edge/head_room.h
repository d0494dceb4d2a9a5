#ifndef RUNSD_GATEWAY_EDGE_HEAD_ROOM_H
#define RUNSD_GATEWAY_EDGE_HEAD_ROOM_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/options.h"

// How much memory the head of a request may take of its connection, whose buffer has
// exactly this room for it (gateway/connection/connection_memory.h): the bytes as they were
// sent, and an entry in the list of headers for each. Pure.

enum {
    HEAD_ROOM_ENTRY_BYTES = 64, // of libmicrohttpd 0.9.75, for each header
    // Beyond the head's own bytes, for those entries: 96 headers of any size, and more
    // if they are short.
    HEAD_ROOM_ENTRIES_BYTES = 96 * HEAD_ROOM_ENTRY_BYTES,
};

// How many bytes there are for a head and its entries.
static inline size_t head_room_size(const struct gateway_limits *limits) {
    return limits->header_bytes + HEAD_ROOM_ENTRIES_BYTES;
}

// How many of them a head of so many bytes and headers takes.
static inline size_t head_room_needed(size_t head_bytes, size_t header_count) {
    return head_bytes + header_count * HEAD_ROOM_ENTRY_BYTES;
}

// Whether they are enough for such a head.
static inline bool head_room_holds(const struct gateway_limits *limits, size_t head_bytes,
                                   size_t header_count) {
    return head_room_needed(head_bytes, header_count) <= head_room_size(limits);
}

#endif
