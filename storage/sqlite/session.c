#include "storage/sqlite/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/sqlite_op.h"

static int prepare_ops(struct session *s, enum store_part part) {
    for (int i = 0; i < store_kinds_count; i++) {
        const char *const *sql = sqlite_ops[i]->sql;
        int count = 0;
        while (count < SQLITE_OP_STATEMENTS && sql[count] != NULL) {
            count++;
        }
        if (store_kinds[i]->part == part) {
            int rc = sqlite_prepare_all(s->db, sql, count,
                                        s->statements + (ptrdiff_t)i * SQLITE_OP_STATEMENTS);
            if (rc != SQLITE_OK) {
                return rc;
            }
        }
    }
    return SQLITE_OK;
}

int session_init(struct session *s, sqlite3 *db, enum store_part part, struct pending *pending,
                 struct organizations *organizations) {
    *s = (struct session){
        .db = db, .part = part, .pending = pending, .organizations = organizations};
    s->statements =
        mem_zalloc((size_t)store_kinds_count * SQLITE_OP_STATEMENTS * sizeof(sqlite3_stmt *));
    const char *const begin = part == STORE_CHANGES ? "BEGIN IMMEDIATE" : "BEGIN";
    const char *const commit = "COMMIT";
    int rc = sqlite_prepare_all(db, &begin, 1, &s->begin);
    if (rc == SQLITE_OK) {
        rc = sqlite_prepare_all(db, &commit, 1, &s->commit);
    }
    const char *const head = ORGANIZATION_HEAD_SQL;
    if (rc == SQLITE_OK && part == STORE_READS) {
        rc = sqlite_prepare_all(db, &head, 1, &s->select_head);
    }
    if (rc == SQLITE_OK) {
        rc = term_rows_init(&s->terms, db, part);
    }
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = schema_attempt_floor(db, &s->attempt_floor);
    }
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = event_row_init(&s->events, db, organizations);
    }
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = key_rows_init(&s->keys, db, &pending->keys);
    }
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = applier_init(&s->applier, db, pending, organizations);
    }
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = deletion_rows_init(&s->deletion, db, &s->keys);
    }
    return rc == SQLITE_OK ? prepare_ops(s, part) : rc;
}

void session_release(struct session *s) {
    if (s->statements != NULL) {
        sqlite_finalize_all(s->statements, store_kinds_count * SQLITE_OP_STATEMENTS);
        free(s->statements);
    }
    term_rows_release(&s->terms);
    event_row_release(&s->events);
    key_rows_release(&s->keys);
    applier_release(&s->applier);
    deletion_rows_release(&s->deletion);
    sqlite_finalize_all(&s->begin, 1);
    sqlite_finalize_all(&s->commit, 1);
    sqlite_finalize_all(&s->select_head, 1);
    *s = (struct session){.db = NULL};
}

int session_begin(struct session *s) {
    event_row_begun(&s->events);
    s->snapshot_event = pending_newest_event(s->pending);
    return sqlite_step_once(s->begin);
}

int session_commit(struct session *s) {
    return sqlite_step_once(s->commit);
}

void session_committed(struct session *s) {
    pending_committed(s->pending, s->events.last);
    // After it: whoever finds an event here finds what its run became by it.
    organizations_committed(s->organizations);
    applier_committed(&s->applier);
}

void session_rolled_back(struct session *s) {
    event_row_rolled_back(&s->events);
    organizations_rolled_back(s->organizations);
    pending_rolled_back(s->pending);
    applier_rolled_back(&s->applier);
}

int session_renew(struct session *s) {
    int rc = session_commit(s);
    return rc == SQLITE_OK ? session_begin(s) : rc;
}

int session_read_head(struct session *s, struct slice organization, struct organization_head *ret) {
    int rc = SQLITE_OK;
    struct organization_head now = {.revision = 0};
    do { // again only where the floor passed what was the newest event at the look
        // Looked at before the snapshot begins: what is in neither is not committed. A row is not
        // behind once its organization is out of memory, which may be since a moment ago.
        if (!organizations_peek(s->organizations, organization, ret)) {
            rc = session_renew(s);
            return rc == SQLITE_OK ? organizations_read_head(s->select_head, organization, ret)
                                   : rc;
        }
        if (ret->event > s->snapshot_event) {
            rc = session_renew(s);
        }
        // And after it began: it may be without events that were deleted since the first look.
    } while (rc == SQLITE_OK && (!organizations_peek(s->organizations, organization, &now) ||
                                 now.floor > ret->revision));
    ret->floor = now.floor;
    return rc;
}

int session_run(struct session *s, struct store_op *op) {
    int i = op->kind->index;
    // What pending says may be newer than the snapshot of the operation before.
    int rc = sqlite_ops[i]->reads_pending_first ? session_renew(s) : SQLITE_OK;
    s->is_old = false;
    return rc == SQLITE_OK
               ? sqlite_ops[i]->run(s, s->statements + (ptrdiff_t)i * SQLITE_OP_STATEMENTS, op)
               : rc;
}

int session_probe(struct session *s) {
    // The same number again, but written.
    int64_t version = 0;
    int rc = sqlite_query_int(s->db, "PRAGMA user_version", &version);
    if (rc != SQLITE_OK) {
        return rc;
    }
    char set_version[64];
    snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%lld", (long long)version);
    return sqlite_run(s->db, set_version);
}
