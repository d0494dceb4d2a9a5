#include "storage/memory/memory_store.h"
#include "storage/store_backend.h"

static const char *location_below(struct arena *a, const char *folder) {
    (void)a;
    (void)folder;
    return ""; // each store that is opened is one of its own
}

static const char *describe(struct arena *a, const char *location) {
    return arena_printf(a, "memory:%s", location);
}

static const struct error *open_store(struct arena *a, const char *location,
                                      const struct run_store_options *options,
                                      struct run_store **ret_store) {
    (void)a;
    (void)location;
    *ret_store = memory_store_new(options);
    return NULL;
}

#define ENDS "it ends with its process; keep what is to last in a store that has a file"

static const struct store_upkeep upkeep = {
    .instead_of_backup = ENDS,
    .instead_of_measure = "it ends with its process; ask its server: runsctl store stats",
    .instead_of_freeze = ENDS,
};

// No holder is published: no other program can use this process's memory.
const struct store_backend memory_backend = {
    .scheme = "memory",
    .location_below = location_below,
    .describe = describe,
    .open = open_store,
    .upkeep = &upkeep,
};
