#include "ctl/print.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"
#include "base/core/printable.h"
#include "base/core/strbuf.h"

void table_init(struct table *t, int columns, const char *const *headings) {
    *t = (struct table){.headings = headings, .columns = columns};
}

void table_add(struct table *t, const char *cell) {
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 64 : t->capacity * 2;
        t->cells = mem_realloc(t->cells, (size_t)t->capacity * sizeof(*t->cells));
    }
    t->cells[t->count++] = cell;
}

// How many columns of a terminal the printable form takes, near enough: one for
// each character.
static size_t width_of(const char *cell) {
    struct strbuf b = STRBUF_INIT;
    printable_append(&b, slice_of_cstr(cell));
    size_t width = 0;
    for (size_t i = 0; i < b.len; i++) {
        width += (b.data[i] & 0xC0) != 0x80;
    }
    strbuf_release(&b);
    return width;
}

static void print_row(const struct table *t, FILE *out, const char *const *cells,
                      const size_t *widths) {
    for (int c = 0; c < t->columns; c++) {
        print_text(out, slice_of_cstr(cells[c]));
        if (c + 1 < t->columns) {
            size_t width = width_of(cells[c]);
            fprintf(out, "%*s", (int)(widths[c] - width) + 2, "");
        }
    }
    fputc('\n', out);
}

void table_print(const struct table *t, FILE *out) {
    CLEANUP_FREE size_t *widths = mem_zalloc((size_t)t->columns * sizeof(*widths));
    for (int c = 0; c < t->columns; c++) {
        widths[c] = t->headings != NULL ? width_of(t->headings[c]) : 0;
    }
    for (int i = 0; i < t->count; i++) {
        size_t width = width_of(t->cells[i]);
        if (width > widths[i % t->columns]) {
            widths[i % t->columns] = width;
        }
    }
    if (t->headings != NULL) {
        print_row(t, out, t->headings, widths);
    }
    for (int i = 0; i + t->columns <= t->count; i += t->columns) {
        print_row(t, out, t->cells + i, widths);
    }
}

void table_release(struct table *t) {
    free(t->cells);
    *t = (struct table){.columns = t->columns};
}

void print_pairs(const char *const (*pairs)[2], size_t count, FILE *out) {
    struct table table;
    table_init(&table, 2, NULL);
    for (size_t i = 0; i < count; i++) {
        table_add(&table, pairs[i][0]);
        table_add(&table, pairs[i][1]);
    }
    table_print(&table, out);
    table_release(&table);
}
