#include "storage/postgres/writer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/thread.h"
#include "storage/op_queue.h"
#include "storage/postgres/change_transaction.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/work_transaction.h"
#include "storage/store_metrics.h"

enum { QUICK_WRITERS = 2, WRITERS = QUICK_WRITERS + 1, ALONE = QUICK_WRITERS };

enum { BATCH_OPS = 1024, MOST_TRIES = 20 };

enum {
    // For how long the answer to a lost commit is looked for.
    RESOLVE_WAIT_US = 10000000,
    CONNECT_WAIT_US = 2000000,
    BETWEEN_TRIES_US = 50000,
    PROBE_INTERVAL_US = 500000,
    // How often one that has nothing to do looks whether its server is there.
    IDLE_LOOK_US = 1000000,
};

// One thread with its connection.
struct pg_writer {
    struct pg_writers *all;
    char name[32];
    bool is_alone;
    struct op_queue queue;
    struct pg_connection *connection;
    struct work *work;
    struct commit_mark mark;
    bool has_mark; // of the connection as it is open
    bool was_open;
    atomic_bool is_open;
    atomic_llong reconnects;
    atomic_llong unknown_commits;
    bool is_broken; // with the lock of all
    int64_t probe_at_us;
    pthread_t thread;
};

struct pg_writers {
    struct pg_writer_surroundings around;
    int limit;
    atomic_int waiting;
    pthread_mutex_t lock; // of what is broken
    int broken;
    struct pg_writer writers[WRITERS];
};

// --- health ---

static void break_health(struct pg_writer *w, const char *detail) {
    struct pg_writers *all = w->all;
    pthread_mutex_lock(&all->lock);
    if (!w->is_broken) {
        w->is_broken = true;
        w->probe_at_us = clock_monotonic_us() + PROBE_INTERVAL_US;
        if (all->broken++ == 0) {
            all->around.on_health(all->around.context, false, detail);
        }
    }
    pthread_mutex_unlock(&all->lock);
}

static void mend_health(struct pg_writer *w) {
    struct pg_writers *all = w->all;
    pthread_mutex_lock(&all->lock);
    if (w->is_broken) {
        w->is_broken = false;
        if (--all->broken == 0) {
            all->around.on_health(all->around.context, true, NULL);
        }
    }
    pthread_mutex_unlock(&all->lock);
}

// --- the connection ---

static int64_t sooner(int64_t a_us, int64_t b_us) {
    return a_us < b_us ? a_us : b_us;
}

// Opens the connection if it is closed. Returns false if it could not.
static bool connect(struct pg_writer *w, int64_t until_us) {
    if (pg_connection_is_open(w->connection)) {
        return true;
    }
    w->has_mark = false;
    atomic_store(&w->is_open, false);
    int64_t deadline_us = clock_monotonic_us() + CONNECT_WAIT_US;
    if (until_us != 0) {
        // One try is made however late it is.
        deadline_us = sooner(deadline_us, until_us + BETWEEN_TRIES_US);
    }
    if (pg_connection_open(w->connection, deadline_us) != PG_OK) {
        return false;
    }
    atomic_store(&w->is_open, true);
    atomic_fetch_add(&w->reconnects, w->was_open);
    w->was_open = true;
    return true;
}

// The same, and has the connection fit for changes.
static bool prepare(struct pg_writer *w, int64_t until_us) {
    if (!connect(w, until_us)) {
        return false;
    }
    if (!w->has_mark) {
        pg_connection_set_deadline(w->connection, clock_monotonic_us() + CHANGE_COMMIT_WAIT_US);
        w->has_mark = commit_mark_open(w->connection, &w->mark) == PG_OK;
        if (!w->has_mark) {
            pg_connection_close(w->connection);
        }
    }
    return w->has_mark;
}

static struct pg_writer_guard look_at_guard(struct pg_writer *w, struct arena *a) {
    struct pg_writer_guard guard = {.allows = true};
    if (w->all->around.look_at_guard != NULL) {
        w->all->around.look_at_guard(w->all->around.context, a, &guard);
    }
    return guard;
}

// --- a transaction ---

