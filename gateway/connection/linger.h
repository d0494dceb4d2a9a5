#ifndef RUNSD_GATEWAY_CONNECTION_LINGER_H
#define RUNSD_GATEWAY_CONNECTION_LINGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/connection/transport.h"

// Connections that we have ended and whose clients have not, read for a moment: what
// arrives at a closed socket is answered with a reset, which may overtake the reply on
// its way and destroy it (RFC 9112 section 9.6). Zero-initialize one but for
// max_descriptor.

enum {
    LINGER_MS = 1000,      // for a connection
    LINGER_MOST = 128,     // at once; beyond, the oldest is closed
    LINGER_PERIOD_MS = 50, // between two looks
};

struct linger_ring {
    struct {
        int fd;
        int64_t until_us;
    } items[LINGER_MOST]; // a ring
    size_t first;
    size_t count;
    int64_t next_look_us;
    int max_descriptor; // none with this number or a greater one is kept: others need it
};

// Keeps a connection that is about to be closed, by a descriptor of its own for the socket
// below, if its client has more to say: bytes wait, or, if we_close, its direction is open. They
// are read away as they are on the wire.
void linger_add(struct linger_ring *linger, const struct transport *transport, bool we_close,
                int64_t now_us);

// Reads and drops what has arrived, closes what is over. Returns in how many ms it must be
// called again, -1: there is nothing.
int linger_run(struct linger_ring *linger, int64_t now_us);

// Closes all.
void linger_release(struct linger_ring *linger);

#endif
