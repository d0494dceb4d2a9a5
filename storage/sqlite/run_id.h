#ifndef RUNSD_STORAGE_SQLITE_RUN_ID_H
#define RUNSD_STORAGE_SQLITE_RUN_ID_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/request_id.h"

// How the id of a run is stored: a UUID in the text form of RFC 9562, in lower case, as its 16
// bytes, less than half as long in every table and index that has it; any other id as the
// text that it is. The two never meet: SQLite tells a blob from a text.

struct run_id {
    struct slice text; // as it was given; borrowed
    bool is_uuid;
    uint8_t uuid[UUID_BYTES];
};

// Returns what is stored for text, which outlives it.
struct run_id run_id_of(struct slice text);

// Returns the bytes that are stored; they are id's.
static inline struct slice run_id_stored(const struct run_id *id) {
    return id->is_uuid ? slice_of(id->uuid, UUID_BYTES) : id->text;
}

// Binds id, which outlives the statement's run. Returns SQLite's code.
int run_id_bind(sqlite3_stmt *s, int index, const struct run_id *id);

// Binds what run_id_stored returned once. Returns SQLite's code.
int run_id_bind_stored(sqlite3_stmt *s, int index, struct slice stored, bool is_uuid);

// Returns the id of which run_id_stored returned stored once, as text, in a.
struct slice run_id_text(struct arena *a, struct slice stored, bool is_uuid);

// Returns the id in a column, as text, in a.
struct slice run_id_column(struct arena *a, sqlite3_stmt *s, int column);

// Returns the id in a column, without its text if it is a UUID. Borrows from the column.
struct run_id run_id_peek(sqlite3_stmt *s, int column);

// The id in column as text.
#define RUN_ID_TEXT_SQL(column)                                                                    \
    "CASE typeof(" column ") WHEN 'blob' THEN"                                                     \
    " lower(substr(hex(" column "),1,8)||'-'||substr(hex(" column                                  \
    "),9,4)||'-'||substr(hex(" column "),13,4)||'-'||substr(hex(" column                           \
    "),17,4)||'-'||substr(hex(" column "),21))"                                                    \
    " ELSE " column " END"

#endif
