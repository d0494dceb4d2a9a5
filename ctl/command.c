#include "ctl/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/exit_code.h"
#include "ctl/print.h"

int command_usage_error(const struct command *command, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fputs("runsctl: ", stderr);
    print_text(stderr, slice_of_cstr(text));
    fprintf(stderr, "; see runsctl %s --help\n", command->name);
    return EXIT_CODE_USAGE;
}

static void print_help(const struct command *c) {
    printf("usage: runsctl %s%s%s%s\n\n%s\n", c->name, c->operands[0] != '\0' ? " " : "",
           c->operands, c->option_count > 0 ? " [options]" : "", c->summary);
    if (c->details != NULL) {
        printf("\n%s", c->details);
    }
    if (c->option_count > 0) {
        printf("\nOptions:\n");
    }
    for (int i = 0; i < c->option_count; i++) {
        const struct option *o = &c->options[i];
        char head[64];
        snprintf(head, sizeof(head), "%s%s%s", o->name, o->value != NULL ? " " : "",
                 o->value != NULL ? o->value : "");
        printf("  %-24s %s%s%s\n", head, o->help, o->kind == OPTION_LIST ? " (repeatable)" : "",
               o->required ? " (required)" : "");
    }
    printf("\n%s", exit_code_help);
}

static int find_option(const struct command *c, const char *name, size_t length) {
    for (int i = 0; i < c->option_count; i++) {
        if (strlen(c->options[i].name) == length && memcmp(c->options[i].name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

// Sets the value of an option; returns 0 or the exit code.
static int set_value(const struct command *c, const struct option *o, const char *text, int most,
                     struct arena *arena, struct option_value *v) {
    if (v->given && o->kind != OPTION_LIST) {
        return command_usage_error(c, "%s is given twice", o->name);
    }
    v->given = true;
    v->text = text;
    if (o->kind == OPTION_LIST) {
        if (v->list == NULL) {
            v->list = ARENA_ARRAY(arena, const char *, most);
        }
        v->list[v->list_count++] = text;
    }
    if (o->kind == OPTION_NUMBER) {
        char *end;
        errno = 0;
        v->number = strtoll(text, &end, 10);
        if (text[0] == '\0' || strspn(text, "-0123456789") != strlen(text) || *end != '\0' ||
            errno != 0 || v->number < o->minimum || v->number > o->maximum) {
            return command_usage_error(c, "%s: \"%s\" is no integer from %" PRId64 " to %" PRId64,
                                       o->name, text, o->minimum, o->maximum);
        }
    }
    return EXIT_CODE_OK;
}

// Reads the option at arguments[*index]; moves *index to its last argument.
static int read_option(const struct command *c, int count, char **arguments, int *index,
                       struct arena *arena, struct option_value *values) {
    const char *argument = arguments[*index];
    const char *equals = strchr(argument, '=');
    size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    int which = find_option(c, argument, length);
    if (which < 0) {
        return command_usage_error(c, "there is no option %.*s", (int)length, argument);
    }
    const struct option *o = &c->options[which];
    const char *text = equals != NULL ? equals + 1 : NULL;
    if (o->kind == OPTION_FLAG) {
        if (text != NULL) {
            return command_usage_error(c, "%s takes no value", o->name);
        }
        text = o->name;
    } else if (text == NULL) {
        if (*index + 1 >= count) {
            return command_usage_error(c, "%s needs a value: %s", o->name, o->value);
        }
        text = arguments[++*index];
    }
    return set_value(c, o, text, count, arena, &values[which]);
}

static int read_arguments(const struct command *c, int count, char **arguments, struct arena *arena,
                          struct option_value *values, const char **operands) {
    int operand_count = 0;
    bool only_operands = false;
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i];
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
            int code = read_option(c, count, arguments, &i, arena, values);
            if (code != EXIT_CODE_OK) {
                return code;
            }
        } else if (operand_count == c->operand_count) {
            return command_usage_error(c, "\"%s\" is one argument too many", argument);
        } else {
            operands[operand_count++] = argument;
        }
    }
    if (operand_count < c->operand_count) {
        return command_usage_error(c, "%s is missing", c->operands);
    }
    for (int i = 0; i < c->option_count; i++) {
        if (c->options[i].required && !values[i].given) {
            return command_usage_error(c, "%s %s is missing", c->options[i].name,
                                       c->options[i].value);
        }
    }
    return EXIT_CODE_OK;
}

int command_run(const struct command *command, int count, char **arguments) {
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++) {
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            print_help(command);
            return EXIT_CODE_OK;
        }
    }
    struct arena arena;
    arena_init(&arena);
    struct option_value *values =
        ARENA_ARRAY(&arena, struct option_value, command->option_count + 1);
    const char **operands = ARENA_ARRAY(&arena, const char *, command->operand_count + 1);
    int code = read_arguments(command, count, arguments, &arena, values, operands);
    if (code == EXIT_CODE_OK) {
        struct invocation in = {&arena, command, values, operands};
        code = command->run(&in);
        if (fflush(stdout) != 0 && code == EXIT_CODE_OK) {
            perror("runsctl: standard output");
            code = EXIT_CODE_FAILED;
        }
    }
    arena_release(&arena);
    return code;
}
