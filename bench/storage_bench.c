#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "storage/store_opener.h"

// What one store operation costs: creates runs, reads each, then cancels each,
// with a fixed number of operations outstanding, and prints CPU microseconds an
// operation (all threads of the process) and operations a second.

enum { SPEC_BYTES = 1300 };

struct pool;

struct slot {
    struct store_op op; // first: done finds the slot by it
    struct pool *pool;
    struct arena arena;
    int run;
    char id[32];
    struct slot *next_free;
};

struct pool {
    struct run_store *store;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct slot *free;
    int slots;
    int free_count;
    int failures;
};

static void on_done(struct store_op *op) {
    struct slot *s = (struct slot *)op;
    struct pool *p = s->pool;
    pthread_mutex_lock(&p->lock);
    p->failures += op->result != STORE_OK;
    s->next_free = p->free;
    p->free = s;
    p->free_count++;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

// Waits for free slots and takes all.
static struct slot *take_slots(struct pool *p, int at_least) {
    pthread_mutex_lock(&p->lock);
    while (p->free_count < at_least) {
        pthread_cond_wait(&p->freed, &p->lock);
    }
    struct slot *all = p->free;
    p->free = NULL;
    p->free_count = 0;
    pthread_mutex_unlock(&p->lock);
    return all;
}

static void give_slots(struct pool *p, struct slot *all) {
    while (all != NULL) {
        struct slot *next = all->next_free;
        pthread_mutex_lock(&p->lock);
        all->next_free = p->free;
        p->free = all;
        p->free_count++;
        pthread_mutex_unlock(&p->lock);
        all = next;
    }
}

static void fill(struct slot *s, enum store_op_kind kind, int run) {
    static const uint8_t spec[SPEC_BYTES] = {1};
    arena_release(&s->arena);
    snprintf(s->id, sizeof(s->id), "run-%010d", run);
    s->op = (struct store_op){.kind = kind, .arena = &s->arena, .done = on_done};
    struct slice organization = slice_of_cstr("acme");
    struct slice id = slice_of_cstr(s->id);
    struct slice actor = slice_of_cstr("bench");
    if (kind == STORE_CREATE) {
        s->op.create = (struct store_create){
            .in = {.organization = organization,
                   .id = id,
                   .status = RUN_RUNNING,
                   .started_at_us = 1700000000000000 + run,
                   .workflow_id = slice_of_cstr("workflow"),
                   .spec = slice_of(spec, sizeof(spec))},
            .actor = actor,
        };
    } else if (kind == STORE_GET) {
        s->op.get = (struct store_get){.organization = organization, .id = id};
    } else {
        s->op.transition = (struct store_transition){
            .organization = organization,
            .id = id,
            .from = RUN_STATUS_BIT(RUN_RUNNING) | RUN_STATUS_BIT(RUN_WAITING),
            .to = RUN_CANCELLED,
            .final = true,
            .at_us = 1800000000000000,
            .actor = actor,
        };
    }
}

static int64_t cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

// Runs count operations on the runs in order.
static void phase(struct pool *p, const char *name, enum store_op_kind kind, const int *order,
                  int count) {
    int64_t cpu = cpu_us();
    int64_t start = clock_monotonic_us();
    for (int i = 0; i < count;) {
        struct slot *s = take_slots(p, 1);
        while (s != NULL && i < count) {
            struct slot *next = s->next_free;
            fill(s, kind, order[i++]);
            run_store_submit(p->store, &s->op);
            s = next;
        }
        give_slots(p, s);
    }
    give_slots(p, take_slots(p, p->slots));
    double wall = (double)(clock_monotonic_us() - start);
    printf("%-8s %9.0f ops/s  %6.1f us CPU/op\n", name, count * 1e6 / wall,
           (double)(cpu_us() - cpu) / count);
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

static int usage(const char *program) {
    fprintf(stderr,
            "usage: %s [--store URL] [--runs N] [--outstanding N] [--shuffle]\n"
            "  URL must name a store without runs; sqlite:PATH or memory:\n",
            program);
    return 2;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"store", required_argument, NULL, 's'},
                                            {"runs", required_argument, NULL, 'r'},
                                            {"outstanding", required_argument, NULL, 'o'},
                                            {"shuffle", no_argument, NULL, 'x'},
                                            {0}};
    const char *url = "memory:";
    int runs = 50000;
    int outstanding = 64;
    bool shuffle = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 's':
            url = optarg;
            break;
        case 'r':
            runs = atoi(optarg);
            break;
        case 'o':
            outstanding = atoi(optarg);
            break;
        case 'x':
            shuffle = true;
            break;
        default:
            return usage(argv[0]);
        }
    }
    if (optind < argc || runs < 1 || outstanding < 1) {
        return usage(argv[0]);
    }

    struct arena a;
    arena_init(&a);
    struct logger log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "storage_bench"};
    struct pool p = {.slots = outstanding};
    const struct error *e =
        run_store_open(&a, url, &(struct run_store_options){.log = &log}, &p.store);
    if (e != NULL) {
        fprintf(stderr, "%s\n", e->message);
        return 1;
    }
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.freed, NULL);
    struct slot *slots = mem_zalloc((size_t)outstanding * sizeof(struct slot));
    for (int i = 0; i < outstanding; i++) {
        slots[i].pool = &p;
        slots[i].next_free = i + 1 < outstanding ? &slots[i + 1] : NULL;
    }
    give_slots(&p, slots);

    int *in_order = make_order(runs, false);
    int *order = make_order(runs, shuffle);
    phase(&p, "create", STORE_CREATE, in_order, runs);
    phase(&p, "get", STORE_GET, order, runs);
    phase(&p, "cancel", STORE_TRANSITION, order, runs);
    if (p.failures > 0) {
        fprintf(stderr, "%d operations failed\n", p.failures);
    }
    run_store_close(p.store);
    for (int i = 0; i < outstanding; i++) {
        arena_release(&slots[i].arena);
    }
    free(slots);
    free(in_order);
    free(order);
    arena_release(&a);
    return p.failures > 0;
}
