#include "base/log/server_log.h"

#include <unistd.h>

#include "base/log/log_crash.h"
#include "base/log/log_sink.h"

enum { PATIENCE_MS = 250 };

void server_log_start(enum log_level level, const char *program, struct logger *ret_logger) {
    *ret_logger = (struct logger){
        .fd = STDERR_FILENO,
        .level = level,
        .program = program,
        .sink = log_sink_new(STDERR_FILENO, program),
    };
    if (ret_logger->sink == NULL) {
        LOG(ret_logger, LOG_WARN,
            "the log's thread cannot be started: each line is written by the thread that logs it");
    }
    log_crash_watch(ret_logger->sink, program);
}

void server_log_stop(struct logger *logger) {
    log_crash_watch(NULL, logger->program);
    log_sink_free(logger->sink, PATIENCE_MS);
    logger->sink = NULL;
}
