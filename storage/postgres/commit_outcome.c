#include "storage/postgres/commit_outcome.h"

#include "base/core/random_id.h"
#include "storage/postgres/pg_row.h"

// Rows of connections that wrote nothing for a day are nobody's, or their transaction fails and
// they draw another one. Those that are held are left.
static const struct pg_statement delete_old = {
    "commit_mark_delete_old",
    "DELETE FROM commit_mark WHERE writer IN (SELECT writer FROM commit_mark"
    " WHERE at<now()-interval '1 day' LIMIT 100 FOR UPDATE SKIP LOCKED)",
};

static const struct pg_statement insert = {
    "commit_mark_insert",
    "INSERT INTO commit_mark(writer, number, at) VALUES($1::int8, $2::int8, now())",
};

// Of whom $1 (NULL: of nobody) must have a change.
#define SETTINGS_ARE_AS(names)                                                                     \
    "(current_setting('synchronous_commit') IN ('on', 'remote_apply')"                             \
    " AND (" names " IS NULL OR current_setting('synchronous_standby_names')=" names "))"

// A division by 0 fails the transaction.
static const struct pg_statement advance = {
    "commit_mark_advance",
    "WITH m AS (UPDATE commit_mark SET number=number+1, at=now()"
    " WHERE writer=$1::int8 AND number=$2::int8 AND " SETTINGS_ARE_AS(
        "$3::text") " RETURNING 1) SELECT 1/count(*) FROM m",
};

static const struct pg_statement look_at_settings = {
    "commit_settings",
    "SELECT " SETTINGS_ARE_AS("$1::text"),
};

// A number below 0 is none that a transaction goes on from.
static const struct pg_statement fence = {
    "commit_mark_fence",
    "UPDATE commit_mark SET number=-abs(number), at=now() WHERE writer=$1::int8"
    " RETURNING abs(number), " SETTINGS_ARE_AS("$2::text"),
};

static void add_names(struct pg_params *p, const char *standby_names) {
    if (standby_names == NULL) {
        pg_add_null(p);
    } else {
        pg_add_bytes(p, slice_of_cstr(standby_names));
    }
}

enum pg_outcome commit_mark_open(struct pg_connection *c, struct commit_mark *ret) {
    struct arena a;
    struct pg_params p;
    int64_t writer;
    random_id_bytes((uint8_t *)&writer, sizeof(writer));
    arena_init(&a);
    pg_params_init(&p, &a);
    pg_add_int8(&p, writer);
    pg_add_int8(&p, 1);
    pg_queue(c, &pg_begin, NULL, NULL);
    pg_queue(c, &delete_old, NULL, NULL);
    pg_queue(c, &insert, &p, NULL);
    pg_queue(c, &pg_commit, NULL, NULL);
    enum pg_outcome outcome = pg_sync(c);
    if (outcome == PG_OK) {
        *ret = (struct commit_mark){.writer = writer, .number = 1};
    }
    pg_connection_clear(c);
    arena_release(&a);
    return outcome;
}

void commit_end_queue(struct pg_connection *c, struct arena *a, const struct commit_mark *mark,
                      const char *standby_names, struct commit_end *end) {
    struct pg_params p;
    pg_params_init(&p, a);
    pg_add_int8(&p, mark->writer);
    pg_add_int8(&p, mark->number);
    add_names(&p, standby_names);
    end->settings = NULL;
    pg_queue(c, &advance, &p, NULL);
    pg_queue(c, &pg_commit, NULL, NULL);
    if (standby_names != NULL) {
        pg_params_init(&p, a);
        add_names(&p, standby_names);
        pg_queue(c, &look_at_settings, &p, &end->settings);
    }
}

bool commit_end_is_sound(const struct commit_end *end) {
    return end->settings == NULL || pg_bool(end->settings, 0, 0);
}

enum commit_outcome commit_outcome_resolve(struct pg_connection *c, struct arena *a,
                                           const struct commit_mark *mark,
                                           const char *standby_names) {
    struct pg_params p;
    pg_params_init(&p, a);
    pg_add_int8(&p, mark->writer);
    add_names(&p, standby_names);
    const PGresult *row = NULL;
    const PGresult *settings = NULL;
    pg_queue(c, &pg_begin, NULL, NULL);
    pg_queue(c, &fence, &p, &row);
    pg_queue(c, &pg_commit, NULL, NULL);
    pg_params_init(&p, a);
    add_names(&p, standby_names);
    pg_queue(c, &look_at_settings, &p, &settings);
    enum commit_outcome outcome = COMMIT_UNKNOWN;
    if (pg_sync(c) == PG_OK && pg_row_count(row) == 1 && pg_bool(row, 0, 1) &&
        pg_bool(settings, 0, 0)) {
        outcome = pg_int(row, 0, 0) > mark->number ? COMMIT_MADE : COMMIT_NOT_MADE;
    }
    pg_connection_clear(c);
    return outcome;
}
