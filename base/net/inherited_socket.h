#ifndef RUNSD_BASE_NET_INHERITED_SOCKET_H
#define RUNSD_BASE_NET_INHERITED_SOCKET_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"

// Sockets that listen before the program starts and after it has ended: those of systemd's .socket
// units (sd_listen_fds(3)). Clients that connect while the program restarts wait for it.

// Turns an address of kind ADDRESS_SYSTEMD into that of the socket of its name: kind, host, port,
// path and inherited are the socket's, text stays as given. Other addresses stay as they are.
// INVALID_ARGUMENT, in a, with the names that there are, if systemd handed over no such socket,
// several of the name, or one that takes no connections of TCP or of a unix socket's file.
const struct error *inherited_socket_find(struct arena *a, struct address *address);

#endif
