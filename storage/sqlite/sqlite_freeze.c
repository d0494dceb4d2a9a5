#include "storage/sqlite/sqlite_freeze.h"

#include <errno.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/thread/thread.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/freeze_marker.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/store_visit.h"

enum { LOOK_US = 50 * 1000 };

// Waits for the end; returns whether it came before the time was over.
static bool hold(const struct freeze_marker *marker, const struct store_freeze_options *options) {
    int64_t end_us = clock_monotonic_us() + options->longest_us;
    options->on_frozen(options->context, clock_now_us(&clock_system) + options->longest_us);
    while (freeze_marker_is_there(marker) && !options->is_ended(options->context)) {
        int64_t left_us = end_us - clock_monotonic_us();
        if (left_us <= 0) {
            return false;
        }
        thread_pause(left_us < LOOK_US ? left_us : LOOK_US);
    }
    return true;
}

static const struct error *lock_writes(struct arena *a, sqlite3 *db, const char *path) {
    int64_t version = 0;
    const struct error *e = schema_check_version(a, db, path, &version);
    int rc = e == NULL ? sqlite_run(db, "BEGIN IMMEDIATE") : SQLITE_OK;
    if ((rc & 0xFF) == SQLITE_BUSY) {
        return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "the store \"%s\" cannot be frozen: another program had its write lock "
                         "for %d s",
                         path, SQLITE_BUSY_TIMEOUT_MS / 1000);
    }
    return rc == SQLITE_OK ? e : sqlite_error(a, db, rc, path, "locking it");
}

static const struct error *freeze(struct arena *a, const struct store_visit *store,
                                  const struct freeze_marker *marker,
                                  const struct store_freeze_options *options, bool *ret_in_time) {
    sqlite3 *db = NULL;
    int rc = sqlite_connect_writer(store->path, &db);
    const struct error *e = rc == SQLITE_OK ? lock_writes(a, db, store->path)
                                            : sqlite_error(a, db, rc, store->path, "opening it");
    if (e == NULL && !freeze_marker_write(marker)) {
        e = error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "\"%s\" cannot be written: %s",
                      marker->path, strerror(errno));
    }
    if (e == NULL) {
        *ret_in_time = hold(marker, options);
        (void)sqlite_run(db, "ROLLBACK"); // closing it does that, too
    }
    sqlite3_close(db);
    return e;
}

const struct error *sqlite_freeze_store(struct arena *a, const char *path,
                                        const struct store_freeze_options *options,
                                        bool *ret_in_time) {
    struct store_visit store;
    const struct error *e = store_visit_begin(a, path, &store);
    if (e != NULL) {
        return e;
    }
    struct freeze_marker marker;
    e = freeze_marker_open(a, store.path, &marker);
    if (e == NULL) {
        e = freeze(a, &store, &marker, options, ret_in_time);
        freeze_marker_close(&marker); // after SQLite has let go: who waits for it can write
    }
    store_visit_end(&store, a);
    return e;
}

const struct error *sqlite_thaw_store(struct arena *a, const char *path, bool *ret_was_frozen) {
    return freeze_marker_end(a, path, ret_was_frozen);
}
