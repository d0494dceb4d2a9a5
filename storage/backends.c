#include "storage/backends.h"

#include <string.h>

#define DECLARATION(name, url, life, check) extern const struct store_backend name##_backend;
STORE_BACKENDS(DECLARATION, DECLARATION)

#define IS_KEPT      true
#define IS_TEMPORARY false

#define ENTRY(name, url, life, check) {&name##_backend, url, IS_##life},
static const struct registered_backend all[] = {STORE_BACKENDS(ENTRY, ENTRY)};

enum { COUNT = sizeof(all) / sizeof(all[0]) };

const struct registered_backend *backends_all(size_t *ret_count) {
    *ret_count = COUNT;
    return all;
}

const struct registered_backend *backends_find(const char *url, const char **ret_location) {
    for (size_t i = 0; i < COUNT; i++) {
        size_t len = strlen(all[i].backend->scheme);
        if (strncmp(url, all[i].backend->scheme, len) == 0 && url[len] == ':') {
            *ret_location = url + len + 1;
            return &all[i];
        }
    }
    return NULL;
}
