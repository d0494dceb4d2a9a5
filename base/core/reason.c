#include "base/core/reason.h"

#include <stddef.h>

struct reason_row {
    const char *name;
    int http_status;
};

static const struct reason_row rows[REASON_COUNT] = {
#define REASON_ROW(name, http_status) [REASON_##name] = {#name, http_status},
    REASONS_OF_RUNS(REASON_ROW) REASONS_OF_GATEWAY(REASON_ROW) REASONS_OF_START(REASON_ROW)
#undef REASON_ROW
};

const char *reason_name(enum reason reason) {
    return rows[reason].name;
}

int reason_http_status(enum reason reason) {
    return rows[reason].http_status;
}

enum reason reason_find(struct slice name) {
    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        if (slice_equal_cstr(name, rows[i].name)) {
            return (enum reason)i;
        }
    }
    return REASON_NONE;
}
