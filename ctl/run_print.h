#ifndef RUNSD_CTL_RUN_PRINT_H
#define RUNSD_CTL_RUN_PRINT_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "ctl/client_options.h"
#include "ctl/command.h"
#include "runs/v1/run.pb-c.h"

// Runs as people read them.

// "running", "waiting", ...; "unknown" for a number that is no status.
const char *status_text(int status);

// Reads the value of --status: INVALID_ARGUMENT, in a, with the word that was probably meant, if
// it is none.
const struct error *run_status_read(struct arena *a, const char *word,
                                    Runs__V1__RunStatus *ret_status);

// Reads all values of --status, with commas between them, likewise. *ret_statuses lives in a.
const struct error *run_statuses_read(struct arena *a, const struct cli_list *values,
                                      Runs__V1__RunStatus **ret_statuses, size_t *ret_count);

// RFC 3339, or "-" if there is none. The text lives in a.
const char *timestamp_text(struct arena *a, const Google__Protobuf__Timestamp *t);
// The same to a second.
const char *timestamp_text_short(struct arena *a, const Google__Protobuf__Timestamp *t);

// Prints a serialized runs.v1.Run, as JSON or for people; returns an exit code
// (an error has been printed). end, for people: the event of its final status, NULL if it is
// not known.
int run_print(const struct invocation *in, struct slice bytes, const Runs__V1__RunEvent *end);

// Calls a method that returns a run, and prints it as the client options say;
// returns an exit code (an error has been printed).
int run_call_and_print(const struct invocation *in, const struct client_options *options,
                       const char *path, struct slice request);

#endif
