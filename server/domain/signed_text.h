#ifndef RUNSD_SERVER_DOMAIN_SIGNED_TEXT_H
#define RUNSD_SERVER_DOMAIN_SIGNED_TEXT_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// Bytes that a client carries and cannot make up or change: base64url without padding (RFC 4648
// section 5) of the bytes and 128 bits of HMAC-SHA256 (RFC 2104) over their length, themselves and
// a context that is not in the text. Each has one spelling. Pure.
//
// What is signed for one purpose must not pass for another: the first of the bytes is different
// for each kind (page_token, feed_cursor).

enum { SIGNED_TEXT_MAC_BYTES = 16, SIGNED_TEXT_SECRET_BYTES = 32 };

// Returns the text of body, in a.
const char *signed_text_make(struct arena *a, const uint8_t secret[SIGNED_TEXT_SECRET_BYTES],
                             struct slice context, struct slice body);

// Reads a text into *ret_body, in a. Returns false unless signed_text_make made it with the same
// secret and context, and where it has more than 2,048 characters.
bool signed_text_open(struct arena *a, const uint8_t secret[SIGNED_TEXT_SECRET_BYTES],
                      struct slice context, struct slice text, struct slice *ret_body);

#endif
