#ifndef RUNSD_STORAGE_POSTGRES_COMMIT_OUTCOME_H
#define RUNSD_STORAGE_POSTGRES_COMMIT_OUTCOME_H

#include "storage/postgres/pg_connection.h"

// What became of a transaction whose commit was not answered. Each connection that changes the
// store has a row of table commit_mark, and each of its transactions writes the next number there.
// So whoever reads the row knows whether the transaction was made; and it makes the row useless
// for one that is still under way at the old session, which fails by it. Where the old session
// waits for its standby it holds the row, and so whoever asks waits for it.

// Of one connection, from one opening to the next.
struct commit_mark {
    int64_t writer; // random
    int64_t number; // of the last transaction that was made
};

// Adds the row of the connection that was just opened, under a new writer. What that costs, a
// commit, shows that the server takes changes.
enum pg_outcome commit_mark_open(struct pg_connection *c, struct commit_mark *ret);

// The end of a transaction.
struct commit_end {
    const PGresult *settings; // as the session had them behind the commit; NULL: nobody asked
};

// Queues the next number and COMMIT. The transaction fails, with the SQLSTATE
// COMMIT_MARK_MISSED, if the row is not there as mark says, or where synchronous_commit is less
// than on, or synchronous_standby_names is not standby_names, which may be NULL: whatever. a is
// for parameters; end is set by pg_sync.
#define COMMIT_MARK_MISSED "22012"
void commit_end_queue(struct pg_connection *c, struct arena *a, const struct commit_mark *mark,
                      const char *standby_names, struct commit_end *end);

// Once pg_sync has returned PG_OK: whether all who must have the transaction have it. Else what
// became of it is to be resolved: the settings were changed while it was committed, which sends
// on whoever waits for a standby.
bool commit_end_is_sound(const struct commit_end *end);

enum commit_outcome { COMMIT_MADE, COMMIT_NOT_MADE, COMMIT_UNKNOWN };

// Finds out on c, which was opened anew, what became of the transaction behind mark, whose
// connection is closed, and commits that it did, so that it says what lasts. Waits for an old
// session until c's deadline. COMMIT_NOT_MADE: it never will be. COMMIT_UNKNOWN: it may be asked
// again, on a connection that is opened anew if c is closed.
enum commit_outcome commit_outcome_resolve(struct pg_connection *c, struct arena *a,
                                           const struct commit_mark *mark,
                                           const char *standby_names);

#endif
