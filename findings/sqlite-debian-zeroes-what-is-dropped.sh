#!/usr/bin/env bash
# Guess: dropping a table only hands its pages to the list of free ones: a few pages written,
#   however large the table is.
# What happens: Debian compiles SQLite with SQLITE_SECURE_DELETE, so each freed page is filled with
#   zeros, and in WAL mode written to the log for that: a table of 20 MB costs a log of 20 MB, over
#   six hundred times what PRAGMA secure_delete=FAST writes. DELETE without WHERE does the same, and
#   a DELETE of the first half of the rows writes twice as much as with FAST. The price of FAST:
#   what stood in the freed pages can still be read in the file.
# Version: libsqlite3 3.40.1 as Debian 12 builds it, by Debian's Python; SQLite's own default is OFF.
# Why it matters: a migration that copies a table and drops the old one, or a sweep of old rows,
#   needs room for the table once more, and the log cannot be cut before that transaction ends.
#   Tried with another build of the same version, it does not.
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
import sys

ROWS = 20000


def compiled(option):
    options = sqlite3.connect(":memory:").execute("PRAGMA compile_options").fetchall()
    return (option,) in options


def written(change, mode):
    """Returns the bytes in the log after change, and whether the text of a row that it removed
    is still in the file."""
    path = "runs.db"
    db = sqlite3.connect(path, isolation_level=None)
    if mode:
        db.execute(f"PRAGMA secure_delete={mode}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA wal_autocheckpoint=0")
    db.execute("CREATE TABLE run(id INTEGER PRIMARY KEY, body TEXT)")
    db.execute("BEGIN")
    db.executemany("INSERT INTO run VALUES(?, ?)",
                   ((i, f"<body {i}>" + "x" * 1000) for i in range(ROWS)))
    db.execute("COMMIT")
    assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    db.execute(change)
    size = os.path.getsize(path + "-wal")
    db.close()
    with open(path, "rb") as file:
        readable = b"<body 1234>" in file.read()
    os.remove(path)
    return size, readable


print("SQLite", sqlite3.sqlite_version, "SECURE_DELETE" if compiled("SECURE_DELETE") else "")
for change, bound in (("DROP TABLE run", 100), ("DELETE FROM run", 100),
                      (f"DELETE FROM run WHERE id < {ROWS // 2}", 1.8)):
    (default, kept), (fast, kept_by_fast) = written(change, None), written(change, "FAST")
    print(f"{change}: {default} bytes, with FAST {fast}", file=sys.stderr)
    print(f"{change}: writes {bound} times as much as with FAST, or more: {default >= bound * fast}")
    print(f"  what was removed can be read in the file: {kept}, with FAST {kept_by_fast}")
END
seen=$(/usr/bin/python3 -B try.py)
expected='SQLite 3.40.1 SECURE_DELETE
DROP TABLE run: writes 100 times as much as with FAST, or more: True
  what was removed can be read in the file: False, with FAST True
DELETE FROM run: writes 100 times as much as with FAST, or more: True
  what was removed can be read in the file: False, with FAST True
DELETE FROM run WHERE id < 10000: writes 1.8 times as much as with FAST, or more: True
  what was removed can be read in the file: False, with FAST True'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
