#include "storage/sqlite/reader.h"

#include "base/clock.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/thread.h"

// How many operations share a snapshot. An old snapshot keeps the writer from
// reusing its log, so none is held for long.
enum { SNAPSHOT_OPS = 256 };

static void answer_failure(struct reader *r, struct store_op *op, int rc) {
    op->result = STORE_UNAVAILABLE;
    op->detail = sqlite_failure_text(op->arena, r->db, rc, "reading");
    LOG(r->failure->log, LOG_ERROR, "store cannot read", log_text("detail", op->detail));
    op->done(op);
}

// Runs up to SNAPSHOT_OPS operations in one transaction; returns the rest.
static struct store_op *run_in_snapshot(struct reader *r, struct store_op *op) {
    int begin_rc = read_ops_begin(&r->ops);
    struct store_op *next;
    bool last = false;
    for (int i = 0; op != NULL && i < SNAPSHOT_OPS && !last; op = next, i++) {
        next = op->next;
        op->next = NULL;
        op->detail = NULL;
        // A listing is long: what follows gets a fresh snapshot.
        last = op->kind == STORE_LIST;
        if (store_failure_is_raised(r->failure)) {
            store_failure_answer(r->failure, op);
            continue;
        }
        if (op->deadline_us != 0 && clock_monotonic_us() >= op->deadline_us) {
            op->result = STORE_EXPIRED;
            op->done(op);
            continue;
        }
        int rc = begin_rc == SQLITE_OK ? read_ops_run(&r->ops, op) : begin_rc;
        if (rc == SQLITE_OK) {
            op->done(op);
        } else {
            answer_failure(r, op, rc);
        }
    }
    if (sqlite3_get_autocommit(r->db) == 0) {
        read_ops_end(&r->ops);
    }
    return op;
}

static void *reader_body(void *context) {
    struct reader *r = context;
    struct store_op *waiting;
    while ((waiting = op_queue_take(r->queue)) != NULL) {
        while (waiting != NULL) {
            snapshot_gate_enter(r->gate);
            waiting = run_in_snapshot(r, waiting);
            snapshot_gate_leave(r->gate);
        }
    }
    return NULL;
}

int reader_init(struct reader *r, sqlite3 *db, struct op_queue *queue,
                struct store_failure *failure, struct snapshot_gate *gate) {
    r->db = db;
    r->queue = queue;
    r->failure = failure;
    r->gate = gate;
    return read_ops_init(&r->ops, db);
}

void reader_start(struct reader *r) {
    r->thread = thread_start("store-reader", reader_body, r);
}

void reader_join(struct reader *r) {
    pthread_join(r->thread, NULL);
}

void reader_release(struct reader *r) {
    read_ops_release(&r->ops);
}
