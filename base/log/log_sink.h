#ifndef RUNSD_BASE_LOG_LOG_SINK_H
#define RUNSD_BASE_LOG_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log/log_line.h"

// Takes a server's log lines and has a thread of its own write them, so that nobody who
// logs ever waits for whoever reads the log: a pipe that is full, a disk that is full or
// slow, a terminal that was stopped. What cannot be written waits in a buffer; when that
// is full, lines are dropped and counted, and once there is room again the line
// "log lines dropped" says how many. A line is written whole or not at all.
//
// Whoever shares the descriptor sees no change of it: it is not made non-blocking.
// Pipes, terminals and sockets are written to without waiting all the same, where the
// system allows to open them a second time; files are waited for by the thread alone.
struct log_sink;

enum {
    LOG_SINK_BYTES = 1 << 20,         // of lines that wait
    LOG_SINK_RESERVE_BYTES = 1 << 17, // of these, for lines of warn and error only
    LOG_SINK_LINGER_MS = 10,          // what a line may wait for others behind it
};

// Starts the thread "log". fd is borrowed until log_sink_free; program is for the line
// about dropped ones and must live as long. Returns NULL if no thread can be started.
// Not to be used across fork: the child has the lines that wait, and no thread.
struct log_sink *log_sink_new(int fd, const char *program);

// Takes a line, at most LOG_LONGEST_LINE bytes with its line feed. Never waits for the
// reader. Thread safe.
void log_sink_put(struct log_sink *sink, enum log_level level, const char *line, size_t length);

// How many lines were dropped since the start. Thread safe.
uint64_t log_sink_dropped(struct log_sink *sink);

// Writes what waits, as long as the reader takes some: gives up after patience_ms
// without progress, and after four times that at the latest. Then ends the thread and
// frees the sink; nobody may use it any more. NULL is ignored.
void log_sink_free(struct log_sink *sink, int patience_ms);

// For a process that is about to die, from a signal handler too (async-signal-safe):
// writes what waits, then line (of length bytes, 0: none), within half a second. The
// sink stays usable.
void log_sink_flush_dying(struct log_sink *sink, const char *line, size_t length);

#endif
