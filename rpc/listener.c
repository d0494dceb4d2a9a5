#include <errno.h>
#include <grpc/grpc_security.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "rpc/server_internal.h"
#include "rpc/target.h"

// Where a server listens. gRPC core says nothing but yes or no when it is asked
// to bind, so the reason is found here.

enum { SOCKET_UMASK = 0117 }; // leaves 0660

static const struct error *cannot_listen(struct arena *a, const struct address *address,
                                         const char *why) {
    return error_new(a, STATUS_UNAVAILABLE, NULL, "cannot listen on \"%s\": %s", address->text,
                     why);
}

static void close_fd(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
}

#define CLEANUP_FD CLEANUP(close_fd)

// --- unix ---

static struct sockaddr_un unix_address(const char *path) {
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
    return sun;
}

// Removes a socket file that nobody listens at any more.
static const struct error *remove_stale(struct arena *a, const struct address *address) {
    struct stat st;
    if (lstat(address->path, &st) != 0) {
        // Another error than ENOENT will come again when the file is made.
        return NULL;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return cannot_listen(a, address, "there is a file that is no socket");
    }
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return cannot_listen(a, address, strerror(errno));
    }
    struct sockaddr_un sun = unix_address(address->path);
    if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 || errno == EAGAIN) {
        return cannot_listen(a, address, "another server listens there");
    }
    if (errno != ECONNREFUSED) {
        return cannot_listen(a, address, strerror(errno));
    }
    if (unlink(address->path) != 0 && errno != ENOENT) {
        return cannot_listen(a, address, strerror(errno));
    }
    return NULL;
}

static const char *why_not_unix(const char *path) {
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sun = unix_address(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0) {
        return strerror(errno);
    }
    unlink(path);
    return "gRPC core refused it";
}

static const struct error *listen_unix(struct rpc_server *server, struct arena *a,
                                       const struct address *address,
                                       grpc_server_credentials *credentials) {
    const struct error *error = remove_stale(a, address);
    if (error != NULL) {
        return error;
    }
    // The file must never be open to others, not even for the moment until a
    // chmod; umask is the one way to that.
    mode_t before = umask(SOCKET_UMASK);
    int bound =
        grpc_server_add_http2_port(server->core, rpc_listen_target(a, address), credentials);
    umask(before);
    if (bound == 0) {
        return cannot_listen(a, address, why_not_unix(address->path));
    }
    struct rpc_listener *listener = mem_zalloc(sizeof(*listener));
    struct stat st;
    if (lstat(address->path, &st) == 0) {
        listener->path = mem_strdup(address->path);
        listener->device = st.st_dev;
        listener->inode = st.st_ino;
    }
    listener->next = server->listeners;
    server->listeners = listener;
    return NULL;
}

void rpc_listeners_free(struct rpc_listener *list) {
    while (list != NULL) {
        struct rpc_listener *next = list->next;
        struct stat st;
        if (list->path != NULL && lstat(list->path, &st) == 0 && st.st_dev == list->device &&
            st.st_ino == list->inode) {
            unlink(list->path);
        }
        free(list->path);
        free(list);
        list = next;
    }
}

// --- TCP ---

static const char *why_not_tcp(struct arena *a, const struct address *address) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(address->host, arena_printf(a, "%d", address->port), &hints, &found);
    if (r != 0) {
        return arena_printf(a, "the host is unknown (%s)", gai_strerror(r));
    }
    const char *why = "gRPC core refused it";
    for (const struct addrinfo *i = found; i != NULL; i = i->ai_next) {
        CLEANUP_FD int fd = socket(i->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int yes = 1;
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
            bind(fd, i->ai_addr, i->ai_addrlen) != 0 || listen(fd, 1) != 0) {
            why =
                errno == EADDRINUSE ? "the address is in use by another program" : strerror(errno);
            break;
        }
    }
    freeaddrinfo(found);
    return why;
}

static const struct error *listen_tcp(struct rpc_server *server, struct arena *a,
                                      const struct address *address,
                                      grpc_server_credentials *credentials, int *ret_port) {
    int port = grpc_server_add_http2_port(server->core, rpc_listen_target(a, address), credentials);
    if (port == 0) {
        return cannot_listen(a, address, why_not_tcp(a, address));
    }
    *ret_port = port;
    return NULL;
}

const struct error *rpc_server_listen(struct rpc_server *server, struct arena *a,
                                      const struct address *address, int *ret_port) {
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    const struct error *error;
    if (address->kind == ADDRESS_UNIX) {
        error = listen_unix(server, a, address, credentials);
        if (error == NULL) {
            *ret_port = 0;
        }
    } else {
        error = listen_tcp(server, a, address, credentials, ret_port);
    }
    grpc_server_credentials_release(credentials);
    return error;
}
