#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/cursor_file.h"
#include "ctl/exit_code.h"
#include "ctl/interrupt.h"
#include "ctl/json.h"
#include "ctl/line_output.h"
#include "ctl/message.h"
#include "ctl/run_watch.h"
#include "ctl/time_option.h"
#include "ctl/timestamp_option.h"
#include "ctl/watch_print.h"

struct audit_options {
    struct client_options client;
    const char *since;
    const char *cursor_file;
    bool until_now;
};

static const struct cli_option rows[] = {
    {.name = "--since",
     .value = "TIME",
     CLI_TEXT_AT(struct audit_options, since),
     .help = "from then on: " TIME_OPTION_VALUES "; not used where the cursor file is there"},
    {.name = "--cursor-file",
     .value = "FILE",
     CLI_TEXT_AT(struct audit_options, cursor_file),
     .help = "keeps how far the export has come, and lets the next one go on from there"},
    {.name = "--until-now",
     CLI_FLAG_AT(struct audit_options, until_now),
     .help = "end with what has happened by now, in place of waiting for more"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {rows, 0},
    {client_options_rows, offsetof(struct audit_options, client)},
    {NULL, 0},
};

// Lines are handed over together, and the cursor behind them, so that a busy feed does not wait
// for the disk with each one.
enum { MOST_LINES = 1000, MOST_DELAY_US = 200000 };

static const char cursor_option[] = "--cursor-file";

// An export while it goes on. What leave reads is changed between interrupt_lock and _unlock.
struct export {
    const struct invocation *in;
    const struct audit_options *options;
    struct interrupt *interrupt;
    struct run_watch watch;
    struct json_printer *printer;
    char *cursor; // behind what was printed last; "" if there is none
    size_t cursor_size;
    bool is_saved;         // the cursor is in the file, the lines are handed over
    int lines;             // since then
    int64_t unsaved_us;    // clock_monotonic_us, since when something is not
    bool was_cut;          // and has been told
    int64_t last_revision; // that --until-now waits for; -1: not known yet
    bool is_over;
};

// --- keeping ---

// Hands over the lines, then the cursor. Returns an error, in a, only of the file; if the lines
// cannot be written, ferror(stdout) says so, and the cursor stays where it was.
static const struct error *keep(struct export *e, struct arena *a) {
    if (e->is_saved || ferror(stdout)) {
        return NULL; // of lines that are lost there is no cursor
    }
    if (!line_output_keep()) {
        return ferror(stdout) ? NULL
                              : error_new(a, STATUS_UNKNOWN, REASON_NONE,
                                          "standard output cannot be kept: %s", strerror(errno));
    }
    const struct error *error =
        e->options->cursor_file != NULL && e->cursor[0] != '\0'
            ? cursor_file_write(a, cursor_option, e->options->cursor_file, e->cursor)
            : NULL;
    e->is_saved = error == NULL;
    e->lines = 0;
    return error;
}

// On interrupt's thread: what was printed is kept, so that the next export goes on behind it.
static void leave(void *context) {
    struct export *e = context;
    struct arena a;
    arena_init(&a);
    struct invocation in = *e->in;
    in.arena = &a;
    const struct error *error = keep(e, &a);
    if (error != NULL) {
        command_error(&in, error, "the next export repeats lines");
    }
    arena_release(&a);
}

static int keep_or_say(struct export *e, const struct invocation *in) {
    const struct error *error = keep(e, in->arena);
    return error == NULL
               ? EXIT_CODE_OK
               : command_error(in, error, "the next export repeats lines, and misses none");
}

static void note(struct export *e, const char *cursor) {
    size_t size = strlen(cursor) + 1;
    if (size > e->cursor_size) {
        e->cursor = mem_realloc(e->cursor, size);
        e->cursor_size = size;
    }
    memcpy(e->cursor, cursor, size);
    if (e->is_saved) {
        e->is_saved = false;
        e->unsaved_us = clock_monotonic_us();
    }
}

// --- messages; functions return an exit code, an error has been printed ---

// The place where a watch that began with --since began in fact.
static void say_cut(const struct export *e, const struct invocation *in, int64_t revision) {
    struct error *warning = error_new(in->arena, STATUS_OUT_OF_RANGE, REASON_CURSOR_EXPIRED,
                                      "the export begins behind revision %" PRId64
                                      ": changes since %s that came before are not "
                                      "kept any more",
                                      revision, e->options->since);
    command_error(in, warning, "");
}

static void take_bookmark(struct export *e, const struct invocation *in,
                          const Runs__V1__Bookmark *bookmark) {
    if (bookmark->is_cut != NULL && bookmark->is_cut->value && !e->was_cut) {
        e->was_cut = true;
        say_cut(e, in, bookmark->revision);
    }
    if (e->last_revision < 0) {
        e->last_revision = bookmark->newest_revision;
    }
    e->is_over = e->options->until_now && bookmark->revision >= e->last_revision;
}

static int take_change(struct export *e, const struct invocation *in,
                       const Runs__V1__RunEvent *event) {
    int code = json_printer_print(e->printer, in, message_to_bytes(in->arena, event));
    putchar('\n');
    e->lines++;
    e->is_over =
        e->options->until_now && e->last_revision >= 0 && event->revision >= e->last_revision;
    return code;
}

static int take(struct export *e, const struct invocation *in,
                const Runs__V1__WatchRunsResponse *message) {
    int code = EXIT_CODE_OK;
    interrupt_lock(e->interrupt);
    if (message->item_case == RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_CHANGE) {
        code = take_change(e, in, message->change);
    } else if (message->item_case == RUNS__V1__WATCH_RUNS_RESPONSE__ITEM_BOOKMARK) {
        take_bookmark(e, in, message->bookmark);
    }
    if (code == EXIT_CODE_OK && message->cursor[0] != '\0') {
        note(e, message->cursor);
    }
    interrupt_unlock(e->interrupt);
    return code;
}

// Keeps what is due: many lines, or the first of them a moment ago.
static int keep_what_is_due(struct export *e, const struct invocation *in) {
    bool is_due = !e->is_saved && (e->lines >= MOST_LINES || e->is_over ||
                                   clock_monotonic_us() >= e->unsaved_us + MOST_DELAY_US);
    if (!is_due) {
        return EXIT_CODE_OK;
    }
    interrupt_lock(e->interrupt);
    int code = keep_or_say(e, in);
    interrupt_unlock(e->interrupt);
    return code;
}

static int say_failure(const struct export *e, const struct error *error) {
    const struct invocation *in = e->in;
    if (error->code != STATUS_OUT_OF_RANGE) {
        return watch_print_failure(in, &e->watch, error);
    }
    struct error mine = *error;
    mine.message = arena_printf(in->arena,
                                "the export cannot go on where it was, and what is not "
                                "kept any more is lost to it: %s",
                                error->message);
    return command_error(
        in, &mine,
        e->options->cursor_file != NULL
            ? arena_printf(in->arena,
                           "to go on with what is kept, remove %s and give --since "
                           "with the time of the last line",
                           e->options->cursor_file)
            : "to go on with what is kept, give --since with the time of the last "
              "line");
}

// --- the export ---

static int export_all(struct export *e) {
    struct arena arena; // of a message
    arena_init(&arena);
    struct invocation step = *e->in;
    step.arena = &arena;
    int code = EXIT_CODE_OK;
    while (code == EXIT_CODE_OK && !e->is_over && !ferror(stdout)) {
        Runs__V1__WatchRunsResponse *message;
        struct slice bytes;
        const struct error *error;
        int64_t until_us = e->is_saved ? 0 : e->unsaved_us + MOST_DELAY_US;
        switch (run_watch_next(&e->watch, &arena, until_us, &message, &bytes, &error)) {
        case RUN_WATCH_MESSAGE:
            code = take(e, &step, message);
            break;
        case RUN_WATCH_ANEW: // not of a watch that is whole
        case RUN_WATCH_INTERRUPTED:
            watch_print_interruption(&step, &e->watch, RUN_WATCH_INTERRUPTED, error);
            break;
        case RUN_WATCH_NOT_YET:
            break;
        case RUN_WATCH_FAILED:
            code = say_failure(e, error);
            break;
        }
        int kept = keep_what_is_due(e, &step);
        code = code != EXIT_CODE_OK ? code : kept;
        arena_reset(&arena);
    }
    arena_release(&arena);
    interrupt_lock(e->interrupt);
    int kept = keep_or_say(e, e->in);
    interrupt_unlock(e->interrupt);
    return code != EXIT_CODE_OK ? code : kept;
}

// Where it begins: behind the file's cursor, or with --since. Returns an error of usage.
static const struct error *find_start(struct export *e, Google__Protobuf__Timestamp *since) {
    const struct audit_options *options = e->options;
    struct arena *a = e->in->arena;
    Runs__V1__WatchRunsRequest *request = &e->watch.request;
    const char *cursor = NULL;
    const struct error *error = timestamp_option_read(
        a, "--since", options->since, clock_now_us(&clock_system), since, &request->since);
    if (error == NULL && options->cursor_file != NULL) {
        error = cursor_file_open(a, cursor_option, options->cursor_file, &cursor);
    }
    if (error == NULL && cursor != NULL) {
        request->cursor = (char *)cursor;
        request->since = NULL;
    }
    if (error == NULL && cursor == NULL && options->since == NULL) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "--since TIME is missing%s",
                          options->cursor_file != NULL ? ": the cursor file is not there yet" : "");
    }
    return error;
}

