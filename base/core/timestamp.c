#include "base/core/timestamp.h"

#include <stdio.h>

// Days from 1970-01-01 to the civil date; the algorithm is H. Hinnant's
// "chrono-compatible low-level date algorithms".
static int64_t days_from_civil(int64_t y, int m, int d) {
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int *ret_y, int *ret_m, int *ret_d) {
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *ret_d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *ret_m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *ret_y = (int)(yoe + era * 400 + (*ret_m <= 2));
}

static char *put_digits(char *p, int value, int width) {
    for (int i = width - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return p + width;
}

int timestamp_format(int64_t seconds, int32_t nanos, char ret_text[TIMESTAMP_TEXT_SIZE]) {
    if (seconds < TIMESTAMP_MIN_SECONDS || seconds > TIMESTAMP_MAX_SECONDS || nanos < 0 ||
        nanos > 999999999) {
        return 0;
    }
    int64_t days = seconds / 86400;
    int rest = (int)(seconds % 86400);
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int y, m, d;
    civil_from_days(days, &y, &m, &d);
    char *p = put_digits(ret_text, y, 4);
    *p++ = '-';
    p = put_digits(p, m, 2);
    *p++ = '-';
    p = put_digits(p, d, 2);
    *p++ = 'T';
    p = put_digits(p, rest / 3600, 2);
    *p++ = ':';
    p = put_digits(p, rest / 60 % 60, 2);
    *p++ = ':';
    p = put_digits(p, rest % 60, 2);
    if (nanos != 0) {
        *p++ = '.';
        if (nanos % 1000000 == 0) {
            p = put_digits(p, nanos / 1000000, 3);
        } else if (nanos % 1000 == 0) {
            p = put_digits(p, nanos / 1000, 6);
        } else {
            p = put_digits(p, nanos, 9);
        }
    }
    *p++ = 'Z';
    *p = '\0';
    return (int)(p - ret_text);
}

int timestamp_format_us(int64_t us, char ret_text[TIMESTAMP_TEXT_SIZE]) {
    int64_t seconds = us / 1000000;
    int64_t rest = us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    return timestamp_format(seconds, (int32_t)rest * 1000, ret_text);
}

static bool take_digits(const uint8_t **p, const uint8_t *end, int width, int *ret) {
    if (end - *p < width) {
        return false;
    }
    int value = 0;
    for (int i = 0; i < width; i++) {
        uint8_t c = (*p)[i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    *p += width;
    *ret = value;
    return true;
}

static bool take_char(const uint8_t **p, const uint8_t *end, char c) {
    if (*p == end || **p != (uint8_t)c) {
        return false;
    }
    (*p)++;
    return true;
}

static int days_in_month(int y, int m) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

bool timestamp_parse(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos) {
    const uint8_t *p = text.data;
    const uint8_t *end = p + text.len;
    int y, mo, d, h, mi, s;
    if (!take_digits(&p, end, 4, &y) || !take_char(&p, end, '-') || !take_digits(&p, end, 2, &mo) ||
        !take_char(&p, end, '-') || !take_digits(&p, end, 2, &d) || !take_char(&p, end, 'T') ||
        !take_digits(&p, end, 2, &h) || !take_char(&p, end, ':') || !take_digits(&p, end, 2, &mi) ||
        !take_char(&p, end, ':') || !take_digits(&p, end, 2, &s)) {
        return false;
    }
    if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h > 23 || mi > 59 ||
        s > 59) {
        return false;
    }
    int32_t nanos = 0;
    if (take_char(&p, end, '.')) {
        int digits = 0;
        for (; p < end && *p >= '0' && *p <= '9'; p++, digits++) {
            if (digits == 9) {
                return false;
            }
            nanos = nanos * 10 + (*p - '0');
        }
        if (digits == 0) {
            return false;
        }
        for (; digits < 9; digits++) {
            nanos *= 10;
        }
    }
    int64_t offset = 0;
    if (!take_char(&p, end, 'Z')) {
        int sign = 0;
        if (take_char(&p, end, '+')) {
            sign = 1;
        } else if (take_char(&p, end, '-')) {
            sign = -1;
        }
        int oh, om;
        if (sign == 0 || !take_digits(&p, end, 2, &oh) || !take_char(&p, end, ':') ||
            !take_digits(&p, end, 2, &om) || oh > 23 || om > 59) {
            return false;
        }
        offset = sign * (oh * 3600 + om * 60);
    }
    if (p != end) {
        return false;
    }
    int64_t seconds = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - offset;
    if (seconds < TIMESTAMP_MIN_SECONDS || seconds > TIMESTAMP_MAX_SECONDS) {
        return false;
    }
    *ret_seconds = seconds;
    *ret_nanos = nanos;
    return true;
}
