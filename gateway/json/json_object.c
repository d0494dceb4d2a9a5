#include <stdlib.h>
#include <string.h>

#include "gateway/json/json_reader.h"

// What objects and messages are made of: lengths in front, keys that must differ.

enum { COMPARED_PAIRWISE = 12 };

size_t json_begin_length(struct json_reader *r) {
    strbuf_append_byte(r->out, 0); // most lengths take one byte
    return r->out->len;
}

void json_end_length(struct json_reader *r, size_t begin) {
    size_t len = r->out->len - begin;
    if (len < 0x80) {
        r->out->data[begin - 1] = (uint8_t)len;
        return;
    }
    size_t size = wire_varint_size(len);
    strbuf_grow(r->out, size - 1);
    memmove(r->out->data + begin + size - 1, r->out->data + begin, len);
    r->out->len = begin - 1;
    wire_put_varint(r->out, len);
    r->out->len += len;
}

bool json_add_key(struct json_reader *r, size_t base, struct slice key,
                  const struct json_path *path) {
    size_t count = r->key_count - base;
    for (size_t i = base; count < COMPARED_PAIRWISE && i < r->key_count; i++) {
        if (slice_equal(r->keys[i], key)) {
            return json_fail_path(r, path, "the key stands twice");
        }
    }
    if (r->key_count == r->key_capacity) {
        size_t capacity = r->key_capacity == 0 ? 64 : r->key_capacity * 2;
        struct slice *more = arena_alloc(r->arena, sizeof(*more) * capacity);
        if (r->key_count > 0) {
            memcpy(more, r->keys, sizeof(*more) * r->key_count);
        }
        r->keys = more;
        r->key_capacity = capacity;
    }
    r->keys[r->key_count++] = key;
    return true;
}

static int compare_keys(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

bool json_end_keys(struct json_reader *r, size_t base, const struct json_path *path) {
    size_t count = r->key_count - base;
    struct slice *keys = r->keys + base;
    r->key_count = base;
    if (count <= COMPARED_PAIRWISE) {
        return true;
    }
    // Sorting bounds the work whatever the keys are; hashing would not.
    qsort(keys, count, sizeof(keys[0]), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(keys[i - 1], keys[i])) {
            struct json_path at = {path, keys[i], 0};
            return json_fail_path(r, &at, "the key stands twice");
        }
    }
    return true;
}

bool json_open_object(struct json_reader *r, const struct json_path *path,
                      struct json_object *ret) {
    if (json_peek(r) != '{') {
        return json_fail_kind(r, path, "an object");
    }
    *ret = (struct json_object){.path = path, .base = r->key_count, .first = true};
    return json_open(r, '{', path);
}

bool json_next_member(struct json_reader *r, struct json_object *object, struct json_path *ret_at,
                      bool *ret_more) {
    if (!json_more(r, '}', &object->first, ret_more)) {
        return false;
    }
    if (!*ret_more) {
        return json_end_keys(r, object->base, object->path);
    }
    struct slice key;
    if (!json_read_key(r, &key)) {
        return false;
    }
    *ret_at = (struct json_path){object->path, key, 0};
    return json_add_key(r, object->base, key, ret_at);
}
