#include "storage/postgres/watcher.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/thread.h"
#include "storage/postgres/pg_params.h"
#include "storage/postgres/pg_row.h"

enum {
    CONNECT_US = 2 * 1000 * 1000,
    ANSWER_US = 3 * 1000 * 1000,
    PAUSE_US = 200 * 1000, // between attempts to connect
    // How long before a look something may have been written that it is the first to see.
    OVERLAP_US = 3 * 1000 * 1000,
    TOTALS_US = 1000 * 1000,
    // For how many times as long as a look took nobody looks again, so that it costs a tenth at
    // most; but for no longer than the session may be silent.
    REST_LOOKS = 9,
    MOST_REST_US = 1000 * 1000,
    // How long our own writers have to tell of what they committed before a look, which nobody
    // asked for, does.
    OWN_TELL_US = 20 * 1000,
};

struct pg_watcher {
    struct pg_watcher_surroundings around;
    struct pg_connection *connection;
    struct arena temporary;
    int wake_fd;             // is written to where there is something to do
    atomic_bool has_changed; // what the others have not been told of
    atomic_bool is_stopping;
    atomic_bool is_open;
    atomic_bool is_on_duty;
    atomic_llong reconnects;
    pthread_t thread;

    // The thread's.
    int64_t token_changes;
    bool has_missed_tokens; // they may have changed while there was no connection
    int64_t seen_us;        // when the last look was, by the server's clock
    int64_t next_look_us;   // clock_monotonic_us, as the next ones
    int64_t least_next_us;
    int64_t next_whole_us;
    int64_t next_totals_us;
    int64_t next_notify_us;
    bool is_hinted;
};

// --- statements ---

// A session that says nothing for longer than it takes to look several times is one whose process
// stands still: the server ends it, and another server goes on duty. A notification waits for no
// standby, since meanwhile nobody else's could be committed. Looks read whole tables.
static const struct pg_statement begin_watch = {
    "begin_watch", "SELECT set_config('synchronous_commit', 'off', false),"
                   " set_config('idle_session_timeout', '3500', false),"
                   " set_config('enable_seqscan', 'on', false)"};

static const struct pg_statement listen_to = {"listen", "LISTEN runsd"};
static const struct pg_statement notify = {"notify", "NOTIFY runsd"};

static const struct pg_statement look_at_store = {
    "look_at_store",
    "SELECT token_changes, (extract(epoch FROM clock_timestamp())*1000000)::int8 FROM store"};

static const struct pg_statement look_at_all = {"look_at_all",
                                                "SELECT name, revision FROM organization"};
static const struct pg_statement look_at_new = {"look_at_new",
                                                "SELECT name, revision FROM organization"
                                                " WHERE changed_at>to_timestamp($1::float8)"};

static const struct pg_statement look_at_totals = {
    "look_at_totals",
    "SELECT coalesce(sum(running), 0)::int8, coalesce(sum(waiting), 0)::int8,"
    " coalesce(sum(success), 0)::int8, coalesce(sum(failure), 0)::int8,"
    " coalesce(sum(cancelled), 0)::int8, count(*) FILTER (WHERE revision>0) FROM organization"};

// The number is "runsd"; migrations have another one (migrate.c).
static const struct pg_statement take_duty = {"take_duty",
                                              "SELECT pg_try_advisory_lock(x'72756e7364'::int8)"};

// --- what others are told, and tell ---

static void wake(struct pg_watcher *w) {
    uint64_t one = 1;
    ssize_t written = write(w->wake_fd, &one, sizeof(one));
    CHECK(written == sizeof(one) || errno == EAGAIN);
}

void pg_watcher_note_change(struct pg_watcher *w) {
    if (!atomic_exchange(&w->has_changed, true)) {
        wake(w);
    }
}

static void set_duty(struct pg_watcher *w, bool is_on_duty) {
    bool changes = atomic_exchange(&w->is_on_duty, is_on_duty) != is_on_duty;
    if (changes && w->around.on_duty != NULL) {
        w->around.on_duty(w->around.context, is_on_duty);
    }
}

// --- the connection ---

static bool run(struct pg_watcher *w, const struct pg_statement *statement) {
    bool ran = pg_run(w->connection, statement, NULL, NULL) == PG_OK;
    pg_connection_clear(w->connection);
    return ran;
}

static void set_deadline(struct pg_watcher *w) {
    pg_connection_set_deadline(w->connection, clock_monotonic_us() + ANSWER_US);
}

// Notes that the connection was lost, or closes it where what was asked was refused.
static void lose(struct pg_watcher *w) {
    pg_connection_close(w->connection);
    if (atomic_exchange(&w->is_open, false)) {
        LOG(w->around.log, LOG_WARN, "lost a connection to the store",
            log_text("connection", "runsd watcher"),
            log_text("detail", pg_connection_detail(w->connection)));
    }
    set_duty(w, false);
}

