#include "storage/sqlite/writer.h"

#include "base/clock.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/thread.h"

enum {
    // More in one transaction saves nothing, and the log must keep its bound.
    BATCH_OPS = 4096,
    BATCH_BYTES = 8 * 1024 * 1024,
    // SQLite's own limit on a row is 10^9 bytes. An operation past this limit
    // is refused before it can spoil the transaction of the others.
    OP_BYTES = 256 * 1024 * 1024,
};

// Operations of one transaction, in order.
struct batch {
    struct store_op *first;
    struct store_op **end;
    int count;
    size_t bytes;
};

static void batch_init(struct batch *b) {
    *b = (struct batch){.first = NULL};
    b->end = &b->first;
}

// Whether op's turn ended before it began; then it is answered.
static bool answered_at_once(struct writer *w, struct store_op *op) {
    if (store_failure_is_raised(w->failure)) {
        store_failure_answer(w->failure, op);
        return true;
    }
    if (op->deadline_us != 0 && clock_monotonic_us() >= op->deadline_us) {
        op->result = STORE_EXPIRED;
        op->done(op);
        return true;
    }
    if (write_ops_bytes(op) > OP_BYTES) {
        op->result = STORE_UNAVAILABLE;
        op->detail = arena_printf(op->arena, "the operation has %zu bytes, the store takes %d",
                                  write_ops_bytes(op), OP_BYTES);
        op->done(op);
        return true;
    }
    return false;
}

// Moves operations from *waiting to b until b is full, answering those that
// need no transaction.
static void batch_fill(struct batch *b, struct writer *w, struct store_op **waiting) {
    while (*waiting != NULL && b->count < BATCH_OPS && b->bytes < BATCH_BYTES) {
        struct store_op *op = *waiting;
        *waiting = op->next;
        op->next = NULL;
        op->detail = NULL;
        if (!answered_at_once(w, op)) {
            *b->end = op;
            b->end = &op->next;
            b->count++;
            b->bytes += write_ops_bytes(op);
        }
    }
}

static void batch_answer(const struct batch *b) {
    struct store_op *next;
    for (struct store_op *op = b->first; op != NULL; op = next) {
        next = op->next; // op is the caller's again once it is answered
        op->done(op);
    }
}

static void batch_answer_all(const struct batch *b, enum store_result result, const char *detail) {
    for (struct store_op *op = b->first; op != NULL; op = op->next) {
        op->result = result;
        op->detail = arena_printf(op->arena, "%s", detail);
    }
    batch_answer(b);
}

// Runs the transaction. Returns SQLITE_OK once it is durable; *ret_doing says
// what failed otherwise.
static int batch_commit(struct writer *w, const struct batch *b, const char **ret_doing) {
    *ret_doing = "beginning a transaction";
    int rc = write_ops_begin(&w->ops);
    *ret_doing = "writing";
    for (struct store_op *op = b->first; op != NULL && rc == SQLITE_OK; op = op->next) {
        rc = write_ops_run(&w->ops, op);
    }
    if (rc == SQLITE_OK) {
        *ret_doing = "committing";
        rc = write_ops_commit(&w->ops);
    }
    return rc;
}

// Whether rc says for certain that nothing was changed and that trying again
// later can help.
static bool is_busy(int rc) {
    int primary = rc & 0xFF;
    return primary == SQLITE_FULL || primary == SQLITE_BUSY || primary == SQLITE_LOCKED;
}

static void fail(struct writer *w, int rc, const char *doing) {
    struct arena a;
    arena_init(&a);
    store_failure_raise(w->failure, sqlite_failure_text(&a, w->db, rc, doing));
    arena_release(&a);
}

// What was committed is in files that no restart will find.
static void fail_by_files(struct writer *w) {
    struct arena a;
    arena_init(&a);
    const char *detail = file_guard_explain(w->guard, &a);
    store_failure_raise(w->failure,
                        detail != NULL ? detail : "the store's files moved for a while");
    arena_release(&a);
}

