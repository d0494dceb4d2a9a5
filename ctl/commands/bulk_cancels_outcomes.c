#include "ctl/bulk_print.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/page_walk.h"

struct outcomes_options {
    struct client_options client;
    struct page_options page;
    struct cli_list outcomes;
};

static const struct cli_option rows[] = {
    {.name = "--outcome",
     .value = "WORD,...",
     CLI_LIST_AT(struct outcomes_options, outcomes),
     .default_help = "all",
     .help = "cancelled, already_final, not_found, open"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct outcomes_options, client)},
    {rows, 0},
    {page_options_rows, offsetof(struct outcomes_options, page)},
    {NULL, 0},
};

enum { COLUMNS = 2, ID_WIDTH = 36 };

static const char *const headings[COLUMNS] = {"RUN", "OUTCOME"};

static int add(const struct invocation *in, struct table *table, struct slice item) {
    Runs__V1__BulkCancelRun *run;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__bulk_cancel_run__descriptor, item, &run);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    table_add(table, run->run_id);
    table_add(table, bulk_outcome_text((int)run->outcome));
    return EXIT_CODE_OK;
}

static const struct page_walk walk = {
    .path = "/runs.v1.BulkCancelsService/ListBulkCancelOutcomes",
    .size_field = 3,
    .token_field = 4,
    .items_field = 1,
    .next_token_field = 2,
    .items_name = "outcomes",
    .item_type = "runs.v1.BulkCancelRun",
    .none = "There are no such runs in it.",
    .add = add,
};

static int list(struct invocation *in) {
    const struct outcomes_options *options = in->options;
    Runs__V1__ListBulkCancelOutcomesRequest request =
        RUNS__V1__LIST_BULK_CANCEL_OUTCOMES_REQUEST__INIT;
    request.id = (char *)in->operands[0];
    const struct error *error =
        bulk_outcomes_read(in->arena, &options->outcomes, &request.outcome, &request.n_outcome);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    struct table table;
    table_init(&table, COLUMNS, headings);
    table_reserve(&table, 0, ID_WIDTH);
    int code = page_walk_print(in, &options->client, &options->page, &walk,
                               message_to_bytes(in->arena, &request), &table);
    table_release(&table);
    return code;
}

const struct command bulk_cancels_outcomes_command = {
    .name = "bulk-cancels outcomes",
    .place = 282,
    .operands = "ID",
    .summary = "Lists what became of each run of a bulk cancel. Scope: runs.cancel.",
    .details = "In the order of the runs' ids. Open: its turn has not come, or, of one that was\n"
               "aborted, never came. An error with --all leaves what was printed before it.\n",
    .tables = tables,
    .options_size = sizeof(struct outcomes_options),
    .operand_count = 1,
    .run = list,
};
