#include "storage/store_sums.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/core/memory.h"

enum { FIRST_PLACES = 64 };

void store_sums_init(struct store_sums *s) {
    *s = (struct store_sums){.places = FIRST_PLACES};
    s->organizations = mem_zalloc(s->places * sizeof(struct store_sums_organization *));
}

void store_sums_release(struct store_sums *s) {
    for (size_t i = 0; i < s->places; i++) {
        if (s->organizations[i] != NULL) {
            free(s->organizations[i]->name);
            free(s->organizations[i]);
        }
    }
    free(s->organizations);
    strbuf_release(&s->row);
}

static bool has_name(const struct store_sums_organization *o, struct slice name) {
    return o->name_len == name.len && (name.len == 0 || memcmp(o->name, name.data, name.len) == 0);
}

// Returns the place of name, which is free if it is not there.
static struct store_sums_organization **place_of(struct store_sums_organization **places,
                                                 size_t count, struct slice name) {
    size_t i = XXH3_64bits(name.data, name.len) & (count - 1);
    while (places[i] != NULL && !has_name(places[i], name)) {
        i = (i + 1) & (count - 1);
    }
    return &places[i];
}

static void grow(struct store_sums *s) {
    size_t places = s->places * 2;
    struct store_sums_organization **all =
        mem_zalloc(places * sizeof(struct store_sums_organization *));
    for (size_t i = 0; i < s->places; i++) {
        struct store_sums_organization *o = s->organizations[i];
        if (o != NULL) {
            *place_of(all, places, slice_of(o->name, o->name_len)) = o;
        }
    }
    free(s->organizations);
    s->organizations = all;
    s->places = places;
}

static struct store_sums_organization *find_or_add(struct store_sums *s, struct slice name) {
    struct store_sums_organization **place = place_of(s->organizations, s->places, name);
    if (*place != NULL) {
        return *place;
    }
    if ((s->count + 1) * 2 > s->places) {
        grow(s);
        place = place_of(s->organizations, s->places, name);
    }
    struct store_sums_organization *o = mem_zalloc(sizeof(*o));
    o->name = mem_alloc(name.len + 1);
    memcpy(o->name, name.len > 0 ? (const char *)name.data : "", name.len);
    o->name[name.len] = '\0';
    o->name_len = name.len;
    s->count++;
    *place = o;
    return o;
}

const struct store_sums_organization *store_sums_find(const struct store_sums *s,
                                                      struct slice organization) {
    return *place_of(s->organizations, s->places, organization);
}

static int by_name(const void *x, const void *y) {
    const struct store_sums_organization *a = *(const struct store_sums_organization *const *)x;
    const struct store_sums_organization *b = *(const struct store_sums_organization *const *)y;
    size_t shorter = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->name, b->name, shorter);
    return order != 0 ? order : (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

const struct store_sums_organization **
store_sums_both(const struct store_sums *a, const struct store_sums *b, size_t *ret_count) {
    const struct store_sums_organization **all =
        mem_alloc((a->count + b->count + 1) * sizeof(struct store_sums_organization *));
    size_t count = 0;
    for (size_t i = 0; i < a->places; i++) {
        if (a->organizations[i] != NULL) {
            all[count++] = a->organizations[i];
        }
    }
    for (size_t i = 0; i < b->places; i++) {
        const struct store_sums_organization *o = b->organizations[i];
        if (o != NULL && store_sums_find(a, slice_of(o->name, o->name_len)) == NULL) {
            all[count++] = o;
        }
    }
    qsort(all, count, sizeof(all[0]), by_name);
    *ret_count = count;
    return all;
}

bool store_sum_is_same(const struct store_sum *a, const struct store_sum *b) {
    return a->rows == b->rows && a->high == b->high && a->low == b->low;
}

struct store_row_digest store_row_digest_of(struct strbuf *scratch, enum store_table_index table,
                                            const struct store_value *values) {
    const struct store_table_form *t = &store_tables[table];
    scratch->len = 0;
    store_values_append(scratch, t, values, t->key_columns);
    uint64_t key = XXH3_64bits(scratch->data, scratch->len);
    scratch->len = 0;
    store_values_append(scratch, t, values, t->column_count);
    XXH128_hash_t all = XXH3_128bits(scratch->data, scratch->len);
    return (struct store_row_digest){all.high64, all.low64, (int)(key % STORE_SUM_BUCKETS)};
}

static void add(struct store_sum *sum, const struct store_row_digest *row) {
    sum->rows++;
    sum->high += row->high;
    sum->low += row->low;
}

static void raise_floor(struct store_sums *s, const struct store_table_form *t,
                        const struct store_value *values) {
    for (int i = 0; i < t->column_count; i++) {
        if (t->columns[i].type == STORE_COLUMN_FLOOR && values[i].number > s->floor) {
            s->floor = values[i].number;
        }
    }
}

void store_sums_add(struct store_sums *s, enum store_table_index table,
                    const struct store_value *values) {
    struct store_row_digest row = store_row_digest_of(&s->row, table, values);
    add(&s->tables[table], &row);
    add(&find_or_add(s, values[0].bytes)->tables[table], &row);
    s->buckets[table][row.bucket] += row.low;
    raise_floor(s, &store_tables[table], values);
}
