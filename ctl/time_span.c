#include "ctl/time_span.h"

#include <string.h>

static const int64_t seconds_max = INT64_C(36500) * 86400;

// How many seconds the unit has; 0 if there is no such unit.
static int64_t unit_of(const char *text) {
    static const struct {
        const char *word;
        int64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text, units[i].word) == 0) {
            return units[i].seconds;
        }
    }
    return 0;
}

bool time_span_parse(const char *text, int64_t *ret_seconds) {
    int64_t number = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && number <= seconds_max; p++) {
        number = number * 10 + (*p - '0');
    }
    bool is_zero = number == 0 && *p == '\0';
    int64_t unit = is_zero ? 1 : unit_of(p);
    if (p == text || unit == 0 || number > seconds_max / unit) {
        return false;
    }
    *ret_seconds = number * unit;
    return true;
}
