#include "storage/sqlite/feed_chain.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_row.h"

int feed_chain_mark(sqlite3_stmt *mark, struct slice organization, int64_t revision,
                    struct feed_place *ret) {
    sqlite_bind_text(mark, 1, organization);
    sqlite3_bind_int64(mark, 2, revision);
    int rc = sqlite3_step(mark);
    if (rc == SQLITE_ROW) {
        *ret = (struct feed_place){revision, sqlite3_column_int64(mark, 0)};
        rc = SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_reset(mark);
    return rc;
}

int feed_chain_back(sqlite3_stmt *link, struct slice organization, struct feed_place *place) {
    sqlite3_bind_int64(link, 1, place->event);
    sqlite_bind_text(link, 2, organization);
    int rc = sqlite3_step(link);
    bool is_sound = rc == SQLITE_ROW && sqlite3_column_int(link, 0) == 1 &&
                    sqlite3_column_int64(link, 1) == place->revision;
    if (is_sound) {
        *place = (struct feed_place){place->revision - 1, sqlite3_column_int64(link, 2)};
    }
    sqlite3_reset(link);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return rc;
    }
    return is_sound ? SQLITE_OK : SQLITE_CORRUPT;
}

int feed_chain_find(sqlite3_stmt *mark, sqlite3_stmt *link, struct slice organization,
                    const struct feed_place *newest, int64_t revision, struct feed_place *ret) {
    int64_t next_mark =
        (revision + EVENT_MARK_INTERVAL - 1) / EVENT_MARK_INTERVAL * EVENT_MARK_INTERVAL;
    struct feed_place place = *newest;
    int rc = SQLITE_OK;
    if (next_mark < newest->revision) {
        rc = feed_chain_mark(mark, organization, next_mark, &place);
    }
    while (rc == SQLITE_OK && place.revision > revision) {
        rc = feed_chain_back(link, organization, &place);
    }
    if (rc == SQLITE_OK) {
        *ret = place;
    }
    return rc;
}
