#include "base/cli/print_bash.h"

#include <stdio.h>
#include <string.h>

#include "base/cli/command_options.h"

// The word before the one that is completed, also where "=" is between them: bash makes three words
// of --option=value.
static const char head[] =
    "_%s() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command='' options='' words=''\n"
    "    COMPREPLY=()\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=''\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n";

static const char tail[] = "    if [[ $cur == -* || -z $command ]]; then\n"
                           "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
                           "    fi\n"
                           "}\n"
                           "complete -o bashdefault -F _%s %s\n";

static void print_name(const char *program) {
    for (const char *c = program; *c != '\0'; c++) {
        putchar(*c == '-' ? '_' : *c);
    }
}

// Prints format, which has the function's name and then, if it has, the program's.
static void print_framed(const char *format, const char *program) {
    bool is_function = true;
    for (const char *c = format; *c != '\0'; c++) {
        if (strncmp(c, "%s", 2) != 0) {
            putchar(*c);
            continue;
        }
        c++;
        if (is_function) {
            print_name(program);
        } else {
            fputs(program, stdout);
        }
        is_function = false;
    }
}

static void print_value_of(const struct told_option *o, const char *indent) {
    printf("%s    --%s)\n", indent, o->name);
    switch (o->shape) {
    case VALUE_WORDS:
        printf("%s        mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")\n", indent,
               o->words);
        break;
    case VALUE_FILE:
        printf("%s        compopt -o filenames\n"
               "%s        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n",
               indent, indent);
        break;
    default:
        break;
    }
    printf("%s        return\n%s        ;;\n", indent, indent);
}

// What completes the values of the options, and the names of all of them.
static void print_options(const struct command_line *line, const char *indent) {
    struct arena a;
    arena_init(&a);
    struct told_options told = command_options_of(&a, line);
    printf("%scase $prev in\n", indent);
    for (size_t i = 0; i < told.count; i++) {
        if (told.items[i].shape != VALUE_NONE) {
            print_value_of(&told.items[i], indent);
        }
    }
    printf("%sesac\n%soptions='", indent, indent);
    for (size_t i = 0; i < told.count; i++) {
        printf("%s--%s", i > 0 ? " " : "", told.items[i].name);
    }
    printf("'\n");
    arena_release(&a);
}

// --- commands ---

// Whether a line before the index-th has the same first word.
static bool is_group_again(const struct command_line *const *lines, size_t index) {
    struct slice group = command_options_group(lines[index]->command);
    for (size_t i = 0; i < index; i++) {
        if (slice_equal(group, command_options_group(lines[i]->command))) {
            return true;
        }
    }
    return false;
}

static bool is_group(const char *command) {
    return strchr(command, ' ') != NULL;
}

static void print_groups(const struct command_line *const *lines, size_t count) {
    printf("    local first=${COMP_WORDS[1]} second=${COMP_WORDS[2]-}\n"
           "    if ((COMP_CWORD == 1)); then\n"
           "        words='--help --version");
    for (size_t i = 0; i < count; i++) {
        if (!is_group_again(lines, i)) {
            struct slice group = command_options_group(lines[i]->command);
            printf(" %.*s", SLICE_FMT(group));
        }
    }
    printf("'\n    elif ((COMP_CWORD == 2)); then\n        case $first in\n");
    for (size_t i = 0; i < count; i++) {
        if (!is_group(lines[i]->command) || is_group_again(lines, i)) {
            continue;
        }
        struct slice group = command_options_group(lines[i]->command);
        printf("        %.*s) words='--help", SLICE_FMT(group));
        for (size_t j = i; j < count; j++) {
            if (is_group(lines[j]->command) &&
                slice_equal(group, command_options_group(lines[j]->command))) {
                printf(" %s", lines[j]->command + group.len + 1);
            }
        }
        printf("' ;;\n");
    }
    printf("        esac\n    fi\n"
           "    if [[ -n $words ]]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
           "        return\n    fi\n"
           "    case \"$first $second\" in\n");
}

static void print_commands(const struct command_line *const *lines, size_t count) {
    print_groups(lines, count);
    for (size_t i = 0; i < count; i++) {
        printf("    '%s%s)\n        command=yes\n", lines[i]->command,
               is_group(lines[i]->command) ? "'" : " '*");
        print_options(lines[i], "        ");
        printf("        ;;\n");
    }
    printf("    esac\n");
}

void print_bash(const struct command_line *const *lines, size_t count) {
    const char *program = lines[0]->program;
    printf("# What bash completes of %s: printed by %s --print-options bash.\n\n", program,
           program);
    print_framed(head, program);
    if (lines[0]->command != NULL) {
        print_commands(lines, count);
    } else {
        print_options(lines[0], "    ");
    }
    print_framed(tail, program);
}
