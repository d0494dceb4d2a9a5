#ifndef RUNSD_BASE_CORE_PRINTABLE_H
#define RUNSD_BASE_CORE_PRINTABLE_H

#include <stdio.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// Text from outside made safe to print on a terminal, so that no name or reason can move
// the cursor or change colours.

// Appends text with control characters and bytes that are no UTF-8 as "\xNN".
void printable_append(struct strbuf *out, struct slice text);

// Prints text the same way.
void print_text(FILE *out, struct slice text);

#endif
