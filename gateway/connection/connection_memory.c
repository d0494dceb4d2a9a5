#include "gateway/connection/connection_memory.h"

#include <microhttpd.h>
#include <string.h>

#include "gateway/edge/head_room.h"

enum { REPLY_HEAD_BYTES = 2048 };

static const char cookie[] = "Cookie";

size_t connection_memory_size(const struct gateway_limits *limits) {
    return head_room_size(limits) + REPLY_HEAD_BYTES;
}

void connection_memory_list_less(struct MHD_Connection *connection, const char *target) {
    // The target lies in the connection's buffer, where libmicrohttpd itself is about
    // to put a NUL over the mark.
    char *mark = strchr(target, '?');
    if (mark != NULL) {
        mark[1] = '\0';
    }
    // It reads the cookies of the first such header only, and copies it first.
    MHD_set_connection_value(connection, MHD_HEADER_KIND, cookie, "-");
}

bool connection_memory_is_own(const char *header_name) {
    return header_name == cookie;
}
