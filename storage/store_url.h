#ifndef RUNSD_STORAGE_STORE_URL_H
#define RUNSD_STORAGE_STORE_URL_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_backend.h"

// URLs of stores, "SCHEME:LOCATION".

// Returns the back-end of url, and in *ret_location what follows the scheme; NULL if url names no
// store.
const struct store_backend *store_url_backend(const char *url, const char **ret_location);

// Says why url names no store: INVALID_ARGUMENT.
const struct error *store_url_refuse(struct arena *a, const char *url);

#endif
