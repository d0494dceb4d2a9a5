#include "storage/sqlite/feed_age.h"

#include "storage/sqlite/event_row.h"

int feed_age_revision(sqlite3_stmt *mark, sqlite3_stmt *link, struct slice organization,
                      const struct organization_head *head, int64_t aged_event,
                      int64_t *ret_revision) {
    struct feed_place place = {head->revision, head->event};
    int64_t aged = head->floor / EVENT_MARK_INTERVAL; // of marks, those up to it are too old
    int64_t young = head->revision / EVENT_MARK_INTERVAL + 1;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && place.event > aged_event && young - aged > 1) {
        int64_t middle = aged + (young - aged) / 2;
        struct feed_place found;
        rc = feed_chain_mark(mark, organization, middle * EVENT_MARK_INTERVAL, &found);
        if (rc == SQLITE_OK && found.event <= aged_event) {
            aged = middle;
        } else if (rc == SQLITE_OK) {
            young = middle;
            place = found;
        }
    }
    while (rc == SQLITE_OK && place.event > aged_event && place.revision > head->floor) {
        rc = feed_chain_back(link, organization, &place);
    }
    *ret_revision = place.revision;
    return rc;
}
