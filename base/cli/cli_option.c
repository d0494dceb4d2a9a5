#include "base/cli/cli_option.h"

static struct cli_walk to_row(struct cli_walk walk) {
    while (walk.row != NULL && walk.row->name == NULL) {
        walk.table++;
        walk.row = walk.table->rows;
    }
    return walk;
}

struct cli_walk cli_option_first(const struct cli_table *tables) {
    return to_row((struct cli_walk){tables, tables != NULL ? tables->rows : NULL});
}

struct cli_walk cli_option_next(struct cli_walk walk) {
    walk.row++;
    return to_row(walk);
}
