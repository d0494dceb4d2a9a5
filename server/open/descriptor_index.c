#include "server/open/descriptor_index.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "base/core/wire.h"

// Field numbers: google/protobuf/descriptor.proto.
enum { SET_FILE = 1 };
enum {
    FILE_PACKAGE = 2,
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    FILE_EXTENSION = 7,
};
enum {
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_EXTENSION = 6,
    MESSAGE_ONEOF = 8,
};
enum { ENUM_VALUE = 2, SERVICE_METHOD = 2, FIELD_EXTENDEE = 2, FIELD_NUMBER = 3 };
enum { NAME = 1 }; // of all of them

struct symbol {
    struct slice name;
    int file;
    bool is_message;
};

struct extension {
    struct slice type;
    int32_t number;
    int file;
};

struct file {
    struct slice name;
    struct slice bytes;
    int *imports;
    size_t import_count;
};

struct descriptor_index {
    struct arena arena;
    struct file *files;
    size_t file_count;
    struct symbol *symbols; // sorted by name
    size_t symbol_count;
    size_t symbol_capacity;
    struct extension *extensions; // sorted by type, then number
    size_t extension_count;
    size_t extension_capacity;
    bool is_malformed; // found while reading
};

// Steps to the next field of what lies between *p and end; false at the end, and at
// malformed bytes, which are noted.
static bool next_field(struct descriptor_index *index, const uint8_t **p, const uint8_t *end,
                       struct wire_field *ret) {
    if (index->is_malformed || *p >= end) {
        return false;
    }
    if (!wire_read_field(p, end, ret)) {
        index->is_malformed = true;
        return false;
    }
    return true;
}

// The last bytes field of that number; empty if there is none.
static struct slice bytes_field(struct descriptor_index *index, struct slice message,
                                uint32_t number) {
    struct slice found = SLICE_EMPTY;
    const uint8_t *p = message.data;
    struct wire_field field;
    while (next_field(index, &p, message.data + message.len, &field)) {
        if (field.number == number && field.type == WIRE_BYTES) {
            found = field.bytes;
        }
    }
    return found;
}

static int32_t number_field(struct descriptor_index *index, struct slice message, uint32_t number) {
    int32_t found = 0;
    const uint8_t *p = message.data;
    struct wire_field field;
    while (next_field(index, &p, message.data + message.len, &field)) {
        if (field.number == number && field.type == WIRE_VARINT) {
            found = (int32_t)field.value;
        }
    }
    return found;
}

// --- reading a file ---

// Adds the thing that message describes; returns its full name.
static struct slice add_symbol(struct descriptor_index *index, int file, struct slice scope,
                               struct slice message, bool is_message) {
    struct slice name = bytes_field(index, message, NAME);
    struct slice full_name = scope.len == 0
                                 ? name
                                 : slice_of_cstr(arena_printf(&index->arena, "%.*s.%.*s",
                                                              SLICE_FMT(scope), SLICE_FMT(name)));
    if (index->symbol_count == index->symbol_capacity) {
        index->symbol_capacity = index->symbol_capacity * 2 + 64;
        index->symbols =
            mem_realloc(index->symbols, index->symbol_capacity * sizeof(*index->symbols));
    }
    index->symbols[index->symbol_count++] = (struct symbol){full_name, file, is_message};
    return full_name;
}

static void add_extension(struct descriptor_index *index, int file, struct slice scope,
                          struct slice message) {
    add_symbol(index, file, scope, message, false);
    struct slice type = bytes_field(index, message, FIELD_EXTENDEE);
    if (type.len > 0 && type.data[0] == '.') {
        type = slice_of(type.data + 1, type.len - 1);
    }
    if (index->extension_count == index->extension_capacity) {
        index->extension_capacity = index->extension_capacity * 2 + 16;
        index->extensions =
            mem_realloc(index->extensions, index->extension_capacity * sizeof(*index->extensions));
    }
    index->extensions[index->extension_count++] =
        (struct extension){type, number_field(index, message, FIELD_NUMBER), file};
}

