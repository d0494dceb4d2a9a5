#include "server/sweep/deadline_sweep.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"
#include "storage/op/list_due.h"
#include "storage/op/transition_run.h"

enum {
    // Runs that are ended at once: no commit carries more of them than that.
    RUNS_AT_ONCE = 64,
    // How often the time of day is looked at while a deadline is to come: it may be set.
    LOOK_US = 500 * 1000,
    RETRY_US = 1000 * 1000, // after the store could not
    // How often the store is looked at for deadlines that other servers were told of, and for all
    // that there are: they may have thawed an organization.
    SHARED_LOOK_US = 500 * 1000,
    SHARED_WHOLE_LOOK_US = 10 * 1000 * 1000,
};

struct deadline_sweep {
    const struct logger *log;
    const struct clock *clock;
    struct run_store *store;
    struct lease_table *leases;
    struct duty *duty;
    struct duty_member member;
    struct metrics_child *cancelled; // runs that were ended so
    struct metrics_child *failed;
    pthread_t thread;
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t changed;
    int64_t next_us;  // when to look, microseconds since the epoch; INT64_MAX: no deadline is known
    int64_t from_us;  // sooner deadlines are those of frozen organizations; 0: none is known to be
    int64_t whole_us; // when a store that others serve too was looked at from its first deadline on
    bool is_stopping;
    int ending; // operations under way
    int ended;  // runs that were, since await_ends
};

// A run that is ended.
struct ending {
    struct deadline_sweep *sweep;
    struct store_transition_run change;
    struct arena arena;
};

// --- one run ---

static void log_end(const struct ending *ending) {
    const struct store_transition_run *change = &ending->change;
    LOG(ending->sweep->log, LOG_INFO, "a run's deadline has passed: it is ended",
        log_slice("organization", change->organization), log_slice("runId", change->id),
        log_own_text("status", change->to == RUN_CANCELLED ? "cancelled" : "failure"));
}

// On a thread of the store.
static void ended(struct store_op *op) {
    struct ending *ending = CONTAINER_OF(op, struct ending, change.op);
    struct deadline_sweep *sweep = ending->sweep;
    const struct store_transition_run *change = &ending->change;
    bool has_ended = op->result == STORE_OK;
    if (has_ended) {
        log_end(ending);
        metrics_counter_add(change->to == RUN_CANCELLED ? sweep->cancelled : sweep->failed, 1);
        if (change->ret.attempt != 0) {
            lease_table_remove(sweep->leases, change->organization, change->id, change->ret.attempt,
                               clock_monotonic_us());
        }
    }
    arena_release(&ending->arena);
    free(ending);
    pthread_mutex_lock(&sweep->mutex);
    sweep->ending--;
    sweep->ended += has_ended;
    pthread_cond_signal(&sweep->changed);
    pthread_mutex_unlock(&sweep->mutex);
}

static void end_run(struct deadline_sweep *sweep, const struct store_due *due, int64_t now_us) {
    struct ending *ending = mem_zalloc(sizeof(*ending));
    arena_init(&ending->arena);
    ending->sweep = sweep;
    ending->change = (struct store_transition_run){
        .op = {.kind = &store_transition_run_kind, .arena = &ending->arena, .done = ended},
        .organization = arena_copy(&ending->arena, due->organization),
        .id = arena_copy(&ending->arena, due->id),
        .from = RUN_STATUS_ACTIVE,
        .to = due->on_timeout,
        .due_us = now_us,
        .at_us = now_us,
        .cause = {.actor = slice_of_cstr(EVENT_ACTOR_SERVER), .reason = slice_of_cstr("TIMEOUT")},
    };
    pthread_mutex_lock(&sweep->mutex);
    sweep->ending++;
    pthread_mutex_unlock(&sweep->mutex);
    run_store_submit(sweep->store, &ending->change.op);
}

// --- all that are due ---

