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
    LOG_FILE_GONE, // nobody will read it any more
};

// Makes what writes to fd, which is borrowed. Pipes and terminals are opened a second
// time where the system allows it, so that they can be written to without blocking.
struct log_file log_file_open(int fd);

void log_file_close(struct log_file *f);

// Of lines that wait, how many bytes may be written at once so that they do not mix with
// those of other processes: PIPE_BUF (pipe(7)) for pipes.
size_t log_file_batch(const struct log_file *f);

// Writes data; *ret_written says how much of it was. Only files and sockets may take a
// part. Async-signal-safe.
enum log_file_result log_file_write(const struct log_file *f, const char *data, size_t n,
                                    size_t *ret_written);

// Waits until there may be room, at most ms. Async-signal-safe.
void log_file_wait(const struct log_file *f, int ms);

// Writes text to a descriptor that nobody else of this process logs to, within ms: what
// the reader does not take by then is lost. Async-signal-safe.
void log_file_write_within(int fd, const char *text, size_t n, int ms);

#endif
