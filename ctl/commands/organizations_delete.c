#include <stdio.h>

#include "base/core/clock.h"
#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/interrupt.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/organization_print.h"
#include "ctl/print.h"
#include "ctl/progress.h"
#include "ctl/question.h"
#include "ctl/retry.h"
#include "ctl/run_print.h"
#include "ctl/tokens_access.h"

struct delete_options {
    struct tokens_options access;
    bool yes;
};

static const struct cli_option rows[] = {
    {.name = "--yes", CLI_FLAG_AT(struct delete_options, yes), .help = "ask no question"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {rows, 0},
    {client_options_rows, offsetof(struct delete_options, access.client)},
    {tokens_options_rows, offsetof(struct delete_options, access)},
    {NULL, 0},
};

// How often an error that may pass is met in a row before it is one.
enum { MOST_FAILURES = 10 };

// A deletion while it goes on.
struct deletion {
    const struct invocation *in;
    struct interrupt *interrupt;
    struct progress progress;
    int64_t total;   // runs, when it began
    int64_t deleted; // runs, as far as answers said it
    bool has_begun;  // something may be deleted
    bool is_refused; // the answer was not yes
};

// On interrupt's thread.
static void leave(void *context) {
    const struct deletion *d = context;
    struct arena a;
    arena_init(&a);
    struct invocation in = *d->in;
    in.arena = &a;
    if (question_can_be_asked()) {
        fputc('\n', stderr); // behind "^C"
    }
    const char *text = d->has_begun ? "interrupted; what is deleted so far is gone"
                                    : "interrupted; nothing was deleted";
    command_error(&in, error_new(&a, STATUS_CANCELLED, REASON_NONE, "%s", text),
                  d->has_begun ? "the same command goes on" : "");
    arena_release(&a);
}

static const struct error *get(const struct invocation *in, struct connection *connection,
                               Runs__V1__Organization **ret) {
    Runs__V1__GetOrganizationRequest request = RUNS__V1__GET_ORGANIZATION_REQUEST__INIT;
    request.name = (char *)in->operands[0];
    struct slice response;
    const struct error *error =
        connection_call(connection, in->arena, "/runs.v1.OrganizationsService/GetOrganization",
                        message_to_bytes(in->arena, &request), &response);
    return error != NULL
               ? error
               : message_from_bytes(in->arena, &runs__v1__organization__descriptor, response, ret);
}

static bool ask(struct arena *a, const Runs__V1__Organization *organization) {
    const char *text = arena_printf(
        a, "%s: %s, %s tokens, %s", organization->name,
        count_text_of_runs(a, organization_count_runs(organization)),
        count_text(a, organization->tokens),
        organization->frozen_at != NULL
            ? arena_printf(a, "frozen since %s", timestamp_text(a, organization->frozen_at))
            : "not frozen");
    print_text(stderr, slice_of_cstr(text));
    fputc('\n', stderr);
    return question_ask("Delete all of it, for good?");
}

static void show(struct deletion *d) {
    interrupt_lock(d->interrupt);
    progress_show(&d->progress, d->deleted, d->total > d->deleted ? d->total : d->deleted);
    interrupt_unlock(d->interrupt);
}

static void clear(struct deletion *d) {
    interrupt_lock(d->interrupt);
    progress_clear(&d->progress);
    interrupt_unlock(d->interrupt);
}

// One step; *ret_is_done is set. That the organization is not there any more, where an answer was
// lost before, says that this one was the last.
static const struct error *step(struct deletion *d, struct connection *connection, struct arena *a,
                                bool is_answer_lost, bool *ret_is_done) {
    Runs__V1__DeleteOrganizationRequest request = RUNS__V1__DELETE_ORGANIZATION_REQUEST__INIT;
    request.name = (char *)d->in->operands[0];
    struct slice response;
    Runs__V1__DeleteOrganizationResponse *answer;
    const struct error *error =
        connection_call(connection, a, "/runs.v1.OrganizationsService/DeleteOrganization",
                        message_to_bytes(a, &request), &response);
    if (error != NULL && is_answer_lost && error->code == STATUS_NOT_FOUND) {
        *ret_is_done = true;
        return NULL;
    }
    if (error == NULL) {
        error = message_from_bytes(a, &runs__v1__delete_organization_response__descriptor, response,
                                   &answer);
    }
    if (error == NULL) {
        d->deleted += answer->deleted_runs;
        *ret_is_done = answer->done;
    }
    return error;
}

static const struct error *delete_all(struct deletion *d, struct connection *connection) {
    interrupt_lock(d->interrupt);
    d->has_begun = true;
    interrupt_unlock(d->interrupt);
    bool is_done = false;
    int failures = 0;
    bool is_answer_lost = false;
    while (!is_done) {
        const struct error *error = step(d, connection, d->in->arena, is_answer_lost, &is_done);
        if (error != NULL && (!retry_is_worth_it(error) || ++failures == MOST_FAILURES)) {
            clear(d);
            return error;
        }
        if (error != NULL) {
            is_answer_lost = true;
            retry_sleep_until(clock_monotonic_us() + retry_pause_us(error, failures));
        } else {
            failures = 0;
            show(d);
        }
    }
    clear(d);
    return NULL;
}

static const struct error *ask_and_delete(const struct invocation *in,
                                          struct connection *connection, void *context) {
    const struct delete_options *options = in->options;
    struct deletion *d = context;
    Runs__V1__Organization *organization;
    d->interrupt = interrupt_begin(leave, d);
    const struct error *error = get(in, connection, &organization);
    if (error == NULL) {
        d->total = organization_count_runs(organization);
        d->is_refused = !options->yes && !ask(in->arena, organization);
        progress_begin(&d->progress, in, "deleting runs");
    }
    if (error == NULL && !d->is_refused) {
        error = delete_all(d, connection);
    }
    interrupt_end(d->interrupt);
    return error;
}

static int print_end(const struct invocation *in, const struct deletion *d) {
    if (d->is_refused) {
        return command_error(in,
                             error_new(in->arena, STATUS_CANCELLED, REASON_NONE,
                                       "nothing was deleted: the answer was not yes"),
                             "");
    }
    if (in->json) {
        Runs__V1__DeleteOrganizationResponse answer = RUNS__V1__DELETE_ORGANIZATION_RESPONSE__INIT;
        answer.deleted_runs = d->deleted;
        answer.done = true;
        return json_print_reply(in, "runs.v1.DeleteOrganizationResponse",
                                message_to_bytes(in->arena, &answer));
    }
    print_text(stdout,
               slice_of_cstr(arena_printf(in->arena, "Deleted %s, with %s.", in->operands[0],
                                          count_text_of_runs(in->arena, d->deleted))));
    putchar('\n');
    return EXIT_CODE_OK;
}

static int delete_it(struct invocation *in) {
    const struct delete_options *options = in->options;
    if (!options->yes && !question_can_be_asked()) {
        return command_usage_error(in, "standard input or standard error is no terminal, so it "
                                       "cannot be asked whether the organization is to be deleted; "
                                       "give --yes");
    }
    struct deletion d = {.in = in};
    in->unknown_hint = "delete it again: that it is not found says that it is done";
    int code = tokens_access_use(in, &options->access, ask_and_delete, &d);
    return code == EXIT_CODE_OK ? print_end(in, &d) : code;
}

const struct command organizations_delete_command = {
    .name = "organizations delete",
    .place = 338,
    .operands = "NAME",
    .summary = "Deletes all that is kept of a frozen organization, for good.",
    .details = "Scope: organizations.admin. Runs, events, bulk cancels, keys, tokens; export\n"
               "them first. It asks before, so where nobody can be asked --yes is needed.\n"
               "Interrupted, by Ctrl-C say, it leaves what is left: the same command goes on.\n"
               "Exit code 4 says that the organization is not frozen, 1 that the answer was not\n"
               "yes.\n",
    .tables = tables,
    .options_size = sizeof(struct delete_options),
    .operand_count = 1,
    .run = delete_it,
};
