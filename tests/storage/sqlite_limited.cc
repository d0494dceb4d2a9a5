#include "tests/storage/sqlite_limited.h"

extern "C" {
#include "storage/sqlite/sqlite_store_internal.h"
}

namespace store_testing {

Opened OpenLimited(const std::string &path, const Limits &limits,
                   struct run_store_options options) {
    const struct pending_limits pending = {limits.runs, limits.events,  limits.slice,
                                           0,           limits.idle_us, limits.organizations};
    return OpenedBy([&](struct arena *a, struct run_store **ret_store) {
        return sqlite_store_open_limited(a, path.c_str(), &options, &pending, ret_store);
    });
}

} // namespace store_testing
