#ifndef RUNSD_GATEWAY_LOCAL_HEALTH_PAGES_H
#define RUNSD_GATEWAY_LOCAL_HEALTH_PAGES_H

#include "gateway/local/local_route.h"

// What supervisors and load balancers ask for, without a token; so no page says more than
// its status does. Pure.

// 200 {"status":"ok"}: the process serves HTTP.
void health_pages_alive(const struct local_request *request, struct arena *arena,
                        struct local_reply *ret_reply);

// 200 {"status":"ok"} if calls would be served, else 503 {"status":"unavailable"}.
void health_pages_ready(const struct local_request *request, struct arena *arena,
                        struct local_reply *ret_reply);

#endif
