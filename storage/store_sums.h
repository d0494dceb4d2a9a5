#ifndef RUNSD_STORAGE_STORE_SUMS_H
#define RUNSD_STORAGE_STORE_SUMS_H

#include <stdint.h>

#include "storage/store_table.h"

// What the rows of a store come to, in whichever order they are read: how many there are, and the
// sums of their digests (XXH3, 128 bits), by table and organization. Two stores whose sums are the
// same have the same rows. Pure.

struct store_sum {
    int64_t rows;
    uint64_t high;
    uint64_t low;
};

// Rows by a digest of their keys, so that a row that differs is found among few.
enum { STORE_SUM_BUCKETS = 4096 };

struct store_sums_organization {
    char *name;
    size_t name_len;
    struct store_sum tables[STORE_TABLE_COUNT];
};

struct store_sums {
    struct store_sum tables[STORE_TABLE_COUNT];
    uint64_t buckets[STORE_TABLE_COUNT][STORE_SUM_BUCKETS];
    int64_t floor;                                  // the largest value of STORE_COLUMN_FLOOR
    struct store_sums_organization **organizations; // a hash table; NULL: a free place
    size_t count;
    size_t places; // a power of two
    struct strbuf row;
};

void store_sums_init(struct store_sums *s);
void store_sums_release(struct store_sums *s);

// Adds a row of the table.
void store_sums_add(struct store_sums *s, enum store_table_index table,
                    const struct store_value *values);

// Returns the organization's; NULL: it has no rows.
const struct store_sums_organization *store_sums_find(const struct store_sums *s,
                                                      struct slice organization);

// Returns all organizations of both, each once, in the order of their names: ret_count of them, to
// be freed. They are those of the one or the other.
const struct store_sums_organization **
store_sums_both(const struct store_sums *a, const struct store_sums *b, size_t *ret_count);

bool store_sum_is_same(const struct store_sum *a, const struct store_sum *b);

// Digests of one row: of all of it, and the bucket of its key.
struct store_row_digest {
    uint64_t high;
    uint64_t low;
    int bucket;
};
struct store_row_digest store_row_digest_of(struct strbuf *scratch, enum store_table_index table,
                                            const struct store_value *values);

#endif
