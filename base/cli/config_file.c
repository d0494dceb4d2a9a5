#include "base/cli/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct error *refuse(struct arena *a, const char *name, const char *path,
                                  const char *why) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s %s", name, path, why);
}

// Reads all of fd, more than CONFIG_FILE_MOST_BYTES at most by one. Returns an errno, 0 if it is
// read.
static int read_all(struct arena *a, int fd, struct slice *ret_text) {
    size_t room = CONFIG_FILE_MOST_BYTES + 1;
    uint8_t *text = arena_alloc(a, room);
    size_t length = 0;
    for (;;) {
        ssize_t n = read(fd, text + length, room - length);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            *ret_text = slice_of(text, length);
            return 0;
        }
        length += n > 0 ? (size_t)n : 0;
    }
}

const struct error *config_file_read(struct arena *a, const char *name, const char *path,
                                     struct config_file *ret_file) {
    // Not to wait for the writer of a FIFO.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s: %m", name, path);
    }
    struct stat file;
    const struct error *error = NULL;
    struct slice text = SLICE_EMPTY;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
        error = refuse(a, name, path, "is no regular file");
    } else if (file.st_size > CONFIG_FILE_MOST_BYTES) {
        error = refuse(a, name, path, "has more than 1048576 bytes");
    } else {
        int number = read_all(a, fd, &text);
        if (number != 0) {
            error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s: %s", name, path,
                              strerror(number));
        } else if (text.len > CONFIG_FILE_MOST_BYTES) {
            error = refuse(a, name, path, "has more than 1048576 bytes");
        }
    }
    close(fd);
    return error != NULL ? error : config_file_parse(a, path, text, ret_file);
}
