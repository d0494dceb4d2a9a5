#include "storage/store_compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"

// In how many buckets rows are looked for that differ: what is kept of their rows is in memory.
enum { MOST_BUCKETS = 16 };

struct comparison {
    struct arena *arena;
    const struct store_copy_options *options;
    struct store_source *from;
    struct store_source *to;
    int64_t done;
    int64_t total;
    struct store_sums *from_sums;
    struct store_sums *to_sums;
    const char *differences[STORE_TABLE_COUNT + 2];
    int difference_count;
};

const struct error *store_copy_keep_error(struct arena *a, const struct error *error) {
    return error == NULL ? NULL : error_new(a, error->code, error->reason_id, "%s", error->message);
}

// What is done with each row of a table.
typedef void visit_fn(void *context, enum store_table_index table,
                      const struct store_value *values);

static const struct error *visit(struct comparison *c, struct store_source *source,
                                 enum store_table_index table, visit_fn *each, void *context) {
    struct arena batch;
    arena_init(&batch);
    const struct error *e = source->ops->begin(source, &batch, table, 0, false);
    struct store_rows rows = {.count = 1};
    while (e == NULL && rows.count > 0) {
        e = source->ops->read(source, &batch, &rows);
        for (int i = 0; e == NULL && i < rows.count; i++) {
            each(context, table, &rows.values[i * store_tables[table].column_count]);
        }
        if (e == NULL) {
            c->done += rows.count;
            c->options->on_progress(c->options->context, "verifying", c->done, c->total);
            arena_reset(&batch);
        }
    }
    e = store_copy_keep_error(c->arena, e);
    arena_release(&batch);
    return e;
}

static void add_to_sums(void *sums, enum store_table_index table,
                        const struct store_value *values) {
    store_sums_add(sums, table, values);
}

static void add_difference(struct comparison *c, const char *text) {
    c->differences[c->difference_count++] = text;
}

// --- which row differs ---

// A row of one of the buckets that differ.
struct suspect {
    struct slice key; // as store_values_append has it
    const char *text; // the key, for people
    uint64_t high;
    uint64_t low;
};

struct suspects {
    struct arena *arena;
    struct strbuf scratch;
    bool is_suspect[STORE_SUM_BUCKETS];
    struct suspect *items;
    size_t count;
    size_t capacity;
};

static void suspect(void *context, enum store_table_index table, const struct store_value *values) {
    struct suspects *s = context;
    struct store_row_digest digest = store_row_digest_of(&s->scratch, table, values);
    if (!s->is_suspect[digest.bucket]) {
        return;
    }
    if (s->count == s->capacity) {
        s->capacity = s->capacity * 2 + 64;
        s->items = mem_realloc(s->items, s->capacity * sizeof(s->items[0]));
    }
    const struct store_table_form *t = &store_tables[table];
    s->scratch.len = 0;
    store_key_print(&s->scratch, t, values);
    const char *text = arena_cstr(s->arena, strbuf_slice(&s->scratch));
    s->scratch.len = 0;
    store_values_append(&s->scratch, t, values, t->key_columns);
    s->items[s->count++] = (struct suspect){arena_copy(s->arena, strbuf_slice(&s->scratch)), text,
                                            digest.high, digest.low};
}

