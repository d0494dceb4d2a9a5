#include "storage/postgres/pg_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/memory.h"
#include "storage/postgres/pg_connection_internal.h"

const struct pg_statement pg_begin = {"begin", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"};
const struct pg_statement pg_begin_snapshot = {"begin_snapshot",
                                               "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"};
const struct pg_statement pg_commit = {"commit", "COMMIT"};
const struct pg_statement pg_rollback = {"rollback", "ROLLBACK"};

// A pooler may lead to another server with each transaction, also to a standby: each transaction
// that reads asks, which fails there.
static const struct pg_statement is_primary = {"is_primary",
                                               "SELECT 1/(NOT pg_is_in_recovery())::int"};

enum { BINARY = 1, US_PER_MS = 1000 };

struct pg_connection *pg_connection_new(const struct pg_connection_options *options) {
    struct pg_connection *c = mem_zalloc(sizeof(*c));
    c->options = *options;
    return c;
}

void pg_connection_free(struct pg_connection *c) {
    if (c != NULL) {
        pg_connection_close(c);
        pg_connection_clear(c);
        free(c->results);
        free(c);
    }
}

bool pg_connection_is_open(const struct pg_connection *c) {
    return c->conn != NULL;
}

static void forget_queued(struct pg_connection *c) {
    c->queued_count = 0;
    c->is_in_transaction = false;
    c->has_commit = false;
    c->is_unsendable = false;
}

void pg_connection_close(struct pg_connection *c) {
    PQfinish(c->conn);
    c->conn = NULL;
    forget_queued(c);
    memset(c->prepared, 0, sizeof(c->prepared));
}

void pg_connection_clear(struct pg_connection *c) {
    for (size_t i = 0; i < c->result_count; i++) {
        PQclear(c->results[i]);
    }
    c->result_count = 0;
}

void pg_connection_set_deadline(struct pg_connection *c, int64_t deadline_us) {
    c->deadline_us = deadline_us;
}

bool pg_connection_is_in_transaction(const struct pg_connection *c) {
    PGTransactionStatusType status = PQtransactionStatus(c->conn);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

// The connection is of no use any more.
static enum pg_outcome lose(struct pg_connection *c, const char *sqlstate, const char *text) {
    pg_set_detail(c, sqlstate, text);
    pg_connection_close(c);
    return PG_LOST;
}

int pg_connection_socket(const struct pg_connection *c) {
    return c->conn != NULL ? PQsocket(c->conn) : -1;
}

int pg_connection_take_notifications(struct pg_connection *c) {
    if (c->conn == NULL) {
        return 0;
    }
    if (PQconsumeInput(c->conn) == 0) {
        lose(c, NULL, PQerrorMessage(c->conn));
        return 0;
    }
    int count = 0;
    for (PGnotify *n = PQnotifies(c->conn); n != NULL; n = PQnotifies(c->conn)) {
        count += n->be_pid != PQbackendPID(c->conn);
        PQfreemem(n);
    }
    return count;
}

const char *pg_connection_detail(const struct pg_connection *c) {
    return c->detail;
}

const char *pg_connection_sqlstate(const struct pg_connection *c) {
    return c->sqlstate;
}

void pg_set_detail(struct pg_connection *c, const char *sqlstate, const char *text) {
    snprintf(c->sqlstate, sizeof(c->sqlstate), "%s", sqlstate != NULL ? sqlstate : "");
    snprintf(c->detail, sizeof(c->detail), "%s", text);
    size_t len = strlen(c->detail);
    while (len > 0 && c->detail[len - 1] == '\n') {
        c->detail[--len] = '\0';
    }
    for (char *p = strchr(c->detail, '\n'); p != NULL; p = strchr(p, '\n')) {
        *p = ' ';
    }
}

bool pg_wait(int fd, short events, int64_t until_us) {
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        int timeout_ms = -1;
        if (until_us != 0) {
            int64_t left_us = until_us - clock_monotonic_us();
            if (left_us <= 0) {
                return false;
            }
            timeout_ms = (int)((left_us + US_PER_MS - 1) / US_PER_MS);
        }
        int ready = poll(&p, 1, timeout_ms);
        CHECK(ready >= 0 || errno == EINTR);
        if (ready > 0) {
            return true;
        }
    }
}

// --- what is sent ---

// Returns the place of the statement, which is free if it was never prepared.
static struct pg_prepared *find_prepared(struct pg_connection *c,
                                         const struct pg_statement *statement) {
    size_t i = ((uintptr_t)statement / sizeof(*statement)) % PG_PREPARED_PLACES;
    size_t looked_at = 0;
    while (c->prepared[i].statement != NULL && c->prepared[i].statement != statement) {
        CHECK(++looked_at < PG_PREPARED_PLACES);
        i = (i + 1) % PG_PREPARED_PLACES;
    }
    return &c->prepared[i];
}

static void note_queued(struct pg_connection *c, const struct pg_statement *statement,
                        bool is_preparation, const PGresult **ret_result, int was_sent) {
    CHECK(c->queued_count < PG_MOST_ANSWERS);
    c->queued[c->queued_count++] = (struct pg_queued){
        .statement = statement, .is_preparation = is_preparation, .ret_result = ret_result};
    c->is_unsendable = c->is_unsendable || was_sent == 0;
}

static void prepare(struct pg_connection *c, const struct pg_statement *statement) {
    struct pg_prepared *p = find_prepared(c, statement);
    p->statement = statement;
    if (!p->is_there) {
        p->is_there = true;
        note_queued(c, statement, true, NULL,
                    PQsendPrepare(c->conn, statement->name, statement->sql, 0, NULL));
    }
}

static void queue_one(struct pg_connection *c, const struct pg_statement *statement,
                      const struct pg_params *params, const PGresult **ret_result) {
    static const int binary[PG_MOST_PARAMS] = {[0 ... PG_MOST_PARAMS - 1] = BINARY};
    int count = params != NULL ? params->count : 0;
    const char *const *values = params != NULL ? params->values : NULL;
    const int *lengths = params != NULL ? params->lengths : NULL;
    int was_sent;
    if (c->options.is_pooled) {
        was_sent = PQsendQueryParams(c->conn, statement->sql, count, NULL, values, lengths, binary,
                                     BINARY);
    } else {
        prepare(c, statement);
        was_sent =
            PQsendQueryPrepared(c->conn, statement->name, count, values, lengths, binary, BINARY);
    }
    note_queued(c, statement, false, ret_result, was_sent);
}

void pg_queue(struct pg_connection *c, const struct pg_statement *statement,
              const struct pg_params *params, const PGresult **ret_result) {
    if (c->conn == NULL) {
        return; // pg_sync says so
    }
    if (c->queued_count == 0) {
        c->is_in_transaction = pg_connection_is_in_transaction(c);
    }
    queue_one(c, statement, params, ret_result);
    c->has_commit = c->has_commit || statement == &pg_commit;
    if (statement == &pg_begin || statement == &pg_begin_snapshot) {
        c->is_in_transaction = true;
        if (c->options.is_pooled && statement == &pg_begin_snapshot) {
            queue_one(c, &is_primary, NULL, NULL);
        }
    }
}

// --- what comes back ---

static void keep_result(struct pg_connection *c, PGresult *result) {
    if (c->result_count == c->result_capacity) {
        c->result_capacity = c->result_capacity * 2 + PG_MOST_QUEUED;
        c->results = mem_realloc(c->results, c->result_capacity * sizeof(c->results[0]));
    }
    c->results[c->result_count++] = result;
}

// Through a pooler no session is one server's.
bool pg_is_left_behind(const struct pg_connection *c) {
    return c->options.timeline != NULL && !c->options.is_pooled &&
           c->timeline < __atomic_load_n(&c->options.timeline->newest, __ATOMIC_SEQ_CST);
}

// Waits until there is a result. Returns false, with the connection closed, if none will come.
static bool wait_for_result(struct pg_connection *c) {
    int unsent = 1;
    for (;;) {
        if (unsent != 0) {
            unsent = PQflush(c->conn);
        }
        if (unsent >= 0 && PQisBusy(c->conn) == 0) {
            return true;
        }
        if (unsent >= 0 &&
            !pg_wait(PQsocket(c->conn), (short)(POLLIN | (unsent != 0 ? POLLOUT : 0)),
                     c->deadline_us)) {
            lose(c, NULL, "the database server did not answer in time");
            return false;
        }
        // What the server said before it closed the connection comes as a result.
        if (PQconsumeInput(c->conn) == 0 || unsent < 0) {
            if (PQisBusy(c->conn) == 0 && PQstatus(c->conn) == CONNECTION_OK) {
                return true;
            }
            lose(c, NULL, PQerrorMessage(c->conn));
            return false;
        }
    }
}

static bool is_fatal(const PGresult *result) {
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity == NULL || strcmp(severity, "ERROR") != 0;
}

static bool is_one_of(const char *sqlstate, const char *const *all) {
    for (; *all != NULL; all++) {
        if (strcmp(sqlstate, *all) == 0) {
            return true;
        }
    }
    return false;
}

// What of a failed statement does not tell what was stored: not the values that it was given.
static void describe_failure(struct pg_connection *c, const struct pg_statement *statement,
                             const PGresult *result) {
    // A prepared statement that is not there, or is there already.
    static const char *const of_poolers[] = {"26000", "42P05", NULL};
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (statement == &is_primary) {
        pg_set_detail(c, "25006", "the database server takes no changes: it is a standby");
        return;
    }
    char text[PG_DETAIL_SIZE];
    snprintf(text, sizeof(text), "%s%s%s (in %s)%s", sqlstate != NULL ? sqlstate : "",
             sqlstate != NULL ? ": " : "", message != NULL ? message : PQresultErrorMessage(result),
             statement->name,
             sqlstate != NULL && is_one_of(sqlstate, of_poolers)
                 ? "; through a pooler, the server has to be named apart (--store-direct-url)"
                 : "");
    pg_set_detail(c, sqlstate, text);
}

// The transaction is rolled back. Where even that fails its connection is closed, and with it the
// transaction.
static void roll_back(struct pg_connection *c) {
    if (c->conn != NULL && pg_connection_is_in_transaction(c)) {
        char detail[PG_DETAIL_SIZE];
        char sqlstate[PG_SQLSTATE_SIZE];
        memcpy(detail, c->detail, sizeof(detail));
        memcpy(sqlstate, c->sqlstate, sizeof(sqlstate));
        if (pg_run(c, &pg_rollback, NULL, NULL) != PG_OK) {
            pg_connection_close(c);
        }
        pg_set_detail(c, sqlstate, detail);
    }
}

// A statement failed, with detail and sqlstate set, and all was answered: the commit that may stand
// behind it was not carried out.
static enum pg_outcome refuse(struct pg_connection *c) {
    static const char *const again[] = {
        "40P01", // a deadlock
        "40001", // not serializable
        "23505", // another transaction added the row meanwhile
        "55P03", // lock_timeout
        NULL,
    };
    // The server became a standby, or what was prepared is void: with the tables' columns, or since
    // there is a pooler.
    static const char *const anew[] = {"25006", "0A000", "26000", "42P05", NULL};
    forget_queued(c);
    if (is_one_of(c->sqlstate, anew)) {
        pg_connection_close(c);
        return PG_AGAIN;
    }
    roll_back(c);
    return is_one_of(c->sqlstate, again) ? PG_AGAIN : PG_REFUSED;
}

// Reads the results of one that is queued. *ret_failure is the first result that is an error, if
// there is one. Returns false, with the connection closed, if not all of them came.
static bool read_answer(struct pg_connection *c, struct pg_queued *q, PGresult **ret_failure) {
    for (;;) {
        if (!wait_for_result(c)) {
            return false;
        }
        PGresult *result = PQgetResult(c->conn);
        if (result == NULL) {
            return true;
        }
        keep_result(c, result);
        switch (PQresultStatus(result)) {
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
            q->result = result;
            break;
        case PGRES_PIPELINE_ABORTED:
            break;
        default:
            if (*ret_failure == NULL) {
                *ret_failure = result;
                describe_failure(c, q->statement, result);
            }
            if (is_fatal(result)) {
                pg_connection_close(c);
                return false;
            }
        }
    }
}

// Reads what says that all before it was answered.
static bool read_end(struct pg_connection *c) {
    if (!wait_for_result(c)) {
        return false;
    }
    PGresult *result = PQgetResult(c->conn);
    bool is_end = result != NULL && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    if (!is_end) {
        lose(c, NULL, "the database server's answer is not what was asked for");
    }
    return is_end;
}

// What was to be prepared is there, or not.
static void note_prepared(struct pg_connection *c, const struct pg_queued *q) {
    if (q->is_preparation) {
        find_prepared(c, q->statement)->is_there = q->result != NULL;
    }
}

// Reads all answers. What comes of the statements is true only if all were carried out.
static enum pg_outcome read_answers(struct pg_connection *c) {
    PGresult *failure = NULL;
    int count = c->queued_count;
    for (int i = 0; i < count; i++) {
        if (!read_answer(c, &c->queued[i], &failure)) {
            return PG_LOST;
        }
        note_prepared(c, &c->queued[i]);
    }
    if (!read_end(c)) {
        return PG_LOST;
    }
    return failure != NULL ? refuse(c) : PG_OK;
}

// Whether the commit among what was carried out is one: a transaction that has failed before is
// rolled back by it, without an error; and a warning says that not all who must have it do.
static enum pg_outcome check_commit(struct pg_connection *c) {
    for (int i = 0; i < c->queued_count; i++) {
        const struct pg_queued *q = &c->queued[i];
        // libpq takes its argument without const, and changes nothing.
        if (q->statement == &pg_commit && !q->is_preparation &&
            strcmp(PQcmdStatus((PGresult *)(uintptr_t)q->result), "COMMIT") != 0) {
            pg_set_detail(c, NULL, "the transaction had failed, and was rolled back");
            return PG_REFUSED;
        }
    }
    return c->has_warned ? lose(c, "01000", c->warning) : PG_OK;
}

enum pg_outcome pg_sync(struct pg_connection *c) {
    if (c->conn == NULL) {
        if (c->detail[0] == '\0') {
            pg_set_detail(c, NULL, "the connection is closed");
        }
        return PG_LOST;
    }
    c->has_warned = false;
    if (c->options.is_pooled && !c->is_in_transaction) {
        queue_one(c, &is_primary, NULL, NULL);
    }
    if (pg_is_left_behind(c)) {
        return lose(c, NULL, "the database server was failed over from");
    }
    if (c->is_unsendable || PQpipelineSync(c->conn) == 0) {
        return lose(c, NULL, PQerrorMessage(c->conn));
    }
    enum pg_outcome outcome = read_answers(c);
    if (outcome == PG_OK && c->has_commit) {
        outcome = check_commit(c);
    }
    if (outcome == PG_OK && pg_is_left_behind(c)) { // meanwhile
        outcome = lose(c, NULL, "the database server was failed over from");
    }
    for (int i = 0; outcome == PG_OK && i < c->queued_count; i++) {
        if (c->queued[i].ret_result != NULL) {
            *c->queued[i].ret_result = c->queued[i].result;
        }
    }
    forget_queued(c);
    return outcome;
}

enum pg_outcome pg_run(struct pg_connection *c, const struct pg_statement *statement,
                       const struct pg_params *params, const PGresult **ret_result) {
    pg_queue(c, statement, params, ret_result);
    return pg_sync(c);
}
