#ifndef RUNSD_CTL_SERVER_PROBE_H
#define RUNSD_CTL_SERVER_PROBE_H

#include "base/core/arena.h"

// Looks what listens at an address at which no gRPC server answered: often it is REST's.

// Connects to the address, "HOST:PORT", "unix:PATH" or "tls:HOST:PORT", asks in HTTP/1.1, then in
// TLS, and returns what to say of the first bytes of the answer, in a: that it is HTTP/1.1, TLS
// where none was expected or the reverse, or something else; and of TLS with TLS, why a handshake
// fails, by the detail of the call's error. NULL if nothing is learned (nobody listens, no answer
// within a second, or one that may be gRPC's). Sends no token.
const char *server_probe_explain(struct arena *a, const char *address, const char *detail);

#endif
