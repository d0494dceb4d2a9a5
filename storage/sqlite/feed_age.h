#ifndef RUNSD_STORAGE_SQLITE_FEED_AGE_H
#define RUNSD_STORAGE_SQLITE_FEED_AGE_H

#include <sqlite3.h>
#include <stdint.h>

#include "storage/sqlite/feed_chain.h"
#include "storage/sqlite/organizations.h"

// Finds the newest revision of the organization whose event is none after aged_event, at least its
// floor, with mark (FEED_MARK_SQL) and link (FEED_LINK_SQL). Returns SQLite's code; SQLITE_CORRUPT
// if an event above the floor is missing.
int feed_age_revision(sqlite3_stmt *mark, sqlite3_stmt *link, struct slice organization,
                      const struct organization_head *head, int64_t aged_event,
                      int64_t *ret_revision);

#endif
