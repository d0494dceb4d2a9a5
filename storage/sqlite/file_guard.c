#include "storage/sqlite/file_guard.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core/memory.h"

static bool is_same(const struct guarded_file *f, const struct stat *st) {
    return st->st_ino == f->inode && st->st_dev == f->device;
}

static bool holds(const struct guarded_file *f) {
    struct stat st;
    return stat(f->path, &st) == 0 && is_same(f, &st);
}

bool file_guard_holds(const struct file_guard *g) {
    for (int i = 0; i < g->count; i++) {
        if (!holds(&g->files[i])) {
            return false;
        }
    }
    return true;
}

static void add(struct file_guard *g, const char *path, const struct stat *st) {
    g->files[g->count++] = (struct guarded_file){mem_strdup(path), st->st_dev, st->st_ino};
}

const char *file_guard_init(struct file_guard *g, struct arena *a, const char *name,
                            const char *path, int open_fd) {
    *g = (struct file_guard){.count = 0};
    struct stat st;
    if (fstat(open_fd, &st) != 0) {
        return arena_printf(a, "the store \"%s\" cannot be looked at: %s", path, strerror(errno));
    }
    add(g, path, &st);
    if (strcmp(name, path) != 0) {
        add(g, name, &st);
    }
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        const char *companion = arena_printf(a, "%s%s", path, suffixes[i]);
        if (stat(companion, &st) != 0) {
            return arena_printf(a, "\"%s\" cannot be looked at: %s", companion, strerror(errno));
        }
        add(g, companion, &st);
    }
    return file_guard_explain(g, a);
}

void file_guard_release(struct file_guard *g) {
    for (int i = 0; i < g->count; i++) {
        free(g->files[i].path);
    }
    g->count = 0;
}

// Returns where the open file of f is now, as the kernel reports for one of this
// process's descriptors; NULL if it has no name any more. The file itself is not
// opened: closing it would drop SQLite's locks.
static const char *present_path(struct arena *a, const struct guarded_file *f) {
    const char *found = NULL;
    DIR *descriptors = opendir("/proc/self/fd");
    const struct dirent *entry;
    while (descriptors != NULL && found == NULL && (entry = readdir(descriptors)) != NULL) {
        struct stat st;
        if (fstatat(dirfd(descriptors), entry->d_name, &st, 0) != 0 || !is_same(f, &st) ||
            st.st_nlink == 0) {
            continue;
        }
        char target[4096];
        ssize_t n = readlinkat(dirfd(descriptors), entry->d_name, target, sizeof(target));
        if (n > 0) {
            found = arena_cstr(a, slice_of(target, (size_t)n));
        }
    }
    if (descriptors != NULL) {
        closedir(descriptors);
    }
    return found;
}

static const char *explain(struct arena *a, const struct guarded_file *f) {
    struct stat st;
    int failure = stat(f->path, &st) == 0 ? 0 : errno;
    const char *present = present_path(a, f);
    const char *what = failure == 0 ? "another file was put at" : "no file can be reached at";
    const char *reason = failure == 0 || failure == ENOENT ? "" : strerror(failure);
    const char *gap = reason[0] != '\0' ? ": " : "";
    if (present == NULL) {
        return arena_printf(a,
                            "%s \"%s\" while it was served%s%s, and the one that was open is "
                            "removed: restore a backup before the next start",
                            what, f->path, gap, reason);
    }
    return arena_printf(a,
                        "%s \"%s\" while it was served%s%s; the one that was open is now \"%s\": "
                        "put it back, with the files beside it, before the next start",
                        what, f->path, gap, reason, present);
}

const char *file_guard_explain(const struct file_guard *g, struct arena *a) {
    for (int i = 0; i < g->count; i++) {
        if (!holds(&g->files[i])) {
            return explain(a, &g->files[i]);
        }
    }
    return NULL;
}
