#ifndef RUNSD_CTL_LEASE_REQUEST_H
#define RUNSD_CTL_LEASE_REQUEST_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "runs/v1/lease.pb-c.h"

// What --holder and --lease ask for.

struct lease_request {
    Runs__V1__LeaseRequest message;
    Google__Protobuf__Duration duration; // what message points to
};

// Makes the message of the values of --holder and --lease; duration NULL: the server's default.
// INVALID_ARGUMENT, in a, naming --lease and what was given.
const struct error *lease_request_read(struct arena *a, const char *holder, const char *duration,
                                       struct lease_request *ret);

#endif
