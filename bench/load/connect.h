#ifndef RUNSD_BENCH_LOAD_CONNECT_H
#define RUNSD_BENCH_LOAD_CONNECT_H

#include "base/net/address.h"

// Returns a blocking stream socket connected to address (TCP with
// TCP_NODELAY and, if there, reno), or -1 with errno set.
int connect_to(const struct address *address);

#endif
