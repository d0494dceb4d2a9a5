#ifndef RUNSD_BASE_LOG_SERVER_LOG_H
#define RUNSD_BASE_LOG_SERVER_LOG_H

#include "base/log/log.h"

// Makes a server's logger: lines on standard error, written by a thread of its own
// (base/log/log_sink.h) and, as far as possible, when the process crashes. Call it once,
// after server_process_prepare. *ret_logger must not move. If no thread can be started,
// lines are written by the caller's thread, as JSON, and a warning is logged. Text becomes
// LOG_FORMAT_JOURNAL where standard error is the journal: $JOURNAL_STREAM says so
// (systemd.exec(5)).
void server_log_start(enum log_level level, enum log_format format, const char *program,
                      struct logger *ret_logger);

// Writes the lines that wait: gives up a quarter of a second after the last progress, and
// after one second at the latest. The logger must not be used afterwards.
void server_log_stop(struct logger *logger);

#endif
