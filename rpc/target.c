#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "rpc/target_internal.h"

static const char *escaped(struct arena *a, const char *text) {
    char *result = arena_alloc(a, strlen(text) * 3 + 1);
    char *end = result;
    for (const char *p = text; *p != '\0'; p++) {
        if (isalnum((unsigned char)*p) || strchr("/.-_:", *p) != NULL) {
            *end++ = *p;
        } else {
            end += sprintf(end, "%%%02X", (unsigned)(unsigned char)*p);
        }
    }
    *end = '\0';
    return result;
}

static const char *unix_target(struct arena *a, const struct address *address) {
    return arena_printf(a, "unix:%s", escaped(a, address->path));
}

static bool is_ipv6(const struct address *address) {
    return strchr(address->host, ':') != NULL;
}

const char *rpc_target(struct arena *a, const struct address *address) {
    if (address->kind == ADDRESS_UNIX) {
        return unix_target(a, address);
    }
    const char *host = escaped(a, address->host);
    if (is_ipv6(address)) {
        return arena_printf(a, "ipv6:%%5B%s%%5D:%d", host, address->port);
    }
    struct in_addr v4;
    bool is_ipv4 = inet_pton(AF_INET, address->host, &v4) == 1;
    return arena_printf(a, "%s:%s:%d", is_ipv4 ? "ipv4" : "dns", host, address->port);
}
