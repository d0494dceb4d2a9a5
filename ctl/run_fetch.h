#ifndef RUNSD_CTL_RUN_FETCH_H
#define RUNSD_CTL_RUN_FETCH_H

#include "ctl/command.h"
#include "ctl/connection.h"
#include "runs/v1/runs_service.pb-c.h"

// A run and its events, as a server has them. Each function returns an exit code; an error has
// been printed. What is returned lives in in->arena.

// GetRun; *ret_bytes is the reply as it came.
int run_fetch(const struct invocation *in, struct connection *connection, const char *id,
              Runs__V1__Run **ret_run, struct slice *ret_bytes);

// ListRunEvents, likewise.
int run_fetch_events(const struct invocation *in, struct connection *connection, const char *id,
                     Runs__V1__ListRunEventsResponse **ret_list, struct slice *ret_bytes);

// Prints the run, for people with the event of its final status, if it has one.
int run_fetch_end_and_print(const struct invocation *in, struct connection *connection,
                            const Runs__V1__Run *run, struct slice bytes);

#endif
