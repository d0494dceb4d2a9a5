#ifndef RUNSD_STORAGE_SQLITE_CONNECTION_USE_H
#define RUNSD_STORAGE_SQLITE_CONNECTION_USE_H

#include <sqlite3.h>
#include <stdint.h>

#include "storage/store_metrics.h"

// Tells how much memory a connection takes, and how often its cache has what is looked for. SQLite
// says so on the connection's own thread alone, so that thread tells it now and then, and what is
// told of a connection that rests is how it was left.

enum { CONNECTION_USE_CACHE, CONNECTION_USE_SCHEMA, CONNECTION_USE_STATEMENTS, CONNECTION_USES };

struct connection_use {
    sqlite3 *db;
    int64_t told_us; // 0: not yet
    int64_t told_all_us;
    struct metrics_child *memory[CONNECTION_USES];
    struct metrics_child *hits;
    struct metrics_child *misses;
};

// Once at a time for a thread's name, which is a constant.
void connection_use_init(struct connection_use *use, sqlite3 *db, const struct store_metrics *m,
                         const char *thread);

// To be called on the thread as often as it works: tells once a second at most, and what hardly
// changes once a minute: SQLite looks at each statement for it.
void connection_use_tell(struct connection_use *use, int64_t now_us);

#endif
