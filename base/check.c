#include "base/check.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/timestamp.h"

// Debian's toolchain for Bazel adds it to -c opt. Nothing in the product depends on it, but
// libraries' headers do, and the next assert may.
#ifdef NDEBUG
#error "asserts must be on in every build: see .bazelrc"
#endif

// At most PIPE_BUF, so that the line mixes with no other's.
enum { LINE_SIZE = 1024, PATIENCE_MS = 1000 };

// Room stays for what ends the line.
enum { MOST_TEXT = LINE_SIZE - 64 };

struct line {
    char text[LINE_SIZE];
    size_t len;
};

static void add(struct line *l, const char *text) {
    for (; *text != '\0' && l->len < MOST_TEXT; text++) {
        l->text[l->len++] = *text;
    }
}

// Source text is printable; what JSON escapes in it are quotes and backslashes.
static void add_escaped(struct line *l, const char *text) {
    for (; *text != '\0' && l->len + 2 <= MOST_TEXT; text++) { // no half of a pair
        char escaped[] = {'\\', *text, '\0'};
        add(l, *text == '"' || *text == '\\' ? escaped : escaped + 1);
    }
}

void check_failed(const char *file, int line, const char *condition) {
    char time[TIMESTAMP_TEXT_SIZE] = "";
    timestamp_format_us(clock_now_us(&clock_system), time);
    struct line l = {.len = 0};
    add(&l, "{\"time\":\"");
    add(&l, time);
    add(&l, "\",\"level\":\"error\",\"program\":\"");
    add_escaped(&l, program_invocation_short_name);
    add(&l, "\",\"message\":\"check failed\",\"file\":\"");
    add_escaped(&l, file);
    add(&l, "\",\"condition\":\"");
    add_escaped(&l, condition);
    l.len += (size_t)snprintf(l.text + l.len, LINE_SIZE - l.len, "\",\"line\":%d}\n", line);
    // A pipe that nobody reads must not keep the process: it would hold its store and its
    // addresses.
    struct pollfd standard_error = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&standard_error, 1, PATIENCE_MS) == 1) {
        ssize_t written = write(STDERR_FILENO, l.text, l.len);
        (void)written;
    }
    abort();
}
