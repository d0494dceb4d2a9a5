#include <stdio.h>

#include "ctl/command_error.h"
#include "ctl/count_text.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/status_counts.h"
#include "ctl/tokens_access.h"
#include "runs/v1/organizations_service.pb-c.h"

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct tokens_options, client)},
    {tokens_options_rows, 0},
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

static int show(struct invocation *in) {
    Runs__V1__GetStoreStatsRequest request = RUNS__V1__GET_STORE_STATS_REQUEST__INIT;
    struct slice response;
    int code = tokens_access_call(in, in->options, "/runs.v1.OrganizationsService/GetStoreStats",
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

const struct command store_stats_command = {
    .name = "store stats",
    .place = 405,
    .operands = "",
    .summary = "Shows what a store has: runs by status, events, keys, bytes.",
    .details = "Scope: organizations.admin. Free bytes are used again. All of it is counted,\n"
               "nothing is searched.\n",
    .tables = tables,
    .options_size = sizeof(struct tokens_options),
    .run = show,
};
