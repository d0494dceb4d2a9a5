#include "base/log/log.h"

#include <unistd.h>

#include "base/log/log_sink.h"

void log_write(const struct logger *l, enum log_level level, const char *message,
               const struct log_field *fields, int count) {
    if (!log_enabled(l, level)) {
        return;
    }
    char line[LOG_LONGEST_LINE];
    enum log_format format = l->sink != NULL ? log_sink_format(l->sink) : LOG_FORMAT_JSON;
    size_t length = log_line_format(format, l->program, level, message, fields, count, line);
    if (l->sink != NULL) {
        log_sink_put(l->sink, level, line, length);
    } else {
        // There is nowhere to report that the log cannot be written.
        ssize_t written = write(l->fd, line, length);
        (void)written;
    }
}

void log_flush(const struct logger *l) {
    if (l->sink != NULL) {
        log_sink_flush_dying(l->sink, NULL, 0);
    }
}
