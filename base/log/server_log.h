#ifndef RUNSD_BASE_LOG_SERVER_LOG_H
#define RUNSD_BASE_LOG_SERVER_LOG_H

#include "base/log/log.h"

// Makes a server's logger: JSON lines on standard error, written by a thread of its own
// (base/log/log_sink.h) and, as far as possible, when the process crashes. Call it once,
// behind server_process_prepare. *ret_logger must not move. Without a thread left it
// writes at once, and says so.
void server_log_start(enum log_level level, const char *program, struct logger *ret_logger);

// Writes what waits, for a quarter of a second after the reader took something last and
// a second at most. Nobody may log any more.
void server_log_stop(struct logger *logger);

#endif
