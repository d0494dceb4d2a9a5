#include "server/bulk/bulk_runner.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/memory.h"
#include "base/thread/periodic.h"
#include "storage/op/collect_bulk.h"
#include "storage/op/get_bulk.h"
#include "storage/op/list_unfinished_bulks.h"
#include "storage/op/run_bulk.h"

enum {
    JOBS_A_LOOK = 256,
    // What one step does: runs that are looked at, and runs that are cancelled. The second while
    // calls change the store too.
    COLLECTED_A_STEP = 1000,
    CANCELLED_A_STEP = 512,
    CANCELLED_A_STEP_BESIDE_CALLS = 128,
    // For how long the store is left to calls then, as a multiple of what the step took, and at
    // most.
    REST = 3,
    LONGEST_PAUSE_US = 100 * 1000,
    // How often the thread looks for work unless it is woken: the store may not have been able to
    // do it, or an organization was frozen.
    LOOK_MS = 500,
    // The same where others make bulk cancels too, and how often it is looked at those that are
    // waited for here and worked at elsewhere.
    SHARED_LOOK_MS = 200,
    SHARED_WAIT_US = 50 * 1000,
};

struct bulk_runner {
    const struct logger *log;
    const struct clock *clock;
    struct run_store *store;
    struct lease_table *leases;
    struct bulk_waits *waits;
    struct duty *duty;
    struct duty_member member;
    atomic_ullong changes; // of calls
    struct periodic thread;
    // The thread's.
    unsigned round;                  // which job of an organization it takes
    unsigned long long seen_changes; // changes when it looked last

    struct metrics_child *open;
    struct metrics_child *done;
    struct metrics_child *collect_steps;
    struct metrics_child *cancel_steps;
    struct metrics_child *cancelled; // runs
};

// --- what calls do ---

void bulk_runner_note_change(struct bulk_runner *runner) {
    if (runner != NULL) {
        atomic_fetch_add_explicit(&runner->changes, 1, memory_order_relaxed);
    }
}

// Whether calls have changed the store since this was asked last.
static bool is_beside_calls(struct bulk_runner *runner) {
    unsigned long long changes = atomic_load_explicit(&runner->changes, memory_order_relaxed);
    bool others = changes != runner->seen_changes;
    runner->seen_changes = changes;
    return others;
}

// --- one step ---

static void tell_end(struct bulk_runner *runner, const struct bulk_record *bulk) {
    if (bulk->state == BULK_DONE) {
        metrics_counter_add(runner->done, 1);
        LOG(runner->log, LOG_INFO, "a bulk cancel is done",
            log_slice("organization", bulk->organization), log_slice("bulkCancelId", bulk->id),
            log_int("total", bulk->total), log_int("cancelled", bulk->cancelled),
            log_int("alreadyFinal", bulk->already_final), log_int("notFound", bulk->not_found));
    }
}

// At least 1: 0 says "not yet".
static int64_t now_us(const struct bulk_runner *runner) {
    int64_t us = clock_now_us(runner->clock);
    return us > 1 ? us : 1;
}

// Whether the operation was done; if not, says so in the log.
static bool was_done(struct bulk_runner *runner, const struct store_op *op, struct slice id) {
    if (op->result == STORE_OK) {
        return true;
    }
    LOG(runner->log, LOG_DEBUG, "a bulk cancel cannot go on yet", log_slice("bulkCancelId", id),
        log_text("detail", op->detail != NULL ? op->detail : ""));
    return false;
}

static bool collect(struct bulk_runner *runner, struct arena *a,
                    const struct store_unfinished_bulk *job) {
    struct store_collect_bulk step = {
        .op = {.kind = &store_collect_bulk_kind, .arena = a},
        .organization = job->organization,
        .id = job->id,
        .most = COLLECTED_A_STEP,
        .at_us = now_us(runner),
    };
    store_op_submit_and_wait(runner->store, &step.op);
    if (!was_done(runner, &step.op, job->id)) {
        return false;
    }
    metrics_counter_add(runner->collect_steps, 1);
    if (step.ret.state != BULK_PLANNING) {
        tell_end(runner, &step.ret);
        bulk_waits_tell(runner->waits, job->organization, job->id);
    }
    return true;
}

