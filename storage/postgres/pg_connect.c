#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/arena.h"
#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/strbuf.h"
#include "storage/postgres/pg_connection_internal.h"
#include "storage/postgres/pg_row.h"

// Where there are several hosts all are tried at once, and the first one that takes changes is it:
// one that accepts connections and then says nothing, as a frozen one does, holds up nobody.

enum {
    MOST_HOSTS = 16,
    // For how long at most one that let us in may say nothing where nobody set a deadline, and
    // there are others.
    CHECK_US = 1000 * 1000,
};

// One host to be tried, in libpq's words; NULL: as the connection string says.
struct target {
    const char *host;
    const char *address;
    const char *port;
};

struct attempt {
    PGconn *conn; // NULL: it failed
    PostgresPollingStatusType waits_for;
};

// --- hosts ---

// Splits text at commas. Returns how many parts there are, at most MOST_HOSTS.
static int split(struct arena *a, const char *text, const char *ret_parts[MOST_HOSTS]) {
    int count = 0;
    while (text != NULL && count < MOST_HOSTS) {
        const char *comma = strchr(text, ',');
        size_t len = comma != NULL ? (size_t)(comma - text) : strlen(text);
        ret_parts[count++] = arena_cstr(a, slice_of(text, len));
        text = comma != NULL ? comma + 1 : NULL;
    }
    return count;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword) {
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0) {
            return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
        }
    }
    return NULL;
}

// Fills in the hosts that the connection string, a service or the environment names. Returns how
// many they are; 0 if they are not several.
static int find_targets(struct arena *a, PGconn *conn, struct target ret[MOST_HOSTS]) {
    PQconninfoOption *options = PQconninfo(conn);
    const char *hosts[MOST_HOSTS] = {NULL};
    const char *addresses[MOST_HOSTS] = {NULL};
    const char *ports[MOST_HOSTS] = {NULL};
    int host_count = split(a, value_of(options, "host"), hosts);
    int address_count = split(a, value_of(options, "hostaddr"), addresses);
    int port_count = split(a, value_of(options, "port"), ports);
    PQconninfoFree(options);
    int count = address_count > host_count ? address_count : host_count;
    if (count < 2 || (address_count > 0 && host_count > 0 && address_count != host_count) ||
        (port_count > 1 && port_count != count)) {
        return 0; // libpq says what is wrong, if anything is
    }
    for (int i = 0; i < count; i++) {
        ret[i] = (struct target){hosts[i], addresses[i], ports[port_count > 1 ? i : 0]};
    }
    return count;
}

// --- what all connections have ---

// A warning says, as long as nothing else is known, that the server did less than it was asked for.
static void receive_notice(void *context, const PGresult *notice) {
    struct pg_connection *c = context;
    const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    if (sqlstate != NULL && strcmp(sqlstate, "01000") == 0) {
        const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
        snprintf(c->warning, sizeof(c->warning), "%s", message != NULL ? message : "a warning");
        c->has_warned = true;
    }
}

// Begins to connect to target. Never NULL.
static PGconn *start(struct pg_connection *c, const struct target *target) {
    // What stands before dbname may be said otherwise by the connection string; what stands behind
    // it is ours. An empty value says nothing.
    const char *const keywords[] = {
        "tcp_user_timeout",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "dbname",
        "application_name",
        "target_session_attrs",
        "client_encoding",
        "host",
        "hostaddr",
        "port",
        NULL,
    };
    // A pooler tells libpq what its servers were when it met them, and libpq believes it: of one
    // that has been promoted since, that it is a standby. check_server asks the server itself.
    const char *wanted = c->options.is_pooled ? "any" : "read-write";
    const char *const values[] = {
        "4000",
        "2",
        "1",
        "2",
        c->options.conninfo,
        c->options.application_name,
        wanted,
        "UTF8",
        target->host,
        target->address,
        target->port,
        NULL,
    };
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    CHECK(conn != NULL);
    PQsetNoticeReceiver(conn, receive_notice, c);
    return conn;
}

