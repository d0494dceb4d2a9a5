#include "base/core/container_of.h"
#include "server/feed/feed_hub.h"
#include "server/service/service_method.h"

static const struct error *serve(struct service_call *call, const void *request) {
    struct service_stream *stream = CONTAINER_OF(call, struct service_stream, call);
    return feed_hub_watch(call->service->feed, stream, request);
}

const struct service_method watch_runs_method = {
    .path = "/runs.v1.RunsService/WatchRuns",
    .scope = SCOPE_RUNS_READ,
    .is_read = true,
    .has_own_limit = true,
    .request_type = &runs__v1__watch_runs_request__descriptor,
    .serve = serve,
    .stream = &feed_watch_kind,
};
