#ifndef RUNSD_RPC_HEALTH_ANSWER_H
#define RUNSD_RPC_HEALTH_ANSWER_H

#include <stdbool.h>

#include "base/core/error.h"
#include "base/core/slice.h"

// What an answer of grpc.health.v1.Health, to Check or Watch, means for who would call. Pure.

// Whether calls would be served: response is a HealthCheckResponse, or error says why there is
// none. An upstream that has no such service, does not know "" or wants a token for it was reached,
// and counts as serving.
bool health_answer_serves(const struct error *error, struct slice response);

// Why they would not, for the log.
const char *health_answer_reason(const struct error *error);

#endif
