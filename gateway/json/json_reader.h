#ifndef RUNSD_GATEWAY_JSON_JSON_READER_H
#define RUNSD_GATEWAY_JSON_JSON_READER_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_depth.h"

// The parts of json_read, for its own files. Functions that return bool return
// false with r->error set on failure, and reading stops. Pure.

// Where the reader is: a list from the innermost key or index outwards.
struct json_path {
    const struct json_path *parent;
    struct slice key; // of an object; data NULL for an index
    size_t index;
};

struct json_reader;

// Callbacks into json_read.c for the files that it calls, since messages hold values
// that hold messages.
struct json_descent {
    // The next value as message m, without tag and length.
    bool (*message)(struct json_reader *r, const struct schema_message *m,
                    const struct json_path *path);
    // The members of an object whose opening bracket was read; skips "@type" if any is
    // true.
    bool (*members)(struct json_reader *r, const struct schema_message *m,
                    const struct json_path *path, bool any);
    // The next value as one element of f, without its tag.
    bool (*element)(struct json_reader *r, const struct schema_field *f,
                    const struct json_path *path);
};

struct json_reader {
    const struct json_descent *get;
    const uint8_t *start;
    const uint8_t *p;
    const uint8_t *end;
    struct arena *arena;
    const struct schema *schema;
    bool ignore_unknown; // of struct json_read_options
    bool round_numbers;  // of struct json_read_options
    struct strbuf *out;
    int depth;
    size_t passed_over; // bytes read in search of the "@type" of values of Any
    const struct error *error;
    // The keys of the maps that are open, innermost last.
    struct slice *keys;
    size_t key_count;
    size_t key_capacity;
};

// The lexer. Each skips blanks before what it reads.

// Returns the next byte that is no blank, without taking it; 0 at the end.
uint8_t json_peek(struct json_reader *r);
// Reads c; fails, naming what was expected (due), if another byte is next.
bool json_take(struct json_reader *r, char c, const char *due);
// Reads a string; the result is UTF-8 and borrows from the text or the arena.
bool json_read_string(struct json_reader *r, struct slice *ret);
// Reads a number's text.
bool json_read_number(struct json_reader *r, struct slice *ret);
// Takes true, false or null.
bool json_read_word(struct json_reader *r, const char *word);
// Reads any value and discards it.
bool json_skip_value(struct json_reader *r);
bool json_at_end(struct json_reader *r);

// Iterates over an object or array: take the opening bracket with json_open,
// then call json_more before each member until *ret_more is false; it takes
// commas and the closing bracket.
bool json_open(struct json_reader *r, char bracket, const struct json_path *path);
bool json_more(struct json_reader *r, char closing, bool *first, bool *ret_more);
// Reads a key and the colon.
bool json_read_key(struct json_reader *r, struct slice *ret);

// Set r->error and return false: for a syntax error, with line and column; for a value,
// with its path.
bool json_fail_syntax(struct json_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool json_fail_path(struct json_reader *r, const struct json_path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Fails at path because the next value is of the wrong kind.
bool json_fail_kind(struct json_reader *r, const struct json_path *path, const char *due);

// Length-delimited values: the length is put in front once it is known.
size_t json_begin_length(struct json_reader *r);
void json_end_length(struct json_reader *r, size_t begin);

// Check that the keys of one map differ: base is r->key_count before the first key.
bool json_add_key(struct json_reader *r, size_t base, struct slice key,
                  const struct json_path *path);
bool json_end_keys(struct json_reader *r, size_t base, const struct json_path *path);

// Iterates over an object whose keys must differ, by the functions above.
struct json_object {
    const struct json_path *path;
    size_t base;
    bool first;
};
bool json_open_object(struct json_reader *r, const struct json_path *path, struct json_object *ret);
// Reads the next key. *ret_at, the member's path, is as it was at the end.
bool json_next_member(struct json_reader *r, struct json_object *object, struct json_path *ret_at,
                      bool *ret_more);

bool json_get_known(struct json_reader *r, const struct schema_message *m,
                    const struct json_path *path);
bool json_get_value(struct json_reader *r, const struct json_path *path);

// Whether the next value is the name of an enum value that is not known, or a number that
// its closed enum does not have, which counts as an unknown field: takes it then,
// *ret_skipped says so.
bool json_skip_unknown_name(struct json_reader *r, const struct schema_field *f, bool *ret_skipped);

#endif
