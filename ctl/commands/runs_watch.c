#include <stdio.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "ctl/client_options.h"
#include "ctl/comma_list.h"
#include "ctl/command_error.h"
#include "ctl/event_table.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/run_print.h"
#include "ctl/run_watch.h"
#include "ctl/watch_print.h"
#include "ctl/watch_table.h"

struct watch_options {
    struct client_options client;
    struct cli_list status;
    const char *workflow;
    struct cli_list runs;
    const char *holder;
    const char *cursor;
    bool snapshot;
    bool include_run;
    bool bookmarks;
};

static const struct cli_option rows[] = {
    {.name = "--status",
     .value = "WORD,...",
     CLI_LIST_AT(struct watch_options, status),
     .help = "only changes to running, waiting, success, failure, cancelled"},
    {.name = "--workflow",
     .value = "ID",
     CLI_TEXT_AT(struct watch_options, workflow),
     .help = "only runs of this workflow"},
    {.name = "--run",
     .value = "ID,...",
     CLI_LIST_AT(struct watch_options, runs),
     .help = "only these runs"},
    {.name = "--holder",
     .value = "NAME",
     CLI_TEXT_AT(struct watch_options, holder),
     .help = "only what happens to runs while this executor holds them"},
    {.name = "--snapshot",
     CLI_FLAG_AT(struct watch_options, snapshot),
     .help = "begin with the live runs; on a terminal that is always so"},
    {.name = "--cursor",
     .value = "CURSOR",
     CLI_TEXT_AT(struct watch_options, cursor),
     .help = "go on behind the message that had it"},
    {.name = "--include-run",
     CLI_FLAG_AT(struct watch_options, include_run),
     .help = "with --json: each change with its run"},
    {.name = "--bookmarks",
     CLI_FLAG_AT(struct watch_options, bookmarks),
     .help = "with --json: also how far the watch has come, every 5 seconds"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct watch_options, client)},
    {rows, 0},
    {NULL, 0},
};

// How the watch is shown: exactly one of the three.
struct view {
    struct json_printer *json;
    struct watch_table *live;
    struct event_table *lines;
};

// Fills the filters in; returns an error of usage.
static const struct error *read_filters(struct arena *a, const struct watch_options *options,
                                        Runs__V1__WatchRunsRequest *ret) {
    if (options->snapshot && options->cursor != NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--snapshot and --cursor exclude each other");
    }
    struct cli_list ids = {0};
    const struct error *error =
        run_statuses_read(a, &options->status, &ret->status, &ret->n_status);
    if (error == NULL) {
        error = comma_list_read(a, "--run", &options->runs, &ids);
    }
    ret->run_ids = (char **)ids.items;
    ret->n_run_ids = ids.count;
    ret->workflow_id = (char *)(options->workflow != NULL ? options->workflow : "");
    ret->holder = (char *)(options->holder != NULL ? options->holder : "");
    ret->cursor = (char *)(options->cursor != NULL ? options->cursor : "");
    ret->snapshot = options->snapshot;
    ret->include_run = options->include_run;
    return error;
}

static int show_json(const struct invocation *in, const struct view *view,
                     const Runs__V1__WatchRunsResponse *message, struct slice bytes) {
    const struct watch_options *options = in->options;
    if (message->item_case == RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_BOOKMARK && !options->bookmarks) {
        return EXIT_CODE_OK;
    }
    int code = json_printer_print(view->json, in, bytes);
    if (code == EXIT_CODE_OK) {
        putchar('\n');
    }
    return code;
}

// Shows a message; returns an exit code, an error has been printed.
static int show(const struct invocation *in, const struct view *view,
                const Runs__V1__WatchRunsResponse *message, struct slice bytes) {
    if (view->json != NULL) {
        return show_json(in, view, message, bytes);
    }
    if (view->live != NULL) {
        watch_table_say(view->live, "");
        watch_table_add(view->live, message);
        return EXIT_CODE_OK;
    }
    if (message->item_case == RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_CHANGE) {
        event_table_add(view->lines, in->arena, message->change);
    } else if (message->item_case == RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_SNAPSHOT_RUN &&
               message->snapshot_run->run != NULL) {
        event_table_add_live(view->lines, in->arena, message->snapshot_run->run);
    }
    event_table_print(view->lines);
    return EXIT_CODE_OK;
}

