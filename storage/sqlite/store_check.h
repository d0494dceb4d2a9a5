#ifndef RUNSD_STORAGE_SQLITE_STORE_CHECK_H
#define RUNSD_STORAGE_SQLITE_STORE_CHECK_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/core/arena.h"

// Whether what a database holds fits together as this program relies on it. SQLite itself does
// not find a page that is left of another moment: such a page is sound in itself.

enum { STORE_PROBLEMS_MAX = 20 };

// What was found, a sentence each, in the arena that was given.
struct store_problems {
    const char *text[STORE_PROBLEMS_MAX];
    int count;
};

// Looks at the newest events with their runs and at runs chosen at random, each in
// its indexes and with its body and events, and from the indexes back: all of a
// small store, as much as a part of a second allows of a large one. Returns
// SQLite's code; damage that SQLite finds is listed as a problem.
int store_check_sample(sqlite3 *db, struct arena *a, struct store_problems *ret);

// As store_check_sample, but looks at everything, which takes minutes for millions of runs.
int store_check_all(sqlite3 *db, struct arena *a, struct store_problems *ret);

#endif
