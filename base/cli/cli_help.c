#include "base/cli/cli_help.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/core/strbuf.h"

enum { COLUMN_LEAST = 24, MOST_COLUMNS = 80 };

// The length of the word at the beginning; what is in brackets is one.
static size_t word_length(struct slice text) {
    size_t length = 0;
    for (bool is_bracket = false; length < text.len; length++) {
        uint8_t c = text.data[length];
        if (c == ' ' && !is_bracket) {
            break;
        }
        is_bracket = c == '[' || (is_bracket && c != ']');
    }
    return length;
}

void cli_help_print_text(struct slice text, int indent) {
    size_t column = (size_t)indent;
    for (size_t i = 0; i < text.len;) {
        struct slice word = slice_of(text.data + i, text.len - i);
        word.len = word_length(word);
        bool is_first = column == (size_t)indent;
        if (!is_first && column + 1 + word.len > MOST_COLUMNS) {
            printf("\n%*s", indent, "");
            column = (size_t)indent;
            is_first = true;
        }
        fputs(is_first ? "" : " ", stdout);
        fwrite(word.data, 1, word.len, stdout);
        column += word.len + !is_first;
        i += word.len;
        i++; // the blank behind it
    }
    putchar('\n');
}

static void append_part(struct strbuf *b, size_t start, const char *text) {
    if (text != NULL) {
        strbuf_printf(b, "%s%s", b->len > start ? ", " : "", text);
    }
}

// " [RUNSCTL_SERVER, 127.0.0.1:50051]"
static void append_default(struct strbuf *b, const struct cli_option *o) {
    struct strbuf text = STRBUF_INIT;
    append_part(&text, 0, o->environment);
    append_part(&text, 0, o->fallback);
    if (o->fallback_number != 0) {
        char number[24];
        snprintf(number, sizeof(number), "%" PRId64, o->fallback_number);
        append_part(&text, 0, number);
    }
    append_part(&text, 0, o->default_help);
    if (text.len > 0) {
        strbuf_printf(b, " [%.*s]", SLICE_FMT(strbuf_slice(&text)));
    }
    strbuf_release(&text);
}

static void print_option(const struct cli_option *o, int column) {
    char head[64];
    snprintf(head, sizeof(head), "%s%s%s", o->name, o->value != NULL ? " " : "",
             o->value != NULL ? o->value : "");
    printf("  %-*s ", column, head);
    struct strbuf help = STRBUF_INIT;
    strbuf_append_cstr(&help, o->help);
    append_default(&help, o);
    strbuf_append_cstr(&help, o->kind == CLI_LIST ? " (repeatable)" : "");
    strbuf_append_cstr(&help, o->is_required ? " (required)" : "");
    cli_help_print_text(strbuf_slice(&help), column + 3);
    strbuf_release(&help);
}

static int column_of(const struct cli_table *tables) {
    size_t column = COLUMN_LEAST;
    for (struct cli_walk w = cli_option_first(tables); w.row != NULL; w = cli_option_next(w)) {
        size_t width = strlen(w.row->name) + (w.row->value != NULL ? 1 + strlen(w.row->value) : 0);
        column = width > column ? width : column;
    }
    return (int)column;
}

void cli_help_print(const struct cli_table *tables) {
    int column = column_of(tables);
    for (struct cli_walk w = cli_option_first(tables); w.row != NULL; w = cli_option_next(w)) {
        print_option(w.row, column);
    }
}
