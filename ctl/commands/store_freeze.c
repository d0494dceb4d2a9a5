#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/core/strbuf.h"
#include "base/core/timestamp.h"
#include "ctl/command.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/holder_process.h"
#include "ctl/json_document.h"
#include "ctl/time_option.h"
#include "storage/backends.h"
#include "storage/store_keeping.h"
#include "storage/store_opener.h"

struct freeze_options {
    const char *store;
    const char *longest;
    bool hold;
    bool json;
};

enum { MOST_SECONDS = 3600 };

static const struct cli_option rows[] = {
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct freeze_options, store),
     .is_required = true,
     .help = STORE_URLS_KEPT},
    {.name = "--for",
     .value = "TIME",
     CLI_TEXT_AT(struct freeze_options, longest),
     .fallback = "60s",
     .help = "the freeze ends by itself after so long, at most 1h"},
    {.name = "--hold",
     CLI_FLAG_AT(struct freeze_options, hold),
     .help = "hold the freeze in this process, whose end ends it"},
    {.name = "--json",
     CLI_FLAG_AT(struct freeze_options, json),
     .help = "print {store, frozenUntil}"},
    {.name = NULL},
};

static const struct cli_table tables[] = {{rows, 0}, {NULL, 0}};

static const struct error *read_longest(struct invocation *in, int64_t *ret_us) {
    const struct freeze_options *options = in->options;
    int64_t seconds = 0;
    const struct error *error =
        time_option_read_span(in->arena, "--for", options->longest, &seconds);
    if (error == NULL && (seconds < 1 || seconds > MOST_SECONDS)) {
        error = error_new(in->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                          "--for must be from 1s to 1h, not \"%s\"", options->longest);
    }
    *ret_us = seconds * 1000000;
    return error;
}

static void tell_frozen(void *context, int64_t until_us) {
    struct invocation *in = context;
    const struct freeze_options *options = in->options;
    const char *store = run_store_describe(in->arena, options->store);
    char until[TIMESTAMP_TEXT_SIZE];
    timestamp_format_us(until_us / 1000000 * 1000000, until);
    struct strbuf out = STRBUF_INIT;
    if (in->json) {
        strbuf_append_cstr(&out, "{\"store\":");
        strbuf_append_json_string(&out, slice_of_cstr(store));
        strbuf_printf(&out, ",\"frozenUntil\":\"%s\"}\n", until);
        json_document_print(strbuf_slice(&out));
    } else {
        printf("%s is frozen until %s, or until runsctl store thaw\n", store, until);
    }
    strbuf_release(&out);
    (void)fflush(stdout);
}

// The signals that end a freeze; they are blocked, and asked for.
static sigset_t ending_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    return signals;
}

static bool is_ended(void *context) {
    (void)context;
    const sigset_t signals = ending_signals();
    const struct timespec at_once = {0};
    return sigtimedwait(&signals, NULL, &at_once) > 0;
}

static int hold(struct invocation *in, int64_t longest_us) {
    const struct freeze_options *options = in->options;
    const struct store_freeze_options how = {
        .longest_us = longest_us,
        .on_frozen = tell_frozen,
        .is_ended = is_ended,
        .context = in,
    };
    const sigset_t signals = ending_signals();
    bool is_in_time = true;
    sigprocmask(SIG_BLOCK, &signals, NULL);
    const struct error *error = run_store_freeze(in->arena, options->store, &how, &is_in_time);
    if (error != NULL) {
        return command_error(in, error, "");
    }
    return is_in_time ? EXIT_CODE_OK : EXIT_CODE_NOT_YET;
}

// Has another process hold it.
static int start_holder(struct invocation *in) {
    const struct freeze_options *options = in->options;
    const char *const arguments[] = {"runsctl",
                                     "store",
                                     "freeze",
                                     "--hold",
                                     arena_printf(in->arena, "--store=%s", options->store),
                                     arena_printf(in->arena, "--for=%s", options->longest),
                                     in->json ? "--json" : NULL,
                                     NULL};
    struct strbuf line = STRBUF_INIT;
    struct strbuf errors = STRBUF_INIT;
    int code = -1;
    const struct error *error = NULL;
    if (!holder_process_start(arguments, &line, &errors, &code)) {
        error = error_new(in->arena, STATUS_UNAVAILABLE, REASON_NONE,
                          "no process can be started to hold the freeze: %s", strerror(errno));
    }
    in->unwritten = "the store is frozen; runsctl store thaw ends that";
    fwrite(errors.data, 1, errors.len, stderr);
    fwrite(line.data, 1, line.len, stdout);
    strbuf_release(&line);
    strbuf_release(&errors);
    if (error != NULL) {
        return command_error(in, error, "");
    }
    return code < 0 ? EXIT_CODE_OK : code;
}

static int run(struct invocation *in) {
    const struct freeze_options *options = in->options;
    int64_t longest_us = 0;
    const struct error *error = read_longest(in, &longest_us);
    if (error != NULL) {
        return command_error(in, error, "");
    }
    return options->hold ? hold(in, longest_us) : start_holder(in);
}

const struct command store_freeze_command = {
    .name = "store freeze",
    .place = 407,
    .operands = "",
    .summary = "Keeps a store from being changed while its files are copied.",
    .details = "For a snapshot of the file system, or a copy of all files beside the store. A\n"
               "process in the background holds the freeze until store thaw, until --for is\n"
               "over, or until it is killed. A server reads on; its changes wait for 5 s and are\n"
               "answered STORE_FROZEN then.\n",
    .tables = tables,
    .options_size = sizeof(struct freeze_options),
    .run = run,
};
