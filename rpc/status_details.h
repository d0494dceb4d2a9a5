#ifndef RUNSD_RPC_STATUS_DETAILS_H
#define RUNSD_RPC_STATUS_DETAILS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

// google.rpc.Status as gRPC carries it in the trailer grpc-status-details-bin.

// Encodes error as a google.rpc.Status with ErrorInfo, BadRequest, ResourceInfo
// and RetryInfo details, as far as error has them. The bytes live in a.
struct slice status_details_encode(struct arena *a, const struct error *error);

// Makes an error of what a call ended with: code and message, and from details
// (may be empty, may be malformed: then it is left out) what
// status_details_encode puts in. Everything is copied into a. Never NULL.
struct error *status_details_decode(struct arena *a, int code, struct slice message,
                                    struct slice details);

#endif
