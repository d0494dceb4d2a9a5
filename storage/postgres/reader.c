#include "storage/postgres/reader.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/thread.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/reader_queue.h"

enum {
    CONNECT_US = 2 * 1000 * 1000, // how long an attempt to connect may take
    PAUSE_US = 100 * 1000,        // behind one that failed
    RETRY_PAUSE_US = 10 * 1000,   // behind a read that is tried again
    IDLE_US = 1000 * 1000,        // between looks of an idle reader at its connection
};

enum { NAME_SIZE = 32 };

struct pg_reader {
    struct pg_readers *all;
    int number; // from 0
    char name[NAME_SIZE];
    struct pg_connection *connection;
    struct arena temporary;
    int64_t confirmed_us; // when the last confirmed commit on the connection was sent; 0: none was
    struct metrics_child *turns;
    bool was_open;
    bool was_ever_open;
    pthread_t thread;
};

struct pg_readers {
    struct pg_reader_surroundings around;
    struct reader_queue queue;
    struct pg_reader readers[PG_READERS];
    atomic_int open;
    atomic_llong reconnects;
    atomic_llong reached_us; // when the server last answered
};

// --- answers ---

// How long an operation may take, once it is begun.
static int64_t most_us(const struct store_op *op) {
    return postgres_ops[op->kind->index]->is_long ? PG_LONG_READ_US : PG_READ_WAIT_US;
}

// Until when an operation waits for the server: while any reader reaches it, for ever.
static int64_t reach_until_us(const struct pg_reader *r, const struct store_op *op) {
    int64_t reached_us = atomic_load(&r->all->reached_us);
    return (reached_us > op->queued_us ? reached_us : op->queued_us) + PG_READ_WAIT_US;
}

static void note_reached(struct pg_reader *r) {
    atomic_store(&r->all->reached_us, clock_monotonic_us());
}

static void answer(struct pg_reader *r, struct store_op *op) {
    store_metrics_answer(r->all->around.metrics, op);
}

static void answer_all(struct pg_reader *r, struct store_op *ops) {
    while (ops != NULL) {
        struct store_op *next = ops->next; // which is its owner's once it is answered
        answer(r, ops);
        ops = next;
    }
}

static void answer_unreachable(struct pg_reader *r, struct store_op *op) {
    op->result = STORE_UNREACHABLE;
    op->detail = arena_printf(op->arena, "%s", pg_connection_detail(r->connection));
    answer(r, op);
}

// Answers those, begun at begun_us, whose time is over, and returns the others.
static struct store_op *drop_expired(struct pg_reader *r, struct store_op *ops, int64_t begun_us,
                                     int64_t now_us) {
    struct store_op *left = NULL;
    struct store_op **end = &left;
    while (ops != NULL) {
        struct store_op *op = ops;
        ops = op->next;
        op->next = NULL;
        if (store_op_is_late(op, now_us)) {
            op->result = STORE_EXPIRED;
            answer(r, op);
        } else if (now_us - begun_us >= most_us(op) || now_us >= reach_until_us(r, op)) {
            answer_unreachable(r, op);
        } else {
            *end = op;
            end = &op->next;
        }
    }
    return left;
}

// --- the connection ---

static void say(struct pg_reader *r, bool works) {
    store_health_say(r->all->around.health, STORE_HEALTH_READER + r->number, works,
                     pg_connection_detail(r->connection));
}

static void note_closed(struct pg_reader *r) {
    if (r->was_open && !pg_connection_is_open(r->connection)) {
        r->was_open = false;
        atomic_fetch_sub(&r->all->open, 1);
        LOG(r->all->around.log, LOG_WARN, "lost a connection to the store",
            log_text("connection", r->name),
            log_text("detail", pg_connection_detail(r->connection)));
    }
}

