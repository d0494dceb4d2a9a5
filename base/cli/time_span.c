#include "base/cli/time_span.h"

#include <inttypes.h>
#include <stddef.h>

static const int64_t seconds_max = INT64_C(36500) * 86400;

static const struct unit {
    char letter;
    int64_t seconds;
} units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

// Reads digits at *p and moves *p behind them. Returns false if there are none, or too many.
static bool read_number(const char **p, int64_t *ret) {
    const char *begin = *p;
    int64_t number = 0;
    for (; **p >= '0' && **p <= '9' && number <= seconds_max; (*p)++) {
        number = number * 10 + (**p - '0');
    }
    *ret = number;
    return *p > begin && number <= seconds_max;
}

bool time_span_parse(const char *text, int64_t *ret_seconds) {
    int64_t sum = 0;
    const char *p = text;
    size_t unit = 0; // the largest that may come
    do {
        int64_t number;
        if (!read_number(&p, &number)) {
            return false;
        }
        bool is_zero = number == 0 && unit == 0 && *p == '\0';
        while (!is_zero && unit < UNIT_COUNT && units[unit].letter != *p) {
            unit++;
        }
        if (unit == UNIT_COUNT || number > (seconds_max - sum) / units[unit].seconds) {
            return false;
        }
        sum += number * units[unit++].seconds;
        p += !is_zero;
    } while (*p != '\0');
    *ret_seconds = sum;
    return true;
}

const char *time_span_text(struct arena *a, int64_t seconds) {
    seconds = seconds < 0 ? 0 : seconds;
    if (seconds < 120) {
        return arena_printf(a, "%" PRId64 "s", seconds);
    }
    if (seconds < 2 * 3600) {
        return arena_printf(a, "%" PRId64 "m", seconds / 60);
    }
    return seconds < 2 * 86400 ? arena_printf(a, "%" PRId64 "h", seconds / 3600)
                               : arena_printf(a, "%" PRId64 "d", seconds / 86400);
}
