#ifndef RUNSD_STORAGE_SQLITE_LOG_PIN_H
#define RUNSD_STORAGE_SQLITE_LOG_PIN_H

#include <sqlite3.h>
#include <stdbool.h>

// A snapshot that is held to bound what a checkpoint copies: SQLite copies the log as far as its
// oldest reader has it, and syncs the database only when it has copied all of it
// (https://sqlite.org/wal.html#ckpt). On a read-only connection of its own, used by the writer's
// thread.
struct log_pin {
    sqlite3 *db;
    sqlite3_stmt *begin;
    sqlite3_stmt *read;
    sqlite3_stmt *end;
    bool is_held;
};

// Returns SQLite's code; log_pin_close in either case.
int log_pin_open(struct log_pin *p, const char *path);

// May be called again, and of one that is all zeros.
void log_pin_close(struct log_pin *p);

// Holds the log as it is now instead of as it was. The log must not be empty: its pin would be
// the database itself, which a checkpoint must not find in use. Where the snapshot cannot be
// taken none is held, and a checkpoint copies all.
void log_pin_move(struct log_pin *p);

void log_pin_release(struct log_pin *p);

#endif