// Opens the connection. All that was missed meanwhile is found by the next look.
static bool open_connection(struct pg_watcher *w) {
    if (pg_connection_open(w->connection, clock_monotonic_us() + CONNECT_US) != PG_OK) {
        return false;
    }
    set_deadline(w);
    if (!run(w, &begin_watch) || !run(w, &listen_to)) {
        pg_connection_close(w->connection);
        return false;
    }
    w->next_look_us = 0;
    w->least_next_us = 0;
    w->next_whole_us = 0;
    return true;
}

// --- looks ---

struct look {
    bool is_whole;
    bool has_totals;
    const PGresult *store;
    const PGresult *organizations;
    const PGresult *totals;
    const PGresult *replication;
    const PGresult *duty; // NULL: it is on duty already
};

static enum pg_outcome ask(struct pg_watcher *w, struct look *l) {
    struct pg_params since;
    pg_params_init(&since, &w->temporary);
    pg_add_float8(&since, (double)(w->seen_us - OVERLAP_US) / 1e6);
    set_deadline(w);
    pg_queue(w->connection, &look_at_store, NULL, &l->store);
    if (l->is_whole) {
        pg_queue(w->connection, &look_at_all, NULL, &l->organizations);
    } else {
        pg_queue(w->connection, &look_at_new, &since, &l->organizations);
    }
    if (l->has_totals) {
        pg_queue(w->connection, &look_at_totals, NULL, &l->totals);
    }
    pg_queue(w->connection, &replication_look, NULL, &l->replication);
    if (!atomic_load(&w->is_on_duty)) {
        pg_queue(w->connection, &take_duty, NULL, &l->duty);
    }
    return pg_sync(w->connection);
}

static void see_tokens(struct pg_watcher *w, int64_t changes) {
    bool may_have_moved = changes != w->token_changes || w->has_missed_tokens;
    w->token_changes = changes;
    w->has_missed_tokens = false;
    if (may_have_moved && w->around.on_tokens != NULL) {
        w->around.on_tokens(w->around.context);
    }
}

// A commit of our own that its writer is about to tell of is left to it, unless somebody else has
// committed too.
static void see_organizations(struct pg_watcher *w, const PGresult *result, bool was_hinted) {
    bool has_unseen = false;
    for (int i = 0; i < pg_row_count(result); i++) {
        has_unseen =
            store_news_show(w->around.news, pg_bytes(result, i, 0), pg_int(result, i, 1)) ||
            has_unseen;
    }
    if (has_unseen && !was_hinted) {
        thread_pause(OWN_TELL_US);
    }
    store_news_end_look(w->around.news);
}

static void see_totals(struct pg_watcher *w, const PGresult *result) {
    int64_t runs[RUN_STATUS_COUNT] = {0};
    static const enum run_status columns[] = {RUN_RUNNING, RUN_WAITING, RUN_SUCCESS, RUN_FAILURE,
                                              RUN_CANCELLED};
    enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
    for (int i = 0; i < COLUMNS; i++) {
        runs[columns[i]] = pg_int(result, 0, i);
    }
    store_metrics_set_runs(w->around.metrics, runs, pg_int(result, 0, COLUMNS));
}

// Looks, and tells of what is seen. Returns false where it could not. *ret_refusal, in a, is why
// the server may not be used at all, or NULL.
static bool look(struct pg_watcher *w, struct arena *a, const char **ret_refusal) {
    int64_t begin_us = clock_monotonic_us();
    bool was_hinted = w->is_hinted;
    w->is_hinted = false;
    struct look l = {
        .is_whole = begin_us >= w->next_whole_us,
        .has_totals = begin_us >= w->next_totals_us,
    };
    store_news_begin_look(w->around.news, l.is_whole);
    bool is_seen = ask(w, &l) == PG_OK;
    if (is_seen) {
        int64_t took_us = clock_monotonic_us() - begin_us;
        see_organizations(w, l.organizations, was_hinted);
        if (pg_row_count(l.store) > 0) {
            see_tokens(w, pg_int(l.store, 0, 0));
            w->seen_us = pg_int(l.store, 0, 1);
        }
        *ret_refusal = replication_guard_see(w->around.guard, a, l.replication);
        if (l.has_totals) {
            see_totals(w, l.totals);
            w->next_totals_us = begin_us + TOTALS_US;
        }
        if (l.duty != NULL && pg_bool(l.duty, 0, 0)) {
            set_duty(w, true);
        }
        w->next_whole_us = l.is_whole ? begin_us + PG_WHOLE_LOOK_US : w->next_whole_us;
        w->next_look_us = begin_us + PG_WATCH_INTERVAL_US;
        int64_t rest_us = took_us * (REST_LOOKS + 1);
        rest_us = rest_us < MOST_REST_US ? rest_us : MOST_REST_US;
        w->least_next_us =
            begin_us + (rest_us > PG_NOTIFY_INTERVAL_US ? rest_us : PG_NOTIFY_INTERVAL_US);
    }
    pg_connection_clear(w->connection);
    arena_reset(&w->temporary);
    return is_seen;
}

// --- the thread ---

// When the thread has something to do next: not later than that.
static int64_t next_turn_us(const struct pg_watcher *w) {
    int64_t look_us = w->is_hinted ? w->least_next_us : w->next_look_us;
    if (look_us < w->least_next_us) {
        look_us = w->least_next_us;
    }
    if (atomic_load(&w->has_changed) && w->next_notify_us < look_us) {
        return w->next_notify_us;
    }
    return look_us;
}

