#include "base/core/header_text.h"

#include <string.h>
#include <strings.h>

bool header_equal(struct slice s, const char *text) {
    return s.len == strlen(text) &&
           (s.len == 0 || strncasecmp((const char *)s.data, text, s.len) == 0);
}

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

struct slice header_trim(struct slice s) {
    while (s.len > 0 && is_blank(s.data[0])) {
        s = slice_of(s.data + 1, s.len - 1);
    }
    while (s.len > 0 && is_blank(s.data[s.len - 1])) {
        s.len--;
    }
    return s;
}

struct slice header_take_until(struct slice *rest, char separator) {
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    size_t n = at != NULL ? (size_t)(at - rest->data) : rest->len;
    struct slice taken = header_trim(slice_of(rest->data, n));
    *rest = at != NULL ? slice_of(at + 1, rest->len - n - 1) : SLICE_EMPTY;
    return taken;
}

bool header_quality(struct slice s, int *ret_thousandths) {
    if (s.len == 0 || s.len > 5 || (s.data[0] != '0' && s.data[0] != '1') ||
        (s.len > 1 && s.data[1] != '.')) {
        return false;
    }
    int value = (s.data[0] - '0') * HEADER_QUALITY_MOST;
    int unit = 100;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        value += (s.data[i] - '0') * unit;
    }
    *ret_thousandths = value;
    return value <= HEADER_QUALITY_MOST;
}
