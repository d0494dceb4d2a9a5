#ifndef RUNSD_STORAGE_POSTGRES_CONNINFO_H
#define RUNSD_STORAGE_POSTGRES_CONNINFO_H

#include "base/core/arena.h"
#include "base/core/error.h"

// Where a store is, by what follows "postgres:" in its URL: "//USER@HOST/DATABASE?..." as in a URI
// of libpq, or libpq's keywords, as "service=runsd".

// Returns what libpq is to be given, in a. INVALID_ARGUMENT if libpq cannot read it, and for one
// with a password, which would stand in the list of processes. what says which URL it is, for the
// message: "the store's URL".
const struct error *conninfo_of_location(struct arena *a, const char *what, const char *location,
                                         const char **ret_conninfo);

// The same of a whole URL, "postgres:LOCATION".
const struct error *conninfo_of_url(struct arena *a, const char *what, const char *url,
                                    const char **ret_conninfo);

// Returns the store's URL for logs, without passwords, in a.
const char *conninfo_describe(struct arena *a, const char *location);

#endif
