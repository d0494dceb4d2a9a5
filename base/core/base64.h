#ifndef RUNSD_BASE_CORE_BASE64_H
#define RUNSD_BASE_CORE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/slice.h"

// Base 64 of RFC 4648 as proto3 JSON has it.

// How many bytes base64_encode writes for n.
static inline size_t base64_encoded_size(size_t n) {
    return (n + 2) / 3 * 4;
}

// Writes bytes in the standard alphabet with padding.
void base64_encode(struct slice bytes, uint8_t *ret_text);

// Reads the standard or the URL-safe alphabet, with padding or without, into
// ret_bytes, which must hold text.len / 4 * 3 + 2 bytes. Returns false for
// other characters, wrong padding, or bits set behind the last byte.
bool base64_decode(struct slice text, uint8_t *ret_bytes, size_t *ret_size);

// As base64_decode, but ignores bits that are set behind the last byte: parsers of
// proto3 JSON read "-_" as the byte 0xfb (protobuf's conformance suite,
// BytesFieldBase64Url).
bool base64_decode_lenient(struct slice text, uint8_t *ret_bytes, size_t *ret_size);

#endif
