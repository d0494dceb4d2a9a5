#include "storage/store_keeping.h"

#include "storage/store_url.h"

// Returns what the back-end of url can do; NULL, and why in *ret_error, if url names no store.
static const struct store_upkeep *find(struct arena *a, const char *url, const char **ret_location,
                                       const struct error **ret_error) {
    const struct store_backend *backend = store_url_backend(url, ret_location);
    *ret_error = backend == NULL ? store_url_refuse(a, url) : NULL;
    return backend != NULL ? backend->upkeep : NULL;
}

// Says that the store of url cannot be treated so ("backed up"), and what to use instead.
static const struct error *refuse(struct arena *a, const char *url, const char *doing,
                                  const char *instead) {
    const char *location;
    const struct store_backend *backend = store_url_backend(url, &location);
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "the store \"%s\" is not %s: %s",
                     backend->describe(a, location), doing, instead);
}

const struct error *run_store_backup(struct arena *a, const char *url,
                                     const struct store_backup_options *options,
                                     struct store_backup *ret) {
    const char *location;
    const struct error *e;
    const struct store_upkeep *upkeep = find(a, url, &location, &e);
    if (upkeep == NULL) {
        return e;
    }
    return upkeep->backup != NULL
               ? upkeep->backup(a, location, options, ret)
               : refuse(a, url, "backed up by this program", upkeep->instead_of_backup);
}

const struct error *run_store_restore(struct arena *a, const char *url, const char *file,
                                      struct store_restore *ret) {
    const char *location;
    const struct error *e;
    const struct store_upkeep *upkeep = find(a, url, &location, &e);
    if (upkeep == NULL) {
        return e;
    }
    return upkeep->restore != NULL
               ? upkeep->restore(a, location, file, ret)
               : refuse(a, url, "restored by this program", upkeep->instead_of_backup);
}

const struct error *run_store_measure(struct arena *a, const char *url, int tenants,
                                      struct store_measures *ret) {
    const char *location;
    const struct error *e;
    const struct store_upkeep *upkeep = find(a, url, &location, &e);
    if (upkeep == NULL) {
        return e;
    }
    return upkeep->measure != NULL
               ? upkeep->measure(a, location, tenants, ret)
               : refuse(a, url, "measured by this program", upkeep->instead_of_measure);
}

const struct error *run_store_freeze(struct arena *a, const char *url,
                                     const struct store_freeze_options *options,
                                     bool *ret_in_time) {
    const char *location;
    const struct error *e;
    const struct store_upkeep *upkeep = find(a, url, &location, &e);
    if (upkeep == NULL) {
        return e;
    }
    return upkeep->freeze != NULL
               ? upkeep->freeze(a, location, options, ret_in_time)
               : refuse(a, url, "frozen by this program", upkeep->instead_of_freeze);
}

const struct error *run_store_thaw(struct arena *a, const char *url, bool *ret_was_frozen) {
    const char *location;
    const struct error *e;
    const struct store_upkeep *upkeep = find(a, url, &location, &e);
    if (upkeep == NULL) {
        return e;
    }
    return upkeep->thaw != NULL
               ? upkeep->thaw(a, location, ret_was_frozen)
               : refuse(a, url, "frozen by this program", upkeep->instead_of_freeze);
}
