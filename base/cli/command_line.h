#ifndef RUNSD_BASE_CLI_COMMAND_LINE_H
#define RUNSD_BASE_CLI_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"

// The command line of a program, or of one command of a program, as a table: from it
// the arguments are read and --help is printed.

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_LIST,   // may be given several times: at most `maximum` times, if that is not 0
    OPTION_NUMBER, // a decimal integer from minimum to maximum
    OPTION_CHOICE, // one of words
};

struct option {
    const char *name; // "--store"
    enum option_kind kind;
    const char *value; // what the value is, for --help; NULL for a flag
    const char *help;  // its lines are set off with "\n"
    bool required;
    int64_t minimum;
    int64_t maximum;
    // CHOICE: the words, ended by NULL. NUMBER: NULL, or words that may stand for the
    // number.
    const char *const *words;
};

// What was given for an option. Not given: all 0.
struct option_value {
    bool given;
    const char *text;  // FLAG: the option's name; LIST: the last one
    const char **list; // LIST
    int list_count;
    int64_t number; // NUMBER; of a word: its index from 0
    bool is_word;   // CHOICE, and a NUMBER that is a word
};

// Immutable; all of it constants.
struct command_line {
    const char *program;  // "runsctl"
    const char *version;  // makes --version an option; NULL: it is none
    const char *command;  // "runs cancel"; NULL: the program has no commands
    const char *operands; // "ID"; "" if it takes none
    const char *summary;  // one line
    const char *details;  // more lines for --help; NULL if none
    const struct option *options;
    int option_count;
    int operand_count;  // exactly as many must be given
    const char *footer; // the last lines of --help
};

enum command_line_outcome {
    COMMAND_LINE_READ,
    COMMAND_LINE_TOLD,  // --help or --version was given and answered on stdout
    COMMAND_LINE_WRONG, // told on stderr in one line
};

// Reads arguments (behind the names of program and command). Values (by the index of
// options) and operands live in a; the texts are those of arguments. --help and -h are
// answered wherever they stand before "--".
enum command_line_outcome command_line_read(struct arena *a, const struct command_line *line,
                                            int count, char **arguments,
                                            struct option_value **ret_values,
                                            const char ***ret_operands);

// Tells wrong usage on stderr in one line: "PROGRAM: ...; see PROGRAM COMMAND --help".
void command_line_complain(const struct command_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The whole of main for a program without commands: reads the arguments and returns what
// run returns, given the values; 0 if --help or --version was answered, 2 for wrong usage.
int command_line_main(const struct command_line *line, int argc, char **argv,
                      int (*run)(struct arena *a, const struct option_value *values));

#endif
