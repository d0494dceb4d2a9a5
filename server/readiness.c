#include "server/readiness.h"

#include <stdio.h>

static void tell(char detail[ADMIN_DETAIL_SIZE], bool is_ok, const char *text) {
    if (!is_ok) {
        snprintf(detail, ADMIN_DETAIL_SIZE, "%s", text);
    }
}

static bool is_serving(void *context, char detail[ADMIN_DETAIL_SIZE]) {
    bool is_ok = runsd_look_at_health(context).is_started;
    tell(detail, is_ok, "it has not started yet, or stops");
    return is_ok;
}

static bool is_store_alive(void *context, char detail[ADMIN_DETAIL_SIZE]) {
    bool is_ok = runsd_look_at_health(context).is_store_alive;
    tell(detail, is_ok, "the store has failed: the process is about to end, see its log");
    return is_ok;
}

static bool can_read(void *context, char detail[ADMIN_DETAIL_SIZE]) {
    bool is_ok = runsd_look_at_health(context).can_read;
    tell(detail, is_ok, "the store cannot be read: see the log");
    return is_ok;
}

static bool can_change(void *context, char detail[ADMIN_DETAIL_SIZE]) {
    bool is_ok = runsd_look_at_health(context).can_change;
    tell(detail, is_ok, "the store takes no changes; reads are served: see the log");
    return is_ok;
}

static bool do_listeners_hear(void *context, char detail[ADMIN_DETAIL_SIZE]) {
    int doubts = listener_guard_doubts(context);
    if (doubts > 0) {
        snprintf(detail, ADMIN_DETAIL_SIZE,
                 "%d: somebody waits to be accepted, and nobody is for seconds", doubts);
    }
    return doubts == 0;
}

void readiness_add(struct admin *admin, struct runsd *runsd, struct listener_guard *guard) {
    const struct admin_check checks[] = {
        {"serving", is_serving, runsd, false},         {"store", is_store_alive, runsd, false},
        {"store_reads", can_read, runsd, false},       {"store_changes", can_change, runsd, true},
        {"listeners", do_listeners_hear, guard, true},
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        admin_add_check(admin, &checks[i]);
    }
}

void readiness_remove(struct admin *admin, struct runsd *runsd, struct listener_guard *guard) {
    admin_remove_checks(admin, runsd);
    admin_remove_checks(admin, guard);
}
