#ifndef RUNSD_BASE_CLI_DID_YOU_MEAN_H
#define RUNSD_BASE_CLI_DID_YOU_MEAN_H

#include <stddef.h>

#include "base/core/arena.h"

// Finds which known word a mistyped one was probably meant to be. Pure.

// What is known so far; begins as {.given = ..., .length = ...}.
struct did_you_mean {
    const char *given; // not ended by NUL
    size_t length;
    const char *best; // NULL: no word is near
    size_t distance;  // of best
};

// Takes a known word into account; of words that are equally near the first counts. A word is
// near if a third of the given one's letters, but no more than three, differ from it (letters
// added, left out, replaced, or exchanged with their neighbour), or if the given one is its
// beginning of at least three letters, dashes aside; the given word itself is not. word is
// borrowed.
void did_you_mean_consider(struct did_you_mean *m, const char *word);

// What to say behind the mistyped word: " (did you mean BEST?)", in a; "" if best is NULL.
const char *did_you_mean_text(struct arena *a, const char *best);

#endif
