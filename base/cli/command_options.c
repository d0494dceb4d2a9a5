#include "base/cli/command_options.h"

#include <inttypes.h>
#include <string.h>

#include "base/cli/config_layers.h"

static const char *words_of(struct arena *a, const struct cli_option *row) {
    const char *words = row->kind == CLI_FLAG ? NULL : "";
    for (size_t i = 0; words != NULL && row->words != NULL && row->words[i] != NULL; i++) {
        words = arena_printf(a, "%s%s%s", words, i > 0 ? " " : "", row->words[i]);
    }
    return words;
}

static enum value_shape shape_of(const struct cli_option *row) {
    if (row->kind == CLI_FLAG) {
        return VALUE_NONE;
    }
    if (row->words != NULL) {
        return VALUE_WORDS;
    }
    return strncmp(row->value, "FILE", strlen("FILE")) == 0 ? VALUE_FILE : VALUE_TEXT;
}

static const char *fallback_of(struct arena *a, const struct cli_option *row) {
    const char *text = row->fallback;
    if (row->fallback_number != 0) {
        text = arena_printf(a, "%" PRId64, row->fallback_number);
    }
    if (text == NULL || row->default_help == NULL) {
        return text != NULL ? text : row->default_help;
    }
    return arena_printf(a, "%s, %s", text, row->default_help);
}

struct told_options command_options_of(struct arena *a, const struct command_line *line) {
    const struct cli_table *tables = config_layers_tables(a, line->tables, line->section);
    size_t count = 0;
    for (struct cli_walk w = cli_option_first(tables); w.row != NULL; w = cli_option_next(w)) {
        count++;
    }
    struct told_options told = {ARENA_ARRAY(a, struct told_option, count + 2), 0};
    for (struct cli_walk w = cli_option_first(tables); w.row != NULL; w = cli_option_next(w)) {
        const struct cli_option *row = w.row;
        const char *section = config_layers_section(row, line->section);
        told.items[told.count++] = (struct told_option){
            .name = row->name + strspn(row->name, "-"),
            .value = row->value,
            .help = row->help,
            .fallback = fallback_of(a, row),
            .variable = config_layers_variable(a, row, section),
            .is_list = row->kind == CLI_LIST,
            .is_required = row->is_required,
            .reload = row->reload,
            .shape = shape_of(row),
            .words = words_of(a, row),
        };
    }
    if (line->add_libraries != NULL) {
        told.items[told.count++] = (struct told_option){
            .name = "version", .help = "prints what it was built from, and with which libraries"};
    }
    told.items[told.count++] = (struct told_option){.name = "help", .help = "prints the options"};
    return told;
}

const char *command_options_called(struct arena *a, const struct command_line *line) {
    return line->command == NULL ? line->program
                                 : arena_printf(a, "%s %s", line->program, line->command);
}

struct slice command_options_group(const char *command) {
    return slice_of(command, strcspn(command, " "));
}
