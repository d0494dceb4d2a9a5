#include "gateway/json/well_known_text.h"

#include <stdio.h>
#include <stdlib.h>

int duration_format(int64_t seconds, int32_t nanos, char ret_text[DURATION_TEXT_SIZE]) {
    if (seconds < -DURATION_MAX_SECONDS || seconds > DURATION_MAX_SECONDS || nanos < -999999999 ||
        nanos > 999999999 || (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0)) {
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
    if (end - p != 1 || *p != 's' || (seconds == DURATION_MAX_SECONDS && nanos != 0)) {
        return false;
    }
    *ret_seconds = negative ? -seconds : seconds;
    *ret_nanos = negative ? -nanos : nanos;
    return true;
}

static bool is_lower(uint8_t c) {
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint8_t c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_path_character(uint8_t c) {
    return is_lower(c) || (c >= '0' && c <= '9') || c == '.';
}

bool field_mask_path_to_json(struct slice path, struct strbuf *out) {
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.data[i];
        if (c == '_') {
            if (i + 1 == path.len || !is_lower(path.data[i + 1])) {
                return false;
            }
            strbuf_append_byte(out, (uint8_t)(path.data[++i] - 'a' + 'A'));
        } else if (is_path_character(c)) {
            strbuf_append_byte(out, c);
        } else {
            return false;
        }
    }
    return path.len > 0;
}

bool field_mask_path_from_json(struct slice text, struct strbuf *out) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (is_upper(c)) {
            strbuf_append_byte(out, '_');
            strbuf_append_byte(out, (uint8_t)(c - 'A' + 'a'));
        } else if (is_path_character(c)) {
            strbuf_append_byte(out, c);
        } else {
            return false;
        }
    }
    return text.len > 0;
}
