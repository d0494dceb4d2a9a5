#include "server/service/run_change.h"

#include "server/domain/run_error.h"
#include "server/service/call_cause.h"
#include "server/service/run_reply.h"

void run_change_set(const struct service_call *call, enum run_event_kind event, const char *reason,
                    struct store_transition_run *ret_change) {
    struct store_transition_run *t = ret_change;
    t->op.kind = &store_transition_run_kind;
    t->organization = call->organization;
    t->id = slice_of_cstr(call->run_id);
    t->from = run_state_sources(event);
    t->to = run_state_target(event);
    t->at_us = service_now_us(call->service);
    t->cause = call_cause(call, reason);
}

void run_change_reply(struct service_call *call, const struct store_transition_run *change) {
    const struct run_record *run = &change->ret;
    if (change->op.result == STORE_NOT_FOUND) {
        run_reply_not_found(call);
    } else if (change->op.result == STORE_CONFLICT && change->ret_is_stale) {
        service_call_fail(call, run_error_stale(call->arena, call->run_id, run, change->attempt));
    } else if (change->op.result == STORE_CONFLICT && change->ret_has_changed) {
        service_call_fail(
            call, run_error_changed(call->arena, call->run_id, run, change->expected_sequence));
    } else if (change->op.result == STORE_CONFLICT) {
        service_call_fail(call,
                          run_error_finished(call->arena, call->run_id, run, &change->ret_ending));
    } else {
        run_reply(call, run);
    }
}
