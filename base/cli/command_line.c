#include "base/cli/command_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cli/cli_help.h"
#include "base/cli/config_layers.h"
#include "base/cli/did_you_mean.h"
#include "base/cli/option_value.h"
#include "base/cli/print_options.h"
#include "base/cli/standard_files.h"
#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"

enum { NOT_WRITTEN = 1, WRONG_USAGE = 2 };

struct reader {
    struct arena *arena;
    const struct command_line *line;
    struct configuration *configuration;
    const char *problem; // wrong usage, told at the end
};

// --- printing ---

static const char *command_of(const struct command_line *line) {
    return line->command != NULL ? line->command : "";
}

static const char *space_before_command(const struct command_line *line) {
    return line->command != NULL ? " " : "";
}

void command_line_complain(const struct command_line *line, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (line->complain != NULL) {
        line->complain(line, text);
        return;
    }
    struct strbuf told = STRBUF_INIT;
    strbuf_printf(&told, "%s: %s; see %s%s%s --help", line->program, text, line->program,
                  space_before_command(line), command_of(line));
    stderr_print_line(strbuf_slice(&told));
    strbuf_release(&told);
}

// What configures beside the command line.
static void print_layers(const struct command_line *line) {
    if (line->section != NULL) {
        printf("\nOptions are read from RUNSD_ and the name in capitals (RUNSD_LOG_LEVEL), too,\n"
               "and from the section \"%s\" of the file of --config.\n",
               line->section);
    }
}

static void print_help(struct arena *a, const struct command_line *line) {
    const struct cli_table *tables = config_layers_tables(a, line->tables, line->section);
    bool has_options = cli_option_first(tables).row != NULL;
    printf("usage: %s%s%s%s%s%s\n\n%s\n", line->program, space_before_command(line),
           command_of(line), line->operands[0] != '\0' ? " " : "", line->operands,
           has_options ? " [options]" : "", line->summary);
    if (line->details != NULL) {
        printf("\n%s", line->details);
    }
    if (has_options) {
        printf("\nOptions:\n");
    }
    cli_help_print(tables);
    if (line->add_libraries != NULL) {
        printf("  --version, --help\n");
    }
    print_layers(line);
    printf("\n%s", line->footer);
}

void command_line_print_version(const char *program,
                                void (*add_libraries)(struct build_libraries *libraries)) {
    struct build_libraries libraries = {.count = 0};
    add_libraries(&libraries);
    struct strbuf text = STRBUF_INIT;
    build_info_append_text(&text, program, &libraries);
    fwrite(text.data, 1, text.len, stdout);
    strbuf_release(&text);
}

// --- arguments; functions return false once there is a problem ---

__attribute__((format(printf, 2, 3))) static bool fail(struct reader *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    r->problem = arena_vprintf(r->arena, format, args);
    va_end(args);
    return false;
}

static bool take(struct reader *r, struct option_value *value, const char *name, const char *text) {
    if (value->origin == OPTION_BY_ARGUMENT && value->row->kind != CLI_LIST) {
        return fail(r, "%s is given twice", name);
    }
    value->origin = OPTION_BY_ARGUMENT;
    const char *problem = option_value_take(r->arena, value, text);
    return problem == NULL || fail(r, "%s: %s", name, problem);
}

static bool is_name(const char *known, const char *name, size_t length) {
    return known != NULL && strlen(known) == length && memcmp(known, name, length) == 0;
}

static struct option_value *find_value(struct reader *r, const char *name, size_t length) {
    for (size_t i = 0; i < r->configuration->count; i++) {
        struct option_value *value = &r->configuration->values[i];
        if (is_name(value->row->name, name, length) ||
            is_name(value->row->old_name, name, length)) {
            return value;
        }
    }
    return NULL;
}

static const char *suggest_option(struct reader *r, const char *name, size_t length) {
    struct did_you_mean meant = {.given = name, .length = length};
    for (size_t i = 0; i < r->configuration->count; i++) {
        const struct cli_option *row = r->configuration->values[i].row;
        did_you_mean_consider(&meant, row->name);
        if (row->old_name != NULL) {
            did_you_mean_consider(&meant, row->old_name);
        }
    }
    did_you_mean_consider(&meant, "--help");
    if (r->line->add_libraries != NULL) {
        did_you_mean_consider(&meant, "--version");
    }
    return did_you_mean_text(r->arena, meant.best);
}

// A flag needs no value, but it may be true in the file and unwanted now.
static bool read_flag(struct reader *r, struct option_value *value, const char *name,
                      const char *text) {
    if (text != NULL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return fail(r, "%s takes no value, or true or false", name);
    }
    return take(r, value, name, text != NULL ? text : "true");
}

