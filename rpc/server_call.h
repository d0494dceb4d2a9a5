#ifndef RUNSD_RPC_SERVER_CALL_H
#define RUNSD_RPC_SERVER_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "rpc/loop.h"
#include "rpc/metadata.h"
#include "rpc/method.h"

// One call of a method, as its handler sees it. It is valid until it is answered.

// The request message's bytes in one piece.
struct slice rpc_server_call_request(struct rpc_server_call *call);

// The first value of a request metadata key (lower case). Returns false if the call does
// not have the key.
bool rpc_server_call_metadata(struct rpc_server_call *call, const char *key,
                              struct slice *ret_value);

// Frees the request's bytes before the call's end: for a stream, which outlives what it was asked.
void rpc_server_call_drop_request(struct rpc_server_call *call);

// The loop that the call is served on.
struct rpc_loop *rpc_server_call_loop(struct rpc_server_call *call);

// How many values the key has.
int rpc_server_call_metadata_count(struct rpc_server_call *call, const char *key);

// Memory that lives as long as the call.
struct arena *rpc_server_call_arena(struct rpc_server_call *call);

// The caller's deadline as clock_monotonic_us has it; 0: none.
int64_t rpc_server_call_deadline_us(struct rpc_server_call *call);

// The method that was called.
const struct rpc_method *rpc_server_call_method(struct rpc_server_call *call);

// Whether the caller is of this process (rpc_channel_new_in_process), on the same loop.
bool rpc_server_call_is_direct(struct rpc_server_call *call);

// When the call was taken, as clock_monotonic_us has it.
int64_t rpc_server_call_started_us(struct rpc_server_call *call);

// Has the reply carry initial metadata beside its message; an error carries none. The pairs, with
// what they point to, live as long as the call. Before rpc_server_call_reply.
void rpc_server_call_set_reply_metadata(struct rpc_server_call *call,
                                        const struct rpc_metadata *pairs, int count);

// Has whatever answers the call, a reply, an error or a stream's head, carry metadata; not so where
// a stop answers. Of a reply and a stream it is initial metadata, before that of
// rpc_server_call_set_reply_metadata; of an error that nothing went before trailing metadata, so
// that it stays a status alone ("Trailers-Only" of gRPC's PROTOCOL-HTTP2): initial metadata tells
// clients of streams that theirs was accepted. Once, in the handler before it returns. The pairs,
// at most RPC_MOST_HEAD_METADATA, live as the others.
enum { RPC_MOST_HEAD_METADATA = 4 };
void rpc_server_call_set_head_metadata(struct rpc_server_call *call,
                                       const struct rpc_metadata *pairs, int count);

// Answers OK with the message that the parts make when they are joined. The parts are
// copied. The call must not be used afterwards. Thread safe: on another thread than the
// loop's it costs a copy and a push to a list, and the loop's thread sends.
void rpc_server_call_reply(struct rpc_server_call *call, const struct slice *parts, size_t count);

// Answers with error and its details (rpc/status_details.h has their limits). An error
// without a domain gets the server's. error->detail is not sent. The call must not be used
// afterwards. Threads as rpc_server_call_reply.
void rpc_server_call_fail(struct rpc_server_call *call, const struct error *error);

#endif
