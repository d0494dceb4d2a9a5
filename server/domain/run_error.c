#include "server/domain/run_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/core/timestamp.h"
#include "base/core/utf8.h"
#include "runs/v1/error_reason.pb-c.h"
#include "server/domain/run_state.h"

// A reason that the server gives has the number of its proto; those of the gateway, which come
// after them in enum reason, are compared by tests/e2e/test_reasons.py.
#define SAME_NUMBER(name, http_status)                                                             \
    _Static_assert((int)REASON_##name == (int)RUNS__V1__ERROR_REASON__##name,                      \
                   "REASON_" #name " has the number that runs.v1.ErrorReason gives it");
REASONS_OF_RUNS(SAME_NUMBER)

static struct error *about_run(struct error *e, const char *id) {
    e->resource_type = "runs.v1.Run";
    e->resource_name = id;
    return e;
}

const struct error *run_error_not_found(struct arena *a, const char *id) {
    return about_run(
        error_new(a, STATUS_NOT_FOUND, REASON_RUN_NOT_FOUND, "there is no run \"%s\"", id), id);
}

static void add_finished_at(struct error *e, struct arena *a, const struct run_record *run) {
    char *finished_at = arena_alloc(a, TIMESTAMP_TEXT_SIZE);
    timestamp_format_us(run->finished_at_us, finished_at);
    error_add_metadata(e, a, "finishedAt", finished_at);
}

// Metadata is text: a cause may be any bytes, and what is none is left out.
static void add_cause(struct error *e, struct arena *a, const char *key, struct slice value) {
    if (value.len > 0 && utf8_valid(value)) {
        error_add_metadata(e, a, key, arena_cstr(a, value));
    }
}

const struct error *run_error_finished(struct arena *a, const char *id,
                                       const struct run_record *run,
                                       const struct event_cause *ending) {
    const char *word = run_status_word((int)run->status);
    struct error *e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_RUN_ALREADY_FINISHED,
                                "the run \"%s\" is already finished: its status is %s", id, word);
    error_add_metadata(e, a, "status", word);
    add_finished_at(e, a, run);
    if (ending != NULL) {
        add_cause(e, a, "actor", ending->actor);
        add_cause(e, a, "requestId", ending->request_id);
    }
    return about_run(e, id);
}

const struct error *run_error_changed(struct arena *a, const char *id, const struct run_record *run,
                                      int64_t expected_sequence) {
    struct error *e = error_new(a, STATUS_ABORTED, REASON_RUN_CHANGED,
                                "the run \"%s\" has changed: the sequence of its newest event is "
                                "%lld, not %lld; nothing was changed",
                                id, (long long)run->sequence, (long long)expected_sequence);
    error_add_metadata(e, a, "sequence", arena_printf(a, "%lld", (long long)run->sequence));
    error_add_metadata(e, a, "status", run_status_word((int)run->status));
    if (run->finished_at_us != 0) {
        add_finished_at(e, a, run);
    }
    return about_run(e, id);
}

// Adds the attempt and the status that the run has.
static const struct error *with_attempt(struct error *e, struct arena *a, const char *id,
                                        const struct run_record *run) {
    error_add_metadata(e, a, "attempt", arena_printf(a, "%lld", (long long)run->attempt));
    error_add_metadata(e, a, "status", run_status_word((int)run->status));
    if (run->finished_at_us != 0) {
        add_finished_at(e, a, run);
    }
    return about_run(e, id);
}

const struct error *run_error_stale(struct arena *a, const char *id, const struct run_record *run,
                                    int64_t attempt) {
    struct error *e =
        run->attempt == 0
            ? error_new(a, STATUS_FAILED_PRECONDITION, REASON_ATTEMPT_STALE,
                        "the run \"%s\" was never acquired: its attempt is 0, not %lld", id,
                        (long long)attempt)
            : error_new(a, STATUS_FAILED_PRECONDITION, REASON_ATTEMPT_STALE,
                        "the attempt %lld of the run \"%s\" is not the current one, which is %lld",
                        (long long)attempt, id, (long long)run->attempt);
    return with_attempt(e, a, id, run);
}

const struct error *run_error_not_cancelled(struct arena *a, const char *id,
                                            const struct run_record *run) {
    const char *word = run_status_word((int)run->status);
    struct error *e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_RUN_NOT_CANCELLED,
                                "the run \"%s\" is not cancelled: its status is %s", id, word);
    error_add_metadata(e, a, "status", word);
    return about_run(e, id);
}

