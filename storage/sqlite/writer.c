#include "storage/sqlite/writer.h"

#include "base/core/clock.h"
#include "base/thread/thread.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/freeze_marker.h"
#include "storage/sqlite/store_path.h"

enum {
    // More in one transaction saves nothing, and the log must keep its bound.
    BATCH_OPS = 4096,
    BATCH_BYTES = 8 * 1024 * 1024,
};

// How many slices of rows are brought up to date at once where no operation waits, and at the
// close.
enum { APPLY_IDLE_SLICES = 1, APPLY_CLOSE_SLICES = 16 };

// How long a transaction waits for another program's lock: SQLITE_BUSY_TIMEOUT_MS at first,
// and while the lock is known to be held no longer than this, so that few wait behind it.
enum { LOCKED_TIMEOUT_MS = 200 };

// How much room a file system must have before a store that found it full is well again.
enum { PROBE_ROOM_BYTES = 1024 * 1024 };

// Operations of one transaction, in order.
struct batch {
    struct store_op *first;
    struct store_op **end;
    int count;
    size_t bytes;
    int apply;     // how many rows to bring up to date besides
    bool is_idle;  // there is nothing else to do
    bool is_timed; // somebody asks when it ran
};

static void batch_init(struct batch *b) {
    *b = (struct batch){.first = NULL};
    b->end = &b->first;
}

static bool is_expired(const struct store_op *op) {
    return op->deadline_us != 0 && clock_monotonic_us() >= op->deadline_us;
}

// Whether op's turn ended before it began; then it is answered.
static bool answered_at_once(struct writer *w, struct store_op *op) {
    if (store_failure_is_raised(w->around.failure)) {
        store_failure_answer(w->around.failure, op);
        return true;
    }
    if (store_op_is_too_large(op)) {
        store_metrics_answer(w->around.metrics, op);
        return true;
    }
    if (w->db == NULL) {
        op->result = STORE_DISK_FULL;
        op->detail = "the disk had no room at the start to open the store for writing";
        store_metrics_answer(w->around.metrics, op);
        return true;
    }
    if (session_is_frozen(&w->session, op)) { // nobody waits for a commit because of it
        op->result = STORE_READ_ONLY;
        store_metrics_answer(w->around.metrics, op);
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
            b->bytes += store_op_bytes(op);
            b->is_timed = b->is_timed || op->timing != NULL;
        }
    }
}

// Says when the transaction ran, which has ended now.
static void batch_tell_timing(const struct batch *b, int64_t begin_us) {
    if (!b->is_timed) {
        return;
    }
    const struct store_timing timing = {begin_us, clock_monotonic_us(), b->count};
    for (struct store_op *op = b->first; op != NULL; op = op->next) {
        if (op->timing != NULL) {
            *op->timing = timing;
        }
    }
}

static void batch_answer(const struct writer *w, const struct batch *b) {
    struct store_op *next;
    for (struct store_op *op = b->first; op != NULL; op = next) {
        next = op->next; // op is the caller's again once it is answered
        store_metrics_answer(w->around.metrics, op);
    }
}

static void batch_answer_all(const struct writer *w, const struct batch *b,
                             enum store_result result, const char *detail) {
    for (struct store_op *op = b->first; op != NULL; op = op->next) {
        op->result = result;
        op->detail = arena_printf(op->arena, "%s", detail);
    }
    batch_answer(w, b);
}

// Runs the operations whose deadline has not passed when their turn comes: the beginning may
// have waited for a lock, and the turns before may have taken long.
static int batch_run_ops(struct writer *w, const struct batch *b) {
    int rc = SQLITE_OK;
    for (struct store_op *op = b->first; op != NULL && rc == SQLITE_OK; op = op->next) {
        if (is_expired(op)) {
            op->result = STORE_EXPIRED;
        } else {
            rc = session_run(&w->session, op);
        }
    }
    return rc;
}

// How a transaction ended: rc is SQLITE_OK once it is durable.
struct outcome {
    int rc;
    enum sqlite_place place;
    const char *doing; // what failed
};

