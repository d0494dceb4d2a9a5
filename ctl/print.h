#ifndef RUNSD_CTL_PRINT_H
#define RUNSD_CTL_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/core/printable.h"
#include "base/core/slice.h"

// Human output. Everything that came from outside is printed by these or by
// print_text.

// A table of text: cells are set row by row, then printed aligned. Cells are
// borrowed until table_print. Characters count as many columns as they take where the
// locale (LC_CTYPE) is of UTF-8, else one.
struct table {
    const char *const *headings;
    int columns;
    const char **cells;
    int count;
    int capacity;
    size_t *widths; // of the columns, so far
    bool has_headings_printed;
    size_t most_width; // of a line; 0: without limit
    unsigned cuttable; // bits of the columns that are cut to keep it, 1 << index
};

// How many columns a line may have on standard output: the terminal's, 80 where it does not
// say; 0, without limit, if it is none or the reader wants all.
size_t print_width(bool wants_all);

// Makes an empty table; headings NULL: without.
void table_init(struct table *t, int columns, const char *const *headings);
// Keeps lines within width, as far as that can be done by cutting cells of these columns, the
// longest first and to no less than 8 columns; a cut cell ends with "…". 0: without limit.
void table_fit(struct table *t, size_t width, unsigned cuttable);
// Makes a column at least so wide: for what later pages have, that rows stand under each other.
void table_reserve(struct table *t, int column, size_t width);
void table_add(struct table *t, const char *cell);
// Prints what was added since it was called last, the headings the first time.
void table_print(struct table *t, FILE *out);
void table_release(struct table *t);

// Prints count pairs, name and value, a line each, aligned.
void print_pairs(const char *const (*pairs)[2], size_t count, FILE *out);

#endif
