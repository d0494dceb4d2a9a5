#include "base/log/stderr_print.h"

#include <unistd.h>

#include "base/core/printable.h"
#include "base/log/log_file.h"
#include "base/log/log_mask.h"

enum { PATIENCE_MS = 1000 };

void stderr_print_line(struct slice text) {
    struct strbuf masked = STRBUF_INIT;
    struct strbuf line = STRBUF_INIT;
    log_mask_tokens(text, &masked);
    printable_append(&line, strbuf_slice(&masked));
    strbuf_append_byte(&line, '\n');
    log_file_write_within(STDERR_FILENO, (const char *)line.data, line.len, PATIENCE_MS);
    strbuf_release(&line);
    strbuf_release(&masked);
}
