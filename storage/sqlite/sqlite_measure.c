#include "storage/sqlite/sqlite_measure.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/store_visit.h"

enum { TABLES_MAX = 64 };

static const char tables_sql[] =
    "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%' ORDER BY name";

// ?1 the table: pages of it and of its indexes.
static const char bytes_sql[] =
    "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE aggregate=1 AND name IN"
    " (SELECT name FROM sqlite_schema WHERE tbl_name=?1)";

// Runs are counted: the rows of organizations may be behind their events while a store is served.
#define LARGEST                                                                                    \
    "(SELECT organization AS name, count(*) AS runs FROM run GROUP BY organization"                \
    " ORDER BY runs DESC, name LIMIT ?1)"

static const char tenants_sql[] =
    "SELECT l.name, l.runs, coalesce(o.stored_bytes, -1), coalesce(o.revision, -1) FROM " LARGEST
    " AS l LEFT JOIN organization AS o ON o.name=l.name ORDER BY l.runs DESC, l.name";

// Where an older schema does not count.
static const char old_tenants_sql[] = "SELECT name, runs, -1, -1 FROM " LARGEST;

static int64_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

// Returns the number that sql, with ?1 the text name, has.
static int query_of(sqlite3 *db, const char *sql, const char *name, int64_t *ret) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK && strstr(sql, "?1") != NULL) {
        rc = sqlite_bind_text(s, 1, slice_of_cstr(name));
    }
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        *ret = sqlite3_column_int64(s, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return rc;
}

static int measure_table(struct arena *a, sqlite3 *db, struct store_table *t) {
    int rc =
        query_of(db, arena_printf(a, "SELECT count(*) FROM \"%s\"", t->name), t->name, &t->rows);
    if (rc == SQLITE_OK && query_of(db, bytes_sql, t->name, &t->bytes) != SQLITE_OK) {
        t->bytes = -1; // this SQLite has no dbstat
    }
    return rc;
}

static int largest_first(const void *one, const void *other) {
    const struct store_table *a = one;
    const struct store_table *b = other;
    return a->bytes != b->bytes ? (a->bytes < b->bytes ? 1 : -1) : strcmp(a->name, b->name);
}

static int measure_tables(struct arena *a, sqlite3 *db, struct store_measures *m) {
    struct store_table *tables = ARENA_ARRAY(a, struct store_table, TABLES_MAX);
    sqlite3_stmt *s = NULL;
    int count = 0;
    int rc = sqlite3_prepare_v2(db, tables_sql, -1, &s, NULL);
    while (rc == SQLITE_OK && count < TABLES_MAX && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        tables[count].name = arena_cstr(a, sqlite_column_peek(s, 0));
        rc = measure_table(a, db, &tables[count++]);
    }
    sqlite3_finalize(s);
    qsort(tables, (size_t)count, sizeof(tables[0]), largest_first);
    m->tables = tables;
    m->table_count = count;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int measure_tenants(struct arena *a, sqlite3 *db, int most, struct store_measures *m) {
    struct store_tenant *tenants = ARENA_ARRAY(a, struct store_tenant, most);
    sqlite3_stmt *s = NULL;
    int count = 0;
    const char *sql = m->schema >= SCHEMA_TENANTS ? tenants_sql : old_tenants_sql;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_bind_int(s, 1, most);
    }
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        tenants[count++] = (struct store_tenant){
            .name = arena_cstr(a, sqlite_column_peek(s, 0)),
            .runs = sqlite3_column_int64(s, 1),
            .stored_bytes = sqlite3_column_int64(s, 2),
            .revision = sqlite3_column_int64(s, 3),
        };
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    m->tenants = tenants;
    m->tenant_count = count;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int measure_numbers(sqlite3 *db, struct store_measures *m) {
    int64_t schema = 0;
    const struct {
        const char *sql;
        int64_t *ret;
    } numbers[] = {
        {"PRAGMA user_version", &schema},
        {"SELECT freelist_count*page_size FROM pragma_freelist_count, pragma_page_size",
         &m->free_bytes},
        {"SELECT coalesce(min(started_at), 0) FROM run", &m->oldest_run_us},
        {"SELECT coalesce(max(started_at), 0) FROM run", &m->newest_run_us},
        {"SELECT coalesce((SELECT at FROM event ORDER BY event_key LIMIT 1), 0)",
         &m->oldest_event_us},
        {"SELECT coalesce((SELECT at FROM event ORDER BY event_key DESC LIMIT 1), 0)",
         &m->newest_event_us},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        rc = sqlite_query_int(db, numbers[i].sql, numbers[i].ret);
    }
    m->schema = (int)schema;
    if (rc == SQLITE_OK) {
        rc = schema_read_epoch(db, &m->epoch);
    }
    return rc == SQLITE_OK ? schema_newest_event(db, &m->newest_event) : rc;
}

// All of one moment.
static int measure_all(struct arena *a, sqlite3 *db, int tenants, struct store_measures *m) {
    int rc = sqlite_run(db, "BEGIN");
    if (rc == SQLITE_OK) {
        rc = measure_numbers(db, m);
    }
    if (rc == SQLITE_OK) {
        rc = measure_tables(a, db, m);
    }
    return rc == SQLITE_OK ? measure_tenants(a, db, tenants, m) : rc;
}

static const struct error *measure(struct arena *a, const struct store_visit *store, int tenants,
                                   struct store_measures *m) {
    sqlite3 *db = NULL;
    int64_t version = 0;
    int rc = sqlite_connect_reader(store->path, &db);
    const struct error *e =
        rc == SQLITE_OK ? schema_check_version(a, db, store->path, &version) : NULL;
    if (e == NULL && rc == SQLITE_OK) {
        rc = measure_all(a, db, tenants, m);
    }
    e = rc == SQLITE_OK ? e : sqlite_error(a, db, rc, store->path, "measuring it");
    sqlite3_close(db);
    return e;
}

const struct error *sqlite_measure_store(struct arena *a, const char *path, int tenants,
                                         struct store_measures *ret) {
    struct store_visit store;
    const struct error *e = store_visit_begin(a, path, &store);
    if (e != NULL) {
        return e;
    }
    struct store_measures m = {
        .file_bytes = size_of(store.path),
        .log_bytes = size_of(arena_printf(a, "%s-wal", store.path)),
        .is_served = store.is_served,
    };
    e = measure(a, &store, tenants, &m);
    store_visit_end(&store, a);
    if (e == NULL) {
        *ret = m;
    }
    return e;
}
