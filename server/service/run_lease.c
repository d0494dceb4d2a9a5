#include "server/service/run_lease.h"

// What a reply may take on its way, so that it arrives before the caller's deadline.
#define BEFORE_DEADLINE_US INT64_C(500000)

void run_lease_begun(const struct service_call *call, const struct run_record *run) {
    const struct lease lease = {
        .organization = call->organization,
        .run_id = run->id,
        .holder = run->holder,
        .attempt = run->attempt,
        .duration_us = run->lease_us,
    };
    lease_keeper_put(call->service->leases, &lease);
}

bool run_lease_ended(const struct service_call *call, const struct run_record *run) {
    return run->attempt != 0 &&
           lease_table_remove(lease_keeper_table(call->service->leases), call->organization,
                              slice_of_cstr(call->run_id), run->attempt, clock_monotonic_us());
}

int64_t run_lease_wait_until_us(const struct service_call *call, int64_t wait_us) {
    int64_t now_us = clock_monotonic_us();
    int64_t until_us = now_us + wait_us;
    int64_t deadline_us = rpc_server_call_deadline_us(call->rpc);
    if (deadline_us != 0 && until_us > deadline_us - BEFORE_DEADLINE_US) {
        until_us = deadline_us - BEFORE_DEADLINE_US;
    }
    return wait_us > 0 && until_us > now_us ? until_us : 0;
}
