#ifndef RUNSD_CTL_STORE_CHECK_H
#define RUNSD_CTL_STORE_CHECK_H

#include "ctl/command.h"

// `runsctl store check`, which `runsctl check` was before there were other commands about stores.

struct store_check_options {
    const char *store;
    bool accept;
    bool json;
};

extern const struct cli_table store_check_tables[];

#define STORE_CHECK_DETAILS                                                                        \
    "Works on a store that is served, too: a snapshot is read, and the write-ahead\n"              \
    "log grows meanwhile. Takes minutes for millions of runs. --accept is for a store\n"           \
    "that a start refuses because something newer is missing: an older copy that was\n"            \
    "put in its place, say (a backup is put back by store restore).\n"

// See struct command.
int store_check_run(struct invocation *in);

#endif
