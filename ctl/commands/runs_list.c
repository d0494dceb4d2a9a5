#include <stdio.h>

#include "base/core/timestamp.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

struct list_options {
    struct client_options client;
    struct cli_list status;
    const char *workflow;
    const char *started_after;
    const char *started_before;
    int page_size;
    const char *page_token;
};

static const struct cli_option rows[] = {
    {.name = "--status",
     .value = "WORD",
     CLI_LIST_AT(struct list_options, status),
     .help = "running, waiting, success, failure or cancelled"},
    {.name = "--workflow",
     .value = "ID",
     CLI_TEXT_AT(struct list_options, workflow),
     .help = "only runs of this workflow"},
    {.name = "--started-after",
     .value = "TIME",
     CLI_TEXT_AT(struct list_options, started_after),
     .help = "RFC 3339, 2026-01-31T09:00:00Z"},
    {.name = "--started-before",
     .value = "TIME",
     CLI_TEXT_AT(struct list_options, started_before),
     .help = "RFC 3339"},
    {.name = "--page-size",
     .value = "N",
     CLI_NUMBER_AT(struct list_options, page_size),
     .least = 1,
     .most = 1000,
     .default_help = "50", // the server's
     .help = "how many runs at most"},
    {.name = "--page-token",
     .value = "TOKEN",
     CLI_TEXT_AT(struct list_options, page_token),
     .help = "what the previous page ended with; same filters"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct list_options, client)},
    {rows, 0},
    {NULL, 0},
};

// Reads an option that is a time into t. Returns whether it is one or not given;
// *field is left NULL if not given.
static bool read_time(const char *text, Google__Protobuf__Timestamp *t,
                      Google__Protobuf__Timestamp **field) {
    google__protobuf__timestamp__init(t);
    if (text == NULL) {
        return true;
    }
    *field = t;
    return timestamp_parse(slice_of_cstr(text), &t->seconds, &t->nanos);
}

static int print_list(struct invocation *in, struct slice response) {
    Runs__V1__ListRunsResponse *list;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__list_runs_response__descriptor, response, &list);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    static const char *const headings[] = {"ID", "STATUS", "STARTED", "FINISHED", "WORKFLOW"};
    struct table table;
    table_init(&table, 5, headings);
    for (size_t i = 0; i < list->n_runs; i++) {
        const Runs__V1__Run *run = list->runs[i];
        table_add(&table, run->id);
        table_add(&table, status_text((int)run->status));
        table_add(&table, timestamp_text(in->arena, run->started_at));
        table_add(&table, timestamp_text(in->arena, run->finished_at));
        table_add(&table, run->workflow_id[0] != '\0' ? run->workflow_id : "-");
    }
    table_print(&table, stdout);
    table_release(&table);
    if (list->next_page_token[0] != '\0') {
        printf("\nMore: --page-token %s\n", list->next_page_token);
    }
    return EXIT_CODE_OK;
}

static int list(struct invocation *in) {
    const struct list_options *options = in->options;
    Runs__V1__ListRunsRequest request = RUNS__V1__LIST_RUNS_REQUEST__INIT;
    request.status = ARENA_ARRAY(in->arena, Runs__V1__RunStatus, options->status.count + 1);
    for (; request.n_status < options->status.count; request.n_status++) {
        const char *word = options->status.items[request.n_status];
        if (!run_status_parse(word, &request.status[request.n_status])) {
            return command_usage_error(in, "--status: \"%s\" is no status", word);
        }
    }
    Google__Protobuf__Timestamp after;
    Google__Protobuf__Timestamp before;
    if (!read_time(options->started_after, &after, &request.started_after) ||
        !read_time(options->started_before, &before, &request.started_before)) {
        return command_usage_error(in, "--started-after and --started-before take RFC 3339 times "
                                       "like 2026-01-31T09:00:00Z");
    }
    request.page_size = options->page_size;
    if (options->workflow != NULL) {
        request.workflow_id = (char *)options->workflow;
    }
    if (options->page_token != NULL) {
        request.page_token = (char *)options->page_token;
    }
    struct slice response;
    int code = client_options_call(in, &options->client, "/runs.v1.RunsService/ListRuns",
                                   message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK || !options->client.json) {
        return code != EXIT_CODE_OK ? code : print_list(in, response);
    }
    return json_print_reply(in, "runs.v1.ListRunsResponse", response);
}

const struct command runs_list_command = {
    .name = "runs list",
    .place = 220,
    .operands = "",
    .summary = "Lists runs, newest first. Scope: runs.read.",
    .tables = tables,
    .options_size = sizeof(struct list_options),
    .run = list,
};
