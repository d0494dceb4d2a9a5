#include "base/cli/print_zsh.h"

#include <stdio.h>
#include <string.h>

#include "base/cli/command_options.h"

// Prints text within single quotes; each of the characters in marks is escaped, too.
static void print_quoted(const char *text, const char *marks) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\'", stdout);
        } else if (strchr(marks, *text) != NULL) {
            putchar('\\');
        }
        putchar(*text);
    }
}

static void print_option(const struct told_option *o, const char *indent) {
    printf(" \\\n%s'%s--%s%s[", indent, o->is_list ? "*" : "", o->name,
           o->value != NULL ? "=" : "");
    print_quoted(o->help, "[]\\");
    putchar(']');
    if (o->value != NULL) {
        putchar(':');
        print_quoted(o->value, ":\\");
        putchar(':');
        if (o->shape == VALUE_WORDS) {
            printf("(%s)", o->words);
        } else {
            fputs(o->shape == VALUE_FILE ? "_files" : " ", stdout);
        }
    }
    putchar('\'');
}

static void print_options(const struct command_line *line, const char *indent) {
    struct arena a;
    arena_init(&a);
    struct told_options told = command_options_of(&a, line);
    printf("_arguments");
    for (size_t i = 0; i < told.count; i++) {
        print_option(&told.items[i], indent);
    }
    if (line->operands[0] != '\0') {
        printf(" \\\n%s'*:", indent);
        print_quoted(line->operands, ":\\");
        printf(": '");
    }
    putchar('\n');
    arena_release(&a);
}

// --- commands ---

static bool is_in_group(const char *command, struct slice group) {
    return slice_equal(command_options_group(command), group);
}

static bool is_group_again(const struct command_line *const *lines, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (is_in_group(lines[i]->command, command_options_group(lines[index]->command))) {
            return true;
        }
    }
    return false;
}

// The word and what it is for, for _describe.
static void print_described(const char *word, size_t length, const char *text) {
    printf("            '%.*s:", (int)length, word);
    print_quoted(text, ":\\");
    printf("'\n");
}

static void print_first_words(const struct command_line *const *lines, size_t count) {
    printf("    local -a words_here\n    if ((CURRENT == 2)); then\n        words_here=(\n");
    for (size_t i = 0; i < count; i++) {
        const char *command = lines[i]->command;
        size_t length = command_options_group(command).len;
        if (!is_group_again(lines, i)) {
            print_described(command, length,
                            command[length] == ' ' ? "several commands" : lines[i]->summary);
        }
    }
    printf("        )\n        _describe command words_here\n        return\n    fi\n");
}

static void print_second_words(const struct command_line *const *lines, size_t count) {
    printf("    if ((CURRENT == 3)); then\n        case $words[2] in\n");
    for (size_t i = 0; i < count; i++) {
        struct slice group = command_options_group(lines[i]->command);
        if (lines[i]->command[group.len] == '\0' || is_group_again(lines, i)) {
            continue;
        }
        printf("        %.*s) words_here=(\n", SLICE_FMT(group));
        for (size_t j = i; j < count; j++) {
            const char *word = lines[j]->command + group.len;
            if (is_in_group(lines[j]->command, group) && word[0] == ' ') {
                print_described(word + 1, strlen(word + 1), lines[j]->summary);
            }
        }
        printf("        ) ;;\n");
    }
    printf("        esac\n        if ((#words_here)); then\n"
           "            _describe command words_here\n            return\n        fi\n    fi\n");
}

static void print_commands(const struct command_line *const *lines, size_t count) {
    print_first_words(lines, count);
    print_second_words(lines, count);
    printf("    case \"$words[2] $words[3]\" in\n");
    for (size_t i = 0; i < count; i++) {
        bool is_two = strchr(lines[i]->command, ' ') != NULL;
        printf("    '%s%s)\n        shift %d words\n        ((CURRENT -= %d))\n        ",
               lines[i]->command, is_two ? "'" : " '*", is_two ? 2 : 1, is_two ? 2 : 1);
        print_options(lines[i], "            ");
        printf("        ;;\n");
    }
    printf("    esac\n");
}

void print_zsh(const struct command_line *const *lines, size_t count) {
    const char *program = lines[0]->program;
    printf("#compdef %s\n# What zsh completes of %s: printed by %s --print-options zsh.\n\n",
           program, program, program);
    printf("_%s() {\n", program);
    if (lines[0]->command != NULL) {
        print_commands(lines, count);
    } else {
        printf("    ");
        print_options(lines[0], "        ");
    }
    // Where it is loaded as a function of its own name, and where it is sourced.
    printf("}\n\nif [[ $funcstack[1] == _%s ]]; then\n    _%s \"$@\"\nelse\n"
           "    compdef _%s %s\nfi\n",
           program, program, program, program);
}
