#include "gateway/edge/authority.h"

#include <stddef.h>
#include <string.h>

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// unreserved or sub-delims
static bool is_name_character(uint8_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=", c) != NULL);
}

// The length of the name that s begins with.
static size_t name_length(struct slice s) {
    size_t at = 0;
    while (at < s.len) {
        if (is_name_character(s.data[at])) {
            at++;
        } else if (s.data[at] == '%' && s.len - at > 2 && is_hex(s.data[at + 1]) &&
                   is_hex(s.data[at + 2])) {
            at += 3;
        } else {
            break;
        }
    }
    return at;
}

// The length of the IP literal that s begins with; 0 if there is none.
static size_t literal_length(struct slice s) {
    size_t at = 1;
    while (at < s.len && (is_name_character(s.data[at]) || s.data[at] == ':')) {
        at++;
    }
    return at > 1 && at < s.len && s.data[at] == ']' ? at + 1 : 0;
}

bool authority_is_valid(struct slice s) {
    size_t at = 0;
    if (s.len > 0 && s.data[0] == '[') {
        at = literal_length(s);
        if (at == 0) {
            return false;
        }
    } else {
        at = name_length(s);
    }
    if (at < s.len && s.data[at] == ':') {
        at++;
        while (at < s.len && is_digit(s.data[at])) {
            at++;
        }
    }
    return at == s.len;
}
