#ifndef RUNSD_STORAGE_OP_LIST_TOKENS_H
#define RUNSD_STORAGE_OP_LIST_TOKENS_H

#include "storage/op/store_op.h"
#include "storage/token_record.h"

// All tokens by organization, then name.
struct store_list_tokens {
    struct store_op op;
    struct slice organization; // empty: all
    struct token_record *ret_tokens;
    int ret_count;
};

extern const struct store_kind store_list_tokens_kind;
#define STORE_LIST_TOKENS_KIND                                                                     \
    .part = STORE_READS, .slices = {offsetof(struct store_list_tokens, organization)}

#endif
