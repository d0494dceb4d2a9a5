#ifndef RUNSD_CTL_TOKEN_LIMIT_OPTIONS_H
#define RUNSD_CTL_TOKEN_LIMIT_OPTIONS_H

#include "base/cli/cli_option.h"
#include "base/core/arena.h"
#include "base/core/error.h"
#include "runs/v1/tokens_service.pb-c.h"

// The options by which a token gets limits of its own.

struct token_limit_options {
    const char *reads;
    const char *changes;
    const char *bytes;
    const char *streams;
};

// For a cli_table of struct token_limit_options.
extern const struct cli_option token_limit_options_rows[];

// Sets *ret_limits to limits, filled with what the options say, or to NULL if none is given. What
// is not given is as the server's options say. INVALID_ARGUMENT, in a, naming the option.
const struct error *token_limit_options_read(struct arena *a,
                                             const struct token_limit_options *options,
                                             Runs__V1__TokenLimits *limits,
                                             Runs__V1__TokenLimits **ret_limits);

// "100 reads/s, no limit of streams"; "" for NULL. In a.
const char *token_limit_text(struct arena *a, const Runs__V1__TokenLimits *limits);

#endif
