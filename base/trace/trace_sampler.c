#include "base/trace/trace_sampler.h"

#include <string.h>

enum { RANDOM_BITS = 56, MOST_DIGITS = 15 };

bool trace_sampler_read(const char *text, struct trace_sampler *ret) {
    size_t length = strlen(text);
    const char *point = strchr(text, '.');
    size_t whole = point != NULL ? (size_t)(point - text) : length;
    size_t digits = length - (point != NULL ? 1 : 0);
    if (digits == 0 || digits > MOST_DIGITS || strspn(text, "0123456789") != whole ||
        (point != NULL && strspn(point + 1, "0123456789") != length - whole - 1)) {
        return false;
    }
    uint64_t number = 0;
    uint64_t unit = 1; // what 1 is of it
    for (size_t i = 0; i < length; i++) {
        if (i != whole) {
            number = number * 10 + (uint64_t)(text[i] - '0');
            unit *= i > whole ? 10 : 1;
        }
    }
    if (number > unit) {
        return false;
    }
    // A ratio that is not 0 takes some: 15 digits are fewer than 56 bits.
    ret->below = (uint64_t)(((unsigned __int128)number << RANDOM_BITS) / unit);
    return true;
}
