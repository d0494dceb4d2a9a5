#include "base/metrics/metrics_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_SIZE = 32,
    FEWEST_DIGITS = 15, // so many are always kept by a double
    MOST_DIGITS = 17,   // so many name each double
};

// Beyond it not every integer is a double.
static const double whole_limit = 9007199254740992.0;

void metrics_number_append(struct strbuf *out, double value) {
    if (isnan(value)) {
        strbuf_append_cstr(out, "NaN");
    } else if (isinf(value)) {
        strbuf_append_cstr(out, value > 0 ? "+Inf" : "-Inf");
    } else if (fabs(value) < whole_limit && value == floor(value)) {
        strbuf_printf(out, "%.0f", value + 0.0); // -0 becomes 0
    } else {
        char text[TEXT_SIZE];
        int digits = FEWEST_DIGITS;
        do {
            snprintf(text, sizeof(text), "%.*g", digits, value);
        } while (strtod(text, NULL) != value && digits++ < MOST_DIGITS);
        strbuf_append_cstr(out, text);
    }
}

void metrics_number_append_bound(struct strbuf *out, double value) {
    size_t begin = out->len;
    metrics_number_append(out, value);
    bool is_whole = isfinite(value);
    for (size_t i = begin; i < out->len; i++) {
        is_whole = is_whole && strchr(".e", out->data[i]) == NULL;
    }
    if (is_whole) {
        strbuf_append_cstr(out, ".0");
    }
}
