#include "base/metrics/metrics_snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/metrics/metrics_internal.h"

// What collectors said of a family, the last first.
struct collected {
    struct metrics_sample sample;
    struct collected *next;
};

struct collected_list {
    struct collected *first;
    size_t count;
};

struct metrics_collection {
    struct metrics *metrics;
    struct arena *arena;
    struct collected_list *lists; // by the number of their family
};

static double per_unit(const struct metrics_info *info) {
    return info->per_unit == 0 ? 1 : (double)info->per_unit;
}

static const char *const *copy_values(struct arena *a, const struct metrics_family *family,
                                      const char *const values[]) {
    const char **copy = ARENA_ARRAY(a, const char *, METRICS_MAX_LABELS);
    for (size_t i = 0; i < family->label_count; i++) {
        copy[i] = arena_cstr(a, slice_of_cstr(values[i]));
    }
    return copy;
}

void metrics_collect(struct metrics_collection *collection, const struct metrics_family *family,
                     const char *const values[], double value) {
    if (family == NULL) {
        return;
    }
    CHECK(family->metrics == collection->metrics && family->info->kind != METRICS_HISTOGRAM);
    struct collected_list *list = &collection->lists[family->number];
    bool is_unknown = family->info->kind == METRICS_COUNTER && isnan(value);
    if (list->count == METRICS_MAX_CHILDREN || is_unknown) {
        return;
    }
    struct collected *collected = ARENA_NEW(collection->arena, struct collected);
    collected->sample.values = copy_values(collection->arena, family, values);
    collected->sample.value = value;
    collected->next = list->first;
    list->first = collected;
    list->count++;
}

static struct metrics_sample sample_of(struct arena *a, const struct metrics_child *child) {
    const struct metrics_info *info = child->family->info;
    struct metrics_sample sample = {.values = child->values};
    if (info->kind != METRICS_HISTOGRAM) {
        sample.value = (double)metrics_cell_sum(child, 0) / per_unit(info);
        return sample;
    }
    uint64_t *counts = ARENA_ARRAY(a, uint64_t, info->bound_count + 1);
    uint64_t all = 0;
    for (size_t i = 0; i <= info->bound_count; i++) {
        all += (uint64_t)metrics_cell_sum(child, i);
        counts[i] = all;
    }
    sample.counts = counts;
    sample.value = (double)metrics_cell_sum(child, info->bound_count + 1) / per_unit(info);
    return sample;
}

static int compare(const void *a, const void *b) {
    const struct metrics_sample *one = a;
    const struct metrics_sample *two = b;
    int order = 0;
    for (size_t i = 0; order == 0 && i < METRICS_MAX_LABELS && one->values[i] != NULL; i++) {
        order = strcmp(one->values[i], two->values[i]);
    }
    return order;
}

static struct metrics_snapshot_family take_family(struct arena *a,
                                                  const struct metrics_family *family,
                                                  const struct collected_list *list) {
    // A child that is added while this runs is seen by the next look, so there is room for all.
    size_t most = family->label_count == 0 ? 1 : METRICS_MAX_CHILDREN + 1;
    struct metrics_sample *samples = ARENA_ARRAY(a, struct metrics_sample, most + list->count);
    size_t count = 0;
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        const struct metrics_child *child =
            atomic_load_explicit(&family->children[i], memory_order_acquire);
        for (; child != NULL; child = child->next) {
            samples[count++] = sample_of(a, child);
        }
    }
    const struct metrics_child *other = atomic_load_explicit(&family->other, memory_order_acquire);
    if (other != NULL) {
        samples[count++] = sample_of(a, other);
    }
    for (const struct collected *c = list->first; c != NULL; c = c->next) {
        samples[count++] = c->sample;
    }
    qsort(samples, count, sizeof(samples[0]), compare);
    return (struct metrics_snapshot_family){family->info, samples, count};
}

struct metrics_snapshot metrics_take(struct metrics *metrics, struct arena *a) {
    if (metrics == NULL) {
        return (struct metrics_snapshot){0};
    }
    pthread_mutex_lock(&metrics->mutex);
    struct metrics_collection collection = {
        metrics, a, ARENA_ARRAY(a, struct collected_list, metrics->family_count)};
    for (const struct metrics_collector *c = metrics->collectors; c != NULL; c = c->next) {
        c->visit(c->context, &collection);
    }
    struct metrics_snapshot_family *families =
        ARENA_ARRAY(a, struct metrics_snapshot_family, metrics->family_count);
    size_t count = 0;
    for (const struct metrics_family *f = metrics->first; f != NULL; f = f->next) {
        struct metrics_snapshot_family taken = take_family(a, f, &collection.lists[f->number]);
        if (taken.sample_count > 0) {
            families[count++] = taken;
        }
    }
    pthread_mutex_unlock(&metrics->mutex);
    return (struct metrics_snapshot){families, count};
}
