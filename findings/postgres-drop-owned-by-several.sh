#!/usr/bin/env bash
# Guess: DROP OWNED BY a, b does what DROP OWNED BY a and then DROP OWNED BY b do.
# What happens: where a has default privileges (ALTER DEFAULT PRIVILEGES) that grant to b and nobody else, it fails with
#   "could not find tuple for default ACL", an internal error (XX000): what is a's is to be deleted, then taking b
#   out of it leaves nothing and deletes it sooner. DROP OWNED BY b, a works, and so does one role after the other.
# Version: PostgreSQL 15 (Debian 12).
# Why it matters: it is how the roles of a service are taken away, one that owns tables and one that may use them; the error
#   names a number and no role, and a script with both names in one statement works or not by their order. Name one role
#   in each statement.
set -euo pipefail
dpkg-query -W -f '${Version}\n' postgresql-15 2>/dev/null | grep -q '^15\.' ||
    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends 'postgresql-15=15.*' >/dev/null
programs=/usr/lib/postgresql/15/bin
folder=$(mktemp -d)
chmod 755 "$folder"
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
    else
        "$@"
    fi
}
[ "$(id -u)" != 0 ] || chown postgres "$folder"
trap 'as_postgres "$programs/pg_ctl" -D "$folder/data" -m immediate -s stop 2>/dev/null || true; rm -rf -- "${folder:?}"' EXIT
cd "$folder"
as_postgres "$programs/initdb" -D "$folder/data" -A trust -U postgres --no-sync >/dev/null
as_postgres "$programs/pg_ctl" -D "$folder/data" -s -w -l "$folder/data/log" -o "-k $folder -c listen_addresses=" start
ask() {
    psql -h "$folder" -U postgres -d postgres -qAtX -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -c "$1" 2>&1
}
# Makes an owner and a user of what it owns, drops what they have, and says how that went.
dropped() {
    local statements=$1 told
    ask 'CREATE ROLE owner; CREATE ROLE reader; ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO reader'
    if told=$(ask "$statements"); then
        printf '%s: done\n' "$statements"
    else
        # Without the number, and the place in the source.
        printf '%s: %s\n' "$statements" "$(sed -n 's/^ERROR:  \(.*default ACL\) [0-9]*$/\1/p' <<<"$told")"
        ask 'DROP OWNED BY owner; DROP OWNED BY reader'
    fi
    ask 'DROP ROLE owner, reader'
}
seen=$(
    dropped 'DROP OWNED BY owner, reader'
    dropped 'DROP OWNED BY reader, owner'
    dropped 'DROP OWNED BY owner; DROP OWNED BY reader'
)
printf '%s\n' "$seen"
expected='DROP OWNED BY owner, reader: XX000: could not find tuple for default ACL
DROP OWNED BY reader, owner: done
DROP OWNED BY owner; DROP OWNED BY reader: done'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
