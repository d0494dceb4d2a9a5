#include "storage/sqlite/connection_use.h"

#include "storage/sqlite/connection.h"

enum { INTERVAL_US = 1000 * 1000, LONG_INTERVAL_US = 60 * INTERVAL_US };

static const int memory_codes[CONNECTION_USES] = {
    [CONNECTION_USE_CACHE] = SQLITE_DBSTATUS_CACHE_USED,
    [CONNECTION_USE_SCHEMA] = SQLITE_DBSTATUS_SCHEMA_USED,
    [CONNECTION_USE_STATEMENTS] = SQLITE_DBSTATUS_STMT_USED,
};

static struct metrics_child *lookups(const struct store_metrics *m, const char *thread,
                                     const char *result) {
    const char *const values[] = {thread, result};
    return metrics_child(m->cache_lookups, values);
}

void connection_use_init(struct connection_use *use, sqlite3 *db, const struct store_metrics *m,
                         const char *thread) {
    static const char *const words[CONNECTION_USES] = {"cache", "schema", "statements"};
    *use = (struct connection_use){
        .db = db,
        .hits = lookups(m, thread, "hit"),
        .misses = lookups(m, thread, "miss"),
    };
    for (int i = 0; i < CONNECTION_USES; i++) {
        const char *const values[] = {thread, words[i]};
        use->memory[i] = metrics_child(m->memory_bytes, values);
    }
    int64_t kibibytes = 0;
    if (sqlite_query_int(db, "PRAGMA cache_size", &kibibytes) == SQLITE_OK) {
        metrics_gauge_set(metrics_child(m->cache_limit_bytes, &thread), -kibibytes * 1024);
    }
}

// What SQLite has counted since it was asked last, where it counts; else what there is now.
static int64_t status(sqlite3 *db, int code, bool begins_anew) {
    int now = 0;
    int most = 0;
    (void)sqlite3_db_status(db, code, &now, &most, begins_anew);
    return now;
}

void connection_use_tell(struct connection_use *use, int64_t now_us) {
    if (use->hits == NULL || (use->told_us != 0 && now_us - use->told_us < INTERVAL_US)) {
        return;
    }
    use->told_us = now_us;
    bool tells_all = use->told_all_us == 0 || now_us - use->told_all_us >= LONG_INTERVAL_US;
    use->told_all_us = tells_all ? now_us : use->told_all_us;
    for (int i = 0; i < CONNECTION_USES; i++) {
        if (i == CONNECTION_USE_CACHE || tells_all) {
            metrics_gauge_set(use->memory[i], status(use->db, memory_codes[i], false));
        }
    }
    metrics_counter_add(use->hits, status(use->db, SQLITE_DBSTATUS_CACHE_HIT, true));
    metrics_counter_add(use->misses, status(use->db, SQLITE_DBSTATUS_CACHE_MISS, true));
}
