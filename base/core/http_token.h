#ifndef RUNSD_BASE_CORE_HTTP_TOKEN_H
#define RUNSD_BASE_CORE_HTTP_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"

// Tokens of HTTP: methods, names of headers, codings. Not the tokens that callers show,
// which are in server/auth/token.h. Pure. Source: RFC 9110 section 5.6.2.

// Whether c is a tchar.
static inline bool http_token_has(uint8_t c) {
    switch (c) {
    case '!':
    case '#':
    case '$':
    case '%':
    case '&':
    case '\'':
    case '*':
    case '+':
    case '-':
    case '.':
    case '^':
    case '_':
    case '`':
    case '|':
    case '~':
        return true;
    default:
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    }
}

// Whether s is a token: not empty, and every byte is a tchar.
static inline bool http_token_valid(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!http_token_has(s.data[i])) {
            return false;
        }
    }
    return s.len > 0;
}

#endif
