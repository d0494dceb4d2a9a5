#include "base/error_print.h"

#include "base/stderr_print.h"
#include "base/strbuf.h"

void error_print(const char *program, const struct error *error) {
    struct strbuf line = STRBUF_INIT;
    strbuf_printf(&line, "%s: %s", program, error->message);
    if (error->detail != NULL) {
        strbuf_printf(&line, " (%s)", error->detail);
    }
    stderr_print_line(strbuf_slice(&line));
    strbuf_release(&line);
}
