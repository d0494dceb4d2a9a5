#include "server/sweep/retention.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/memory.h"
#include "base/thread/periodic.h"
#include "storage/op/delete_runs.h"
#include "storage/op/list_ended.h"

enum {
    // So many runs are listed together, and so many of one organization deleted.
    RUNS_A_PAGE = 1024,
    RUNS_AT_ONCE = 64,
    // How long an operation may wait: a store that takes no changes is asked again another time.
    PATIENCE_MS = 5000,
};

// How often all is looked at from the beginning, for what was left out: runs of organizations that
// were frozen then, runs whose oldest events are far behind.
#define WHOLE_LOOK_US (INT64_C(3600) * 1000 * 1000)

struct retention {
    struct retention_options options;
    struct metrics_child *deleted; // runs
    atomic_int_fast64_t retain_us; // of options, or what was set since
    struct periodic thread;
    struct duty_member member;
    // The thread's.
    int64_t cursor;    // of list_ended: where the next look goes on
    int64_t looked_us; // when the last one from the beginning began (clock_monotonic_us)
};

// A turn of the thread.
struct turn {
    struct retention *retention;
    int64_t finished_before_us;
    int64_t deleted;
    bool is_complete; // all that was listed is deleted
};

static int64_t patience_us(void) {
    return clock_monotonic_us() + PATIENCE_MS * INT64_C(1000);
}

static void complain(const struct retention *retention, const struct store_op *op) {
    LOG(retention->options.log, LOG_DEBUG, "runs that are to be deleted could not be yet",
        log_text("detail", op->detail != NULL ? op->detail : ""));
}

// Deletes count runs of one organization. Returns whether the store could.
static bool delete_of_one(struct turn *turn, struct arena *a, const struct store_ended_run *runs,
                          int count) {
    struct slice *ids = ARENA_ARRAY(a, struct slice, count);
    for (int i = 0; i < count; i++) {
        ids[i] = runs[i].id;
    }
    struct store_delete_runs deletion = {
        .op = {.kind = &store_delete_runs_kind, .arena = a, .deadline_us = patience_us()},
        .organization = runs->organization,
        .ids = ids,
        .count = count,
        .finished_before_us = turn->finished_before_us,
    };
    int64_t begin_us = clock_monotonic_us();
    store_op_submit_and_wait(turn->retention->options.store, &deletion.op);
    int deleted = deletion.op.result == STORE_OK ? deletion.ret_deleted : 0;
    turn->deleted += deleted;
    metrics_counter_add(turn->retention->deleted, deleted);
    turn->is_complete =
        turn->is_complete && deletion.op.result == STORE_OK && deletion.ret_deleted == count;
    // One that was frozen meanwhile is looked at again; all else may hold for the others, too.
    if (deletion.op.result != STORE_OK && deletion.op.result != STORE_READ_ONLY) {
        complain(turn->retention, &deletion.op);
        return false;
    }
    return periodic_pause(&turn->retention->thread, clock_monotonic_us() - begin_us);
}

static int compare_organizations(const void *a, const void *b) {
    const struct store_ended_run *x = a;
    const struct store_ended_run *y = b;
    int order = slice_compare(x->organization, y->organization);
    if (order != 0) {
        return order;
    }
    return (x->newest_revision > y->newest_revision) - (x->newest_revision < y->newest_revision);
}

// Deletes runs, one organization after the other: those that ended in turns with others' are
// brought together, since a transaction is one organization's.
static bool delete_all(struct turn *turn, struct arena *a, const struct store_list_ended *list) {
    bool goes_on = true;
    int count;
    if (list->ret_count > 0) {
        qsort(list->ret_runs, (size_t)list->ret_count, sizeof(list->ret_runs[0]),
              compare_organizations);
    }
    for (int i = 0; goes_on && i < list->ret_count; i += count) {
        const struct store_ended_run *first = &list->ret_runs[i];
        count = 1;
        while (count < RUNS_AT_ONCE && i + count < list->ret_count &&
               slice_equal(first->organization, first[count].organization)) {
            count++;
        }
        goes_on = delete_of_one(turn, a, first, count);
    }
    return goes_on;
}

// Looks from *cursor on, which moves, and deletes what it finds. Returns whether there is more, and
// all went well.
static bool sweep_some(struct turn *turn, struct arena *a, int64_t *cursor) {
    struct store_list_ended list = {
        .op = {.kind = &store_list_ended_kind, .arena = a, .deadline_us = patience_us()},
        .finished_before_us = turn->finished_before_us,
        .cursor = *cursor,
        .limit = RUNS_A_PAGE,
    };
    store_op_submit_and_wait(turn->retention->options.store, &list.op);
    if (list.op.result != STORE_OK) {
        complain(turn->retention, &list.op);
        return false;
    }
    if (!delete_all(turn, a, &list)) {
        return false;
    }
    *cursor = list.ret_cursor;
    return list.ret_has_more;
}

static void begin_anew_sometimes(struct retention *retention) {
    int64_t now_us = clock_monotonic_us();
    if (now_us - retention->looked_us >= WHOLE_LOOK_US) {
        retention->looked_us = now_us;
        retention->cursor = 0;
    }
}

static void sweep(void *context) {
    struct retention *retention = context;
    int64_t retain_us = atomic_load(&retention->retain_us);
    if (retain_us == 0 || duty_is_over(retention->options.duty, &retention->thread)) {
        return;
    }
    begin_anew_sometimes(retention);
    struct turn turn = {
        .retention = retention,
        .finished_before_us = clock_now_us(retention->options.clock) - retain_us,
        .is_complete = true,
    };
    struct arena a;
    arena_init(&a);
    int64_t cursor = retention->cursor;
    bool has_more = true;
    while (has_more && !duty_is_over(retention->options.duty, &retention->thread)) {
        has_more = sweep_some(&turn, &a, &cursor);
        // The next turn goes on behind what is done.
        retention->cursor = turn.is_complete ? cursor : retention->cursor;
        arena_reset(&a);
    }
    arena_release(&a);
    if (turn.deleted > 0) {
        LOG(retention->options.log, LOG_INFO,
            "runs were deleted that had been final for longer than they are retained",
            log_int("deleted", turn.deleted));
    }
}

struct retention *retention_start(const struct retention_options *options) {
    struct retention *retention = mem_zalloc(sizeof(*retention));
    static const struct metrics_info info = {
        .name = "runsd_runs_retired",
        .help = "Runs that were deleted because they had been final for long enough",
        .kind = METRICS_COUNTER,
    };
    retention->options = *options;
    atomic_init(&retention->retain_us, options->retain_us);
    retention->deleted = metrics_add(options->metrics, &info);
    retention->looked_us = clock_monotonic_us();
    periodic_start(&retention->thread, "retention",
                   options->interval_ms != 0 ? options->interval_ms : RETENTION_DEFAULT_MS, sweep,
                   retention);
    duty_join_thread(retention->options.duty, &retention->member, &retention->thread);
    periodic_wake(&retention->thread); // a server that is started often deletes, too
    return retention;
}

void retention_set(struct retention *retention, int64_t retain_us) {
    atomic_store(&retention->retain_us, retain_us);
    periodic_wake(&retention->thread);
}

void retention_stop(struct retention *retention) {
    if (retention != NULL) {
        duty_leave(retention->options.duty, &retention->member);
        periodic_stop(&retention->thread);
        free(retention);
    }
}
