#include "storage/sqlite/lineage.h"

#include <string.h>
#include <sys/random.h>

#include "base/core/check.h"
#include "storage/sqlite/connection.h"

// Numbers are stored as this machine has them: a store is read where it was written.
_Static_assert(sizeof(struct lineage) == 3 * LINEAGE_MARK_BYTES + 4 * sizeof(int64_t),
               "the record has no padding");

// The index of names is passed by: in a database without its log it may be of
// another moment than the table.
static const char select_sql[] = "SELECT value FROM meta NOT INDEXED WHERE +name='lineage'";
static const char update_sql[] = "INSERT INTO meta(name, value) VALUES('lineage', ?1)"
                                 " ON CONFLICT(name) DO UPDATE SET value=excluded.value";

int lineage_read(sqlite3 *db, struct lineage *ret) {
    struct lineage l = {.generation = 0};
    int rc = sqlite_query_blob(db, select_sql, &l, sizeof(l));
    rc = rc == SQLITE_DONE ? SQLITE_OK : rc; // no record yet
    if (rc == SQLITE_OK) {
        *ret = l;
    }
    return rc;
}

int lineage_read_without_log(struct arena *a, const char *path, struct lineage *ret) {
    sqlite3 *db = NULL;
    int rc = sqlite_connect_immutable(a, path, &db);
    if (rc == SQLITE_OK) {
        rc = lineage_read(db, ret);
    }
    sqlite3_close(db);
    return rc;
}

int lineage_write(sqlite3 *db, const struct lineage *l) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, update_sql, -1, &s, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite_bind_blob(s, 1, slice_of((const void *)l, sizeof(*l)));
    sqlite3_step(s);
    return sqlite3_finalize(s);
}

static void fill(uint8_t *mark) {
    // Getrandom(2) never fails for so few bytes.
    CHECK(getrandom(mark, LINEAGE_MARK_BYTES, 0) == LINEAGE_MARK_BYTES);
}

struct lineage lineage_next(const struct lineage *l) {
    struct lineage next = *l;
    if (l->generation == 0) {
        fill(next.store);
    }
    memcpy(next.previous, l->mark, LINEAGE_MARK_BYTES);
    fill(next.mark);
    next.generation++;
    next.is_open = 1;
    return next;
}

bool lineage_is_same_mark(const struct lineage *a, const struct lineage *b) {
    return memcmp(a->mark, b->mark, LINEAGE_MARK_BYTES) == 0;
}

bool lineage_fits(const struct lineage *in_database, const struct lineage *in_log) {
    if (lineage_is_same_mark(in_database, in_log)) {
        // The database was closed with a log that said so, too.
        return in_database->is_open != 0 || in_log->is_open == 0;
    }
    return memcmp(in_log->previous, in_database->mark, LINEAGE_MARK_BYTES) == 0;
}
