#ifndef RUNSD_RPC_SERVER_LONG_POLL_H
#define RUNSD_RPC_SERVER_LONG_POLL_H

#include <stdbool.h>

#include "rpc/method.h"

// Calls that wait for something to happen, for minutes: long polls. They have a lane of their own:
// they count neither as calls in flight nor among the bytes that calls hold until they are
// answered, and the server has a limit of them and of the bytes of their requests.

// Makes a unary call, which its handler has just got, a long poll. Returns false, and leaves it as
// it is, if there are as many as the server may have. On the loop's thread.
//
// gone is called with context, once, on the loop's thread, if the caller goes away before it has
// an answer, also if it is its deadline that passes. The call must be answered then as any other;
// an answer that another thread has given meanwhile may not have been sent yet.
bool rpc_server_long_poll_begin(struct rpc_server_call *call, void (*gone)(void *context),
                                void *context);

// The limits, for an error's text.
int rpc_server_long_poll_limit(const struct rpc_server_call *call);

#endif
