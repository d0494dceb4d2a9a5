#include "ctl/store_check.h"

const struct command check_command = {
    .name = "check",
    .place = 410,
    .operands = "",
    .summary = "The old name of store check.",
    .details = STORE_CHECK_DETAILS,
    .tables = store_check_tables,
    .options_size = sizeof(struct store_check_options),
    .run = store_check_run,
};
