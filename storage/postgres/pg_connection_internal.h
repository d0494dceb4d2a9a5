#ifndef RUNSD_STORAGE_POSTGRES_PG_CONNECTION_INTERNAL_H
#define RUNSD_STORAGE_POSTGRES_PG_CONNECTION_INTERNAL_H

#include "storage/postgres/pg_connection.h"

// What pg_connection.c, which runs statements, and pg_connect.c, which opens connections, share.

// A statement that the server of the connection has under its name, or is being given it.
struct pg_prepared {
    const struct pg_statement *statement; // NULL: a free place
    bool is_there;
};

// What was sent and is to be answered.
struct pg_queued {
    const struct pg_statement *statement;
    bool is_preparation;
    const PGresult **ret_result; // may be NULL
    const PGresult *result;      // NULL: not yet
};

enum {
    PG_PREPARED_PLACES = 1024, // a power of two, far more than there are statements
    PG_MOST_ANSWERS = 2 * PG_MOST_QUEUED,
    PG_SQLSTATE_SIZE = 6,
};

struct pg_connection {
    struct pg_connection_options options;
    PGconn *conn;        // NULL: closed
    int64_t timeline;    // of its server, when it was opened
    int64_t deadline_us; // of pg_sync; 0: none

    struct pg_queued queued[PG_MOST_ANSWERS];
    int queued_count;
    bool is_in_transaction; // when the first was queued, or by one that is queued
    bool has_commit;        // among what is queued
    bool is_unsendable;     // libpq took something that was queued no more

    PGresult **results; // until pg_connection_clear
    size_t result_count;
    size_t result_capacity;

    struct pg_prepared prepared[PG_PREPARED_PLACES];

    bool has_warned; // the server, while it carried out what was queued
    char warning[PG_DETAIL_SIZE];
    char detail[PG_DETAIL_SIZE];
    char sqlstate[PG_SQLSTATE_SIZE];
};

// Waits until the socket is ready for events (poll(2)), or until_us passed (0: never), which
// returns false.
bool pg_wait(int fd, short events, int64_t until_us);

// Whether the connection's server was failed over from since, as other connections know.
bool pg_is_left_behind(const struct pg_connection *c);

// Sets what pg_connection_detail says, on one line.
void pg_set_detail(struct pg_connection *c, const char *sqlstate, const char *text);

#endif
