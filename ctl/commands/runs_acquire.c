#include <inttypes.h>
#include <stdio.h>

#include "ctl/client_options.h"
#include "ctl/comma_list.h"
#include "ctl/command_error.h"
#include "ctl/duration_option.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/lease_request.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"

enum { MOST_RUNS = 100 }; // the server's

struct acquire_options {
    struct client_options client;
    const char *holder;
    const char *lease;
    const char *workflow;
    struct cli_list runs;
    int max;
    const char *wait;
    bool quiet;
};

static const struct cli_option rows[] = {
    {.name = "--holder",
     .value = "NAME",
     CLI_TEXT_AT(struct acquire_options, holder),
     .is_required = true,
     .help = "who is to hold the runs: a name that no executor had before"},
    {.name = "--lease",
     .value = "TIME",
     CLI_TEXT_AT(struct acquire_options, lease),
     .default_help = "30s", // the server's
     .help = "how long each lease lasts unless it is renewed"},
    {.name = "--workflow",
     .value = "ID",
     CLI_TEXT_AT(struct acquire_options, workflow),
     .help = "only runs of this workflow"},
    {.name = "--run",
     .value = "ID,...",
     CLI_LIST_AT(struct acquire_options, runs),
     .help = "only these runs"},
    {.name = "--max",
     .value = "N",
     CLI_NUMBER_AT(struct acquire_options, max),
     .least = 1,
     .most = MOST_RUNS,
     .fallback_number = 1,
     .help = "how many runs at most"},
    {.name = "--wait",
     .value = "TIME",
     CLI_TEXT_AT(struct acquire_options, wait),
     .default_help = "not at all",
     .help = "how long to wait for a run if there is none; --timeout-ms comes on top"},
    {.name = "--quiet",
     CLI_FLAG_AT(struct acquire_options, quiet),
     .help = "print the id and the attempt alone, a line each"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct acquire_options, client)},
    {rows, 0},
    {NULL, 0},
};

static void print_runs(struct arena *a, const Runs__V1__AcquireRunsResponse *reply, bool quiet) {
    static const char *const headings[] = {"ID", "ATTEMPT", "LEASE END", "WORKFLOW"};
    struct table table;
    table_init(&table, 4, headings);
    for (size_t i = 0; i < reply->n_runs; i++) {
        const Runs__V1__AcquiredRun *acquired = reply->runs[i];
        const Runs__V1__Run *run = acquired->run;
        if (run == NULL) {
            continue;
        }
        if (quiet) {
            print_text(stdout, slice_of_cstr(run->id));
            printf(" %" PRId64 "\n", acquired->attempt);
            continue;
        }
        table_add(&table, run->id);
        table_add(&table, arena_printf(a, "%" PRId64, acquired->attempt));
        table_add(&table, timestamp_text(a, acquired->lease_end));
        table_add(&table, run->workflow_id[0] != '\0' ? run->workflow_id : "-");
    }
    if (!quiet) {
        table_print(&table, stdout);
    }
    table_release(&table);
}

static int print_reply(const struct invocation *in, struct slice response) {
    const struct acquire_options *options = in->options;
    if (in->json) {
        return json_print_reply(in, "runs.v1.AcquireRunsResponse", response);
    }
    Runs__V1__AcquireRunsResponse *reply;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__acquire_runs_response__descriptor, response, &reply);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    print_runs(in->arena, reply, options->quiet);
    return EXIT_CODE_OK;
}

static int acquire(struct invocation *in) {
    const struct acquire_options *options = in->options;
    Runs__V1__AcquireRunsRequest request = RUNS__V1__ACQUIRE_RUNS_REQUEST__INIT;
    struct lease_request lease;
    Google__Protobuf__Duration wait;
    struct cli_list ids = {0};
    const struct error *error = command_check_quiet(in, options->quiet);
    if (error == NULL) {
        error = lease_request_read(in->arena, options->holder, options->lease, &lease);
    }
    if (error == NULL) {
        error = duration_option_read(in->arena, "--wait", options->wait, &wait, &request.wait);
    }
    if (error == NULL) {
        error = comma_list_read(in->arena, "--run", &options->runs, &ids);
    }
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    request.lease = &lease.message;
    request.max_runs = options->max;
    request.n_run_ids = ids.count;
    request.run_ids = (char **)ids.items;
    if (options->workflow != NULL) {
        request.workflow_id = (char *)options->workflow;
    }
    struct client_options patient = options->client;
    patient.timeout_ms += wait.seconds * 1000;
    in->unknown_hint = "runs that were acquired can be acquired again once their leases have ended";
    in->unwritten = "runs that were acquired can be acquired again once their leases have ended";
    struct slice response;
    int code = client_options_call(in, &patient, "/runs.v1.RunsService/AcquireRuns",
                                   message_to_bytes(in->arena, &request), &response);
    return code != EXIT_CODE_OK ? code : print_reply(in, response);
}

const struct command runs_acquire_command = {
    .name = "runs acquire",
    .place = 270,
    .operands = "",
    .summary = "Takes runs of dispatch lease that nobody holds. Scope: runs.report.",
    .details = "Prints each run with its attempt, which renewals and reports name. None is no\n"
               "error.\n",
    .tables = tables,
    .options_size = sizeof(struct acquire_options),
    .run = acquire,
};
