#include <stdio.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/exit_code.h"
#include "ctl/print.h"
#include "storage/backends.h"
#include "storage/store_opener.h"

enum { CHECK_STORE, CHECK_ACCEPT, CHECK_OPTION_COUNT };

static const struct option options[] = {
    [CHECK_STORE] = {.name = "--store",
                     .kind = OPTION_TEXT,
                     .value = "URL",
                     .help = STORE_URLS_CHECKED,
                     .required = true},
    [CHECK_ACCEPT] = {.name = "--accept",
                      .kind = OPTION_FLAG,
                      .help = "if it is sound: take what it holds for all there is"},
};

static int run(struct invocation *in) {
    const char *url = in->values[CHECK_STORE].text;
    if (!run_store_has_check(url)) {
        return command_usage_error(
            in->command, "--store: only " STORE_URLS_CHECKED " can be checked, not %s", url);
    }
    struct store_check_report report;
    const struct error *error =
        run_store_check(in->arena, url, in->values[CHECK_ACCEPT].given, &report);
    if (error != NULL) {
        return exit_with_error(error, "the store itself was read, no server was asked");
    }
    for (int i = 0; i < report.count; i++) {
        print_text(stdout, slice_of_cstr(report.problems[i]));
        putchar('\n');
    }
    if (report.count > 0) {
        fprintf(stderr, "runsctl: the store \"%s\" is not sound; the lines above say why\n", url);
        return EXIT_CODE_FAILED;
    }
    printf("%s is sound%s%s\n", url, report.is_served ? ", and served at the moment" : "",
           in->values[CHECK_ACCEPT].given ? "; what it holds is taken for all there is" : "");
    return EXIT_CODE_OK;
}

const struct command check_command = {
    .name = "check",
    .place = 410,
    .operands = "",
    .summary = "Reads a whole store and reports what is wrong with it.",
    .details = "Works on a store that is served, too: a snapshot is read, and the write-ahead\n"
               "log grows meanwhile. Takes minutes for millions of runs. --accept is for a store\n"
               "that a start refuses because something newer is missing: an older backup, say.\n",
    .options = options,
    .option_count = CHECK_OPTION_COUNT,
    .run = run,
};
