#ifndef RUNSD_SERVER_SERVICE_RUN_LEASE_H
#define RUNSD_SERVER_SERVICE_RUN_LEASE_H

#include "server/service/service_call.h"
#include "storage/run_record.h"

// What calls do with the leases of runs, beside what the store keeps of them.

// The caller's organization gave the lease of run to its holder.
void run_lease_begun(const struct service_call *call, const struct run_record *run);

// The lease of run's attempt has ended, or the run has become final. Costs nothing for a run that
// was never acquired.
void run_lease_ended(const struct service_call *call, const struct run_record *run);

// Until when the call may wait that wants to wait for wait_us, as clock_monotonic_us has it: no
// longer than a moment before its deadline. 0: not at all.
int64_t run_lease_wait_until_us(const struct service_call *call, int64_t wait_us);

#endif
