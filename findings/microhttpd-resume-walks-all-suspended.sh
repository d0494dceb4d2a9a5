#!/usr/bin/env bash
# Guess: to resume a suspended connection costs the same however many others are suspended: it is
#   the caller who says which one goes on.
# What happens: MHD_resume_connection only marks the connection; the next MHD_run walks the list of
#   all suspended ones to find those that are marked.
# Version: libmicrohttpd12 0.9.75 (Debian 12).
# Why it matters: a quiet stream of events is a suspended connection, and so is each request that
#   waits for its upstream. Beside 5,000 quiet streams a short request takes seven times the CPU.
set -euo pipefail
apt_get() {
    dpkg-query -W -f '${Version}\n' "$1" 2>/dev/null | grep -q "^$2" ||
        apt-get install -y -qq --no-install-recommends "$1=$2*" >/dev/null
}
apt_get libmicrohttpd-dev 0.9.75-
command -v gcc >/dev/null || apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.c <<'END'
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { OTHERS = 3000, TURNS = 2000 };

static struct MHD_Connection *last; // that was suspended
static int suspended;

static enum MHD_Result handle(void *closure, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state) {
    (void)closure, (void)url, (void)method, (void)version, (void)data, (void)size;
    static char has_head;
    if (*state == NULL) {
        *state = &has_head;
        return MHD_YES;
    }
    last = connection;
    suspended++;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

// Sends a request over a connection of its own, which is suspended then.
static void add(struct MHD_Daemon *daemon) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    int pair[2];
    int before = suspended;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 ||
        write(pair[1], request, sizeof(request) - 1) < 0 ||
        MHD_add_connection(daemon, pair[0], NULL, 0) != MHD_YES) {
        exit(2);
    }
    for (int i = 0; i < 100 && suspended == before; i++) {
        MHD_run(daemon);
    }
}

static double cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

// What it takes to resume the last one, which is suspended again.
static double cost_us(struct MHD_Daemon *daemon) {
    double begin = cpu_us();
    for (int i = 0; i < TURNS; i++) {
        int before = suspended;
        MHD_resume_connection(last);
        for (int runs = 0; runs < 100 && suspended == before; runs++) {
            MHD_run(daemon);
        }
    }
    return (cpu_us() - begin) / TURNS;
}

int main(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0,
                         NULL, NULL, handle, NULL, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)OTHERS + 10, MHD_OPTION_END);
    if (daemon == NULL) {
        return 2;
    }
    add(daemon);
    double alone = cost_us(daemon);
    for (int i = 0; i < OTHERS; i++) {
        add(daemon);
    }
    double beside = cost_us(daemon);
    fprintf(stderr, "%.1f us alone, %.1f us beside %d\n", alone, beside, (int)OTHERS);
    printf("resumed beside %d others it costs %s\n", (int)OTHERS,
           beside > 4 * alone ? "more than four times as much" : "about as much");
    _exit(fflush(stdout)); // the connections are suspended yet
}
END
gcc -O2 -Wall -o try try.c -lmicrohttpd
seen=$(./try)
expected='resumed beside 3000 others it costs more than four times as much'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
