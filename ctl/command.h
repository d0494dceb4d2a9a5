#ifndef RUNSD_CTL_COMMAND_H
#define RUNSD_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

// A command of runsctl as a table: its name, options and operands, from which the
// command line is read and --help is printed.

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_LIST,   // may be given several times
    OPTION_NUMBER, // a decimal integer from minimum to maximum
};

struct option {
    const char *name; // "--store"
    enum option_kind kind;
    const char *value; // what the value is, for --help; NULL for a flag
    const char *help;
    bool required;
    int64_t minimum;
    int64_t maximum;
};

// What was given for an option. Not given: all 0.
struct option_value {
    bool given;
    const char *text;  // FLAG: the option's name; LIST: the last one
    const char **list; // LIST
    int list_count;
    int64_t number;
};

struct invocation;

struct command {
    const char *name;     // "runs cancel"
    const char *operands; // "ID"; "" if it takes none
    const char *summary;  // one line
    const char *details;  // more lines for --help; NULL if none
    const struct option *options;
    int option_count;
    int operand_count;                 // exactly as many must be given
    int (*run)(struct invocation *in); // returns the exit code
};

// One call of a command.
struct invocation {
    struct arena *arena; // for as long as the command runs
    const struct command *command;
    const struct option_value *values; // by the index of command->options
    const char **operands;
};

// Reads arguments (behind the command's name) and runs the command. Wrong usage
// is told on stderr in one line. Returns the exit code.
int command_run(const struct command *command, int count, char **arguments);

// Tells wrong usage in one line and returns the exit code.
int command_usage_error(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
