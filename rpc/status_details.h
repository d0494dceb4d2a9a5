#ifndef RUNSD_RPC_STATUS_DETAILS_H
#define RUNSD_RPC_STATUS_DETAILS_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// google.rpc.Status as gRPC carries it in the trailer grpc-status-details-bin.
// Source: google/rpc/status.proto and error_details.proto of googleapis.

// A client refuses a call whose trailers pass its limit, which is 8 KiB for those
// built on gRPC core, and then sees neither code nor message. So a message is cut
// to 1,024 bytes and the details to 3,072: together they fit even when the
// message is percent-encoded and the details are base64.
enum { STATUS_MESSAGE_MAX_BYTES = 1024, STATUS_DETAILS_MAX_BYTES = 3072 };

// error's message as it is sent: with U+FFFD for what is no UTF-8, and cut to
// STATUS_MESSAGE_MAX_BYTES ("..." is then its end). Lives in a or in error.
struct slice status_message(struct arena *a, const struct error *error);

// Encodes error as a google.rpc.Status with ErrorInfo, BadRequest, ResourceInfo
// and RetryInfo details, as far as error has them. What does not fit in
// STATUS_DETAILS_MAX_BYTES is left out: violations and metadata from their end,
// ResourceInfo if it alone is too long. The bytes live in a.
struct slice status_details_encode(struct arena *a, const struct error *error);

// The code that status_details_encode puts in; UNKNOWN if there is none.
int status_details_code(struct slice details);

// Makes an error of what a call ended with: code and message, and from details
// (may be empty, may be malformed: then it is left out) what
// status_details_encode puts in. A code that is none becomes UNKNOWN. Details of
// other types are skipped. Everything is copied into a. Never NULL.
struct error *status_details_decode(struct arena *a, int code, struct slice message,
                                    struct slice details);

#endif