// As many rows are brought up to date as change, and some more: one generation is applied
// before the next one is full. What a slice could not do the next ones do. An operation may have
// changed many runs.
static void plan_slice(struct writer *w, struct batch *b) {
    const struct pending *pending = w->around.session.pending;
    int64_t events = w->session.events.last - w->session.events.committed;
    int changes = events > b->count ? (int)events : b->count;
    int share = pending_rows_of(pending, changes + changes / 8 + 1);
    if (!pending_is_frozen(pending) && !pending_is_full(pending)) {
        w->apply_due = 0;
        return;
    }
    if (pending_is_wanted(pending) && share < pending->limits.slice) {
        share = pending->limits.slice;
    }
    w->apply_due += share;
    if (w->apply_due >= pending->limits.slice) {
        int largest = share > 2 * pending->limits.slice ? share : 2 * pending->limits.slice;
        b->apply = w->apply_due < largest ? w->apply_due : largest;
    }
}

// Runs the transaction of b; an empty one is a probe, which writes one page.
static struct outcome batch_commit(struct writer *w, struct batch *b) {
    struct outcome o = {.place = SQLITE_BEFORE_COMMIT, .doing = "beginning a transaction"};
    o.rc = session_begin(&w->session);
    if (o.rc == SQLITE_OK) {
        o.doing = "making room for the log's index";
        o.rc = log_index_reserve(&w->log_index, w->checkpointer.log_pages);
    }
    if (o.rc == SQLITE_OK) {
        checkpointer_reserve(&w->checkpointer);
        o.doing = "writing";
        o.rc = history_write(w->around.history);
    }
    if (o.rc == SQLITE_OK) {
        o.rc = b->first != NULL || b->apply > 0 ? batch_run_ops(w, b) : session_probe(&w->session);
    }
    if (o.rc == SQLITE_OK && b->first != NULL) {
        plan_slice(w, b);
    }
    if (o.rc == SQLITE_OK && b->apply > 0) {
        o.doing = "bringing rows up to date";
        o.rc = applier_run(&w->session.applier, b->apply, b->is_idle);
        w->apply_due -= b->is_idle ? 0 : b->apply - w->session.applier.left;
    }
    if (o.rc == SQLITE_OK) {
        o.doing = "writing what is counted";
        o.rc = session_settle(&w->session);
    }
    if (o.rc == SQLITE_OK) {
        o.place = SQLITE_IN_COMMIT;
        o.doing = "committing";
        int64_t begin_us = clock_monotonic_us();
        o.rc = session_commit(&w->session);
        metrics_histogram_observe(w->around.metrics->commit_time, clock_monotonic_us() - begin_us);
    }
    return o;
}

static void tell_runs(const struct writer *w) {
    struct organization_sums sums = organizations_sum(w->around.session.organizations);
    store_metrics_set_runs(w->around.metrics, sums.runs, sums.count);
}

// The transaction is durable, and in the files that a restart finds.
static void batch_committed(struct writer *w) {
    session_committed(&w->session);
    history_committed(w->around.history, w->session.events.last);
    tell_runs(w);
}

// The operations of the transaction are answered.
static void notify(const struct writer *w) {
    const struct organizations *o = w->around.session.organizations;
    if (o->commit_count > 0) {
        w->around.on_commit(w->around.listener, o->commits, o->commit_count);
    }
}

static void fail(struct writer *w, int rc, const char *doing) {
    struct arena a;
    arena_init(&a);
    store_failure_raise(w->around.failure, sqlite_failure_text(&a, w->db, rc, doing));
    arena_release(&a);
}

// What was committed is in files that no restart will find.
static void fail_by_files(struct writer *w) {
    struct arena a;
    arena_init(&a);
    const char *detail = file_guard_explain(w->around.guard, &a);
    store_failure_raise(w->around.failure,
                        detail != NULL ? detail : "the store's files moved for a while");
    arena_release(&a);
}

// Takes back a transaction that changed nothing, and makes what room there is to make.
static void recover(struct writer *w, enum store_result why) {
    int rc = SQLITE_OK;
    session_rolled_back(&w->session);
    history_rolled_back(w->around.history);
    if (sqlite3_get_autocommit(w->db) == 0) {
        rc = sqlite_run(w->db, "ROLLBACK");
    }
    if (rc == SQLITE_OK && why == STORE_DISK_FULL) {
        rc = checkpointer_force(&w->checkpointer);
    }
    if (rc != SQLITE_OK) {
        fail(w, rc, "recovering from a transaction that was refused");
    }
    if (why == STORE_LOCKED || why == STORE_FROZEN) {
        sqlite3_busy_timeout(w->db, LOCKED_TIMEOUT_MS);
    }
}

