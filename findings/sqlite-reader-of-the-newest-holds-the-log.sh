#!/usr/bin/env bash
# Guess: after a checkpoint that copied all of the write-ahead log, the next transaction writes
#   from the start of the log's file again; a reader that sees the newest data is in nobody's way.
# What happens: it depends on when that reader began. Of two readers of the very same data, the
#   one that began before the checkpoint reads by way of the log: as long as it is open the log is
#   continued at its end. The one that began after the checkpoint reads past the log, and the file
#   is used from its start. Where one reader takes over from another, each at the newest data and
#   just before a checkpoint, all checkpoints answer that everything is copied, and the log grows
#   by each transaction.
# Version: libsqlite3 3.40.1 (Debian 12), by Debian's Python.
# Why it matters: what PRAGMA wal_checkpoint returns (busy 0, as many pages copied as the log
#   holds) does not say that the log can be used again: watch the size of its file. Readers that
#   begin just after a checkpoint instead of just before it cost nothing.
set -euo pipefail
dpkg-query -W -f '${Version}\n' libsqlite3-0 2>/dev/null | grep -q '^3\.40\.1-' ||
    apt-get install -y -qq --no-install-recommends 'libsqlite3-0=3.40.1-*' >/dev/null
[ -x /usr/bin/python3 ] || apt-get install -y -qq --no-install-recommends python3 >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.py <<'END'
import os
import sqlite3

ROUNDS = 20
ROWS = 50


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint=0")
    return db


def begin(reader, rows):
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM run").fetchone()[0] == rows


def try_readers(when):
    path = when + ".db"
    writer, following, current = connect(path), connect(path), connect(path)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE run(body)")
    begin(current, 0)
    complete = 0
    sizes = []
    for number in range(1, ROUNDS + 1):
        writer.execute("BEGIN")
        writer.executemany("INSERT INTO run VALUES(?)", [(b"x" * 3000,)] * ROWS)
        writer.execute("COMMIT")
        sizes.append(os.path.getsize(path + "-wal"))
        if when == "before":
            begin(following, number * ROWS)
        current.execute("COMMIT")
        busy, in_log, copied = writer.execute("PRAGMA wal_checkpoint").fetchone()
        complete += busy == 0 and copied == in_log > 0
        if when == "after":
            begin(following, number * ROWS)
        current, following = following, current
    grown = sum(later > earlier for earlier, later in zip(sizes, sizes[1:]))
    return complete, grown


print("SQLite", sqlite3.sqlite_version)
for when in ("before", "after"):
    complete, grown = try_readers(when)
    print(f"readers begin just {when} a checkpoint: {complete} of {ROUNDS} copied all,",
          f"then the log grew {grown} times")
END
seen=$(/usr/bin/python3 -B try.py)
expected='SQLite 3.40.1
readers begin just before a checkpoint: 20 of 20 copied all, then the log grew 19 times
readers begin just after a checkpoint: 20 of 20 copied all, then the log grew 0 times'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
