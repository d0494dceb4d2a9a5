#ifndef RUNSD_RPC_CLIENT_H
#define RUNSD_RPC_CLIENT_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "rpc/channel.h"
#include "rpc/metadata.h"

// Unary calls over gRPC core. This header names nothing of gRPC's.

// One call: the caller fills the first part, owns the whole and leaves it alone
// from rpc_client_call_start until done is called.
struct rpc_client_call {
    struct rpc_client_method *method;
    struct slice request;
    const struct rpc_metadata *metadata;
    int metadata_count;
    int64_t deadline_us; // clock_monotonic_us; 0: none
    bool is_read;        // the method changes nothing, so no failure leaves that open
    struct arena *arena; // where state and error are made; kept until the release
    // Called exactly once on the loop's thread, also if the call could not be
    // started; afterwards rpc_client_call_release must be called once. Must not
    // block.
    void (*done)(struct rpc_client_call *call);

    // Results. error is NULL if the call was OK; else as status_details_decode
    // makes it, and response is empty. Both live until rpc_client_call_release.
    // Errors made on this side, of REASON_DOMAIN_GATEWAY and with a reason_id, which the
    // server's errors have not; what gRPC core says is their detail:
    //   UNAVAILABLE         UPSTREAM_UNREACHABLE: nothing was sent, or is_read;
    //                       OUTCOME_UNKNOWN: the connection broke afterwards
    //   DEADLINE_EXCEEDED   deadline_us passed. DEADLINE_PASSED: nothing was sent, or
    //                       is_read; OUTCOME_UNKNOWN: afterwards
    //   CANCELLED           REQUEST_CANCELLED: rpc_client_call_cancel
    //   INVALID_ARGUMENT    HEADER_INVALID: metadata that HTTP does not allow
    //   RESOURCE_EXHAUSTED  RESPONSE_TOO_LARGE: above max_reply_bytes
    //   INTERNAL, others    RESPONSE_MALFORMED: the reply breaks the protocol
    // A server that sends more than one message to a unary call is not noticed by
    // gRPC core, which waits for them to be read: the call ends at its deadline.
    const struct error *error;
    struct slice response;
    // The server's google.rpc.Status as it came (grpc-status-details-bin), not
    // checked; empty if it sent none. Until rpc_client_call_release.
    struct slice status_details;

    struct rpc_client_call_state *state; // rpc's own
};

// Starts the call. Thread safe.
void rpc_client_call_start(struct rpc_client_call *call);

// Asks for an early end: done is called soon, with CANCELLED or with what the
// call ended with before. Thread safe; any number of times between start and
// rpc_client_call_release.
void rpc_client_call_cancel(struct rpc_client_call *call);

// Whether the call was never begun, so that surely nothing was sent. From done on, until
// rpc_client_call_release.
bool rpc_client_call_is_unsent(const struct rpc_client_call *call);

// The first value of key (lower case) in the reply's initial metadata, then in its
// trailing metadata; returns false if it is in neither. From done on, until
// rpc_client_call_release, which is how long the value lives too. Values of keys
// that end in "-bin" are bytes.
bool rpc_client_call_metadata(const struct rpc_client_call *call, const char *key,
                              struct slice *ret_value);

// Calls each for every pair of the reply's metadata, initial then trailing, as they
// came.
void rpc_client_call_each_metadata(const struct rpc_client_call *call, rpc_metadata_visitor *each,
                                   void *context);

// Releases what the results hold.
void rpc_client_call_release(struct rpc_client_call *call);

// rpc_client_call_start, then waits for the end; done is overwritten. Not on the
// loop's thread.
void rpc_client_call_wait(struct rpc_client_call *call);

#endif