// Whether text, which is about a connection string, quotes no more of it than a keyword: else it
// may have a password in it.
static bool quotes_keyword_alone(const char *text) {
    static const char *const beginnings[] = {"invalid connection option \"",
                                             "invalid URI query parameter: \""};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        if (strncmp(text, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return false;
}

// Whether the connection string can be read.
static bool check_conninfo(struct pg_connection *c) {
    char *text = NULL;
    PQconninfoOption *options = PQconninfoParse(c->options.conninfo, &text);
    bool is_valid = options != NULL || strpbrk(c->options.conninfo, "=:/") == NULL;
    if (!is_valid) {
        pg_set_detail(c, NULL,
                      text != NULL && quotes_keyword_alone(text)
                          ? text
                          : "the connection string is neither a URI nor keywords with values");
    }
    PQconninfoFree(options);
    PQfreemem(text);
    return is_valid;
}

// --- connecting ---

static void note_failure(struct strbuf *why, const char *text) {
    if (why->len > 0) {
        strbuf_append_cstr(why, "; ");
    }
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    strbuf_append(why, text, len);
}

// Takes all attempts one step further that can go one. Returns the one that is connected, or -1.
// *left is how many have not failed.
static int advance(struct attempt *attempts, int count, int *left, struct strbuf *why) {
    for (int i = 0; i < count; i++) {
        struct attempt *t = &attempts[i];
        if (t->conn == NULL) {
            continue;
        }
        struct pollfd p = {
            .fd = PQsocket(t->conn),
            .events = t->waits_for == PGRES_POLLING_READING ? POLLIN : POLLOUT,
        };
        if (PQstatus(t->conn) != CONNECTION_BAD && poll(&p, 1, 0) <= 0) {
            continue;
        }
        t->waits_for =
            PQstatus(t->conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PQconnectPoll(t->conn);
        if (t->waits_for == PGRES_POLLING_OK) {
            return i;
        }
        if (t->waits_for == PGRES_POLLING_FAILED) {
            note_failure(why, PQerrorMessage(t->conn));
            PQfinish(t->conn);
            t->conn = NULL;
            (*left)--;
        }
    }
    return -1;
}

// Waits until an attempt may go further, at most until until_us. Returns false if none is left.
static bool wait_for_any(const struct attempt *attempts, int count, int64_t until_us) {
    struct pollfd polled[MOST_HOSTS];
    nfds_t left = 0;
    for (int i = 0; i < count; i++) {
        if (attempts[i].conn != NULL) {
            bool reads = attempts[i].waits_for == PGRES_POLLING_READING;
            polled[left++] = (struct pollfd){.fd = PQsocket(attempts[i].conn),
                                             .events = reads ? POLLIN : POLLOUT};
        }
    }
    int64_t left_ms = (until_us - clock_monotonic_us()) / 1000 + 1;
    if (left > 0 && (until_us == 0 || left_ms > 0)) {
        poll(polled, left, until_us == 0 ? -1 : (int)left_ms);
    }
    return left > 0;
}

// What a session is to be. A server that sees neither its client nor the end of its transaction
// gives up the locks of it; none of these times ends a statement that waits for a lock or a
// standby while its client is there. A prepared statement is planned once, often while the tables
// are still empty: its plan walks indexes, run by run, whatever the tables' sizes say of the day.
static const struct pg_statement settings = {
    "settings",
    "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,"
    " CASE WHEN NOT pg_is_in_recovery() THEN" // the first digits of a log file's name
    " ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int8 END,"
    " set_config('tcp_keepalives_idle', '2', false),"
    " set_config('tcp_keepalives_interval', '1', false),"
    " set_config('tcp_keepalives_count', '2', false),"
    " set_config('tcp_user_timeout', '4000', false),"
    " set_config('client_connection_check_interval', '1000', false),"
    " set_config('idle_in_transaction_session_timeout', '5000', false),"
    " set_config('jit', 'off', false),"
    " set_config('plan_cache_mode', 'force_generic_plan', false),"
    " set_config('enable_seqscan', 'off', false),"
    " set_config('enable_bitmapscan', 'off', false),"
    " set_config('enable_hashjoin', 'off', false),"
    " set_config('enable_mergejoin', 'off', false)",
};

// Through a pooler a session is not ours to set.
static const struct pg_statement no_settings = {
    "no_settings",
    "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool",
};

// Notes the timeline of the connection's server. Returns whether none is newer.
static bool note_timeline(struct pg_connection *c, int64_t timeline) {
    c->timeline = timeline;
    if (c->options.timeline == NULL) {
        return true;
    }
    int64_t *newest = &c->options.timeline->newest;
    int64_t known = __atomic_load_n(newest, __ATOMIC_SEQ_CST);
    while (known < timeline && !__atomic_compare_exchange_n(newest, &known, timeline, false,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    return !pg_is_left_behind(c);
}

// Whether the server takes changes.
static bool check_server(struct pg_connection *c, int64_t deadline_us) {
    int64_t kept_us = c->deadline_us;
    c->timeline = INT64_MAX; // until it is known
    pg_connection_set_deadline(c, deadline_us);
    const PGresult *result = NULL;
    bool is_fit =
        pg_run(c, c->options.is_pooled ? &no_settings : &settings, NULL, &result) == PG_OK;
    pg_connection_set_deadline(c, kept_us);
    if (is_fit && pg_bool(result, 0, 0)) {
        pg_set_detail(c, "25006", "the database server takes no changes: it is a standby");
        is_fit = false;
    } else if (is_fit && !c->options.is_pooled && !note_timeline(c, pg_int(result, 0, 1))) {
        pg_set_detail(c, NULL,
                      "the database server was failed over from: its timeline is an older one");
        is_fit = false;
    }
    pg_connection_clear(c);
    return is_fit;
}

// Until when a server that let us in may be asked what it is: others, which wait meanwhile, are to
// have as much time.
static int64_t check_until_us(int64_t deadline_us, bool has_others) {
    int64_t now_us = clock_monotonic_us();
    if (!has_others) {
        return deadline_us;
    }
    return deadline_us == 0 ? now_us + CHECK_US : now_us + (deadline_us - now_us) / 2;
}

// Makes conn, which is connected, the connection. Returns false, with detail set, where its server
// is not fit: conn is closed then.
static bool adopt(struct pg_connection *c, PGconn *conn, int64_t deadline_us) {
    c->conn = conn;
    CHECK(PQsetnonblocking(conn, 1) == 0 && PQenterPipelineMode(conn) == 1);
    bool is_fit = check_server(c, deadline_us);
    if (!is_fit) {
        pg_connection_close(c);
    }
    return is_fit;
}

// Makes the first of the attempts that is connected and fit the connection. Returns false, with
// detail set, if there is none. The others are closed.
static bool race(struct pg_connection *c, struct attempt *attempts, int count,
                 int64_t deadline_us) {
    struct strbuf why = STRBUF_INIT;
    bool has_won = false;
    bool is_late = false;
    int left = count;
    do {
        is_late = deadline_us != 0 && clock_monotonic_us() >= deadline_us;
        int connected = advance(attempts, count, &left, &why);
        if (connected >= 0) {
            left--;
            has_won = adopt(c, attempts[connected].conn, check_until_us(deadline_us, left > 0));
            attempts[connected].conn = NULL;
            if (!has_won) {
                note_failure(&why, c->detail);
            }
        }
    } while (!has_won && !is_late && wait_for_any(attempts, count, deadline_us));
    if (!has_won) {
        if (is_late) {
            note_failure(&why, "the database server did not let us in, in time");
        }
        strbuf_append_byte(&why, 0);
        pg_set_detail(c, NULL, (const char *)why.data);
    }
    for (int i = 0; i < count; i++) {
        PQfinish(attempts[i].conn);
    }
    strbuf_release(&why);
    return has_won;
}

static bool connect_to_any(struct pg_connection *c, int64_t deadline_us) {
    struct arena a;
    arena_init(&a);
    struct target targets[MOST_HOSTS] = {{NULL, NULL, NULL}};
    struct attempt attempts[MOST_HOSTS] = {{NULL, PGRES_POLLING_FAILED}};
    attempts[0].conn = start(c, &targets[0]);
    int count = find_targets(&a, attempts[0].conn, targets);
    if (count > 0) {
        PQfinish(attempts[0].conn);
    }
    for (int i = 0; i < count; i++) {
        attempts[i].conn = start(c, &targets[i]);
    }
    count = count > 0 ? count : 1;
    for (int i = 0; i < count; i++) {
        attempts[i].waits_for = PGRES_POLLING_WRITING;
    }
    bool is_connected = race(c, attempts, count, deadline_us);
    arena_release(&a);
    return is_connected;
}

enum pg_outcome pg_connection_open(struct pg_connection *c, int64_t deadline_us) {
    pg_connection_close(c);
    pg_connection_clear(c);
    return check_conninfo(c) && connect_to_any(c, deadline_us) ? PG_OK : PG_LOST;
}