// Adds an enum or a service with its values or methods. An enum's values are in the
// scope that the enum is in.
static void add_with_members(struct descriptor_index *index, int file, struct slice scope,
                             struct slice message, uint32_t member, bool is_enum) {
    struct slice name = add_symbol(index, file, scope, message, false);
    const uint8_t *p = message.data;
    struct wire_field field;
    while (next_field(index, &p, message.data + message.len, &field)) {
        if (field.number == member && field.type == WIRE_BYTES) {
            add_symbol(index, file, is_enum ? scope : name, field.bytes, false);
        }
    }
}

static void add_message(struct descriptor_index *index, int file, struct slice scope,
                        struct slice message) {
    struct slice name = add_symbol(index, file, scope, message, true);
    const uint8_t *p = message.data;
    struct wire_field field;
    while (next_field(index, &p, message.data + message.len, &field)) {
        if (field.type != WIRE_BYTES) {
            continue;
        }
        switch (field.number) {
        case MESSAGE_FIELD:
        case MESSAGE_ONEOF:
            add_symbol(index, file, name, field.bytes, false);
            break;
        case MESSAGE_NESTED:
            add_message(index, file, name, field.bytes);
            break;
        case MESSAGE_ENUM:
            add_with_members(index, file, name, field.bytes, ENUM_VALUE, true);
            break;
        case MESSAGE_EXTENSION:
            add_extension(index, file, name, field.bytes);
            break;
        default:
            break;
        }
    }
}

static void add_file_symbols(struct descriptor_index *index, int file) {
    struct slice message = index->files[file].bytes;
    struct slice package = bytes_field(index, message, FILE_PACKAGE);
    const uint8_t *p = message.data;
    struct wire_field field;
    while (next_field(index, &p, message.data + message.len, &field)) {
        if (field.type != WIRE_BYTES) {
            continue;
        }
        switch (field.number) {
        case FILE_MESSAGE:
            add_message(index, file, package, field.bytes);
            break;
        case FILE_ENUM:
            add_with_members(index, file, package, field.bytes, ENUM_VALUE, true);
            break;
        case FILE_SERVICE:
            add_with_members(index, file, package, field.bytes, SERVICE_METHOD, false);
            break;
        case FILE_EXTENSION:
            add_extension(index, file, package, field.bytes);
            break;
        default:
            break;
        }
    }
}

// Counts the bytes fields of that number.
static size_t count_fields(struct descriptor_index *index, struct slice message, uint32_t number) {
    size_t count = 0;
    const uint8_t *p = message.data;
    struct wire_field field;
    while (next_field(index, &p, message.data + message.len, &field)) {
        count += field.number == number && field.type == WIRE_BYTES;
    }
    return count;
}

static void add_imports(struct descriptor_index *index, struct file *file) {
    size_t count = count_fields(index, file->bytes, FILE_DEPENDENCY);
    file->imports = ARENA_ARRAY(&index->arena, int, count);
    const uint8_t *p = file->bytes.data;
    struct wire_field field;
    while (next_field(index, &p, file->bytes.data + file->bytes.len, &field)) {
        if (field.number == FILE_DEPENDENCY && field.type == WIRE_BYTES) {
            int import = descriptor_index_file(index, field.bytes);
            index->is_malformed = index->is_malformed || import == DESCRIPTOR_NO_FILE;
            file->imports[file->import_count++] = import;
        }
    }
}

