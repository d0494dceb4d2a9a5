#include "ctl/progress_line.h"

#include <inttypes.h>
#include <string.h>

#include "base/cli/time_span.h"
#include "base/core/arena.h"
#include "ctl/count_text.h"

enum { LEAST_BAR = 10, MOST_BAR = 40 };

// Shorter than that, and a rate says nothing.
enum { LEAST_ELAPSED_US = 1000000 };

static int64_t percent_of(const struct progress_line *p) {
    int64_t done = p->done < p->total ? p->done : p->total;
    return p->total > 0 ? (int64_t)((double)done * 100.0 / (double)p->total) : 0;
}

// ", 300/s, 2s left"; "" as long as nothing can be said.
static const char *rate_text(struct arena *a, const struct progress_line *p) {
    int64_t done = p->done - p->from_done;
    if (p->elapsed_us < LEAST_ELAPSED_US || done <= 0) {
        return "";
    }
    double rate = (double)done * 1e6 / (double)p->elapsed_us;
    const char *text =
        rate < 1 ? ", less than 1/s" : arena_printf(a, ", %s/s", count_text(a, (int64_t)rate));
    return p->total <= p->done
               ? text
               : arena_printf(a, "%s, %s left", text,
                              time_span_text(a, (int64_t)((double)(p->total - p->done) / rate)));
}

static const char *share_text(struct arena *a, const struct progress_line *p) {
    return p->total > 0
               ? arena_printf(a, "%s of %s", count_text(a, p->done), count_text(a, p->total))
               : count_text(a, p->done);
}

static void append_bar(struct strbuf *out, const struct progress_line *p, size_t columns,
                       bool has_color) {
    size_t full = columns * (size_t)percent_of(p) / 100;
    strbuf_append_cstr(out, has_color ? "[\x1b[32m" : "[");
    for (size_t i = 0; i < columns; i++) {
        if (i == full && has_color) {
            strbuf_append_cstr(out, "\x1b[0m");
        }
        strbuf_append_byte(out, i < full ? '#' : ' ');
    }
    strbuf_append_cstr(out, full == columns && has_color ? "\x1b[0m] " : "] ");
}

void progress_line_append(struct strbuf *out, const struct progress_line *p, size_t width,
                          bool has_color) {
    struct arena a;
    arena_init(&a);
    const char *percent = p->total > 0 ? arena_printf(&a, "%" PRId64 "%% ", percent_of(p)) : "";
    const char *share = share_text(&a, p);
    const char *rate = rate_text(&a, p);
    // From the longest to what is left of it: each is tried in turn.
    const char *const texts[] = {
        arena_printf(&a, "%s%s%s", percent, share, rate),
        arena_printf(&a, "%s%s", percent, share),
        share,
    };
    size_t head = strlen(p->what) + 1;
    const char *text = texts[0];
    for (size_t i = 1; i < sizeof(texts) / sizeof(texts[0]) && head + strlen(text) > width; i++) {
        text = texts[i];
    }
    size_t taken = head + strlen(text);
    if (taken <= width) {
        strbuf_printf(out, "%s ", p->what);
        size_t frame = strlen("[] ");
        size_t room = width > taken + frame ? width - taken - frame : 0;
        if (p->total > 0 && room >= LEAST_BAR) {
            append_bar(out, p, room < MOST_BAR ? room : MOST_BAR, has_color);
        }
        strbuf_append_cstr(out, text);
    } else {
        strbuf_append(out, text, strlen(text) < width ? strlen(text) : width);
    }
    arena_release(&a);
}
