#ifndef RUNSD_CTL_BULK_PRINT_H
#define RUNSD_CTL_BULK_PRINT_H

#include <stdio.h>

#include "ctl/command.h"
#include "runs/v1/bulk.pb-c.h"

// Bulk cancels as people read them.

// "planned", "running", ...; "unknown" for a number that is no state.
const char *bulk_state_text(int state);

// "cancelled", "already_final", ...; likewise.
const char *bulk_outcome_text(int outcome);

// Reads the values of --outcome, with commas between them. *ret_outcomes lives in a.
// INVALID_ARGUMENT, in a, with the word that was probably meant, if one is no outcome.
const struct error *bulk_outcomes_read(struct arena *a, const struct cli_list *values,
                                       Runs__V1__BulkCancelOutcome **ret_outcomes,
                                       size_t *ret_count);

// Whether it is over: done or aborted.
bool bulk_is_over(const Runs__V1__BulkCancel *bulk);

// What it is about: "the 3 runs that were named", or its filter in words. Lives in a.
const char *bulk_set_text(struct arena *a, const Runs__V1__BulkCancel *bulk);

// Prints how many runs a plan has, which, and the first of them.
void bulk_print_plan(struct arena *a, const Runs__V1__BulkCancel *bulk, FILE *out);

// Prints it on standard output, as JSON or for people: all that is known of it. bytes is the
// message. Returns an exit code; an error has been printed.
int bulk_print(const struct invocation *in, struct slice bytes);

// Prints how it ended, for people, in a line or two.
void bulk_print_end(struct arena *a, const Runs__V1__BulkCancel *bulk);

#endif
