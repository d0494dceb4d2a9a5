#ifndef RUNSD_RPC_CLIENT_CORE_INTERNAL_H
#define RUNSD_RPC_CLIENT_CORE_INTERNAL_H

#include <grpc/grpc.h>
#include <stdatomic.h>

#include "rpc/batch_internal.h"
#include "rpc/channel_internal.h"
#include "rpc/message_internal.h"
#include "rpc/metadata.h"

// What unary and streaming calls of the client share: gRPC core's call object, and
// what its results are to us.

struct client_past;

struct rpc_client_core {
    // Cancelling sets cancelled, then looks for call; opening sets call, then looks
    // at cancelled: one of the two sees the other.
    _Atomic(grpc_call *) call;
    atomic_bool cancelled;
    const struct rpc_channel *channel;
    bool is_read; // the method changes nothing
    // Of a channel to several servers; NULL: it is to one. The caller of rpc_client_core_open has
    // made it.
    struct balanced_call *balanced;
    struct client_past *past; // attempts that did not begin it, until the release
};

// A call over a channel to several servers; NULL over one to a single one. again(context) begins
// it at another server.
struct balanced_call *rpc_client_core_balanced(struct arena *a, struct rpc_client_method *method,
                                               bool is_stream,
                                               void (*again)(struct balanced_call *call),
                                               void *context);

// What keeps a call from being begun: DEADLINE_EXCEEDED if deadline_us has passed, CANCELLED
// if it was cancelled; NULL if nothing.
const struct error *rpc_client_core_check(struct arena *a, int64_t deadline_us,
                                          const atomic_bool *is_cancelled);

// Creates the call. On the loop's thread. Returns the error of
// rpc_client_core_check, or that there is no server: then there is no call.
const struct error *rpc_client_core_open(struct rpc_client_core *core, struct arena *a,
                                         struct rpc_client_method *method, int64_t deadline_us);

// Starts the call's first batch, and cancels the call if that was asked for
// meanwhile. An error means that the batch will not complete.
const struct error *rpc_client_core_start(struct rpc_client_core *core, struct arena *a,
                                          struct rpc_batch *batch);

// The attempt has ended with error (NULL: well), found in batch (NULL: before there was one).
// Returns whether the call goes on at another server: its again is called, or was.
bool rpc_client_core_goes_on(struct rpc_client_core *core, struct arena *a,
                             const struct rpc_batch *batch, const struct error *error);

// The attempt has ended, and with it the call.
void rpc_client_core_over(struct rpc_client_core *core);

// Whether the call was never begun.
bool rpc_client_core_is_unsent(const struct rpc_client_core *core);

// Thread safe.
void rpc_client_core_cancel(struct rpc_client_core *core);

void rpc_client_core_release(struct rpc_client_core *core);

// Adds what sends the whole request to an empty batch.
void rpc_client_core_send_request(struct rpc_batch *batch, struct arena *a,
                                  const struct rpc_metadata *metadata, int count,
                                  struct slice request);

// The error of a batch that received a status; NULL if that is OK.
const struct error *rpc_client_core_error(const struct rpc_client_core *core, struct arena *a,
                                          const struct rpc_batch *batch);

// The status's grpc-status-details-bin, in batch's memory; empty if there is none.
struct slice rpc_client_core_details(const struct rpc_batch *batch);

// INVALID_ARGUMENT: of metadata that HTTP does not allow.
const struct error *rpc_client_core_metadata_error(struct arena *a);

// RESOURCE_EXHAUSTED: of a reply above the channel's max_reply_bytes.
const struct error *rpc_client_core_too_large(struct arena *a,
                                              const struct rpc_client_method *method);

// Takes the message that batch received, which must be there.
const struct error *rpc_client_core_take_message(struct arena *a, struct rpc_client_method *method,
                                                 struct rpc_batch *batch, struct rpc_message *ret);

#endif
