#ifndef RUNSD_BASE_CLI_COMMAND_OPTIONS_H
#define RUNSD_BASE_CLI_COMMAND_OPTIONS_H

#include "base/cli/command_shape.h"
#include "base/core/arena.h"
#include "base/core/slice.h"

// The options of a command line as documents and shells want them.

// What a value may be, for shells.
enum value_shape { VALUE_NONE, VALUE_WORDS, VALUE_FILE, VALUE_TEXT };

// One option as it is told; texts are the table's or live in the arena of the list.
struct told_option {
    const char *name;  // "store", without its dashes
    const char *value; // "URL"; NULL: a flag
    const char *help;
    const char *fallback; // "10000"; NULL: none, or it is not said
    const char *variable; // NULL: none
    bool is_list;
    bool is_required;
    bool reload;
    enum value_shape shape;
    const char *words; // of VALUE_WORDS: "debug info", a blank between two
};

struct told_options {
    struct told_option *items;
    size_t count;
};

// All that the line takes, --help and --version, too, in the order of --help.
struct told_options command_options_of(struct arena *a, const struct command_line *line);

// How a command is called: "runsctl runs get", or the program alone.
const char *command_options_called(struct arena *a, const struct command_line *line);

// A command's first word: of "runs get" "runs".
struct slice command_options_group(const char *command);

#endif
