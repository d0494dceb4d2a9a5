#include <stdio.h>

#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/status_counts.h"
#include "ctl/store_tables.h"
#include "ctl/tokens_access.h"
#include "runs/v1/organizations_service.pb-c.h"

enum { DEFAULT_TOP = 10, MOST_TOP = 1000 };

struct stats_options {
    struct tokens_options access;
    bool tables;
    int top;
};

static const struct cli_option rows[] = {
    {.name = "--tables",
     CLI_FLAG_AT(struct stats_options, tables),
     .help = "with --store: read the store itself and ask no server: rows and bytes of each table, "
             "the log, the schema, the organizations with the most runs"},
    {.name = "--top",
     .value = "N",
     CLI_NUMBER_AT(struct stats_options, top),
     .least = 1,
     .most = MOST_TOP,
     .fallback_number = DEFAULT_TOP,
     .help = "with --tables: how many organizations are listed"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct stats_options, access.client)},
    {tokens_options_rows, offsetof(struct stats_options, access)},
    {rows, 0},
    {NULL, 0},
};

static void print_for_people(struct arena *a, const Runs__V1__StoreStats *stats) {
    struct table table;
    table_init(&table, 2, NULL);
    table_add(&table, "organizations");
    table_add(&table, count_text(a, stats->organizations));
    status_counts_add_rows(&table, a, stats->runs, stats->n_runs);
    const char *const rows[][2] = {
        {"events", count_text(a, stats->events)},
        {"oldest event", timestamp_text(a, stats->oldest_event_at)},
        {"keys", count_text(a, stats->keys)},
        {"bulk cancels", count_text(a, stats->bulk_cancels)},
        {"bytes", count_text(a, stats->bytes)},
        {"free bytes", count_text(a, stats->free_bytes)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        table_add(&table, rows[i][0]);
        table_add(&table, rows[i][1]);
    }
    table_print(&table, stdout);
    table_release(&table);
}

// Asks a server, or one within this process.
static int ask(struct invocation *in, const struct tokens_options *access) {
    Runs__V1__GetStoreStatsRequest request = RUNS__V1__GET_STORE_STATS_REQUEST__INIT;
    struct slice response;
    int code = tokens_access_call(in, access, "/runs.v1.OrganizationsService/GetStoreStats",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK || in->json) {
        return code != EXIT_CODE_OK ? code : json_print_reply(in, "runs.v1.StoreStats", response);
    }
    Runs__V1__StoreStats *stats;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__store_stats__descriptor, response, &stats);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    print_for_people(in->arena, stats);
    return EXIT_CODE_OK;
}

static int show(struct invocation *in) {
    const struct stats_options *options = in->options;
    if (!options->tables) {
        return ask(in, &options->access);
    }
    if (options->access.store == NULL) {
        return command_usage_error(in, "--tables reads a store itself: it needs --store");
    }
    return store_tables_show(in, options->access.store, options->top);
}

const struct command store_stats_command = {
    .name = "store stats",
    .place = 405,
    .operands = "",
    .summary = "Shows what a store has: runs by status, events, keys, bytes.",
    .details = "Scope: organizations.admin. Free bytes are used again. All of it is counted,\n"
               "nothing is searched. --tables needs no token, but the right to read the store's\n"
               "files; it reads all of them, also while the store is served.\n",
    .tables = tables,
    .options_size = sizeof(struct stats_options),
    .run = show,
};
