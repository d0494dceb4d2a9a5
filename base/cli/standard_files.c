#include "base/cli/standard_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void standard_files_open(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            // The lowest number that is free, which is fd.
            int opened = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
            (void)opened;
        }
    }
}

const char *standard_output_finish(void) {
    errno = 0;
    if (fflush(stdout) != 0) {
        return strerror(errno);
    }
    if (ferror(stdout)) {
        // stdio forgot why: what is cut gets one more byte, to be told again.
        ssize_t again = write(STDOUT_FILENO, "\n", 1);
        return again < 0 ? strerror(errno) : "not all of it could be written";
    }
    // A network file system may report only at close that there was no room.
    int copy = dup(STDOUT_FILENO);
    return copy >= 0 && close(copy) != 0 ? strerror(errno) : NULL;
}
