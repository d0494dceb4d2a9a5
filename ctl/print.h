#ifndef RUNSD_CTL_PRINT_H
#define RUNSD_CTL_PRINT_H

#include <stdio.h>

#include "base/core/printable.h"
#include "base/core/slice.h"

// Human output. Everything that came from outside is printed by these or by
// print_text.

// A table of text: cells are set row by row, then printed aligned. Cells are
// borrowed until print_table.
struct table {
    const char *const *headings;
    int columns;
    const char **cells;
    int count;
    int capacity;
};

// Makes an empty table; headings NULL: without.
void table_init(struct table *t, int columns, const char *const *headings);
void table_add(struct table *t, const char *cell);
void table_print(const struct table *t, FILE *out);
void table_release(struct table *t);

// Prints count pairs, name and value, a line each, aligned.
void print_pairs(const char *const (*pairs)[2], size_t count, FILE *out);

#endif
