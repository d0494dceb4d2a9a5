#ifndef RUNSD_STORAGE_SQLITE_HISTORY_H
#define RUNSD_STORAGE_SQLITE_HISTORY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/sqlite/lineage.h"
#include "storage/sqlite/state_file.h"

// Keeps the lineage of a store that is being served, and PATH.state with it. Used by the
// writer's thread.
struct history {
    sqlite3 *db;
    struct lineage now;  // as committed
    struct lineage next; // in the open transaction, if is_staged
    bool is_staged;
    bool is_due;     // all of the log was copied: the next transaction advances
    bool is_foreign; // now names another file or schema: the next transaction corrects it
    struct state_file state;
};

// now is the record as it was read; is_due says whether the database has the record that
// the log ends with; inode and schema_cookie are those of the file as it is. Takes over state.
void history_init(struct history *h, sqlite3 *db, const struct lineage *now, bool is_due,
                  int64_t inode, int64_t schema_cookie, const struct state_file *state);

void history_release(struct history *h);

// To be called in each transaction; writes the record if it is to change. Returns
// SQLite's code.
int history_write(struct history *h);

// To be called after the transaction, before anything of it is acknowledged.
// newest_event is the largest key that is committed.
void history_committed(struct history *h, int64_t newest_event);
void history_rolled_back(struct history *h);

// To be called when all of the log was copied into the database.
void history_log_was_copied(struct history *h);

// Whether PATH.state is to be synced, because a new log was noted since this was last called.
bool history_take_unsettled(struct history *h);

// Notes in the database that the store was closed: nothing may be written
// afterwards. Returns SQLite's code.
int history_close(struct history *h);

#endif
