#include "ctl/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cli/standard_files.h"
#include "base/core/request_id.h"
#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"
#include "ctl/error_json.h"
#include "ctl/exit_code.h"
#include "ctl/output_check.h"

static const char json_option[] = "--json";

struct command_line command_line_of(const struct command *command) {
    return (struct command_line){
        .program = "runsctl",
        .command = command->name,
        .operands = command->operands,
        .summary = command->summary,
        .details = command->details,
        .tables = command->tables,
        .operand_count = command->operand_count,
        .more_operands = command->more_operands,
        .section = command->section,
        .footer = exit_code_help,
    };
}

static struct command_line line_of(const struct command *command, bool json) {
    struct command_line line = command_line_of(command);
    line.complain = json ? error_json_complain : NULL;
    return line;
}

int command_usage_error(const struct invocation *in, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct command_line line = line_of(in->command, in->json);
    command_line_complain(&line, "%s", text);
    return EXIT_CODE_USAGE;
}

const struct error *command_check_quiet(const struct invocation *in, bool quiet) {
    return quiet && in->json ? error_new(in->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                                         "--quiet and --json exclude each other")
                             : NULL;
}

// Whether --json is among arguments that may not be read, as far as can be seen.
static bool asks_for_json(int count, char **arguments) {
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++) {
        if (strcmp(arguments[i], json_option) == 0) {
            return true;
        }
    }
    return false;
}

// Whether the command has the option, and it was given.
static bool has_json(const struct command *command, const char *options) {
    for (struct cli_walk w = cli_option_first(command->tables); w.row != NULL;
         w = cli_option_next(w)) {
        if (strcmp(w.row->name, json_option) == 0) {
            return *(const bool *)(options + w.table->offset + w.row->offset);
        }
    }
    return false;
}

// Prints why standard output cannot be written, and what that means.
static int complain_of_output(struct arena *a, const char *why, const char *effect, bool json) {
    const char *text = arena_printf(a, "standard output: %s; %s", why, effect);
    if (json) {
        const struct error error = {.code = STATUS_UNKNOWN, .message = text};
        error_json_print(&error, "", NULL);
    } else {
        struct strbuf line = STRBUF_INIT;
        strbuf_printf(&line, "runsctl: %s", text);
        stderr_print_line(strbuf_slice(&line));
        strbuf_release(&line);
    }
    return EXIT_CODE_FAILED;
}

// Returns code; if the output is not whole prints that, and returns EXIT_CODE_FAILED for OK. A
// command that failed has said why, and with that its output is not whole.
static int finish_output(struct arena *a, int code, const char *effect, bool json) {
    const char *why = standard_output_finish();
    return why == NULL || code != EXIT_CODE_OK ? code : complain_of_output(a, why, effect, json);
}

static int run(struct arena *a, const struct command *command, int count, char **arguments) {
    bool json = asks_for_json(count, arguments);
    struct command_line line = line_of(command, json);
    void *options = arena_zalloc(a, command->options_size);
    struct configuration configuration;
    switch (command_line_read(a, &line, count, arguments, options, &configuration)) {
    case COMMAND_LINE_WRONG:
        return EXIT_CODE_USAGE;
    case COMMAND_LINE_TOLD:
        return finish_output(a, EXIT_CODE_OK, "it is not whole", json);
    case COMMAND_LINE_READ:
        break;
    }
    struct invocation in = {
        .arena = a,
        .command = command,
        .options = options,
        .operands = configuration.operands,
        .line = &line,
        .configuration = &configuration,
        .json = has_json(command, options),
        .request_id = arena_zalloc(a, UUID_TEXT_SIZE),
    };
    const char *why = command->shows_secret ? output_check() : NULL;
    if (why != NULL) {
        return complain_of_output(a, why, "nothing was done", in.json);
    }
    int code = command->run(&in);
    const char *effect = in.unwritten != NULL ? in.unwritten : "what the command did is done";
    return finish_output(a, code, effect, in.json);
}

int command_run(const struct command *command, int count, char **arguments) {
    struct arena arena;
    arena_init(&arena);
    int code = run(&arena, command, count, arguments);
    arena_release(&arena);
    return code;
}
