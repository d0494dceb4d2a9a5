#include "ctl/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "ctl/exit_code.h"

static struct command_line line_of(const struct command *command) {
    return (struct command_line){
        .program = "runsctl",
        .command = command->name,
        .operands = command->operands,
        .summary = command->summary,
        .details = command->details,
        .tables = command->tables,
        .operand_count = command->operand_count,
        .footer = exit_code_help,
    };
}

int command_usage_error(const struct command *command, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct command_line line = line_of(command);
    command_line_complain(&line, "%s", text);
    return EXIT_CODE_USAGE;
}

static int run(struct arena *a, const struct command *command, int count, char **arguments) {
    struct command_line line = line_of(command);
    void *options = arena_zalloc(a, command->options_size);
    const char **operands;
    switch (command_line_read(a, &line, count, arguments, options, &operands)) {
    case COMMAND_LINE_WRONG:
        return EXIT_CODE_USAGE;
    case COMMAND_LINE_TOLD:
        return EXIT_CODE_OK;
    case COMMAND_LINE_READ:
        break;
    }
    struct invocation in = {a, command, options, operands};
    int code = command->run(&in);
    if (fflush(stdout) != 0 && code == EXIT_CODE_OK) {
        perror("runsctl: standard output");
        code = EXIT_CODE_FAILED;
    }
    return code;
}

int command_run(const struct command *command, int count, char **arguments) {
    struct arena arena;
    arena_init(&arena);
    int code = run(&arena, command, count, arguments);
    arena_release(&arena);
    return code;
}