static int export_on(struct export *e) {
    e->cursor = mem_zalloc(1);
    e->cursor_size = 1;
    e->is_saved = true;
    e->last_revision = -1;
    e->printer = json_printer_new("runs.v1.RunEvent");
    e->interrupt = interrupt_begin(leave, e);
    if (!line_output_is_at_start()) {
        putchar('\n');
    }
    int code = export_all(e);
    interrupt_end(e->interrupt);
    json_printer_free(e->printer);
    free(e->cursor);
    return code;
}

static int export_it(struct invocation *in) {
    const struct audit_options *options = in->options;
    struct connection connection;
    struct export e = {.in = in, .options = options};
    Google__Protobuf__Timestamp since;
    run_watch_init(&e.watch, &connection);
    e.watch.is_whole = true;
    const struct error *error = find_start(&e, &since);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    error = client_options_open(in, &options->client, &connection);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    in->unwritten = "the cursor is of what was written before";
    int code = export_on(&e);
    run_watch_release(&e.watch);
    connection_close(&connection);
    return code;
}

const struct command audit_export_command = {
    .name = "audit export",
    .place = 340,
    .operands = "",
    .summary = "Prints who did what, when, from where and why, as lines of JSON.",
    .details = "Scope: runs.read. A line for each event of a run, in the order of the\n"
               "organization's feed, and of those that come, until Ctrl-C or SIGTERM. With\n"
               "--cursor-file the same command goes on behind the last line: the file is written\n"
               "durably, after the lines, so that a crash repeats some and loses none; --since\n"
               "is for the first time then. After an interruption it goes on by itself. Where\n"
               "the server does not have what follows the cursor any more, it ends with exit\n"
               "code 2 and says what to do; where it has not all since --since, it says so and\n"
               "begins with what there is.\n",
    .tables = tables,
    .options_size = sizeof(struct audit_options),
    .run = export_it,
};
