#ifndef RUNSD_BASE_LOG_LOG_MASK_H
#define RUNSD_BASE_LOG_LOG_MASK_H

#include <stdbool.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// Hides in a text what may be a bearer token, in whatever form: whole, truncated, without
// its prefix, percent-encoded (once or several times), in hex, in base64, in lower case,
// in pieces. Callers put tokens into URLs, ids and other places by mistake.
//
// What is hidden:
//   - what follows "rst_", the prefix of runsd's tokens, in either case. If fewer characters
//     follow than a token has, the rest of the token may stand further on, so everything
//     that follows is hidden.
//   - words of letters, digits, "-" and "_" that look random, once a text holds 20 such
//     characters. These do not count as random: a UUID, hex of up to 32 digits, a ULID, a
//     number of up to 20 digits, and words of letters in one case, up to 23, or
//     CapitalisedLikeThis, up to 40, with digits behind them.
//     A hidden word is replaced by "***" and a checksum, the same for the same word.
// So at most 19 characters of a token remain visible, 114 of its 256 bits. Of tokens put
// into lower case without their prefix, which are no longer valid, one in a hundred may
// pass unmasked; of halves without the prefix one in thousands, which looks like a name.

enum {
    LOG_MASK_LONGEST = 2048,         // bytes of a text
    LOG_MASK_SPACE = 8 * 1024 + 128, // bytes that the masked form may take
};

// Writes text's masked form, with percent forms decoded, and returns its length;
// returns 0 and writes nothing if nothing is to be hidden. text is at most
// LOG_MASK_LONGEST long. Takes time linear in text. Pure.
size_t log_mask(struct slice text, char ret_masked[LOG_MASK_SPACE]);

// Appends text with what follows "rst_" hidden where a token may be, and nothing else
// hidden: for output at a terminal, where people should recognize what they typed.
void log_mask_tokens(struct slice text, struct strbuf *out);

// Writes text with its percent forms decoded until there are none left; ret_plain has
// room for text.len. Returns the length.
size_t log_mask_decode(struct slice text, char *ret_plain);

#endif
