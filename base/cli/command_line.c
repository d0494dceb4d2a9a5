#include "base/cli/command_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"

enum { HELP_COLUMN_LEAST = 24, WRONG_USAGE = 2 };

// What is read at the moment.
struct reader {
    struct arena *arena;
    const struct command_line *line;
    int count;
    char **arguments;
    struct option_value *values;
};

// --- telling ---

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
    struct strbuf told = STRBUF_INIT;
    strbuf_printf(&told, "%s: %s; see %s%s%s --help", line->program, text, line->program,
                  space_before_command(line), command_of(line));
    stderr_print_line(strbuf_slice(&told));
    strbuf_release(&told);
}

static void print_option(const struct option *o, int column) {
    char head[64];
    snprintf(head, sizeof(head), "%s%s%s", o->name, o->value != NULL ? " " : "",
             o->value != NULL ? o->value : "");
    printf("  %-*s ", column, head);
    for (const char *p = o->help; *p != '\0'; p++) {
        if (*p == '\n') {
            printf("\n   %-*s", column, "");
        } else {
            putchar(*p);
        }
    }
    printf("%s%s\n", o->kind == OPTION_LIST ? " (repeatable)" : "",
           o->required ? " (required)" : "");
}

static int help_column(const struct command_line *line) {
    size_t column = HELP_COLUMN_LEAST;
    for (int i = 0; i < line->option_count; i++) {
        const struct option *o = &line->options[i];
        size_t width = strlen(o->name) + (o->value != NULL ? 1 + strlen(o->value) : 0);
        column = width > column ? width : column;
    }
    return (int)column;
}

static void print_help(const struct command_line *line) {
    printf("usage: %s%s%s%s%s%s\n\n%s\n", line->program, space_before_command(line),
           command_of(line), line->operands[0] != '\0' ? " " : "", line->operands,
           line->option_count > 0 ? " [options]" : "", line->summary);
    if (line->details != NULL) {
        printf("\n%s", line->details);
    }
    if (line->option_count > 0) {
        printf("\nOptions:\n");
    }
    for (int i = 0; i < line->option_count; i++) {
        print_option(&line->options[i], help_column(line));
    }
    if (line->version != NULL) {
        printf("  --version, --help\n");
    }
    printf("\n%s", line->footer);
}

// --- reading; functions return false once wrong usage was told ---

static const char *list_words(struct arena *a, const struct option *o) {
    const char *list = o->words[0];
    for (size_t i = 1; o->words[i] != NULL; i++) {
        list = arena_printf(a, "%s, %s", list, o->words[i]);
    }
    return list;
}

static bool is_word(const struct option *o, const char *text, struct option_value *v) {
    for (size_t i = 0; o->words != NULL && o->words[i] != NULL; i++) {
        if (strcmp(text, o->words[i]) == 0) {
            v->number = (int64_t)i;
            v->is_word = true;
            return true;
        }
    }
    return false;
}

static bool read_number(struct reader *r, const struct option *o, const char *text,
                        struct option_value *v) {
    char *end;
    errno = 0;
    v->number = strtoll(text, &end, 10);
    if (text[0] != '\0' && strspn(text, "-0123456789") == strlen(text) && *end == '\0' &&
        errno == 0 && v->number >= o->minimum && v->number <= o->maximum) {
        return true;
    }
    command_line_complain(r->line, "%s: \"%s\" is no integer from %" PRId64 " to %" PRId64 "%s%s",
                          o->name, text, o->minimum, o->maximum,
                          o->words != NULL ? " and none of " : "",
                          o->words != NULL ? list_words(r->arena, o) : "");
    return false;
}

static bool add_to_list(struct reader *r, const struct option *o, const char *text,
                        struct option_value *v) {
    if (o->maximum != 0 && v->list_count == o->maximum) {
        command_line_complain(
            r->line, "%s: \"%s\" is one too many; it may be given %" PRId64 " times at most",
            o->name, text, o->maximum);
        return false;
    }
    if (v->list == NULL) {
        v->list = ARENA_ARRAY(r->arena, const char *, r->count);
    }
    v->list[v->list_count++] = text;
    return true;
}

