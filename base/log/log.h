#ifndef RUNSD_BASE_LOG_LOG_H
#define RUNSD_BASE_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

// "debug", "info", "warn", "error"; ended by NULL.
extern const char *const log_level_names[];

enum {
    // Of a line with its end: what one write(2) puts into a pipe without mixing it with
    // what other processes write (PIPE_BUF of pipe(7)).
    LOG_LONGEST_LINE = 4096,
    LOG_LONGEST_TEXT = 2048, // of a field, as it stands in the line
};

struct log_sink;

// Where a program's log lines go: one JSON object a line. Immutable once made; any
// thread may log.
struct logger {
    int fd; // written to at once, one write(2) a line, which may block; if there is no sink
    enum log_level level; // lines below it are dropped
    const char *program;
    struct log_sink *sink; // takes the lines and never blocks (base/log/log_sink.h); may be NULL
};

enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_OWN_TEXT, LOG_FIELD_INT, LOG_FIELD_BOOL };

struct log_field {
    const char *key;
    enum log_field_type type;
    struct slice text;
    int64_t number;
};

static inline struct log_field log_text(const char *key, const char *value) {
    return (struct log_field){key, LOG_FIELD_TEXT,
                              value != NULL ? slice_of_cstr(value) : SLICE_EMPTY, 0};
}

static inline struct log_field log_slice(const char *key, struct slice value) {
    return (struct log_field){key, LOG_FIELD_TEXT, value, 0};
}

// A text that is ours (a route, a word of a table) or was masked before: nothing in it is
// masked. Nothing else that came from outside may be logged with it.
static inline struct log_field log_own_text(const char *key, const char *value) {
    return (struct log_field){key, LOG_FIELD_OWN_TEXT,
                              value != NULL ? slice_of_cstr(value) : SLICE_EMPTY, 0};
}

static inline struct log_field log_own_slice(const char *key, struct slice value) {
    return (struct log_field){key, LOG_FIELD_OWN_TEXT, value, 0};
}

static inline struct log_field log_int(const char *key, int64_t value) {
    return (struct log_field){key, LOG_FIELD_INT, SLICE_EMPTY, value};
}

static inline struct log_field log_bool(const char *key, bool value) {
    return (struct log_field){key, LOG_FIELD_BOOL, SLICE_EMPTY, value};
}

static inline bool log_enabled(const struct logger *l, enum log_level level) {
    return level >= l->level;
}

// Writes one line: time, level, program, message, then the fields; message and texts
// masked (base/log/log_mask.h). A text that is too long ends with "[cut]"; fields that
// do not fit into the line are left out, and "cut":true says so. Never fails.
void log_write(const struct logger *l, enum log_level level, const char *message,
               const struct log_field *fields, int count);

// Writes what waits in the logger's sink, within half a second: before _exit.
void log_flush(const struct logger *l);

// Formats such a line, without a look at the level. Returns its length with the line
// feed at its end.
size_t log_format(const char *program, enum log_level level, const char *message,
                  const struct log_field *fields, int count, char ret_line[LOG_LONGEST_LINE]);

// LOG(logger, LOG_INFO, "call done", log_text("requestId", id), log_int("us", us));
#define LOG(logger_, level_, message_, ...)                                                        \
    do {                                                                                           \
        if (log_enabled((logger_), (level_))) {                                                    \
            const struct log_field log_fields_[] = {log_text("", ""), ##__VA_ARGS__};              \
            log_write((logger_), (level_), (message_), log_fields_ + 1,                            \
                      (int)(sizeof(log_fields_) / sizeof(log_fields_[0])) - 1);                    \
        }                                                                                          \
    } while (0)

#endif