static bool cancel(struct bulk_runner *runner, struct arena *a,
                   const struct store_unfinished_bulk *job, int most) {
    struct store_run_bulk step = {
        .op = {.kind = &store_run_bulk_kind, .arena = a},
        .organization = job->organization,
        .id = job->id,
        .most = most,
        .at_us = now_us(runner),
    };
    store_op_submit_and_wait(runner->store, &step.op);
    if (!was_done(runner, &step.op, job->id)) {
        return false;
    }
    metrics_counter_add(runner->cancel_steps, 1);
    metrics_counter_add(runner->cancelled, step.ret_ended_count);
    for (int i = 0; i < step.ret_ended_count; i++) {
        const struct store_bulk_ended *run = &step.ret_ended[i];
        if (run->attempt != 0) {
            lease_table_remove(runner->leases, job->organization, run->id, run->attempt,
                               clock_monotonic_us());
        }
    }
    tell_end(runner, &step.ret);
    return true;
}

// --- whose turn it is ---

// Has the store take a step of the job. Returns whether it did.
static bool take_step(struct bulk_runner *runner, const struct store_unfinished_bulk *job) {
    struct arena a;
    arena_init(&a);
    bool is_beside = is_beside_calls(runner);
    int64_t begin_us = clock_monotonic_us();
    bool is_done =
        job->state == BULK_PLANNING
            ? collect(runner, &a, job)
            : cancel(runner, &a, job, is_beside ? CANCELLED_A_STEP_BESIDE_CALLS : CANCELLED_A_STEP);
    int64_t end_us = clock_monotonic_us();
    arena_release(&a);
    bulk_waits_expire(runner->waits, end_us);
    if (is_beside) {
        int64_t pause_us = REST * (end_us - begin_us);
        periodic_pause(&runner->thread, pause_us < LONGEST_PAUSE_US ? pause_us : LONGEST_PAUSE_US);
    }
    return is_done;
}

// Of each organization one job has its turn in a round, so that an organization with many gets no
// more than another with one; which, changes from round to round.
static bool has_turn(const struct bulk_runner *runner,
                     const struct store_list_unfinished_bulks *list, int index) {
    struct slice organization = list->ret_bulks[index].organization;
    unsigned before = 0;
    unsigned jobs = 0;
    for (int i = 0; i < list->ret_count; i++) {
        bool is_same = slice_equal(list->ret_bulks[i].organization, organization);
        before += is_same && i < index;
        jobs += is_same;
    }
    return runner->round % jobs == before;
}

// Takes a step of the jobs of list whose turn it is. Returns whether one moved on.
static bool step_through(struct bulk_runner *runner,
                         const struct store_list_unfinished_bulks *list) {
    bool has_moved = false;
    for (int i = 0; i < list->ret_count && !duty_is_over(runner->duty, &runner->thread); i++) {
        if (has_turn(runner, list, i)) {
            has_moved |= take_step(runner, &list->ret_bulks[i]);
        }
    }
    return has_moved;
}

// A step for each organization that has a job. Returns whether one moved on.
static bool do_round(struct bulk_runner *runner) {
    struct arena a;
    arena_init(&a);
    bool has_moved = false;
    bool could;
    int64_t open = 0;
    struct store_list_unfinished_bulks list = {.limit = JOBS_A_LOOK};
    do {
        arena_reset(&a);
        list.op = (struct store_op){.kind = &store_list_unfinished_bulks_kind, .arena = &a};
        store_op_submit_and_wait(runner->store, &list.op);
        could = list.op.result == STORE_OK;
        if (could) {
            open += list.ret_count;
            has_moved |= step_through(runner, &list);
            list.position = list.ret_position;
        }
    } while (could && list.ret_has_more && !duty_is_over(runner->duty, &runner->thread));
    arena_release(&a);
    if (could) {
        metrics_gauge_set(runner->open, open);
    }
    runner->round++;
    return has_moved;
}

// --- what others do ---

// Ends the wait for a bulk cancel whose runs are known by now, or which is no more.
static void look_at(struct bulk_runner *runner, struct arena *a, struct slice organization,
                    struct slice id) {
    struct store_get_bulk get = {
        .op = {.kind = &store_get_bulk_kind, .arena = a},
        .organization = organization,
        .id = id,
    };
    store_op_submit_and_wait(runner->store, &get.op);
    if (get.op.result == STORE_NOT_FOUND ||
        (get.op.result == STORE_OK && get.ret.state != BULK_PLANNING)) {
        bulk_waits_tell(runner->waits, organization, id);
    }
}

