#include "ctl/output_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A secret and whose it is.
enum { ROOM_BYTES = 4096 };

// Returns an errno, or 0: also where the file system cannot reserve room.
static int reserve_room(const struct stat *file, int flags) {
    off_t at = (flags & O_APPEND) != 0 ? file->st_size : lseek(STDOUT_FILENO, 0, SEEK_CUR);
    // The file's size stays; the blocks are there for what is written next.
    if (at < 0 || fallocate(STDOUT_FILENO, FALLOC_FL_KEEP_SIZE, at, ROOM_BYTES) == 0) {
        return 0;
    }
    return errno == ENOSPC || errno == EDQUOT || errno == EIO ? errno : 0;
}

static int check(void) {
    struct stat file;
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || fstat(STDOUT_FILENO, &file) != 0) {
        return errno;
    }
    if ((flags & O_ACCMODE) == O_RDONLY) {
        return EBADF;
    }
    if (S_ISREG(file.st_mode)) {
        return reserve_room(&file, flags);
    }
    if (S_ISCHR(file.st_mode) && write(STDOUT_FILENO, "", 0) < 0) {
        return errno; // /dev/full has no room even for nothing
    }
    struct pollfd end = {STDOUT_FILENO, POLLOUT, 0};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLERR | POLLHUP)) != 0 ? EPIPE : 0;
}

const char *output_check(void) {
    int number = check();
    return number == 0 ? NULL : strerror(number);
}
