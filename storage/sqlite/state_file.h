#ifndef RUNSD_STORAGE_SQLITE_STATE_FILE_H
#define RUNSD_STORAGE_SQLITE_STATE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "storage/sqlite/lineage.h"

// The file PATH.state beside a store: how far the store had come when it last
// acknowledged something. It is written after each commit without a sync, so after a power cut
// the file can be older than the database but never newer: a database that is older than the
// file has lost what was acknowledged.
struct state_file {
    int fd; // -1: there is none, and nothing is noted
    uint8_t store[LINEAGE_MARK_BYTES];
    int64_t generation;
    int64_t newest_event;
    bool is_unsettled; // a generation was noted that a power cut may lose
};

struct state_contents {
    uint8_t store[LINEAGE_MARK_BYTES];
    int64_t generation;
    int64_t newest_event;
};

// Reads the file of the store at path. Returns false if there is none, or if it
// was not written completely.
bool state_file_read(struct arena *a, const char *path, struct state_contents *ret);

// Opens the file for writing; makes it durably if it is not there. Returns NULL, or why
// that failed; then state_file_note does nothing.
const char *state_file_open(struct state_file *f, struct arena *a, const char *path);

void state_file_close(struct state_file *f);

// Writes down what was committed: one write(2), none if nothing changed.
void state_file_note(struct state_file *f, const struct lineage *l, int64_t newest_event);

// Syncs the file if a new generation was noted.
void state_file_settle(struct state_file *f);

// Whether state_file_settle would, for a caller that has it done on another thread by the file's
// descriptor. It counts as done.
bool state_file_take_unsettled(struct state_file *f);

#endif
