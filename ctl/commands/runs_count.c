#include <stdio.h>

#include "base/core/wire.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "ctl/status_counts.h"

// The server's most workflows in a page: all pages are asked for.
enum { LARGEST_PAGE = 1000 };

struct count_options {
    struct client_options client;
    struct cli_list status;
    const char *workflow;
    bool by_workflow;
};

static const struct cli_option rows[] = {
    {.name = "--status",
     .value = "WORD,...",
     CLI_LIST_AT(struct count_options, status),
     .default_help = "all",
     .help = "running, waiting, success, failure, cancelled"},
    {.name = "--workflow",
     .value = "ID",
     CLI_TEXT_AT(struct count_options, workflow),
     .help = "only runs of this workflow"},
    {.name = "--by-workflow",
     CLI_FLAG_AT(struct count_options, by_workflow),
     .help = "a line for each workflow"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct count_options, client)},
    {rows, 0},
    {NULL, 0},
};

// --- for people ---

static void print_statuses(struct arena *a, const Runs__V1__CountRunsResponse *counts) {
    struct table table;
    table_init(&table, 2, NULL);
    status_counts_add_rows(&table, a, counts->by_status, counts->n_by_status);
    table_add(&table, "total");
    table_add(&table, count_text(a, counts->total));
    table_print(&table, stdout);
    table_release(&table);
}

// A column for each status that was asked for, between the workflow and the total.
static void print_workflows(struct arena *a, const Runs__V1__CountRunsResponse *counts) {
    size_t statuses = counts->n_by_status;
    const char **headings = ARENA_ARRAY(a, const char *, statuses + 2);
    headings[0] = "WORKFLOW";
    for (size_t i = 0; i < statuses; i++) {
        headings[i + 1] = status_text((int)counts->by_status[i]->status);
    }
    headings[statuses + 1] = "TOTAL";
    struct table table;
    table_init(&table, (int)statuses + 2, headings);
    for (size_t w = 0; w < counts->n_by_workflow; w++) {
        const Runs__V1__WorkflowCount *workflow = counts->by_workflow[w];
        table_add(&table, workflow->workflow_id[0] != '\0' ? workflow->workflow_id : "-");
        for (size_t i = 0; i < statuses; i++) {
            int64_t count = status_counts_find(workflow->by_status, workflow->n_by_status,
                                               (int)counts->by_status[i]->status);
            table_add(&table, count_text(a, count));
        }
        table_add(&table, count_text(a, workflow->total));
    }
    table_print(&table, stdout);
    table_release(&table);
}

// --- pages ---

// Fields of CountRunsResponse.
enum { BY_WORKFLOW = 3, NEXT_PAGE_TOKEN = 4 };

// Appends what a page adds to those before: its workflows; of the first page all but the token.
static void append_page(struct strbuf *out, struct slice page, bool is_first) {
    const uint8_t *end = page.data + page.len;
    struct wire_field field;
    for (const uint8_t *p = page.data, *start = p; p < end && wire_read_field(&p, end, &field);
         start = p) {
        if (field.number == BY_WORKFLOW || (is_first && field.number != NEXT_PAGE_TOKEN)) {
            strbuf_append_slice(out, slice_of(start, (size_t)(p - start)));
        }
    }
}

// Asks for all pages, and puts them together.
static int ask(const struct invocation *in, struct connection *connection,
               Runs__V1__CountRunsRequest *request, struct slice *ret_bytes) {
    struct strbuf all = STRBUF_INIT;
    const char *token = "";
    int code;
    do {
        bool is_first = token[0] == '\0';
        struct slice page;
        Runs__V1__CountRunsResponse *counts;
        request->page_token = (char *)token;
        code = client_options_call_again(in, connection, "/runs.v1.RunsService/CountRuns",
                                         message_to_bytes(in->arena, request), &page);
        const struct error *error =
            code == EXIT_CODE_OK
                ? message_from_bytes(in->arena, &runs__v1__count_runs_response__descriptor, page,
                                     &counts)
                : NULL;
        if (error != NULL) {
            code = command_error(in, error, NULL);
        }
        if (code == EXIT_CODE_OK) {
            append_page(&all, page, is_first);
            token = counts->next_page_token;
        }
    } while (code == EXIT_CODE_OK && token[0] != '\0');
    *ret_bytes = arena_copy(in->arena, strbuf_slice(&all));
    strbuf_release(&all);
    return code;
}

static int print(const struct invocation *in, struct slice bytes) {
    const struct count_options *options = in->options;
    if (in->json) {
        return json_print_reply(in, "runs.v1.CountRunsResponse", bytes);
    }
    Runs__V1__CountRunsResponse *counts;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__count_runs_response__descriptor, bytes, &counts);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    if (options->by_workflow) {
        print_workflows(in->arena, counts);
    } else {
        print_statuses(in->arena, counts);
    }
    return EXIT_CODE_OK;
}

static int count(struct invocation *in) {
    const struct count_options *options = in->options;
    Runs__V1__CountRunsRequest request = RUNS__V1__COUNT_RUNS_REQUEST__INIT;
    request.workflow_id = (char *)(options->workflow != NULL ? options->workflow : "");
    request.by_workflow = options->by_workflow;
    request.page_size = options->by_workflow ? LARGEST_PAGE : 0;
    const struct error *error =
        run_statuses_read(in->arena, &options->status, &request.status, &request.n_status);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    struct connection connection;
    error = client_options_open(in, &options->client, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    struct slice bytes;
    int code = ask(in, &connection, &request, &bytes);
    connection_close(&connection);
    return code == EXIT_CODE_OK ? print(in, bytes) : code;
}

const struct command runs_count_command = {
    .name = "runs count",
    .place = 222,
    .operands = "",
    .summary = "Counts runs by status, and by workflow. Scope: runs.read.",
    .tables = tables,
    .options_size = sizeof(struct count_options),
    .run = count,
};
