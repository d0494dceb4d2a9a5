#ifndef RUNSD_SERVER_DOMAIN_WORKFLOW_VALIDATE_H
#define RUNSD_SERVER_DOMAIN_WORKFLOW_VALIDATE_H

#include "runs/v1/run.pb-c.h"
#include "server/domain/violations.h"

// Checks the workflow that a run executes and the inputs it was given: the graph of
// nodes, the input schema, propValues against it, and that no free-form object of the
// run repeats a key or holds a number that JSON cannot express (NaN, infinities).
void workflow_validate(struct violations *v, const Runs__V1__Run *run);

#endif