// Opens the connection unless it is open, within that time.
static bool connect_reader(struct pg_reader *r, int64_t within_us) {
    note_closed(r);
    if (pg_connection_is_open(r->connection)) {
        return true;
    }
    int64_t wait_us = within_us < CONNECT_US ? within_us : CONNECT_US;
    bool is_open = pg_connection_open(r->connection, clock_monotonic_us() + wait_us) == PG_OK;
    if (is_open) {
        r->confirmed_us = 0;
        atomic_fetch_add(&r->all->open, 1);
        atomic_fetch_add(&r->all->reconnects, r->was_ever_open);
        r->was_open = true;
        r->was_ever_open = true;
        note_reached(r);
    }
    say(r, is_open);
    return is_open;
}

// --- turns ---

// Writes to the log and to no table, so that the commit waits for the standbys.
static const struct pg_statement emit_message = {
    "reader_emit_message",
    "SELECT pg_logical_emit_message(true, 'runsd', '')",
};

// Whether the server that just read is known to be the primary still (reader.h).
static enum pg_outcome confirm(struct pg_reader *r) {
    int64_t now_us = clock_monotonic_us();
    if (!r->all->around.confirms ||
        (r->confirmed_us != 0 && now_us - r->confirmed_us <= PG_CONFIRM_US)) {
        return PG_OK;
    }
    pg_connection_set_deadline(r->connection, now_us + PG_READ_WAIT_US);
    pg_queue(r->connection, &pg_begin, NULL, NULL);
    pg_queue(r->connection, &emit_message, NULL, NULL);
    pg_queue(r->connection, &pg_commit, NULL, NULL);
    enum pg_outcome outcome = pg_sync(r->connection);
    if (outcome == PG_OK) {
        r->confirmed_us = now_us;
    }
    return outcome;
}

// Reads all of ops, of one kind, and answers those that need no other try: returns those that do.
static struct store_op *read_ops(struct pg_reader *r, struct store_op *ops) {
    const struct postgres_op *kind = postgres_ops[ops->kind->index];
    int64_t begin_us = clock_monotonic_us();
    pg_connection_set_deadline(r->connection, begin_us + most_us(ops));
    enum pg_outcome outcome = kind->read_all != NULL
                                  ? kind->read_all(r->connection, &r->temporary, ops)
                                  : kind->read(r->connection, &r->temporary, ops);
    if (outcome == PG_OK) {
        outcome = confirm(r);
    }
    pg_connection_clear(r->connection);
    arena_reset(&r->temporary);
    metrics_histogram_observe(r->all->around.metrics->read_time[kind->is_long],
                              clock_monotonic_us() - begin_us);
    note_closed(r);
    switch (outcome) {
    case PG_OK:
        note_reached(r);
        answer_all(r, ops);
        return NULL;
    case PG_REFUSED:
        if (ops->next == NULL) {
            LOG(r->all->around.log, LOG_ERROR, "the store could not answer",
                log_text("operation", ops->kind->name),
                log_text("detail", pg_connection_detail(r->connection)));
            answer_unreachable(r, ops);
            return NULL;
        }
        return ops;
    case PG_AGAIN:
    case PG_LOST:
        return ops;
    }
    return ops;
}

// Reads those that failed together one by one: who is at fault fails alone.
static struct store_op *read_apart(struct pg_reader *r, struct store_op *ops) {
    struct store_op *left = NULL;
    struct store_op **end = &left;
    while (ops != NULL) {
        struct store_op *op = ops;
        ops = op->next;
        op->next = NULL;
        *end = read_ops(r, op);
        if (*end != NULL) {
            end = &(*end)->next;
        }
    }
    return left;
}

// Nobody is to wait in the queue for a server that no reader reaches.
static void answer_overdue(struct pg_reader *r) {
    int64_t before_us = clock_monotonic_us() - PG_READ_WAIT_US;
    if (atomic_load(&r->all->reached_us) > before_us) {
        return;
    }
    struct store_op *old = reader_queue_take_older(&r->all->queue, before_us);
    while (old != NULL) {
        struct store_op *next = old->next;
        answer_unreachable(r, old);
        old = next;
    }
}

