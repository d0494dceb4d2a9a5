#include "server/sweep/feed_trim.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/memory.h"
#include "base/thread/periodic.h"
#include "storage/op/plan_trim.h"
#include "storage/op/trim_changes.h"

enum {
    ORGANIZATIONS_A_LOOK = 256,
    // How long an operation may wait: a store that takes no changes is asked again another time.
    PATIENCE_MS = 5000,
};

struct feed_trim {
    struct feed_trim_options options;
    struct metrics_child *raised;   // floors
    atomic_int_fast64_t max_age_us; // of options, or what was set since
    atomic_int_fast64_t max_events;
    struct periodic thread;
    struct duty_member member;
};

static int64_t patience_us(void) {
    return clock_monotonic_us() + PATIENCE_MS * INT64_C(1000);
}

// Raises one floor. Returns whether the store could.
static bool raise_floor(struct feed_trim *trim, struct arena *a, const struct store_trim *due) {
    if (trim->options.before != NULL) {
        trim->options.before(trim->options.context, due->organization);
    }
    struct store_trim_changes changes = {
        .op = {.kind = &store_trim_changes_kind, .arena = a, .deadline_us = patience_us()},
        .organization = due->organization,
        .floor_revision = due->floor_revision,
    };
    store_op_submit_and_wait(trim->options.store, &changes.op);
    if (changes.op.result == STORE_OK) {
        metrics_counter_add(trim->raised, 1);
        LOG(trim->options.log, LOG_DEBUG, "events can not be watched from any more",
            log_slice("organization", due->organization),
            log_int("floorRevision", changes.ret_floor));
        return true;
    }
    LOG(trim->options.log, LOG_DEBUG, "the floor of a feed could not be raised yet",
        log_slice("organization", due->organization),
        log_text("detail", changes.op.detail != NULL ? changes.op.detail : ""));
    return changes.op.result == STORE_NOT_FOUND;
}

// Looks at some organizations from plan's cursor on. Returns whether there are more, and all went
// well.
static bool trim_some(struct feed_trim *trim, struct store_plan_trim *plan) {
    struct arena *a = plan->op.arena;
    store_op_submit_and_wait(trim->options.store, &plan->op);
    bool goes_on = plan->op.result == STORE_OK;
    for (int i = 0;
         goes_on && i < plan->ret_count && !duty_is_over(trim->options.duty, &trim->thread); i++) {
        goes_on = raise_floor(trim, a, &plan->ret_trims[i]);
    }
    return goes_on && plan->ret_has_more && !duty_is_over(trim->options.duty, &trim->thread);
}

static void trim_all(void *context) {
    struct feed_trim *trim = context;
    if (duty_is_over(trim->options.duty, &trim->thread)) {
        return;
    }
    struct arena arenas[2]; // the cursor is of the look before
    arena_init(&arenas[0]);
    arena_init(&arenas[1]);
    int turn = 0;
    struct store_plan_trim plan = {
        .limit = ORGANIZATIONS_A_LOOK,
        .oldest_at_us = clock_now_us(trim->options.clock) - atomic_load(&trim->max_age_us),
        .most_events = atomic_load(&trim->max_events),
    };
    bool has_more;
    do {
        arena_reset(&arenas[turn]);
        plan.op = (struct store_op){
            .kind = &store_plan_trim_kind, .arena = &arenas[turn], .deadline_us = patience_us()};
        has_more = trim_some(trim, &plan);
        plan.cursor = plan.ret_cursor;
        turn = 1 - turn;
    } while (has_more);
    arena_release(&arenas[0]);
    arena_release(&arenas[1]);
}

struct feed_trim *feed_trim_start(const struct feed_trim_options *options) {
    struct feed_trim *trim = mem_zalloc(sizeof(*trim));
    static const struct metrics_info info = {
        .name = "runsd_feed_floors_raised",
        .help = "Times that events of an organization became too old, or too many, to be watched",
        .kind = METRICS_COUNTER,
    };
    trim->options = *options;
    atomic_init(&trim->max_age_us, options->max_age_us);
    atomic_init(&trim->max_events, options->max_events);
    trim->raised = metrics_add(options->metrics, &info);
    int64_t interval_ms = options->interval_ms > 0 ? options->interval_ms : FEED_TRIM_DEFAULT_MS;
    periodic_start(&trim->thread, "feed-trim", interval_ms, trim_all, trim);
    duty_join_thread(trim->options.duty, &trim->member, &trim->thread);
    periodic_wake(&trim->thread);
    return trim;
}

void feed_trim_set(struct feed_trim *trim, int64_t max_age_us, int64_t max_events) {
    atomic_store(&trim->max_age_us, max_age_us);
    atomic_store(&trim->max_events, max_events);
}

void feed_trim_stop(struct feed_trim *trim) {
    if (trim != NULL) {
        duty_leave(trim->options.duty, &trim->member);
        periodic_stop(&trim->thread);
        free(trim);
    }
}