// Carries out the operations of b in one transaction, from whose end on work has what it did.
static enum change_ending transact(struct pg_writer *w, const struct change_batch *b,
                                   const struct pg_writer_guard *guard) {
    const struct change_transaction t = {
        .connection = w->connection,
        .work = w->work,
        .mark = &w->mark,
        .is_alone = w->is_alone,
        .standby_names = guard->standby_names,
        .metrics = w->all->around.metrics,
    };
    return change_transaction_run(&t, b);
}

// Finds out what became of the last transaction, whose commit was not answered, until end_us.
static enum commit_outcome resolve(struct pg_writer *w, int64_t end_us) {
    enum commit_outcome outcome = COMMIT_UNKNOWN;
    struct arena a;
    arena_init(&a);
    do {
        struct pg_writer_guard guard = look_at_guard(w, &a);
        if (guard.allows && connect(w, end_us)) {
            pg_connection_set_deadline(w->connection, end_us);
            outcome = commit_outcome_resolve(w->connection, &a, &w->mark, guard.standby_names);
        }
        if (outcome == COMMIT_UNKNOWN) {
            pg_connection_close(w->connection);
            thread_pause(BETWEEN_TRIES_US);
        }
    } while (outcome == COMMIT_UNKNOWN && clock_monotonic_us() < end_us);
    w->has_mark = false; // the row is of no more use
    arena_release(&a);
    return outcome;
}

// --- a batch ---

static void answer_all(struct pg_writer *w, struct change_batch *b, enum store_result result,
                       const char *detail) {
    if (result != STORE_LOCKED) {
        break_health(w, detail);
    }
    change_batch_answer_all(b, w->all->around.metrics, result, detail);
}

// The transaction is durable.
static void answer_well(struct pg_writer *w, struct change_batch *b) {
    struct store_commit *commits;
    int count = work_commits(w->work, &commits);
    mend_health(w);
    change_batch_answer(b, w->all->around.metrics);
    if (count > 0) {
        w->all->around.on_commit(w->all->around.context, commits, count);
    }
}

// The one operation of b fails by itself.
static void answer_refused(struct pg_writer *w, struct change_batch *b) {
    const char *problem = work_problem(w->work);
    const char *detail = pg_connection_detail(w->connection);
    LOG(w->all->around.log, LOG_ERROR, "the database server refused a change",
        log_text("operation", b->first->kind->name),
        log_text("detail", problem != NULL ? problem : detail));
    if (problem != NULL) {
        change_batch_answer_all(b, w->all->around.metrics, STORE_STOPPED, problem);
    } else if (strcmp(pg_connection_sqlstate(w->connection), "53100") == 0) {
        answer_all(w, b, STORE_DISK_FULL, detail);
    } else {
        change_batch_answer_all(b, w->all->around.metrics, STORE_UNREACHABLE, detail);
    }
}

static void run_batch(struct pg_writer *w, struct change_batch *b);

static void run_one_by_one(struct pg_writer *w, struct change_batch *b) {
    struct change_batch single;
    while (change_batch_split(b, &single)) {
        run_batch(w, &single);
    }
}

// Sees to a commit that was not answered. Returns whether b is to be run again.
static bool settle_unknown(struct pg_writer *w, struct change_batch *b) {
    char why[PG_DETAIL_SIZE];
    snprintf(why, sizeof(why), "%s", pg_connection_detail(w->connection));
    int64_t end_us = clock_monotonic_us() + RESOLVE_WAIT_US;
    LOG(w->all->around.log, LOG_WARN, "a commit was not answered: asking what became of it",
        log_text("detail", why));
    switch (resolve(w, change_batch_deadline(b, end_us))) {
    case COMMIT_MADE:
        answer_well(w, b);
        return false;
    case COMMIT_NOT_MADE:
        return true;
    case COMMIT_UNKNOWN:
        break;
    }
    atomic_fetch_add(&w->unknown_commits, 1);
    metrics_counter_add(w->all->around.metrics->unknown_commits, 1);
    answer_all(w, b, STORE_UNAVAILABLE, why);
    return false;
}

// Whether the settings are not as they were, or the connection's row is gone.
static bool has_missed_mark(const struct pg_writer *w) {
    return work_problem(w->work) == NULL &&
           strcmp(pg_connection_sqlstate(w->connection), COMMIT_MARK_MISSED) == 0;
}

