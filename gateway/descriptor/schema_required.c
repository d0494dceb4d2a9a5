#include "gateway/descriptor/schema_internal.h"

// A message that has a field of another one, in a list of those of the other.
struct user {
    struct user *next;
    size_t message;
};

// Notes who uses which message, and which messages have required fields of their own.
static void note(struct arena *a, struct schema_message *messages, size_t at, struct user **users,
                 size_t *found, size_t *found_count) {
    struct schema_message *m = &messages[at];
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        if (f->message != NULL) {
            struct user **list = &users[f->message - messages];
            struct user *user = ARENA_NEW(a, struct user);
            *user = (struct user){*list, at};
            *list = user;
        }
        if (f->required && !m->has_required) {
            m->has_required = true;
            found[(*found_count)++] = at;
        }
    }
}

void schema_required_mark(struct arena *a, struct schema_message *messages, size_t count) {
    struct user **users = ARENA_ARRAY(a, struct user *, count + 1);
    size_t *found = ARENA_ARRAY(a, size_t, count + 1); // each message at most once
    size_t found_count = 0;
    for (size_t i = 0; i < count; i++) {
        note(a, messages, i, users, found, &found_count);
    }
    while (found_count > 0) {
        for (const struct user *u = users[found[--found_count]]; u != NULL; u = u->next) {
            if (!messages[u->message].has_required) {
                messages[u->message].has_required = true;
                found[found_count++] = u->message;
            }
        }
    }
}