static int compare_symbols(const void *a, const void *b) {
    return slice_compare(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static int compare_extensions(const void *a, const void *b) {
    const struct extension *x = a;
    const struct extension *y = b;
    int r = slice_compare(x->type, y->type);
    return r != 0 ? r : (x->number > y->number) - (x->number < y->number);
}

struct descriptor_index *descriptor_index_new(struct slice set) {
    struct descriptor_index *index = mem_zalloc(sizeof(*index));
    arena_init(&index->arena);
    index->files = ARENA_ARRAY(&index->arena, struct file, count_fields(index, set, SET_FILE));
    const uint8_t *p = set.data;
    struct wire_field field;
    while (next_field(index, &p, set.data + set.len, &field)) {
        if (field.number == SET_FILE && field.type == WIRE_BYTES) {
            struct file *file = &index->files[index->file_count++];
            file->bytes = field.bytes;
            file->name = bytes_field(index, field.bytes, NAME);
        }
    }
    for (size_t i = 0; i < index->file_count; i++) {
        add_imports(index, &index->files[i]);
        add_file_symbols(index, (int)i);
    }
    if (index->is_malformed) {
        descriptor_index_free(index);
        return NULL;
    }
    if (index->symbol_count > 0) {
        qsort(index->symbols, index->symbol_count, sizeof(*index->symbols), compare_symbols);
    }
    if (index->extension_count > 0) {
        qsort(index->extensions, index->extension_count, sizeof(*index->extensions),
              compare_extensions);
    }
    return index;
}

void descriptor_index_free(struct descriptor_index *index) {
    if (index == NULL) {
        return;
    }
    free(index->symbols);
    free(index->extensions);
    arena_release(&index->arena);
    free(index);
}

// --- looking up ---

int descriptor_index_file(const struct descriptor_index *index, struct slice name) {
    for (size_t i = 0; i < index->file_count; i++) {
        if (slice_equal(index->files[i].name, name)) {
            return (int)i;
        }
    }
    return DESCRIPTOR_NO_FILE;
}

static const struct symbol *find_symbol(const struct descriptor_index *index, struct slice name) {
    if (index->symbol_count == 0) {
        return NULL;
    }
    const struct symbol key = {.name = name};
    return bsearch(&key, index->symbols, index->symbol_count, sizeof(key), compare_symbols);
}

int descriptor_index_symbol(const struct descriptor_index *index, struct slice name) {
    const struct symbol *symbol = find_symbol(index, name);
    return symbol != NULL ? symbol->file : DESCRIPTOR_NO_FILE;
}

bool descriptor_index_is_message(const struct descriptor_index *index, struct slice name) {
    const struct symbol *symbol = find_symbol(index, name);
    return symbol != NULL && symbol->is_message;
}

int descriptor_index_extension(const struct descriptor_index *index, struct slice type,
                               int32_t number) {
    if (index->extension_count == 0) {
        return DESCRIPTOR_NO_FILE;
    }
    const struct extension key = {.type = type, .number = number};
    const struct extension *found =
        bsearch(&key, index->extensions, index->extension_count, sizeof(key), compare_extensions);
    return found != NULL ? found->file : DESCRIPTOR_NO_FILE;
}

size_t descriptor_index_extension_numbers(const struct descriptor_index *index, struct arena *a,
                                          struct slice type, const int32_t **ret_numbers) {
    int32_t *numbers = ARENA_ARRAY(a, int32_t, index->extension_count);
    size_t count = 0;
    for (size_t i = 0; i < index->extension_count; i++) {
        if (slice_equal(index->extensions[i].type, type)) {
            numbers[count++] = index->extensions[i].number;
        }
    }
    *ret_numbers = numbers;
    return count;
}

size_t descriptor_index_closure(const struct descriptor_index *index, struct arena *a, int file,
                                const struct slice **ret_files) {
    struct slice *files = ARENA_ARRAY(a, struct slice, index->file_count);
    int *queue = ARENA_ARRAY(a, int, index->file_count);
    bool *is_queued = ARENA_ARRAY(a, bool, index->file_count);
    size_t count = 0;
    queue[count++] = file;
    is_queued[file] = true;
    for (size_t i = 0; i < count; i++) {
        const struct file *current = &index->files[queue[i]];
        files[i] = current->bytes;
        for (size_t n = 0; n < current->import_count; n++) {
            int import = current->imports[n];
            if (!is_queued[import]) {
                is_queued[import] = true;
                queue[count++] = import;
            }
        }
    }
    *ret_files = files;
    return count;
}
