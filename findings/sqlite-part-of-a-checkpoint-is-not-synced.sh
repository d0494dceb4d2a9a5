#!/usr/bin/env bash
# Guess: a checkpoint of a write-ahead log that returns SQLITE_OK and says that it copied pages
#   has also made them durable in the database file (synchronous=FULL).
# What happens: a passive checkpoint that a reader keeps from copying the whole log writes its
#   part into the database file without any sync. Only the one that copies the rest syncs, once,
#   for all that was written since the last such one.
# Version: libsqlite3-dev 3.40.1 (Debian 12). SQLite's documentation of a passive checkpoint says
#   that it syncs if all was copied. Nothing is lost: the log is kept until then.
# Why it matters: the pages that a checkpoint's result counts as copied are not yet durable in the
#   database file, and checkpointing little and often, to spread the work, leaves all of the sync
#   to the one that happens to meet no reader.
set -euo pipefail
dpkg-query -W -f '${Version}\n' libsqlite3-dev 2>/dev/null | grep -q '^3\.40\.1-' ||
    apt-get install -y -qq --no-install-recommends 'libsqlite3-dev=3.40.1-*' >/dev/null
command -v gcc >/dev/null || apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.c <<'END'
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static const sqlite3_io_methods *real;
static int writes, syncs;

static int count_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset) {
    writes++;
    return real->xWrite(file, data, size, offset);
}

static int count_sync(sqlite3_file *file, int flags) {
    syncs++;
    return real->xSync(file, flags);
}

static void check(int rc, const char *what) {
    if (rc != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", what, sqlite3_errstr(rc));
        exit(2);
    }
}

static void run(sqlite3 *db, const char *sql) {
    check(sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

// Counts what reaches the database file, not its log, by way of this connection.
static void count(sqlite3 *db) {
    static sqlite3_io_methods counting;
    sqlite3_file *file;
    check(sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file), "file");
    real = file->pMethods;
    counting = *real;
    counting.xWrite = count_write;
    counting.xSync = count_sync;
    file->pMethods = &counting;
}

static void checkpoint(sqlite3 *db, const char *when) {
    int in_log, copied;
    writes = syncs = 0;
    check(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied), when);
    printf("%s: OK, %s of the log is copied; database file %s, synced %d times\n", when,
           copied == in_log ? "all" : copied > 0 ? "a part" : "nothing",
           writes > 0 ? "written" : "not written", syncs);
}

int main(void) {
    static const char insert[] =
        "INSERT INTO run WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200)"
        " SELECT zeroblob(2000) FROM n";
    sqlite3 *db, *reader;
    printf("SQLite %s\n", sqlite3_libversion());
    check(sqlite3_open("runs.db", &db), "open");
    check(sqlite3_open("runs.db", &reader), "open");
    run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
            "CREATE TABLE run(body)");
    count(db);
    run(db, insert);
    run(reader, "BEGIN; SELECT count(*) FROM run");
    run(db, insert);
    checkpoint(db, "beside a reader");
    run(reader, "COMMIT");
    checkpoint(db, "after it");
    sqlite3_close(reader);
    sqlite3_close(db);
}
END
gcc -O2 -Wall try.c -o try -lsqlite3
seen=$(./try)
expected='SQLite 3.40.1
beside a reader: OK, a part of the log is copied; database file written, synced 0 times
after it: OK, all of the log is copied; database file written, synced 1 times'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
