#include "ctl/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/strbuf.h"
#include "base/log/log_file.h"
#include "base/log/stderr_print.h"
#include "ctl/progress_line.h"

enum { BAR_GAP_US = 100000, LINE_GAP_US = 5000000, PATIENCE_MS = 1000, USUAL_WIDTH = 80 };

static bool is_set(const char *variable) {
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

// Whether standard error is a terminal that can clear a line.
static bool can_draw(void) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
}

void progress_begin(struct progress *p, const struct invocation *in, const char *what) {
    bool is_bar = can_draw();
    *p = (struct progress){
        .what = what,
        .is_bar = is_bar,
        .has_color = is_bar && !is_set("NO_COLOR"),
        .is_silent = !is_bar && in->json,
    };
}

// One less than the terminal has: a line that is full would leave the cursor on the next one.
static size_t width_now(void) {
    struct winsize size = {0};
    bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return (is_known ? size.ws_col : USUAL_WIDTH) - 1U;
}

static void write_text(const struct strbuf *text) {
    log_file_write_within(STDERR_FILENO, (const char *)text->data, text->len, PATIENCE_MS);
}

void progress_show(struct progress *p, int64_t done, int64_t total) {
    int64_t now_us = clock_monotonic_us();
    if (!p->has_begun) {
        p->has_begun = true;
        p->from_done = done;
        p->begun_us = now_us;
        p->shown_us = p->is_bar ? 0 : now_us; // what is over soon needs no line
    }
    int64_t gap_us = p->is_bar ? BAR_GAP_US : LINE_GAP_US;
    if (p->is_silent || (p->shown_us != 0 && now_us - p->shown_us < gap_us)) {
        return;
    }
    p->shown_us = now_us;
    const struct progress_line line = {
        .what = p->what,
        .done = done,
        .total = total,
        .elapsed_us = now_us - p->begun_us,
        .from_done = p->from_done,
    };
    struct strbuf text = STRBUF_INIT;
    if (p->is_bar) {
        // To the beginning of the line, and clear what is left of it (ECMA-48: EL).
        strbuf_append_byte(&text, '\r');
        progress_line_append(&text, &line, width_now(), p->has_color);
        strbuf_append_cstr(&text, "\x1b[K");
        write_text(&text);
        p->is_drawn = true;
    } else {
        progress_line_append(&text, &line, USUAL_WIDTH, false);
        stderr_print_line(strbuf_slice(&text));
    }
    strbuf_release(&text);
}

void progress_clear(struct progress *p) {
    if (p->is_drawn) {
        struct strbuf text = STRBUF_INIT;
        strbuf_append_cstr(&text, "\r\x1b[K");
        write_text(&text);
        strbuf_release(&text);
        p->is_drawn = false;
    }
}
