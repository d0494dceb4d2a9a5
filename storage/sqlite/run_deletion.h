#ifndef RUNSD_STORAGE_SQLITE_RUN_DELETION_H
#define RUNSD_STORAGE_SQLITE_RUN_DELETION_H

#include "storage/sqlite/deletion_row.h"

// Which runs and events may be deleted in the writer's transaction, and what goes with it.
//
// Whoever deletes raises the floor of the organization to the newest revision that goes, before it
// does so: readers learn of the floor before they can miss an event (organizations_raise_floor).
//
// Events behind the mark are never deleted: a start has to find all of those
// (storage/sqlite/apply.h). Nor is the newest event of the store, from whose key those of later
// events follow, but with the organization that has it: then its key is kept.

struct session;

// Whether the event is needed for nothing but the feed, above the floor, and its run's history.
bool run_deletion_can_spare(const struct session *session, int64_t event);

// Whether the run has become something that its rows do not say, or that they say in an event
// behind the mark.
bool run_deletion_is_behind(struct session *session, struct slice organization,
                            const struct doomed_run *run);

// To be called of an event that is deleted with its organization: keeps its key if it is the
// newest. Returns SQLite's code.
int run_deletion_keep_key(struct session *session, int64_t event);

// Raises the floor of the organization to revision, if it is below. Returns SQLite's code.
int run_deletion_raise_floor(struct session *session, struct slice organization, int64_t revision);

// Counts the run as gone, where no event is to tell of it. Returns SQLite's code.
int run_deletion_count(struct session *session, struct slice organization,
                       const struct doomed_run *run);

// Deletes the run, which is not behind, or the event; the floor has reached the revision. No
// attempt of the run is given again, under its id least of all: whoever has one of them is refused
// by the run that is created anew. For a moment it needs a. Return SQLite's code; SQLITE_CORRUPT if
// a row is missing.
int run_deletion_delete(struct session *session, struct arena *a, struct slice organization,
                        const struct doomed_run *run);
int run_deletion_delete_gone(struct session *session, struct slice organization,
                             const struct gone_event *gone);

#endif
