#include "ctl/backup_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/thread/thread.h"

#define NEXT    "runsd-next.db"
#define DIGITS2 "[0-9][0-9]"
#define PATTERN "runsd-" DIGITS2 DIGITS2 DIGITS2 DIGITS2 "T" DIGITS2 DIGITS2 DIGITS2 "Z.db"

// A second, and some more: a name is one of a second, and another backup may have this one's.
enum { NAME_TRIES = 30, NAME_RETRY_US = 50 * 1000 };

static const struct error *folder_error(struct arena *a, const char *path, const char *doing) {
    return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "\"%s\" cannot be %s: %s", path, doing,
                     strerror(errno));
}

const struct error *backup_folder_begin(struct arena *a, const char *folder,
                                        const char **ret_file) {
    struct stat st;
    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--keep: \"%s\" is no folder in which backups are kept%s%s", folder,
                         errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    }
    *ret_file = arena_printf(a, "%s/" NEXT, folder);
    return NULL;
}

static int is_backup(const struct dirent *entry) {
    return fnmatch(PATTERN, entry->d_name, 0) == 0;
}

// The newest first: their names sort as their times.
static int newest_first(const struct dirent **one, const struct dirent **other) {
    return strcmp((*other)->d_name, (*one)->d_name);
}

// What was made now is kept, whatever the names of others say: the clock may have been ahead.
static const struct error *remove_old(struct arena *a, const char *folder, const char *made,
                                      int keep, int *ret_removed) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_backup, newest_first);
    if (count < 0) {
        return folder_error(a, folder, "read");
    }
    const struct error *e = NULL;
    int removed = 0;
    int kept = 1; // made
    for (int i = 0; i < count; i++) {
        const char *path = arena_printf(a, "%s/%s", folder, entries[i]->d_name);
        bool is_old = strcmp(entries[i]->d_name, made) != 0 && kept++ >= keep;
        if (is_old && e == NULL && unlink(path) != 0) {
            e = folder_error(a, path, "removed");
        }
        removed += is_old && e == NULL;
        free(entries[i]);
    }
    free(entries);
    *ret_removed = removed;
    return e;
}

static bool sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

// Links from as the name of the second that it is, which *ret_name is then. False, with errno, if
// that fails.
static bool link_now(struct arena *a, const char *folder, const char *from, const char **ret_name) {
    char name[64];
    struct tm parts;
    time_t seconds = (time_t)(clock_now_us(&clock_system) / 1000000);
    strftime(name, sizeof(name), "runsd-%Y%m%dT%H%M%SZ.db", gmtime_r(&seconds, &parts));
    *ret_name = arena_printf(a, "%s", name);
    return link(from, arena_printf(a, "%s/%s", folder, name)) == 0;
}

const struct error *backup_folder_end(struct arena *a, const char *folder, int keep,
                                      const char **ret_file, int *ret_removed) {
    const char *from = arena_printf(a, "%s/" NEXT, folder);
    const char *name;
    bool is_named = link_now(a, folder, from, &name);
    for (int i = 0; i < NAME_TRIES && !is_named && errno == EEXIST; i++) {
        thread_pause(NAME_RETRY_US);
        is_named = link_now(a, folder, from, &name);
    }
    int failure = errno;
    const char *to = arena_printf(a, "%s/%s", folder, name);
    errno = failure;
    if (!is_named) {
        return failure == EEXIST
                   ? error_new(a, STATUS_ALREADY_EXISTS, REASON_NONE,
                               "\"%s\" is there already; what was made now is \"%s\"", to, from)
                   : folder_error(a, to, "made");
    }
    if (unlink(from) != 0 || !sync_folder(folder)) {
        return folder_error(a, folder, "synced");
    }
    *ret_file = to;
    return remove_old(a, folder, name, keep, ret_removed);
}
