#include "storage/sqlite/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

// Prepares what only the part that reads has.
static int init_reads(struct session *s) {
    static const char *const head = ORGANIZATION_HEAD_SQL;
    static const char *const count = RUN_COUNT_SQL;
    int rc = sqlite_prepare_all(s->db, &head, 1, &s->select_head);
    return rc == SQLITE_OK ? sqlite_prepare_all(s->db, &count, 1, &s->select_count) : rc;
}

// Prepares what only the part that changes has.
static int init_changes(struct session *s) {
    int rc = schema_attempt_floor(s->db, &s->attempt_floor);
    if (rc == SQLITE_OK) {
        rc = event_row_init(&s->events, s->db, s->organizations, s->counts);
    }
    if (rc == SQLITE_OK) {
        rc = key_rows_init(&s->keys, s->db, &s->pending->keys, &s->totals);
    }
    if (rc == SQLITE_OK) {
        rc = store_totals_init(&s->totals, s->db);
    }
    return rc == SQLITE_OK
               ? applier_init(&s->applier, s->db, s->pending, s->organizations, s->counts, &s->keys)
               : rc;
}

int session_init(struct session *s, sqlite3 *db, enum store_part part,
                 const struct session_surroundings *around) {
    *s = (struct session){.db = db,
                          .part = part,
                          .pending = around->pending,
                          .organizations = around->organizations,
                          .counts = around->counts};
    s->statements =
        mem_zalloc((size_t)store_kinds_count * SQLITE_OP_STATEMENTS * sizeof(sqlite3_stmt *));
    const char *const begin = part == STORE_CHANGES ? "BEGIN IMMEDIATE" : "BEGIN";
    const char *const commit = "COMMIT";
    int rc = sqlite_prepare_all(db, &begin, 1, &s->begin);
    if (rc == SQLITE_OK) {
        rc = sqlite_prepare_all(db, &commit, 1, &s->commit);
    }
    if (rc == SQLITE_OK && part == STORE_READS) {
        rc = init_reads(s);
    }
    if (rc == SQLITE_OK) {
        rc = term_rows_init(&s->terms, db, part);
    }
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = init_changes(s);
    }
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = family_rows_init(&s->families, db);
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
    family_rows_release(&s->families);
    deletion_rows_release(&s->deletion);
    store_totals_release(&s->totals);
    sqlite_finalize_all(&s->begin, 1);
    sqlite_finalize_all(&s->commit, 1);
    sqlite_finalize_all(&s->select_head, 1);
    sqlite_finalize_all(&s->select_count, 1);
    *s = (struct session){.db = NULL};
}

int session_begin(struct session *s) {
    event_row_begun(&s->events);
    s->snapshot_event = pending_newest_event(s->pending);
    return sqlite_step_once(s->begin);
}

int session_settle(struct session *s) {
    int rc = organizations_settle(s->organizations);
    if (rc == SQLITE_OK) {
        rc = run_counts_settle(s->counts);
    }
    return rc == SQLITE_OK ? store_totals_settle(&s->totals) : rc;
}

int session_commit(struct session *s) {
    return sqlite_step_once(s->commit);
}

void session_committed(struct session *s) {
    pending_committed(s->pending, s->events.last);
    // After it: whoever finds an event here finds what its run became by it.
    organizations_committed(s->organizations);
    run_counts_committed(s->counts);
    applier_committed(&s->applier);
}

void session_rolled_back(struct session *s) {
    s->attempt_floor_is_unsure = true;
    event_row_rolled_back(&s->events);
    organizations_rolled_back(s->organizations);
    run_counts_rolled_back(s->counts);
    store_totals_rolled_back(&s->totals);
    pending_rolled_back(s->pending);
    applier_rolled_back(&s->applier);
}

int session_renew(struct session *s) {
    int rc = session_commit(s);
    return rc == SQLITE_OK ? session_begin(s) : rc;
}

int session_read_head(struct session *s, struct slice organization, struct organization_head *ret) {
    int rc = SQLITE_OK;
    struct organization_head row = {.revision = 0};
    do { // again only where the floor passed what was the newest event at the look
        // Looked at before the snapshot begins: what is in neither is not committed. A row is not
        // behind once its organization is out of memory, which may be since a moment ago.
        bool is_known = organizations_peek(s->organizations, organization, ret);
        if (!is_known || ret->event > s->snapshot_event) {
            rc = session_renew(s);
        }
        // Its floor is never behind, and below it events may have been deleted since the look.
        rc = rc == SQLITE_OK ? organizations_read_head(s->select_head, organization, &row) : rc;
        if (rc != SQLITE_OK || !is_known) {
            *ret = row;
            return rc;
        }
    } while (row.floor > ret->revision);
    ret->floor = row.floor > ret->floor ? row.floor : ret->floor;
    return rc;
}

int session_read_counts(struct session *s, struct run_count_peek *peeks, int count) {
    // Looked at before the snapshot begins, as in session_read_head.
    run_counts_peek(s->counts, peeks, count);
    bool is_renewed = false;
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < count; i++) {
        if (peeks[i].is_known) {
            continue;
        }
        rc = is_renewed ? SQLITE_OK : session_renew(s);
        is_renewed = true;
        struct run_count_state state;
        if (rc == SQLITE_OK) {
            rc = run_counts_read(s->select_count, peeks[i].workflow_key, &state);
        }
        if (rc == SQLITE_OK) {
            memcpy(peeks[i].runs, state.runs, sizeof(peeks[i].runs));
        }
    }
    return rc;
}

int session_run(struct session *s, struct store_op *op) {
    int i = op->kind->index;
    if (session_is_frozen(s, op)) {
        op->result = STORE_READ_ONLY;
        return SQLITE_OK;
    }
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
