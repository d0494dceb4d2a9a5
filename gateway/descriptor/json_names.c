#include "gateway/descriptor/json_names.h"

#include <stdlib.h>

// Each round gives at least one field its proto name for good; a chain of names that needs
// more rounds was made to take long.
enum { MOST_ROUNDS = 8 };

// protoc's default: letters behind underscores become capitals, underscores are dropped.
static struct slice lower_camel(struct arena *a, struct slice name) {
    uint8_t *text = arena_alloc(a, name.len + 1);
    size_t n = 0;
    bool capital = false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (c == '_') {
            capital = true;
            continue;
        }
        text[n++] = capital && c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
        capital = false;
    }
    return slice_of(text, n);
}

static bool is_own(const struct json_name *f) {
    return slice_equal(f->json_name, f->name);
}

// By JSON name; of equal ones the one that keeps it first.
static int compare(const void *a, const void *b) {
    const struct json_name *x = *(struct json_name *const *)a;
    const struct json_name *y = *(struct json_name *const *)b;
    int r = slice_compare(x->json_name, y->json_name);
    if (r != 0) {
        return r;
    }
    if (is_own(x) != is_own(y)) {
        return is_own(x) ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

static int compare_names(const void *a, const void *b) {
    return slice_compare((*(struct json_name *const *)a)->name,
                         (*(struct json_name *const *)b)->name);
}

// Gives those whose JSON name another field keeps their proto names; returns whether there
// were any.
static bool part(struct json_name **sorted, size_t count) {
    bool found = false;
    qsort(sorted, count, sizeof(sorted[0]), compare);
    const struct json_name *keeper = sorted[0];
    struct slice kept = keeper->json_name;
    for (size_t i = 1; i < count; i++) {
        if (!slice_equal(sorted[i]->json_name, kept)) {
            kept = sorted[i]->json_name;
        } else if (!is_own(sorted[i])) {
            sorted[i]->json_name = sorted[i]->name;
            found = true;
        }
    }
    return found;
}

static bool has_conflict(struct json_name **sorted, size_t count) {
    qsort(sorted, count, sizeof(sorted[0]), compare);
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(sorted[i - 1]->json_name, sorted[i]->json_name)) {
            return true;
        }
    }
    return false;
}

static void hide(struct json_name *fields, struct json_name **sorted, size_t count) {
    qsort(sorted, count, sizeof(sorted[0]), compare_names);
    for (size_t i = 0; i < count; i++) {
        const struct json_name key = {.name = fields[i].json_name};
        const struct json_name *at = &key;
        fields[i].hidden = !is_own(&fields[i]) &&
                           bsearch(&at, sorted, count, sizeof(sorted[0]), compare_names) != NULL;
    }
}

void json_names_settle(struct arena *a, struct json_name *fields, size_t count, bool best_effort) {
    struct json_name **sorted = ARENA_ARRAY(a, struct json_name *, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].json_name.len == 0) {
            fields[i].json_name = lower_camel(a, fields[i].name);
        }
        fields[i].hidden = false;
        sorted[i] = &fields[i];
    }
    if (count < 2) {
        return;
    }
    if (!best_effort && has_conflict(sorted, count)) {
        return;
    }
    bool parted = !best_effort;
    for (int round = 0; !parted && round < MOST_ROUNDS; round++) {
        parted = !part(sorted, count);
    }
    for (size_t i = 0; !parted && i < count; i++) {
        fields[i].json_name = fields[i].name;
    }
    hide(fields, sorted, count);
}
