#include "storage/postgres/pg_params.h"

#include <limits.h>
#include <string.h>

#include "base/core/check.h"

// The format is that of the functions typreceive of PostgreSQL: integers and floats most
// significant byte first; an array as in array_recv: how many dimensions, whether there are NULLs,
// the type of its items, the length and first index of each dimension, then each item behind its
// length.
enum {
    HEADER_BYTES = 20,
    EMPTY_HEADER_BYTES = 12,
    LEAST_ARRAY_BYTES = 512,
};

static void write_big_endian(uint8_t *bytes, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

void pg_params_init(struct pg_params *p, struct arena *arena) {
    p->arena = arena;
    p->count = 0;
}

static void add(struct pg_params *p, const void *value, size_t len) {
    CHECK(p->count < PG_MOST_PARAMS && len <= INT_MAX);
    p->values[p->count] = value;
    p->lengths[p->count] = (int)len;
    p->count++;
}

static void add_integer(struct pg_params *p, uint64_t value, size_t width) {
    uint8_t *bytes = arena_alloc(p->arena, width);
    write_big_endian(bytes, value, width);
    add(p, bytes, width);
}

void pg_add_bool(struct pg_params *p, bool value) {
    add_integer(p, value, 1);
}

void pg_add_int2(struct pg_params *p, int value) {
    add_integer(p, (uint64_t)value, 2);
}

void pg_add_int4(struct pg_params *p, int32_t value) {
    add_integer(p, (uint64_t)value, 4);
}

void pg_add_int8(struct pg_params *p, int64_t value) {
    add_integer(p, (uint64_t)value, 8);
}

void pg_add_float8(struct pg_params *p, double value) {
    add_integer(p, bits_of(value), 8);
}

void pg_add_bytes(struct pg_params *p, struct slice value) {
    add(p, value.data != NULL ? value.data : (const uint8_t *)"", value.len);
}

void pg_add_null(struct pg_params *p) {
    add(p, NULL, 0);
}

// --- arrays ---

void pg_array_init(struct pg_array *array, struct arena *arena, uint32_t type) {
    *array = (struct pg_array){
        .arena = arena,
        .bytes = arena_alloc(arena, LEAST_ARRAY_BYTES),
        .len = HEADER_BYTES,
        .capacity = LEAST_ARRAY_BYTES,
        .type = type,
    };
}

// Returns where n more bytes are to be written.
static uint8_t *extend(struct pg_array *array, size_t n) {
    if (array->capacity - array->len < n) {
        size_t capacity = array->capacity * 2 + n;
        uint8_t *bytes = arena_alloc(array->arena, capacity);
        memcpy(bytes, array->bytes, array->len);
        array->bytes = bytes;
        array->capacity = capacity;
    }
    uint8_t *place = array->bytes + array->len;
    array->len += n;
    array->count++;
    return place;
}

static void append_integer(struct pg_array *array, uint32_t type, uint64_t value, size_t width) {
    CHECK(array->type == type);
    uint8_t *place = extend(array, 4 + width);
    write_big_endian(place, width, 4);
    write_big_endian(place + 4, value, width);
}

void pg_array_bool(struct pg_array *array, bool value) {
    append_integer(array, PG_BOOL, value, 1);
}

void pg_array_int2(struct pg_array *array, int value) {
    append_integer(array, PG_INT2, (uint64_t)value, 2);
}

void pg_array_int4(struct pg_array *array, int32_t value) {
    append_integer(array, PG_INT4, (uint64_t)value, 4);
}

void pg_array_int8(struct pg_array *array, int64_t value) {
    append_integer(array, PG_INT8, (uint64_t)value, 8);
}

void pg_array_float8(struct pg_array *array, double value) {
    append_integer(array, PG_FLOAT8, bits_of(value), 8);
}

void pg_array_bytes(struct pg_array *array, struct slice value) {
    CHECK(array->type == PG_BYTEA && value.len <= INT_MAX);
    uint8_t *place = extend(array, 4 + value.len);
    write_big_endian(place, value.len, 4);
    if (value.len > 0) {
        memcpy(place + 4, value.data, value.len);
    }
}

void pg_array_tid(struct pg_array *array, const uint8_t tid[PG_TID_BYTES]) {
    CHECK(array->type == PG_TID);
    uint8_t *place = extend(array, 4 + PG_TID_BYTES);
    write_big_endian(place, PG_TID_BYTES, 4);
    memcpy(place + 4, tid, PG_TID_BYTES);
}

void pg_array_null(struct pg_array *array) {
    write_big_endian(extend(array, 4), UINT32_MAX, 4);
}

void pg_add_array(struct pg_params *p, struct pg_array *array) {
    uint8_t *bytes = array->bytes;
    bool is_empty = array->count == 0;
    write_big_endian(bytes, is_empty ? 0 : 1, 4);
    write_big_endian(bytes + 4, 0, 4); // whether there are NULLs is found out by the server
    write_big_endian(bytes + 8, array->type, 4);
    write_big_endian(bytes + 12, (uint64_t)array->count, 4);
    write_big_endian(bytes + 16, 1, 4);
    add(p, bytes, is_empty ? EMPTY_HEADER_BYTES : array->len);
}

void pg_add_bytes_array(struct pg_params *p, const struct slice *values, int count) {
    struct pg_array array;
    pg_array_init(&array, p->arena, PG_BYTEA);
    for (int i = 0; i < count; i++) {
        pg_array_bytes(&array, values[i]);
    }
    pg_add_array(p, &array);
}