// Makes the store fit for the next transaction, or stops it. Returns what the operations of
// the one that ended so are told, and in a why.
static enum store_result conclude(struct writer *w, struct outcome o, struct arena *a,
                                  const char **ret_detail) {
    *ret_detail = sqlite_failure_text(a, w->db, o.rc, o.doing);
    enum store_result why = sqlite_refusal(w->db, o.rc, o.place);
    if (why == STORE_LOCKED && freeze_marker_is_held(w->around.path)) {
        why = STORE_FROZEN;
    }
    if (why == STORE_UNAVAILABLE) {
        metrics_counter_add(w->around.metrics->unknown_commits, 1);
        // A commit whose fsync failed may be on the disk or not: who asked must
        // not be told either, and nothing may be written on top.
        store_failure_raise(w->around.failure, *ret_detail);
    } else {
        part_health_break(&w->health, why, *ret_detail);
        recover(w, why);
    }
    return why;
}

// Counts for how long the operations of b have waited.
static void note_waits(const struct writer *w, const struct batch *b, int64_t now_us) {
    for (const struct store_op *op = b->first; op != NULL; op = op->next) {
        metrics_histogram_observe(w->around.metrics->queue_wait[STORE_CHANGES],
                                  now_us - op->queued_us);
    }
}

// Runs b's transaction and answers its operations.
static void batch_end(struct writer *w, struct batch *b, int64_t begin_us) {
    struct outcome o = batch_commit(w, b);
    if (o.rc == SQLITE_OK && file_guard_holds(w->around.guard)) {
        batch_committed(w);
        batch_tell_timing(b, begin_us);
        batch_answer(w, b);
        notify(w);
        return;
    }
    batch_tell_timing(b, begin_us);
    if (o.rc == SQLITE_OK) {
        metrics_counter_add(w->around.metrics->unknown_commits, 1);
        fail_by_files(w);
        batch_answer_all(w, b, STORE_UNAVAILABLE, w->around.failure->detail);
        return;
    }
    struct arena a;
    arena_init(&a);
    const char *detail;
    enum store_result why = conclude(w, o, &a, &detail);
    batch_answer_all(w, b, why, detail);
    arena_release(&a);
}

static void batch_run(struct writer *w, struct batch *b) {
    const struct store_metrics *m = w->around.metrics;
    int64_t begin_us = clock_monotonic_us();
    if (b->count > 0) {
        note_waits(w, b, begin_us);
        metrics_histogram_observe(m->batch_operations, b->count);
    }
    batch_end(w, b, begin_us);
    int64_t end_us = clock_monotonic_us();
    metrics_histogram_observe(m->batch_time, end_us - begin_us);
    connection_use_tell(&w->use, end_us);
}

static void checkpoint(struct writer *w) {
    if (store_failure_is_raised(w->around.failure)) {
        return;
    }
    int rc = checkpointer_run(&w->checkpointer);
    if (rc != SQLITE_OK) {
        fail(w, rc, "copying the write-ahead log into the database");
    }
}

// Whether the file system has room for more than a probe's page: who has little of it takes
// small changes now and then, which is no health. One that cannot say has enough.
static bool has_room(const struct writer *w) {
    int64_t free_bytes = store_path_free_bytes(w->around.path);
    return free_bytes < 0 || free_bytes >= PROBE_ROOM_BYTES;
}

// Finds out whether changes work again, by making one that changes nothing.
static void probe(struct writer *w) {
    if (w->health.why == STORE_DISK_FULL && !has_room(w)) {
        return;
    }
    if (w->db == NULL && !w->around.reopen(w->around.context)) {
        return;
    }
    struct batch none;
    batch_init(&none);
    struct outcome o = batch_commit(w, &none);
    if (o.rc == SQLITE_OK) {
        batch_committed(w);
        part_health_mend(&w->health);
        sqlite3_busy_timeout(w->db, SQLITE_BUSY_TIMEOUT_MS);
        return;
    }
    struct arena a;
    arena_init(&a);
    const char *detail;
    conclude(w, o, &a, &detail);
    arena_release(&a);
}

