#ifndef RUNSD_TESTS_STORAGE_PENDING_TESTING_H
#define RUNSD_TESTS_STORAGE_PENDING_TESTING_H

#include <stdbool.h>
#include <stdint.h>

// storage/sqlite/pending.h in calls that C++ can make. Each does what the function of its name
// there does; a run is named by strings.

struct pending;

struct pending *pending_testing_new(int runs, int64_t events);
void pending_testing_free(struct pending *p);
void pending_testing_clear(struct pending *p, int64_t mark);

// The state of a run is told by its sequence alone.
void pending_testing_stage(struct pending *p, const char *organization, const char *id,
                           int64_t sequence);
void pending_testing_committed(struct pending *p, int64_t newest_event);
void pending_testing_rolled_back(struct pending *p);

// Return the sequence that is found, 0 if none is.
int64_t pending_testing_find(struct pending *p, const char *organization, const char *id);
int64_t pending_testing_find_own(struct pending *p, const char *organization, const char *id);

void pending_testing_enter(struct pending *p, int reader);
void pending_testing_leave(struct pending *p, int reader);
int64_t pending_testing_newest_event(struct pending *p);

bool pending_testing_is_full(const struct pending *p);
bool pending_testing_has_any(const struct pending *p);
bool pending_testing_is_frozen(const struct pending *p);
void pending_testing_freeze(struct pending *p);
int64_t pending_testing_mark(const struct pending *p);
void pending_testing_retire(struct pending *p);

// Returns the id of the run that is taken, as it is stored, and its length; NULL: all are taken.
const uint8_t *pending_testing_take(struct pending *p, int *ret_len, bool *ret_is_uuid,
                                    int64_t *ret_sequence);

#endif
