#ifndef RUNSD_BASE_NET_OPEN_SOCKETS_H
#define RUNSD_BASE_NET_OPEN_SOCKETS_H

#include <stdint.h>

// Counts sockets that are closed by other code without notice, such as a library that
// owns them. Each is identified by its number and by its cookie (SO_COOKIE), which the
// kernel never gives to another socket: if the number has another cookie, or none, the
// socket was closed. It needs no descriptor and no callback; a sweep asks the kernel once
// for each socket (0.1 us).
struct open_sockets {
    uint64_t *cookies; // by descriptor; 0: none
    int size;
    int count; // of those added and not yet seen closed
};

void open_sockets_init(struct open_sockets *sockets);
void open_sockets_release(struct open_sockets *sockets);

// Counts fd, a socket, from now until it is closed.
void open_sockets_add(struct open_sockets *sockets, int fd);

// Removes the sockets that have been closed from the count.
void open_sockets_sweep(struct open_sockets *sockets);

#endif
