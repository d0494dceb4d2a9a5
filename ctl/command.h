#ifndef RUNSD_CTL_COMMAND_H
#define RUNSD_CTL_COMMAND_H

#include "base/cli/command_line.h"
#include "base/core/arena.h"
#include "base/core/error.h"

// A command of runsctl: its command line and what it does.

struct invocation;

struct command {
    const char *name;                  // "runs cancel"
    int place;                         // in lists of commands: a lower one comes first
    const char *operands;              // "ID"; "" if it takes none
    const char *summary;               // one line
    const char *details;               // more lines for --help; NULL if none
    const struct cli_table *tables;    // the options; as of struct command_line
    size_t options_size;               // of the struct that they are of
    int operand_count;                 // as many must be given, and no more
    int (*run)(struct invocation *in); // returns the exit code
    // What it prints cannot be had again, so it is not run where that surely cannot be written.
    bool shows_secret;
    int more_operands;   // that may be given beyond operand_count
    const char *section; // as of struct command_line
};

// One call of a command.
struct invocation {
    struct arena *arena; // for as long as the command runs
    const struct command *command;
    const void *options;   // the struct that command->tables are of
    const char **operands; // ended by NULL
    const struct command_line *line;
    const struct configuration *configuration; // where the options come from
    bool json;                                 // --json was given: errors are JSON, too
    char *request_id; // of the command's calls; "" before the first; UUID_TEXT_SIZE bytes
    // What run sets; NULL: nothing more is known.
    const char *unknown_hint; // what to do where the outcome of a change is not known
    const char *unwritten;    // what was done, and what to do, if the output cannot be written
};

// Reads arguments (behind the command's name) and runs the command. Wrong usage, and output
// that could not be written whole, is reported on stderr in one line. Returns the exit code.
int command_run(const struct command *command, int count, char **arguments);

// Of commands with --quiet: INVALID_ARGUMENT, in in->arena, if --json was given, too.
const struct error *command_check_quiet(const struct invocation *in, bool quiet);

// The command line of a command, as command_run reads it.
struct command_line command_line_of(const struct command *command);

// Reports wrong usage on stderr in one line and returns the exit code.
int command_usage_error(const struct invocation *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
