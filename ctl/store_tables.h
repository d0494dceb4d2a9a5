#ifndef RUNSD_CTL_STORE_TABLES_H
#define RUNSD_CTL_STORE_TABLES_H

#include "ctl/command.h"

// `runsctl store stats --tables`: what the store itself has, without a server.

// Reads the store of url and prints it, with at most top organizations. Returns the exit code.
int store_tables_show(struct invocation *in, const char *url, int top);

#endif
