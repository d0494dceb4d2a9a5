#ifndef RUNSD_STORAGE_SQLITE_STATE_FILE_H
#define RUNSD_STORAGE_SQLITE_STATE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "storage/sqlite/lineage.h"

// The file PATH.state beside a store: how far the store had come when it last
// acknowledged something. It is written after each commit and never waited for, so
// it can be behind the database after a power cut but not before it: a database
// that is behind it has lost what was acknowledged.
struct state_file {
    int fd; // -1: there is none, and nothing is noted
    uint8_t store[LINEAGE_MARK_BYTES];
    int64_t generation;
    int64_t newest_event;
    bool is_unsettled; // a generation was noted that a power cut may forget
};

struct state_contents {
    uint8_t store[LINEAGE_MARK_BYTES];
    int64_t generation;
    int64_t newest_event;
};

// Reads the file of the store at path. Returns false if there is none, or none
// that was written whole.
bool state_file_read(struct arena *a, const char *path, struct state_contents *ret);

// Opens the file for writing, made durably if it is not there. Returns NULL, or why
// it cannot be; then nothing is noted.
const char *state_file_open(struct state_file *f, struct arena *a, const char *path);

void state_file_close(struct state_file *f);

// Notes what was committed: one write(2) if it is more than before.
void state_file_note(struct state_file *f, const struct lineage *l, int64_t newest_event);

// Makes a new generation's note durable.
void state_file_settle(struct state_file *f);

#endif
