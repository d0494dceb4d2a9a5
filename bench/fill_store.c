// Fills a store with runs, so that what is measured on it is measured on a large
// one: bench/load/old_runs.h. No other process may hold the store meanwhile.

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "bench/load/old_runs.h"
#include "bench/load/option_number.h"
#include "storage/backends.h"
#include "storage/store_opener.h"

enum {
    // As many as one transaction takes, twice: the next ones wait meanwhile.
    OUTSTANDING = 8192,
    // Between two looks at the clock; the queue runs dry for a moment there.
    STEP = 300000,
};

static const double RUNS_MAX = 1e9;

static const char USAGE[] =
    "usage: fill_store --store URL --org NAME --runs N\n"
    "  --store URL   " STORE_URLS_KEPT "; without such runs yet\n"
    "  --org NAME    the organization whose runs they are\n"
    "  --runs N      how many; ids are old-0000000000000001 and on, every other is cancelled\n";

static const struct option KNOWN[] = {
    {"store", required_argument, NULL, 's'},
    {"org", required_argument, NULL, 'o'},
    {"runs", required_argument, NULL, 'n'},
    {NULL, 0, NULL, 0},
};

static void tell(uint64_t operations_done, uint64_t operations, uint64_t runs, int64_t start_us) {
    double done = (double)operations_done / (double)operations * (double)runs;
    double seconds = (double)(clock_monotonic_us() - start_us) / 1e6;
    (void)fprintf(stderr, "fill_store: %.0f of %" PRIu64 " runs, %.0f/s\n", done, runs,
                  seconds > 0 ? done / seconds : 0);
}

static void fill(struct op_pool *pool, struct old_runs *old, uint64_t runs) {
    int64_t start_us = clock_monotonic_us();
    uint64_t operations = old_runs_operations(runs);
    for (uint64_t at = 0; at < operations && pool->failures == 0;) {
        uint64_t end = operations - at > STEP ? at + STEP : operations;
        op_pool_run(pool, at, end, old_runs_fill, old);
        at = end;
        tell(at, operations, runs, start_us);
    }
}

int main(int argc, char **argv) {
    const char *url = NULL;
    const char *organization = NULL;
    double runs = 0;
    for (int c; (c = getopt_long(argc, argv, "", KNOWN, NULL)) != -1;) {
        if (c == 's') {
            url = optarg;
        } else if (c == 'o') {
            organization = optarg;
        } else if (c != 'n' || !option_number("fill_store", "--runs", optarg, 1, RUNS_MAX, &runs)) {
            return 2;
        }
    }
    if (optind != argc || url == NULL || organization == NULL || runs < 1) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    struct arena a;
    arena_init(&a);
    struct logger log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "fill_store"};
    struct run_store *store;
    const struct error *error =
        run_store_open(&a, url, &(struct run_store_options){.log = &log}, &store);
    if (error != NULL) {
        (void)fprintf(stderr, "fill_store: %s\n", error->message);
        arena_release(&a);
        return 1;
    }
    struct old_runs old;
    old_runs_init(&old, slice_of_cstr(organization));
    struct op_pool pool;
    op_pool_init(&pool, store, OUTSTANDING);
    fill(&pool, &old, (uint64_t)runs);
    run_store_close(store);
    if (pool.failures > 0) {
        (void)fprintf(stderr, "fill_store: %" PRIu64 " operations failed; is the store fresh?\n",
                      pool.failures);
    }
    int status = pool.failures > 0;
    op_pool_release(&pool);
    old_runs_release(&old);
    arena_release(&a);
    return status;
}
