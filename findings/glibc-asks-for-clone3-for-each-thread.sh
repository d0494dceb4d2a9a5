#!/usr/bin/env bash
# Guess: where the kernel does not know clone3 (ENOSYS), as under a seccomp filter that refuses it so, glibc finds that out
#   with the first thread, and makes the others by clone.
# What happens: it asks for clone3 for every thread anew, and remembers no answer. posix_spawn does the same.
# Version: glibc 2.36 (Debian 12); strace 6.1 answers with ENOSYS in the kernel's place.
# Why it matters: a filter whose refusals are logged (SECCOMP_FILTER_FLAG_LOG) writes a line for each thread that is
#   ever made, and the lines of calls that should not be there drown in them. Refuse clone3 by a filter of its own that
#   does not log.
set -euo pipefail
apt_get() {
    dpkg-query -W -f '${Version}\n' "$1" 2>/dev/null | grep -q "^${2//./\\.}" ||
        apt-get install -y -qq --no-install-recommends "$1=$2*" >/dev/null
}
apt_get strace 6.1-
apt_get libc6-dev 2.36-
command -v gcc >/dev/null || apt-get install -y -qq --no-install-recommends gcc >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.c <<'END'
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

static void *nothing(void *unused) { return unused; }

// Makes five threads, or five processes, one after the other.
int main(int argc, char **argv) {
    for (int i = 0; i < 5; i++) {
        if (argc > 1 && strcmp(argv[1], "threads") == 0) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0) return 1;
        } else {
            char *const command[] = {"true", NULL};
            pid_t pid;
            int status;
            if (posix_spawnp(&pid, "true", NULL, NULL, command, environ) != 0) return 1;
            if (waitpid(pid, &status, 0) != pid || status != 0) return 1;
        }
    }
    return 0;
}
END
gcc -O2 -Wall -pthread -o try try.c
# How often five of them ask for clone3 and clone.
asked() {
    local what=$1 answer=$2 inject=()
    [ "$answer" = known ] || inject=(-e inject=clone3:error=ENOSYS)
    strace -f -qq -o calls -e trace=clone,clone3 "${inject[@]}" ./try "$what"
    printf 'clone3 is %s, five %s: clone3 %s times, clone %s times\n' "$answer" "$what" \
        "$(grep -c '\<clone3(' calls || true)" "$(grep -c '\<clone(' calls || true)"
}
seen=$(
    for what in threads processes; do
        asked "$what" known
        asked "$what" unknown
    done
)
printf '%s\n' "$seen"
expected='clone3 is known, five threads: clone3 5 times, clone 0 times
clone3 is unknown, five threads: clone3 5 times, clone 5 times
clone3 is known, five processes: clone3 5 times, clone 0 times
clone3 is unknown, five processes: clone3 5 times, clone 5 times'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
