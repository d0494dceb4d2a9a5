#ifndef RUNSD_STORAGE_SQLITE_FEED_CHAIN_H
#define RUNSD_STORAGE_SQLITE_FEED_CHAIN_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/core/slice.h"

// The events of an organization as a chain: each names the one before it, and every
// EVENT_MARK_INTERVAL-th has its key in table event_mark (storage/sqlite/event_row.h).

// An event of an organization. Revision 0, with key 0, is the place before its first one.
struct feed_place {
    int64_t revision;
    int64_t event; // its key
};

// ?1 organization, ?2 a revision that is a multiple of the interval.
#define FEED_MARK_SQL "SELECT event_key FROM event_mark WHERE organization=?1 AND revision=?2"
// ?1 the event's key, ?2 organization.
#define FEED_LINK_SQL                                                                              \
    "SELECT organization=?2, revision, previous_of_organization FROM event WHERE event_key=?1"

// Finds the place of revision, a multiple of the interval, with mark (FEED_MARK_SQL). Returns
// SQLite's code; SQLITE_CORRUPT if there is none.
int feed_chain_mark(sqlite3_stmt *mark, struct slice organization, int64_t revision,
                    struct feed_place *ret);

// Moves place to the event before it, with link (FEED_LINK_SQL). Returns SQLite's code;
// SQLITE_CORRUPT if there is another event where it was.
int feed_chain_back(sqlite3_stmt *link, struct slice organization, struct feed_place *place);

// Finds the place of revision, at most that of newest, from the nearest place behind it that is
// known: newest or a mark. Returns as the two before.
int feed_chain_find(sqlite3_stmt *mark, sqlite3_stmt *link, struct slice organization,
                    const struct feed_place *newest, int64_t revision, struct feed_place *ret);

#endif
