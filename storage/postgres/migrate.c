#include "storage/postgres/migrate.h"

#include <string.h>
#include <sys/random.h>

#include "base/core/check.h"
#include "base/core/clock.h"

enum { CONNECT_US = 10 * 1000 * 1000 };

const struct migrate_steps migrate_all_steps = {pg_schema_steps, PG_SCHEMA_VERSION,
                                                PG_SCHEMA_OLDEST_PROGRAM};

static const struct pg_statement limit_waits = {
    .name = "migrate_limit_waits",
    .sql = "SET LOCAL lock_timeout='5s'",
};

// Any number but that of the server on duty (watcher.c), which has its lock for as long as it
// serves: "runsm".
static const struct pg_statement lock_migrations = {
    .name = "migrate_lock",
    .sql = "SELECT pg_advisory_xact_lock(x'72756e736d'::int8)",
};

static const struct pg_statement insert_row = {
    .name = "migrate_insert_store",
    .sql = "INSERT INTO store(version, oldest_program, secret, epoch, token_changes)"
           " VALUES($1::int4, $2::int4, $3::bytea, $4::int8, 0)",
};

static const struct pg_statement update_row = {
    .name = "migrate_update_store",
    .sql = "UPDATE store SET version=$1::int4, oldest_program=$2::int4",
};

struct migration {
    struct arena *arena;
    struct pg_connection *connection;
    const char *store;
    const struct migrate_steps *steps;
    int version;           // that the store has
    const char *statement; // of a step, that is carried out; NULL: none
};

static const struct error *fail(struct migration *m) {
    const char *state = pg_connection_sqlstate(m->connection);
    const char *why = pg_connection_detail(m->connection);
    if (strcmp(state, "55P03") == 0) {
        return error_new(
            m->arena, STATUS_ABORTED, REASON_NONE,
            "the store \"%s\" stays at schema version %d: another migration, or a long "
            "transaction, held a lock for more than 5 s; try again (%s)",
            m->store, m->version, why);
    }
    enum status_code code =
        strcmp(state, "42501") == 0 ? STATUS_PERMISSION_DENIED : STATUS_UNAVAILABLE;
    return error_new(m->arena, code, REASON_NONE, "the store \"%s\" stays at schema version %d: %s",
                     m->store, m->version,
                     m->statement == NULL ? why
                                          : arena_printf(m->arena, "%s, in %s", why, m->statement));
}

static enum pg_outcome begin(struct migration *m) {
    pg_queue(m->connection, &pg_begin, NULL, NULL);
    pg_queue(m->connection, &limit_waits, NULL, NULL);
    pg_queue(m->connection, &lock_migrations, NULL, NULL);
    return pg_sync(m->connection);
}

static void fill(uint8_t *bytes, size_t count) {
    CHECK(getrandom(bytes, count, 0) == (ssize_t)count);
}

// Queues what writes the version.
static void queue_row(struct migration *m, int version) {
    const struct migrate_steps *steps = m->steps;
    struct pg_params p;
    pg_params_init(&p, m->arena);
    pg_add_int4(&p, version);
    pg_add_int4(&p, version < steps->oldest_program ? version : steps->oldest_program);
    if (version > 1) {
        pg_queue(m->connection, &update_row, &p, NULL);
        return;
    }
    uint8_t secret[STORE_SECRET_BYTES];
    uint64_t epoch = 0;
    fill(secret, sizeof(secret));
    while (epoch == 0) {
        fill((uint8_t *)&epoch, sizeof(epoch));
    }
    pg_add_bytes(&p, slice_of(secret, sizeof(secret)));
    pg_add_int8(&p, (int64_t)epoch);
    pg_queue(m->connection, &insert_row, &p, NULL);
}

// Carries out the step that leads to version, in the transaction that is open, and commits.
static enum pg_outcome take_step(struct migration *m, int version) {
    for (const char *const *sql = m->steps->steps[version - 1]; *sql != NULL; sql++) {
        m->statement = *sql;
        const struct pg_statement statement = {.name = "migrate_step", .sql = *sql};
        enum pg_outcome outcome = pg_run(m->connection, &statement, NULL, NULL);
        if (outcome != PG_OK) {
            return outcome;
        }
    }
    m->statement = NULL;
    queue_row(m, version);
    pg_queue(m->connection, &pg_commit, NULL, NULL);
    return pg_sync(m->connection);
}

// Takes the next step that is missing, whoever took those before.
static const struct error *go_on(struct migration *m, struct store_migration *done) {
    struct pg_schema_row row = {0};
    enum pg_outcome outcome = begin(m);
    if (outcome == PG_OK) {
        outcome = schema_read(m->connection, &row);
    }
    if (outcome != PG_OK) {
        return fail(m);
    }
    m->version = row.version;
    done->before = done->before < 0 ? row.version : done->before;
    done->after = row.version;
    if (row.version > m->steps->version) {
        return error_new(
            m->arena, STATUS_FAILED_PRECONDITION, REASON_NONE,
            "the store \"%s\" has schema version %d, this program knows versions up to "
            "%d; use a newer program",
            m->store, row.version, m->steps->version);
    }
    if (row.version == m->steps->version) {
        return NULL;
    }
    if (take_step(m, row.version + 1) != PG_OK) {
        return fail(m);
    }
    pg_connection_clear(m->connection);
    done->after = row.version + 1;
    return NULL;
}

static const struct error *take_all(struct migration *m, struct store_migration *ret) {
    struct store_migration done = {.before = -1};
    const struct error *error = NULL;
    if (pg_connection_open(m->connection, clock_monotonic_us() + CONNECT_US) != PG_OK) {
        return error_new(m->arena, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be reached: %s", m->store,
                         pg_connection_detail(m->connection));
    }
    // A step takes as long as its tables are large; locks have a limit of their own.
    pg_connection_set_deadline(m->connection, 0);
    while (error == NULL && done.after < m->steps->version) {
        error = go_on(m, &done);
    }
    if (error == NULL) {
        *ret = done;
    }
    return error;
}

const struct error *migrate_run(struct arena *a, const char *conninfo, const char *store,
                                const struct migrate_steps *steps, struct store_migration *ret) {
    const struct pg_connection_options options = {
        .conninfo = conninfo,
        .application_name = "runsd migration",
        .is_pooled = true, // each statement is run once
    };
    struct migration m = {
        .arena = a,
        .connection = pg_connection_new(&options),
        .store = store,
        .steps = steps,
    };
    const struct error *error = take_all(&m, ret);
    pg_connection_free(m.connection);
    return error;
}
