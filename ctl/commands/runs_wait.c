#include <stdio.h>

#include "base/core/clock.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/run_fetch.h"
#include "ctl/run_print.h"
#include "ctl/run_watch.h"
#include "ctl/time_option.h"
#include "ctl/watch_print.h"

struct wait_options {
    struct client_options client;
    const char *within;
    bool quiet;
};

static const struct cli_option rows[] = {
    {.name = "--within",
     .value = "TIME",
     CLI_TEXT_AT(struct wait_options, within),
     .default_help = "without end",
     .help = "how long to wait"},
    {.name = "--quiet",
     CLI_FLAG_AT(struct wait_options, quiet),
     .help = "print the final status alone"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct wait_options, client)},
    {rows, 0},
    {NULL, 0},
};

static bool is_final(Runs__V1__RunStatus status) {
    return status == RUNS__V1__RUN_STATUS__RUN_STATUS_SUCCESS ||
           status == RUNS__V1__RUN_STATUS__RUN_STATUS_FAILURE ||
           status == RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED;
}

// Whether the message is a reason to look at the run: it has become final, or it is not among
// the live ones of a snapshot that is complete. *is_live is of the snapshot.
static bool is_worth_a_look(const Runs__V1__WatchRunsResponse *message, bool *is_live) {
    switch (message->item_case) {
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_SNAPSHOT_RUN:
        *is_live = true;
        return false;
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_SNAPSHOT_END:
        return !*is_live;
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_CHANGE:
        return is_final(message->change->to_status);
    default:
        return false;
    }
}

// Watches until the run is worth a look, or until_us. Returns an exit code; an error has been
// printed.
static int watch_run(const struct invocation *in, struct run_watch *w, int64_t until_us) {
    struct arena arena; // of a message
    arena_init(&arena);
    struct invocation step = *in;
    step.arena = &arena;
    int code = EXIT_CODE_OK;
    bool is_live = false;
    for (bool goes_on = true; goes_on; arena_reset(&arena)) {
        Runs__V1__WatchRunsResponse *message;
        struct slice bytes;
        const struct error *error;
        enum run_watch_result result =
            run_watch_next(w, &arena, until_us, &message, &bytes, &error);
        switch (result) {
        case RUN_WATCH_MESSAGE:
            goes_on = !is_worth_a_look(message, &is_live);
            break;
        case RUN_WATCH_ANEW: // nothing is missed: the snapshot says whether it is live
        case RUN_WATCH_INTERRUPTED:
            is_live = w->request.snapshot ? false : is_live;
            watch_print_interruption(&step, w, RUN_WATCH_INTERRUPTED, error);
            break;
        case RUN_WATCH_NOT_YET:
            code = EXIT_CODE_NOT_YET;
            goes_on = false;
            break;
        case RUN_WATCH_FAILED:
            code = watch_print_failure(in, w, error);
            goes_on = false;
            break;
        }
    }
    arena_release(&arena);
    return code;
}

// Prints the run; the exit code says how it ended.
static int print_end(const struct invocation *in, struct connection *connection,
                     const Runs__V1__Run *run, struct slice bytes) {
    const struct wait_options *options = in->options;
    int code = EXIT_CODE_OK;
    if (options->quiet) {
        puts(status_text((int)run->status));
    } else {
        code = run_fetch_end_and_print(in, connection, RUN_FETCH_PATIENTLY, run, bytes);
    }
    if (code != EXIT_CODE_OK || run->status == RUNS__V1__RUN_STATUS__RUN_STATUS_SUCCESS) {
        return code;
    }
    return run->status == RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED ? EXIT_CODE_RUN_CANCELLED
                                                                     : EXIT_CODE_RUN_FAILED;
}

static int wait_on(const struct invocation *in, struct connection *connection, int64_t until_us) {
    const struct wait_options *options = in->options;
    struct run_watch w;
    run_watch_init(&w, connection);
    char *ids[] = {(char *)in->operands[0]};
    w.request.run_ids = ids;
    w.request.n_run_ids = 1;
    w.request.snapshot = true;
    int code = watch_run(in, &w, until_us);
    run_watch_release(&w);
    Runs__V1__Run *run;
    struct slice bytes;
    if (code == EXIT_CODE_OK) {
        code = run_fetch(in, connection, in->operands[0], RUN_FETCH_PATIENTLY, &run, &bytes);
    }
    if (code == EXIT_CODE_NOT_YET) {
        command_error(in,
                      error_new(in->arena, STATUS_DEADLINE_EXCEEDED, REASON_NONE,
                                "the run \"%s\" has not ended within %s", in->operands[0],
                                options->within),
                      "");
    }
    return code == EXIT_CODE_OK ? print_end(in, connection, run, bytes) : code;
}

static int wait_for_end(struct invocation *in) {
    const struct wait_options *options = in->options;
    int64_t seconds = 0;
    const struct error *error = command_check_quiet(in, options->quiet);
    if (error == NULL && options->within != NULL) {
        error = time_option_read_span(in->arena, "--within", options->within, &seconds);
    }
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    struct connection connection;
    error = client_options_open(in, &options->client, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    int64_t until_us = options->within != NULL ? clock_monotonic_us() + seconds * 1000000 : 0;
    int code = wait_on(in, &connection, until_us);
    connection_close(&connection);
    return code;
}

const struct command runs_wait_command = {
    .name = "runs wait",
    .place = 262,
    .operands = "ID",
    .summary = "Waits until a run is final, and shows it. Scope: runs.read.",
    .details = "Exit code 0 says that it succeeded, 8 that it failed, 9 that it was cancelled, 7\n"
               "that it has not ended within --within. Waits on when the server is restarted.\n",
    .tables = tables,
    .options_size = sizeof(struct wait_options),
    .operand_count = 1,
    .run = wait_for_end,
};
