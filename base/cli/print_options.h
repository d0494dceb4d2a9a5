#ifndef RUNSD_BASE_CLI_PRINT_OPTIONS_H
#define RUNSD_BASE_CLI_PRINT_OPTIONS_H

#include "base/cli/command_shape.h"

// What --print-options prints, all of it from the tables of options: manual pages, completions of
// shells, tables for documents.

// The kinds, ended by NULL: "man", "bash", "zsh", "fish", "markdown".
extern const char *const print_options_kinds[];

// The value of the last --print-options before "--"; NULL: it was not given. One without a value
// has
// "".
const char *print_options_kind(int count, char **arguments);

// Prints for a program without commands, or for one command, on standard output. Returns false, and
// prints nothing, if there is no such kind, or only all commands together have it (shells).
bool print_options_of(const char *kind, const struct command_line *line);

// Prints for a program of several commands; summary says what the program is for. The page of "man"
// has the list of them, since each has a page of its own; "commands" is a kind, too: their names, a
// line each.
bool print_options_of_all(const char *kind, const char *summary,
                          const struct command_line *const *lines, size_t count);

#endif
