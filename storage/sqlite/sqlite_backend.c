#include <sqlite3.h>
#include <sys/stat.h>

#include "storage/sqlite/copy_source.h"
#include "storage/sqlite/copy_target.h"
#include "storage/sqlite/holder_file.h"
#include "storage/sqlite/sqlite_backup.h"
#include "storage/sqlite/sqlite_check.h"
#include "storage/sqlite/sqlite_freeze.h"
#include "storage/sqlite/sqlite_measure.h"
#include "storage/sqlite/sqlite_restore.h"
#include "storage/sqlite/sqlite_store.h"
#include "storage/store_backend.h"

// A location is the path of the database, which is made if it is not there. One process at a
// time can open it.

static const char *location_below(struct arena *a, const char *folder) {
    return arena_printf(a, "%s/runs.db", folder);
}

static const char *describe(struct arena *a, const char *path) {
    return arena_printf(a, "sqlite:%s", path);
}

// The folder's permissions guard the socket as they guard the database.
static const char *socket_path(struct arena *a, const char *path) {
    return arena_printf(a, "%s.sock", path);
}

// Each name of a file leads to the same one.
static const char *place_of(struct arena *a, const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? arena_printf(a, "%llu:%llu", (unsigned long long)st.st_dev,
                                               (unsigned long long)st.st_ino)
                                : NULL;
}

static void add_libraries(struct build_libraries *libraries) {
    build_libraries_add(libraries, "SQLite", sqlite3_libversion());
}

static const struct store_upkeep upkeep = {
    .backup = sqlite_backup_store,
    .restore = sqlite_restore_store,
    .measure = sqlite_measure_store,
    .freeze = sqlite_freeze_store,
    .thaw = sqlite_thaw_store,
};

const struct store_backend sqlite_backend = {
    .scheme = "sqlite",
    .place = "file",
    .location_below = location_below,
    .describe = describe,
    .open = sqlite_store_open,
    .check = sqlite_check_store,
    .upkeep = &upkeep,
    .open_source = sqlite_copy_source_open,
    .open_target = sqlite_copy_target_open,
    .place_of = place_of,
    .publish_holder = holder_file_publish,
    .withdraw_holder = holder_file_withdraw,
    .read_holder = holder_file_read,
    .socket_path = socket_path,
    .add_libraries = add_libraries,
};
