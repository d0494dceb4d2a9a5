#include <postgresql/libpq-fe.h>
#include <stdio.h>

#include "storage/postgres/conninfo.h"
#include "storage/postgres/copy_source.h"
#include "storage/postgres/copy_target.h"
#include "storage/postgres/migrate.h"
#include "storage/postgres/postgres_store.h"
#include "storage/postgres/store_check.h"
#include "storage/store_backend.h"

// A location is what libpq needs to reach a database (conninfo.h), whose tables were made by
// run_store_migrate. Any number of processes can open it.

static const struct error *open_store(struct arena *a, const char *location,
                                      const struct run_store_options *options,
                                      struct run_store **ret_store) {
    const char *conninfo = NULL;
    const char *direct_conninfo = NULL;
    const struct error *error = conninfo_of_location(a, "the store's URL", location, &conninfo);
    if (error == NULL && options->direct_url != NULL) {
        error = conninfo_of_url(a, "the store's direct URL", options->direct_url, &direct_conninfo);
    }
    return error != NULL ? error
                         : postgres_store_open(a, conninfo_describe(a, location), conninfo,
                                               direct_conninfo, options, ret_store);
}

static const struct error *migrate(struct arena *a, const char *location,
                                   struct store_migration *ret) {
    const char *conninfo = NULL;
    const struct error *error = conninfo_of_location(a, "the store's URL", location, &conninfo);
    return error != NULL
               ? error
               : migrate_run(a, conninfo, conninfo_describe(a, location), &migrate_all_steps, ret);
}

// "15.14" of 150014.
static void add_libraries(struct build_libraries *libraries) {
    static char version[32]; // the same whoever writes it
    snprintf(version, sizeof(version), "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
    build_libraries_add(libraries, "libpq", version);
}

#define CHAPTER "(docs/OPERATING.md, \"PostgreSQL\")"

static const struct store_upkeep upkeep = {
    .instead_of_backup = "PostgreSQL has tools of its own: pg_basebackup with its archive of "
                         "write-ahead logs, or pg_dump " CHAPTER,
    .instead_of_measure = "ask a server that serves it: runsctl store stats; PostgreSQL itself "
                          "knows how large tables are: psql's \\dt+",
    .instead_of_freeze = "a snapshot of PostgreSQL's file system needs no freeze where it is of "
                         "all its files at once; else pg_backup_start() and pg_backup_stop() "
                         "stand around it " CHAPTER,
};

// Stores have no file: no socket lies beside them, and no holder is published, since whoever has
// the URL uses the database itself.
const struct store_backend postgres_backend = {
    .scheme = "postgres",
    .place = "database",
    .is_on_server = true,
    .describe = conninfo_describe,
    .open = open_store,
    .check = pg_store_check,
    .migrate = migrate,
    .upkeep = &upkeep,
    .open_source = pg_copy_source_open,
    .open_target = pg_copy_target_open,
    .place_of = pg_copy_place_of,
    .add_libraries = add_libraries,
};
