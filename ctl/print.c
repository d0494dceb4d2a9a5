#include "ctl/print.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/core/memory.h"
#include "base/core/printable.h"
#include "base/core/strbuf.h"
#include "base/core/utf8.h"

enum { USUAL_WIDTH = 80, LEAST_WIDTH = 8 };

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

// How many columns of a terminal the UTF-8 character takes: 2 for those of East Asia, 0 for marks.
// Where the locale is not of UTF-8, one for each.
static size_t character_width(const uint8_t *p, size_t length) {
    wchar_t character;
    mbstate_t state = {0};
    int width =
        mbrtowc(&character, (const char *)p, length, &state) == length ? wcwidth(character) : 1;
    return width < 0 ? 1 : (size_t)width;
}

// The longest beginning of the printable text, which is well-formed, that takes at most so many
// columns; *ret_width: how many it takes.
static size_t beginning(const struct strbuf *text, size_t most_width, size_t *ret_width) {
    size_t end = 0;
    *ret_width = 0;
    while (end < text->len) {
        size_t length = utf8_sequence_length(text->data + end, text->len - end);
        size_t width = character_width(text->data + end, length);
        if (*ret_width + width > most_width) {
            break;
        }
        *ret_width += width;
        end += length;
    }
    return end;
}

// How many columns of a terminal the printable form takes.
static size_t width_of(const char *cell) {
    struct strbuf b = STRBUF_INIT;
    printable_append(&b, slice_of_cstr(cell));
    size_t width;
    beginning(&b, SIZE_MAX, &width);
    strbuf_release(&b);
    return width;
}

size_t print_width(bool wants_all) {
    if (wants_all || !isatty(STDOUT_FILENO)) {
        return 0;
    }
    struct winsize size = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : USUAL_WIDTH;
}

void table_fit(struct table *t, size_t width, unsigned cuttable) {
    t->most_width = width;
    t->cuttable = cuttable;
}

// Prints what of a cell takes width - 1 columns, or one less where a wide character would not
// fit, and that it is cut. Returns how many columns that took.
static size_t print_cut(FILE *out, const char *cell, size_t width) {
    struct strbuf b = STRBUF_INIT;
    printable_append(&b, slice_of_cstr(cell));
    size_t taken;
    size_t end = beginning(&b, width - 1, &taken);
    fprintf(out, "%.*s…", (int)end, (const char *)b.data);
    strbuf_release(&b);
    return taken + 1;
}

static void print_row(const struct table *t, FILE *out, const char *const *cells,
                      const size_t *widths) {
    for (int c = 0; c < t->columns; c++) {
        size_t width = width_of(cells[c]);
        if (width > widths[c]) {
            width = print_cut(out, cells[c], widths[c]);
        } else {
            print_text(out, slice_of_cstr(cells[c]));
        }
        if (c + 1 < t->columns) {
            fprintf(out, "%*s", (int)(widths[c] - width) + 2, "");
        }
    }
    fputc('\n', out);
}

static void begin_widths(struct table *t) {
    if (t->widths == NULL) {
        t->widths = mem_zalloc((size_t)t->columns * sizeof(*t->widths));
        for (int c = 0; t->headings != NULL && c < t->columns; c++) {
            t->widths[c] = width_of(t->headings[c]);
        }
    }
}

void table_reserve(struct table *t, int column, size_t width) {
    begin_widths(t);
    if (t->widths[column] < width) {
        t->widths[column] = width;
    }
}

static void measure(struct table *t) {
    begin_widths(t);
    for (int i = 0; i < t->count; i++) {
        size_t width = width_of(t->cells[i]);
        if (width > t->widths[i % t->columns]) {
            t->widths[i % t->columns] = width;
        }
    }
}

// The widest column that may be cut further; -1 if there is none.
static int widest(const struct table *t, const size_t *widths) {
    int found = -1;
    for (int c = 0; c < t->columns; c++) {
        if ((t->cuttable & 1U << c) != 0 && widths[c] > LEAST_WIDTH &&
            (found < 0 || widths[c] > widths[found])) {
            found = c;
        }
    }
    return found;
}

// Makes widths those of the columns as they are printed.
static void fit(const struct table *t, size_t *widths) {
    size_t line = 2 * ((size_t)t->columns - 1);
    for (int c = 0; c < t->columns; c++) {
        widths[c] = t->widths[c];
        line += widths[c];
    }
    for (int c; t->most_width > 0 && line > t->most_width && (c = widest(t, widths)) >= 0; line--) {
        widths[c]--;
    }
}

void table_print(struct table *t, FILE *out) {
    measure(t);
    CLEANUP_FREE size_t *widths = mem_zalloc((size_t)t->columns * sizeof(*widths));
    fit(t, widths);
    if (t->headings != NULL && !t->has_headings_printed) {
        print_row(t, out, t->headings, widths);
        t->has_headings_printed = true;
    }
    for (int i = 0; i + t->columns <= t->count; i += t->columns) {
        print_row(t, out, t->cells + i, widths);
    }
    t->count = 0;
}

void table_release(struct table *t) {
    free(t->cells);
    free(t->widths);
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
