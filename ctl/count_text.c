#include "ctl/count_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/core/slice.h"

const char *count_text(struct arena *a, int64_t number) {
    char digits[32];
    snprintf(digits, sizeof(digits), "%" PRId64, number);
    char text[48];
    size_t length = 0;
    for (const char *p = digits; *p != '\0'; p++) {
        text[length++] = *p;
        size_t left = strlen(p) - 1;
        if (left > 0 && left % 3 == 0 && *p != '-') {
            text[length++] = ',';
        }
    }
    return arena_cstr(a, slice_of(text, length));
}

const char *count_text_of_runs(struct arena *a, int64_t number) {
    return arena_printf(a, "%s run%s", count_text(a, number), number == 1 ? "" : "s");
}
