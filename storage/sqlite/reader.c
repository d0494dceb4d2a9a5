#include "storage/sqlite/reader.h"

#include <sys/resource.h>

#include "base/core/clock.h"
#include "base/thread/thread.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/sqlite_op.h"

// From which time on an operation may have waited for the disk. The fastest disks take about as
// long for one page, and most operations on what is in memory less.
enum { SLOW_US = 50 };

// Begins a snapshot. Returns SQLite's code; end_snapshot in either case.
static int begin_snapshot(struct reader *r) {
    pending_enter(r->around.session.pending, r->slot);
    return session_begin(&r->session);
}

// Ends the snapshot, if one was begun. One that will not end would be old when it is read
// again: BEGIN, and with it every operation, then fails.
static void end_snapshot(struct reader *r) {
    if (sqlite3_get_autocommit(r->db) == 0 && session_commit(&r->session) != SQLITE_OK) {
        sqlite_run(r->db, "ROLLBACK");
    }
    pending_leave(r->around.session.pending, r->slot);
}

static void answer_failure(struct reader *r, struct store_op *op, int rc) {
    op->detail = sqlite_failure_text(op->arena, r->db, rc, "reading");
    op->result = sqlite_refusal(r->db, rc, SQLITE_BEFORE_COMMIT);
    read_health_break(r->around.health, r->slot, op, op->result, op->detail);
    store_metrics_answer(r->around.metrics, op);
}

// Runs op in the snapshot, which begin_rc says was begun, and answers it.
static void run_op(struct reader *r, struct store_op *op, int begin_rc, int64_t now_us) {
    op->detail = NULL;
    metrics_histogram_observe(r->around.metrics->queue_wait[STORE_READS], now_us - op->queued_us);
    if (store_failure_is_raised(r->around.failure)) {
        store_failure_answer(r->around.failure, op);
        return;
    }
    if (store_op_is_late(op, now_us)) {
        op->result = STORE_EXPIRED;
        store_metrics_answer(r->around.metrics, op);
        return;
    }
    int rc = begin_rc == SQLITE_OK ? session_run(&r->session, op) : begin_rc;
    if (rc == SQLITE_OK) {
        store_metrics_answer(r->around.metrics, op);
    } else {
        answer_failure(r, op, rc);
    }
}

// Whether the thread has read from a disk since the last call, as the system counts it.
static bool has_read_from_disk(struct reader *r) {
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0) {
        return false;
    }
    bool has_read = usage.ru_inblock != r->disk_reads;
    r->disk_reads = usage.ru_inblock;
    return has_read;
}

// Runs op and what else belongs to its turn, in one snapshot.
static void run_turn(struct reader *r, struct store_op *op) {
    snapshot_gate_enter(r->around.gate);
    int64_t now_us = clock_monotonic_us();
    read_queue_begin(r->around.queue, r->slot, now_us);
    metrics_counter_add(r->turns, 1);
    int begin_rc = begin_snapshot(r);
    while (op != NULL) {
        bool is_long = sqlite_ops[op->kind->index]->is_long;
        run_op(r, op, begin_rc, now_us);
        int64_t begun_us = now_us;
        now_us = clock_monotonic_us();
        metrics_histogram_observe(r->around.metrics->read_time[is_long], now_us - begun_us);
        bool waited = now_us - begun_us >= SLOW_US && has_read_from_disk(r);
        op = read_queue_next(r->around.queue, r->slot, now_us, waited);
    }
    end_snapshot(r);
    r->ran_at_us = now_us;
    connection_use_tell(&r->use, now_us);
    snapshot_gate_leave(r->around.gate);
}

// Tries again what failed, if it is time to.
static void probe(struct reader *r) {
    struct arena a;
    arena_init(&a);
    struct store_op *op = read_health_take_probe(r->around.health, r->slot, &a);
    if (op != NULL && !store_failure_is_raised(r->around.failure)) {
        snapshot_gate_enter(r->around.gate);
        int rc = begin_snapshot(r);
        if (rc == SQLITE_OK) {
            rc = session_run(&r->session, op);
        }
        if (rc == SQLITE_OK) {
            read_health_mend(r->around.health);
        } else {
            read_health_break(r->around.health, r->slot, NULL,
                              sqlite_refusal(r->db, rc, SQLITE_BEFORE_COMMIT),
                              sqlite_failure_text(&a, r->db, rc, "reading"));
        }
        end_snapshot(r);
        snapshot_gate_leave(r->around.gate);
    }
    arena_release(&a);
}

static bool has_idle_cache(const struct reader *r) {
    return r->slot > 0 && r->ran_at_us != 0;
}

// Empties the cache of a reader that has had nothing to do for long.
static void shrink(struct reader *r) {
    if (has_idle_cache(r) && clock_monotonic_us() - r->ran_at_us >= READER_IDLE_US) {
        snapshot_gate_enter(r->around.gate);
        sqlite3_db_release_memory(r->db);
        connection_use_tell(&r->use, clock_monotonic_us());
        r->ran_at_us = 0;
        snapshot_gate_leave(r->around.gate);
    }
}

// For how long the reader may sleep; 0: for ever.
static int64_t sleep_us(struct reader *r) {
    int64_t probe_us = read_health_wait_us(r->around.health, r->slot);
    return probe_us != 0 || !has_idle_cache(r) ? probe_us : READER_IDLE_US;
}

static void *reader_body(void *context) {
    struct reader *r = context;
    struct store_op *op;
    while (read_queue_take(r->around.queue, r->slot, sleep_us(r), &op)) {
        if (op != NULL) {
            run_turn(r, op);
        } else {
            shrink(r);
        }
        probe(r);
    }
    return NULL;
}

void reader_init(struct reader *r, int slot, const struct reader_surroundings *around) {
    r->slot = slot;
    r->around = *around;
}

int reader_attach(struct reader *r, sqlite3 *db) {
    static const char *const names[] = {"reader-0", "reader-1", "reader-2", "reader-3",
                                        "reader-4", "reader-5", "reader-6", "reader-7"};
    _Static_assert(sizeof(names) / sizeof(names[0]) == READ_QUEUE_READERS, "a name a reader");
    r->db = db;
    connection_use_init(&r->use, db, r->around.metrics, names[r->slot]);
    r->turns = metrics_child(r->around.metrics->reader_turns, &names[r->slot]);
    return session_init(&r->session, db, STORE_READS, &r->around.session);
}

void reader_detach(struct reader *r) {
    session_release(&r->session);
    r->db = NULL;
}

void reader_start(struct reader *r) {
    r->thread = thread_start("store-reader", reader_body, r);
}

void reader_join(struct reader *r) {
    thread_join(r->thread);
}