static void show_interruption(const struct invocation *in, const struct view *view,
                              const struct run_watch *w, enum run_watch_result result,
                              const struct error *error) {
    if (view->live == NULL) {
        watch_print_interruption(in, w, result, error);
        return;
    }
    if (result == RUN_WATCH_ANEW) {
        watch_table_clear(view->live);
    }
    watch_table_say(view->live, watch_print_text(in->arena, w, result, error));
}

// Goes on until the watch fails, or until standard output does, which is said at the end.
static int follow(const struct invocation *in, struct run_watch *w, const struct view *view) {
    struct arena arena; // of a message
    arena_init(&arena);
    struct invocation step = *in;
    step.arena = &arena;
    int code = EXIT_CODE_OK;
    bool goes_on = true;
    while (goes_on && code == EXIT_CODE_OK && !ferror(stdout)) {
        if (view->live != NULL && clock_monotonic_us() >= watch_table_due_us(view->live)) {
            watch_table_draw(view->live);
        }
        int64_t until_us = view->live != NULL ? watch_table_due_us(view->live) : 0;
        Runs__V1__WatchRunsResponse *message;
        struct slice bytes;
        const struct error *error;
        enum run_watch_result result =
            run_watch_next(w, &arena, until_us, &message, &bytes, &error);
        switch (result) {
        case RUN_WATCH_MESSAGE:
            code = show(&step, view, message, bytes);
            break;
        case RUN_WATCH_INTERRUPTED:
        case RUN_WATCH_ANEW:
            show_interruption(&step, view, w, result, error);
            break;
        case RUN_WATCH_NOT_YET:
            break;
        case RUN_WATCH_FAILED:
            code = watch_print_failure(in, w, error);
            goes_on = false;
            break;
        }
        if (view->live == NULL) {
            fflush(stdout);
        }
        arena_reset(&arena);
    }
    arena_release(&arena);
    return code;
}

static int watch(struct invocation *in) {
    const struct watch_options *options = in->options;
    struct connection connection;
    struct run_watch w;
    run_watch_init(&w, &connection);
    const struct error *error = read_filters(in->arena, options, &w.request);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    error = client_options_open(in, &options->client, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    struct event_table lines;
    struct view view = {0};
    if (in->json) {
        view.json = json_printer_new("runs.v1.WatchRunsResponse");
    } else if (isatty(STDOUT_FILENO)) {
        view.live = watch_table_new();
        w.request.snapshot = options->cursor == NULL;
        w.request.include_run = true; // for the workflow
    } else {
        view.lines = &lines;
    }
    event_table_begin(&lines, EVENT_TABLE_RUNS | EVENT_TABLE_LEASES | EVENT_TABLE_GROWS, true);
    int code = follow(in, &w, &view);
    event_table_release(&lines);
    if (view.json != NULL) {
        json_printer_free(view.json);
    }
    if (view.live != NULL) {
        watch_table_free(view.live);
    }
    run_watch_release(&w);
    connection_close(&connection);
    return code;
}

const struct command runs_watch_command = {
    .name = "runs watch",
    .place = 260,
    .operands = "",
    .summary = "Shows changes of runs as they happen, until Ctrl-C. Scope: runs.read.",
    .details = "On a terminal a live table, else a line for each change; with --json each\n"
               "message of WatchRuns. It goes on by itself after interruptions, behind the last\n"
               "change, which standard error says; and where the server does not have what\n"
               "followed any more, it says that changes are missing and begins anew with the\n"
               "live runs. Only a --cursor that is refused at once ends it (exit code 2).\n",
    .tables = tables,
    .options_size = sizeof(struct watch_options),
    .run = watch,
};
