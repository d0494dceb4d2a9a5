#include "base/core/clock.h"
#include "ctl/bulk_cancel.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/duration_option.h"
#include "ctl/exit_code.h"
#include "ctl/keyed_call.h"
#include "ctl/message.h"
#include "ctl/run_filter.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

struct cancel_options {
    struct client_options client;
    struct run_filter_options filter;
    struct keyed_options keyed;
    const char *reason;
    const char *wait;
    const char *plan;
    int64_t expected_sequence;
    bool has_expected_sequence;
    bool cascade;
    bool dry_run;
    bool yes;
};

// The server's most.
enum { MOST_IDS = 5000 };

static const struct cli_option rows[] = {
    {.name = "--reason",
     .value = "TEXT",
     CLI_TEXT_AT(struct cancel_options, reason),
     .help = "why; kept with the run's events"},
    {.name = "--wait",
     .value = "TIME",
     CLI_TEXT_AT(struct cancel_options, wait),
     .default_help = "not at all",
     .help = "how long to wait, once it is cancelled, until its executor says that the work has "
             "stopped; --timeout-ms comes on top; of one run"},
    {.name = "--expected-sequence",
     .value = "N",
     CLI_NUMBER_AT(struct cancel_options, expected_sequence),
     CLI_GIVEN_AT(struct cancel_options, has_expected_sequence),
     .least = 1,
     .most = INT64_MAX,
     .help = "only if this is the run's newest sequence, as runs events shows it; of one run"},
    {.name = NULL},
};

static const struct cli_option bulk_rows[] = {
    {.name = "--cascade",
     CLI_FLAG_AT(struct cancel_options, cascade),
     .help = "also the descendants of the runs, those that are created meanwhile included"},
    {.name = "--dry-run",
     CLI_FLAG_AT(struct cancel_options, dry_run),
     .help = "cancel nothing: show which runs it would be, and keep them as a plan for an hour"},
    {.name = "--plan",
     .value = "ID",
     CLI_TEXT_AT(struct cancel_options, plan),
     .help = "in place of a filter: exactly the runs of this plan, but for those that have ended"},
    {.name = "--yes", CLI_FLAG_AT(struct cancel_options, yes), .help = "ask no question"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {rows, 0},
    {run_filter_options_rows, offsetof(struct cancel_options, filter)},
    {bulk_rows, 0},
    {keyed_options_rows, offsetof(struct cancel_options, keyed)},
    {client_options_rows, offsetof(struct cancel_options, client)},
    {NULL, 0},
};

// Whether nothing can be at work on the cancelled run: its work has stopped, or never began.
static bool is_at_rest(const Runs__V1__Run *run) {
    return run->stopped_at != NULL ||
           (run->dispatch == RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_LEASE && run->lease == NULL);
}

// The exit code of a cancel that was to wait.
static int check_stopped(const struct invocation *in, const char *wait, struct slice response) {
    Runs__V1__Run *run;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__run__descriptor, response, &run);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    if (is_at_rest(run)) {
        return EXIT_CODE_OK;
    }
    command_error(in,
                  error_new(in->arena, STATUS_DEADLINE_EXCEEDED, REASON_NONE,
                            "the run \"%s\" is cancelled, but that its work has stopped is not "
                            "known after --wait %s",
                            run->id, wait),
                  "runsctl runs events --follow waits for it");
    return EXIT_CODE_NOT_YET;
}

static int cancel_one(struct invocation *in) {
    const struct cancel_options *options = in->options;
    Runs__V1__CancelRunRequest request = RUNS__V1__CANCEL_RUN_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    request.expected_sequence = options->expected_sequence;
    if (options->reason != NULL) {
        request.reason = (char *)options->reason;
    }
    Google__Protobuf__Duration wait;
    const struct error *error =
        duration_option_read(in->arena, "--wait", options->wait, &wait, &request.wait);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    struct client_options patient = options->client;
    patient.timeout_ms += wait.seconds * 1000;
    const char *key = keyed_call_key(in, &options->keyed);
    request.request_id = (char *)key;
    struct slice response;
    int code = keyed_call_once(in, &patient, "/runs.v1.RunsService/CancelRun", key,
                               message_to_bytes(in->arena, &request), &response);
    if (code == EXIT_CODE_OK) {
        code = run_print(in, response, NULL);
    }
    return code != EXIT_CODE_OK || options->wait == NULL
               ? code
               : check_stopped(in, options->wait, response);
}

