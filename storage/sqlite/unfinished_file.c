#include "storage/sqlite/unfinished_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/sqlite/companions.h"
#include "storage/sqlite/store_path.h"

// What a file system keeps for itself, and what is written beside.
enum { SPARE_BYTES = 16 * 1024 * 1024 };

static const struct error *system_error(struct arena *a, const char *path, const char *doing) {
    enum status_code code =
        errno == ENOSPC || errno == EDQUOT ? STATUS_RESOURCE_EXHAUSTED : STATUS_UNAVAILABLE;
    return error_new(a, code, REASON_NONE, "\"%s\" cannot be %s: %s", path, doing, strerror(errno));
}

const struct error *unfinished_file_open(struct arena *a, const char *target, const char *suffix,
                                         struct unfinished_file *ret) {
    struct unfinished_file f = {.target = target, .path = arena_printf(a, "%s%s", target, suffix)};
    f.fd = open(f.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct stat st;
    if (f.fd < 0) {
        return system_error(a, f.path, "made");
    }
    const struct error *e = NULL;
    if (flock(f.fd, LOCK_EX | LOCK_NB) != 0 || !store_path_names(f.path, f.fd)) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "another process writes \"%s\" at this moment (as \"%s\")", target, f.path);
    } else if (fstat(f.fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                      "\"%s\" is no regular file; move it away", f.path);
    } else if (ftruncate(f.fd, 0) != 0) {
        e = system_error(a, f.path, "made");
    }
    if (e != NULL) {
        close(f.fd);
        return e;
    }
    companions_remove_beside(a, f.path); // of one that was left behind
    *ret = f;
    return NULL;
}

static bool give_name(const struct unfinished_file *f, bool replaces) {
    if (replaces) {
        return rename(f->path, f->target) == 0;
    }
    if (renameat2(AT_FDCWD, f->path, AT_FDCWD, f->target, RENAME_NOREPLACE) == 0) {
        return true;
    }
    // A file system that does not know that flag.
    return errno == EINVAL && link(f->path, f->target) == 0 && unlink(f->path) == 0;
}

const struct error *unfinished_file_publish(struct unfinished_file *f, struct arena *a,
                                            bool replaces) {
    if (fsync(f->fd) != 0) {
        return system_error(a, f->path, "synced");
    }
    if (!give_name(f, replaces)) {
        return errno == EEXIST
                   ? error_new(a, STATUS_ALREADY_EXISTS, REASON_NONE,
                               "\"%s\" was made by another process meanwhile", f->target)
                   : system_error(a, f->target, "made");
    }
    f->path = NULL;
    return store_path_sync_directory(f->target) ? NULL : system_error(a, f->target, "made durable");
}

void unfinished_file_close(struct unfinished_file *f, struct arena *a) {
    if (f->path != NULL) {
        companions_remove_database(a, f->path);
    }
    close(f->fd);
}

const struct error *unfinished_file_check_room(struct arena *a, const char *target, int64_t bytes) {
    const char *folder = dirname(arena_cstr(a, slice_of_cstr(target)));
    int64_t free_bytes = store_path_free_bytes(folder);
    int64_t needed_bytes = bytes + SPARE_BYTES;
    if (free_bytes < 0 || free_bytes >= needed_bytes) {
        return NULL; // or the file system does not say: the write will tell
    }
    return error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_NONE,
                     "the file system of \"%s\" has %lld bytes free, and %lld are needed", target,
                     (long long)free_bytes, (long long)needed_bytes);
}
