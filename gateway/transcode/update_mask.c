#include "gateway/transcode/update_mask.h"

#include "base/core/well_known_fields.h"
#include "base/core/wire.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/scalar.h"

static bool is_mask(const struct schema_field *f) {
    return f->message != NULL && !f->repeated && f->message->known == KNOWN_FIELD_MASK;
}

const struct schema_field *update_mask_field(const struct schema_message *request,
                                             const struct schema_field *body) {
    if (body == NULL || body->message == NULL || body->repeated ||
        body->message->known != KNOWN_NONE) {
        return NULL;
    }
    const struct schema_field *found = NULL;
    for (uint32_t i = 0; i < request->field_count; i++) {
        if (is_mask(&request->fields[i])) {
            if (found != NULL) {
                return NULL;
            }
            found = &request->fields[i];
        }
    }
    return found;
}

bool update_mask_is_given(const struct schema_field *mask, struct slice request) {
    const uint8_t *p = request.data;
    const uint8_t *end = p + request.len;
    struct wire_field field;
    while (p < end && wire_read_field(&p, end, &field)) {
        if (field.number == mask->number && (int)field.type == (int)mask->wire_type &&
            field.bytes.len > 0) {
            return true;
        }
    }
    return false;
}

struct mask_walk {
    struct json_reader reader;
    struct strbuf path;  // of the value that is being read: "a.b"
    struct strbuf paths; // the mask's bytes
};

static bool has_paths_of_its_own(const struct schema_field *f) {
    return f->message != NULL && !f->repeated && f->message->known == KNOWN_NONE;
}

static bool walk_members(struct mask_walk *w, const struct schema_message *m, bool *ret_empty);

// The next value, of field f, whose path stands in w->path.
static bool walk_value(struct mask_walk *w, const struct schema_field *f) {
    struct json_reader *r = &w->reader;
    bool ignored = false;
    bool ok;
    if (has_paths_of_its_own(f) && json_peek(r) == '{') {
        bool empty;
        ok = walk_members(w, f->message, &empty);
        // Of a message that holds ignored fields only, nothing is named: named as a whole, it would
        // be replaced by an empty one.
        ignored = !empty;
    } else {
        ok = (f->repeated || json_skip_unknown_name(r, f, &ignored)) &&
             (ignored || json_skip_value(r));
    }
    if (ok && !ignored) {
        wire_put_bytes(&w->paths, MASK_PATHS, strbuf_slice(&w->path));
    }
    return ok;
}

static bool walk_members(struct mask_walk *w, const struct schema_message *m, bool *ret_empty) {
    struct json_reader *r = &w->reader;
    bool first = true;
    bool more;
    *ret_empty = true;
    if (!json_open(r, '{', NULL)) {
        return false;
    }
    for (;;) {
        struct slice key;
        if (!json_more(r, '}', &first, &more)) {
            return false;
        }
        if (!more) {
            return true;
        }
        *ret_empty = false;
        if (!json_read_key(r, &key)) {
            return false;
        }
        const struct schema_field *f = schema_find_field(m, key);
        size_t parent = w->path.len;
        if (f != NULL) {
            strbuf_append_cstr(&w->path, parent > 0 ? "." : "");
            strbuf_append_slice(&w->path, f->name);
        }
        bool ok = f != NULL ? walk_value(w, f) : json_skip_value(r);
        w->path.len = parent;
        if (!ok) {
            return false;
        }
    }
}

bool update_mask_infer(struct arena *a, const struct schema_field *mask,
                       const struct schema_field *body, struct slice json, struct strbuf *out) {
    struct mask_walk w = {
        .reader = {.start = json.data,
                   .p = json.data,
                   .end = json.data + json.len,
                   .arena = a,
                   .ignore_unknown = true},
        .path = STRBUF_INIT,
        .paths = STRBUF_INIT,
    };
    // The body as a whole (null, {}) names nothing. It was read before: it is JSON.
    bool empty = true;
    if (json_peek(&w.reader) == '{' && walk_members(&w, body->message, &empty) && w.paths.len > 0) {
        scalar_put_message(mask, strbuf_slice(&w.paths), out);
    }
    bool is_good = empty || w.paths.len > 0;
    strbuf_release(&w.path);
    strbuf_release(&w.paths);
    return is_good;
}
