#ifndef RUNSD_BASE_LOG_LOG_SINK_H
#define RUNSD_BASE_LOG_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log/log_line.h"

// Buffers a server's log lines and writes them on a thread of its own, so that no thread
// that logs ever waits for the log's reader: for a pipe that is full, a disk that is full
// or slow, a terminal that is stopped. Lines wait in a buffer; when that is full, lines are
// dropped and counted, and once there is room again the line "log lines dropped" reports
// how many. A line is written whole or not at all.
//
// The descriptor, which other processes may share, is not made non-blocking. Pipes,
// terminals and sockets are still written to without blocking where the system allows
// opening them a second time; writes to files may block, but only the sink's thread.
struct log_sink;

enum {
    LOG_SINK_BYTES = 1 << 20,         // size of the buffer
    LOG_SINK_RESERVE_BYTES = 1 << 17, // of these, for lines of warn and error only
    LOG_SINK_LINGER_MS = 10,          // how long a line may wait to be written with others
};

// Starts the thread "log". fd is borrowed until log_sink_free, and so is program, the name
// in the line "log lines dropped", which has the format. Returns NULL if no thread can be started.
// Not to be used across fork: the child would have the waiting lines but no thread.
struct log_sink *log_sink_new(int fd, enum log_format format, const char *program);

// Copies a line, at most LOG_LONGEST_LINE bytes with its line feed, into the buffer, or
// drops it if there is no room. Never waits for the reader. Thread safe.
void log_sink_put(struct log_sink *sink, enum log_level level, const char *line, size_t length);

// What lines are to look like. Thread safe; async-signal-safe.
enum log_format log_sink_format(const struct log_sink *sink);

// How many lines were dropped since the start. Thread safe.
uint64_t log_sink_dropped(struct log_sink *sink);

// Writes the lines that wait, as long as the reader takes some: gives up after patience_ms
// without progress, and after four times that at the latest. Then ends the thread and
// frees the sink, which must not be used afterwards. NULL is ignored.
void log_sink_free(struct log_sink *sink, int patience_ms);

// For a process that is about to die; async-signal-safe. Writes the lines that wait, then
// line (of length bytes; 0: none), for at most half a second. The sink stays usable.
void log_sink_flush_dying(struct log_sink *sink, const char *line, size_t length);

#endif
