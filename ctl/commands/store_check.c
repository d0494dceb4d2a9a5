#include "ctl/store_check.h"

const struct command store_check_command = {
    .name = "store check",
    .place = 403,
    .operands = "",
    .summary = "Reads a whole store, or a backup, and reports what is wrong with it.",
    .details = STORE_CHECK_DETAILS,
    .tables = store_check_tables,
    .options_size = sizeof(struct store_check_options),
    .run = store_check_run,
};
