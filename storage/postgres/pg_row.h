#ifndef RUNSD_STORAGE_POSTGRES_PG_ROW_H
#define RUNSD_STORAGE_POSTGRES_PG_ROW_H

#include <postgresql/libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// What is in a result, in binary format. Columns are counted from 0. SQL's NULL is 0, or empty.

int pg_row_count(const PGresult *result);
// How many rows an INSERT, UPDATE or DELETE touched.
int64_t pg_touched(const PGresult *result);

bool pg_is_null(const PGresult *result, int row, int column);
bool pg_bool(const PGresult *result, int row, int column);
int64_t pg_int(const PGresult *result, int row, int column); // an int2, int4 or int8
double pg_float8(const PGresult *result, int row, int column);
// A bytea; borrows from the result.
struct slice pg_bytes(const PGresult *result, int row, int column);
// The same, in a.
struct slice pg_copy(struct arena *a, const PGresult *result, int row, int column);

#endif
