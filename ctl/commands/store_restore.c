#include <stdio.h>

#include "base/core/strbuf.h"
#include "ctl/command.h"
#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json_document.h"
#include "storage/backends.h"
#include "storage/store_keeping.h"
#include "storage/store_opener.h"

struct restore_options {
    const char *store;
    bool json;
};

static const struct cli_option rows[] = {
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct restore_options, store),
     .is_required = true,
     .help = STORE_URLS_KEPT},
    {.name = "--json",
     CLI_FLAG_AT(struct restore_options, json),
     .help = "print {store, file, bytes, runs, newestEvent, schema}"},
    {.name = NULL},
};

static const struct cli_table tables[] = {{rows, 0}, {NULL, 0}};

static void print_json(const char *store, const char *file, const struct store_restore *r) {
    struct strbuf out = STRBUF_INIT;
    strbuf_append_cstr(&out, "{\"store\":");
    strbuf_append_json_string(&out, slice_of_cstr(store));
    strbuf_append_cstr(&out, ",\"file\":");
    strbuf_append_json_string(&out, slice_of_cstr(file));
    strbuf_printf(&out, ",\"bytes\":%lld,\"runs\":%lld,\"newestEvent\":%lld,\"schema\":%d}\n",
                  (long long)r->bytes, (long long)r->runs, (long long)r->newest_event, r->schema);
    json_document_print(strbuf_slice(&out));
    strbuf_release(&out);
}

static int run(struct invocation *in) {
    const struct restore_options *options = in->options;
    const char *file = in->operands[0];
    struct store_restore done;
    const struct error *error = run_store_restore(in->arena, options->store, file, &done);
    if (error != NULL) {
        return command_error(in, error, "");
    }
    const char *store = run_store_describe(in->arena, options->store);
    in->unwritten = "the store was restored";
    if (in->json) {
        print_json(store, file, &done);
        return EXIT_CODE_OK;
    }
    printf("%s was restored from %s: %s, up to event %lld; what clients kept of later moments is "
           "void\n",
           store, file, count_text_of_runs(in->arena, done.runs), (long long)done.newest_event);
    return EXIT_CODE_OK;
}

const struct command store_restore_command = {
    .name = "store restore",
    .place = 402,
    .operands = "FILE",
    .summary = "Makes a store from a backup.",
    .details = "The backup is copied and the copy is checked before the store has its name.\n"
               "There must be no store of that name, nor a part of one: move those to another\n"
               "folder. Cursors of feeds of before are refused from then on, and executors are\n"
               "given attempts above all that there can have been.\n",
    .tables = tables,
    .options_size = sizeof(struct restore_options),
    .operand_count = 1,
    .run = run,
};