// Sees to how a transaction of b ended, which is the try-th. Returns whether b is to be run again.
static bool settle(struct pg_writer *w, struct change_batch *b, enum change_ending ending, int try,
                   int64_t until_us) {
    bool may_go_on = try < MOST_TRIES && clock_monotonic_us() < until_us;
    switch (ending) {
    case CHANGE_MADE:
        answer_well(w, b);
        return false;
    case CHANGE_UNKNOWN:
        return settle_unknown(w, b);
    case CHANGE_REFUSED:
        if (has_missed_mark(w)) {
            pg_connection_close(w->connection);
            if (!may_go_on) {
                answer_all(w, b, STORE_UNREACHABLE, "the database server's settings changed");
            }
            return may_go_on;
        }
        if (b->count > 1) {
            work_reset(w->work);
            run_one_by_one(w, b);
        } else {
            answer_refused(w, b);
        }
        return false;
    case CHANGE_AGAIN:
    case CHANGE_LOST:
        break;
    }
    if (!may_go_on) {
        bool is_locked = ending == CHANGE_AGAIN && pg_connection_is_open(w->connection);
        answer_all(w, b, is_locked ? STORE_LOCKED : STORE_UNREACHABLE,
                   pg_connection_detail(w->connection));
    }
    return may_go_on;
}

// Whether a transaction of b may begin: the server is there, and as it has to be. Else b is
// answered, or the next try is to be made.
static bool is_ready(struct pg_writer *w, struct change_batch *b, struct arena *a, int64_t until_us,
                     struct pg_writer_guard *ret_guard) {
    *ret_guard = look_at_guard(w, a);
    if (!ret_guard->allows) {
        answer_all(w, b, STORE_UNREACHABLE, ret_guard->detail);
        return false;
    }
    if (prepare(w, until_us)) {
        return true;
    }
    if (clock_monotonic_us() >= until_us) {
        answer_all(w, b, STORE_UNREACHABLE, pg_connection_detail(w->connection));
    } else {
        thread_pause(BETWEEN_TRIES_US);
    }
    return false;
}

static void run_batch(struct pg_writer *w, struct change_batch *b) {
    struct arena a;
    arena_init(&a);
    // Nobody waits for a server that is known to be away.
    int64_t until_us = b->begin_us + (w->is_broken ? 0 : CHANGE_WAIT_US);
    int try = 0;
    bool again = true;
    while (again) {
        struct pg_writer_guard guard;
        change_batch_drop_late(b, w->all->around.metrics);
        if (b->count == 0) {
            break;
        }
        if (is_ready(w, b, &a, until_us, &guard)) {
            again = settle(w, b, transact(w, b, &guard), ++try, until_us);
        }
        work_reset(w->work);
    }
    arena_release(&a);
}

static void note_batch(const struct pg_writer *w, const struct change_batch *b) {
    const struct store_metrics *m = w->all->around.metrics;
    for (const struct store_op *op = b->first; op != NULL; op = op->next) {
        metrics_histogram_observe(m->queue_wait[STORE_CHANGES], b->begin_us - op->queued_us);
    }
    metrics_histogram_observe(m->batch_operations, b->count);
}

static void run_all(struct pg_writer *w, struct store_op *waiting) {
    struct store_metrics *m = w->all->around.metrics;
    while (waiting != NULL) {
        struct change_batch b;
        change_batch_fill(&b, &waiting, w->is_alone ? 1 : BATCH_OPS, m);
        if (b.count > 0) {
            int64_t begin_us = b.begin_us;
            note_batch(w, &b);
            run_batch(w, &b);
            metrics_histogram_observe(m->batch_time, clock_monotonic_us() - begin_us);
        }
    }
}

// --- the threads ---

// Finds out by a change that changes nothing whether changes work again. It has time to connect,
// which the changes that come meanwhile have not: they put no probe off.
static void probe(struct pg_writer *w) {
    struct arena a;
    arena_init(&a);
    struct pg_writer_guard guard = look_at_guard(w, &a);
    if (!guard.allows) {
        break_health(w, guard.detail);
    } else if (!prepare(w, 0)) {
        break_health(w, pg_connection_detail(w->connection));
    } else {
        struct change_batch none = {.first = NULL};
        enum change_ending ending = transact(w, &none, &guard);
        if (ending == CHANGE_MADE) {
            mend_health(w);
        } else {
            pg_connection_close(w->connection);
            break_health(w, pg_connection_detail(w->connection));
        }
        work_reset(w->work);
    }
    w->probe_at_us = clock_monotonic_us() + PROBE_INTERVAL_US;
    arena_release(&a);
}

