#include <stdio.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/core/timestamp.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "ctl/run_table.h"
#include "ctl/timestamp_option.h"

// The server's most, for --all.
enum { LARGEST_PAGE = 1000 };

struct list_options {
    struct client_options client;
    struct cli_list status;
    const char *workflow;
    const char *since;
    const char *until;
    int page_size;
    const char *page_token;
    bool all;
    bool wide;
    bool watch_cursor;
};

static const struct cli_option rows[] = {
    {.name = "--status",
     .value = "WORD,...",
     CLI_LIST_AT(struct list_options, status),
     .help = "running, waiting, success, failure, cancelled"},
    {.name = "--workflow",
     .value = "ID",
     CLI_TEXT_AT(struct list_options, workflow),
     .help = "only runs of this workflow"},
    {.name = "--since",
     .old_name = "--started-after",
     .value = "TIME",
     CLI_TEXT_AT(struct list_options, since),
     .help = "started after: 2h or 7d ago, 2026-01-31, or RFC 3339"},
    {.name = "--until",
     .old_name = "--started-before",
     .value = "TIME",
     CLI_TEXT_AT(struct list_options, until),
     .help = "started before, likewise"},
    {.name = "--all", CLI_FLAG_AT(struct list_options, all), .help = "all pages, not one"},
    {.name = "--page-size",
     .value = "N",
     CLI_NUMBER_AT(struct list_options, page_size),
     .least = 1,
     .most = LARGEST_PAGE,
     .default_help = "50", // the server's
     .help = "how many runs a page has at most"},
    {.name = "--page-token",
     .value = "TOKEN",
     CLI_TEXT_AT(struct list_options, page_token),
     .help = "what the previous page ended with; same filters"},
    {.name = "--watch-cursor",
     CLI_FLAG_AT(struct list_options, watch_cursor),
     .help = "also print from where runs watch --cursor goes on without a gap"},
    {.name = "--wide",
     CLI_FLAG_AT(struct list_options, wide),
     .help = "all columns, also where the terminal has no room"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct list_options, client)},
    {rows, 0},
    {NULL, 0},
};

// What is asked for, and what its pointers lead to.
struct list_request {
    Runs__V1__ListRunsRequest message;
    Google__Protobuf__Timestamp after;
    Google__Protobuf__Timestamp before;
};

// --- the request ---

// Returns an error of usage.
static const struct error *read_request(struct arena *a, const struct list_options *options,
                                        struct list_request *ret) {
    Runs__V1__ListRunsRequest *message = &ret->message;
    runs__v1__list_runs_request__init(message);
    message->page_size =
        options->page_size == 0 && options->all ? LARGEST_PAGE : options->page_size;
    if (options->workflow != NULL) {
        message->workflow_id = (char *)options->workflow;
    }
    message->watch_cursor = options->watch_cursor;
    if (options->page_token != NULL) {
        message->page_token = (char *)options->page_token;
    }
    int64_t now_us = clock_now_us(&clock_system);
    const struct error *error =
        run_statuses_read(a, &options->status, &message->status, &message->n_status);
    if (error == NULL) {
        error = timestamp_option_read(a, "--since", options->since, now_us, &ret->after,
                                      &message->started_after);
    }
    if (error == NULL) {
        error = timestamp_option_read(a, "--until", options->until, now_us, &ret->before,
                                      &message->started_before);
    }
    return error != NULL
               ? error
               : timestamp_option_check_order(a, "--since", options->since, message->started_after,
                                              "--until", options->until, message->started_before);
}

// --- pages ---

// A time as the next page needs it: one that is so long ago is another by then.
static void print_time(struct arena *a, const char *option, const char *given,
                       const Google__Protobuf__Timestamp *t) {
    const char *text = given != NULL ? timestamp_text(a, t) : "";
    if (given != NULL && strcmp(text, given) != 0) {
        printf(" %s %s", option, text);
    }
}

static void print_more(struct arena *a, const struct list_options *options,
                       const struct list_request *request, const char *next) {
    printf("\nMore: --all, or --page-token %s", next);
    print_time(a, "--since", options->since, &request->after);
    print_time(a, "--until", options->until, &request->before);
    putchar('\n');
}

// Asks for pages, one or all, and prints each; *ret_next is the token of what is left.
static int print_pages(const struct invocation *in, struct connection *connection,
                       struct run_table *table, struct list_request *request,
                       const char **ret_next) {
    const struct list_options *options = in->options;
    struct arena arena; // of a page
    arena_init(&arena);
    struct invocation page = *in;
    page.arena = &arena;
    int code;
    do {
        struct slice bytes = message_to_bytes(&arena, &request->message);
        struct slice response;
        const char *next = "";
        code = client_options_call_again(&page, connection, "/runs.v1.RunsService/ListRuns", bytes,
                                         &response);
        if (code == EXIT_CODE_OK) {
            code = run_table_page(table, &page, response, &next);
        }
        *ret_next = arena_cstr(in->arena, slice_of_cstr(next));
        request->message.page_token = (char *)*ret_next;
        arena_reset(&arena);
    } while (code == EXIT_CODE_OK && options->all && (*ret_next)[0] != '\0');
    arena_release(&arena);
    return code;
}

static int list(struct invocation *in) {
    const struct list_options *options = in->options;
    struct list_request request;
    const struct error *error = read_request(in->arena, options, &request);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    struct connection connection;
    error = client_options_open(in, &options->client, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    struct run_table table;
    const char *next = "";
    run_table_begin(&table, in->json, options->wide);
    int code = print_pages(in, &connection, &table, &request, &next);
    if (code == EXIT_CODE_OK) {
        run_table_end(&table, next);
    }
    if (code == EXIT_CODE_OK && !in->json && next[0] != '\0') {
        print_more(in->arena, options, &request, next);
    }
    run_table_release(&table);
    connection_close(&connection);
    return code;
}

const struct command runs_list_command = {
    .name = "runs list",
    .place = 220,
    .operands = "",
    .summary = "Lists runs, newest first. Scope: runs.read.",
    .details = "A list on a terminal has its width, with ages for times (\"3h\"). An error with\n"
               "--all leaves what was printed before it, in JSON without its end.\n",
    .tables = tables,
    .options_size = sizeof(struct list_options),
    .run = list,
};
