#include <stdio.h>

#include "base/core/timestamp.h"
#include "ctl/client_options.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

enum {
    LIST_STATUS = CLIENT_OPTION_COUNT,
    LIST_WORKFLOW,
    LIST_STARTED_AFTER,
    LIST_STARTED_BEFORE,
    LIST_PAGE_SIZE,
    LIST_PAGE_TOKEN,
    LIST_OPTION_COUNT,
};

static const struct option options[] = {
    CLIENT_OPTIONS,
    [LIST_STATUS] = {.name = "--status",
                     .kind = OPTION_LIST,
                     .value = "WORD",
                     .help = "running, waiting, success, failure or cancelled"},
    [LIST_WORKFLOW] = {.name = "--workflow",
                       .kind = OPTION_TEXT,
                       .value = "ID",
                       .help = "only runs of this workflow"},
    [LIST_STARTED_AFTER] = {.name = "--started-after",
                            .kind = OPTION_TEXT,
                            .value = "TIME",
                            .help = "RFC 3339, 2026-01-31T09:00:00Z"},
    [LIST_STARTED_BEFORE] = {.name = "--started-before",
                             .kind = OPTION_TEXT,
                             .value = "TIME",
                             .help = "RFC 3339"},
    [LIST_PAGE_SIZE] = {.name = "--page-size",
                        .kind = OPTION_NUMBER,
                        .value = "N",
                        .help = "how many runs at most [50]",
                        .minimum = 1,
                        .maximum = 1000},
    [LIST_PAGE_TOKEN] = {.name = "--page-token",
                         .kind = OPTION_TEXT,
                         .value = "TOKEN",
                         .help = "what the previous page ended with; same filters"},
};

// Reads an option that is a time into t. Returns whether it is one or not given;
// *field is left NULL if not given.
static bool read_time(const struct option_value *v, Google__Protobuf__Timestamp *t,
                      Google__Protobuf__Timestamp **field) {
    google__protobuf__timestamp__init(t);
    if (!v->given) {
        return true;
    }
    *field = t;
    return timestamp_parse(slice_of_cstr(v->text), &t->seconds, &t->nanos);
}

static int print_list(struct invocation *in, struct slice response) {
    Runs__V1__ListRunsResponse *list;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__list_runs_response__descriptor, response, &list);
    if (error != NULL) {
        return exit_with_error(error, NULL);
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
    Runs__V1__ListRunsRequest request = RUNS__V1__LIST_RUNS_REQUEST__INIT;
    const struct option_value *v = in->values;
    int statuses = v[LIST_STATUS].list_count;
    request.status = ARENA_ARRAY(in->arena, Runs__V1__RunStatus, statuses + 1);
    for (; request.n_status < (size_t)statuses; request.n_status++) {
        const char *word = v[LIST_STATUS].list[request.n_status];
        if (!run_status_parse(word, &request.status[request.n_status])) {
            return command_usage_error(in->command, "--status: \"%s\" is no status", word);
        }
    }
    Google__Protobuf__Timestamp after;
    Google__Protobuf__Timestamp before;
    if (!read_time(&v[LIST_STARTED_AFTER], &after, &request.started_after) ||
        !read_time(&v[LIST_STARTED_BEFORE], &before, &request.started_before)) {
        return command_usage_error(in->command,
                                   "--started-after and --started-before take RFC 3339 times "
                                   "like 2026-01-31T09:00:00Z");
    }
    request.page_size = (int32_t)v[LIST_PAGE_SIZE].number;
    if (v[LIST_WORKFLOW].given) {
        request.workflow_id = (char *)v[LIST_WORKFLOW].text;
    }
    if (v[LIST_PAGE_TOKEN].given) {
        request.page_token = (char *)v[LIST_PAGE_TOKEN].text;
    }
    struct slice response;
    int code = client_options_call(in, "/runs.v1.RunsService/ListRuns",
                                   message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK || !v[CLIENT_JSON].given) {
        return code != EXIT_CODE_OK ? code : print_list(in, response);
    }
    return json_print_reply(in->arena, "runs.v1.ListRunsResponse", response);
}

const struct command runs_list_command = {
    .name = "runs list",
    .place = 220,
    .operands = "",
    .summary = "Lists runs, newest first. Scope: runs.read.",
    .options = options,
    .option_count = LIST_OPTION_COUNT,
    .run = list,
};