static size_t count_ids(const struct invocation *in) {
    size_t count = 0;
    while (in->operands[count] != NULL) {
        count++;
    }
    return count;
}

static const struct error *usage_error(struct arena *a, const char *message) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s", message);
}

// Which runs are meant must be said in exactly one way.
static const struct error *check_ways(struct arena *a, const struct cancel_options *options,
                                      size_t ids, const struct run_filter *filter) {
    int ways = (ids > 0) + filter->is_given + (options->plan != NULL);
    if (ways == 0) {
        return usage_error(a, "ID is missing, or a filter like --workflow, or --plan");
    }
    if (ways > 1) {
        return usage_error(a, "IDs, a filter and --plan exclude each other");
    }
    if (options->plan != NULL && options->plan[0] == '\0') {
        return usage_error(a, "--plan: \"\" is the id of no plan");
    }
    if (options->plan != NULL && (options->cascade || options->dry_run)) {
        return usage_error(a, "--cascade and --dry-run are given when a plan is made, not with "
                              "--plan");
    }
    return NULL;
}

// What only the cancel of one run has.
static const struct error *check_many(struct arena *a, const struct cancel_options *options) {
    return options->wait != NULL
               ? usage_error(a, "--wait is of one run that is cancelled by its id alone")
           : options->has_expected_sequence
               ? usage_error(a, "--expected-sequence is of one run that is cancelled by its id "
                                "alone")
               : NULL;
}

static int cancel_many(struct invocation *in, size_t ids, struct run_filter *filter) {
    const struct cancel_options *options = in->options;
    struct bulk_cancel bulk = {.is_sure = options->yes, .key = keyed_call_key(in, &options->keyed)};
    runs__v1__cancel_runs_request__init(&bulk.request);
    bulk.request.ids = (char **)in->operands;
    bulk.request.n_ids = ids;
    bulk.request.filter = filter->is_given ? &filter->message : NULL;
    bulk.request.dry_run = options->dry_run;
    bulk.request.cascade = options->cascade;
    if (options->plan != NULL) {
        bulk.request.plan = (char *)options->plan;
    }
    if (options->reason != NULL) {
        bulk.request.reason = (char *)options->reason;
    }
    const struct error *error = check_many(in->arena, options);
    if (error == NULL) {
        error = bulk_cancel_check(in->arena, &bulk);
    }
    return error != NULL ? command_usage_error(in, "%s", error->message)
                         : bulk_cancel_run(in, &options->client, &bulk);
}

static int cancel(struct invocation *in) {
    const struct cancel_options *options = in->options;
    size_t ids = count_ids(in);
    struct run_filter filter;
    const struct error *error =
        run_filter_read(in->arena, &options->filter, clock_now_us(&clock_system), &filter);
    if (error == NULL) {
        error = check_ways(in->arena, options, ids, &filter);
    }
    if (error == NULL) {
        error = keyed_options_check(in->arena, &options->keyed);
    }
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    return ids == 1 && !options->cascade && !options->dry_run ? cancel_one(in)
                                                              : cancel_many(in, ids, &filter);
}

const struct command runs_cancel_command = {
    .name = "runs cancel",
    .place = 230,
    .operands = "[ID...]",
    .summary = "Cancels running or waiting runs, for good. Scope: runs.cancel.",
    .details = "One run by its id: exit code 4 says that the run had finished before, 6 that the\n"
               "outcome is not known, 7 that it is cancelled, but its work not known to have\n"
               "stopped within --wait.\n"
               "\n"
               "Several ids, a filter or --cascade: a bulk cancel, which the server goes on with\n"
               "whatever becomes of this command; Ctrl-C leaves it, and says how to watch or\n"
               "abort it. With a filter its runs are frozen as a plan first, which is shown;\n"
               "after a question exactly these are cancelled, but for those that have ended\n"
               "meanwhile. Where nobody can be asked, --yes is needed. Exit code 3 says that ids\n"
               "of no runs were among those given, 4 that runs had finished before, or that the\n"
               "bulk cancel was aborted, 1 that the answer was not yes.\n"
               "\n" KEYED_CALL_HELP
               "--older-than and the like mean another moment then: that is refused.\n",
    .tables = tables,
    .options_size = sizeof(struct cancel_options),
    .run = cancel,
    .more_operands = MOST_IDS,
};
