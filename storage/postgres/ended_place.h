#ifndef RUNSD_STORAGE_POSTGRES_ENDED_PLACE_H
#define RUNSD_STORAGE_POSTGRES_ENDED_PLACE_H

#include <stdint.h>

// The order in which runs ended and were deleted, in all organizations, as one number: the instant
// and, for those of one instant, 10 bits of what tells them apart. The index event_end is
// of the very expressions. What is later than PG_PLACE_LAST_US, in the year
// 2255, is as of then.
#define PG_PLACE_LAST_US        INT64_C(9007199254740990)
#define PG_PLACE_SQL(at, apart) "least(" at ", 9007199254740990) * 1024 + (" apart " & 1023)"

// Of an event that made its run final, or tells of its deletion.
#define PG_EVENT_PLACE_SQL  PG_PLACE_SQL("at", "revision")
#define PG_EVENT_IS_END_SQL "(kind=7 OR (from_status<3 AND to_status>2))"

// Returns the first place of at_us or later.
static inline int64_t pg_place_of(int64_t at_us) {
    int64_t us = at_us < 0 ? 0 : at_us < PG_PLACE_LAST_US ? at_us : PG_PLACE_LAST_US;
    return us * 1024;
}

#endif
