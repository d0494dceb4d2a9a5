#include "storage/sqlite/run_deletion.h"

#include "storage/sqlite/schema.h"
#include "storage/sqlite/session.h"

bool run_deletion_can_spare(const struct session *session, int64_t event) {
    return event <= pending_applied(session->pending) && event != session->events.last;
}

bool run_deletion_is_behind(struct session *session, struct slice organization,
                            const struct doomed_run *run) {
    struct pending_state state;
    return run->newest_event > pending_applied(session->pending) ||
           (pending_find_own(session->pending, organization, &run->id, &state) &&
            state.newest_event > run->newest_event);
}

int run_deletion_keep_key(struct session *session, int64_t event) {
    return event == session->events.last ? schema_write_erased(session->db, event) : SQLITE_OK;
}

int run_deletion_raise_floor(struct session *session, struct slice organization, int64_t revision) {
    struct organization *which;
    int rc = organizations_find(session->organizations, organization, &which);
    return rc == SQLITE_OK && revision > which->open.floor
               ? organizations_raise_floor(session->organizations, which, revision)
               : rc;
}

int run_deletion_count(struct session *session, struct slice organization,
                       const struct doomed_run *run) {
    struct organization *which;
    int rc = organizations_find(session->organizations, organization, &which);
    if (rc == SQLITE_OK) {
        organizations_gone(session->organizations, which, (int)run->status);
        rc = run_counts_gone(session->counts, run->workflow_key, (int)run->status);
    }
    return rc;
}

// Raises the floor of attempts to that of the run, if it is below: for few runs it is, as those
// that begin later are all above it.
static int raise_attempt_floor(struct session *session, const struct doomed_run *run) {
    bool is_above = run->attempt > session->attempt_floor;
    if (run->attempt == 0 || !(is_above || session->attempt_floor_is_unsure)) {
        return SQLITE_OK;
    }
    session->attempt_floor = is_above ? run->attempt : session->attempt_floor;
    session->attempt_floor_is_unsure = false;
    return schema_write_attempt_floor(session->db, session->attempt_floor);
}

// No event tells how many bytes go with a run.
static int count_bytes(struct session *session, struct slice organization,
                       const struct doomed_run *run) {
    struct organization *which;
    int rc = organizations_find(session->organizations, organization, &which);
    if (rc == SQLITE_OK) {
        organizations_unstore(session->organizations, which, run->spec_bytes);
    }
    return rc;
}

int run_deletion_delete(struct session *session, struct arena *a, struct slice organization,
                        const struct doomed_run *run) {
    int rc = raise_attempt_floor(session, run);
    rc = rc == SQLITE_OK ? count_bytes(session, organization, run) : rc;
    store_totals_note(&session->totals, TOTAL_EVENTS_GONE, run->sequence);
    rc = rc == SQLITE_OK ? deletion_rows_delete(&session->deletion, organization, run) : rc;
    return rc == SQLITE_OK ? family_rows_leave(&session->families, a, organization, &run->id) : rc;
}

int run_deletion_delete_gone(struct session *session, struct slice organization,
                             const struct gone_event *gone) {
    store_totals_note(&session->totals, TOTAL_EVENTS_GONE, 1);
    return deletion_rows_delete_gone(&session->deletion, organization, gone);
}
