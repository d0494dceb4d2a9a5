#include "server/service/run_reply.h"

#include "server/domain/run_codec.h"
#include "server/domain/run_error.h"

void run_reply(struct service_call *call, const struct run_record *run) {
    struct slice parts[RUN_REPLY_PARTS];
    size_t count = run_reply_parts(call->arena, run, parts);
    service_call_reply(call, parts, count);
}

void run_reply_not_found(struct service_call *call) {
    service_call_fail(call, run_error_not_found(call->arena, call->run_id));
}
