#include "base/net/listen_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core/check.h"
#include "base/core/memory.h"

// Of a name's addresses.
enum { CHECKED_ADDRESSES = 8 };

enum { SOCKET_FILE_MODE = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP };

static const int socket_flags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

static const struct error *open_unix(struct arena *a, const struct address *address,
                                     struct listen_socket *ret_socket) {
    const struct error *error = socket_file_remove_stale(a, address);
    if (error != NULL) {
        return error;
    }
    int fd = socket(AF_UNIX, socket_flags, 0);
    if (fd < 0) {
        return listen_error(a, address, strerror(errno));
    }
    struct sockaddr_un sun = socket_file_address(address->path);
    // The socket's own mode, less the umask, is the file's from its first moment on: never
    // open to others. The umask, which is of all threads, is left alone.
    if (fchmod(fd, SOCKET_FILE_MODE) != 0 ||
        bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0) {
        int number = errno;
        close(fd);
        return listen_error(a, address, listen_error_text(number));
    }
    if (chmod(address->path, SOCKET_FILE_MODE) != 0 || listen(fd, SOMAXCONN) != 0) {
        int number = errno;
        unlink(address->path);
        close(fd);
        return listen_error(a, address, strerror(number));
    }
    *ret_socket = (struct listen_socket){.fd = fd};
    socket_file_remember(address->path, &ret_socket->file);
    return NULL;
}

// --- TCP ---

static int bound_port(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t length = sizeof(bound);
    if (getsockname(fd, &bound.any, &length) != 0) {
        return 0;
    }
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

// Sets the port of an address to that of the name's other addresses.
static void set_port(struct sockaddr *where, int port) {
    if (where->sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)where)->sin6_port = htons((uint16_t)port);
    } else {
        ((struct sockaddr_in *)where)->sin_port = htons((uint16_t)port);
    }
}

// Returns the socket, which listens with room for so many waiting clients unless that is 0, or -1
// with errno set.
static int listen_at(const struct addrinfo *where, int waiting) {
    int fd = socket(where->ai_family, socket_flags, 0);
    int yes = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        bind(fd, where->ai_addr, where->ai_addrlen) == 0 &&
        (waiting == 0 || listen(fd, waiting) == 0)) {
        return fd;
    }
    int number = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = number;
    return -1;
}

// Whether the machine lacks this address: it may have only some of a name's addresses.
static bool is_not_ours(int number) {
    return number == EADDRNOTAVAIL || number == EAFNOSUPPORT;
}

// Listens, with room for so many waiting clients, at up to `most` of the addresses found; with
// room for none it only binds. Returns how many; 0 with *ret_number, an
// errno, if there are none or one cannot be bound for another reason than that the
// machine has no such address.
static size_t listen_at_all(const struct addrinfo *found, int waiting,
                            struct listen_socket *ret_sockets, size_t most, int *ret_number) {
    size_t count = 0;
    *ret_number = EADDRNOTAVAIL;
    for (const struct addrinfo *i = found; i != NULL && count < most; i = i->ai_next) {
        if (count > 0) {
            set_port(i->ai_addr, ret_sockets[0].port);
        }
        int fd = listen_at(i, waiting);
        if (fd >= 0) {
            ret_sockets[count++] = (struct listen_socket){.fd = fd, .port = bound_port(fd)};
        } else if (!is_not_ours(errno)) {
            *ret_number = errno;
            while (count > 0) {
                close(ret_sockets[--count].fd);
            }
            return 0;
        }
    }
    return count;
}

static const struct error *open_tcp(struct arena *a, const struct address *address, int waiting,
                                    struct listen_socket *ret_sockets, size_t most,
                                    size_t *ret_count) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(address->host, arena_printf(a, "%d", address->port), &hints, &found);
    if (r != 0) {
        return listen_error(a, address,
                            arena_printf(a, "the host is unknown (%s)", gai_strerror(r)));
    }
    int number;
    size_t count = listen_at_all(found, waiting, ret_sockets, most, &number);
    freeaddrinfo(found);
    if (count == 0) {
        return listen_error(a, address, listen_error_text(number));
    }
    *ret_count = count;
    return NULL;
}

// A copy of the descriptor, which is closed as if it were our own.
static const struct error *open_inherited(struct arena *a, const struct address *address,
                                          struct listen_socket *ret_socket) {
    int fd = fcntl(address->inherited, F_DUPFD_CLOEXEC, 0);
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        int number = errno;
        if (fd >= 0) {
            close(fd);
        }
        return listen_error(a, address, strerror(number));
    }
    *ret_socket = (struct listen_socket){.fd = fd, .port = address->port, .is_inherited = true};
    return NULL;
}

const struct error *listen_socket_open_all(struct arena *a, const struct address *address,
                                           struct listen_socket *ret_sockets, size_t most,
                                           size_t *ret_count) {
    CHECK(address->kind != ADDRESS_SYSTEMD); // inherited_socket_find comes first
    if (address->inherited != 0) {
        *ret_count = 1;
        return open_inherited(a, address, ret_sockets);
    }
    if (address->kind != ADDRESS_UNIX) {
        return open_tcp(a, address, SOMAXCONN, ret_sockets, most, ret_count);
    }
    const struct error *error = open_unix(a, address, ret_sockets);
    if (error == NULL) {
        *ret_count = 1;
    }
    return error;
}

const struct error *listen_socket_open(struct arena *a, const struct address *address,
                                       struct listen_socket *ret_socket) {
    size_t one;
    return listen_socket_open_all(a, address, ret_socket, 1, &one);
}

// --- before ---

static const struct error *check_unix(struct arena *a, const struct address *address) {
    const struct error *error = socket_file_remove_stale(a, address);
    if (error != NULL) {
        return error;
    }
    CLEANUP_FREE char *path = mem_strdup(address->path);
    return access(dirname(path), W_OK | X_OK) == 0 ? NULL
                                                   : listen_error(a, address, strerror(errno));
}

const struct error *listen_socket_check(struct arena *a, const struct address *address) {
    if (address->inherited != 0) {
        return NULL;
    }
    if (address->kind == ADDRESS_UNIX) {
        return check_unix(a, address);
    }
    struct listen_socket sockets[CHECKED_ADDRESSES];
    size_t count = 0;
    const struct error *error = open_tcp(a, address, 0, sockets, CHECKED_ADDRESSES, &count);
    while (error == NULL && count > 0) {
        close(sockets[--count].fd);
    }
    return error;
}

// --- the end ---

void listen_socket_refuse(struct listen_socket *socket) {
    if (socket->is_inherited) {
        return;
    }
    socket_file_remove(&socket->file);
    // Of TCP, SYN without ACK begins a connection: byte 13 of the segment has the flags.
    // Its client sends it again after a second, and is refused then.
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    setsockopt(socket->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

bool listen_socket_has_waiting(const struct listen_socket *socket) {
    struct pollfd waiting = {.fd = socket->fd, .events = POLLIN};
    return poll(&waiting, 1, 0) > 0 && (waiting.revents & POLLIN) != 0;
}

void listen_socket_shut(struct listen_socket *socket) {
    if (!socket->is_inherited) {
        shutdown(socket->fd, SHUT_RDWR);
    }
}

void listen_socket_close(struct listen_socket *socket) {
    socket_file_remove(&socket->file);
    close(socket->fd);
}
