#include "storage/sqlite/event_row.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/key_row.h"
#include "storage/sqlite/schema.h"

int event_row_init(struct event_row *e, sqlite3 *db, struct organizations *organizations,
                   struct run_counts *counts) {
    static const char *const insert =
        "INSERT INTO event(event_key, organization, id, revision, kind, sequence, from_status,"
        " to_status, at, attempt, actor, reason, request_id, remote_address, idempotency_key,"
        " previous_of_run, previous_of_organization, holder, key_digest, workflow_key)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
        " ?19, ?20)";
    static const char *const insert_mark =
        "INSERT INTO event_mark(organization, revision, event_key) VALUES(?1, ?2, ?3)";
    e->organizations = organizations;
    e->counts = counts;
    int rc = schema_newest_event(db, &e->last);
    e->committed = e->last;
    if (rc == SQLITE_OK) {
        rc = sqlite_prepare_all(db, &insert, 1, &e->insert);
    }
    return rc == SQLITE_OK ? sqlite_prepare_all(db, &insert_mark, 1, &e->insert_mark) : rc;
}

void event_row_release(struct event_row *e) {
    sqlite_finalize_all(&e->insert, 1);
    sqlite_finalize_all(&e->insert_mark, 1);
}

void event_row_begun(struct event_row *e) {
    e->committed = e->last;
}

void event_row_rolled_back(struct event_row *e) {
    e->last = e->committed;
}

static int insert_event(sqlite3_stmt *s, int64_t key, const struct run_record *run,
                        const struct event_source *source, const struct organization *before) {
    const struct event_cause *cause = source->cause;
    uint8_t digest[KEY_ROW_DIGEST_BYTES];
    sqlite3_bind_int64(s, 1, key);
    sqlite_bind_text(s, 2, run->organization);
    run_id_bind(s, 3, source->id);
    sqlite3_bind_int64(s, 4, before->open.revision + 1);
    sqlite3_bind_int(s, 5, (int)source->kind);
    sqlite3_bind_int64(s, 6, run->sequence);
    sqlite3_bind_int(s, 7, source->from);
    sqlite3_bind_int(s, 8, (int)run->status);
    sqlite3_bind_int64(s, 9, run_event_at_us(source->kind, run));
    sqlite3_bind_int64(s, 10, run->attempt);
    sqlite_bind_text(s, 11, cause->actor);
    sqlite_bind_text(s, 12, cause->reason);
    sqlite_bind_text(s, 13, cause->request_id);
    sqlite_bind_text(s, 14, cause->remote_address);
    sqlite_bind_text(s, 15, cause->idempotency_key);
    sqlite3_bind_int64(s, 16, source->previous);
    sqlite3_bind_int64(s, 17, before->open.event);
    sqlite_bind_text(s, 18, source->holder);
    if (source->idempotency != NULL && source->idempotency->is_given) {
        sqlite_bind_blob(s, 19, key_row_digest(source->idempotency, digest));
    } else {
        sqlite3_bind_null(s, 19);
    }
    sqlite3_bind_int64(s, 20, source->workflow_key);
    return sqlite_step_once(s);
}

static int insert_mark(sqlite3_stmt *s, struct slice organization, int64_t revision, int64_t key) {
    sqlite_bind_text(s, 1, organization);
    sqlite3_bind_int64(s, 2, revision);
    sqlite3_bind_int64(s, 3, key);
    return sqlite_step_once(s);
}

// The five columns from first on.
static struct event_cause read_cause(struct arena *a, sqlite3_stmt *s, int first) {
    return (struct event_cause){
        .actor = sqlite_column_slice(a, s, first),
        .reason = sqlite_column_slice(a, s, first + 1),
        .request_id = sqlite_column_slice(a, s, first + 2),
        .remote_address = sqlite_column_slice(a, s, first + 3),
        .idempotency_key = sqlite_column_slice(a, s, first + 4),
    };
}

struct run_event event_row_read(struct arena *a, sqlite3_stmt *s, int first) {
    return (struct run_event){
        .sequence = sqlite3_column_int64(s, first),
        .from = sqlite3_column_int(s, first + 1),
        .to = (enum run_status)sqlite3_column_int(s, first + 2),
        .at_us = sqlite3_column_int64(s, first + 3),
        .revision = sqlite3_column_int64(s, first + 4),
        .kind = (enum store_event_kind)sqlite3_column_int(s, first + 5),
        .attempt = sqlite3_column_int64(s, first + 6),
        .holder = sqlite_column_slice(a, s, first + 12),
        .cause = read_cause(a, s, first + 7),
    };
}

int event_row_read_ending(struct arena *a, sqlite3_stmt *s, int64_t key, struct event_cause *ret) {
    int rc = SQLITE_CORRUPT;
    for (int i = 0; i < 2; i++) {
        sqlite3_bind_int64(s, 1, key);
        rc = sqlite3_step(s);
        if (rc != SQLITE_ROW) {
            rc = rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
            break;
        }
        rc = SQLITE_OK;
        if (sqlite3_column_int(s, 0) != STORE_EVENT_STOP) {
            *ret = read_cause(a, s, 2);
            break;
        }
        key = sqlite3_column_int64(s, 1);
        sqlite3_reset(s);
    }
    sqlite3_reset(s);
    return rc;
}

// Counts the run of the event of key, which is the next of which.
static int count_run(struct event_row *e, struct organization *which, int64_t key,
                     const struct run_record *run, const struct event_source *source) {
    int to = event_row_counted_to(source->kind, (int)run->status);
    if (e->counts == NULL || source->from == to) {
        return SQLITE_OK;
    }
    CHECK(source->workflow_key != 0);
    organizations_count(e->organizations, which, source->from, to);
    return run_counts_note(e->counts, source->workflow_key, key, source->from, to);
}

int event_row_append(struct event_row *e, const struct run_record *run,
                     const struct event_source *source, int64_t *ret_revision) {
    struct organization *organization;
    int64_t key = event_row_next(e);
    int rc = organizations_find(e->organizations, run->organization, &organization);
    if (rc == SQLITE_OK) {
        rc = insert_event(e->insert, key, run, source, organization);
    }
    int64_t revision = rc == SQLITE_OK ? organization->open.revision + 1 : 0;
    if (rc == SQLITE_OK && revision % EVENT_MARK_INTERVAL == 0) {
        rc = insert_mark(e->insert_mark, run->organization, revision, key);
    }
    if (rc == SQLITE_OK) {
        rc = count_run(e, organization, key, run, source);
    }
    if (rc == SQLITE_OK) {
        organizations_advance(e->organizations, organization, key);
        organizations_note(organization, (int)source->kind, source->opens);
        e->last = key;
        *ret_revision = revision;
    }
    return rc;
}
