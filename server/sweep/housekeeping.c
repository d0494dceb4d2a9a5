#include "server/sweep/housekeeping.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/memory.h"
#include "base/thread/periodic.h"
#include "storage/op/trim_bulks.h"
#include "storage/op/trim_keys.h"

enum {
    KEYS_A_STEP = 256,
    ITEMS_A_STEP = 256, // of bulk cancels
    // How long an operation may wait: a store that takes no changes is asked again another time.
    PATIENCE_MS = 5000,
};

struct housekeeping {
    struct housekeeping_options options;
    struct metrics_child *keys; // that were removed
    struct metrics_child *bulks;
    atomic_int_fast64_t key_ttl_us; // of options, or what was set since
    atomic_int_fast64_t bulk_age_us;
    struct periodic thread;
    struct duty_member member;
};

// Does one operation of the store, which is set but for the common part, and rests as long as it
// took. Returns whether it was done, and the thread is to go on.
static bool step(struct housekeeping *keeping, struct store_op *op, const struct store_kind *kind) {
    int64_t begin_us = clock_monotonic_us();
    struct arena a;
    arena_init(&a);
    *op = (struct store_op){
        .kind = kind, .arena = &a, .deadline_us = begin_us + PATIENCE_MS * INT64_C(1000)};
    store_op_submit_and_wait(keeping->options.store, op);
    bool is_done = op->result == STORE_OK;
    if (!is_done) {
        LOG(keeping->options.log, LOG_DEBUG, "the store could not be tidied up yet",
            log_text("detail", op->detail != NULL ? op->detail : ""));
    }
    arena_release(&a);
    return is_done && duty_is_on(keeping->options.duty) &&
           periodic_pause(&keeping->thread, clock_monotonic_us() - begin_us);
}

static void count(struct metrics_child *removed, const struct store_op *op, int how_many) {
    metrics_counter_add(removed, op->result == STORE_OK ? how_many : 0);
}

static void trim_keys(struct housekeeping *keeping) {
    struct store_trim_keys trim = {
        .before_us = clock_now_us(keeping->options.clock) - atomic_load(&keeping->key_ttl_us),
        .limit = KEYS_A_STEP,
    };
    bool goes_on;
    do {
        goes_on = step(keeping, &trim.op, &store_trim_keys_kind) && trim.ret_has_more;
        count(keeping->keys, &trim.op, trim.ret_count);
    } while (goes_on);
}

static void trim_bulks(struct housekeeping *keeping) {
    int64_t now_us = clock_now_us(keeping->options.clock);
    struct store_trim_bulks trim = {
        .finished_before_us = now_us - atomic_load(&keeping->bulk_age_us),
        .planned_before_us = now_us - keeping->options.plan_age_us,
        .limit = ITEMS_A_STEP,
    };
    bool goes_on;
    do {
        goes_on = step(keeping, &trim.op, &store_trim_bulks_kind) && trim.ret_has_more;
        count(keeping->bulks, &trim.op, trim.ret_count);
    } while (goes_on);
}

static void tidy_up(void *context) {
    struct housekeeping *keeping = context;
    if (duty_is_on(keeping->options.duty)) {
        trim_keys(keeping);
        trim_bulks(keeping);
    }
}

static void tell(struct housekeeping *keeping, struct metrics *metrics) {
    static const struct metrics_info info = {
        .name = "runsd_housekeeping_removed",
        .help = "Keys of requests that can be repeated no more, and parts of bulk cancels that are "
                "long over, that were removed",
        .kind = METRICS_COUNTER,
        .labels = {"what"},
    };
    static const char *const keys[] = {"keys"};
    static const char *const bulks[] = {"bulk_cancels"};
    struct metrics_family *family = metrics_add_family(metrics, &info);
    keeping->keys = metrics_child(family, keys);
    keeping->bulks = metrics_child(family, bulks);
}

struct housekeeping *housekeeping_start(const struct housekeeping_options *options) {
    struct housekeeping *keeping = mem_zalloc(sizeof(*keeping));
    keeping->options = *options;
    tell(keeping, options->metrics);
    if (options->bulk_age_us == 0) {
        keeping->options.bulk_age_us = HOUSEKEEPING_DEFAULT_BULK_AGE_US;
    }
    if (options->plan_age_us == 0) {
        keeping->options.plan_age_us = HOUSEKEEPING_DEFAULT_PLAN_AGE_US;
    }
    atomic_init(&keeping->key_ttl_us, keeping->options.key_ttl_us);
    atomic_init(&keeping->bulk_age_us, keeping->options.bulk_age_us);
    int64_t interval_ms = options->interval_ms > 0 ? options->interval_ms : HOUSEKEEPING_DEFAULT_MS;
    periodic_start(&keeping->thread, "housekeeping", interval_ms, tidy_up, keeping);
    duty_join_thread(keeping->options.duty, &keeping->member, &keeping->thread);
    return keeping;
}

void housekeeping_set(struct housekeeping *keeping, int64_t key_ttl_us, int64_t bulk_age_us) {
    atomic_store(&keeping->key_ttl_us, key_ttl_us);
    atomic_store(&keeping->bulk_age_us, bulk_age_us);
}

void housekeeping_stop(struct housekeeping *keeping) {
    if (keeping != NULL) {
        duty_leave(keeping->options.duty, &keeping->member);
        periodic_stop(&keeping->thread);
        free(keeping);
    }
}
