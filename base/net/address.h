#ifndef RUNSD_BASE_NET_ADDRESS_H
#define RUNSD_BASE_NET_ADDRESS_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"

// The last is that of a socket which systemd opened, until inherited_socket_find found it.
enum address_kind { ADDRESS_TCP, ADDRESS_UNIX, ADDRESS_SYSTEMD };

// Where a program listens or connects: "HOST:PORT", "[IPV6]:PORT" or "unix:PATH"; where it listens
// also "systemd:NAME".
struct address {
    enum address_kind kind;
    const char *text; // as given
    const char *host; // TCP: without brackets
    int port;         // TCP: 0 lets the system choose
    const char *path; // unix
    const char *name; // systemd
    int inherited;    // the descriptor that listens there already; 0: none does
};

// Parses given; the result lives in a. INVALID_ARGUMENT, in a, if it is no address, with a
// message that names flag, the option it was given for, and the text.
const struct error *address_parse(struct arena *a, const char *flag, const char *given,
                                  struct address *ret);

// The same for what a program listens at: "systemd:NAME" too, the socket that a unit of systemd
// calls so (FileDescriptorName= of systemd.socket(5)).
const struct error *address_parse_listener(struct arena *a, const char *flag, const char *given,
                                           struct address *ret);

// Parses what a program connects to: an address, or "tls:HOST:PORT" for a server that speaks TLS,
// which *ret_is_tls says. ret->text is all of it. Errors as address_parse.
const struct error *address_parse_server(struct arena *a, const char *flag, const char *given,
                                         struct address *ret, bool *ret_is_tls);

// Whether the address is a unix socket or a loopback host (127.0.0.0/8, ::1,
// localhost): one that other machines cannot reach.
bool address_is_local(const struct address *addr);

// How another process names the address, whatever folder it is in: a unix socket's
// relative path is made absolute, unless the result exceeds the length limit of such paths.
const char *address_absolute_text(struct arena *a, const struct address *addr);

#endif
