#ifndef RUNSD_BASE_LOG_H
#define RUNSD_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

// "debug", "info", "warn", "error"; ended by NULL.
extern const char *const log_level_names[];

// Where a program's log lines go: one JSON object a line, written with one
// write(2) each, so that lines of several threads never mix. Immutable once
// made; any thread may log.
struct logger {
    int fd;
    enum log_level level; // lines below it are dropped
    const char *program;
};

enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_BOOL };

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

static inline struct log_field log_int(const char *key, int64_t value) {
    return (struct log_field){key, LOG_FIELD_INT, SLICE_EMPTY, value};
}

static inline struct log_field log_bool(const char *key, bool value) {
    return (struct log_field){key, LOG_FIELD_BOOL, SLICE_EMPTY, value};
}

static inline bool log_enabled(const struct logger *l, enum log_level level) {
    return level >= l->level;
}

// Writes one line: time, level, program, message, then the fields, each
// text cut after 2,048 bytes, and whatever looks like a token masked. Never fails.
void log_write(const struct logger *l, enum log_level level, const char *message,
               const struct log_field *fields, int count);

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
