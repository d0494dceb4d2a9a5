#ifndef RUNSD_BASE_CORE_JSON_ESCAPE_H
#define RUNSD_BASE_CORE_JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/hex.h"

// How JSON strings escape ASCII; what is beyond ASCII they hold as UTF-8. Pure. Source: RFC
// 8259 section 7.

enum { JSON_ESCAPE_LONGEST = 6 };

// What follows the backslash of an ASCII character: 'u' for the form with four digits, 0
// if it stands as it is.
extern const char json_escape_letters[0x80];

// Whether c is ASCII that stands as it is.
static inline bool json_escape_is_plain(uint8_t c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

// Writes how an ASCII character is escaped; returns the length, 0 if it stands as it is.
static inline size_t json_escape_put(uint8_t c, uint8_t ret[JSON_ESCAPE_LONGEST]) {
    char letter = json_escape_letters[c];
    if (letter == 0) {
        return 0;
    }
    ret[0] = '\\';
    ret[1] = (uint8_t)letter;
    if (letter != 'u') {
        return 2;
    }
    ret[2] = '0';
    ret[3] = '0';
    ret[4] = (uint8_t)hex_digit(c >> 4);
    ret[5] = (uint8_t)hex_digit(c);
    return 6;
}

#endif
