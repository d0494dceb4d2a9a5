#include "storage/sqlite/run_id.h"

#include "base/core/hex.h"
#include "storage/sqlite/connection.h"

enum { TEXT_LENGTH = UUID_TEXT_SIZE - 1 };

static bool is_hyphen_at(int i) {
    return i == 8 || i == 13 || i == 18 || i == 23;
}

static bool is_lower_hex(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

struct run_id run_id_of(struct slice text) {
    struct run_id id = {.text = text};
    if (text.len != TEXT_LENGTH) {
        return id;
    }
    int digits = 0;
    for (int i = 0; i < TEXT_LENGTH; i++) {
        uint8_t c = text.data[i];
        if (is_hyphen_at(i)) {
            if (c != '-') {
                return id;
            }
            continue;
        }
        if (!is_lower_hex(c)) {
            return id;
        }
        uint8_t *byte = &id.uuid[digits / 2];
        *byte = (uint8_t)(*byte << 4 | hex_value(c));
        digits++;
    }
    id.is_uuid = true;
    return id;
}

int run_id_bind_stored(sqlite3_stmt *s, int index, struct slice stored, bool is_uuid) {
    return is_uuid ? sqlite_bind_blob(s, index, stored) : sqlite_bind_text(s, index, stored);
}

int run_id_bind(sqlite3_stmt *s, int index, const struct run_id *id) {
    return run_id_bind_stored(s, index, run_id_stored(id), id->is_uuid);
}

static bool is_uuid_column(sqlite3_stmt *s, int column) {
    return sqlite3_column_type(s, column) == SQLITE_BLOB &&
           sqlite3_column_bytes(s, column) == UUID_BYTES;
}

struct run_id run_id_peek(sqlite3_stmt *s, int column) {
    struct run_id id = {.is_uuid = is_uuid_column(s, column)};
    struct slice stored = sqlite_column_peek(s, column);
    if (id.is_uuid) {
        memcpy(id.uuid, stored.data, UUID_BYTES);
    } else {
        id.text = stored;
    }
    return id;
}

struct slice run_id_text(struct arena *a, struct slice stored, bool is_uuid) {
    if (!is_uuid) {
        return arena_copy(a, stored);
    }
    char *text = arena_alloc(a, UUID_TEXT_SIZE);
    uuid_print(stored.data, text);
    return slice_of(text, TEXT_LENGTH);
}

struct slice run_id_column(struct arena *a, sqlite3_stmt *s, int column) {
    return run_id_text(a, sqlite_column_peek(s, column), is_uuid_column(s, column));
}
