#include "ctl/store_check.h"

#include <stdio.h>

#include "base/core/strbuf.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json_document.h"
#include "ctl/print.h"
#include "storage/backends.h"
#include "storage/store_opener.h"

static const struct cli_option rows[] = {
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct store_check_options, store),
     .is_required = true,
     .help = STORE_URLS_CHECKED},
    {.name = "--accept",
     CLI_FLAG_AT(struct store_check_options, accept),
     .help = "if it is sound: take what it holds for all there is"},
    {.name = "--json",
     CLI_FLAG_AT(struct store_check_options, json),
     .help = "print {store, isSound, isServed, problems}"},
    {.name = NULL},
};

const struct cli_table store_check_tables[] = {{rows, 0}, {NULL, 0}};

static void print_json(const char *url, const struct store_check_report *report) {
    struct strbuf out = STRBUF_INIT;
    strbuf_append_cstr(&out, "{\"store\":");
    strbuf_append_json_string(&out, slice_of_cstr(url));
    strbuf_printf(&out, ",\"isSound\":%s,\"isServed\":%s,\"problems\":[",
                  report->count == 0 ? "true" : "false", report->is_served ? "true" : "false");
    for (int i = 0; i < report->count; i++) {
        strbuf_append_cstr(&out, i > 0 ? "," : "");
        strbuf_append_json_string(&out, slice_of_cstr(report->problems[i]));
    }
    strbuf_append_cstr(&out, "]}\n");
    json_document_print(strbuf_slice(&out));
    strbuf_release(&out);
}

int store_check_run(struct invocation *in) {
    const struct store_check_options *options = in->options;
    const char *url = options->store;
    if (!run_store_has_check(url)) {
        return command_usage_error(
            in, "--store: only " STORE_URLS_CHECKED " can be checked, not %s", url);
    }
    struct store_check_report report;
    const struct error *error = run_store_check(in->arena, url, options->accept, &report);
    if (error != NULL) {
        return command_error(in, error,
                             error->code == STATUS_NOT_FOUND
                                 ? "see whether --store is spelled right"
                                 : "the store itself was read, no server was asked");
    }
    if (in->json) {
        print_json(url, &report);
        return report.count == 0 ? EXIT_CODE_OK : EXIT_CODE_FAILED;
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
           options->accept ? "; what it holds is taken for all there is" : "");
    return EXIT_CODE_OK;
}
