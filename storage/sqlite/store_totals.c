#include "storage/sqlite/store_totals.h"

#include <string.h>

#include "base/core/slice.h"
#include "storage/sqlite/connection.h"

static const char *const names[STORE_TOTAL_COUNT] = {
    [TOTAL_KEYS] = "keys",
    [TOTAL_JOBS] = "jobs",
    [TOTAL_EVENTS_GONE] = "events_gone",
};

int store_totals_init(struct store_totals *t, sqlite3 *db) {
    static const char *const add = "INSERT INTO meta(name, value) VALUES(?1, ?2)"
                                   " ON CONFLICT(name) DO UPDATE SET value=value+excluded.value";
    *t = (struct store_totals){.add = NULL};
    return sqlite_prepare_all(db, &add, 1, &t->add);
}

void store_totals_release(struct store_totals *t) {
    sqlite_finalize_all(&t->add, 1);
}

void store_totals_note(struct store_totals *t, enum store_total which, int64_t delta) {
    t->deltas[which] += delta;
    t->is_due = true;
}

int store_totals_settle(struct store_totals *t) {
    int rc = SQLITE_OK;
    for (int i = 0; t->is_due && rc == SQLITE_OK && i < STORE_TOTAL_COUNT; i++) {
        if (t->deltas[i] != 0) {
            sqlite_bind_text(t->add, 1, slice_of_cstr(names[i]));
            sqlite3_bind_int64(t->add, 2, t->deltas[i]);
            rc = sqlite_step_once(t->add);
            t->deltas[i] = 0;
        }
    }
    t->is_due = t->is_due && rc != SQLITE_OK;
    return rc;
}

void store_totals_rolled_back(struct store_totals *t) {
    memset(t->deltas, 0, sizeof(t->deltas));
    t->is_due = false;
}
