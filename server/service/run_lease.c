#include "server/service/run_lease.h"

#include "server/domain/long_wait.h"

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

void run_lease_ended(const struct service_call *call, const struct run_record *run) {
    if (run->attempt != 0) {
        lease_table_remove(lease_keeper_table(call->service->leases), call->organization,
                           slice_of_cstr(call->run_id), run->attempt, clock_monotonic_us());
    }
}

int64_t run_lease_wait_until_us(const struct service_call *call, int64_t wait_us) {
    return long_wait_until_us(clock_monotonic_us(), wait_us,
                              rpc_server_call_deadline_us(call->rpc));
}
