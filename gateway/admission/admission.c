#include "gateway/admission/admission.h"

#include "base/core/check.h"

enum { RETRY_AFTER_MS = 1000 };

bool admission_is_safe(struct slice method) {
    return slice_equal_cstr(method, "GET") || slice_equal_cstr(method, "HEAD") ||
           slice_equal_cstr(method, "OPTIONS") || slice_equal_cstr(method, "TRACE");
}

struct error *admission_check(const struct admission *admission, struct arena *a,
                              struct slice method) {
    bool is_read = admission->reserved > 0 && admission_is_safe(method);
    int limit = admission->limit - (is_read ? admission->reserved : 0);
    if (admission->count < limit) {
        return NULL;
    }
    struct error *e =
        error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_OVERLOADED,
                  "There are as many %s as the gateway allows%s: %d. Nothing was changed.",
                  admission->what, is_read ? " before a read" : "", limit);
    e->retry_after_ms = RETRY_AFTER_MS;
    error_add_metadata(e, a, "limit", arena_printf(a, "%d", limit));
    return e;
}

void admission_enter(struct admission *admission) {
    admission->count++;
}

void admission_leave(struct admission *admission) {
    CHECK(admission->count > 0);
    admission->count--;
}
