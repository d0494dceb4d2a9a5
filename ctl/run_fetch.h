#ifndef RUNSD_CTL_RUN_FETCH_H
#define RUNSD_CTL_RUN_FETCH_H

#include "ctl/command.h"
#include "ctl/connection.h"
#include "runs/v1/runs_service.pb-c.h"

// A run and its events, as a server has them. Each function returns an exit code; an error has
// been printed. What is returned lives in in->arena.

// How often to ask before an error that may pass (ctl/retry.h) is one: of commands that wait,
// and so outlast a server that is restarted, and of others.
enum { RUN_FETCH_PATIENTLY = 10, RUN_FETCH_ONCE = 1 };

// GetRun; *ret_bytes is the reply as it came.
int run_fetch(const struct invocation *in, struct connection *connection, const char *id, int tries,
              Runs__V1__Run **ret_run, struct slice *ret_bytes);

// ListRunEvents, likewise.
int run_fetch_events(const struct invocation *in, struct connection *connection, const char *id,
                     int tries, Runs__V1__ListRunEventsResponse **ret_list,
                     struct slice *ret_bytes);

// Prints the run, for people with the event of its final status, if it has one.
int run_fetch_end_and_print(const struct invocation *in, struct connection *connection, int tries,
                            const Runs__V1__Run *run, struct slice bytes);

#endif
