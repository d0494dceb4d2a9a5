#ifndef RUNSD_BASE_CLI_COMMAND_LINE_H
#define RUNSD_BASE_CLI_COMMAND_LINE_H

#include "base/cli/command_shape.h"
#include "base/cli/configuration.h"
#include "base/core/arena.h"

// Reads the command line of a program, or of one command of a program.

enum command_line_outcome {
    COMMAND_LINE_READ,
    COMMAND_LINE_TOLD,  // --help or its like was given; its text was printed on stdout
    COMMAND_LINE_WRONG, // wrong usage; one line was printed on stderr
};

// Reads arguments (without the names of program and command), the environment and the
// configuration file into options, the struct that the tables' offsets refer to; the caller passes
// it zeroed. Every member that a row names is set: to the value given, else to the environment
// variable's, else to the file's, else to the default. Lists and operands live in a; their texts
// are borrowed from arguments, the environment and the tables. *ret_configuration says where each
// value comes from; it has the operands, too. --help, -h, --version and --print-options take
// effect anywhere before "--".
enum command_line_outcome command_line_read(struct arena *a, const struct command_line *line,
                                            int count, char **arguments, void *options,
                                            struct configuration *ret_configuration);

// Reads the same anew, for options that are zeroed. Prints nothing: why not is *ret_problem, in a.
bool command_line_read_again(struct arena *a, const struct command_line *line,
                             const struct configuration *before, void *options,
                             struct configuration *ret_configuration, const char **ret_problem);

// Prints what --version does.
void command_line_print_version(const char *program,
                                void (*add_libraries)(struct build_libraries *libraries));

// Prints wrong usage on stderr in one line, "PROGRAM: ...; see PROGRAM COMMAND --help", or
// as line->complain does.
void command_line_complain(const struct command_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The whole of main for a program without commands: reads the arguments into options, as
// command_line_read does, and returns what run returns, given these; 0 if --help or
// its like was answered, 1 if that could not be written whole, 2 for wrong usage.
int command_line_main(const struct command_line *line, int argc, char **argv, void *options,
                      int (*run)(struct arena *a, void *options,
                                 const struct configuration *configuration));

#endif
