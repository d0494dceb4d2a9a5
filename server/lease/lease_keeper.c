#include "server/lease/lease_keeper.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"
#include "server/lease/lease_share.h"
#include "storage/op/end_lease.h"

enum {
    // Operations of the store that are under way at once.
    ENDING_AT_ONCE = 256,
    // The thread looks at the clock so often while there are leases; it stood still if it comes
    // later than that by more.
    TICK_US = 200 * 1000,
    LATE_US = 300 * 1000,
    // After which a lease that could not be ended is ended again; of an organization that is
    // frozen, less often: nobody knows for how long.
    RETRY_US = 1000 * 1000,
    RETRY_FROZEN_US = 10 * 1000 * 1000,
};

struct lease_keeper {
    const struct logger *log;
    const struct clock *clock;
    struct run_store *store;
    struct lease_table *table;
    struct open_waits *open_waits;
    struct stop_waits *stop_waits;
    struct duty *duty;
    struct duty_member member;
    bool was_on_duty;          // the thread's: when it looked last
    struct lease_share *share; // NULL: nobody else serves the store
    bool is_started;
    pthread_t thread;
    int64_t ticked_us; // the thread's: when it looked at the clock last (boottime_us); 0: not yet
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t changed;
    bool is_woken;
    bool is_stopping;
    int ending; // operations under way

    struct metrics *metrics;
    struct metrics_family *held;
    struct metrics_family *waiting;
    struct metrics_child *begun;
    struct metrics_child *lost;
    struct metrics_child *standstills;
};

// A lease whose end the store is told.
struct ending {
    struct lease_keeper *keeper;
    struct store_end_lease end;
    struct arena arena;
    struct lease lease;
};

// Microseconds of a clock that goes on while the machine sleeps (clock_gettime(2)).
static int64_t boottime_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void wake(void *context) {
    struct lease_keeper *keeper = context;
    pthread_mutex_lock(&keeper->mutex);
    keeper->is_woken = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
}

// --- what is counted ---

static void collect(void *context, struct metrics_collection *collection) {
    struct lease_keeper *keeper = context;
    static const char *const acquire[] = {"acquire"};
    static const char *const stop[] = {"stop"};
    metrics_collect(collection, keeper->held, NULL, (double)lease_table_count(keeper->table));
    metrics_collect(collection, keeper->waiting, acquire, open_waits_count(keeper->open_waits));
    metrics_collect(collection, keeper->waiting, stop, stop_waits_count(keeper->stop_waits));
}

static void tell(struct lease_keeper *keeper, struct metrics *metrics) {
    static const struct metrics_info held_info = {
        .name = "runsd_leases",
        .help = "Leases that are held",
        .kind = METRICS_GAUGE,
    };
    static const struct metrics_info waiting_info = {
        .name = "runsd_waits",
        .help = "Calls that wait for runs to acquire, or for the end of a cancelled run's work",
        .kind = METRICS_GAUGE,
        .labels = {"kind"},
    };
    static const struct metrics_info begun_info = {
        .name = "runsd_attempts_begun",
        .help = "Attempts at runs that have begun, each with a lease",
        .kind = METRICS_COUNTER,
    };
    static const struct metrics_info lost_info = {
        .name = "runsd_leases_lost",
        .help = "Leases that ended because nobody renewed them",
        .kind = METRICS_COUNTER,
    };
    static const struct metrics_info standstills_info = {
        .name = "runsd_lease_standstills",
        .help = "Times that the process stood still for so long that all leases were extended",
        .kind = METRICS_COUNTER,
    };
    keeper->metrics = metrics;
    keeper->held = metrics_add_family(metrics, &held_info);
    keeper->waiting = metrics_add_family(metrics, &waiting_info);
    keeper->begun = metrics_add(metrics, &begun_info);
    keeper->lost = metrics_add(metrics, &lost_info);
    keeper->standstills = metrics_add(metrics, &standstills_info);
    lease_table_tell(keeper->table, metrics);
    metrics_add_collector(metrics, collect, keeper);
}

// --- its begin ---

struct lease_keeper *lease_keeper_new(const struct logger *log, const struct clock *clock,
                                      struct run_store *store, struct duty *duty,
                                      struct metrics *metrics) {
    struct lease_keeper *keeper = mem_zalloc(sizeof(*keeper));
    keeper->log = log;
    keeper->clock = clock;
    keeper->store = store;
    keeper->duty = duty;
    keeper->was_on_duty = !store->is_shared;
    keeper->table = lease_table_new();
    keeper->open_waits = open_waits_new(wake, keeper);
    keeper->stop_waits = stop_waits_new(wake, keeper);
    if (store->is_shared) {
        lease_table_share(keeper->table);
        keeper->share = lease_share_new(log, store, keeper->table, keeper->stop_waits, duty);
    }
    pthread_mutex_init(&keeper->mutex, NULL);
    condition_init(&keeper->changed);
    tell(keeper, metrics);
    return keeper;
}

