#include <errno.h>
#include <grpc/grpc_security.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/socket_file.h"
#include "rpc/server_internal.h"
#include "rpc/target.h"

// Where a server listens. gRPC core says nothing but yes or no when it is asked
// to bind, so the reason is found here.

static void close_fd(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
}

#define CLEANUP_FD CLEANUP(close_fd)

// --- unix ---

static const char *why_not_unix(const char *path) {
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sun = socket_file_address(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0) {
        return strerror(errno);
    }
    unlink(path);
    return "gRPC core refused it";
}

static const struct error *listen_unix(struct rpc_server *server, struct arena *a,
                                       const struct address *address,
                                       grpc_server_credentials *credentials) {
    const struct error *error = socket_file_remove_stale(a, address);
    if (error != NULL) {
        return error;
    }
    mode_t before = umask(SOCKET_FILE_UMASK);
    int bound =
        grpc_server_add_http2_port(server->core, rpc_listen_target(a, address), credentials);
    umask(before);
    if (bound == 0) {
        return listen_error(a, address, why_not_unix(address->path));
    }
    struct rpc_listener *listener = mem_zalloc(sizeof(*listener));
    socket_file_remember(address->path, &listener->file);
    listener->next = server->listeners;
    server->listeners = listener;
    return NULL;
}

void rpc_listeners_free(struct rpc_listener *list) {
    while (list != NULL) {
        struct rpc_listener *next = list->next;
        socket_file_remove(&list->file);
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
            why = listen_error_text(errno);
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
        return listen_error(a, address, why_not_tcp(a, address));
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
