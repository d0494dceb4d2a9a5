#include "gateway/http/listen_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

enum { SOCKET_UMASK = 0117 }; // leaves 0660

static const int socket_flags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

static const struct error *cannot_listen(struct arena *a, const struct address *address,
                                         const char *why) {
    return error_new(a, STATUS_UNAVAILABLE, NULL, "cannot listen on \"%s\": %s", address->text,
                     why);
}

static const char *why_not(int number) {
    return number == EADDRINUSE ? "the address is in use by another program" : strerror(number);
}

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
        return NULL; // another error than ENOENT comes again when the file is made
    }
    if (!S_ISSOCK(st.st_mode)) {
        return cannot_listen(a, address, "there is a file that is no socket");
    }
    int fd = socket(AF_UNIX, socket_flags, 0);
    if (fd < 0) {
        return cannot_listen(a, address, strerror(errno));
    }
    struct sockaddr_un sun = unix_address(address->path);
    int number = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
    close(fd);
    if (number == 0 || number == EAGAIN) {
        return cannot_listen(a, address, "another program listens there");
    }
    if (number != ECONNREFUSED) {
        return cannot_listen(a, address, strerror(number));
    }
    if (unlink(address->path) != 0 && errno != ENOENT) {
        return cannot_listen(a, address, strerror(errno));
    }
    return NULL;
}

static const struct error *open_unix(struct arena *a, const struct address *address,
                                     struct listen_socket *ret_socket) {
    const struct error *error = remove_stale(a, address);
    if (error != NULL) {
        return error;
    }
    int fd = socket(AF_UNIX, socket_flags, 0);
    if (fd < 0) {
        return cannot_listen(a, address, strerror(errno));
    }
    struct sockaddr_un sun = unix_address(address->path);
    // The file must never be open to others, not even for the moment until a
    // chmod; umask is the one way to that.
    mode_t before = umask(SOCKET_UMASK);
    bool bound = bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0;
    int number = errno;
    umask(before);
    struct stat st;
    if (!bound || listen(fd, SOMAXCONN) != 0 || lstat(address->path, &st) != 0) {
        number = bound ? errno : number;
        close(fd);
        return cannot_listen(a, address, why_not(number));
    }
    *ret_socket = (struct listen_socket){
        .fd = fd, .path = mem_strdup(address->path), .device = st.st_dev, .inode = st.st_ino};
    return NULL;
}

// --- TCP ---

static int bound_port(int fd) {
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof(bound);
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0) {
        return 0;
    }
    return bound.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&bound)->sin6_port)
                                       : ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

// Returns the socket, or -1 with errno set.
static int listen_at(const struct addrinfo *where) {
    int fd = socket(where->ai_family, socket_flags, 0);
    int yes = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) {
        return fd;
    }
    int number = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = number;
    return -1;
}

static const struct error *open_tcp(struct arena *a, const struct address *address,
                                    struct listen_socket *ret_socket) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(address->host, arena_printf(a, "%d", address->port), &hints, &found);
    if (r != 0) {
        return cannot_listen(a, address,
                             arena_printf(a, "the host is unknown (%s)", gai_strerror(r)));
    }
    // A name may have several addresses, of which the machine may have none.
    int fd = -1;
    int number = 0;
    for (const struct addrinfo *i = found; i != NULL && fd < 0; i = i->ai_next) {
        fd = listen_at(i);
        number = errno;
    }
    freeaddrinfo(found);
    if (fd < 0) {
        return cannot_listen(a, address, why_not(number));
    }
    *ret_socket = (struct listen_socket){.fd = fd, .port = bound_port(fd)};
    return NULL;
}

const struct error *listen_socket_open(struct arena *a, const struct address *address,
                                       struct listen_socket *ret_socket) {
    return address->kind == ADDRESS_UNIX ? open_unix(a, address, ret_socket)
                                         : open_tcp(a, address, ret_socket);
}

void listen_socket_close(struct listen_socket *socket) {
    struct stat st;
    if (socket->path != NULL && lstat(socket->path, &st) == 0 && st.st_dev == socket->device &&
        st.st_ino == socket->inode) {
        unlink(socket->path);
    }
    close(socket->fd);
    free(socket->path);
}