static void shrink_log(struct writer *w) {
    if (store_failure_is_raised(w->around.failure)) {
        return;
    }
    if (!file_guard_holds(w->around.guard)) {
        fail_by_files(w);
        return;
    }
    int rc = checkpointer_retry(&w->checkpointer);
    if (rc != SQLITE_OK) {
        fail(w, rc, "copying the write-ahead log into the database");
    }
}

static bool can_apply(const struct writer *w) {
    return w->db != NULL && !w->health.is_broken && !store_failure_is_raised(w->around.failure) &&
           pending_has_any(w->around.session.pending);
}

// Brings up to count rows up to date in a transaction of its own.
static void apply(struct writer *w, int count) {
    struct batch b;
    batch_init(&b);
    b.apply = count;
    b.is_idle = true;
    batch_run(w, &b);
    checkpoint(w);
}

// The sooner of two waits, of which 0 never ends.
static int64_t sooner(int64_t a_us, int64_t b_us) {
    return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

// Waits for operations, and sees to changes that do not work and to a log that is too
// large meanwhile. Returns false when there will be none.
static bool take(struct writer *w, struct store_op **ret_waiting) {
    const struct pending_limits *limits = &w->around.session.pending->limits;
    bool is_applying = false; // one slice after the other, until an operation comes
    for (;;) {
        bool is_failed = store_failure_is_raised(w->around.failure);
        int64_t shrink_us = is_failed ? 0 : checkpointer_retry_us(&w->checkpointer);
        int64_t probe_us = is_failed ? 0 : part_health_wait_us(&w->health);
        bool is_due = is_applying || pending_is_wanted(w->around.session.pending);
        int64_t apply_us = !can_apply(w) ? 0 : is_due ? 1 : limits->idle_us;
        int64_t wait_us = sooner(sooner(shrink_us, probe_us), apply_us);
        if (!op_queue_take_within(w->around.queue, wait_us, ret_waiting)) {
            return false;
        }
        if (!is_failed && part_health_take_probe(&w->health)) {
            probe(w);
        }
        if (*ret_waiting != NULL) {
            return true;
        }
        if (shrink_us > 0 && wait_us == shrink_us) {
            shrink_log(w);
        }
        is_applying = can_apply(w);
        if (is_applying) {
            apply(w, APPLY_IDLE_SLICES * limits->slice);
        }
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
            if (b.count > 0) {
                batch_run(w, &b);
                checkpoint(w);
            }
        }
    }
    // A store that was closed has rows that say all, for whoever reads the file.
    while (can_apply(w) && file_guard_holds(w->around.guard)) {
        apply(w, APPLY_CLOSE_SLICES * w->around.session.pending->limits.slice);
    }
    return NULL;
}

void writer_init(struct writer *w, const struct writer_surroundings *around) {
    w->around = *around;
    part_health_init(&w->health, STORE_CHANGES, around->failure);
}

int writer_attach(struct writer *w, sqlite3 *db) {
    log_index_init(&w->log_index, db);
    w->db = db;
    w->apply_due = 0;
    connection_use_init(&w->use, db, w->around.metrics, "writer");
    tell_runs(w);
    if (w->around.on_commit != NULL) {
        organizations_collect(w->around.session.organizations);
    }
    int rc = checkpointer_init(
        &w->checkpointer, db,
        &(struct checkpointer_surroundings){w->around.gate, w->around.history, w->around.path,
                                            w->around.failure, w->around.metrics});
    return rc == SQLITE_OK ? session_init(&w->session, db, STORE_CHANGES, &w->around.session) : rc;
}

void writer_detach(struct writer *w) {
    session_release(&w->session);
    checkpointer_release(&w->checkpointer);
    w->db = NULL;
}

void writer_await_room(struct writer *w, const char *detail) {
    part_health_break(&w->health, STORE_DISK_FULL, detail);
}

void writer_start(struct writer *w) {
    w->thread = thread_start("store-writer", writer_body, w);
}

void writer_join(struct writer *w) {
    thread_join(w->thread);
}
