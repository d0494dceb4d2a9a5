#include <stdio.h>

#include "base/core/strbuf.h"
#include "ctl/command.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json_document.h"
#include "storage/backends.h"
#include "storage/store_opener.h"

struct migrate_options {
    const char *store;
    bool json;
};

static const struct cli_option rows[] = {
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct migrate_options, store),
     .is_required = true,
     .help = STORE_URLS_KEPT},
    {.name = "--json",
     CLI_FLAG_AT(struct migrate_options, json),
     .help = "print {store, before, after}: versions of the schema, 0: no tables"},
    {.name = NULL},
};

static const struct cli_table tables[] = {{rows, 0}, {NULL, 0}};

static void print_json(const char *store, const struct store_migration *done) {
    struct strbuf out = STRBUF_INIT;
    strbuf_append_cstr(&out, "{\"store\":");
    strbuf_append_json_string(&out, slice_of_cstr(store));
    strbuf_printf(&out, ",\"before\":%d,\"after\":%d}\n", done->before, done->after);
    json_document_print(strbuf_slice(&out));
    strbuf_release(&out);
}

static void print_for_people(const char *store, const struct store_migration *done) {
    if (done->before == done->after) {
        printf("%s has schema version %d; there was nothing to do\n", store, done->after);
    } else if (done->before == 0) {
        printf("%s was made, with schema version %d\n", store, done->after);
    } else {
        printf("%s was brought from schema version %d to %d\n", store, done->before, done->after);
    }
}

static int run(struct invocation *in) {
    const struct migrate_options *options = in->options;
    struct store_migration done;
    const struct error *error = run_store_migrate(in->arena, options->store, &done);
    if (error != NULL) {
        return command_error(in, error, "");
    }
    const char *store = run_store_describe(in->arena, options->store);
    if (in->json) {
        print_json(store, &done);
    } else {
        print_for_people(store, &done);
    }
    return EXIT_CODE_OK;
}

const struct command store_migrate_command = {
    .name = "store migrate",
    .place = 406,
    .operands = "",
    .summary = "Makes the tables of a store on a database server, or brings them up to date.",
    .details = "Other stores need none: they are brought up to date as they are opened. Each\n"
               "step is one transaction, and the store may be served meanwhile; locks are waited\n"
               "for 5 s at most. The role of the URL is to own the tables; runsd itself needs\n"
               "fewer rights (docs/OPERATING.md).\n",
    .tables = tables,
    .options_size = sizeof(struct migrate_options),
    .run = run,
};
