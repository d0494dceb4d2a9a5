#ifndef RUNSD_RPC_SERVER_CORK_INTERNAL_H
#define RUNSD_RPC_SERVER_CORK_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Has answers that are written one after another leave together (TCP_CORK, tcp(7)): gRPC core
// writes each by itself, and each would be a segment, an acknowledgement and a wake-up of the
// client's. What fills a segment leaves at once nevertheless.

enum {
    // As many connections at most: of more, a round seldom has several answers for one.
    SERVER_CORK_CONNECTIONS = 64,
    // Messages of streams after which those that wait leave, though more follow: so that clients
    // have something to do meanwhile.
    SERVER_CORK_PIECE = 256,
};

struct server_cork_socket {
    int fd;
    uint64_t cookie; // the kernel's (SO_COOKIE): with another one the connection is closed
    bool is_corked;
};

struct server_cork {
    pthread_mutex_t mutex; // guards what follows
    struct server_cork_socket sockets[SERVER_CORK_CONNECTIONS];
    size_t count;

    // Of the thread that writes.
    bool is_corked;
    size_t written; // messages of streams, since the round's beginning or the last piece
};

void server_cork_init(struct server_cork *cork);
void server_cork_release(struct server_cork *cork);

// Adds a TCP connection, which others will close, if there is room. Thread safe.
void server_cork_add(struct server_cork *cork, int fd);

// Begins a round in which as many answers may be written; does nothing if they are too few to
// be worth it. On the thread that writes, which must call server_cork_end after it.
void server_cork_begin(struct server_cork *cork, size_t answers);
void server_cork_end(struct server_cork *cork);

// Says that a stream's message is about to be written: one of how many is not known. When there
// were enough of them it begins a round, if none has; and lets a piece of a long one leave. On
// the thread that writes, as above.
void server_cork_writing(struct server_cork *cork);

#endif
