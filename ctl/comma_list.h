#ifndef RUNSD_CTL_COMMA_LIST_H
#define RUNSD_CTL_COMMA_LIST_H

#include "base/cli/cli_option.h"
#include "base/core/arena.h"
#include "base/core/error.h"

// Splits the values of an option at their commas, without the blanks around each item: "a, b"
// has "a" and "b". What is pointed to lives in a. INVALID_ARGUMENT, in a, naming the option, if
// an item is empty.
const struct error *comma_list_read(struct arena *a, const char *option,
                                    const struct cli_list *values, struct cli_list *ret_items);

#endif
