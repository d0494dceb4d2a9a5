#ifndef RUNSD_BASE_NET_PEER_ADDRESS_H
#define RUNSD_BASE_NET_PEER_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/core/slice.h"

// Who is at the other end of a connection, as records keep it: an IP address without port and
// zone, in the form that inet_ntop gives it (IPv6 as RFC 5952 has it), an IPv4 address that is
// mapped into IPv6 as IPv4; "unix" for a unix socket.

// Enough for each, with the NUL.
enum { PEER_ADDRESS_SIZE = INET6_ADDRSTRLEN };

// The text of a unix socket's peer, which has no address.
#define PEER_ADDRESS_UNIX "unix"

// Writes the text for address; "" if it is NULL or of another family.
void peer_address_format(const struct sockaddr *address, char ret_text[PEER_ADDRESS_SIZE]);

// Writes the text for an IPv6 address as others write it, with or without a zone. Returns
// false, and writes "", if it is none.
bool peer_address_from_ipv6(struct slice text, char ret_text[PEER_ADDRESS_SIZE]);

// Whether text may be one that the functions above made: it is not empty, not too long, and of
// the characters that they use.
bool peer_address_is_plausible(struct slice text);

#endif
