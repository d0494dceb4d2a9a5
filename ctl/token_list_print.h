#ifndef RUNSD_CTL_TOKEN_LIST_PRINT_H
#define RUNSD_CTL_TOKEN_LIST_PRINT_H

#include <stddef.h>

#include "base/core/arena.h"
#include "runs/v1/tokens_service.pb-c.h"

// Prints the tokens as a table on standard output, a row for each secret. width is how many
// columns a line may have (print_width): where that is not enough for all, how long ago and how
// long still stand in place of times. now_us is the time of day that these are of.
void token_list_print(struct arena *a, const Runs__V1__ListTokensResponse *tokens, int64_t now_us,
                      size_t width);

#endif
