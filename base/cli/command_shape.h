#ifndef RUNSD_BASE_CLI_COMMAND_SHAPE_H
#define RUNSD_BASE_CLI_COMMAND_SHAPE_H

#include "base/cli/cli_option.h"
#include "base/core/build_info.h"

// The command line of a program, or of one command of a program, as tables: from them
// the arguments are read, --help is printed and what --print-options prints is made.

// Immutable; a constant.
struct command_line {
    const char *program; // "runsctl"
    // Adds the libraries that the program runs with, for --version; NULL: that is no option.
    void (*add_libraries)(struct build_libraries *libraries);
    const char *command;  // "runs cancel"; NULL: the program has no commands
    const char *operands; // "ID"; "" if it takes none
    const char *summary;  // one line
    const char *details;  // more lines for --help; NULL if none
    // The options, in the order of --help; ended by a table without rows. NULL: none.
    const struct cli_table *tables;
    int operand_count;  // as many must be given, and no more
    const char *footer; // the last lines of --help
    // Prints wrong usage in another form than command_line_complain's line; NULL: in that.
    void (*complain)(const struct command_line *line, const char *text);
    int more_operands; // that may be given beyond operand_count
    // The section of the configuration file that its options are in, all but those with a section
    // of their own (base/cli/configuration.h); with it comes --check-config. NULL: there is none.
    const char *section;
};

#endif
