#include "server/domain/run_size.h"

#include "server/domain/run_error.h"

const struct error *run_size_check(struct arena *a, const char *field, struct slice bytes,
                                   size_t most) {
    if (bytes.len <= most) {
        return NULL;
    }
    return run_error_field(a, field, "has %zu bytes, at most %zu are allowed", bytes.len, most);
}
