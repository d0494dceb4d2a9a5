#include "server/domain/struct_validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef Google__Protobuf__Struct Struct;
typedef Google__Protobuf__Value Value;
typedef Google__Protobuf__Struct__FieldsEntry Entry;

static int compare_entries(const void *left, const void *right) {
    return strcmp((*(Entry *const *)left)->key, (*(Entry *const *)right)->key);
}

struct sorted_entries sorted_entries_of(struct arena *a, const Struct *object) {
    struct sorted_entries sorted = {NULL, 0};
    if (object != NULL && object->n_fields > 0) {
        sorted.count = object->n_fields;
        sorted.entries = arena_alloc(a, sorted.count * sizeof(Entry *));
        memcpy(sorted.entries, object->fields, sorted.count * sizeof(Entry *));
        qsort(sorted.entries, sorted.count, sizeof(Entry *), compare_entries);
    }
    return sorted;
}

const Value *sorted_entries_find(const struct sorted_entries *sorted, const char *key) {
    Entry wanted = {.key = (char *)(uintptr_t)key};
    Entry *pointer = &wanted;
    if (sorted->count == 0) {
        return NULL;
    }
    Entry **found =
        bsearch(&pointer, sorted->entries, sorted->count, sizeof(Entry *), compare_entries);
    return found != NULL ? (*found)->value : NULL;
}

// Where the walk is, innermost first. Paths are spelled out for violations alone: a
// message of small values far down would otherwise cost gigabytes of them.
struct place {
    const struct place *outer; // NULL: key is the path of the whole object
    const char *key;           // NULL: an item of an array, at index
    size_t index;
};

static const char *path_of(struct arena *a, const struct place *place) {
    enum { LONGEST_PATH = 500 }; // more does not help a reader
    if (place->outer == NULL) {
        return place->key;
    }
    const char *outer = path_of(a, place->outer);
    if (strlen(outer) > LONGEST_PATH) {
        return outer;
    }
    const char *path = place->key != NULL ? violations_path_key(a, outer, place->key)
                                          : arena_printf(a, "%s[%zu]", outer, place->index);
    return strlen(path) > LONGEST_PATH ? arena_printf(a, "%s...", path) : path;
}

static void check_object(struct violations *v, const struct place *place, const Struct *object);

static void check_value(struct violations *v, const struct place *place, const Value *value) {
    switch (value->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
        if (!isfinite(value->number_value)) {
            violations_add(v, path_of(v->arena, place), "must be a finite number");
        }
        break;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        check_object(v, place, value->struct_value);
        break;
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        for (size_t i = 0; i < value->list_value->n_values && v->count < MOST_VIOLATIONS; i++) {
            struct place item = {place, NULL, i};
            check_value(v, &item, value->list_value->values[i]);
        }
        break;
    default:
        break;
    }
}

static void check_object(struct violations *v, const struct place *place, const Struct *object) {
    struct sorted_entries sorted = sorted_entries_of(v->arena, object);
    for (size_t i = 0; i < sorted.count && v->count < MOST_VIOLATIONS; i++) {
        const Entry *entry = sorted.entries[i];
        struct place inner = {place, entry->key, 0};
        if (i > 0 && strcmp(sorted.entries[i - 1]->key, entry->key) == 0) {
            violations_add(v, path_of(v->arena, &inner), "occurs twice");
        }
        if (entry->value != NULL) {
            check_value(v, &inner, entry->value);
        }
    }
}

void struct_validate(struct violations *v, const char *path, const Struct *object) {
    struct place place = {NULL, path, 0};
    check_object(v, &place, object);
}