static void observe_waits(struct pg_reader *r, const struct store_op *ops, int64_t now_us) {
    for (; ops != NULL; ops = ops->next) {
        metrics_histogram_observe(r->all->around.metrics->queue_wait[STORE_READS],
                                  now_us - ops->queued_us);
    }
}

static void run_turn(struct pg_reader *r, struct store_op *ops) {
    int64_t begun_us = clock_monotonic_us();
    observe_waits(r, ops, begun_us);
    metrics_counter_add(r->turns, 1);
    note_closed(r);
    bool is_apart = false;
    for (;;) {
        int64_t now_us = clock_monotonic_us();
        ops = drop_expired(r, ops, begun_us, now_us);
        if (ops == NULL) {
            return;
        }
        if (!connect_reader(r, reach_until_us(r, ops) - now_us)) {
            answer_overdue(r);
            thread_pause(PAUSE_US);
            continue;
        }
        ops = is_apart ? read_apart(r, ops) : read_ops(r, ops);
        if (ops != NULL) {
            is_apart = pg_connection_is_open(r->connection);
            thread_pause(RETRY_PAUSE_US);
        }
    }
}

// Until when the reader may sleep: one without a connection looks for a server now and then, and
// one that has a connection whether it still has.
static int64_t sleep_until_us(const struct pg_reader *r) {
    return clock_monotonic_us() + (pg_connection_is_open(r->connection) ? IDLE_US : PAUSE_US);
}

static void *reader_body(void *context) {
    struct pg_reader *r = context;
    struct reader_turn turn;
    connect_reader(r, CONNECT_US);
    while (reader_queue_take(&r->all->queue, sleep_until_us(r), &turn)) {
        if (turn.ops != NULL) {
            run_turn(r, turn.ops);
        } else {
            pg_connection_take_notifications(r->connection); // which finds out that it is closed
            connect_reader(r, CONNECT_US);
        }
        reader_queue_end(&r->all->queue, &turn);
    }
    return NULL;
}

// --- all of them ---

struct pg_readers *pg_readers_start(const struct pg_reader_surroundings *around) {
    struct pg_readers *all = mem_zalloc(sizeof(*all));
    all->around = *around;
    reader_queue_init(&all->queue, around->queue_limit, PG_READERS);
    metrics_gauge_set(around->metrics->readers, PG_READERS);
    for (int i = 0; i < PG_READERS; i++) {
        struct pg_reader *r = &all->readers[i];
        r->all = all;
        r->number = i;
        snprintf(r->name, sizeof(r->name), "runsd reader %d", i);
        struct pg_connection_options options = around->connection;
        options.application_name = r->name;
        r->connection = pg_connection_new(&options);
        arena_init(&r->temporary);
        const char *const label[] = {r->name + sizeof("runsd ") - 1};
        r->turns = metrics_child(around->metrics->reader_turns, label);
        r->thread = thread_start("store-reader", reader_body, r);
    }
    return all;
}

bool pg_readers_push(struct pg_readers *all, struct store_op *op) {
    return reader_queue_push(&all->queue, op);
}

struct pg_readers_use pg_readers_look(struct pg_readers *all) {
    struct reader_queue_use queue = reader_queue_look(&all->queue);
    return (struct pg_readers_use){
        .waiting = queue.waiting,
        .at_work = queue.at_work,
        .open = atomic_load(&all->open),
        .reconnects = atomic_load(&all->reconnects),
    };
}

void pg_readers_stop(struct pg_readers *all) {
    if (all == NULL) {
        return;
    }
    reader_queue_close(&all->queue);
    for (int i = 0; i < PG_READERS; i++) {
        thread_join(all->readers[i].thread);
        pg_connection_free(all->readers[i].connection);
        arena_release(&all->readers[i].temporary);
    }
    reader_queue_destroy(&all->queue);
    free(all);
}
