#ifndef RUNSD_BASE_CLI_OPTION_VALUE_H
#define RUNSD_BASE_CLI_OPTION_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cli/cli_option.h"
#include "base/core/arena.h"

// How texts become an option's value, and where it comes from (base/cli/configuration.h).

enum option_origin {
    OPTION_BY_DEFAULT,
    OPTION_BY_FILE,
    OPTION_BY_ENVIRONMENT,
    OPTION_BY_ARGUMENT,
};

// The value of one option.
struct option_value {
    const struct cli_option *row;
    char *options;       // the struct that the row's offsets are of
    const char *section; // of the file; NULL: it may stand in none
    enum option_origin origin;
    const char *variable; // of the environment; NULL: there is none
    const char *place;    // by FILE: "FILE:LINE:COLUMN", else NULL
    // As it was given: one text, of a LIST any number; none of a default that is not there.
    const char **texts;
    size_t count;
    int64_t number; // of NUMBER and WORD: what the last text stands for; of FLAG 0 or 1
};

// Checks text and takes it as the value, of a LIST as one more. Returns NULL, else what is wrong
// with it, in a, without the option's name: "\"x\" is no integer from 1 to 9". text is borrowed.
const char *option_value_take(struct arena *a, struct option_value *value, const char *text);

// Takes the row's default, if there is one.
void option_value_take_default(struct arena *a, struct option_value *value);

// Puts the value that was taken into the member that the row refers to, and whether it was given.
void option_value_store(const struct option_value *value);

// What a value is called in messages: "--store", "RUNSD_STORE" or "FILE:3:10: runsd.store".
const char *option_value_name(struct arena *a, const struct option_value *value);

// The value as it is shown to people, in a: a list's items with ", " between them, without what
// may be secret (passwords, tokens); "" if there is none.
const char *option_value_text(struct arena *a, const struct option_value *value);

#endif
