// Fills a store with runs, so that what is measured on it is measured on a large
// one: bench/load/filled_runs.h. No other process may hold the store meanwhile.

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "bench/load/filled_runs.h"
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
static const double ORGANIZATIONS_MAX = 10000;

static const char USAGE[] =
    "usage: fill_store --store URL --org NAME --runs N ...\n"
    "  --store URL         " STORE_URLS_KEPT "\n"
    "  --org NAME          the organization whose runs they are\n"
    "  --organizations N   they go in turns to NAME-0, NAME-1 ... instead, 1 to 10000 [1: to "
    "NAME]\n"
    "  --runs N            how many; their ids are UUIDs of version 7, as CreateRun makes them\n"
    "  --running-every N   which stay running: every N-th, 1 to 1000; the others are cancelled\n"
    "                      and successful in turn [2]\n"
    "  --ids FILE          write the ids of all, a line each, in the order of creation\n"
    "  --running-ids FILE  the same of those that stay running\n";

static const struct option KNOWN[] = {
    {"store", required_argument, NULL, 's'},         {"org", required_argument, NULL, 'o'},
    {"organizations", required_argument, NULL, 'g'}, {"runs", required_argument, NULL, 'n'},
    {"running-every", required_argument, NULL, 'e'}, {"ids", required_argument, NULL, 'i'},
    {"running-ids", required_argument, NULL, 'r'},   {NULL, 0, NULL, 0},
};

struct command_line {
    const char *url, *organization, *ids, *running_ids;
    double organizations, runs, every;
};

static bool take(struct command_line *l, int option, const char *value) {
    switch (option) {
    case 's':
        l->url = value;
        return true;
    case 'o':
        l->organization = value;
        return true;
    case 'g':
        return option_number("fill_store", "--organizations", value, 1, ORGANIZATIONS_MAX,
                             &l->organizations);
    case 'n':
        return option_number("fill_store", "--runs", value, 1, RUNS_MAX, &l->runs);
    case 'e':
        return option_number("fill_store", "--running-every", value, 1, FILLED_RUNS_EVERY_MAX,
                             &l->every);
    case 'i':
        l->ids = value;
        return true;
    case 'r':
        l->running_ids = value;
        return true;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct command_line *l) {
    for (int c; (c = getopt_long(argc, argv, "", KNOWN, NULL)) != -1;) {
        if (!take(l, c, optarg)) {
            return false;
        }
    }
    if (optind != argc || l->url == NULL || l->organization == NULL || l->runs < 1) {
        (void)fputs(USAGE, stderr);
        return false;
    }
    return true;
}

static void tell(uint64_t operations_done, uint64_t operations, uint64_t runs, int64_t start_us) {
    double done = (double)operations_done / (double)operations * (double)runs;
    double seconds = (double)(clock_monotonic_us() - start_us) / 1e6;
    (void)fprintf(stderr, "fill_store: %.0f of %" PRIu64 " runs, %.0f/s\n", done, runs,
                  seconds > 0 ? done / seconds : 0);
}

static void submit_all(struct op_pool *pool, struct filled_runs *filled) {
    int64_t start_us = clock_monotonic_us();
    uint64_t operations = filled_runs_operations(filled);
    for (uint64_t at = 0; at < operations && pool->failures == 0;) {
        uint64_t end = operations - at > STEP ? at + STEP : operations;
        op_pool_run(pool, at, end, filled_runs_fill, filled);
        at = end;
        tell(at, operations, filled->count, start_us);
    }
}

// Opens the file to write; one without a name is none. Returns false if it cannot be, which
// is printed.
static bool open_list(const char *path, FILE **ret) {
    *ret = path == NULL ? NULL : fopen(path, "we");
    if (path != NULL && *ret == NULL) {
        (void)fprintf(stderr, "fill_store: %s: %s\n", path, strerror(errno));
    }
    return path == NULL || *ret != NULL;
}

static bool close_list(const char *path, FILE *list) {
    if (list == NULL) {
        return true;
    }
    bool failed = ferror(list) != 0;
    failed |= fclose(list) != 0;
    if (failed) {
        (void)fprintf(stderr, "fill_store: %s could not be written\n", path);
    }
    return !failed;
}

// Returns whether everything went well; what did not is printed.
static bool fill(struct run_store *store, const struct command_line *l) {
    struct filled_runs filled;
    filled_runs_init(&filled, slice_of_cstr(l->organization), (uint64_t)l->runs,
                     (uint64_t)l->every);
    filled.organizations = (int)l->organizations;
    struct op_pool pool;
    op_pool_init(&pool, store, OUTSTANDING);
    bool good = open_list(l->ids, &filled.ids) && open_list(l->running_ids, &filled.running_ids);
    if (good) {
        submit_all(&pool, &filled);
    }
    run_store_close(store);
    good &= close_list(l->ids, filled.ids);
    good &= close_list(l->running_ids, filled.running_ids);
    if (pool.failures > 0) {
        (void)fprintf(stderr, "fill_store: %" PRIu64 " operations failed\n", pool.failures);
        good = false;
    }
    op_pool_release(&pool);
    filled_runs_release(&filled);
    return good;
}

int main(int argc, char **argv) {
    struct command_line l = {.organizations = 1, .every = 2};
    if (!parse(argc, argv, &l)) {
        return 2;
    }
    struct arena a;
    arena_init(&a);
    struct logger log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "fill_store"};
    struct run_store *store;
    const struct error *error =
        run_store_open(&a, l.url, &(struct run_store_options){.log = &log}, &store);
    bool good = error == NULL;
    if (good) {
        good = fill(store, &l);
    } else {
        (void)fprintf(stderr, "fill_store: %s\n", error->message);
    }
    arena_release(&a);
    return good ? 0 : 1;
}
