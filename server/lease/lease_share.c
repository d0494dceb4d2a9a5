#include "server/lease/lease_share.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/periodic.h"
#include "server/lease/stop_look.h"
#include "storage/op/list_leases.h"

enum {
    LEASES_A_PAGE = 1000,
    TURN_MS = 50,
    // How often the leases are read at most, after commits of others, and how long reading them
    // pauses, as a multiple of what it took.
    READ_US = 1000 * 1000,
    READ_PAUSES = 50,
    // How often they are read, and work's ends looked for, if nobody hints at a change.
    UNHINTED_READ_US = 10 * 1000 * 1000,
    UNHINTED_LOOK_US = 1000 * 1000,
    // The pause between two looks for the end of work, and what each wait makes it longer.
    LOOK_US = 50 * 1000,
    LOOK_OF_ONE_US = 200,
};

struct lease_share {
    const struct logger *log;
    struct run_store *store;
    struct lease_table *table;
    struct stop_waits *waits;
    struct duty *duty;
    atomic_bool is_read_hinted;
    atomic_bool is_look_hinted;
    struct periodic thread;
    // The thread's; clock_monotonic_us.
    bool was_on_duty;
    int64_t read_us; // when the leases were read last
    int64_t next_read_us;
    int64_t look_us; // likewise of the ends of work
    int64_t next_look_us;
};

// --- which leases there are ---

bool lease_share_read(struct run_store *store, struct lease_table *table, struct arena *a,
                      const char **ret_detail) {
    struct arena pages[2]; // a page's cursor is of the page before
    arena_init(&pages[0]);
    arena_init(&pages[1]);
    struct store_list_leases list = {.op = {.kind = &store_list_leases_kind},
                                     .limit = LEASES_A_PAGE};
    int page = 0;
    do {
        arena_reset(&pages[page]);
        list.op.arena = &pages[page];
        store_op_submit_and_wait(store, &list.op);
        if (list.op.result != STORE_OK) {
            break;
        }
        for (int i = 0; i < list.ret_count; i++) {
            const struct store_lease *held = &list.ret_leases[i];
            const struct lease lease = {
                .organization = held->organization,
                .run_id = held->id,
                .holder = held->holder,
                .attempt = held->attempt,
                .duration_us = held->lease_us,
            };
            lease_table_put(table, &lease, clock_monotonic_us());
        }
        list.has_cursor = true;
        list.cursor = list.ret_cursor;
        page = 1 - page;
    } while (list.ret_has_more);
    bool is_read = list.op.result == STORE_OK;
    if (!is_read) {
        *ret_detail = arena_printf(a, "%s", list.op.detail != NULL ? list.op.detail : "");
    }
    arena_release(&pages[0]);
    arena_release(&pages[1]);
    return is_read;
}

// Reads the leases if it is time. What cannot be read is read some time later.
static void read_leases(struct lease_share *share) {
    bool is_on_duty = duty_is_on(share->duty);
    bool is_first = is_on_duty && !share->was_on_duty;
    int64_t begin_us = clock_monotonic_us();
    bool is_due = share->read_us == 0 || begin_us - share->read_us >= UNHINTED_READ_US ||
                  (begin_us >= share->next_read_us && atomic_load(&share->is_read_hinted));
    if (!is_on_duty || !(is_first || is_due)) {
        share->was_on_duty = is_on_duty;
        return;
    }
    atomic_store(&share->is_read_hinted, false);
    struct arena a;
    arena_init(&a);
    const char *detail = "";
    bool is_read = lease_share_read(share->store, share->table, &a, &detail);
    int64_t end_us = clock_monotonic_us();
    if (is_read) {
        share->was_on_duty = true;
        share->read_us = end_us;
        int64_t pause_us = READ_PAUSES * (end_us - begin_us);
        share->next_read_us = end_us + (pause_us > READ_US ? pause_us : READ_US);
    } else {
        atomic_store(&share->is_read_hinted, true);
        LOG(share->log, LOG_DEBUG, "the leases cannot be read yet", log_text("detail", detail));
    }
    arena_release(&a);
}

// --- ends of work ---

// Looks at all runs that are waited for, if it is time.
static void look_at_waits(struct lease_share *share) {
    int64_t now_us = clock_monotonic_us();
    bool is_due = now_us - share->look_us >= UNHINTED_LOOK_US ||
                  (now_us >= share->next_look_us && atomic_load(&share->is_look_hinted));
    if (!is_due || stop_waits_count(share->waits) == 0) {
        return;
    }
    atomic_store(&share->is_look_hinted, false);
    struct arena a;
    arena_init(&a);
    struct stop_wait_run *runs;
    size_t place = 0;
    int64_t looks = 0;
    int count;
    while ((count = stop_waits_list(share->waits, &place, &a, &runs)) > 0) {
        for (int i = 0; i < count; i++) {
            stop_look_begin(
                stop_look_new(share->store, share->waits, runs[i].organization, runs[i].run_id));
        }
        looks += count;
        arena_reset(&a);
    }
    arena_release(&a);
    share->look_us = now_us;
    share->next_look_us = now_us + LOOK_US + looks * LOOK_OF_ONE_US;
}

// --- the thread ---

// Whoever hints is no longer there than the store: the thread looks for hints by itself.
static void turn(void *context) {
    struct lease_share *share = context;
    read_leases(share);
    look_at_waits(share);
}

struct lease_share *lease_share_new(const struct logger *log, struct run_store *store,
                                    struct lease_table *table, struct stop_waits *waits,
                                    struct duty *duty) {
    struct lease_share *share = mem_zalloc(sizeof(*share));
    share->log = log;
    share->store = store;
    share->table = table;
    share->waits = waits;
    share->duty = duty;
    atomic_init(&share->is_read_hinted, false);
    atomic_init(&share->is_look_hinted, false);
    return share;
}

void lease_share_start(struct lease_share *share) {
    periodic_start(&share->thread, "lease-share", TURN_MS, turn, share);
}

void lease_share_hint(struct lease_share *share) {
    atomic_store(&share->is_read_hinted, true);
    atomic_store(&share->is_look_hinted, true);
}

void lease_share_stop(struct lease_share *share) {
    periodic_stop(&share->thread);
}

void lease_share_free(struct lease_share *share) {
    free(share);
}
