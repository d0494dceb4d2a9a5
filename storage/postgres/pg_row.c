#include "storage/postgres/pg_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"

int pg_row_count(const PGresult *result) {
    return PQntuples(result);
}

int64_t pg_touched(const PGresult *result) {
    // libpq takes its argument without const, and changes nothing.
    return strtoll(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10);
}

bool pg_is_null(const PGresult *result, int row, int column) {
    return PQgetisnull(result, row, column) != 0;
}

static const uint8_t *bytes_of(const PGresult *result, int row, int column) {
    return (const uint8_t *)PQgetvalue(result, row, column);
}

// Returns the integer of width bytes, most significant first.
static uint64_t read_big_endian(const uint8_t *bytes, int width) {
    uint64_t value = 0;
    for (int i = 0; i < width; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

bool pg_bool(const PGresult *result, int row, int column) {
    if (pg_is_null(result, row, column)) {
        return false;
    }
    CHECK(PQgetlength(result, row, column) == 1);
    return bytes_of(result, row, column)[0] != 0;
}

int64_t pg_int(const PGresult *result, int row, int column) {
    if (pg_is_null(result, row, column)) {
        return 0;
    }
    int width = PQgetlength(result, row, column);
    uint64_t value = read_big_endian(bytes_of(result, row, column), width);
    switch (width) {
    case 2:
        return (int16_t)value;
    case 4:
        return (int32_t)value;
    case 8:
        return (int64_t)value;
    default:
        CHECK_FAIL("a column that is no int2, int4 or int8");
    }
}

double pg_float8(const PGresult *result, int row, int column) {
    if (pg_is_null(result, row, column)) {
        return 0;
    }
    CHECK(PQgetlength(result, row, column) == 8);
    uint64_t bits = read_big_endian(bytes_of(result, row, column), 8);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

struct slice pg_bytes(const PGresult *result, int row, int column) {
    return slice_of(bytes_of(result, row, column), (size_t)PQgetlength(result, row, column));
}

struct slice pg_copy(struct arena *a, const PGresult *result, int row, int column) {
    return arena_copy(a, pg_bytes(result, row, column));
}
