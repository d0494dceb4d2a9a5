#ifndef RUNSD_STORAGE_BACKENDS_H
#define RUNSD_STORAGE_BACKENDS_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/store_backend.h"

// The registry of back-ends: one line each, in the order in which texts name them.
//
//   name of the constant NAME_backend; what its URLs look like, for people;
//   KEPT, or TEMPORARY if nothing outlives the process;
//   CHECKED if it has a check, or UNCHECKED.
//
// The first is kept and checked. storage/BUILD.bazel links what is named here.
// clang-format off
#define STORE_BACKENDS(FIRST, NEXT)                                                                \
    FIRST(sqlite, "sqlite:PATH", KEPT, CHECKED)                                                    \
    NEXT(memory, "memory:", TEMPORARY, UNCHECKED)                                                  \
    NEXT(postgres, "postgres:CONNINFO", KEPT, CHECKED)
// clang-format on

// Where runsd keeps its runs if nothing else is said.
#define STORE_DEFAULT_URL "sqlite:runsd.db"

// What URLs look like, as literals for help and messages: "sqlite:PATH or memory: or
// postgres:CONNINFO".
// STORE_URLS: all; _KEPT: of stores that outlive the process; _CHECKED: that can be checked.
#define STORE_URLS         STORE_BACKENDS(STORE_URL_FIRST, STORE_URL_NEXT)
#define STORE_URLS_KEPT    STORE_BACKENDS(STORE_URL_FIRST, STORE_URL_NEXT_KEPT)
#define STORE_URLS_CHECKED STORE_BACKENDS(STORE_URL_FIRST, STORE_URL_NEXT_CHECKED)

#define STORE_URL_FIRST(name, url, life, check)        url
#define STORE_URL_NEXT(name, url, life, check)         " or " url
#define STORE_URL_NEXT_KEPT(name, url, life, check)    STORE_URL_IF_##life(url)
#define STORE_URL_NEXT_CHECKED(name, url, life, check) STORE_URL_IF_##check(url)
#define STORE_URL_IF_KEPT(url)                         " or " url
#define STORE_URL_IF_TEMPORARY(url)
#define STORE_URL_IF_CHECKED(url) " or " url
#define STORE_URL_IF_UNCHECKED(url)

// A line of the registry.
struct registered_backend {
    const struct store_backend *backend;
    const char *url; // what its URLs look like
    bool is_kept;
};

// Returns all of them, in the registry's order.
const struct registered_backend *backends_all(size_t *ret_count);

// Returns the back-end of url's scheme; NULL if there is none. *ret_location is what follows
// the scheme's colon, within url.
const struct registered_backend *backends_find(const char *url, const char **ret_location);

#endif
