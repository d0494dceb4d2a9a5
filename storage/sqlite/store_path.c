#include "storage/sqlite/store_path.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/core/memory.h"

const char *store_path_real(struct arena *a, const char *path) {
    CLEANUP_FREE char *real = realpath(path, NULL);
    return real != NULL ? arena_cstr(a, slice_of_cstr(real)) : path;
}

bool store_path_sync_directory(const char *path) {
    CLEANUP_FREE char *copy = mem_strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool ok = fsync(fd) == 0;
    int failure = errno;
    close(fd);
    errno = failure;
    return ok;
}

int64_t store_path_free_bytes(const char *path) {
    struct statvfs st;
    return statvfs(path, &st) == 0 ? (int64_t)(st.f_bavail * st.f_frsize) : -1;
}

bool store_path_names(const char *path, int fd) {
    struct stat named;
    struct stat opened;
    return lstat(path, &named) == 0 && fstat(fd, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}
