#include "storage/sqlite/opening.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/run_store.h"
#include "storage/sqlite/companions.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/file_header.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/state_file.h"

#define ACCEPT_HINT                                                                                \
    "to go on with what the file holds: runsctl store check --store sqlite:%s --accept"

void opening_look(struct opening *o, struct arena *a, const char *path, int fd) {
    *o = (struct opening){.path = path, .log_bytes = companions_log_bytes(a, path)};
    if (pread(fd, &o->mode, 1, FILE_HEADER_READ_VERSION) != 1) {
        o->mode = FILE_MODE_LOG; // SQLite will tell what is wrong
    }
    struct stat st;
    if (fstat(fd, &st) == 0) {
        o->inode = (int64_t)st.st_ino;
    }
    // A process that was killed may have copied some of the log, with the record, and not synced
    // it: what is written to the log now would follow a record that a power cut takes back.
    o->sync_error = o->log_bytes > 0 && fdatasync(fd) != 0 ? errno : 0;
    o->database_rc =
        o->log_bytes > 0 ? lineage_read_without_log(a, path, &o->in_database) : SQLITE_OK;
}

static const struct error *refuse_log(const struct opening *o, struct arena *a) {
    return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                     "the store \"%s\" was left as it is: the write-ahead log beside it, "
                     "\"%s-wal\", is not the log of this file; if the file is a backup, move the "
                     "log away; else put back the file that was there",
                     o->path, o->path);
}

// A log of something else would be, or has been, replayed over the database.
static const struct error *check_log(const struct opening *o, struct arena *a) {
    // What cannot be read without the log may be what the log mends.
    return o->log_bytes == 0 || o->database_rc != SQLITE_OK ||
                   lineage_fits(&o->in_database, &o->now)
               ? NULL
               : refuse_log(o, a);
}

// What was acknowledged must be there.
static const struct error *check_state(const struct opening *o, struct arena *a, sqlite3 *db,
                                       const struct state_contents *state) {
    if (state->generation > 0 && memcmp(state->store, o->now.store, sizeof(state->store)) != 0) {
        return error_new(
            a, STATUS_DATA_LOSS, REASON_NONE,
            "the store \"%s\" was left as it is: \"%s.state\" belongs to another store "
            "that was at this place; put that one back, or " ACCEPT_HINT,
            o->path, o->path, o->path);
    }
    int64_t newest = 0;
    int rc = schema_newest_event(db, &newest);
    rc = rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc; // there is no such table
    if (rc != SQLITE_OK) {
        return sqlite_error(a, db, rc, o->path, "reading its newest event");
    }
    if (state->generation > o->now.generation || state->newest_event > newest) {
        return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                         "the store \"%s\" was left as it is: changes that were acknowledged are "
                         "missing (it ends with event %lld of generation %lld, \"%s.state\" says "
                         "%lld of %lld); put back the newer file and its log, or " ACCEPT_HINT,
                         o->path, (long long)newest, (long long)o->now.generation, o->path,
                         (long long)state->newest_event, (long long)state->generation, o->path);
    }
    return NULL;
}

// Whether the file was copied by SQLite itself, which copies one moment: VACUUM INTO
// leaves it without a log, the online backup with another schema cookie.
static bool is_backup(const struct opening *o) {
    return o->mode != FILE_MODE_LOG || o->schema_cookie != o->now.schema_cookie;
}

static const struct error *check_missing_log(const struct opening *o, struct arena *a) {
    if (o->log_bytes > 0 || o->now.is_open == 0 || is_backup(o)) {
        return NULL;
    }
    return error_new(
        a, STATUS_DATA_LOSS, REASON_NONE,
        "the store \"%s\" was left as it is: it was not closed, and its write-ahead "
        "log, \"%s-wal\", with the newest changes, is missing; put it back, or " ACCEPT_HINT,
        o->path, o->path, o->path);
}

// Reads what the database says of itself with its log, now, and the schema's cookie.
static const struct error *read_records(struct opening *o, struct arena *a, sqlite3 *db) {
    int64_t application_id = 0;
    int rc = sqlite_query_int(db, "PRAGMA application_id", &application_id);
    if (rc == SQLITE_OK && application_id != SCHEMA_APPLICATION_ID) {
        return refuse_log(o, a); // the file's own header was looked at before
    }
    const struct error *e =
        rc == SQLITE_OK ? schema_check_version(a, db, o->path, &o->schema_version) : NULL;
    if (e != NULL) {
        return e;
    }
    uint8_t secret[STORE_SECRET_BYTES];
    if (rc == SQLITE_OK) {
        rc = sqlite_query_int(db, "PRAGMA schema_version", &o->schema_cookie);
    }
    if (rc == SQLITE_OK) {
        rc = schema_read_secret(db, secret);
    }
    if (rc == SQLITE_OK) {
        rc = lineage_read(db, &o->now);
    }
    rc = rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc; // there is no table meta
    return rc == SQLITE_OK ? NULL
                           : sqlite_error(a, db, rc, o->path, "reading what its log belongs to");
}

const struct error *opening_check(struct opening *o, struct arena *a, sqlite3 *db, bool accept) {
    if (o->sync_error != 0) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: its file cannot be synced: %s",
                         o->path, strerror(o->sync_error));
    }
    const struct error *e = read_records(o, a, db);
    if (e == NULL) {
        e = check_log(o, a);
    }
    if (e != NULL || accept) {
        return e;
    }
    struct state_contents state;
    bool has_state = state_file_read(a, o->path, &state) && state.generation > 0;
    if (e == NULL && has_state) {
        e = check_state(o, a, db, &state);
    }
    // The state says that the database has everything, also if another program copied
    // the log into it and removed it.
    if (e == NULL && !has_state) {
        e = check_missing_log(o, a);
    }
    return e;
}

bool opening_is_copy_in_use(const struct opening *o) {
    if (o->log_bytes == 0) {
        return false;
    }
    return o->database_rc != SQLITE_OK ||
           (o->now.generation > 0 && o->now.is_open != 0 && o->now.inode != o->inode);
}

bool opening_log_was_copied(const struct opening *o) {
    return o->log_bytes == 0 ||
           (o->database_rc == SQLITE_OK && lineage_is_same_mark(&o->in_database, &o->now));
}

bool opening_is_restored(const struct opening *o) {
    return o->now.generation > 0 &&
           (o->now.inode != o->inode || o->now.schema_cookie != o->schema_cookie);
}
