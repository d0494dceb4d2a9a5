#include "base/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "base/core/utf8.h"
#include "base/metrics/metrics_internal.h"

static const char other[] = "other";

const int64_t metrics_request_bounds_us[METRICS_REQUEST_BOUNDS] = {
    500,    1000,   2500,    5000,    10000,   25000,    50000,
    100000, 250000, 1000000, 2500000, 5000000, 10000000, 30000000,
};

struct metrics *metrics_new(void) {
    struct metrics *metrics = mem_zalloc(sizeof(*metrics));
    pthread_mutex_init(&metrics->mutex, NULL);
    return metrics;
}

static void free_child(struct metrics_child *child) {
    for (size_t i = 0; i < METRICS_MAX_LABELS; i++) {
        free((void *)child->values[i]);
    }
    free(child->cells);
    free(child);
}

static void free_family(struct metrics_family *family) {
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        for (struct metrics_child *child = atomic_load(&family->children[i]); child != NULL;) {
            struct metrics_child *next = child->next;
            free_child(child);
            child = next;
        }
    }
    struct metrics_child *last = atomic_load(&family->other);
    if (last != NULL) {
        free_child(last);
    }
    pthread_mutex_destroy(&family->mutex);
    free(family);
}

void metrics_free(struct metrics *metrics) {
    if (metrics == NULL) {
        return;
    }
    for (struct metrics_family *family = metrics->first; family != NULL;) {
        struct metrics_family *next = family->next;
        free_family(family);
        family = next;
    }
    for (struct metrics_collector *collector = metrics->collectors; collector != NULL;) {
        struct metrics_collector *next = collector->next;
        free(collector);
        collector = next;
    }
    pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
}

// --- families ---

static bool is_name(const char *name) {
    return name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name);
    size_t m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

// What writers add to names, so that no family's samples have another's name.
static bool has_suffix(const char *name) {
    static const char *const suffixes[] = {"_total",   "_count", "_sum", "_bucket",
                                           "_created", "_info",  NULL};
    for (size_t i = 0; suffixes[i] != NULL; i++) {
        if (ends_with(name, suffixes[i])) {
            return true;
        }
    }
    return false;
}

static bool is_label(const char *name) {
    // "le" is a histogram's own.
    return is_name(name) && strcmp(name, "le") != 0;
}

static size_t check_labels(const struct metrics_info *info) {
    size_t count = 0;
    while (count < METRICS_MAX_LABELS && info->labels[count] != NULL) {
        CHECK(is_label(info->labels[count]));
        for (size_t i = 0; i < count; i++) {
            CHECK(strcmp(info->labels[i], info->labels[count]) != 0);
        }
        count++;
    }
    return count;
}

static void check_info(const struct metrics_info *info) {
    CHECK(is_name(info->name) && !has_suffix(info->name));
    bool has_unit = info->unit != NULL && info->unit[0] != '\0';
    CHECK(!has_unit || (is_name(info->unit) && ends_with(info->name, info->unit)));
    CHECK(!has_unit || info->name[strlen(info->name) - strlen(info->unit) - 1] == '_');
    CHECK(info->help != NULL && utf8_valid(slice_of_cstr(info->help)));
    CHECK(info->per_unit >= 0);
    CHECK((info->kind == METRICS_HISTOGRAM) == (info->bound_count > 0));
    CHECK(info->bound_count <= METRICS_MAX_BOUNDS);
    for (size_t i = 1; i < info->bound_count; i++) {
        CHECK(info->bounds[i - 1] < info->bounds[i]);
    }
}

struct metrics_family *metrics_add_family(struct metrics *metrics,
                                          const struct metrics_info *info) {
    if (metrics == NULL) {
        return NULL;
    }
    check_info(info);
    struct metrics_family *family = mem_zalloc(sizeof(*family));
    family->info = info;
    family->metrics = metrics;
    family->label_count = check_labels(info);
    pthread_mutex_init(&family->mutex, NULL);
    pthread_mutex_lock(&metrics->mutex);
    struct metrics_family **place = &metrics->first;
    while (*place != NULL && strcmp((*place)->info->name, info->name) < 0) {
        place = &(*place)->next;
    }
    CHECK(*place == NULL || strcmp((*place)->info->name, info->name) != 0);
    family->number = metrics->family_count++;
    family->next = *place;
    *place = family;
    pthread_mutex_unlock(&metrics->mutex);
    return family;
}

