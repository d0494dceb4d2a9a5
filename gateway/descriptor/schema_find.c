#include "gateway/descriptor/schema.h"
#include "gateway/descriptor/schema_hash.h"

const struct schema_message *schema_find_message(const struct schema *s, struct slice name) {
    size_t at = schema_hash(name) & s->message_mask;
    for (; s->message_slots[at] != NULL; at = (at + 1) & s->message_mask) {
        if (slice_equal(s->message_slots[at]->full_name, name)) {
            return s->message_slots[at];
        }
    }
    return NULL;
}

const struct schema_field *schema_find_field(const struct schema_message *m, struct slice name) {
    const struct schema_field *by_name = NULL;
    uint32_t at = schema_hash(name) & m->slot_mask;
    for (; m->slots[at] != NULL; at = (at + 1) & m->slot_mask) {
        const struct schema_field *f = m->slots[at];
        if (slice_equal(f->json_name, name)) {
            return f;
        }
        if (by_name == NULL && (slice_equal(f->name, name) ||
                                (f->json_alias.len > 0 && slice_equal(f->json_alias, name)))) {
            by_name = f;
        }
    }
    return by_name;
}

const struct schema_field *schema_find_sparse(const struct schema_message *m, uint32_t number) {
    uint32_t low = 0;
    uint32_t high = m->sparse_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (m->sparse[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < m->sparse_count && m->sparse[low]->number == number ? m->sparse[low] : NULL;
}

const struct schema_enum_value *schema_enum_by_number(const struct schema_enum *e, int32_t number) {
    size_t low = 0;
    size_t high = e->number_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (e->by_number[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < e->number_count && e->by_number[low]->number == number ? e->by_number[low] : NULL;
}

bool schema_enum_by_name(const struct schema_enum *e, struct slice name, int32_t *ret_number) {
    size_t low = 0;
    size_t high = e->name_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_compare(e->names[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == e->name_count || !slice_equal(e->names[low].name, name)) {
        return false;
    }
    *ret_number = e->names[low].number;
    return true;
}