// Waits until every operation is answered. Returns how many runs were ended: the others have been
// otherwise, or the store could not.
static int await_ends(struct deadline_sweep *sweep) {
    pthread_mutex_lock(&sweep->mutex);
    while (sweep->ending > 0) {
        condition_wait(&sweep->changed, &sweep->mutex, 0);
    }
    int ended = sweep->ended;
    sweep->ended = 0;
    pthread_mutex_unlock(&sweep->mutex);
    return ended;
}

// Looks at the next time at at_us, or sooner if a note said so.
static void look_at(struct deadline_sweep *sweep, int64_t at_us) {
    pthread_mutex_lock(&sweep->mutex);
    sweep->next_us = at_us < sweep->next_us ? at_us : sweep->next_us;
    pthread_mutex_unlock(&sweep->mutex);
}

// From where on to look at deadlines.
static int64_t from_us(struct deadline_sweep *sweep) {
    pthread_mutex_lock(&sweep->mutex);
    int64_t from_us = sweep->from_us;
    sweep->from_us = INT64_MAX; // that of a note that comes meanwhile, if it is sooner
    pthread_mutex_unlock(&sweep->mutex);
    return from_us;
}

// The next look begins at from_us, or sooner if a note said so.
static void look_from(struct deadline_sweep *sweep, int64_t from_us) {
    pthread_mutex_lock(&sweep->mutex);
    sweep->from_us = from_us < sweep->from_us ? from_us : sweep->from_us;
    pthread_mutex_unlock(&sweep->mutex);
}

// Whether a sweep is to end early.
static bool is_to_end(struct deadline_sweep *sweep) {
    pthread_mutex_lock(&sweep->mutex);
    bool stopping = sweep->is_stopping;
    pthread_mutex_unlock(&sweep->mutex);
    return stopping || !duty_is_on(sweep->duty);
}

// Ends up to RUNS_AT_ONCE runs that are due at now_us. Returns whether there may be more.
static bool sweep_some(struct deadline_sweep *sweep, struct arena *a, int64_t now_us) {
    struct store_list_due list = {
        .op = {.kind = &store_list_due_kind, .arena = a},
        .from_us = from_us(sweep),
        .until_us = now_us,
        .limit = RUNS_AT_ONCE,
    };
    store_op_submit_and_wait(sweep->store, &list.op);
    bool could = list.op.result == STORE_OK;
    look_from(sweep, could ? list.ret_from_us : list.from_us);
    for (int i = 0; could && i < list.ret_count; i++) {
        end_run(sweep, &list.ret_due[i], now_us);
    }
    if (await_ends(sweep) == 0 && (!could || list.ret_count > 0)) {
        LOG(sweep->log, LOG_DEBUG, "runs whose deadline has passed could not be ended yet",
            log_text("detail", list.op.detail != NULL ? list.op.detail : ""));
        look_at(sweep, now_us + RETRY_US);
        return false;
    }
    if (list.ret_next_due_us != 0) {
        look_at(sweep, list.ret_next_due_us);
    }
    return list.ret_next_due_us != 0 && list.ret_next_due_us <= now_us;
}

// Has the thread look again where the store has what nobody tells it of. The mutex is held.
static void look_for_others(struct deadline_sweep *sweep, int64_t looked_us) {
    int64_t now_us = clock_monotonic_us();
    if (!sweep->store->is_shared || now_us - looked_us < SHARED_LOOK_US) {
        return;
    }
    sweep->next_us = 0;
    if (now_us - sweep->whole_us >= SHARED_WHOLE_LOOK_US) {
        sweep->whole_us = now_us;
        sweep->from_us = 0;
    }
}

// How long to wait at most; 0: until something changes. The mutex is held.
static int64_t wait_until_us(const struct deadline_sweep *sweep, int64_t now_us) {
    if (!duty_is_on(sweep->duty) || (sweep->next_us == INT64_MAX && !sweep->store->is_shared)) {
        return 0;
    }
    int64_t wait_us = sweep->next_us == INT64_MAX ? LOOK_US : sweep->next_us - now_us;
    return clock_monotonic_us() + (wait_us < LOOK_US ? wait_us : LOOK_US);
}

