#ifndef RUNSD_STORAGE_POSTGRES_PG_PARAMS_H
#define RUNSD_STORAGE_POSTGRES_PG_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// Parameters of a statement in PostgreSQL's binary format, in the order in which they are added:
// $1, $2 and so on. All bytes are in the arena, or borrowed (pg_add_bytes).

enum { PG_MOST_PARAMS = 48 };

struct pg_params {
    struct arena *arena;
    int count;
    const char *values[PG_MOST_PARAMS]; // NULL: SQL's NULL
    int lengths[PG_MOST_PARAMS];
};

void pg_params_init(struct pg_params *p, struct arena *arena);

void pg_add_bool(struct pg_params *p, bool value);
void pg_add_int2(struct pg_params *p, int value);
void pg_add_int4(struct pg_params *p, int32_t value);
void pg_add_int8(struct pg_params *p, int64_t value);
void pg_add_float8(struct pg_params *p, double value);
void pg_add_bytes(struct pg_params *p, struct slice value); // a bytea; borrowed
void pg_add_null(struct pg_params *p);

// An array parameter of one dimension, for unnest: filled item by item, and added once it is full;
// the parameter is the array's bytes.
struct pg_array {
    struct arena *arena;
    uint8_t *bytes;
    size_t len;
    size_t capacity;
    int count;
    uint32_t type; // PG_BYTEA and so on: the type's OID
};

enum {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TID = 27,
    PG_FLOAT8 = 701,
};

// Where a row is (ctid), as it is received and sent.
enum { PG_TID_BYTES = 6 };

void pg_array_init(struct pg_array *array, struct arena *arena, uint32_t type);
void pg_array_bool(struct pg_array *array, bool value);
void pg_array_int2(struct pg_array *array, int value);
void pg_array_int4(struct pg_array *array, int32_t value);
void pg_array_int8(struct pg_array *array, int64_t value);
void pg_array_float8(struct pg_array *array, double value);
void pg_array_bytes(struct pg_array *array, struct slice value); // copied
void pg_array_tid(struct pg_array *array, const uint8_t tid[PG_TID_BYTES]);
void pg_array_null(struct pg_array *array);
void pg_add_array(struct pg_params *p, struct pg_array *array);

// An array of slices at once.
void pg_add_bytes_array(struct pg_params *p, const struct slice *values, int count);

#endif
