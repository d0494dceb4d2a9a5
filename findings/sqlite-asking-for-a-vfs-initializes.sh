#!/usr/bin/env bash
# Guess: the first sqlite3_open() initializes SQLite; what comes before it, such as finding or
#   registering a VFS, leaves sqlite3_config() possible.
# What happens: sqlite3_vfs_find(), sqlite3_vfs_register() and even sqlite3_mprintf() initialize
#   the library. sqlite3_config() after any of them changes nothing and returns SQLITE_MISUSE,
#   though no database was opened. sqlite3_shutdown() makes it possible again, and a VFS that was
#   registered is still there.
# Version: libsqlite3-dev 3.40.1 (Debian 12).
# Why it matters: a program that installs a VFS of its own (to count, to encrypt, to test) and then
#   configures allocation or threads runs with the defaults, and nothing shows it unless the
#   result is looked at; here SQLite goes on counting memory behind a lock of all threads. In a
#   test with such a VFS other settings are tested than those that are shipped.
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

static void nothing(void) {
}

static void find_vfs(void) {
    sqlite3_vfs_find(NULL);
}

static sqlite3_vfs own;

// A copy of SQLite's VFS under another name; that it was asked for is undone before.
static void register_vfs(void) {
    own = *sqlite3_vfs_find(NULL);
    own.zName = "own";
    own.pNext = NULL;
    sqlite3_shutdown();
    sqlite3_vfs_register(&own, 0);
}

static void print_text(void) {
    sqlite3_free(sqlite3_mprintf("text"));
}

static void register_and_shut_down(void) {
    register_vfs();
    sqlite3_shutdown();
}

static void configure_after(const char *what, void (*act)(void)) {
    sqlite3 *db;
    act();
    int rc = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_open(":memory:", &db) != SQLITE_OK) {
        printf("cannot open\n");
    }
    const char *result = rc == SQLITE_OK ? "OK" : rc == SQLITE_MISUSE ? "MISUSE" : "another";
    printf("%s: %s, memory is %s\n", what, result,
           sqlite3_memory_used() > 0 ? "counted" : "not counted");
    sqlite3_close(db);
    sqlite3_shutdown();
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 1);
}

int main(void) {
    printf("SQLite %s\n", sqlite3_libversion());
    configure_after("at first", nothing);
    configure_after("after sqlite3_vfs_find", find_vfs);
    configure_after("after sqlite3_mprintf", print_text);
    configure_after("after sqlite3_vfs_register", register_vfs);
    sqlite3_vfs_unregister(&own);
    sqlite3_shutdown();
    configure_after("after sqlite3_vfs_register and sqlite3_shutdown", register_and_shut_down);
    printf("its VFS is %s\n", sqlite3_vfs_find("own") == &own ? "registered" : "gone");
}
END
gcc -O2 -Wall try.c -o try -lsqlite3
seen=$(./try)
expected='SQLite 3.40.1
at first: OK, memory is not counted
after sqlite3_vfs_find: MISUSE, memory is counted
after sqlite3_mprintf: MISUSE, memory is counted
after sqlite3_vfs_register: MISUSE, memory is counted
after sqlite3_vfs_register and sqlite3_shutdown: OK, memory is not counted
its VFS is registered'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
