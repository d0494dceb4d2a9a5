#ifndef RUNSD_STORAGE_SQLITE_SCHEMA_TENANTS_H
#define RUNSD_STORAGE_SQLITE_SCHEMA_TENANTS_H

// What came with SCHEMA_TENANTS: tokens that a certificate's name opens, and limits of a token's
// own. Limits are numbers a second, and streams at once; 0: the server's, -1: none.
//
// A program from before knows neither. It has tokens with a client name as tokens of a secret that
// nobody has, and counts no limit. It leaves the bytes of organizations that it changes behind,
// which the next start by a program that counts them sees (storage/sqlite/stored_bytes.h).

// The text of a partial index, as in storage/sqlite/schema_jobs.h: tokens with a client name.
#define TOKEN_ROW_CLIENT_SQL "client_san<>''"

#define SCHEMA_TENANTS_SQL                                                                         \
    "ALTER TABLE token ADD COLUMN client_san TEXT NOT NULL DEFAULT '';" /* empty: it has secrets   \
                                                                         */                        \
    "ALTER TABLE token ADD COLUMN limit_reads INTEGER NOT NULL DEFAULT 0;"                         \
    "ALTER TABLE token ADD COLUMN limit_changes INTEGER NOT NULL DEFAULT 0;"                       \
    "ALTER TABLE token ADD COLUMN limit_bytes INTEGER NOT NULL DEFAULT 0;"                         \
    "ALTER TABLE token ADD COLUMN limit_streams INTEGER NOT NULL DEFAULT 0;" /* How many bytes the \
                                                                                runs' definitions  \
                                                                                have, as of which  \
                                                                                event and of how   \
                                                                                many runs. */      \
    "ALTER TABLE organization ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;"                 \
    "ALTER TABLE organization ADD COLUMN bytes_as_of_event INTEGER NOT NULL DEFAULT 0;"            \
    "ALTER TABLE organization ADD COLUMN bytes_of_runs INTEGER NOT NULL DEFAULT 0;"                \
    "CREATE INDEX token_by_client ON token(client_san) WHERE " TOKEN_ROW_CLIENT_SQL ";"

#endif
