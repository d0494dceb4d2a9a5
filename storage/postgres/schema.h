#ifndef RUNSD_STORAGE_POSTGRES_SCHEMA_H
#define RUNSD_STORAGE_POSTGRES_SCHEMA_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/postgres/pg_connection.h"

// The tables, and the steps that lead from one version to the next.

enum { PG_SCHEMA_VERSION = 1, PG_SCHEMA_OLDEST_PROGRAM = 1 };

// Of step i, 1 to PG_SCHEMA_VERSION: the statements, one after the other, a NULL at the end.
extern const char *const *const pg_schema_steps[PG_SCHEMA_VERSION];

#endif
