#include "base/cli/print_markdown.h"

#include <stdio.h>

#include "base/cli/command_options.h"

// A table's cell ends at a bar, and what looks like a tag vanishes.
static void print_cell(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '|' || *text == '<' || *text == '*') {
            putchar('\\');
        }
        putchar(*text);
    }
}

static void print_code(const char *text) {
    putchar('`');
    for (; *text != '\0'; text++) {
        fputs(*text == '|' ? "\\" : "", stdout);
        putchar(*text);
    }
    putchar('`');
}

static void print_row(const struct told_option *o) {
    printf("| `--%s` | ", o->name);
    if (o->value != NULL) {
        print_code(o->value);
    }
    printf(" | ");
    print_cell(o->is_required ? "required" : o->fallback != NULL ? o->fallback : "");
    printf(" | ");
    if (o->variable != NULL) {
        print_code(o->variable);
    }
    printf(" | %s | ", o->reload ? "SIGHUP" : "");
    print_cell(o->help);
    printf("%s |\n", o->is_list ? " (repeatable)" : "");
}

void print_markdown(const struct command_line *line) {
    struct arena a;
    arena_init(&a);
    struct told_options told = command_options_of(&a, line);
    printf("### %s\n\n", command_options_called(&a, line));
    printf("| option | value | default | variable | changes at | is |\n"
           "| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < told.count; i++) {
        print_row(&told.items[i]);
    }
    putchar('\n');
    arena_release(&a);
}