// --- children ---

static size_t hash_of(const struct metrics_family *family, const char *const values[]) {
    uint64_t hash = 14695981039346656037ull; // FNV-1a
    for (size_t i = 0; i < family->label_count; i++) {
        for (const char *p = values[i]; *p != '\0'; p++) {
            hash = (hash ^ (uint8_t)*p) * 1099511628211ull;
        }
        hash *= 1099511628211ull;
    }
    return (size_t)(hash >> 32) % METRICS_BUCKETS;
}

static bool has_values(const struct metrics_child *child, const char *const values[]) {
    for (size_t i = 0; i < child->family->label_count; i++) {
        if (strcmp(child->values[i], values[i]) != 0) {
            return false;
        }
    }
    return true;
}

static struct metrics_child *find(const struct metrics_family *family, size_t hash,
                                  const char *const values[]) {
    struct metrics_child *child =
        atomic_load_explicit(&family->children[hash], memory_order_acquire);
    while (child != NULL && !has_values(child, values)) {
        child = child->next;
    }
    return child;
}

static char *utf8_copy(const char *text) {
    struct strbuf copy = STRBUF_INIT;
    struct slice left = slice_of_cstr(text);
    while (left.len > 0) {
        size_t n = utf8_sequence_length(left.data, left.len);
        if (n == 0) {
            strbuf_append_cstr(&copy, "\xEF\xBF\xBD");
            n = 1;
        } else {
            strbuf_append(&copy, left.data, n);
        }
        left = slice_of(left.data + n, left.len - n);
    }
    strbuf_append_byte(&copy, '\0');
    size_t len;
    return (char *)strbuf_detach(&copy, &len);
}

static struct metrics_child *new_child(struct metrics_family *family, const char *const values[]) {
    struct metrics_child *child = mem_zalloc(sizeof(*child));
    child->family = family;
    size_t cells = family->info->bound_count == 0 ? 1 : family->info->bound_count + 2;
    child->stride =
        (cells + METRICS_CELLS_PER_LINE - 1) / METRICS_CELLS_PER_LINE * METRICS_CELLS_PER_LINE;
    size_t bytes = METRICS_SLOTS * child->stride * sizeof(int64_t);
    child->cells = aligned_alloc(METRICS_CELLS_PER_LINE * sizeof(int64_t), bytes);
    CHECK(child->cells != NULL); // else out of memory
    memset(child->cells, 0, bytes);
    for (size_t i = 0; i < family->label_count; i++) {
        child->values[i] = utf8_copy(values != NULL ? values[i] : other);
    }
    return child;
}

// With the family's lock.
static struct metrics_child *add_child(struct metrics_family *family, size_t hash,
                                       const char *const values[]) {
    if (family->child_count >= METRICS_MAX_CHILDREN) {
        struct metrics_child *last = atomic_load(&family->other);
        if (last == NULL) {
            last = new_child(family, NULL);
            atomic_store_explicit(&family->other, last, memory_order_release);
        }
        return last;
    }
    struct metrics_child *child = new_child(family, values);
    child->next = atomic_load(&family->children[hash]);
    atomic_store_explicit(&family->children[hash], child, memory_order_release);
    family->child_count++;
    return child;
}

struct metrics_child *metrics_child(struct metrics_family *family, const char *const values[]) {
    if (family == NULL) {
        return NULL;
    }
    static const char *const none[METRICS_MAX_LABELS] = {"", "", "", ""};
    CHECK(values != NULL || family->label_count == 0);
    values = values != NULL ? values : none;
    size_t hash = hash_of(family, values);
    struct metrics_child *child = find(family, hash, values);
    if (child == NULL) {
        pthread_mutex_lock(&family->mutex);
        child = find(family, hash, values);
        child = child != NULL ? child : add_child(family, hash, values);
        pthread_mutex_unlock(&family->mutex);
    }
    return child;
}

