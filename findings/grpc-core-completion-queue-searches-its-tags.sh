#!/usr/bin/env bash
# Guess: to complete an operation on a completion queue of gRPC core costs the same however many others
#   are outstanding on it: the tag is the caller's own pointer, and nothing has to be looked up.
# What happens: Debian builds the library with its assertions on, and one of these keeps all
#   outstanding tags of a queue in a list and searches it from the front for each that completes.
# Version: libgrpc29 1.51.1 (Debian 12).
# Why it matters: a server with 10,000 open streams on one queue has a read or a close outstanding for
#   each; every other operation on that queue pays for them, short calls too. Spread the streams over
#   several queues.
set -euo pipefail
dpkg-query -W -f '${Version}\n' libgrpc-dev 2>/dev/null | grep -q '^1\.51\.1-' ||
    apt-get install -y -qq --no-install-recommends 'libgrpc-dev=1.51.1-*' >/dev/null
command -v gcc >/dev/null || apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.c <<'END'
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CALLS = 100000, TURNS = 2000 };

static double cpu_us(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec * 1e6 + r.ru_utime.tv_usec + r.ru_stime.tv_sec * 1e6 + r.ru_stime.tv_usec;
}

// The CPU of asking for a channel's state and hearing at once that the deadline has passed, beside
// so many questions that stay open on the same queue.
static double turn_us(grpc_channel **channels, int open) {
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    gpr_timespec never = gpr_inf_future(GPR_CLOCK_REALTIME);
    for (int i = 0; i < open; i++) {
        grpc_channel_watch_connectivity_state(channels[i % 100], GRPC_CHANNEL_IDLE, never, queue,
                                              (void *)(intptr_t)(i + 1));
    }
    double begin = cpu_us();
    for (int i = 0; i < TURNS; i++) {
        grpc_channel_watch_connectivity_state(channels[100], GRPC_CHANNEL_IDLE,
                                              gpr_time_0(GPR_CLOCK_REALTIME), queue,
                                              (void *)(intptr_t)(CALLS + 1 + i));
        if (grpc_completion_queue_next(queue, never, NULL).type != GRPC_OP_COMPLETE) {
            exit(1);
        }
    }
    return (cpu_us() - begin) / TURNS;
}

int main(void) {
    grpc_init();
    grpc_channel *channels[101];
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    for (int i = 0; i < 101; i++) {
        channels[i] = grpc_channel_create("unix:/nobody", plain, NULL);
    }
    double alone = turn_us(channels, 0);
    double beside = turn_us(channels, CALLS);
    fprintf(stderr, "a completion: %.1f us of CPU, %.1f beside 100,000 outstanding\n", alone, beside);
    printf("gRPC core %s\n", grpc_version_string());
    printf("beside 100,000 outstanding tags a completion costs %s\n",
           beside > 3 * alone ? "more than three times as much" : "about the same");
    fflush(stdout);
    _exit(0); // what is outstanding is not waited for
}
END
gcc -O2 -o try try.c -lgrpc -lgpr
seen=$(./try)
expected='gRPC core 29.0.0
beside 100,000 outstanding tags a completion costs more than three times as much'
echo "$seen"
[ "$seen" = "$expected" ] || {
    echo "expected: $expected"
    exit 1
}
