#ifndef RUNSD_GATEWAY_EDGE_TRUSTED_ADDRESSES_H
#define RUNSD_GATEWAY_EDGE_TRUSTED_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "gateway/edge/header.h"

// Proxies that are believed, and the client's address that they tell. Pure.

enum { TRUSTED_MOST = 256, IP_ADDRESS_BYTES = 16 };

// An IP address; one of IPv4 as it is mapped into IPv6 (RFC 4291 section 2.5.5.2).
struct ip_address {
    uint8_t bytes[IP_ADDRESS_BYTES];
};

// All addresses whose first bits are those of prefix.
struct trusted_range {
    struct ip_address prefix;
    int bits; // of all 128
};

struct trusted_addresses {
    const struct trusted_range *ranges;
    size_t count;
    bool has_unix; // the clients of unix sockets
};

// Reads comma-separated lists of addresses ("192.0.2.7", "2001:db8::1"), ranges ("10.0.0.0/8") and
// the word "unix". The result is in a. INVALID_ARGUMENT, with what was given: an element that is
// none of these or empty, a range that has bits behind its prefix or is of all addresses, or too
// many.
const struct error *trusted_addresses_parse(struct arena *a, const char *const *lists, size_t count,
                                            struct trusted_addresses *ret);

// Whether the client of a connection is one of them; text is what base/net/peer_address.h made.
bool trusted_addresses_have(const struct trusted_addresses *trusted, struct slice text);

// For whom a trusted proxy asks: the last address of X-Forwarded-For that is not trusted itself,
// as base/net/peer_address.h has it; the first one if all are trusted. What stands before an
// element that is no address was not told by anybody known, so it does not count. connection, the
// address of the proxy, if no other is left. Several headers are one list. An address may have a
// port, and one of IPv6 brackets ("[2001:db8::1]:443") or a zone, which is left out. In a, or
// connection itself.
struct slice trusted_addresses_client(struct arena *a, const struct trusted_addresses *trusted,
                                      struct http_headers headers, struct slice connection);

#endif
