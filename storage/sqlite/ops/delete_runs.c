#include "storage/op/delete_runs.h"

#include "base/core/check.h"
#include "storage/sqlite/run_deletion.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

// How many events one operation deletes, unless the first run alone has more: they are a page each
// where they are far from each other.
enum { MOST_EVENTS = 4096 };

// Of one id.
enum { MOST_GONE = 16 };

// What of one id is to be deleted.
struct doomed {
    bool has_run;
    struct doomed_run run;
    struct gone_event gone[MOST_GONE];
    int gone_count;
};

static int find_gone(struct session *session, const struct store_delete_runs *d,
                     const struct run_id *id, struct doomed *ret) {
    struct gone_event found[MOST_GONE];
    int count = 0;
    int rc = deletion_rows_find_gone(&session->deletion, d->organization, id, d->finished_before_us,
                                     MOST_GONE, found, &count);
    for (int i = 0; rc == SQLITE_OK && i < count; i++) {
        if (run_deletion_can_spare(session, found[i].event)) {
            ret->gone[ret->gone_count++] = found[i];
        }
    }
    return rc;
}

static int find(struct session *session, const struct store_delete_runs *d, struct slice text,
                struct doomed *ret) {
    struct run_id id = run_id_of(text);
    *ret = (struct doomed){.has_run = false};
    int rc = deletion_rows_find(&session->deletion, d->organization, &id, &ret->run);
    ret->has_run = rc == SQLITE_OK &&
                   !run_deletion_is_behind(session, d->organization, &ret->run) &&
                   store_delete_runs_takes(d, ret->run.status, ret->run.finished_at_us) &&
                   run_deletion_can_spare(session, ret->run.newest_event);
    return rc == SQLITE_OK || rc == SQLITE_DONE ? find_gone(session, d, &id, ret) : rc;
}

static int64_t newest_event(const struct doomed *doomed) {
    return doomed->has_run ? doomed->run.newest_event : doomed->gone[0].event;
}

// Whether it is among those before it: an id may be given twice.
static bool is_again(const struct doomed *all, const struct doomed *doomed) {
    const struct doomed *other = all;
    while (other < doomed && newest_event(other) != newest_event(doomed)) {
        other++;
    }
    return other < doomed;
}

static int64_t newest_revision(const struct doomed *doomed, int64_t newest) {
    if (doomed->has_run && doomed->run.revision > newest) {
        newest = doomed->run.revision;
    }
    for (int i = 0; i < doomed->gone_count; i++) {
        newest = doomed->gone[i].revision > newest ? doomed->gone[i].revision : newest;
    }
    return newest;
}

// Finds what is to be deleted, until it is enough, and the newest revision of it.
static int find_all(struct session *session, const struct store_delete_runs *d,
                    struct doomed *doomed, int *ret_count, int64_t *ret_revision) {
    int64_t events = 0;
    int rc = SQLITE_OK;
    *ret_count = 0;
    *ret_revision = 0;
    for (int i = 0; rc == SQLITE_OK && i < d->count && events < MOST_EVENTS; i++) {
        struct doomed *next = &doomed[*ret_count];
        rc = find(session, d, d->ids[i], next);
        int64_t more = (next->has_run ? next->run.sequence : 0) + next->gone_count;
        if (rc == SQLITE_OK && more > 0 && !is_again(doomed, next) &&
            (events == 0 || events + more <= MOST_EVENTS)) {
            events += more;
            *ret_revision = newest_revision(next, *ret_revision);
            (*ret_count)++;
        }
    }
    return rc;
}

static int delete_doomed(struct session *session, const struct store_delete_runs *d,
                         const struct doomed *doomed) {
    int rc = SQLITE_OK;
    if (doomed->has_run) {
        rc = run_deletion_delete(session, d->op.arena, d->organization, &doomed->run);
    }
    if (rc == SQLITE_OK && doomed->has_run) {
        rc = run_deletion_count(session, d->organization, &doomed->run);
    }
    for (int i = 0; rc == SQLITE_OK && i < doomed->gone_count; i++) {
        rc = run_deletion_delete_gone(session, d->organization, &doomed->gone[i]);
    }
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)s;
    struct store_delete_runs *d = CONTAINER_OF(op, struct store_delete_runs, op);
    CHECK(d->count >= 0 && d->count <= STORE_MOST_DELETE_RUNS);
    struct doomed *doomed = ARENA_ARRAY(op->arena, struct doomed, d->count);
    int count = 0;
    int64_t revision = 0;
    int rc = find_all(session, d, doomed, &count, &revision);
    if (rc == SQLITE_OK && count > 0) {
        rc = run_deletion_raise_floor(session, d->organization, revision);
    }
    for (int i = 0; rc == SQLITE_OK && i < count; i++) {
        rc = delete_doomed(session, d, &doomed[i]);
    }
    d->ret_deleted = count;
    op->result = STORE_OK;
    return rc;
}

const struct sqlite_op sqlite_delete_runs = {.run = run};
