#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/cli/cli_help.h"
#include "base/cli/did_you_mean.h"
#include "base/cli/print_options.h"
#include "base/cli/standard_files.h"
#include "ctl/commands.h"
#include "ctl/error_json.h"
#include "ctl/exit_code.h"
#include "ctl/libraries.h"
#include "rpc/credentials.h"
#include "rpc/log.h"

// Whether command belongs to the group, a first word; "" holds all.
static bool in_group(const struct command *command, const char *group) {
    size_t n = strlen(group);
    return n == 0 || (strncmp(command->name, group, n) == 0 && command->name[n] == ' ');
}

// The command whose place comes next after that of before, NULL for the first; NULL behind the
// last. No two have the same place.
static const struct command *next_command(const struct command *before) {
    const struct command *next = NULL;
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *c = commands[i];
        if ((before == NULL || c->place > before->place) &&
            (next == NULL || c->place < next->place)) {
            next = c;
        }
    }
    return next;
}

static struct command_line line_of(int count, char **arguments) {
    struct command_line line = {.program = "runsctl"};
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--json") == 0) {
            line.complain = error_json_complain;
        }
    }
    return line;
}

// Returns code, or EXIT_CODE_FAILED if what was printed could not be written whole.
static int finish_output(int code) {
    const char *why = standard_output_finish();
    if (why == NULL) {
        return code;
    }
    fprintf(stderr, "runsctl: standard output: %s\n", why);
    return EXIT_CODE_FAILED;
}

// How many columns the names and operands of the listed commands take.
static int widest_head(const char *group) {
    size_t widest = 0;
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *c = commands[i];
        size_t width = strlen(c->name) + 1 + strlen(c->operands);
        widest = in_group(c, group) && width > widest ? width : widest;
    }
    return (int)widest;
}

static int print_help(const char *group, int code) {
    printf("usage: runsctl %s%sCOMMAND [options]\n\nCommands:\n", group,
           group[0] != '\0' ? " " : "");
    int width = widest_head(group);
    // The table is by the names of files, the list by place.
    for (const struct command *c = next_command(NULL); c != NULL; c = next_command(c)) {
        if (in_group(c, group)) {
            char head[64];
            snprintf(head, sizeof(head), "%s %s", c->name, c->operands);
            printf("  %-*s ", width, head);
            cli_help_print_text(slice_of_cstr(c->summary), width + 3);
        }
    }
    printf("\nrunsctl COMMAND --help shows a command's options.\n\n%s", exit_code_help);
    return finish_output(code);
}

// Prints what --print-options does of all commands, by their places.
static int print_options(const char *kind) {
    struct arena a;
    arena_init(&a);
    const struct command_line **lines =
        ARENA_ARRAY(&a, const struct command_line *, commands_count);
    size_t count = 0;
    for (const struct command *c = next_command(NULL); c != NULL; c = next_command(c)) {
        struct command_line *line = ARENA_NEW(&a, struct command_line);
        *line = command_line_of(c);
        lines[count++] = line;
    }
    bool is_kind = print_options_of_all(
        kind, "Cancels, creates, watches and lists runs, and serves them.", lines, count);
    arena_release(&a);
    if (!is_kind) {
        struct command_line line = {.program = "runsctl"};
        command_line_complain(&line,
                              "--print-options: \"%s\" is none of man, bash, zsh, fish, "
                              "markdown, commands",
                              kind);
        return EXIT_CODE_USAGE;
    }
    return finish_output(EXIT_CODE_OK);
}

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

// How many words of arguments the command's name takes; 0 if it is another.
static int name_words(const struct command *command, int count, char **arguments) {
    const char *space = strchr(command->name, ' ');
    if (count >= 1 && space == NULL && strcmp(arguments[0], command->name) == 0) {
        return 1;
    }
    size_t first = space != NULL ? (size_t)(space - command->name) : 0;
    if (count >= 2 && space != NULL && strlen(arguments[0]) == first &&
        memcmp(arguments[0], command->name, first) == 0 && strcmp(arguments[1], space + 1) == 0) {
        return 2;
    }
    return 0;
}