// Reads the option at arguments[*index]; moves *index to its last argument.
static bool read_option(struct reader *r, int *index) {
    const char *argument = r->configuration->arguments[*index];
    const char *equals = strchr(argument, '=');
    size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    struct option_value *value = find_value(r, argument, length);
    if (value == NULL) {
        return fail(r, "there is no option %.*s%s", (int)length, argument,
                    suggest_option(r, argument, length));
    }
    const struct cli_option *o = value->row;
    const char *name = is_name(o->name, argument, length) ? o->name : o->old_name;
    const char *text = equals != NULL ? equals + 1 : NULL;
    if (o->kind == CLI_FLAG) {
        return read_flag(r, value, name, text);
    }
    if (text == NULL) {
        if (*index + 1 >= r->configuration->argument_count) {
            return fail(r, "%s needs a value: %s", name, o->value);
        }
        text = r->configuration->arguments[++*index];
    }
    return take(r, value, name, text);
}

// Whether the argument is the beginning of "a, b" that the shell took apart.
static bool ends_list_item(const char *argument) {
    size_t length = strlen(argument);
    return length > 1 && argument[length - 1] == ',';
}

static int most_operands(const struct command_line *line) {
    return line->operand_count + line->more_operands;
}

static bool read_arguments(struct reader *r) {
    const struct configuration *c = r->configuration;
    int operand_count = 0;
    bool only_operands = false;
    for (int i = 0; i < c->argument_count; i++) {
        const char *argument = c->arguments[i];
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
            if (!read_option(r, &i)) {
                return false;
            }
        } else if (operand_count == most_operands(r->line)) {
            return fail(r, "\"%s\" is one argument too many%s", argument,
                        i > 0 && ends_list_item(c->arguments[i - 1])
                            ? ": quote a list that has blanks"
                            : "");
        } else {
            c->operands[operand_count++] = argument;
        }
    }
    if (operand_count < r->line->operand_count) {
        return fail(r, "%s is missing", r->line->operands);
    }
    r->problem = config_layers_fill(r->arena, r->configuration);
    return r->problem == NULL;
}

// Returns what is wrong, else NULL.
static const char *read_all(struct arena *a, const struct command_line *line, int count,
                            char **arguments, void *options, struct configuration *ret) {
    *ret = (struct configuration){
        .argument_count = count,
        .arguments = arguments,
        .operands = ARENA_ARRAY(a, const char *, most_operands(line) + 1),
    };
    // Behind the values, which are of the options' struct.
    struct config_flags *flags = ARENA_NEW(a, struct config_flags);
    config_layers_make(a, line->tables, line->section, options, flags, ret);
    struct reader r = {.arena = a, .line = line, .configuration = ret};
    read_arguments(&r);
    return r.problem;
}

enum command_line_outcome command_line_read(struct arena *a, const struct command_line *line,
                                            int count, char **arguments, void *options,
                                            struct configuration *ret_configuration) {
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++) {
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            print_help(a, line);
            return COMMAND_LINE_TOLD;
        }
        if (line->add_libraries != NULL && strcmp(arguments[i], "--version") == 0) {
            command_line_print_version(line->program, line->add_libraries);
            return COMMAND_LINE_TOLD;
        }
    }
    const char *kind = print_options_kind(count, arguments);
    if (kind != NULL) {
        if (print_options_of(kind, line)) {
            return COMMAND_LINE_TOLD;
        }
        command_line_complain(line, "--print-options: \"%s\" is none of %s", kind,
                              line->command != NULL ? "man, markdown (shells: of the program)"
                                                    : "man, bash, zsh, fish, markdown");
        return COMMAND_LINE_WRONG;
    }
    struct configuration configuration;
    const char *problem = read_all(a, line, count, arguments, options, &configuration);
    if (problem != NULL) {
        command_line_complain(line, "%s", problem);
        return COMMAND_LINE_WRONG;
    }
    *ret_configuration = configuration;
    return COMMAND_LINE_READ;
}

bool command_line_read_again(struct arena *a, const struct command_line *line,
                             const struct configuration *before, void *options,
                             struct configuration *ret_configuration, const char **ret_problem) {
    struct configuration configuration;
    const char *problem =
        read_all(a, line, before->argument_count, before->arguments, options, &configuration);
    if (problem != NULL) {
        *ret_problem = problem;
        return false;
    }
    *ret_configuration = configuration;
    return true;
}

// Returns whether all that was printed was written; else says why not.
static bool finish_output(const struct command_line *line) {
    const char *why = standard_output_finish();
    if (why == NULL) {
        return true;
    }
    struct strbuf told = STRBUF_INIT;
    strbuf_printf(&told, "%s: standard output: %s", line->program, why);
    stderr_print_line(strbuf_slice(&told));
    strbuf_release(&told);
    return false;
}

int command_line_main(const struct command_line *line, int argc, char **argv, void *options,
                      int (*run)(struct arena *a, void *options,
                                 const struct configuration *configuration)) {
    standard_files_open();
    struct arena a;
    arena_init(&a);
    struct configuration configuration;
    int status = WRONG_USAGE;
    switch (command_line_read(&a, line, argc - 1, argv + 1, options, &configuration)) {
    case COMMAND_LINE_WRONG:
        break;
    case COMMAND_LINE_TOLD:
        status = finish_output(line) ? 0 : NOT_WRITTEN;
        break;
    case COMMAND_LINE_READ:
        status = run(&a, options, &configuration);
    }
    arena_release(&a);
    return status;
}
