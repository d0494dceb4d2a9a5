#ifndef RUNSD_BASE_CORE_HEX_H
#define RUNSD_BASE_CORE_HEX_H

#include <stdint.h>

// Hexadecimal digits. Pure.

// Returns the digit of a number's lowest four bits, in lower case.
static inline char hex_digit(uint64_t number) {
    return "0123456789abcdef"[number & 15];
}

// Returns what a digit of either case is worth, -1 for any other byte.
static inline int hex_value(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
