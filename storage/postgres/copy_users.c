#include "storage/postgres/copy_users.h"

#include "base/thread/thread.h"
#include "storage/postgres/pg_row.h"

// The database server takes a moment to see that a server or a copy has ended.
enum { TRIES = 30, RETRY_US = 100 * 1000 };

// The number is that of storage/postgres/watcher.c. A copy is not on duty either while another one
// has it.
static const struct pg_statement take_duty = {
    "copy_take_duty",
    "SELECT pg_try_advisory_xact_lock(x'72756e7364'::int8)",
};

// Who is connected is seen anew within a transaction.
static const struct pg_statement forget_users = {
    "copy_forget_users",
    "SELECT pg_stat_clear_snapshot()",
};

// Servers' sessions say so of themselves; the lock's holder is one of them, or another copy. Where
// a session comes from is told to its own role.
static const struct pg_statement find_users = {
    "copy_find_users",
    "SELECT convert_to(application_name, 'UTF8'), pid,"
    " convert_to(coalesce(host(client_addr), ''), 'UTF8'), count(*) OVER ()"
    " FROM pg_stat_activity WHERE datname=current_database() AND pid<>pg_backend_pid()"
    " AND (application_name LIKE 'runsd %' OR pid IN (SELECT pid FROM pg_locks"
    "  WHERE locktype='advisory' AND granted AND classid=x'72'::int8::oid"
    "  AND objid=x'756e7364'::int8::oid AND objsubid=1"
    "  AND database=(SELECT oid FROM pg_database WHERE datname=current_database())))"
    " ORDER BY application_name LIKE 'runsd %' DESC, pid LIMIT 1",
};

static const struct error *refuse(struct arena *a, const char *store, const PGresult *users) {
    struct slice name = pg_bytes(users, 0, 0);
    struct slice from = pg_bytes(users, 0, 2);
    return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                     "the store \"%s\" is in use by \"%.*s\" (process %lld of the database "
                     "server%s%.*s; %lld such sessions); stop all servers and copies of it first",
                     store, (int)name.len, (const char *)name.data, (long long)pg_int(users, 0, 1),
                     from.len > 0 ? ", from " : "", (int)from.len, (const char *)from.data,
                     (long long)pg_int(users, 0, 3));
}

// Looks once. *ret_is_used: somebody uses it, or did a moment ago.
static const struct error *look(struct arena *a, struct pg_connection *c, const char *store,
                                bool *ret_is_used) {
    const PGresult *duty = NULL;
    const PGresult *users = NULL;
    pg_queue(c, &forget_users, NULL, NULL);
    pg_queue(c, &take_duty, NULL, &duty);
    pg_queue(c, &find_users, NULL, &users);
    *ret_is_used = false;
    if (pg_sync(c) != PG_OK) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" does not say who uses it: %s", store,
                         pg_connection_detail(c));
    }
    const struct error *e = NULL;
    if (pg_row_count(users) > 0) {
        e = refuse(a, store, users);
    } else if (!pg_bool(duty, 0, 0)) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" is in use by a server that has just gone; try again",
                      store);
    }
    *ret_is_used = e != NULL;
    pg_connection_clear(c);
    return e;
}

const struct error *copy_users_refuse(struct arena *a, struct pg_connection *c, const char *store) {
    bool is_used = true;
    const struct error *e = NULL;
    for (int i = 0; i < TRIES && is_used; i++) {
        if (i > 0) {
            thread_pause(RETRY_US);
        }
        e = look(a, c, store, &is_used);
        if (e == NULL) {
            return NULL;
        }
    }
    return e;
}
