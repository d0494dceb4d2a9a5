#ifndef RUNSD_BASE_LOG_LOG_FILE_H
#define RUNSD_BASE_LOG_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>

// Writes log lines to a descriptor without waiting for its reader.

enum log_file_kind { LOG_FILE_PIPE, LOG_FILE_SOCKET, LOG_FILE_PLAIN };

struct log_file {
    int fd; // what is written to
    bool is_own;
    enum log_file_kind kind;
};

enum log_file_result {
    LOG_FILE_DONE,
    LOG_FILE_FULL, // no room now, on the disk either
    LOG_FILE_GONE, // the reader has closed its end
};

// Returns a writer to fd, which is borrowed. Pipes and terminals are opened a second
// time where the system allows it, so that they can be written to without blocking.
struct log_file log_file_open(int fd);

void log_file_close(struct log_file *f);

// Returns how many bytes one write may have at most without being mixed with the lines of
// other processes: PIPE_BUF (pipe(7)) for pipes.
size_t log_file_batch(const struct log_file *f);

// Writes data; *ret_written is how many bytes were written, fewer than n only with files
// and sockets. Async-signal-safe.
enum log_file_result log_file_write(const struct log_file *f, const char *data, size_t n,
                                    size_t *ret_written);

// Waits until there may be room, for at most ms milliseconds. Async-signal-safe.
void log_file_wait(const struct log_file *f, int ms);

// Writes text to a descriptor that nothing else in this process logs to, for at most ms
// milliseconds: what the reader has not taken by then is lost. Async-signal-safe.
void log_file_write_within(int fd, const char *text, size_t n, int ms);

#endif
