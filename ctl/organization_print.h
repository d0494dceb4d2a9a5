#ifndef RUNSD_CTL_ORGANIZATION_PRINT_H
#define RUNSD_CTL_ORGANIZATION_PRINT_H

#include "ctl/command.h"
#include "runs/v1/organizations_service.pb-c.h"

// Organizations as people read them.

// Prints a serialized runs.v1.Organization on standard output, as JSON or for people. Returns an
// exit code; an error has been printed.
int organization_print(const struct invocation *in, struct slice bytes);

// How many runs it has, of all statuses.
int64_t organization_count_runs(const Runs__V1__Organization *organization);

#endif
