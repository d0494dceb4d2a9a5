#include <stdio.h>

#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/event_table.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/run_fetch.h"
#include "ctl/run_watch.h"
#include "ctl/watch_print.h"

struct events_options {
    struct client_options client;
    bool wide;
    bool follow;
};

static const struct cli_option rows[] = {
    {.name = "--follow",
     CLI_FLAG_AT(struct events_options, follow),
     .help = "go on with events as they happen, until nothing more can come; with --json each "
             "event is a line"},
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

// --- what there is ---

static int print_all(const struct invocation *in, struct connection *connection) {
    const struct events_options *options = in->options;
    Runs__V1__ListRunEventsResponse *list;
    struct slice bytes;
    int code = run_fetch_events(in, connection, in->operands[0], RUN_FETCH_ONCE, &list, &bytes);
    if (code != EXIT_CODE_OK || in->json) {
        return code != EXIT_CODE_OK ? code
                                    : json_print_reply(in, "runs.v1.ListRunEventsResponse", bytes);
    }
    unsigned kind = 0;
    for (size_t i = 0; i < list->n_events; i++) {
        kind |= event_table_needs_leases(list->events[i]) ? EVENT_TABLE_LEASES : 0U;
    }
    struct event_table table;
    event_table_begin(&table, kind, options->wide);
    for (size_t i = 0; i < list->n_events; i++) {
        event_table_add(&table, in->arena, list->events[i]);
    }
    event_table_print(&table);
    event_table_release(&table);
    return EXIT_CODE_OK;
}

// --- and what follows ---

struct follower {
    struct run_watch watch;
    struct event_table table;
    struct json_printer *json; // NULL: for people
    int64_t sequence;          // of the last event that was printed
    bool is_over;              // nothing more can come
};

// A cancelled run that somebody held has one event more: that its work has stopped.
static bool is_last(const Runs__V1__RunEvent *event) {
    switch (event->to_status) {
    case RUNS__V1__RUN_STATUS__RUN_STATUS_SUCCESS:
    case RUNS__V1__RUN_STATUS__RUN_STATUS_FAILURE:
        return true;
    case RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED:
        return event->kind == RUNS__V1__RUN_EVENT_KIND__RUN_EVENT_KIND_STOPPED ||
               event->holder[0] == '\0';
    default:
        return false;
    }
}

static int print_event(const struct invocation *in, struct follower *f,
                       const Runs__V1__RunEvent *event) {
    if (event->sequence <= f->sequence) {
        return EXIT_CODE_OK;
    }
    f->sequence = event->sequence;
    f->is_over = is_last(event);
    int code = EXIT_CODE_OK;
    if (f->json != NULL) {
        code = json_printer_print(f->json, in, message_to_bytes(in->arena, event));
        putchar('\n');
    } else {
        event_table_add(&f->table, in->arena, event);
        event_table_print(&f->table);
    }
    return code;
}

// Prints the events that the server has and that were not printed. Behind the beginning of a
// watch nothing is missed between these and its changes.
static int print_missing(const struct invocation *in, struct follower *f) {
    Runs__V1__ListRunEventsResponse *list;
    struct slice bytes;
    int code = run_fetch_events(in, f->watch.connection, in->operands[0], RUN_FETCH_PATIENTLY,
                                &list, &bytes);
    for (size_t i = 0; code == EXIT_CODE_OK && i < list->n_events; i++) {
        code = print_event(in, f, list->events[i]);
    }
    return code;
}

static int take(const struct invocation *in, struct follower *f,
                const Runs__V1__WatchRunsResponse *message) {
    switch (message->item_case) {
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_SNAPSHOT_END:
        return print_missing(in, f);
    case RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_CHANGE:
        return print_event(in, f, message->change);
    default:
        return EXIT_CODE_OK;
    }
}

static int follow(const struct invocation *in, struct follower *f) {
    struct arena arena; // of a message
    arena_init(&arena);
    struct invocation step = *in;
    step.arena = &arena;
    int code = EXIT_CODE_OK;
    for (bool goes_on = true; goes_on; arena_reset(&arena)) {
        Runs__V1__WatchRunsResponse *message;
        struct slice bytes;
        const struct error *error;
        switch (run_watch_next(&f->watch, &arena, 0, &message, &bytes, &error)) {
        case RUN_WATCH_MESSAGE:
            code = take(&step, f, message);
            break;
        case RUN_WATCH_ANEW: // the snapshot's end makes up for it
        case RUN_WATCH_INTERRUPTED:
            watch_print_interruption(&step, &f->watch, RUN_WATCH_INTERRUPTED, error);
            break;
        case RUN_WATCH_NOT_YET:
            break;
        case RUN_WATCH_FAILED:
            code = watch_print_failure(in, &f->watch, error);
            goes_on = false;
            break;
        }
        fflush(stdout);
        goes_on = goes_on && code == EXIT_CODE_OK && !f->is_over && !ferror(stdout);
    }
    arena_release(&arena);
    return code;
}

static int print_and_follow(const struct invocation *in, struct connection *connection) {
    const struct events_options *options = in->options;
    struct follower f = {.json = in->json ? json_printer_new("runs.v1.RunEvent") : NULL};
    char *ids[] = {(char *)in->operands[0]};
    event_table_begin(&f.table, EVENT_TABLE_LEASES | EVENT_TABLE_GROWS, options->wide);
    run_watch_init(&f.watch, connection);
    f.watch.request.run_ids = ids;
    f.watch.request.n_run_ids = 1;
    f.watch.request.snapshot = true;
    int code = follow(in, &f);
    run_watch_release(&f.watch);
    event_table_release(&f.table);
    if (f.json != NULL) {
        json_printer_free(f.json);
    }
    return code;
}

static int events(struct invocation *in) {
    const struct events_options *options = in->options;
    struct connection connection;
    const struct error *error = client_options_open(in, &options->client, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    int code = options->follow ? print_and_follow(in, &connection) : print_all(in, &connection);
    connection_close(&connection);
    return code;
}

const struct command runs_events_command = {
    .name = "runs events",
    .place = 250,
    .operands = "ID",
    .summary = "Shows what happened to a run, who did it, when and why. Scope: runs.read.",
    .details = "With --follow it ends with the event that makes the run final, or, of a\n"
               "cancelled run that an executor held, with the one that says that its work has\n"
               "stopped.\n",
    .tables = tables,
    .options_size = sizeof(struct events_options),
    .operand_count = 1,
    .run = events,
};
