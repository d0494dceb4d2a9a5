#include "storage/sqlite/reader.h"

#include "base/core/clock.h"
#include "base/thread/thread.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/sqlite_op.h"

// How many operations share a snapshot. An old snapshot keeps the writer from
// reusing its log, so none is held for long.
enum { SNAPSHOT_OPS = 256 };

// Keeps what is asked by op, which failed: that it succeeds says that reads work again.
static void remember(struct reader *r, const struct store_op *op) {
    arena_release(&r->failed_arena);
    r->failed = store_op_copy(op, &r->failed_arena);
}

static void answer_failure(struct reader *r, struct store_op *op, int rc) {
    op->detail = sqlite_failure_text(op->arena, r->db, rc, "reading");
    op->result = sqlite_refusal(r->db, rc, SQLITE_BEFORE_COMMIT);
    if (!r->health.is_broken) {
        remember(r, op);
    }
    part_health_break(&r->health, op->result, op->detail);
    op->done(op);
}

// Ends the snapshot, if one was begun. One that will not end would be old when it is read
// again: BEGIN, and with it every operation, then fails.
static void end_snapshot(struct reader *r) {
    if (sqlite3_get_autocommit(r->db) == 0 && session_commit(&r->session) != SQLITE_OK) {
        sqlite_run(r->db, "ROLLBACK");
    }
}

// Tries again what failed.
static void probe(struct reader *r) {
    struct arena a;
    arena_init(&a);
    struct store_op *op = store_op_copy(r->failed, &a);
    op->arena = &a;
    int rc = session_begin(&r->session);
    if (rc == SQLITE_OK) {
        rc = session_run(&r->session, op);
    }
    if (rc == SQLITE_OK) {
        part_health_mend(&r->health);
    } else {
        const char *detail = sqlite_failure_text(&a, r->db, rc, "reading");
        part_health_break(&r->health, sqlite_refusal(r->db, rc, SQLITE_BEFORE_COMMIT), detail);
    }
    end_snapshot(r);
    arena_release(&a);
}

// Runs up to SNAPSHOT_OPS operations in one transaction; returns the rest.
static struct store_op *run_in_snapshot(struct reader *r, struct store_op *op) {
    int begin_rc = session_begin(&r->session);
    struct store_op *next;
    bool last = false;
    for (int i = 0; op != NULL && i < SNAPSHOT_OPS && !last; op = next, i++) {
        next = op->next;
        op->next = NULL;
        op->detail = NULL;
        last = sqlite_ops[op->kind->index]->is_long;
        if (store_failure_is_raised(r->failure)) {
            store_failure_answer(r->failure, op);
            continue;
        }
        if (op->deadline_us != 0 && clock_monotonic_us() >= op->deadline_us) {
            op->result = STORE_EXPIRED;
            op->done(op);
            continue;
        }
        int rc = begin_rc == SQLITE_OK ? session_run(&r->session, op) : begin_rc;
        if (rc == SQLITE_OK) {
            op->done(op);
        } else {
            answer_failure(r, op, rc);
        }
    }
    end_snapshot(r);
    return op;
}

static void *reader_body(void *context) {
    struct reader *r = context;
    struct store_op *waiting;
    while (op_queue_take_within(r->queue, part_health_wait_us(&r->health), &waiting)) {
        if (part_health_take_probe(&r->health) && !store_failure_is_raised(r->failure)) {
            snapshot_gate_enter(r->gate);
            probe(r);
            snapshot_gate_leave(r->gate);
        }
        while (waiting != NULL) {
            snapshot_gate_enter(r->gate);
            waiting = run_in_snapshot(r, waiting);
            snapshot_gate_leave(r->gate);
        }
    }
    return NULL;
}

void reader_init(struct reader *r, struct op_queue *queue, struct store_failure *failure,
                 struct snapshot_gate *gate) {
    r->queue = queue;
    r->failure = failure;
    r->gate = gate;
    part_health_init(&r->health, STORE_READS, failure);
    arena_init(&r->failed_arena);
}

int reader_attach(struct reader *r, sqlite3 *db) {
    r->db = db;
    return session_init(&r->session, db, STORE_READS);
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

void reader_release(struct reader *r) {
    arena_release(&r->failed_arena);
}
