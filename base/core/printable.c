#include "base/core/printable.h"

#include "base/core/utf8.h"

void printable_append(struct strbuf *out, struct slice text) {
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_sequence_length(text.data + i, text.len - i);
        uint8_t c = text.data[i];
        // C0, DEL, and C1 (U+0080 to U+009F, as UTF-8 C2 80 to C2 9F).
        bool control = c < 0x20 || c == 0x7F || (n == 2 && c == 0xC2 && text.data[i + 1] < 0xA0);
        if (n == 0 || control) {
            n = n == 0 ? 1 : n;
            for (size_t k = 0; k < n; k++) {
                strbuf_printf(out, "\\x%02X", text.data[i + k]);
            }
        } else {
            strbuf_append(out, text.data + i, n);
        }
        i += n;
    }
}

void print_text(FILE *out, struct slice text) {
    struct strbuf b = STRBUF_INIT;
    printable_append(&b, text);
    fprintf(out, "%.*s", SLICE_FMT(strbuf_slice(&b)));
    strbuf_release(&b);
}
