#include "base/net/inherited_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/core/strbuf.h"

static const struct error *refuse(struct arena *a, const struct address *address, const char *why) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "cannot listen on \"%s\": %s",
                     address->text, why);
}

// What systemd handed over, to who looks for something else.
static const char *list_names(struct arena *a, char *const *names, int count) {
    if (count <= 0) {
        return "systemd handed over no socket: is the program started by its .socket unit's "
               "service?";
    }
    struct strbuf text = STRBUF_INIT;
    strbuf_append_cstr(&text, "systemd handed over no socket of this name, but ");
    for (int i = 0; i < count; i++) {
        strbuf_append_cstr(&text, i == 0 ? "\"" : ", \"");
        strbuf_append_cstr(&text, names[i]);
        strbuf_append_cstr(&text, "\"");
    }
    const char *kept = arena_cstr(a, strbuf_slice(&text));
    strbuf_release(&text);
    return kept;
}

static const struct error *take_tcp(struct arena *a, const struct sockaddr *bound, socklen_t length,
                                    struct address *address) {
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    int r = getnameinfo(bound, length, host, sizeof(host), port, sizeof(port),
                        NI_NUMERICHOST | NI_NUMERICSERV);
    if (r != 0) {
        return refuse(a, address, gai_strerror(r));
    }
    address->kind = ADDRESS_TCP;
    address->host = arena_cstr(a, slice_of_cstr(host));
    address->port = (int)strtol(port, NULL, 10);
    return NULL;
}

static const struct error *take_unix(struct arena *a, const struct sockaddr_un *bound,
                                     struct address *address) {
    if (bound->sun_path[0] == '\0') {
        return refuse(a, address, "it is a unix socket without a file");
    }
    address->kind = ADDRESS_UNIX;
    address->path =
        arena_cstr(a, slice_of(bound->sun_path, strnlen(bound->sun_path, sizeof(bound->sun_path))));
    return NULL;
}

// Fills in where fd listens.
static const struct error *take(struct arena *a, int fd, struct address *address) {
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_storage room;
    } bound = {.room = {0}};
    socklen_t length = sizeof(bound);
    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 ||
        getsockname(fd, &bound.any, &length) != 0) {
        return refuse(a, address,
                      "it takes no connections: the unit needs ListenStream= without "
                      "Accept=yes");
    }
    const struct error *error;
    switch (bound.any.sa_family) {
    case AF_INET:
    case AF_INET6:
        error = take_tcp(a, &bound.any, length, address);
        break;
    case AF_UNIX:
        error = take_unix(a, &bound.local, address);
        break;
    default:
        error = refuse(a, address, "it is neither of TCP nor a unix socket");
    }
    if (error == NULL) {
        address->inherited = fd;
    }
    return error;
}

static void free_names(char **names, int count) {
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

const struct error *inherited_socket_find(struct arena *a, struct address *address) {
    if (address->kind != ADDRESS_SYSTEMD) {
        return NULL;
    }
    char **names = NULL;
    int count = sd_listen_fds_with_names(0, &names);
    int found = -1;
    int matches = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], address->name) == 0) {
            found = i;
            matches++;
        }
    }
    const struct error *error;
    if (matches == 1) {
        error = take(a, SD_LISTEN_FDS_START + found, address);
    } else {
        error =
            refuse(a, address,
                   matches == 0 ? list_names(a, names, count)
                                : arena_printf(a,
                                               "systemd handed over %d sockets of this name, and "
                                               "one is needed",
                                               matches));
    }
    free_names(names, count);
    return error;
}
