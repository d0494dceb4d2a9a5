#ifndef RUNSD_STORAGE_POSTGRES_STORE_CHECK_H
#define RUNSD_STORAGE_POSTGRES_STORE_CHECK_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_check_report.h"

// Whether what the tables hold fits together as servers rely on it: all of it, in one snapshot,
// beside servers if there are any. That pages are whole is for PostgreSQL's checksums and
// pg_amcheck.

// See run_store_check; location is what follows "postgres:". A store here is never refused for
// what it is missing, so that accept has nothing to note.
const struct error *pg_store_check(struct arena *a, const char *location, bool accept,
                                   struct store_check_report *ret);

#endif
