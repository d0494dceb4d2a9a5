#ifndef RUNSD_SERVER_SERVICE_RUNS_SERVICE_H
#define RUNSD_SERVER_SERVICE_RUNS_SERVICE_H

#include "rpc/server.h"

// runs.v1.RunsService; what each method does and refuses stands in
// protos/runs/v1/runs_service.proto. `service` is a struct service.

enum { RUNS_SERVICE_METHODS = 6 };

// Fills methods[0..RUNS_SERVICE_METHODS).
// What ListRuns takes at most: the runs as the store has them, and the page made of them.
enum { RUNS_LIST_MOST_BYTES = 8 << 20 };

struct service;
void runs_service_methods(struct service *service, struct rpc_method *ret_methods);

rpc_handler runs_service_create_run;
rpc_handler runs_service_get_run;
rpc_handler runs_service_list_runs;
rpc_handler runs_service_cancel_run;
rpc_handler runs_service_report_run;
rpc_handler runs_service_list_run_events;

#endif