static void batch_run(struct writer *w, const struct batch *b) {
    const char *doing;
    int rc = batch_commit(w, b, &doing);
    if (rc == SQLITE_OK && file_guard_holds(w->guard)) {
        batch_answer(b);
        return;
    }
    if (rc == SQLITE_OK) {
        fail_by_files(w);
        batch_answer_all(b, STORE_UNAVAILABLE, w->failure->detail);
        return;
    }
    if (!is_busy(rc)) {
        // A commit whose fsync failed may be on the disk or not: who asked must
        // not be told either, and nothing may be written on top.
        fail(w, rc, doing);
        batch_answer_all(b, STORE_UNAVAILABLE, w->failure->detail);
        return;
    }
    struct arena a;
    arena_init(&a);
    const char *detail = sqlite_failure_text(&a, w->db, rc, doing);
    int rollback_rc = SQLITE_OK;
    if (sqlite3_get_autocommit(w->db) == 0) {
        rollback_rc = sqlite_run(w->db, "ROLLBACK");
    }
    LOG(w->failure->log, LOG_WARN, "store is busy, transaction rolled back",
        log_text("detail", detail), log_int("ops", b->count));
    if (rollback_rc == SQLITE_OK && (rc & 0xFF) == SQLITE_FULL) {
        rollback_rc = checkpointer_force(&w->checkpointer);
    }
    if (rollback_rc != SQLITE_OK) {
        fail(w, rollback_rc, "recovering from a full disk");
    }
    batch_answer_all(b, STORE_BUSY, detail);
    arena_release(&a);
}

static void shrink_log(struct writer *w) {
    if (store_failure_is_raised(w->failure)) {
        return;
    }
    if (!file_guard_holds(w->guard)) {
        fail_by_files(w);
        return;
    }
    int rc = checkpointer_retry(&w->checkpointer);
    if (rc != SQLITE_OK) {
        fail(w, rc, "copying the write-ahead log into the database");
    }
}

// Waits for operations, and sees to a log that is too large meanwhile. Returns
// false when there will be none.
static bool take(struct writer *w, struct store_op **ret_waiting) {
    for (;;) {
        int64_t wait_us =
            store_failure_is_raised(w->failure) ? 0 : checkpointer_retry_us(&w->checkpointer);
        if (!op_queue_take_within(w->queue, wait_us, ret_waiting)) {
            return false;
        }
        if (*ret_waiting != NULL) {
            return true;
        }
        shrink_log(w);
    }
}

static void *writer_body(void *context) {
    struct writer *w = context;
    struct store_op *waiting;
    while (take(w, &waiting)) {
        while (waiting != NULL) {
            struct batch b;
            batch_init(&b);
            batch_fill(&b, w, &waiting);
            if (b.count == 0) {
                continue;
            }
            batch_run(w, &b);
            if (!store_failure_is_raised(w->failure)) {
                bool idle = waiting == NULL && op_queue_is_empty(w->queue);
                int rc = checkpointer_run(&w->checkpointer, idle);
                if (rc != SQLITE_OK) {
                    fail(w, rc, "copying the write-ahead log into the database");
                }
            }
        }
    }
    return NULL;
}

int writer_init(struct writer *w, sqlite3 *db, const char *path, struct op_queue *queue,
                struct store_failure *failure, const struct file_guard *guard,
                struct snapshot_gate *gate) {
    w->db = db;
    w->queue = queue;
    w->failure = failure;
    w->guard = guard;
    checkpointer_init(&w->checkpointer, db, gate, path, failure->log);
    return write_ops_init(&w->ops, db);
}

void writer_start(struct writer *w) {
    w->thread = thread_start("store-writer", writer_body, w);
}

void writer_join(struct writer *w) {
    pthread_join(w->thread, NULL);
}

void writer_release(struct writer *w) {
    write_ops_release(&w->ops);
}