bool lease_keeper_load(struct lease_keeper *keeper, struct arena *a, const char **ret_detail) {
    // Of a store that others serve, too, the thread reads them when this process goes on duty.
    return keeper->store->is_shared ||
           lease_share_read(keeper->store, keeper->table, a, ret_detail);
}

struct lease_table *lease_keeper_table(struct lease_keeper *keeper) {
    return keeper->table;
}

struct open_waits *lease_keeper_open_waits(struct lease_keeper *keeper) {
    return keeper->open_waits;
}

struct stop_waits *lease_keeper_stop_waits(struct lease_keeper *keeper) {
    return keeper->stop_waits;
}

void lease_keeper_committed(struct lease_keeper *keeper, const struct store_commit *commits,
                            int count) {
    for (int i = 0; i < count; i++) {
        if (commits[i].opened > 0) {
            open_waits_opened(keeper->open_waits, commits[i].organization);
        }
        if (commits[i].kinds == STORE_COMMIT_ELSEWHERE) {
            lease_share_hint(keeper->share);
        }
    }
}

void lease_keeper_put(struct lease_keeper *keeper, const struct lease *lease) {
    int64_t now_us = clock_monotonic_us();
    bool is_first = lease_table_due_us(keeper->table) > now_us + lease->duration_us;
    lease_table_put(keeper->table, lease, now_us);
    metrics_counter_add(keeper->begun, 1);
    if (is_first) {
        wake(keeper);
    }
}

// --- ends of leases ---

static void log_end(const struct ending *ending) {
    const struct lease *lease = &ending->lease;
    LOG(ending->keeper->log, LOG_INFO, "a lease was not renewed: it has ended",
        log_slice("organization", lease->organization), log_slice("runId", lease->run_id),
        log_slice("holder", lease->holder), log_int("attempt", lease->attempt));
}

// Frees it; the thread may begin another one.
static void finish(struct ending *ending) {
    struct lease_keeper *keeper = ending->keeper;
    arena_release(&ending->arena);
    free(ending);
    pthread_mutex_lock(&keeper->mutex);
    keeper->ending--;
    keeper->is_woken = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
}

// On a thread of the store.
static void ended(struct store_op *op) {
    struct ending *ending = CONTAINER_OF(op, struct ending, end.op);
    struct lease_keeper *keeper = ending->keeper;
    const struct lease *lease = &ending->lease;
    if (op->result == STORE_CONFLICT && ending->end.ret_left_us > 0) {
        lease_table_resume(keeper->table, lease->organization, lease->run_id, lease->attempt,
                           clock_monotonic_us() + ending->end.ret_left_us);
        finish(ending);
        return;
    }
    switch (op->result) {
    case STORE_OK:
        log_end(ending);
        metrics_counter_add(keeper->lost, 1);
        __attribute__((fallthrough));
    case STORE_CONFLICT: // it has ended otherwise, or goes on
    case STORE_NOT_FOUND:
        lease_table_remove(keeper->table, lease->organization, lease->run_id, lease->attempt,
                           clock_monotonic_us());
        break;
    default:
        LOG(keeper->log, LOG_DEBUG, "a lease that was not renewed could not be ended yet",
            log_text("detail", op->detail != NULL ? op->detail : ""));
        lease_table_retry(keeper->table, lease->organization, lease->run_id, lease->attempt,
                          clock_monotonic_us() +
                              (op->result == STORE_READ_ONLY ? RETRY_FROZEN_US : RETRY_US));
        break;
    }
    finish(ending);
}

static bool takes_more(struct lease_keeper *keeper) {
    pthread_mutex_lock(&keeper->mutex);
    bool takes = keeper->ending < ENDING_AT_ONCE && !keeper->is_stopping;
    keeper->ending += takes;
    pthread_mutex_unlock(&keeper->mutex);
    return takes;
}

static void submit(struct lease_keeper *keeper, struct ending *ending) {
    ending->keeper = keeper;
    ending->end = (struct store_end_lease){
        .op = {.kind = &store_end_lease_kind, .arena = &ending->arena, .done = ended},
        .organization = ending->lease.organization,
        .id = ending->lease.run_id,
        .attempt = ending->lease.attempt,
        .kind = STORE_EVENT_LEASE_LOSS,
        .at_us = clock_now_us(keeper->clock),
        .cause = {.actor = slice_of_cstr(EVENT_ACTOR_SERVER),
                  .reason = slice_of_cstr("LEASE_LOST")},
    };
    run_store_submit(keeper->store, &ending->end.op);
}

static void end_leases(struct lease_keeper *keeper, int64_t now_us) {
    while (lease_table_due_us(keeper->table) <= now_us && takes_more(keeper)) {
        struct ending *ending = mem_zalloc(sizeof(*ending));
        arena_init(&ending->arena);
        if (lease_table_take_ended(keeper->table, now_us, 1, &ending->arena, &ending->lease) == 1) {
            submit(keeper, ending);
            continue;
        }
        arena_release(&ending->arena);
        free(ending);
        pthread_mutex_lock(&keeper->mutex);
        keeper->ending--;
        pthread_mutex_unlock(&keeper->mutex);
    }
}

