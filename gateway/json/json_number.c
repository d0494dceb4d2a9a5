#include "gateway/json/json_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"

// Powers of ten that a double holds exactly.
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum { EXACT_POWERS = 22, KEPT_DIGITS = 20 };

size_t json_format_uint64(uint64_t value, char *ret_text) {
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < n; i++) {
        ret_text[i] = digits[n - 1 - i];
    }
    return n;
}

size_t json_format_int64(int64_t value, char *ret_text) {
    if (value >= 0) {
        return json_format_uint64((uint64_t)value, ret_text);
    }
    ret_text[0] = '-';
    return 1 + json_format_uint64(0 - (uint64_t)value, ret_text + 1);
}

// Writes scaled / 10^places, places of them behind the point.
static size_t format_fixed(bool negative, uint64_t scaled, int places, char *ret_text) {
    char digits[JSON_NUMBER_BYTES];
    size_t n = json_format_uint64(scaled, digits);
    char *p = ret_text;
    if (negative) {
        *p++ = '-';
    }
    size_t fraction = (size_t)places;
    if (n <= fraction) {
        *p++ = '0';
        *p++ = '.';
        memset(p, '0', fraction - n);
        p += fraction - n;
        memcpy(p, digits, n);
        return (size_t)(p + n - ret_text);
    }
    memcpy(p, digits, n - fraction);
    p += n - fraction;
    *p++ = '.';
    memcpy(p, digits + n - fraction, fraction);
    return (size_t)(p + fraction - ret_text);
}

size_t json_format_double(double value, char *ret_text) {
    double size = fabs(value);
    if (size < 9007199254740992.0) {
        int64_t integer = (int64_t)value;
        if ((double)integer == value) {
            if (integer == 0 && signbit(value)) {
                memcpy(ret_text, "-0", 2);
                return 2;
            }
            return json_format_int64(integer, ret_text);
        }
    }
    // A decimal of at most 15 digits that divides to the value exactly is the
    // shortest: two such decimals never share a double.
    if (size >= 1e-4 && size < 1e15) {
        for (int places = 1; places <= EXACT_POWERS; places++) {
            double scaled = size * powers[places] + 0.5;
            if (scaled >= 1e15) {
                break;
            }
            uint64_t digits = (uint64_t)scaled;
            if ((double)digits / powers[places] == size) {
                return format_fixed(value < 0, digits, places, ret_text);
            }
        }
    }
    // Fewer than 15 digits suffice only for values that the first try prints with
    // trailing zeros removed, and for subnormal numbers.
    int precision = size < DBL_MIN ? 1 : 15;
    for (;; precision++) {
        int n = snprintf(ret_text, JSON_NUMBER_BYTES, "%.*g", precision, value);
        if (precision >= 17 || strtod(ret_text, NULL) == value) {
            return (size_t)n;
        }
    }
}

size_t json_format_float(float value, char *ret_text) {
    float size = fabsf(value);
    if (size < 16777216.0f) {
        int64_t integer = (int64_t)value;
        if ((float)integer == value) {
            if (integer == 0 && signbit(value)) {
                memcpy(ret_text, "-0", 2);
                return 2;
            }
            return json_format_int64(integer, ret_text);
        }
    }
    int precision = size < FLT_MIN ? 1 : 6;
    for (;; precision++) {
        int n = snprintf(ret_text, JSON_NUMBER_BYTES, "%.*g", precision, (double)value);
        if (precision >= 9 || strtof(ret_text, NULL) == value) {
            return (size_t)n;
        }
    }
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end) {
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

size_t json_number_length(struct slice text) {
    const uint8_t *p = text.data;
    const uint8_t *end = p + text.len;
    if (p < end && *p == '-') {
        p++;
    }
    if (p == end || !is_digit(*p)) {
        return 0;
    }
    p = *p == '0' ? p + 1 : skip_digits(p, end);
    if (end - p >= 2 && *p == '.' && is_digit(p[1])) {
        p = skip_digits(p + 1, end);
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        const uint8_t *q = p + 1;
        if (q < end && (*q == '+' || *q == '-')) {
            q++;
        }
        if (q < end && is_digit(*q)) {
            p = skip_digits(q, end);
        }
    }
    return (size_t)(p - text.data);
}

// A number as digits * 10^exponent, without zeros at either end of the digits.
struct decimal {
    bool negative;
    size_t count;                // of significant digits; 0 for zero
    uint8_t digits[KEPT_DIGITS]; // the first of them
    int64_t exponent;
};

static int64_t read_exponent(const uint8_t *p, const uint8_t *end) {
    bool negative = false;
    if (p < end && (*p == '+' || *p == '-')) {
        negative = *p++ == '-';
    }
    int64_t value = 0;
    for (; p < end; p++) {
        // Far beyond the range of every type, and far from overflowing.
        if (value < INT64_C(1000000000000)) {
            value = value * 10 + (*p - '0');
        }
    }
    return negative ? -value : value;
}

static void read_decimal(struct slice text, struct decimal *ret) {
    struct decimal d = {0};
    const uint8_t *p = text.data;
    const uint8_t *end = p + text.len;
    if (*p == '-') {
        d.negative = true;
        p++;
    }
    bool fraction = false;
    size_t zeros = 0; // behind the last digit that is none
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        d.exponent -= fraction;
        if (*p == '0') {
            zeros += d.count > 0;
            if (d.count == 0) {
                continue;
            }
        } else {
            for (; zeros > 0; zeros--) {
                if (d.count < KEPT_DIGITS) {
                    d.digits[d.count] = 0;
                }
                d.count++;
            }
            if (d.count < KEPT_DIGITS) {
                d.digits[d.count] = (uint8_t)(*p - '0');
            }
            d.count++;
        }
    }
    d.exponent += (int64_t)zeros;
    if (p < end) {
        d.exponent += read_exponent(p + 1, end);
    }
    if (d.count == 0) {
        d.exponent = 0;
    }
    *ret = d;
}

