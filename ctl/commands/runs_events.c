#include <inttypes.h>
#include <stdio.h>

#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

struct events_options {
    struct client_options client;
    bool wide;
};

static const struct cli_option rows[] = {
    {.name = "--wide",
     CLI_FLAG_AT(struct events_options, wide),
     .help = "whole columns, also where the terminal has no room"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct events_options, client)},
    {rows, 0},
    {NULL, 0},
};

// Of SEQUENCE, AT, FROM, TO, ACTOR, REASON: those that a narrow terminal cuts.
enum { CUTTABLE = 1 << 4 | 1 << 5 };

static int print_events(struct invocation *in, struct slice response) {
    const struct events_options *options = in->options;
    size_t width = print_width(options->wide);
    Runs__V1__ListRunEventsResponse *list;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__list_run_events_response__descriptor, response, &list);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    static const char *const headings[] = {"SEQUENCE", "AT", "FROM", "TO", "ACTOR", "REASON"};
    struct table table;
    table_init(&table, 6, headings);
    table_fit(&table, width, CUTTABLE);
    for (size_t i = 0; i < list->n_events; i++) {
        const Runs__V1__RunEvent *event = list->events[i];
        table_add(&table, arena_printf(in->arena, "%" PRId64, event->sequence));
        table_add(&table, width > 0 ? timestamp_text_short(in->arena, event->at)
                                    : timestamp_text(in->arena, event->at));
        table_add(&table, event->from_status == RUNS__V1__RUN_STATUS__RUN_STATUS_UNSPECIFIED
                              ? "-"
                              : status_text((int)event->from_status));
        table_add(&table, status_text((int)event->to_status));
        table_add(&table, event->actor);
        table_add(&table, event->reason[0] != '\0' ? event->reason : "-");
    }
    table_print(&table, stdout);
    table_release(&table);
    return EXIT_CODE_OK;
}

static int events(struct invocation *in) {
    const struct events_options *options = in->options;
    Runs__V1__ListRunEventsRequest request = RUNS__V1__LIST_RUN_EVENTS_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    struct slice response;
    int code = client_options_call(in, &options->client, "/runs.v1.RunsService/ListRunEvents",
                                   message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK || !in->json) {
        return code != EXIT_CODE_OK ? code : print_events(in, response);
    }
    return json_print_reply(in, "runs.v1.ListRunEventsResponse", response);
}

const struct command runs_events_command = {
    .name = "runs events",
    .place = 250,
    .operands = "ID",
    .summary = "Shows who changed a run's status, when and why. Scope: runs.read.",
    .tables = tables,
    .options_size = sizeof(struct events_options),
    .operand_count = 1,
    .run = events,
};