// --- the thread ---

// Extends the leases if the thread comes so late that the process stood still. What has ended
// before this was called has ended: who compares takes an instant from before.
static void look_at_clock(struct lease_keeper *keeper) {
    int64_t boot_us = boottime_us();
    int64_t late_us = boot_us - keeper->ticked_us - TICK_US;
    if (late_us > LATE_US) {
        lease_table_extend(keeper->table, clock_monotonic_us());
        if (keeper->ticked_us != 0) {
            metrics_counter_add(keeper->standstills, 1);
            LOG(keeper->log, LOG_WARN,
                "the process stood still: each lease lasts for its duration from now on",
                log_int("lateMs", late_us / 1000));
        }
    }
    keeper->ticked_us = boot_us;
}

// Waits for what comes next. Returns false if it is to stop.
static bool wait_for_turn(struct lease_keeper *keeper) {
    int64_t open_us = open_waits_due_us(keeper->open_waits);
    int64_t stop_us = stop_waits_due_us(keeper->stop_waits);
    int64_t until_us = open_us < stop_us ? open_us : stop_us;
    int64_t lease_us = lease_table_due_us(keeper->table);
    if (lease_us != INT64_MAX) {
        int64_t tick_us = clock_monotonic_us() + TICK_US;
        lease_us = lease_us < tick_us ? lease_us : tick_us;
        until_us = lease_us < until_us ? lease_us : until_us;
    } else {
        keeper->ticked_us = 0; // there was no lease: the next ones may be extended unseen
    }
    if (keeper->share != NULL) { // which fills the table
        int64_t tick_us = clock_monotonic_us() + TICK_US;
        until_us = tick_us < until_us ? tick_us : until_us;
    }
    pthread_mutex_lock(&keeper->mutex);
    if (keeper->ending == ENDING_AT_ONCE) { // which wakes
        until_us = clock_monotonic_us() + TICK_US;
    }
    while (!keeper->is_woken && !keeper->is_stopping &&
           condition_wait(&keeper->changed, &keeper->mutex, until_us == INT64_MAX ? 0 : until_us)) {
    }
    keeper->is_woken = false;
    bool goes_on = !keeper->is_stopping;
    pthread_mutex_unlock(&keeper->mutex);
    return goes_on;
}

// Ends the leases whose end has come by now_us, if that is this process's to do. Nothing is known
// of what others renewed before it was: each lease lasts for its duration from then on, unless the
// store knows better when it is to end.
static void look_at_leases(struct lease_keeper *keeper, int64_t now_us) {
    bool is_on_duty = duty_is_on(keeper->duty);
    if (is_on_duty != keeper->was_on_duty) {
        keeper->was_on_duty = is_on_duty;
        lease_table_extend(keeper->table, clock_monotonic_us());
    }
    if (is_on_duty) {
        end_leases(keeper, now_us);
    } else {
        lease_table_drop_ended(keeper->table, now_us);
    }
}

static void *body(void *context) {
    struct lease_keeper *keeper = context;
    do {
        int64_t now_us = clock_monotonic_us();
        look_at_clock(keeper);
        look_at_leases(keeper, now_us);
        open_waits_expire(keeper->open_waits, now_us);
        stop_waits_expire(keeper->stop_waits, now_us);
    } while (wait_for_turn(keeper));
    return NULL;
}

void lease_keeper_start(struct lease_keeper *keeper) {
    lease_table_extend(keeper->table, clock_monotonic_us());
    keeper->is_started = true;
    keeper->member = (struct duty_member){.changed = wake, .context = keeper};
    duty_join(keeper->duty, &keeper->member);
    if (keeper->store->is_shared) {
        lease_share_start(keeper->share);
    }
    keeper->thread = thread_start("leases", body, keeper);
}

void lease_keeper_end_waits(struct lease_keeper *keeper) {
    open_waits_stop(keeper->open_waits);
    stop_waits_stop(keeper->stop_waits);
}

void lease_keeper_stop(struct lease_keeper *keeper) {
    pthread_mutex_lock(&keeper->mutex);
    keeper->is_stopping = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
    if (!keeper->is_started) {
        return;
    }
    duty_leave(keeper->duty, &keeper->member);
    thread_join(keeper->thread);
    keeper->is_started = false;
    if (keeper->share != NULL) {
        lease_share_stop(keeper->share);
    }
}

void lease_keeper_free(struct lease_keeper *keeper) {
    if (keeper == NULL) {
        return;
    }
    metrics_remove_collectors(keeper->metrics, keeper);
    lease_share_free(keeper->share);
    open_waits_free(keeper->open_waits);
    stop_waits_free(keeper->stop_waits);
    lease_table_free(keeper->table);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->mutex);
    free(keeper);
}
