#include "base/log/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/core/clock.h"

enum { PLAIN_BATCH = 1 << 16, NS_PER_MS = 1000000 };

static int open_again(int fd) {
    char path[] = "/proc/self/fd/\0\0\0\0\0\0\0\0\0\0";
    char *p = path + sizeof("/proc/self/fd/") - 1;
    int unit = 1;
    while (fd / unit >= 10) {
        unit *= 10;
    }
    for (; unit > 0; unit /= 10) {
        *p++ = (char)('0' + fd / unit % 10);
    }
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

struct log_file log_file_open(int fd) {
    struct log_file f = {fd, false, LOG_FILE_PLAIN};
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return f;
    }
    if (S_ISSOCK(status.st_mode)) {
        f.kind = LOG_FILE_SOCKET;
    } else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        f.kind = LOG_FILE_PIPE;
        int own = open_again(fd);
        if (own >= 0) {
            f.fd = own;
            f.is_own = true;
        }
    }
    return f;
}

void log_file_close(struct log_file *f) {
    if (f->is_own) {
        close(f->fd);
    }
    f->fd = -1;
}

size_t log_file_batch(const struct log_file *f) {
    return f->kind == LOG_FILE_PIPE ? PIPE_BUF : PLAIN_BATCH;
}

static bool has_room(const struct log_file *f) {
    struct pollfd p = {f->fd, POLLOUT, 0};
    return poll(&p, 1, 0) != 0;
}

enum log_file_result log_file_write(const struct log_file *f, const char *data, size_t n,
                                    size_t *ret_written) {
    *ret_written = 0;
    // A pipe that is not ours to make non-blocking has room for PIPE_BUF bytes when
    // poll says so; then only another writer that comes in between can make us wait.
    if (f->kind == LOG_FILE_PIPE && !f->is_own && !has_room(f)) {
        return LOG_FILE_FULL;
    }
    while (*ret_written < n) {
        const char *rest = data + *ret_written;
        size_t left = n - *ret_written;
        ssize_t written = f->kind == LOG_FILE_SOCKET
                              ? send(f->fd, rest, left, MSG_DONTWAIT | MSG_NOSIGNAL)
                              : write(f->fd, rest, left);
        if (written < 0 && errno != EINTR) {
            bool is_gone = errno == EPIPE || errno == EBADF || errno == ECONNRESET ||
                           errno == EINVAL || errno == ENOTCONN || errno == ENXIO;
            return is_gone ? LOG_FILE_GONE : LOG_FILE_FULL;
        }
        *ret_written += written > 0 ? (size_t)written : 0;
    }
    return LOG_FILE_DONE;
}

void log_file_wait(const struct log_file *f, int ms) {
    if (f->kind == LOG_FILE_PLAIN) {
        // poll does not report when a full disk has room again.
        const struct timespec time = {ms / 1000, (long)(ms % 1000) * NS_PER_MS};
        nanosleep(&time, NULL);
        return;
    }
    struct pollfd p = {f->fd, POLLOUT, 0};
    if (poll(&p, 1, ms) > 0 && (p.revents & POLLOUT) == 0) {
        // The reader has gone: poll would return at once every time.
        const struct timespec time = {ms / 1000, (long)(ms % 1000) * NS_PER_MS};
        nanosleep(&time, NULL);
    }
}

void log_file_write_within(int fd, const char *text, size_t n, int ms) {
    enum { STEP_MS = 10 };
    struct log_file f = log_file_open(fd);
    size_t written = 0;
    int64_t end_us = clock_monotonic_us() + (int64_t)ms * 1000;
    while (n > 0 && clock_monotonic_us() < end_us) {
        // Writing more than a batch may block even if poll reports room.
        size_t piece = n < log_file_batch(&f) ? n : log_file_batch(&f);
        enum log_file_result result = log_file_write(&f, text, piece, &written);
        text += written;
        n -= written;
        if (result == LOG_FILE_GONE) {
            break;
        }
        if (result == LOG_FILE_FULL) {
            log_file_wait(&f, STEP_MS);
        }
    }
    log_file_close(&f);
}
