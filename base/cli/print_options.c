#include "base/cli/print_options.h"

#include <stdio.h>
#include <string.h>

#include "base/cli/print_bash.h"
#include "base/cli/print_fish.h"
#include "base/cli/print_man.h"
#include "base/cli/print_markdown.h"
#include "base/cli/print_zsh.h"

static const char option[] = "--print-options";

const char *const print_options_kinds[] = {"man", "bash", "zsh", "fish", "markdown", NULL};

const char *print_options_kind(int count, char **arguments) {
    const char *kind = NULL;
    size_t length = strlen(option);
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++) {
        if (strcmp(arguments[i], option) == 0) {
            kind = i + 1 < count ? arguments[i + 1] : "";
        } else if (strncmp(arguments[i], option, length) == 0 && arguments[i][length] == '=') {
            kind = arguments[i] + length + 1;
        }
    }
    return kind;
}

// Of what shells complete.
static bool print_for_shell(const char *kind, const struct command_line *const *lines,
                            size_t count) {
    if (strcmp(kind, "bash") == 0) {
        print_bash(lines, count);
    } else if (strcmp(kind, "zsh") == 0) {
        print_zsh(lines, count);
    } else if (strcmp(kind, "fish") == 0) {
        print_fish(lines, count);
    } else {
        return false;
    }
    return true;
}

bool print_options_of(const char *kind, const struct command_line *line) {
    if (strcmp(kind, "man") == 0) {
        print_man(line);
    } else if (strcmp(kind, "markdown") == 0) {
        print_markdown(line);
    } else {
        return line->command == NULL && print_for_shell(kind, &line, 1);
    }
    return true;
}

bool print_options_of_all(const char *kind, const char *summary,
                          const struct command_line *const *lines, size_t count) {
    if (strcmp(kind, "man") == 0) {
        print_man_list(summary, lines, count);
        return true;
    }
    bool is_names = strcmp(kind, "commands") == 0;
    bool is_table = strcmp(kind, "markdown") == 0;
    for (size_t i = 0; i < count && (is_names || is_table); i++) {
        if (is_names) {
            printf("%s\n", lines[i]->command);
        } else {
            print_markdown(lines[i]);
        }
    }
    return is_names || is_table || print_for_shell(kind, lines, count);
}