const struct error *run_error_not_finished(struct arena *a, const char *id,
                                           const struct run_record *run) {
    const char *word = run_status_word((int)run->status);
    struct error *e =
        error_new(a, STATUS_FAILED_PRECONDITION, REASON_RUN_NOT_FINISHED,
                  "the run \"%s\" is not final: its status is %s, cancel it first", id, word);
    error_add_metadata(e, a, "status", word);
    return about_run(e, id);
}

const struct error *run_error_not_held(struct arena *a, const char *id,
                                       const struct run_record *run) {
    return with_attempt(error_new(a, STATUS_FAILED_PRECONDITION, REASON_RUN_NOT_HELD,
                                  "nobody holds the run \"%s\"", id),
                        a, id, run);
}

const struct error *run_error_exists(struct arena *a, const char *id) {
    return about_run(error_new(a, STATUS_ALREADY_EXISTS, REASON_RUN_ALREADY_EXISTS,
                               "there is already a run \"%s\"", id),
                     id);
}

const struct error *run_error_parent(struct arena *a, const struct store_create_run *create) {
    const char *parent = arena_cstr(a, create->parent_id);
    if (create->ret_parent == PARENT_MISSING) {
        return run_error_field(a, "run.parentRunId", "names no run of the organization, got \"%s\"",
                               parent);
    }
    if (create->ret_parent == PARENT_DESCENDS) {
        return run_error_field(a, "run.parentRunId",
                               "names a run that descends from it, got \"%s\"", parent);
    }
    if (create->ret_parent == PARENT_TOO_DEEP) {
        return run_error_field(a, "run.parentRunId",
                               "names a run with %d ancestors, as many as a run may have, got "
                               "\"%s\"",
                               STORE_MOST_ANCESTORS, parent);
    }
    const char *id = arena_cstr(a, create->in.id);
    const char *ancestor = arena_cstr(a, create->ret_ancestor);
    struct error *e =
        error_new(a, STATUS_FAILED_PRECONDITION, REASON_PARENT_CANCELLED,
                  "the run \"%s\" was not created: its ancestor \"%s\" is cancelled", id, ancestor);
    error_add_metadata(e, a, "ancestorId", ancestor);
    return about_run(e, id);
}

// Runs end, and are deleted, when they do: nobody knows when there is room.
enum { QUOTA_RETRY_AFTER_MS = 30000 };

static struct error *add_use(struct error *e, struct arena *a, const char *quota, int64_t most,
                             int64_t used) {
    error_add_metadata(e, a, "quota", quota);
    error_add_metadata(e, a, "most", arena_printf(a, "%lld", (long long)most));
    error_add_metadata(e, a, "used", arena_printf(a, "%lld", (long long)used));
    e->retry_after_ms = QUOTA_RETRY_AFTER_MS;
    return e;
}

const struct error *run_error_quota(struct arena *a, const struct store_create_run *create) {
    const struct slice *name = &create->in.organization;
    const struct store_quota *quota = &create->quota;
    const struct store_use *use = &create->ret_use;
    if (create->ret_excess == EXCESS_OPEN_RUNS) {
        return add_use(error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_QUOTA_EXCEEDED,
                                 "the organization \"%.*s\" has %lld open runs, and may have %lld; "
                                 "nothing was created",
                                 (int)name->len, (const char *)name->data,
                                 (long long)use->open_runs, (long long)quota->open_runs),
                       a, "openRuns", quota->open_runs, use->open_runs);
    }
    struct error *e = add_use(
        error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_QUOTA_EXCEEDED,
                  "the organization \"%.*s\" has %lld stored bytes, and may have %lld: there "
                  "is no room for a run of %zu; nothing was created",
                  (int)name->len, (const char *)name->data, (long long)use->stored_bytes,
                  (long long)quota->stored_bytes, create->in.spec.len),
        a, "storedBytes", quota->stored_bytes, use->stored_bytes);
    error_add_metadata(e, a, "asked", arena_printf(a, "%zu", create->in.spec.len));
    return e;
}

struct error *run_error_field(struct arena *a, const char *field, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char text[512];
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct error *e =
        error_new(a, STATUS_INVALID_ARGUMENT, REASON_FIELD_INVALID, "%s %s", field, text);
    error_add_violation(e, a, field, "%s", text);
    return e;
}
