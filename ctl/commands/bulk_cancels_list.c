#include "base/cli/time_span.h"
#include "base/core/clock.h"
#include "ctl/bulk_print.h"
#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/page_walk.h"
#include "ctl/run_print.h"

struct list_options {
    struct client_options client;
    struct page_options page;
    bool wide;
};

static const struct cli_option rows[] = {
    {.name = "--wide",
     CLI_FLAG_AT(struct list_options, wide),
     .help = "whole columns, also where the terminal has no room"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct list_options, client)},
    {page_options_rows, offsetof(struct list_options, page)},
    {rows, 0},
    {NULL, 0},
};

enum { COLUMNS = 7, CUTTABLE = 1 << 5 | 1 << 6 };

static const char *const headings[COLUMNS] = {"ID",      "STATE", "TOTAL", "CANCELLED",
                                              "CREATED", "ACTOR", "RUNS"};

static int add(const struct invocation *in, struct table *table, struct slice item) {
    struct arena *a = in->arena;
    Runs__V1__BulkCancel *bulk;
    const struct error *error =
        message_from_bytes(a, &runs__v1__bulk_cancel__descriptor, item, &bulk);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    table_add(table, bulk->id);
    table_add(table, bulk_state_text((int)bulk->state));
    table_add(table, count_text(a, bulk->total));
    table_add(table, count_text(a, bulk->cancelled));
    table_add(table, timestamp_text_short(a, bulk->created_at));
    table_add(table, bulk->actor);
    table_add(table, bulk_set_text(a, bulk));
    return EXIT_CODE_OK;
}

static const struct page_walk walk = {
    .path = "/runs.v1.BulkCancelsService/ListBulkCancels",
    .size_field = 1,
    .token_field = 2,
    .items_field = 1,
    .next_token_field = 2,
    .items_name = "bulkCancels",
    .item_type = "runs.v1.BulkCancel",
    .none = "There are no bulk cancels.",
    .add = add,
};

static int list(struct invocation *in) {
    const struct list_options *options = in->options;
    struct table table;
    table_init(&table, COLUMNS, headings);
    table_fit(&table, print_width(options->wide), CUTTABLE);
    table_reserve(&table, 1, sizeof("planning") - 1);
    int code = page_walk_print(in, &options->client, &options->page, &walk, SLICE_EMPTY, &table);
    table_release(&table);
    return code;
}

const struct command bulk_cancels_list_command = {
    .name = "bulk-cancels list",
    .place = 281,
    .operands = "",
    .summary = "Lists bulk cancels, newest first. Scope: runs.cancel.",
    .details = "Those that are not over, plans included, and those that ended in the last days.\n",
    .tables = tables,
    .options_size = sizeof(struct list_options),
    .run = list,
};
