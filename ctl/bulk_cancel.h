#ifndef RUNSD_CTL_BULK_CANCEL_H
#define RUNSD_CTL_BULK_CANCEL_H

#include "ctl/client_options.h"
#include "runs/v1/bulk.pb-c.h"

// Cancels many runs for a command: plans, asks, executes the plan that was shown, and waits for
// the end.

struct bulk_cancel {
    // Its ids, filter or plan, and what goes with them; dry_run: the plan is made and printed, and
    // no more.
    Runs__V1__CancelRunsRequest request;
    const char *key; // the request id of the first change that is asked for
    bool is_sure;    // nothing is asked of the person at the terminal
};

// INVALID_ARGUMENT, in a, if a question would have to be asked and nobody is there to answer.
const struct error *bulk_cancel_check(struct arena *a, const struct bulk_cancel *bulk);

// Returns an exit code; an error has been printed. A bulk cancel that was aborted is a conflict;
// so are ids of runs that had ended before, and ids of no runs are not found, as those of a single
// cancel are.
int bulk_cancel_run(struct invocation *in, const struct client_options *options,
                    const struct bulk_cancel *bulk);

#endif
