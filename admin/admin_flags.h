#ifndef RUNSD_ADMIN_ADMIN_FLAGS_H
#define RUNSD_ADMIN_ADMIN_FLAGS_H

#include "base/cli/cli_option.h"
#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"

// The option that says where a program has its admin listener, if it has one.
struct admin_flags {
    const char *text;      // NULL: there is none
    struct address listen; // by admin_flags_finish
};

// Its row, for a cli_table of struct admin_flags.
extern const struct cli_option admin_flags_rows[];

// Completes flags once the command line is read. INVALID_ARGUMENT, in a, if it is no address.
const struct error *admin_flags_finish(struct arena *a, struct admin_flags *flags);

#endif
