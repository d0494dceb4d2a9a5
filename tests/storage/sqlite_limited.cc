#include "tests/storage/sqlite_limited.h"

extern "C" {
#include "storage/sqlite/sqlite_store_internal.h"
}

namespace store_testing {

Opened OpenLimited(const std::string &path, const Limits &limits,
                   struct run_store_options options) {
    const struct pending_limits pending = {limits.runs, limits.events, limits.slice, 0,
                                           limits.idle_us};
    struct arena a;
    arena_init(&a);
    Opened o;
    const struct error *e =
        sqlite_store_open_limited(&a, path.c_str(), &options, &pending, &o.store);
    if (e != nullptr) {
        o.code = e->code;
        o.message = e->message;
    }
    arena_release(&a);
    return o;
}

} // namespace store_testing