// Reads an integer's sign and size.
static enum json_number_result read_integer(struct slice text, bool *ret_negative,
                                            uint64_t *ret_size) {
    if (text.len == 0 || json_number_length(text) != text.len) {
        return JSON_NUMBER_MALFORMED;
    }
    struct decimal d;
    read_decimal(text, &d);
    if (d.exponent < 0) {
        return JSON_NUMBER_FRACTIONAL;
    }
    uint64_t size = 0;
    if (d.count > 0 && (d.count > KEPT_DIGITS || d.exponent > KEPT_DIGITS)) {
        return JSON_NUMBER_RANGE;
    }
    for (size_t i = 0; i < d.count + (size_t)d.exponent; i++) {
        uint64_t digit = i < d.count ? d.digits[i] : 0;
        if (size > (UINT64_MAX - digit) / 10) {
            return JSON_NUMBER_RANGE;
        }
        size = size * 10 + digit;
    }
    *ret_negative = d.negative;
    *ret_size = size;
    return JSON_NUMBER_OK;
}

enum json_number_result json_parse_int64(struct slice text, int64_t min, int64_t max,
                                         int64_t *ret) {
    bool negative;
    uint64_t size;
    enum json_number_result result = read_integer(text, &negative, &size);
    if (result != JSON_NUMBER_OK) {
        return result;
    }
    if (size > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return JSON_NUMBER_RANGE;
    }
    int64_t value = (int64_t)(negative ? 0 - size : size);
    if (value < min || value > max) {
        return JSON_NUMBER_RANGE;
    }
    *ret = value;
    return JSON_NUMBER_OK;
}

enum json_number_result json_parse_uint64(struct slice text, uint64_t max, uint64_t *ret) {
    bool negative;
    uint64_t size;
    enum json_number_result result = read_integer(text, &negative, &size);
    if (result != JSON_NUMBER_OK) {
        return result;
    }
    if (size > max || (negative && size != 0)) {
        return JSON_NUMBER_RANGE;
    }
    *ret = size;
    return JSON_NUMBER_OK;
}

// Calls read on text as a C string. A number that long is rare, and its
// digits beyond any double's precision still decide how it is rounded.
#define WITH_CSTR(text, call)                                                                      \
    do {                                                                                           \
        char small_[128];                                                                          \
        char *cstr = (text).len < sizeof(small_) ? small_ : malloc((text).len + 1);                \
        if (cstr == NULL) {                                                                        \
            CHECK_FAIL("out of memory");                                                           \
        }                                                                                          \
        memcpy(cstr, (text).data, (text).len);                                                     \
        cstr[(text).len] = '\0';                                                                   \
        call;                                                                                      \
        if (cstr != small_) {                                                                      \
            free(cstr);                                                                            \
        }                                                                                          \
    } while (0)

enum json_number_result json_parse_double(struct slice text, double *ret) {
    if (text.len == 0 || json_number_length(text) != text.len) {
        return JSON_NUMBER_MALFORMED;
    }
    struct decimal d;
    read_decimal(text, &d);
    double value = 0;
    if (d.count <= 15 && d.exponent >= -EXACT_POWERS && d.exponent <= EXACT_POWERS) {
        // Both operands are exact, so the result is rounded once.
        uint64_t digits = 0;
        for (size_t i = 0; i < d.count; i++) {
            digits = digits * 10 + d.digits[i];
        }
        value = d.exponent < 0 ? (double)digits / powers[-d.exponent]
                               : (double)digits * powers[d.exponent];
        value = d.negative ? -value : value;
    } else {
        WITH_CSTR(text, value = strtod(cstr, NULL));
    }
    if (!isfinite(value)) {
        return JSON_NUMBER_RANGE;
    }
    *ret = value;
    return JSON_NUMBER_OK;
}

enum json_number_result json_parse_float(struct slice text, float *ret) {
    if (text.len == 0 || json_number_length(text) != text.len) {
        return JSON_NUMBER_MALFORMED;
    }
    float value = 0;
    WITH_CSTR(text, value = strtof(cstr, NULL));
    if (!isfinite(value)) {
        return JSON_NUMBER_RANGE;
    }
    *ret = value;
    return JSON_NUMBER_OK;
}

static bool same_decimal(const struct decimal *a, const struct decimal *b) {
    return a->count == b->count && a->exponent == b->exponent && a->negative == b->negative &&
           memcmp(a->digits, b->digits, a->count < KEPT_DIGITS ? a->count : KEPT_DIGITS) == 0;
}

bool json_double_keeps(struct slice text, double value) {
    struct decimal given;
    read_decimal(text, &given);
    if (given.count <= 15 && given.exponent > -300 && given.exponent < 290) {
        return true;
    }
    char written[JSON_NUMBER_BYTES];
    struct decimal kept;
    read_decimal(slice_of(written, json_format_double(value, written)), &kept);
    if (same_decimal(&given, &kept)) {
        return true;
    }
    if (given.count > 17) {
        return false;
    }
    int n = snprintf(written, sizeof(written), "%.*e", (int)given.count - 1, value);
    read_decimal(slice_of(written, (size_t)n), &kept);
    return same_decimal(&given, &kept);
}
