#ifndef RUNSD_STORAGE_POSTGRES_ENDED_PLACE_H
#define RUNSD_STORAGE_POSTGRES_ENDED_PLACE_H

// The order in which runs ended and were deleted, in all organizations, as one number: the instant
// and, for those of one instant, 10 bits of what tells them apart. The indexes run_ended and
// event_deletion are of the very expressions. Instants behind the year 2255 are the last one.
#define PG_PLACES_OF_INSTANT    1024
#define PG_PLACE_SQL(at, apart) "least(" at ", 9007199254740990) * 1024 + (" apart " & 1023)"

// Of a final run, and of an event that tells of a deletion.
#define PG_RUN_PLACE_SQL   PG_PLACE_SQL("updated_at", "run_key")
#define PG_EVENT_PLACE_SQL PG_PLACE_SQL("at", "revision")

#endif
