#include <inttypes.h>
#include <stdio.h>

#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/lease_request.h"
#include "ctl/message.h"
#include "ctl/run_print.h"

struct renew_options {
    struct client_options client;
    const char *holder;
    const char *lease;
    int64_t attempt;
};

static const struct cli_option rows[] = {
    {.name = "--holder",
     .value = "NAME",
     CLI_TEXT_AT(struct renew_options, holder),
     .is_required = true,
     .help = "who holds the run, as runs acquire was given it"},
    {.name = "--attempt",
     .value = "N",
     CLI_NUMBER_AT(struct renew_options, attempt),
     .is_required = true,
     .least = 1,
     .most = INT64_MAX,
     .help = "the attempt, as runs acquire printed it"},
    {.name = "--lease",
     .value = "TIME",
     CLI_TEXT_AT(struct renew_options, lease),
     .default_help = "as long as the run was acquired for", // the server's
     .help = "how long the lease lasts from now on"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct renew_options, client)},
    {rows, 0},
    {NULL, 0},
};

// What the state says of a lease that the holder has no more; NULL: it has it.
static const struct error *error_of(struct arena *a, const Runs__V1__LeaseRenewal *renewal) {
    switch (renewal->state) {
    case RUNS__V1__LEASE_STATE__LEASE_STATE_HELD:
        return NULL;
    case RUNS__V1__LEASE_STATE__LEASE_STATE_FINISHED:
        return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "the run \"%s\" is finished: its status is %s, by \"%s\"%s%s",
                         renewal->run_id, status_text((int)renewal->status), renewal->actor,
                         renewal->reason[0] != '\0' ? ", reason: " : "", renewal->reason);
    case RUNS__V1__LEASE_STATE__LEASE_STATE_LOST:
        return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "the lease of the run \"%s\" is lost; the run's attempt is %" PRId64,
                         renewal->run_id, renewal->attempt);
    case RUNS__V1__LEASE_STATE__LEASE_STATE_NOT_FOUND:
        return error_new(a, STATUS_NOT_FOUND, REASON_NONE, "there is no run \"%s\"",
                         renewal->run_id);
    default:
        return error_new(a, STATUS_INTERNAL, REASON_NONE,
                         "the server sent a state of the lease that this runsctl does not know: %d",
                         (int)renewal->state);
    }
}

// Prints what became of the lease; returns an exit code.
static int print_renewal(const struct invocation *in, const Runs__V1__LeaseRenewal *renewal) {
    const struct error *error = error_of(in->arena, renewal);
    if (in->json) {
        int code =
            json_print_reply(in, "runs.v1.LeaseRenewal", message_to_bytes(in->arena, renewal));
        return code != EXIT_CODE_OK ? code : (int)exit_code_of(error);
    }
    if (error != NULL) {
        return command_error(in, error, "stop working on it");
    }
    printf("Held until %s.\n", timestamp_text(in->arena, renewal->lease_end));
    return EXIT_CODE_OK;
}

static int renew(struct invocation *in) {
    const struct renew_options *options = in->options;
    Runs__V1__RenewLeasesRequest request = RUNS__V1__RENEW_LEASES_REQUEST__INIT;
    struct lease_request lease;
    const struct error *error =
        lease_request_read(in->arena, options->holder, options->lease, &lease);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    Runs__V1__HeldLease held = RUNS__V1__HELD_LEASE__INIT;
    held.run_id = (char *)in->operands[0];
    held.attempt = options->attempt;
    Runs__V1__HeldLease *leases[] = {&held};
    request.lease = &lease.message;
    request.n_leases = 1;
    request.leases = leases;
    in->unknown_hint = "renew it again: that may be done at will";
    struct slice response;
    int code = client_options_call(in, &options->client, "/runs.v1.RunsService/RenewLeases",
                                   message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    Runs__V1__RenewLeasesResponse *reply;
    error = message_from_bytes(in->arena, &runs__v1__renew_leases_response__descriptor, response,
                               &reply);
    if (error == NULL && reply->n_renewals != 1) {
        error = error_new(in->arena, STATUS_INTERNAL, REASON_NONE,
                          "the server's reply has %zu leases in place of one", reply->n_renewals);
    }
    return error != NULL ? command_error(in, error, NULL) : print_renewal(in, reply->renewals[0]);
}

const struct command runs_renew_command = {
    .name = "runs renew",
    .place = 272,
    .operands = "ID",
    .summary = "Renews a run's lease. Scope: runs.report.",
    .details = "Exit code 4 says that the run is finished, a cancelled one say, or that the\n"
               "lease is lost: then stop working on it. --json prints the state in any case.\n",
    .tables = tables,
    .options_size = sizeof(struct renew_options),
    .operand_count = 1,
    .run = renew,
};
