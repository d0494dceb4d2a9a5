#ifndef RUNSD_BASE_NET_LISTEN_CHECK_H
#define RUNSD_BASE_NET_LISTEN_CHECK_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"

// Whether a program can listen where it was told to, to be asked before it does anything else:
// a start that fails for a taken port has opened no store and says nowhere that it is ready.
// Addresses of systemd's sockets become those of the sockets (inherited_socket_find).

// An address and the option that gave it.
struct listen_place {
    const char *option; // "--listen"
    struct address *address;
};

// Errors, in a, each with the option and the address: UNAVAILABLE if one cannot be listened at
// (listen_socket_check), INVALID_ARGUMENT if one is given twice or systemd gave no such socket.
const struct error *listen_check(struct arena *a, const struct listen_place *places, size_t count);

#endif