static bool set_value(struct reader *r, const struct option *o, const char *text,
                      struct option_value *v) {
    if (v->given && o->kind != OPTION_LIST) {
        command_line_complain(r->line, "%s is given twice", o->name);
        return false;
    }
    v->given = true;
    v->text = text;
    switch (o->kind) {
    case OPTION_FLAG:
    case OPTION_TEXT:
        return true;
    case OPTION_LIST:
        return add_to_list(r, o, text, v);
    case OPTION_NUMBER:
        return is_word(o, text, v) || read_number(r, o, text, v);
    case OPTION_CHOICE:
        break;
    }
    if (!is_word(o, text, v)) {
        command_line_complain(r->line, "%s: \"%s\" is none of %s", o->name, text,
                              list_words(r->arena, o));
        return false;
    }
    return true;
}

static int find_option(const struct command_line *line, const char *name, size_t length) {
    for (int i = 0; i < line->option_count; i++) {
        const char *known = line->options[i].name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

// Reads the option at arguments[*index]; moves *index to its last argument.
static bool read_option(struct reader *r, int *index) {
    const char *argument = r->arguments[*index];
    const char *equals = strchr(argument, '=');
    size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    int which = find_option(r->line, argument, length);
    if (which < 0) {
        command_line_complain(r->line, "there is no option %.*s", (int)length, argument);
        return false;
    }
    const struct option *o = &r->line->options[which];
    const char *text = equals != NULL ? equals + 1 : NULL;
    if (o->kind == OPTION_FLAG && text != NULL) {
        command_line_complain(r->line, "%s takes no value", o->name);
        return false;
    }
    if (o->kind == OPTION_FLAG) {
        text = o->name;
    } else if (text == NULL) {
        if (*index + 1 >= r->count) {
            command_line_complain(r->line, "%s needs a value: %s", o->name, o->value);
            return false;
        }
        text = r->arguments[++*index];
    }
    return set_value(r, o, text, &r->values[which]);
}

static bool read_arguments(struct reader *r, const char **operands) {
    int operand_count = 0;
    bool only_operands = false;
    for (int i = 0; i < r->count; i++) {
        const char *argument = r->arguments[i];
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
            if (!read_option(r, &i)) {
                return false;
            }
        } else if (operand_count == r->line->operand_count) {
            command_line_complain(r->line, "\"%s\" is one argument too many", argument);
            return false;
        } else {
            operands[operand_count++] = argument;
        }
    }
    if (operand_count < r->line->operand_count) {
        command_line_complain(r->line, "%s is missing", r->line->operands);
        return false;
    }
    for (int i = 0; i < r->line->option_count; i++) {
        const struct option *o = &r->line->options[i];
        if (o->required && !r->values[i].given) {
            command_line_complain(r->line, "%s %s is missing", o->name, o->value);
            return false;
        }
    }
    return true;
}

enum command_line_outcome command_line_read(struct arena *a, const struct command_line *line,
                                            int count, char **arguments,
                                            struct option_value **ret_values,
                                            const char ***ret_operands) {
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++) {
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            print_help(line);
            return COMMAND_LINE_TOLD;
        }
        if (line->version != NULL && strcmp(arguments[i], "--version") == 0) {
            printf("%s %s\n", line->program, line->version);
            return COMMAND_LINE_TOLD;
        }
    }
    struct reader r = {a, line, count, arguments, NULL};
    r.values = ARENA_ARRAY(a, struct option_value, line->option_count + 1);
    const char **operands = ARENA_ARRAY(a, const char *, line->operand_count + 1);
    if (!read_arguments(&r, operands)) {
        return COMMAND_LINE_WRONG;
    }
    *ret_values = r.values;
    *ret_operands = operands;
    return COMMAND_LINE_READ;
}

int command_line_main(const struct command_line *line, int argc, char **argv,
                      int (*run)(struct arena *a, const struct option_value *values)) {
    struct arena a;
    arena_init(&a);
    struct option_value *values;
    const char **operands;
    int status = WRONG_USAGE;
    switch (command_line_read(&a, line, argc - 1, argv + 1, &values, &operands)) {
    case COMMAND_LINE_WRONG:
        break;
    case COMMAND_LINE_TOLD:
        status = 0;
        break;
    case COMMAND_LINE_READ:
        status = run(&a, values);
    }
    arena_release(&a);
    return status;
}
