#include "storage/sqlite/freeze_marker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/thread/thread.h"
#include "storage/sqlite/process_identity.h"
#include "storage/sqlite/store_path.h"

// Who looks whether the file is locked has the lock itself for an instant.
enum { LOCK_TRIES = 20, LOCK_RETRY_MS = 10 };

// A process that holds a freeze looks far more often.
enum { END_TRIES = 500 };

static const char *name_of(struct arena *a, const char *path) {
    return arena_printf(a, "%s.frozen", path);
}

static bool lock(int fd) {
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        thread_pause(LOCK_RETRY_MS * INT64_C(1000));
    }
    return false;
}

static bool is_locked(int fd) {
    bool result = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    flock(fd, LOCK_UN);
    return result;
}

const struct error *freeze_marker_open(struct arena *a, const char *path,
                                       struct freeze_marker *ret) {
    struct freeze_marker m = {.path = name_of(a, path)};
    m.fd = open(m.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (m.fd < 0) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "\"%s\" cannot be made: %s", m.path,
                         strerror(errno));
    }
    if (!lock(m.fd) || !store_path_names(m.path, m.fd)) {
        close(m.fd);
        return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "the store \"%s\" is frozen already; runsctl store thaw ends that", path);
    }
    *ret = m;
    return NULL;
}

bool freeze_marker_write(const struct freeze_marker *m) {
    char line[64];
    int len = snprintf(line, sizeof(line), "pid=%lld\n", (long long)process_identity_self().pid);
    return ftruncate(m->fd, 0) == 0 && pwrite(m->fd, line, (size_t)len, 0) == len;
}

bool freeze_marker_is_there(const struct freeze_marker *m) {
    return store_path_names(m->path, m->fd);
}

void freeze_marker_close(struct freeze_marker *m) {
    if (store_path_names(m->path, m->fd)) {
        unlink(m->path);
    }
    close(m->fd);
}

bool freeze_marker_is_held(const char *path) {
    char name[PATH_MAX];
    int len = snprintf(name, sizeof(name), "%s.frozen", path);
    int fd = len < (int)sizeof(name) ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    bool result = fd >= 0 && is_locked(fd);
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

static long long pid_in(int fd) {
    char line[64] = "";
    long long pid = 0;
    ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
    return n > 0 && sscanf(line, "pid=%lld", &pid) == 1 ? pid : 0; // NOLINT(cert-err34-c): ours
}

static const struct error *await_end(struct arena *a, const char *path, int fd) {
    for (int i = 0; i < END_TRIES; i++) {
        if (!is_locked(fd)) {
            return NULL;
        }
        thread_pause(LOCK_RETRY_MS * INT64_C(1000));
    }
    return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                     "the process %lld keeps the store \"%s\" frozen and does not answer; its end "
                     "ends the freeze",
                     pid_in(fd), path);
}

const struct error *freeze_marker_end(struct arena *a, const char *path, bool *ret_was_held) {
    const char *real = store_path_real(a, path);
    const char *name = name_of(a, real);
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *ret_was_held = false;
    if (fd < 0 && errno == ENOENT && access(real, F_OK) == 0) {
        return NULL;
    }
    if (fd < 0) {
        return error_new(a, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE, REASON_NONE,
                         "\"%s\" cannot be opened: %s", errno == ENOENT ? real : name,
                         strerror(errno));
    }
    *ret_was_held = is_locked(fd);
    const struct error *e = NULL;
    if (unlink(name) != 0 && errno != ENOENT) {
        e = error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "\"%s\" cannot be removed: %s", name,
                      strerror(errno));
    }
    if (e == NULL) {
        e = await_end(a, real, fd);
    }
    close(fd);
    return e;
}
