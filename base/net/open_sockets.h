#ifndef RUNSD_BASE_NET_OPEN_SOCKETS_H
#define RUNSD_BASE_NET_OPEN_SOCKETS_H

#include <stdint.h>

// Counts sockets that somebody else closes without a word, such as a library that was
// given them. Each is known by its number and by its cookie, which the kernel gives no
// other socket: a number that has another cookie, or none, was closed. It costs no
// descriptor and no callback; who wants the true count asks the kernel once a socket
// (0.1 us).
struct open_sockets {
    uint64_t *cookies; // by descriptor; 0: none
    int size;
    int count; // of those added and not yet seen closed
};

void open_sockets_init(struct open_sockets *sockets);
void open_sockets_release(struct open_sockets *sockets);

// Counts fd, a socket, from now until it is closed.
void open_sockets_add(struct open_sockets *sockets, int fd);

// Forgets those that have been closed.
void open_sockets_sweep(struct open_sockets *sockets);

#endif
