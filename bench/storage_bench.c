#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "bench/load/op_pool.h"
#include "storage/backends.h"
#include "storage/op/collect_bulk.h"
#include "storage/op/create_bulk.h"
#include "storage/op/run_bulk.h"
#include "storage/store_opener.h"

// What one store operation costs: creates runs, reads each, then cancels each,
// with a fixed number of operations outstanding, and prints CPU microseconds an
// operation (all threads of the process), read calls of the system an operation, operations a
// second, and how long one took from its submission to its answer. The runs can be cancelled by a
// job instead, one step after the other.

enum { SPEC_BYTES = 1300 };

// What an operation of a phase is, and on which runs.
struct phase {
    const struct store_kind *kind;
    const int *order;
    char (*ids)[UUID_TEXT_SIZE];
    int organizations;
};

// Runs go to the organizations in turns.
static struct slice organization_of(struct op_slot *s, int run, int organizations) {
    if (organizations == 1) {
        return slice_of_cstr("acme");
    }
    return slice_of_cstr(arena_printf(&s->arena, "acme-%d", run % organizations));
}

static void fill(void *context, struct op_slot *s, uint64_t number) {
    static const uint8_t spec[SPEC_BYTES] = {1};
    const struct phase *phase = context;
    int run = phase->order[number];
    memcpy(s->id, phase->ids[run], UUID_TEXT_SIZE);
    s->op.kind = phase->kind;
    struct slice organization = organization_of(s, run, phase->organizations);
    struct slice id = slice_of_cstr(s->id);
    struct event_cause cause = {
        .actor = slice_of_cstr("bench"),
        .request_id = id, // as long as one
        .remote_address = slice_of_cstr("127.0.0.1"),
    };
    if (phase->kind == &store_create_run_kind) {
        s->create = (struct store_create_run){
            .op = s->op,
            .in = {.organization = organization,
                   .id = id,
                   .status = RUN_RUNNING,
                   .started_at_us = 1700000000000000 + run,
                   .workflow_id = slice_of_cstr("workflow"),
                   .spec = slice_of(spec, sizeof(spec))},
            .cause = cause,
        };
    } else if (phase->kind == &store_get_run_kind) {
        s->get = (struct store_get_run){.op = s->op, .organization = organization, .id = id};
    } else {
        s->transition = (struct store_transition_run){
            .op = s->op,
            .organization = organization,
            .id = id,
            .from = RUN_STATUS_ACTIVE,
            .to = RUN_CANCELLED,
            .at_us = 1800000000000000,
            .cause = cause,
        };
    }
}

static int64_t cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

// Read calls that the process made, or -1.
static int64_t read_calls(void) {
    FILE *io = fopen("/proc/self/io", "re");
    if (io == NULL) {
        return -1;
    }
    int64_t calls = -1;
    char line[128];
    while (calls < 0 && fgets(line, sizeof(line), io) != NULL) {
        if (sscanf(line, "syscr: %" SCNd64, &calls) != 1) {
            calls = -1;
        }
    }
    fclose(io);
    return calls;
}

// Runs count operations on the runs in the phase's order.
static void run_phase(struct op_pool *p, const char *name, struct phase phase, int count) {
    int64_t cpu = cpu_us();
    int64_t calls = read_calls();
    int64_t start = clock_monotonic_us();
    p->latency_us = (struct histogram){.total = 0};
    op_pool_run(p, 0, (uint64_t)count, fill, &phase);
    double wall = (double)(clock_monotonic_us() - start);
    printf("%-8s %9.0f ops/s  %6.1f us CPU/op  %6.2f reads/op  p50 %6" PRIu64 "  p99 %6" PRIu64
           "  p99.9 %6" PRIu64 "  longest %6" PRIu64 " us\n",
           name, count * 1e6 / wall, (double)(cpu_us() - cpu) / count,
           (double)(read_calls() - calls) / count, histogram_percentile(&p->latency_us, 50),
           histogram_percentile(&p->latency_us, 99), histogram_percentile(&p->latency_us, 99.9),
           p->latency_us.max);
    fflush(stdout); // whoever measures the database server beside waits for the line
}

// Prints what a part of a job cost that dealt with count runs.
static void print_part(const char *name, int64_t count, int64_t wall_us, int64_t cpu) {
    printf("%-8s %9.0f runs/s  %6.2f us CPU/run  %" PRId64 " runs\n", name,
           (double)count * 1e6 / (double)wall_us, (double)cpu / (double)count, count);
}

