#ifndef RUNSD_BASE_CLI_CONFIG_LAYERS_H
#define RUNSD_BASE_CLI_CONFIG_LAYERS_H

#include "base/cli/configuration.h"

// The layers below the command line: environment, file and defaults.

// What the options of the file itself say: --config, --check-config.
struct config_flags {
    const char *file;
    bool is_check;
};

// Whether any option of the tables may stand in a file; section is the command line's, or NULL.
bool config_layers_has_any(const struct cli_table *tables, const char *section);

// The tables, and behind them that of struct config_flags if any option may stand in a file:
// --check-config only where section is not NULL. The last one's offset is of no use. It lives in a.
const struct cli_table *config_layers_tables(struct arena *a, const struct cli_table *tables,
                                             const char *section);

// Makes the values of all options, none of them taken. options is what the tables' offsets are of;
// those of flags come last.
void config_layers_make(struct arena *a, const struct cli_table *tables, const char *section,
                        char *options, struct config_flags *flags,
                        struct configuration *ret_configuration);

// The section of a row's option in the file; section is the command line's.
const char *config_layers_section(const struct cli_option *row, const char *section);

// The environment variable of a row in a section, in a; NULL if it has none.
const char *config_layers_variable(struct arena *a, const struct cli_option *row,
                                   const char *section);

// Takes the values of all options that were not taken from the arguments, and stores all of
// them. Returns NULL, else what is wrong, in a: in one line, with its place.
const char *config_layers_fill(struct arena *a, struct configuration *configuration);

#endif
