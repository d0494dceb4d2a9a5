#ifndef RUNSD_STORAGE_SQLITE_LINEAGE_H
#define RUNSD_STORAGE_SQLITE_LINEAGE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"

// What ties a database to the write-ahead log beside it and to PATH.state. SQLite
// itself ties nothing: it replays any log that it finds beside a file, even one of another
// database or of a later state of this one, and it takes a file without its log for
// complete.
//
// The record is a row of the table meta. It gets a new mark in the first transaction after
// all of the log was copied. The record in the log then names, as previous, the mark that the
// database has; once the log was copied again, both have the same record.

enum { LINEAGE_MARK_BYTES = 16 };

struct lineage {
    uint8_t store[LINEAGE_MARK_BYTES]; // random, made with the record, kept
    uint8_t mark[LINEAGE_MARK_BYTES];  // random, of this generation
    uint8_t previous[LINEAGE_MARK_BYTES];
    int64_t generation;    // grows by one with each mark; 0: there is no record
    int64_t inode;         // of the database file that it was written to
    int64_t schema_cookie; // likewise; SQLite's online backup does not keep it
    int64_t is_open;       // not closed since: a log may hold more
};

// Reads the record through db. A database of an older program has none: all is 0.
// Returns SQLite's code; SQLITE_CORRUPT if the record has another size.
int lineage_read(sqlite3 *db, struct lineage *ret);

// As lineage_read, but of the database at path without its log. This process must
// not have the file open: closing it drops SQLite's locks.
int lineage_read_without_log(struct arena *a, const char *path, struct lineage *ret);

// Writes the record in the open transaction. Returns SQLite's code.
int lineage_write(sqlite3 *db, const struct lineage *l);

// Returns what follows l: open, with a new mark; a new record if l is none.
struct lineage lineage_next(const struct lineage *l);

// Whether a log with the record in_log can be that of a database with the record
// in_database.
bool lineage_fits(const struct lineage *in_database, const struct lineage *in_log);

bool lineage_is_same_mark(const struct lineage *a, const struct lineage *b);

#endif