// Finds the runs of a job, 1,000 a step, and cancels them, so many a step. Returns whether all
// were.
static bool run_job(struct run_store *store, int runs, int most) {
    struct arena a;
    arena_init(&a);
    struct slice organization = slice_of_cstr("acme");
    struct slice id = slice_of_cstr("job");
    struct store_create_bulk create = {
        .op = {.kind = &store_create_bulk_kind, .arena = &a},
        .in = {.organization = organization,
               .id = id,
               .has_filter = true,
               .cause = {.actor = slice_of_cstr("bench"),
                         .request_id = slice_of_cstr("01937560-0000-7a01-8000-000000000001"),
                         .remote_address = slice_of_cstr("127.0.0.1")},
               .created_at_us = 1800000000000000},
        .most_unfinished = 1,
    };
    store_op_submit_and_wait(store, &create.op);
    int64_t cpu = cpu_us();
    int64_t start = clock_monotonic_us();
    struct store_collect_bulk collect = {.ret = create.ret};
    while (collect.ret.state == BULK_PLANNING) {
        arena_reset(&a);
        collect = (struct store_collect_bulk){
            .op = {.kind = &store_collect_bulk_kind, .arena = &a},
            .organization = organization,
            .id = id,
            .most = 1000,
            .at_us = 1800000000000000,
        };
        store_op_submit_and_wait(store, &collect.op);
    }
    int64_t collected = clock_monotonic_us();
    print_part("collect", collect.ret.total, collected - start, cpu_us() - cpu);
    cpu = cpu_us();
    struct store_run_bulk run = {.ret = collect.ret};
    while (run.ret.state == BULK_RUNNING) {
        arena_reset(&a);
        run = (struct store_run_bulk){
            .op = {.kind = &store_run_bulk_kind, .arena = &a},
            .organization = organization,
            .id = id,
            .most = most,
            .at_us = 1800000000000000,
        };
        store_op_submit_and_wait(store, &run.op);
    }
    print_part("bulk", run.ret.cancelled, clock_monotonic_us() - collected, cpu_us() - cpu);
    arena_release(&a);
    return run.ret.cancelled == runs;
}

static int *make_order(int count, bool shuffled) {
    int *order = mem_alloc((size_t)count * sizeof(int));
    for (int i = 0; i < count; i++) {
        order[i] = i;
    }
    uint64_t seed = 1;
    for (int i = count - 1; shuffled && i > 0; i--) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int j = (int)((seed >> 33) % (uint64_t)(i + 1));
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    return order;
}

// Ids as CreateRun makes them, given to the runs in order.
static char (*make_ids(int count, const int *order))[UUID_TEXT_SIZE] {
    char(*ids)[UUID_TEXT_SIZE] = mem_alloc((size_t)count * UUID_TEXT_SIZE);
    for (int i = 0; i < count; i++) {
        uuid_make(ids[order[i]]);
    }
    return ids;
}

static int usage(const char *program) {
    fprintf(
        stderr,
        "usage: %s [--store URL] [--runs N] [--cancels N] [--outstanding N] [--shuffle]\n"
        "       [--organizations N] [--cache-bytes N] [--bulk N [--shuffle-ids]]\n"
        "  --bulk N: the runs are cancelled by a job, N a step; --shuffle-ids: whose ids are in\n"
        "  another order than their starts\n"
        "  URL must name a store without runs; " STORE_URLS "\n",
        program);
    return 2;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"store", required_argument, NULL, 's'},
                                            {"runs", required_argument, NULL, 'r'},
                                            {"cancels", required_argument, NULL, 'c'},
                                            {"outstanding", required_argument, NULL, 'o'},
                                            {"organizations", required_argument, NULL, 'g'},
                                            {"shuffle", no_argument, NULL, 'x'},
                                            {"cache-bytes", required_argument, NULL, 'b'},
                                            {"bulk", required_argument, NULL, 'j'},
                                            {"shuffle-ids", no_argument, NULL, 'i'},
                                            {0}};
    const char *url = "memory:";
    int runs = 50000;
    int cancels = 0; // all
    int outstanding = 64;
    int bulk = 0;
    int organizations = 1;
    bool shuffle = false;
    bool shuffle_ids = false;
    int64_t cache_bytes = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 's':
            url = optarg;
            break;
        case 'r':
            runs = atoi(optarg);
            break;
        case 'c':
            cancels = atoi(optarg);
            break;
        case 'o':
            outstanding = atoi(optarg);
            break;
        case 'g':
            organizations = atoi(optarg);
            break;
        case 'b':
            cache_bytes = atoll(optarg);
            break;
        case 'j':
            bulk = atoi(optarg);
            break;
        case 'i':
            shuffle_ids = true;
            break;
        case 'x':
            shuffle = true;
            break;
        default:
            return usage(argv[0]);
        }
    }
    if (optind < argc || runs < 1 || outstanding < 1 || cancels < 0 || bulk < 0 ||
        organizations < 1 || (bulk > 0 && organizations > 1)) {
        return usage(argv[0]);
    }

    struct arena a;
    arena_init(&a);
    struct logger log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "storage_bench"};
    struct run_store *store;
    const struct error *e = run_store_open(
        &a, url, &(struct run_store_options){.log = &log, .cache_bytes = cache_bytes}, &store);
    if (e != NULL) {
        fprintf(stderr, "%s\n", e->message);
        return 1;
    }
    struct op_pool p;
    op_pool_init(&p, store, outstanding);

    int *in_order = make_order(runs, false);
    int *order = make_order(runs, shuffle);
    int *id_order = make_order(runs, shuffle_ids);
    char(*ids)[UUID_TEXT_SIZE] = make_ids(runs, id_order);
    bool is_whole = true;
    run_phase(&p, "create", (struct phase){&store_create_run_kind, in_order, ids, organizations},
              runs);
    if (bulk > 0) {
        is_whole = run_job(store, runs, bulk);
    } else {
        run_phase(&p, "get", (struct phase){&store_get_run_kind, order, ids, organizations}, runs);
        run_phase(&p, "cancel",
                  (struct phase){&store_transition_run_kind, order, ids, organizations},
                  cancels == 0 || cancels > runs ? runs : cancels);
    }
    if (p.failures > 0) {
        fprintf(stderr, "%" PRIu64 " operations failed\n", p.failures);
    }
    run_store_close(store);
    int status = p.failures > 0 || !is_whole;
    op_pool_release(&p);
    free(ids);
    free(id_order);
    free(in_order);
    free(order);
    arena_release(&a);
    return status;
}
