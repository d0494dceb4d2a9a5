#include "base/cli/error_print.h"

#include "base/core/strbuf.h"
#include "base/log/stderr_print.h"

void error_print(const char *program, const struct error *error) {
    struct strbuf line = STRBUF_INIT;
    strbuf_printf(&line, "%s: %s", program, error->message);
    if (error->detail != NULL) {
        strbuf_printf(&line, " (%s)", error->detail);
    }
    stderr_print_line(strbuf_slice(&line));
    strbuf_release(&line);
}
