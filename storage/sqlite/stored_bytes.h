#ifndef RUNSD_STORAGE_SQLITE_STORED_BYTES_H
#define RUNSD_STORAGE_SQLITE_STORED_BYTES_H

#include <sqlite3.h>

#include "storage/sqlite/organizations.h"

// How many bytes the definitions of runs have (struct store_use), which creations and deletions
// count with their organization in memory. No event tells them, but the key of a run's body is that
// of its first event; so a start looks at the bodies of those that came behind the mark, and counts
// an organization anew that a program changed which does not count them.

// The length is in the row's head: what a long definition continues on is not read.
#define STORED_BYTES_SQL "SELECT length(spec) FROM run_body WHERE run_key=?1"

// Reads with s (STORED_BYTES_SQL) how many bytes the run of run_key has. Returns SQLite's code;
// SQLITE_CORRUPT if it has no body.
int stored_bytes_of(sqlite3_stmt *s, int64_t run_key, int64_t *ret);

// Counts anew the organizations whose rows have old bytes, which are written with the mark as those
// that change. After the replay. Returns SQLite's code.
int stored_bytes_fill(sqlite3 *db, struct organizations *organizations);

// Organizations whose bytes are not those of their runs, for storage/sqlite/store_check.c. Runs
// that came after the row's newest event are not in it.
#define STORED_BYTES_CHECK                                                                         \
    "SELECT 'the organization \"'||name||'\" has '||stored_bytes||' stored bytes, and its runs '"  \
    "||bytes FROM (SELECT o.name AS name, o.stored_bytes AS stored_bytes,"                         \
    "  coalesce((SELECT sum(length(b.spec)) FROM run AS r CROSS JOIN run_body AS b"                \
    "   ON b.run_key=r.run_key WHERE r.organization=o.name AND r.run_key<=o.newest_event), 0)"     \
    "  AS bytes FROM organization AS o WHERE NOT " ORGANIZATION_OLD_BYTES_SQL ")"                  \
    " WHERE bytes<>stored_bytes LIMIT 20"

#endif
