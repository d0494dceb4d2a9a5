#include "ctl/cursor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/file.h"

enum { MOST_CURSOR_BYTES = 1024, READABLE_BY_ALL = 0666 };

// The file itself, where path is a link to it: what is renamed would take the link's place.
static const char *target_of(struct arena *a, const char *path) {
    char *target = realpath(path, NULL);
    const char *kept = arena_cstr(a, slice_of_cstr(target != NULL ? target : path));
    free(target);
    return kept;
}

// Opens what is to take the file's place; -1 and errno if that fails.
static int open_new(struct arena *a, const char *target, const char **ret_path) {
    *ret_path = arena_printf(a, "%s.new", target);
    return open(*ret_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, READABLE_BY_ALL);
}

// A rename is durable once its folder is. Returns false and sets errno.
static bool sync_folder(struct arena *a, const char *target) {
    char *copy = arena_printf(a, "%s", target);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = number;
    return is_synced;
}

static bool write_new(int fd, const char *text, size_t length) {
    bool is_written = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    int number = errno;
    bool is_closed = close(fd) == 0;
    errno = is_written ? errno : number;
    return is_written && is_closed;
}

const struct error *cursor_file_write(struct arena *a, const char *flag, const char *path,
                                      const char *cursor) {
    const char *target = target_of(a, path);
    const char *line = arena_printf(a, "%s\n", cursor);
    const char *new_path;
    int fd = open_new(a, target, &new_path);
    errno = fd >= 0 ? 0 : errno;
    if (fd < 0 || !write_new(fd, line, strlen(line)) || rename(new_path, target) != 0 ||
        !sync_folder(a, target)) {
        return error_new(a, STATUS_UNKNOWN, REASON_NONE, "%s: %s cannot be written: %s", flag, path,
                         errno != 0 ? strerror(errno) : "it is not whole");
    }
    return NULL;
}

static const struct error *check_new(struct arena *a, const char *flag, const char *path) {
    const char *new_path;
    int fd = open_new(a, target_of(a, path), &new_path);
    if (fd < 0) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: %s cannot be replaced: %s: %m", flag, path, new_path);
    }
    close(fd);
    unlink(new_path);
    return NULL;
}

static const struct error *read_line(struct arena *a, const char *flag, const char *path,
                                     const char **ret_cursor) {
    struct slice text;
    const struct error *error = file_read(a, flag, path, MOST_CURSOR_BYTES, &text);
    if (error != NULL) {
        return error;
    }
    size_t length = text.len;
    length -= length > 0 && text.data[length - 1] == '\n';
    bool is_cursor = length > 0;
    for (size_t i = 0; i < length; i++) {
        is_cursor = is_cursor && text.data[i] > 0x20 && text.data[i] < 0x7F;
    }
    if (!is_cursor) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: %s has no cursor that an export wrote; to begin anew, name a file "
                         "that is not there",
                         flag, path);
    }
    *ret_cursor = arena_cstr(a, slice_of(text.data, length));
    return NULL;
}

const struct error *cursor_file_open(struct arena *a, const char *flag, const char *path,
                                     const char **ret_cursor) {
    struct stat st;
    const char *cursor = NULL;
    const struct error *error = NULL;
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s is no file", flag,
                             path);
        }
        error = read_line(a, flag, path, &cursor);
    } else if (errno != ENOENT) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "%s: %s: %m", flag, path);
    }
    if (error == NULL) {
        error = check_new(a, flag, path);
    }
    if (error == NULL) {
        *ret_cursor = cursor;
    }
    return error;
}
