#include <stdio.h>

#include "base/core/strbuf.h"
#include "ctl/command.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json_document.h"
#include "storage/backends.h"
#include "storage/store_keeping.h"
#include "storage/store_opener.h"

struct thaw_options {
    const char *store;
    bool json;
};

static const struct cli_option rows[] = {
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct thaw_options, store),
     .is_required = true,
     .help = STORE_URLS_KEPT},
    {.name = "--json", CLI_FLAG_AT(struct thaw_options, json), .help = "print {store, wasFrozen}"},
    {.name = NULL},
};

static const struct cli_table tables[] = {{rows, 0}, {NULL, 0}};

static int run(struct invocation *in) {
    const struct thaw_options *options = in->options;
    bool was_frozen = false;
    const struct error *error = run_store_thaw(in->arena, options->store, &was_frozen);
    if (error != NULL) {
        return command_error(in, error, "");
    }
    const char *store = run_store_describe(in->arena, options->store);
    if (in->json) {
        struct strbuf out = STRBUF_INIT;
        strbuf_append_cstr(&out, "{\"store\":");
        strbuf_append_json_string(&out, slice_of_cstr(store));
        strbuf_printf(&out, ",\"wasFrozen\":%s}\n", was_frozen ? "true" : "false");
        json_document_print(strbuf_slice(&out));
        strbuf_release(&out);
    } else {
        printf("%s %s\n", store, was_frozen ? "takes changes again" : "was not frozen");
    }
    return was_frozen ? EXIT_CODE_OK : EXIT_CODE_NOT_FOUND;
}

const struct command store_thaw_command = {
    .name = "store thaw",
    .place = 408,
    .operands = "",
    .summary = "Ends a freeze of a store.",
    .details = "Exits 3 if the store was not frozen any more: what was copied meanwhile may be\n"
               "of several moments.\n",
    .tables = tables,
    .options_size = sizeof(struct thaw_options),
    .run = run,
};
