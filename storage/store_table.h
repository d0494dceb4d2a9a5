#ifndef RUNSD_STORAGE_STORE_TABLE_H
#define RUNSD_STORAGE_STORE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// What a store holds as tables that are no back-end's own: the form in which the rows of one store
// come into another (storage/store_copy.h). What a back-end has only to find rows, and what it can
// work out from others, is not in it. Pure.
//
// Two columns of a store are left out on purpose: where the next step of a bulk cancel goes on. It
// is a place in an order of ids that is the back-end's own, and a step that begins anew finds the
// same runs.

enum store_column_type {
    STORE_COLUMN_BOOL,
    STORE_COLUMN_INT2,
    STORE_COLUMN_INT4,
    STORE_COLUMN_INT8,
    // An integer that only the largest of all rows counts of: that may be kept for all at once.
    STORE_COLUMN_FLOOR,
    STORE_COLUMN_FLOAT8, // its bits; NULL: not a number
    STORE_COLUMN_BYTES,
    STORE_COLUMN_RUN_ID, // bytes, which a back-end may keep in another form
};

struct store_column {
    const char *name;
    enum store_column_type type;
    bool may_be_null;
};

struct store_table_form {
    const char *name;
    int key_columns; // the first ones, by which a row is told from all others
    int column_count;
    const struct store_column *columns; // the first one is the organization's name
};

// In the order in which they are copied.
enum store_table_index {
    STORE_TABLE_ORGANIZATION,
    STORE_TABLE_EVENT,
    STORE_TABLE_RUN,
    STORE_TABLE_RUN_TERM,
    STORE_TABLE_RUN_PARENT,
    STORE_TABLE_RUN_COUNT,
    STORE_TABLE_IDEMPOTENCY,
    STORE_TABLE_BULK,
    STORE_TABLE_BULK_ITEM,
    STORE_TABLE_TOKEN,
    STORE_TABLE_COUNT,
};

extern const struct store_table_form store_tables[STORE_TABLE_COUNT];

enum { STORE_TABLE_MOST_COLUMNS = 32 };

// Places of columns that back-ends look at.
enum { STORE_ORGANIZATION_ATTEMPT_FLOOR = 4 };
enum { STORE_IDEMPOTENCY_TARGET_KIND = 4, STORE_IDEMPOTENCY_TARGET = 5 };
// Of the column target_kind.
enum { STORE_TARGET_RUN = 1, STORE_TARGET_BULK = 2 };

// A value; of its column's type.
struct store_value {
    bool is_null;
    int64_t number;
    struct slice bytes;
};

// Rows of a table, one behind the other.
struct store_rows {
    int count;
    const struct store_value *values;
};

// Whether values of type are bytes.
static inline bool store_column_is_bytes(enum store_column_type type) {
    return type >= STORE_COLUMN_BYTES;
}

// Appends count values, of the columns of table from its first on, so that no other values give the
// same bytes. Those of STORE_COLUMN_FLOOR are left out.
void store_values_append(struct strbuf *out, const struct store_table_form *table,
                         const struct store_value *values, int count);

// Appends the key of a row, for people: organization "acme", id "run-1".
void store_key_print(struct strbuf *out, const struct store_table_form *table,
                     const struct store_value *values);

#endif
