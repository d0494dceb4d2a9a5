#include "ctl/line_output.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(struct stat *ret) {
    return fstat(STDOUT_FILENO, ret) == 0 && S_ISREG(ret->st_mode);
}

bool line_output_is_at_start(void) {
    struct stat file;
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || !is_file(&file)) {
        return true;
    }
    off_t at = (flags & O_APPEND) != 0 ? file.st_size : lseek(STDOUT_FILENO, 0, SEEK_CUR);
    // It may be open for writing alone.
    int fd = at > 0 ? open("/proc/self/fd/1", O_RDONLY | O_CLOEXEC) : -1;
    char last = '\n';
    bool is_read = fd >= 0 && pread(fd, &last, 1, at - 1) == 1;
    if (fd >= 0) {
        close(fd);
    }
    return !is_read || last == '\n';
}

bool line_output_keep(void) {
    struct stat file;
    return fflush(stdout) == 0 && (!is_file(&file) || fdatasync(STDOUT_FILENO) == 0);
}
