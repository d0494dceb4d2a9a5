#include "base/log/server_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log/log_crash.h"
#include "base/log/log_sink.h"

enum { PATIENCE_MS = 250 };

// Whether $JOURNAL_STREAM, "DEVICE:INODE", is of what fd is: a unit's standard error may have been
// redirected since, and the variable inherited.
static bool is_journal(int fd) {
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    if (stream == NULL || fstat(fd, &status) != 0) {
        return false;
    }
    char own[2 * 20 + 2];
    snprintf(own, sizeof(own), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino);
    return strcmp(stream, own) == 0;
}

void server_log_start(enum log_level level, enum log_format format, const char *program,
                      struct logger *ret_logger) {
    if (format == LOG_FORMAT_TEXT && is_journal(STDERR_FILENO)) {
        format = LOG_FORMAT_JOURNAL;
    }
    *ret_logger = (struct logger){
        .fd = STDERR_FILENO,
        .level = level,
        .program = program,
        .sink = log_sink_new(STDERR_FILENO, format, program),
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
