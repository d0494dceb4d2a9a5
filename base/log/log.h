#ifndef RUNSD_BASE_LOG_LOG_H
#define RUNSD_BASE_LOG_LOG_H

#include <stdbool.h>

#include "base/log/log_line.h"

struct log_sink;

// Where a program's log lines go: in the sink's format, as JSON without a sink. Once
// made only its level changes (logger_set_level); any thread may log.
struct logger {
    int fd;               // used if sink is NULL: each line is one write(2), which may block
    enum log_level level; // lines below it are dropped
    const char *program;
    struct log_sink *sink; // takes the lines and never blocks (base/log/log_sink.h); may be NULL
};

static inline bool log_enabled(const struct logger *l, enum log_level level) {
    return level >= __atomic_load_n(&l->level, __ATOMIC_RELAXED);
}

// Drops lines below that level from now on, or no longer. Thread safe.
static inline void logger_set_level(struct logger *l, enum log_level level) {
    __atomic_store_n(&l->level, level, __ATOMIC_RELAXED);
}

// Writes one line: time, level, program, message, then the fields; message and texts
// masked (base/log/log_mask.h). A text that is too long ends with "[cut]"; fields that
// do not fit into the line are left out, and "cut":true says so. Never fails.
void log_write(const struct logger *l, enum log_level level, const char *message,
               const struct log_field *fields, int count);

// Writes the lines that wait in the logger's sink, for at most half a second. Call it
// before _exit.
void log_flush(const struct logger *l);

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