// Waits until something is to be done, or there is something to be read.
static void wait_for_turn(struct pg_watcher *w, int64_t until_us) {
    struct pollfd polled[] = {
        {.fd = w->wake_fd, .events = POLLIN},
        {.fd = pg_connection_socket(w->connection), .events = POLLIN}, // -1 is left out
    };
    int64_t left_us = until_us - clock_monotonic_us();
    if (left_us > 0) {
        int ready = poll(polled, 2, (int)((left_us + 999) / 1000));
        CHECK(ready >= 0 || errno == EINTR);
    }
    uint64_t count;
    ssize_t was_read = read(w->wake_fd, &count, sizeof(count));
    CHECK(was_read == sizeof(count) || errno == EAGAIN || errno == EINTR);
}

// Tells the other servers, unless they were told a moment ago.
static bool tell_others(struct pg_watcher *w, int64_t now_us) {
    if (!atomic_load(&w->has_changed) || now_us < w->next_notify_us) {
        return true;
    }
    atomic_store(&w->has_changed, false);
    w->next_notify_us = now_us + PG_NOTIFY_INTERVAL_US;
    set_deadline(w);
    return run(w, &notify);
}

static bool turn(struct pg_watcher *w) {
    w->is_hinted = pg_connection_take_notifications(w->connection) > 0 || w->is_hinted;
    if (!pg_connection_is_open(w->connection) || !tell_others(w, clock_monotonic_us())) {
        return false;
    }
    int64_t now_us = clock_monotonic_us();
    if (now_us < w->least_next_us || (!w->is_hinted && now_us < w->next_look_us)) {
        return true;
    }
    const char *refusal; // which the guard tells of
    struct arena a;
    arena_init(&a);
    bool looked = look(w, &a, &refusal);
    arena_release(&a);
    return looked;
}

static void *watcher_body(void *context) {
    struct pg_watcher *w = context;
    while (!atomic_load(&w->is_stopping)) {
        if (!pg_connection_is_open(w->connection)) {
            if (!open_connection(w)) {
                wait_for_turn(w, clock_monotonic_us() + PAUSE_US);
                continue;
            }
            atomic_store(&w->is_open, true);
            atomic_fetch_add(&w->reconnects, 1);
            w->has_missed_tokens = true;
        }
        if (turn(w)) {
            wait_for_turn(w, next_turn_us(w));
        } else {
            lose(w);
        }
    }
    if (pg_connection_is_open(w->connection)) {
        w->next_notify_us = 0;
        tell_others(w, clock_monotonic_us());
    }
    return NULL;
}

static void free_watcher(struct pg_watcher *w) {
    pg_connection_free(w->connection);
    arena_release(&w->temporary);
    close(w->wake_fd);
    free(w);
}

// Connects and looks for the first time.
static const struct error *begin(struct arena *a, struct pg_watcher *w, const char *store,
                                 struct pg_schema_row *ret_row) {
    if (!open_connection(w)) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be reached: %s", store,
                         pg_connection_detail(w->connection));
    }
    const struct error *e = schema_check(a, w->connection, store, ret_row);
    const char *refusal = NULL;
    w->token_changes = e == NULL ? ret_row->token_changes : 0; // whoever opens it reads the tokens
    if (e == NULL && !look(w, a, &refusal)) {
        e = error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "the store \"%s\" cannot be read: %s",
                      store, pg_connection_detail(w->connection));
    }
    if (e == NULL && refusal != NULL) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" would lose changes that were answered: %s", store, refusal);
    }
    return e;
}

const struct error *pg_watcher_start(struct arena *a, const char *store,
                                     const struct pg_watcher_surroundings *around,
                                     struct pg_schema_row *ret_row,
                                     struct pg_watcher **ret_watcher) {
    struct pg_watcher *w = mem_zalloc(sizeof(*w));
    w->around = *around;
    struct pg_connection_options options = around->connection;
    options.application_name = "runsd watcher";
    w->connection = pg_connection_new(&options);
    arena_init(&w->temporary);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(w->wake_fd >= 0);
    const struct error *e = begin(a, w, store, ret_row);
    if (e != NULL) {
        set_duty(w, false);
        free_watcher(w);
        return e;
    }
    atomic_store(&w->is_open, true);
    w->thread = thread_start("store-watcher", watcher_body, w);
    *ret_watcher = w;
    return NULL;
}

struct pg_watcher_use pg_watcher_look(struct pg_watcher *w) {
    return (struct pg_watcher_use){
        .is_open = atomic_load(&w->is_open),
        .is_on_duty = atomic_load(&w->is_on_duty),
        .reconnects = atomic_load(&w->reconnects),
    };
}

void pg_watcher_stop(struct pg_watcher *w) {
    if (w == NULL) {
        return;
    }
    atomic_store(&w->is_stopping, true);
    wake(w);
    thread_join(w->thread);
    set_duty(w, false);
    free_watcher(w);
}
