#ifndef RUNSD_SERVER_DOMAIN_VIOLATIONS_H
#define RUNSD_SERVER_DOMAIN_VIOLATIONS_H

#include "base/core/arena.h"
#include "base/core/error.h"

// Collects what is wrong with a message.
struct violations {
    struct arena *arena;
    struct error *error; // NULL while nothing is
    int count;
};

enum { MOST_VIOLATIONS = 20 };

// Adds "field description"; the first becomes the error's message. More than
// MOST_VIOLATIONS are left out. MESSAGE_NUL in the description becomes \u0000. field is borrowed as
// long as the arena lives.
void violations_add(struct violations *v, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The path of key within the object at path: path.key, or path["key"] where key is no
// identifier; keys are cut after 100 bytes. Key may be any bytes.
const char *violations_path_text(struct arena *a, const char *path, struct slice key);

// The same of a key in which MESSAGE_NUL stands for U+0000 (server/domain/message_nul.h).
const char *violations_path_key(struct arena *a, const char *path, const char *key);

#endif
