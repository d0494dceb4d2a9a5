#include "base/cli/print_fish.h"

#include <stdio.h>
#include <string.h>

#include "base/cli/command_options.h"

static void print_quoted(const char *text) {
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }
    putchar('\'');
}

// condition: where it is an option; NULL: always.
static void print_option(const char *program, const char *condition, const struct told_option *o) {
    printf("complete -c %s", program);
    if (condition != NULL) {
        printf(" -n ");
        print_quoted(condition);
    }
    printf(" -l %s", o->name);
    switch (o->shape) {
    case VALUE_NONE:
        break;
    case VALUE_WORDS:
        printf(" -x -a ");
        print_quoted(o->words);
        break;
    case VALUE_FILE:
        printf(" -r -F");
        break;
    case VALUE_TEXT:
        printf(" -x");
    }
    printf(" -d ");
    print_quoted(o->help);
    putchar('\n');
}

static void print_options(const struct command_line *line, const char *condition) {
    struct arena a;
    arena_init(&a);
    struct told_options told = command_options_of(&a, line);
    for (size_t i = 0; i < told.count; i++) {
        print_option(line->program, condition, &told.items[i]);
    }
    arena_release(&a);
}

// --- commands ---

static bool is_group_again(const struct command_line *const *lines, size_t index) {
    struct slice group = command_options_group(lines[index]->command);
    for (size_t i = 0; i < index; i++) {
        if (slice_equal(command_options_group(lines[i]->command), group)) {
            return true;
        }
    }
    return false;
}

// What tells where a command's words have been given.
static const char begun[] = "function __%s_begins\n"
                            "    set -l given (commandline -opc) '' ''\n"
                            "    set -l last (math 1 + (count $argv))\n"
                            "    test \"$given[2..$last]\" = \"$argv\"\n"
                            "end\n"
                            "function __%s_is_at\n"
                            "    test (count (commandline -opc)) -eq (count $argv)\n"
                            "    or return 1\n"
                            "    test (count $argv) -eq 1\n"
                            "    or __%s_begins $argv[2..-1]\n"
                            "end\n";

static void print_functions(const char *program) {
    for (const char *c = begun; *c != '\0'; c++) {
        if (strncmp(c, "%s", 2) == 0) {
            fputs(program, stdout);
            c++;
        } else {
            putchar(*c);
        }
    }
}

static void print_word(const struct command_line *line, struct slice group, const char *word,
                       size_t length, const char *text) {
    char at[128];
    snprintf(at, sizeof(at), "__%s_is_at %s%s%.*s", line->program, line->program,
             group.len > 0 ? " " : "", SLICE_FMT(group));
    printf("complete -c %s -n ", line->program);
    print_quoted(at);
    printf(" -a %.*s -d ", (int)length, word);
    print_quoted(text);
    putchar('\n');
}

static void print_commands(const struct command_line *const *lines, size_t count) {
    print_functions(lines[0]->program);
    for (size_t i = 0; i < count; i++) {
        const char *command = lines[i]->command;
        struct slice group = command_options_group(command);
        bool is_two = command[group.len] == ' ';
        if (!is_group_again(lines, i)) {
            print_word(lines[i], SLICE_EMPTY, command, group.len,
                       is_two ? "several commands" : lines[i]->summary);
        }
        if (is_two) {
            const char *second = command + group.len + 1;
            print_word(lines[i], group, second, strlen(second), lines[i]->summary);
        }
    }
    for (size_t i = 0; i < count; i++) {
        char condition[128];
        snprintf(condition, sizeof(condition), "__%s_begins %s", lines[i]->program,
                 lines[i]->command);
        print_options(lines[i], condition);
    }
}

void print_fish(const struct command_line *const *lines, size_t count) {
    const char *program = lines[0]->program;
    printf("# What fish completes of %s: printed by %s --print-options fish.\n", program, program);
    printf("complete -c %s -f\n", program);
    if (lines[0]->command != NULL) {
        print_commands(lines, count);
    } else {
        print_options(lines[0], NULL);
    }
}
