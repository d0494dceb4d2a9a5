#ifndef RUNSD_BASE_LOG_LOG_LINE_H
#define RUNSD_BASE_LOG_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/slice.h"

// A line of the log (docs/LOGS.md).

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

// "debug", "info", "warn", "error"; ended by NULL.
extern const char *const log_level_names[];

// What a line looks like. Whatever the format, no text can end the line, and none of a terminal's
// control characters is in it.
enum log_format {
    LOG_FORMAT_JSON, // one JSON object
    LOG_FORMAT_TEXT, // for people: "TIME LEVEL PROGRAM: MESSAGE KEY=VALUE ..."
    // As text, with the priority in front, "<6>MESSAGE KEY=VALUE ..." (sd-daemon(3)): the
    // journal has time and program itself.
    LOG_FORMAT_JOURNAL,
};

// "json" and "text", in the order of the enum; ended by NULL.
extern const char *const log_format_names[];

enum {
    // Bytes of a line with its line feed: what one write(2) puts into a pipe without mixing
    // it with what other processes write (PIPE_BUF of pipe(7)).
    LOG_LONGEST_LINE = 4096,
    LOG_LONGEST_TEXT = 2048, // bytes of a field's text, as escaped in the line
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

// A text that is ours (a route, a word of a table) or already masked: it is logged without
// masking. Never use it for other text from outside.
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

// Formats a line: time, level, program, message, then the fields; message and texts masked
// (base/log/log_mask.h). A text that is too long ends with "[cut]"; fields that do not fit
// into the line are left out, and "cut":true, or cut=true, says so. Returns its length with the
// line feed at its end.
size_t log_line_format(enum log_format format, const char *program, enum log_level level,
                       const char *message, const struct log_field *fields, int count,
                       char ret_line[LOG_LONGEST_LINE]);

#endif