struct metrics_child *metrics_add(struct metrics *metrics, const struct metrics_info *info) {
    struct metrics_family *family = metrics_add_family(metrics, info);
    CHECK(family == NULL || family->label_count == 0);
    return metrics_child(family, NULL);
}

// --- counting ---

// Which cells are this thread's. The first threads that count have cells of their own, in all
// registries, and add without an atomic operation; the others share the last ones.
static size_t thread_slot(void) {
    static atomic_size_t next;
    static _Thread_local size_t slot_and_one;
    if (slot_and_one == 0) {
        size_t slot = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
        slot_and_one = (slot < METRICS_SLOTS ? slot : METRICS_SLOTS - 1) + 1;
    }
    return slot_and_one - 1;
}

static void add(struct metrics_child *child, size_t slot, size_t cell, int64_t by) {
    int64_t *place = &child->cells[slot * child->stride + cell];
    if (slot == METRICS_SLOTS - 1) {
        __atomic_fetch_add(place, by, __ATOMIC_RELAXED);
    } else {
        __atomic_store_n(place, __atomic_load_n(place, __ATOMIC_RELAXED) + by, __ATOMIC_RELAXED);
    }
}

void metrics_counter_add(struct metrics_child *child, int64_t by) {
    if (child != NULL) {
        add(child, thread_slot(), 0, by);
    }
}

void metrics_gauge_add(struct metrics_child *child, int64_t by) {
    metrics_counter_add(child, by);
}

void metrics_gauge_set(struct metrics_child *child, int64_t value) {
    if (child != NULL) {
        __atomic_store_n(&child->cells[0], value, __ATOMIC_RELAXED);
    }
}

void metrics_histogram_observe(struct metrics_child *child, int64_t value) {
    if (child == NULL) {
        return;
    }
    const struct metrics_info *info = child->family->info;
    size_t bucket = 0;
    while (bucket < info->bound_count && value > info->bounds[bucket]) {
        bucket++;
    }
    size_t slot = thread_slot();
    add(child, slot, bucket, 1);
    add(child, slot, info->bound_count + 1, value);
}

int64_t metrics_cell_sum(const struct metrics_child *child, size_t cell) {
    int64_t sum = 0;
    for (size_t slot = 0; slot < METRICS_SLOTS; slot++) {
        sum += __atomic_load_n(&child->cells[slot * child->stride + cell], __ATOMIC_RELAXED);
    }
    return sum;
}

int64_t metrics_get(const struct metrics_child *child) {
    if (child == NULL) {
        return 0;
    }
    int64_t sum = 0;
    for (size_t i = 0; i <= child->family->info->bound_count; i++) {
        sum += metrics_cell_sum(child, i);
    }
    return sum;
}

// --- collectors ---

void metrics_add_collector(struct metrics *metrics,
                           void (*visit)(void *context, struct metrics_collection *collection),
                           void *context) {
    if (metrics == NULL) {
        return;
    }
    struct metrics_collector *collector = mem_zalloc(sizeof(*collector));
    collector->visit = visit;
    collector->context = context;
    pthread_mutex_lock(&metrics->mutex);
    collector->next = metrics->collectors;
    metrics->collectors = collector;
    pthread_mutex_unlock(&metrics->mutex);
}

void metrics_remove_collectors(struct metrics *metrics, void *context) {
    if (metrics == NULL) {
        return;
    }
    pthread_mutex_lock(&metrics->mutex);
    for (struct metrics_collector **place = &metrics->collectors; *place != NULL;) {
        struct metrics_collector *collector = *place;
        if (collector->context == context) {
            *place = collector->next;
            free(collector);
        } else {
            place = &collector->next;
        }
    }
    pthread_mutex_unlock(&metrics->mutex);
}
