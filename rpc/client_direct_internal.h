#ifndef RUNSD_RPC_CLIENT_DIRECT_INTERNAL_H
#define RUNSD_RPC_CLIENT_DIRECT_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "rpc/channel_internal.h"
#include "rpc/direct_internal.h"
#include "rpc/timeouts_internal.h"

// The client's side of a unary call that does not go by gRPC core (rpc/direct_internal.h).

struct client_direct {
    // The caller's, as in struct rpc_client_call, whose request, metadata and deadline are
    // those of direct. The rest is zero.
    struct rpc_direct direct;
    struct rpc_client_method *method; // with an acceptor
    struct arena *arena;
    bool is_read;
    void (*done)(struct client_direct *d); // called once on the loop's thread

    // Results, as there.
    const struct error *error;
    struct rpc_message response;
    struct slice status_details;
    struct rpc_metadata *metadata; // initial, in arena
    int metadata_count;

    struct rpc_timeout timeout;
    atomic_bool is_cancelled;
    bool is_begun;
};

// Whether a unary call of the method is made so.
bool client_direct_serves(const struct rpc_client_method *method);

// Starts the call. done is called later, or at once if the call cannot begin. On the loop's
// thread.
void client_direct_start(struct client_direct *d);

// As rpc_client_call_cancel. Thread safe.
void client_direct_cancel(struct client_direct *d);

// INVALID_ARGUMENT of metadata that HTTP does not allow; NULL if all is well. In a.
const struct error *client_direct_check_metadata(struct arena *a, const struct rpc_direct *direct);

// Copies metadata of a reply into a.
void client_direct_copy_metadata(struct arena *a, const struct rpc_metadata *pairs, int count,
                                 struct rpc_metadata *ret);

// Finds the first value of key; returns false if there is none.
bool client_direct_find_metadata(const struct rpc_metadata *pairs, int count, const char *key,
                                 struct slice *ret_value);

// Releases the response.
void client_direct_release(struct client_direct *d);

#endif