static int count_all(const struct store_op *first) {
    int count = 0;
    for (const struct store_op *op = first; op != NULL; op = op->next) {
        count++;
    }
    return count;
}

// Whether the server has gone, without waiting for it.
static bool has_lost_server(struct pg_writer *w) {
    pg_connection_take_notifications(w->connection);
    return !pg_connection_is_open(w->connection);
}

// For how long the thread may wait for operations.
static int64_t wait_us_of(const struct pg_writer *w) {
    int64_t left_us = w->probe_at_us - clock_monotonic_us();
    return !w->is_broken ? IDLE_LOOK_US : left_us > 1 ? left_us : 1;
}

static void *body(void *context) {
    struct pg_writer *w = context;
    struct store_op *waiting;
    probe(w);
    while (op_queue_take_within(&w->queue, wait_us_of(w), &waiting)) {
        atomic_fetch_sub(&w->all->waiting, count_all(waiting));
        run_all(w, waiting);
        bool is_due = w->is_broken ? clock_monotonic_us() >= w->probe_at_us
                                   : waiting == NULL && has_lost_server(w);
        if (is_due) {
            probe(w);
        }
    }
    return NULL;
}

static void start(struct pg_writers *all, int index) {
    struct pg_writer *w = &all->writers[index];
    w->all = all;
    w->is_alone = index == ALONE;
    if (w->is_alone) {
        snprintf(w->name, sizeof(w->name), "runsd long writer");
    } else {
        snprintf(w->name, sizeof(w->name), "runsd writer %d", index + 1);
    }
    op_queue_init(&w->queue, all->limit);
    struct pg_connection_options options = all->around.connection;
    options.application_name = w->name;
    w->connection = pg_connection_new(&options);
    w->work = work_new(w->connection);
    w->thread = thread_start(w->is_alone ? "store-alone" : "store-writer", body, w);
}

struct pg_writers *pg_writers_start(const struct pg_writer_surroundings *around) {
    struct pg_writers *all = mem_zalloc(sizeof(*all));
    all->around = *around;
    all->limit = around->queue_limit > 0 ? around->queue_limit : OP_QUEUE_DEFAULT_LIMIT;
    pthread_mutex_init(&all->lock, NULL);
    for (int i = 0; i < WRITERS; i++) {
        start(all, i);
    }
    return all;
}

// The operations of an organization are one writer's.
static int writer_of(const struct store_op *op) {
    if (postgres_ops[op->kind->index]->is_alone) {
        return ALONE;
    }
    struct slice name = op->kind->organization != 0 ? store_op_organization(op) : SLICE_EMPTY;
    return (int)(XXH3_64bits(name.data, name.len) % QUICK_WRITERS);
}

bool pg_writers_push(struct pg_writers *all, struct store_op *op) {
    if (atomic_fetch_add(&all->waiting, 1) >= all->limit ||
        !op_queue_push(&all->writers[writer_of(op)].queue, op)) {
        atomic_fetch_sub(&all->waiting, 1);
        return false;
    }
    return true;
}

int pg_writers_waiting(struct pg_writers *all) {
    return atomic_load(&all->waiting);
}

struct pg_writers_use pg_writers_look(struct pg_writers *all) {
    struct pg_writers_use use = {.connections = WRITERS};
    for (int i = 0; i < WRITERS; i++) {
        use.open += atomic_load(&all->writers[i].is_open);
        use.reconnects += atomic_load(&all->writers[i].reconnects);
        use.unknown_commits += atomic_load(&all->writers[i].unknown_commits);
    }
    return use;
}

void pg_writers_stop(struct pg_writers *all) {
    if (all == NULL) {
        return;
    }
    for (int i = 0; i < WRITERS; i++) {
        op_queue_close(&all->writers[i].queue);
    }
    for (int i = 0; i < WRITERS; i++) {
        struct pg_writer *w = &all->writers[i];
        thread_join(w->thread);
        op_queue_destroy(&w->queue);
        work_free(w->work);
        pg_connection_free(w->connection);
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
}