// Looks at all that are waited for. Returns whether there were any.
static bool look_at_waits(struct bulk_runner *runner) {
    struct arena a;
    arena_init(&a);
    struct slice organization;
    struct slice id;
    uint64_t mark = 0;
    while (bulk_waits_next(runner->waits, &mark, &a, &organization, &id)) {
        look_at(runner, &a, organization, id);
        arena_reset(&a);
    }
    arena_release(&a);
    bulk_waits_expire(runner->waits, clock_monotonic_us());
    return mark != 0;
}

static void turn(void *context) {
    struct bulk_runner *runner = context;
    while (!duty_is_over(runner->duty, &runner->thread) && do_round(runner)) {
    }
    while (runner->store->is_shared && look_at_waits(runner) && !duty_is_on(runner->duty) &&
           periodic_pause(&runner->thread, SHARED_WAIT_US)) {
    }
    if (!duty_is_on(runner->duty)) {
        metrics_gauge_set(runner->open, 0); // the one on duty counts them
    }
    bulk_waits_expire(runner->waits, clock_monotonic_us());
}

// --- its life ---

static void tell(struct bulk_runner *runner, struct metrics *metrics) {
    static const struct metrics_info open_info = {
        .name = "runsd_bulk_cancels_open",
        .help = "Bulk cancels that are not over, when the thread that works at them looked last",
        .kind = METRICS_GAUGE,
    };
    static const struct metrics_info done_info = {
        .name = "runsd_bulk_cancels_done",
        .help = "Bulk cancels that have looked at all of their runs",
        .kind = METRICS_COUNTER,
    };
    static const struct metrics_info steps_info = {
        .name = "runsd_bulk_cancel_steps",
        .help = "Steps of bulk cancels: transactions that find runs, or cancel them",
        .kind = METRICS_COUNTER,
        .labels = {"kind"},
    };
    static const struct metrics_info cancelled_info = {
        .name = "runsd_bulk_cancelled_runs",
        .help = "Runs that bulk cancels have cancelled",
        .kind = METRICS_COUNTER,
    };
    static const char *const collect[] = {"collect"};
    static const char *const cancel[] = {"cancel"};
    runner->open = metrics_add(metrics, &open_info);
    runner->done = metrics_add(metrics, &done_info);
    struct metrics_family *steps = metrics_add_family(metrics, &steps_info);
    runner->collect_steps = metrics_child(steps, collect);
    runner->cancel_steps = metrics_child(steps, cancel);
    runner->cancelled = metrics_add(metrics, &cancelled_info);
}

struct bulk_runner *bulk_runner_start(const struct logger *log, const struct clock *clock,
                                      struct run_store *store, struct lease_table *leases,
                                      struct duty *duty, struct metrics *metrics) {
    struct bulk_runner *runner = mem_zalloc(sizeof(*runner));
    runner->log = log;
    runner->clock = clock;
    runner->store = store;
    runner->leases = leases;
    runner->duty = duty;
    runner->waits = bulk_waits_new();
    tell(runner, metrics);
    periodic_start(&runner->thread, "bulk-cancels", store->is_shared ? SHARED_LOOK_MS : LOOK_MS,
                   turn, runner);
    duty_join_thread(duty, &runner->member, &runner->thread);
    periodic_wake(&runner->thread);
    return runner;
}

void bulk_runner_wake(struct bulk_runner *runner) {
    periodic_wake(&runner->thread);
}

struct bulk_waits *bulk_runner_waits(struct bulk_runner *runner) {
    return runner->waits;
}

void bulk_runner_stop(struct bulk_runner *runner) {
    if (runner != NULL) {
        duty_leave(runner->duty, &runner->member);
        bulk_waits_stop(runner->waits);
        periodic_stop(&runner->thread);
    }
}

void bulk_runner_free(struct bulk_runner *runner) {
    if (runner != NULL) {
        bulk_waits_free(runner->waits);
        free(runner);
    }
}
