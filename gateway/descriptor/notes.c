#include "gateway/descriptor/notes.h"

#include <stdlib.h>

#include "base/core/strbuf.h"
#include "base/core/wire.h"

// Field numbers of descriptor.proto.
enum {
    SET_FILE = 1,
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    FILE_OPTIONS = 8,
    FILE_SOURCE_CODE_INFO = 9,
    INFO_LOCATION = 1,
    LOCATION_PATH = 1,
    LOCATION_LEADING = 3,
    LOCATION_TRAILING = 4,
    NAME = 1, // of every element
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2,
};

enum { OPTION_API = 51205, API_TITLE = 1, API_VERSION = 2 }; // runsd.gateway.v1.api

// A comment and where it stands: field numbers and indexes, as varints.
struct place {
    struct slice path;
    struct slice text;
};

struct reader {
    struct arena *arena;
    struct notes notes;
    size_t capacity;
    struct place *places; // of the file that is being read; sorted by path
    size_t place_count;
};

// Which elements stand in an element, by their field numbers there; NULL ends a list.
struct kind {
    uint32_t number;
    const struct kind *inner;
};

static const struct kind kinds_of_leaf[] = {{0, NULL}};
static const struct kind kinds_of_enum[] = {{ENUM_VALUE, kinds_of_leaf}, {0, NULL}};
static const struct kind kinds_of_service[] = {{SERVICE_METHOD, kinds_of_leaf}, {0, NULL}};
static const struct kind kinds_of_message[] = {{MESSAGE_FIELD, kinds_of_leaf},
                                               {MESSAGE_NESTED, kinds_of_message},
                                               {MESSAGE_ENUM, kinds_of_enum},
                                               {0, NULL}};
static const struct kind kinds_of_file[] = {{FILE_MESSAGE, kinds_of_message},
                                            {FILE_ENUM, kinds_of_enum},
                                            {FILE_SERVICE, kinds_of_service},
                                            {0, NULL}};

static struct slice last_bytes(struct slice message, uint32_t number) {
    struct slice value = SLICE_EMPTY;
    const uint8_t *p = message.data;
    const uint8_t *end = p + message.len;
    struct wire_field field;
    while (p < end && wire_read_field(&p, end, &field)) {
        if (field.number == number && field.type == WIRE_BYTES) {
            value = field.bytes;
        }
    }
    return value;
}

static int compare_places(const void *a, const void *b) {
    return slice_compare(((const struct place *)a)->path, ((const struct place *)b)->path);
}

static int compare_notes(const void *a, const void *b) {
    return slice_compare(((const struct note *)a)->name, ((const struct note *)b)->name);
}

// Reads the comments of a file; its paths are packed, as descriptor.proto has them.
static void read_places(struct reader *r, struct slice info) {
    const uint8_t *p = info.data;
    const uint8_t *end = p + info.len;
    size_t capacity = 0;
    struct wire_field field;
    r->places = NULL;
    r->place_count = 0;
    while (p < end && wire_read_field(&p, end, &field)) {
        if (field.number != INFO_LOCATION || field.type != WIRE_BYTES) {
            continue;
        }
        struct slice text = last_bytes(field.bytes, LOCATION_LEADING);
        text = text.len > 0 ? text : last_bytes(field.bytes, LOCATION_TRAILING);
        if (text.len == 0) {
            continue;
        }
        if (r->place_count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            struct place *more = ARENA_ARRAY(r->arena, struct place, capacity);
            if (r->place_count > 0) {
                memcpy(more, r->places, sizeof(*more) * r->place_count);
            }
            r->places = more;
        }
        r->places[r->place_count++] = (struct place){last_bytes(field.bytes, LOCATION_PATH), text};
    }
    if (r->place_count > 0) {
        qsort(r->places, r->place_count, sizeof(r->places[0]), compare_places);
    }
}

static struct slice text_at(const struct reader *r, struct slice path) {
    const struct place key = {path, SLICE_EMPTY};
    const struct place *found = r->place_count == 0 ? NULL
                                                    : bsearch(&key, r->places, r->place_count,
                                                              sizeof(r->places[0]), compare_places);
    return found == NULL ? SLICE_EMPTY : found->text;
}

static void add_note(struct reader *r, struct slice name, struct slice text) {
    if (r->notes.count == r->capacity) {
        r->capacity = r->capacity == 0 ? 64 : r->capacity * 2;
        struct note *more = ARENA_ARRAY(r->arena, struct note, r->capacity);
        if (r->notes.count > 0) {
            memcpy(more, r->notes.items, sizeof(*more) * r->notes.count);
        }
        r->notes.items = more;
    }
    r->notes.items[r->notes.count++] = (struct note){name, text};
}

// Notes the elements that stand in an element of that name and path. It nests as deep as
// the messages of the sets, which upb has taken.
static void read_elements(struct reader *r, struct slice element, struct slice scope,
                          struct strbuf *path, const struct kind *kinds) {
    for (const struct kind *kind = kinds; kind->inner != NULL; kind++) {
        const uint8_t *p = element.data;
        const uint8_t *end = p + element.len;
        struct wire_field field;
        size_t before = path->len;
        for (uint64_t index = 0; p < end && wire_read_field(&p, end, &field);) {
            if (field.number != kind->number || field.type != WIRE_BYTES) {
                continue;
            }
            wire_put_varint(path, kind->number);
            wire_put_varint(path, index++);
            struct slice name = last_bytes(field.bytes, NAME);
            struct slice full =
                slice_of_cstr(arena_printf(r->arena, "%.*s%s%.*s", SLICE_FMT(scope),
                                           scope.len > 0 ? "." : "", SLICE_FMT(name)));
            struct slice text = text_at(r, strbuf_slice(path));
            if (text.len > 0) {
                add_note(r, full, text);
            }
            read_elements(r, field.bytes, full, path, kind->inner);
            path->len = before;
        }
    }
}

static void read_file(struct reader *r, struct slice file) {
    struct slice api = last_bytes(last_bytes(file, FILE_OPTIONS), OPTION_API);
    if (r->notes.title.len == 0) {
        r->notes.title = last_bytes(api, API_TITLE);
        r->notes.version = last_bytes(api, API_VERSION);
    }
    read_places(r, last_bytes(file, FILE_SOURCE_CODE_INFO));
    if (r->place_count > 0) {
        struct strbuf path = STRBUF_INIT;
        read_elements(r, file, last_bytes(file, FILE_PACKAGE), &path, kinds_of_file);
        strbuf_release(&path);
    }
}

struct notes notes_read(struct arena *a, const struct slice *sets, size_t count) {
    struct reader r = {.arena = a};
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = sets[i].data;
        const uint8_t *end = p + sets[i].len;
        struct wire_field field;
        while (p < end && wire_read_field(&p, end, &field)) {
            if (field.number == SET_FILE && field.type == WIRE_BYTES) {
                read_file(&r, field.bytes);
            }
        }
    }
    if (r.notes.count > 0) {
        qsort(r.notes.items, r.notes.count, sizeof(r.notes.items[0]), compare_notes);
    }
    return r.notes;
}

struct slice notes_of(const struct notes *notes, struct slice name) {
    const struct note key = {name, SLICE_EMPTY};
    const struct note *found = notes->count == 0 ? NULL
                                                 : bsearch(&key, notes->items, notes->count,
                                                           sizeof(notes->items[0]), compare_notes);
    return found == NULL ? SLICE_EMPTY : found->text;
}
