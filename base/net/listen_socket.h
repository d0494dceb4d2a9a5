#ifndef RUNSD_BASE_NET_LISTEN_SOCKET_H
#define RUNSD_BASE_NET_LISTEN_SOCKET_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"
#include "base/net/socket_file.h"

// A socket that listens at an address.
struct listen_socket {
    int fd;
    int port;                // TCP; 0 for a unix socket
    struct socket_file file; // of a unix socket that we made
    bool is_inherited;       // others have it too, and go on listening
};

// Binds and listens, not blocking; at an inherited address it takes the socket that listens there.
// A unix socket is made with mode 0660; a stale
// one of the same path is replaced. UNAVAILABLE, in a, if the address cannot be
// bound, with the address and why.
const struct error *listen_socket_open(struct arena *a, const struct address *address,
                                       struct listen_socket *ret_socket);

// The same for all the addresses that a name has and this machine too, at most `most` (1 or
// more), of which a unix socket has one. All have one port, also if it was left to the
// system. UNAVAILABLE if one of them cannot be bound; then none is.
const struct error *listen_socket_open_all(struct arena *a, const struct address *address,
                                           struct listen_socket *ret_sockets, size_t most,
                                           size_t *ret_count);

// Looks whether listen_socket_open_all would work, without listening for a moment: no client
// notices. A stale unix socket is removed. Errors, in a: those of listen_socket_open_all.
const struct error *listen_socket_check(struct arena *a, const struct address *address);

// Refuses new connections from now on, without resetting those that wait to be accepted. An
// inherited socket is left as it is: who connects waits for the program that comes next.
void listen_socket_refuse(struct listen_socket *socket);

// Whether a connection waits to be accepted.
bool listen_socket_has_waiting(const struct listen_socket *socket);

// Ends listening, which resets those that wait; not that at an inherited socket.
void listen_socket_shut(struct listen_socket *socket);

// Closes the socket and removes the file of a unix socket if it is still ours.
void listen_socket_close(struct listen_socket *socket);

#endif