// Waits until it is time to look, having looked at looked_us (clock_monotonic_us). Returns false if
// the thread is to end, else it looks at everything: *ret_now_us is the time of day.
static bool wait_for_turn(struct deadline_sweep *sweep, int64_t looked_us, int64_t *ret_now_us) {
    pthread_mutex_lock(&sweep->mutex);
    while (!sweep->is_stopping && ((*ret_now_us = clock_now_us(sweep->clock)) < sweep->next_us ||
                                   !duty_is_on(sweep->duty))) {
        condition_wait(&sweep->changed, &sweep->mutex, wait_until_us(sweep, *ret_now_us));
        look_for_others(sweep, looked_us);
    }
    bool goes_on = !sweep->is_stopping;
    sweep->next_us = INT64_MAX;
    pthread_mutex_unlock(&sweep->mutex);
    return goes_on;
}

static void *body(void *context) {
    struct deadline_sweep *sweep = context;
    struct arena a;
    arena_init(&a);
    int64_t now_us;
    int64_t looked_us = 0;
    while (wait_for_turn(sweep, looked_us, &now_us)) {
        looked_us = clock_monotonic_us();
        while (sweep_some(sweep, &a, now_us) && !is_to_end(sweep)) {
            arena_reset(&a);
        }
        arena_reset(&a);
    }
    arena_release(&a);
    return NULL;
}

// --- its life ---

static void tell(struct deadline_sweep *sweep, struct metrics *metrics) {
    static const struct metrics_info info = {
        .name = "runsd_runs_timed_out",
        .help = "Runs that were ended because their deadline had passed",
        .kind = METRICS_COUNTER,
        .labels = {"status"},
    };
    static const char *const cancelled[] = {"cancelled"};
    static const char *const failure[] = {"failure"};
    struct metrics_family *family = metrics_add_family(metrics, &info);
    sweep->cancelled = metrics_child(family, cancelled);
    sweep->failed = metrics_child(family, failure);
}

static void duty_changed(void *context) {
    struct deadline_sweep *sweep = context;
    pthread_mutex_lock(&sweep->mutex);
    sweep->next_us = 0; // what came due before, wherever it was noted
    sweep->from_us = 0;
    pthread_cond_signal(&sweep->changed);
    pthread_mutex_unlock(&sweep->mutex);
}

struct deadline_sweep *deadline_sweep_start(const struct logger *log, const struct clock *clock,
                                            struct run_store *store, struct lease_table *leases,
                                            struct duty *duty, struct metrics *metrics) {
    struct deadline_sweep *sweep = mem_zalloc(sizeof(*sweep)); // next_us 0: it looks at once
    sweep->log = log;
    sweep->clock = clock;
    sweep->store = store;
    sweep->leases = leases;
    sweep->duty = duty;
    tell(sweep, metrics);
    pthread_mutex_init(&sweep->mutex, NULL);
    condition_init(&sweep->changed);
    sweep->member = (struct duty_member){.changed = duty_changed, .context = sweep};
    duty_join(duty, &sweep->member);
    sweep->thread = thread_start("deadlines", body, sweep);
    return sweep;
}

void deadline_sweep_note(struct deadline_sweep *sweep, int64_t due_us) {
    if (due_us == 0) {
        return;
    }
    pthread_mutex_lock(&sweep->mutex);
    sweep->from_us = due_us < sweep->from_us ? due_us : sweep->from_us;
    if (due_us < sweep->next_us) {
        sweep->next_us = due_us;
        pthread_cond_signal(&sweep->changed);
    }
    pthread_mutex_unlock(&sweep->mutex);
}

void deadline_sweep_stop(struct deadline_sweep *sweep) {
    if (sweep == NULL) {
        return;
    }
    duty_leave(sweep->duty, &sweep->member);
    pthread_mutex_lock(&sweep->mutex);
    sweep->is_stopping = true;
    pthread_cond_signal(&sweep->changed);
    pthread_mutex_unlock(&sweep->mutex);
    thread_join(sweep->thread);
    pthread_cond_destroy(&sweep->changed);
    pthread_mutex_destroy(&sweep->mutex);
    free(sweep);
}
