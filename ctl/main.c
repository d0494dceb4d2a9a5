#include <stdio.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "base/core/version.h"
#include "base/log/stderr_print.h"
#include "ctl/commands.h"
#include "ctl/exit_code.h"
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

static void print_help(const char *group) {
    printf("usage: runsctl %s%sCOMMAND [options]\n\nCommands:\n", group,
           group[0] != '\0' ? " " : "");
    // The table is by the names of files, the list by place.
    for (const struct command *c = next_command(NULL); c != NULL; c = next_command(c)) {
        if (in_group(c, group)) {
            char head[64];
            snprintf(head, sizeof(head), "%s %s", c->name, c->operands);
            printf("  %-18s %s\n", head, c->summary);
        }
    }
    printf("\nrunsctl COMMAND --help shows a command's options.\n\n%s", exit_code_help);
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

int main(int argc, char **argv) {
    if (argc < 2 || is_help(argv[1])) {
        print_help("");
        return argc < 2 ? EXIT_CODE_USAGE : EXIT_CODE_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("runsctl " RUNSD_VERSION);
        return EXIT_CODE_OK;
    }
    // gRPC core's own log lines show what was sent, tokens too; serve logs what is safe of them.
    rpc_log_redirect(NULL);
    bool group = false;
    for (size_t i = 0; i < commands_count; i++) {
        int words = name_words(commands[i], argc - 1, argv + 1);
        if (words > 0) {
            return command_run(commands[i], argc - 1 - words, argv + 1 + words);
        }
        group = group || in_group(commands[i], argv[1]);
    }
    if (group && (argc == 2 || is_help(argv[2]))) {
        print_help(argv[1]);
        return argc == 2 ? EXIT_CODE_USAGE : EXIT_CODE_OK;
    }
    struct strbuf line = STRBUF_INIT;
    strbuf_printf(&line, "runsctl: there is no command \"%s%s%s\"; see runsctl --help", argv[1],
                  group ? " " : "", group ? argv[2] : "");
    stderr_print_line(strbuf_slice(&line));
    strbuf_release(&line);
    return EXIT_CODE_USAGE;
}