static bool is_option(const char *word) {
    return word[0] == '-';
}

// The command whose second word this is; else the first whose second word is near it.
static const char *by_second_word(const char *word) {
    struct did_you_mean meant = {.given = word, .length = strlen(word)};
    for (const struct command *c = next_command(NULL); c != NULL; c = next_command(c)) {
        const char *space = strchr(c->name, ' ');
        if (space != NULL && strcmp(space + 1, word) == 0) {
            return c->name;
        }
        if (space != NULL) {
            did_you_mean_consider(&meant, space + 1);
        }
    }
    for (const struct command *c = next_command(NULL); c != NULL && meant.best != NULL;
         c = next_command(c)) {
        const char *space = strchr(c->name, ' ');
        if (space != NULL && space + 1 == meant.best) {
            return c->name;
        }
    }
    return NULL;
}

// Reports the words that are no command, and the command that was probably meant.
static int refuse(int count, char **arguments, bool group) {
    struct command_line line = line_of(count, arguments);
    const char *first = arguments[0];
    if (is_option(first)) {
        command_line_complain(&line, "the command comes first, before %s", first);
        return EXIT_CODE_USAGE;
    }
    const char *second = count > 1 && !is_option(arguments[1]) ? arguments[1] : "";
    if (group && second[0] == '\0') {
        command_line_complain(&line, "%s is no command by itself: a second word is missing", first);
        return EXIT_CODE_USAGE;
    }
    char both[128];
    int length =
        snprintf(both, sizeof(both), "%s%s%s", first, second[0] != '\0' ? " " : "", second);
    bool fits = length > 0 && (size_t)length < sizeof(both);
    struct did_you_mean two = {.given = both, .length = fits ? (size_t)length : 0};
    struct did_you_mean one = {.given = first, .length = strlen(first)};
    for (size_t i = 0; i < commands_count; i++) {
        const char *name = commands[i]->name;
        did_you_mean_consider(strchr(name, ' ') != NULL ? &two : &one, name);
    }
    const char *meant = two.best != NULL ? two.best : one.best;
    if (meant == NULL && !group) {
        meant = by_second_word(first);
    }
    command_line_complain(&line, "there is no command \"%s\"%s%s%s",
                          group || two.best != NULL ? both : first,
                          meant != NULL ? " (did you mean " : "", meant != NULL ? meant : "",
                          meant != NULL ? "?)" : "");
    return EXIT_CODE_USAGE;
}

// Runs the command that words name, given the arguments behind its name.
static int run(int count, char **words) {
    bool group = false;
    for (size_t i = 0; i < commands_count; i++) {
        int length = name_words(commands[i], count, words);
        if (length > 0) {
            return command_run(commands[i], count - length, words + length);
        }
        group = group || in_group(commands[i], words[0]);
    }
    if (group && (count == 1 || is_help(words[1]))) {
        return print_help(words[0], count == 1 ? EXIT_CODE_USAGE : EXIT_CODE_OK);
    }
    return refuse(count, words, group);
}

int main(int argc, char **argv) {
    standard_files_open();
    setlocale(LC_CTYPE, "C.UTF-8"); // for the width of characters, whatever the environment says
    if (argc < 2) {
        return print_help("", EXIT_CODE_USAGE);
    }
    if (strcmp(argv[1], "help") == 0 && argc > 2) {
        // "help runs get" is "runs get --help".
        for (int i = 1; i + 1 < argc; i++) {
            argv[i] = argv[i + 1];
        }
        argv[argc - 1] = "--help";
    } else if (is_help(argv[1])) {
        return print_help("", EXIT_CODE_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        command_line_print_version("runsctl", ctl_libraries_add);
        return finish_output(EXIT_CODE_OK);
    }
    const char *kind = argv[1][0] == '-' ? print_options_kind(argc - 1, argv + 1) : NULL;
    if (kind != NULL) {
        return print_options(kind);
    }
    // gRPC core's own log lines show what was sent, tokens too; serve logs what is safe of them.
    rpc_log_redirect(NULL);
    rpc_credentials_prepare(); // while there is one thread
    return run(argc - 1, argv + 1);
}
