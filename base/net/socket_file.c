#include "base/net/socket_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core/memory.h"

const struct error *listen_error(struct arena *a, const struct address *address, const char *why) {
    return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "cannot listen on \"%s\": %s",
                     address->text, why);
}

const char *listen_error_text(int number) {
    return number == EADDRINUSE ? "the address is in use by another program" : strerror(number);
}

struct sockaddr_un socket_file_address(const char *path) {
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
    return sun;
}

const struct error *socket_file_remove_stale(struct arena *a, const struct address *address) {
    struct stat st;
    if (lstat(address->path, &st) != 0) {
        return NULL; // another error than ENOENT comes again when the file is made
    }
    if (!S_ISSOCK(st.st_mode)) {
        return listen_error(a, address, "there is a file that is no socket");
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return listen_error(a, address, strerror(errno));
    }
    struct sockaddr_un sun = socket_file_address(address->path);
    int number = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
    close(fd);
    if (number == 0 || number == EAGAIN) {
        return listen_error(a, address, "another program listens there");
    }
    if (number != ECONNREFUSED) {
        return listen_error(a, address, strerror(number));
    }
    if (unlink(address->path) != 0 && errno != ENOENT) {
        return listen_error(a, address, strerror(errno));
    }
    return NULL;
}

void socket_file_remember(const char *path, struct socket_file *ret_file) {
    struct stat st;
    *ret_file = (struct socket_file){0};
    if (lstat(path, &st) == 0) {
        *ret_file = (struct socket_file){mem_strdup(path), st.st_dev, st.st_ino};
    }
}

bool socket_file_is_ours(const struct socket_file *file) {
    struct stat st;
    return file->path != NULL && lstat(file->path, &st) == 0 && st.st_dev == file->device &&
           st.st_ino == file->inode;
}

void socket_file_remove(struct socket_file *file) {
    if (socket_file_is_ours(file)) {
        unlink(file->path);
    }
    free(file->path);
    *file = (struct socket_file){0};
}
