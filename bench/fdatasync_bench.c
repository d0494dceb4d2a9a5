// What durability costs: blocks written one after another, each made durable
// with fdatasync, as a database that commits one at a time does. Prints one
// JSON object.
//
// usage: fdatasync_bench --file PATH [--seconds S] [--bytes N] [--overwrite]
// Appends N bytes (4096) at a time; with --overwrite rewrites blocks that were
// allocated and synced before, as a WAL that starts over does. PATH is made
// anew and removed.

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "bench/load/histogram.h"

enum { OVERWRITE_BLOCKS = 256 };

struct options {
    const char *file;
    double seconds;
    size_t bytes;
    bool overwrite;
};

static bool parse(int argc, char **argv, struct options *o) {
    static const struct option known[] = {
        {"file", required_argument, NULL, 'f'},
        {"seconds", required_argument, NULL, 's'},
        {"bytes", required_argument, NULL, 'b'},
        {"overwrite", no_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case 'f':
            o->file = optarg;
            break;
        case 's':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'b':
            o->bytes = strtoul(optarg, NULL, 10);
            break;
        case 'o':
            o->overwrite = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && o->file != NULL && o->seconds > 0 && o->bytes > 0 &&
           o->bytes <= 1 << 24;
}

static bool write_block(int fd, const char *block, size_t bytes, off_t at) {
    return pwrite(fd, block, bytes, at) == (ssize_t)bytes;
}

// Returns whether all writes and syncs succeeded; errno if not.
static bool run(int fd, const struct options *o, const char *block, struct histogram *ret) {
    for (int i = 0; o->overwrite && i < OVERWRITE_BLOCKS; i++) {
        if (!write_block(fd, block, o->bytes, (off_t)((size_t)i * o->bytes))) {
            return false;
        }
    }
    if (fsync(fd) != 0) {
        return false;
    }
    int64_t start_us = clock_monotonic_us();
    int64_t end_us = start_us + (int64_t)(o->seconds * 1e6);
    int64_t before_us = start_us;
    for (size_t i = 0; before_us < end_us; i++) {
        size_t place = o->overwrite ? i % OVERWRITE_BLOCKS : i;
        if (!write_block(fd, block, o->bytes, (off_t)(place * o->bytes)) || fdatasync(fd) != 0) {
            return false;
        }
        int64_t after_us = clock_monotonic_us();
        histogram_record(ret, (uint64_t)(after_us - before_us));
        before_us = after_us;
    }
    return true;
}

int main(int argc, char **argv) {
    struct options o = {.seconds = 1, .bytes = 4096};
    if (!parse(argc, argv, &o)) {
        (void)fprintf(stderr, "usage: fdatasync_bench --file PATH [--seconds S] [--bytes N] "
                              "[--overwrite]\n");
        return 2;
    }
    int fd = open(o.file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        (void)fprintf(stderr, "fdatasync_bench: %s: %s\n", o.file, strerror(errno));
        return 1;
    }
    CLEANUP_FREE char *block = mem_alloc(o.bytes);
    memset(block, 'x', o.bytes);
    struct histogram latency = {0};
    bool done = run(fd, &o, block, &latency);
    int reason = errno;
    (void)close(fd);
    (void)unlink(o.file);
    if (!done) {
        (void)fprintf(stderr, "fdatasync_bench: %s: %s\n", o.file, strerror(reason));
        return 1;
    }
    printf("{\"mode\":\"%s\",\"bytes\":%zu,\"syncsPerSecond\":%.1f,\"latencyUs\":"
           "{\"mean\":%.1f,\"p50\":%llu,\"p99\":%llu}}\n",
           o.overwrite ? "overwrite" : "append", o.bytes, 1e6 / histogram_mean(&latency),
           histogram_mean(&latency), (unsigned long long)histogram_percentile(&latency, 50),
           (unsigned long long)histogram_percentile(&latency, 99));
    return 0;
}
