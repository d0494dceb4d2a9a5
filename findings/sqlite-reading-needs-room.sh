#!/usr/bin/env bash
# Guess: a database in WAL mode on a file system without room can still be read: reading
#   writes nothing.
# What happens: it cannot be read at all after a restart: the first SELECT makes PATH-shm of
#   32 KiB and ends with "disk I/O error". With PRAGMA locking_mode=EXCLUSIVE before the first
#   access, which keeps that index in memory, it is read.
# Version: libsqlite3 3.40.1 (Debian 12), by Debian's Python; the room is taken away by a limit
#   on the size of files, which a full disk or a used-up quota does as well.
# Why it matters: a service on a full disk that is restarted to make it well loses its reads
#   too. runsd opens such a store in exclusive mode, serves reads, and goes back by itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.py <<'END'
import os
import resource
import signal
import sqlite3

print("SQLite", sqlite3.sqlite_version)
db = sqlite3.connect("runs.db")
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE run(id)")
db.execute("INSERT INTO run VALUES('r1')")
db.commit()
db.close()
assert not os.path.exists("runs.db-shm")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
for mode in ("NORMAL", "EXCLUSIVE"):
    db = sqlite3.connect("runs.db")
    db.execute(f"PRAGMA locking_mode={mode}")
    try:
        print(mode, db.execute("SELECT id FROM run").fetchall())
    except sqlite3.Error as e:
        print(mode, e.sqlite_errorname)
    db.close()
END
seen=$(/usr/bin/python3 -B try.py)
expected="SQLite 3.40.1
NORMAL SQLITE_IOERR_SHMSIZE
EXCLUSIVE [('r1',)]"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
