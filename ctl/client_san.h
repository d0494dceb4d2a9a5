#ifndef RUNSD_CTL_CLIENT_SAN_H
#define RUNSD_CTL_CLIENT_SAN_H

#include "base/core/arena.h"

// The client name that --client-san's text means, as the API spells it; in a, or text. A name
// without "uri:" or "dns:" is a URI if it has "://", and a host's if it has no colon; what else it
// may be is for the server to refuse.
const char *client_san_of(struct arena *a, const char *text);

#endif
