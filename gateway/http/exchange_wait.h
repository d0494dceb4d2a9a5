#ifndef RUNSD_GATEWAY_HTTP_EXCHANGE_WAIT_H
#define RUNSD_GATEWAY_HTTP_EXCHANGE_WAIT_H

#include "gateway/http/exchange.h"

// The exchanges that wait for room or for their refusal; on the HTTP thread.

// Begins the calls that have waited too long for room in the window, has requests go on
// that find room for their bytes now, and refuses those whose time has come.
void exchange_wait_run_due(struct exchange_context *context);

// How long until that is to be done again, in ms; -1 if none waits.
int exchange_wait_due_ms(const struct exchange_context *context);

#endif