static int compare_keys(const struct suspect *x, const struct suspect *y) {
    int order = strcmp(x->text, y->text);
    if (order == 0) {
        size_t shorter = x->key.len < y->key.len ? x->key.len : y->key.len;
        order = memcmp(x->key.data, y->key.data, shorter);
    }
    return order != 0 ? order : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

static int by_key(const void *x, const void *y) {
    return compare_keys(x, y);
}

// Returns what is the matter with the first row, by its key, that differs; NULL if none does.
static const char *first_difference(struct arena *a, const struct suspects *from,
                                    const struct suspects *to) {
    size_t i = 0;
    size_t j = 0;
    while (i < from->count || j < to->count) {
        int order = i == from->count ? 1
                    : j == to->count ? -1
                                     : compare_keys(&from->items[i], &to->items[j]);
        if (order != 0) {
            return arena_printf(a, "the row of %s is in the %s store alone",
                                order < 0 ? from->items[i].text : to->items[j].text,
                                order < 0 ? "first" : "second");
        }
        if (from->items[i].high != to->items[j].high || from->items[i].low != to->items[j].low) {
            return arena_printf(a, "the row of %s is another one", from->items[i].text);
        }
        i++;
        j++;
    }
    return NULL;
}

static void mark_buckets(const struct comparison *c, enum store_table_index table,
                         struct suspects *from, struct suspects *to) {
    int marked = 0;
    for (int i = 0; i < STORE_SUM_BUCKETS && marked < MOST_BUCKETS; i++) {
        if (c->from_sums->buckets[table][i] != c->to_sums->buckets[table][i]) {
            from->is_suspect[i] = to->is_suspect[i] = true;
            marked++;
        }
    }
}

// Reads the table of both once more, of which the sums differ.
static const struct error *explain(struct comparison *c, enum store_table_index table) {
    struct suspects *both = mem_zalloc(2 * sizeof(*both));
    both[0].arena = both[1].arena = c->arena;
    mark_buckets(c, table, &both[0], &both[1]);
    const struct error *e = visit(c, c->from, table, suspect, &both[0]);
    if (e == NULL) {
        e = visit(c, c->to, table, suspect, &both[1]);
    }
    for (int i = 0; i < 2; i++) {
        if (both[i].count > 0) {
            qsort(both[i].items, both[i].count, sizeof(both[i].items[0]), by_key);
        }
    }
    if (e == NULL) {
        const char *what = first_difference(c->arena, &both[0], &both[1]);
        add_difference(c, arena_printf(c->arena, "table %s: %s", store_tables[table].name,
                                       what != NULL ? what : "its rows have other digests"));
    }
    for (int i = 0; i < 2; i++) {
        strbuf_release(&both[i].scratch);
        free(both[i].items);
    }
    free(both);
    return e;
}

// --- what is reported ---

static int fill_lines(struct comparison *c, const struct store_sums_organization *const *all,
                      size_t count, struct store_copy_line *lines) {
    static const struct store_sums_organization nothing = {.name = NULL};
    int n = 0;
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_of(all[i]->name, all[i]->name_len);
        const struct store_sums_organization *from = store_sums_find(c->from_sums, name);
        const struct store_sums_organization *to = store_sums_find(c->to_sums, name);
        from = from != NULL ? from : &nothing;
        to = to != NULL ? to : &nothing;
        struct slice kept = arena_copy(c->arena, name);
        for (int t = 0; t < STORE_TABLE_COUNT; t++) {
            if (from->tables[t].rows + to->tables[t].rows > 0) {
                lines[n++] = (struct store_copy_line){store_tables[t].name, kept, false,
                                                      from->tables[t], to->tables[t]};
            }
        }
    }
    for (int t = 0; t < STORE_TABLE_COUNT; t++) {
        lines[n++] = (struct store_copy_line){store_tables[t].name, SLICE_EMPTY, true,
                                              c->from_sums->tables[t], c->to_sums->tables[t]};
    }
    return n;
}

static void report(struct comparison *c, struct store_copy_report *ret) {
    size_t count;
    const struct store_sums_organization **all = store_sums_both(c->from_sums, c->to_sums, &count);
    struct store_copy_line *lines =
        ARENA_ARRAY(c->arena, struct store_copy_line, (count + 1) * STORE_TABLE_COUNT);
    ret->line_count = fill_lines(c, all, count, lines);
    ret->lines = lines;
    free(all);
    const char **differences = ARENA_ARRAY(c->arena, const char *, c->difference_count + 1);
    memcpy(differences, c->differences, sizeof(differences[0]) * (size_t)c->difference_count);
    ret->differences = differences;
    ret->difference_count = c->difference_count;
}

static const struct error *compare_rows(struct comparison *c) {
    const struct error *e = NULL;
    for (int t = 0; e == NULL && t < STORE_TABLE_COUNT; t++) {
        e = visit(c, c->from, t, add_to_sums, c->from_sums);
        e = e == NULL ? visit(c, c->to, t, add_to_sums, c->to_sums) : e;
    }
    for (int t = 0; e == NULL && t < STORE_TABLE_COUNT; t++) {
        if (!store_sum_is_same(&c->from_sums->tables[t], &c->to_sums->tables[t])) {
            e = explain(c, t);
        }
    }
    if (e == NULL && c->from_sums->floor != c->to_sums->floor) {
        add_difference(c, arena_printf(c->arena,
                                       "table organization: the largest attempt_floor is %" PRId64
                                       " in the first store, %" PRId64 " in the second",
                                       c->from_sums->floor, c->to_sums->floor));
    }
    return e;
}

const struct error *store_compare(struct arena *a, const struct store_copy_options *options,
                                  struct store_source *from, struct store_source *to, int64_t total,
                                  struct store_copy_report *ret) {
    struct store_sums *sums = mem_alloc(2 * sizeof(*sums));
    store_sums_init(&sums[0]);
    store_sums_init(&sums[1]);
    struct comparison c = {
        .arena = a,
        .options = options,
        .from = from,
        .to = to,
        .total = 2 * total,
        .from_sums = &sums[0],
        .to_sums = &sums[1],
    };
    const struct error *e = compare_rows(&c);
    if (e == NULL) {
        report(&c, ret);
    }
    store_sums_release(&sums[0]);
    store_sums_release(&sums[1]);
    free(sums);
    return e;
}
