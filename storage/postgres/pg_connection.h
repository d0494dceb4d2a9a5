#ifndef RUNSD_STORAGE_POSTGRES_PG_CONNECTION_H
#define RUNSD_STORAGE_POSTGRES_PG_CONNECTION_H

#include <postgresql/libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/postgres/pg_params.h"

// A connection to PostgreSQL, always in pipeline mode, that waits by clocks of its own and never
// longer than its caller allows. One thread uses it at a time.

// A statement, as a constant. Where no pooler is between, it is prepared under its name the first
// time that a connection runs it; else it is parsed each time.
struct pg_statement {
    const char *name; // of all statements of the back-end its own; as "get_run"
    const char *sql;  // casts its parameters: $1::bytea, $2::int8[]
};

// What became of statements.
enum pg_outcome {
    PG_OK,
    // Nothing of the transaction remains, and the whole may be tried again: a deadlock, a row that
    // another transaction added meanwhile, or what was found before the locks is not so any more;
    // also where the server takes no changes any more, which closes the connection.
    PG_AGAIN,
    // A statement failed, and would again; nothing of the transaction remains. Why is in detail.
    PG_REFUSED,
    // The connection broke, or the deadline passed: it is closed, and nobody knows what became of
    // what was sent last. Also where a commit came back with the warning that not all who must have
    // it do. Why is in detail.
    PG_LOST,
};

enum { PG_MOST_QUEUED = 64, PG_DETAIL_SIZE = 512 };

// The newest timeline that any connection of a store has met. A server that was failed over from,
// and goes on where it stood still, takes itself for the primary for a while: it is on an older
// one, and neither asked nor believed any more. Shared by threads, without a lock.
struct pg_timeline {
    int64_t newest; // 0: none yet
};

struct pg_connection; // its members: pg_connection_internal.h

struct pg_connection_options {
    const char *conninfo;         // what follows libpq's rules: a URI or keywords
    const char *application_name; // "runsd writer 1"
    bool is_pooled;               // through a pooler: no prepared statements, no settings
    const struct logger *log;
    struct pg_timeline *timeline; // of the store; NULL: any server is believed
};

// Makes one that is closed. options is copied; its texts are borrowed.
struct pg_connection *pg_connection_new(const struct pg_connection_options *options);

// Closes it. NULL is ignored.
void pg_connection_free(struct pg_connection *c);

// Opens it to a server that takes changes (target_session_attrs=read-write), of several hosts to
// the first that lets it in; closes it before if it is open. PG_OK or PG_LOST.
enum pg_outcome pg_connection_open(struct pg_connection *c, int64_t deadline_us);

bool pg_connection_is_open(const struct pg_connection *c);

// Closes it at once, whatever is under way.
void pg_connection_close(struct pg_connection *c);

// Until when, on clock_monotonic_us, pg_sync waits; 0: for ever.
void pg_connection_set_deadline(struct pg_connection *c, int64_t deadline_us);

// Queues a statement; nothing is sent before pg_sync, at the latest. *ret_result, which may be
// NULL, is set by pg_sync, where that returns PG_OK, to its result, which is the connection's until
// pg_connection_clear. params (NULL: none) is not used any more afterwards. At most PG_MOST_QUEUED.
void pg_queue(struct pg_connection *c, const struct pg_statement *statement,
              const struct pg_params *params, const PGresult **ret_result);

// Sends all that is queued, with one Sync behind it, and waits for all results. Where a statement
// fails those behind it are not carried out, and the transaction is rolled back.
enum pg_outcome pg_sync(struct pg_connection *c);

// pg_queue and pg_sync.
enum pg_outcome pg_run(struct pg_connection *c, const struct pg_statement *statement,
                       const struct pg_params *params, const PGresult **ret_result);

// Frees all results. What ops keep of them they have copied.
void pg_connection_clear(struct pg_connection *c);

// How many notifications of other sessions have come, on the channels that this one listens to,
// since the last call. Reads what has come, without waiting; a connection that turns out to be lost
// is closed.
int pg_connection_take_notifications(struct pg_connection *c);

// The socket that is to be read when something comes (poll(2)); -1: it is closed.
int pg_connection_socket(const struct pg_connection *c);

// Whether a transaction is open (PQtransactionStatus).
bool pg_connection_is_in_transaction(const struct pg_connection *c);

// Why the last outcome was not PG_OK, for logs, without passwords; never NULL. And its SQLSTATE, or
// "". Valid until the next call.
const char *pg_connection_detail(const struct pg_connection *c);
const char *pg_connection_sqlstate(const struct pg_connection *c);

// Statements that all use. BEGIN of a change is read committed; of a snapshot, which only reads,
// repeatable read.
extern const struct pg_statement pg_begin;
extern const struct pg_statement pg_begin_snapshot;
extern const struct pg_statement pg_commit;
extern const struct pg_statement pg_rollback;

#endif
