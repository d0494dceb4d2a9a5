#ifndef RUNSD_GATEWAY_HTTP_EXCHANGE_MACHINE_H
#define RUNSD_GATEWAY_HTTP_EXCHANGE_MACHINE_H

#include "gateway/http/exchange.h"

// Drives exchanges: what libmicrohttpd's callbacks call, on the HTTP thread. The states and
// which of them may follow which are in exchange.c; what is done in each is a step of its own
// (exchange_internal.h), which this file alone chooses.

// Begins an exchange with the request's target as it was sent. client is its connection.
struct exchange *exchange_machine_begin(struct exchange_context *context,
                                        const struct exchange_connection *client,
                                        struct MHD_Connection *connection, const char *target);

// libmicrohttpd's access handler for the exchange.
enum MHD_Result exchange_machine_handle(struct exchange *x, struct MHD_Connection *connection,
                                        const char *method, const char *version,
                                        const char *upload_data, size_t *upload_data_size);

// Ends the exchange: whether it was answered or not; logs it.
void exchange_machine_end(struct exchange *x);

#endif
