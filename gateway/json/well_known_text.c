#include "gateway/json/well_known_text.h"

#include <stdio.h>
#include <stdlib.h>

bool duration_signs_agree(int64_t seconds, int32_t nanos) {
    return !(seconds < 0 && nanos > 0) && !(seconds > 0 && nanos < 0);
}

int duration_format(int64_t seconds, int32_t nanos, char ret_text[DURATION_TEXT_SIZE]) {
    if (seconds < -DURATION_MAX_SECONDS || seconds > DURATION_MAX_SECONDS || nanos < -999999999 ||
        nanos > 999999999 || !duration_signs_agree(seconds, nanos)) {
        return 0;
    }
    const char *sign = seconds < 0 || nanos < 0 ? "-" : "";
    long long whole = llabs((long long)seconds);
    int rest = abs(nanos);
    if (rest == 0) {
        return snprintf(ret_text, DURATION_TEXT_SIZE, "%s%llds", sign, whole);
    }
    if (rest % 1000000 == 0) {
        return snprintf(ret_text, DURATION_TEXT_SIZE, "%s%lld.%03ds", sign, whole, rest / 1000000);
    }
    if (rest % 1000 == 0) {
        return snprintf(ret_text, DURATION_TEXT_SIZE, "%s%lld.%06ds", sign, whole, rest / 1000);
    }
    return snprintf(ret_text, DURATION_TEXT_SIZE, "%s%lld.%09ds", sign, whole, rest);
}

bool duration_parse(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos) {
    const uint8_t *p = text.data;
    const uint8_t *end = p + text.len;
    bool negative = p < end && *p == '-';
    p += negative;
    const uint8_t *digits = p;
    int64_t seconds = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        seconds = seconds * 10 + (*p - '0');
        if (seconds > DURATION_MAX_SECONDS) {
            return false;
        }
    }
    if (p == digits) {
        return false;
    }
    int32_t nanos = 0;
    if (p < end && *p == '.') {
        const uint8_t *fraction = ++p;
        for (; p < end && *p >= '0' && *p <= '9' && p - fraction < 9; p++) {
            nanos = nanos * 10 + (*p - '0');
        }
        if (p == fraction) {
            return false;
        }
        for (int64_t n = p - fraction; n < 9; n++) {
            nanos *= 10;
        }
    }
    if (end - p != 1 || *p != 's') {
        return false;
    }
    *ret_seconds = negative ? -seconds : seconds;
    *ret_nanos = negative ? -nanos : nanos;
    return true;
}
