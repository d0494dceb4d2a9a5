#include "bench/load/option_number.h"

#include <stdio.h>
#include <stdlib.h>

bool option_number(const char *program, const char *option, const char *text, double min,
                   double max, double *ret) {
    char *end;
    double value = strtod(text, &end);
    // Written so that NaN fails.
    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        (void)fprintf(stderr, "%s: %s must be a number from %g to %g, is '%s'\n", program, option,
                      min, max, text);
        return false;
    }
    *ret = value;
    return true;
}
