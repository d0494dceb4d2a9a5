#include "storage/postgres/copy_users.h"

#include <string.h>

#include "base/thread/thread.h"
#include "storage/postgres/pg_row.h"

// The database server takes a moment to see that a copy was killed.
enum { COPY_TRIES = 30, COPY_RETRY_US = 100 * 1000 };

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

static bool is_copy(const PGresult *users) {
    struct slice name = pg_bytes(users, 0, 0);
    return name.len == strlen(COPY_APPLICATION_NAME) &&
           memcmp(name.data, COPY_APPLICATION_NAME, name.len) == 0;
}

// Looks once. *ret_may_go: who uses it is a copy, or was gone before it could be named.
static const struct error *look(struct arena *a, struct pg_connection *c, const char *store,
                                bool *ret_may_go) {
    const PGresult *duty = NULL;
    const PGresult *users = NULL;
    pg_queue(c, &forget_users, NULL, NULL);
    pg_queue(c, &take_duty, NULL, &duty);
    pg_queue(c, &find_users, NULL, &users);
    *ret_may_go = false;
    if (pg_sync(c) != PG_OK) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" does not say who uses it: %s", store,
                         pg_connection_detail(c));
    }
    const struct error *e = NULL;
    if (pg_row_count(users) > 0) {
        e = refuse(a, store, users);
        *ret_may_go = is_copy(users);
    } else if (!pg_bool(duty, 0, 0)) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" is in use by a server that has just gone; try again",
                      store);
        *ret_may_go = true;
    }
    pg_connection_clear(c);
    return e;
}

const struct error *copy_users_refuse(struct arena *a, struct pg_connection *c, const char *store) {
    bool may_go = true;
    const struct error *e = NULL;
    for (int i = 0; i < COPY_TRIES && may_go; i++) {
        if (i > 0) {
            thread_pause(COPY_RETRY_US);
        }
        e = look(a, c, store, &may_go);
        if (e == NULL) {
            return NULL;
        }
    }
    return e;
}
