#include "base/core/check.h"
#include "storage/postgres/work_internal.h"

// What operations make of runs, in memory.

void work_change_organization(struct work *work, struct work_organization *organization) {
    CHECK(organization->change->state == WORK_LOADED);
    if (!organization->change->is_listed) {
        organization->change->is_listed = true;
        work_list_add_pointer(work, &work->changed_organizations, organization);
    }
}

static void list_run(struct work *work, struct work_run *run) {
    if (!run->change->is_listed) {
        run->change->is_listed = true;
        work_list_add_pointer(work, &work->changed_runs, run);
    }
}

// Adds the event of kind that made the run, which was in status from, what after is. Returns its
// revision.
static int64_t add_event(struct work *work, struct work_run *run, const struct run_record *after,
                         enum store_event_kind kind, int from, struct slice holder,
                         const struct event_cause *cause, bool opens) {
    struct work_organization *o = run->organization;
    CHECK(o->change->state == WORK_LOADED && o->change->has_row);
    o->is_there = true;
    if (o->change->kinds == 0) {
        work_list_add_pointer(work, &work->told, o);
    }
    o->change->kinds |= 1u << kind;
    o->change->opened += opens;
    work_change_organization(work, o);
    struct work_event *e = work_list_add(work, &work->events, sizeof(*e));
    *e = (struct work_event){
        .organization = o->name,
        .id = run->record.id,
        .workflow_id = run->record.workflow_id,
        .event =
            {
                .revision = ++o->revision,
                .kind = kind,
                .sequence = after->sequence,
                .from = from,
                .to = after->status,
                .at_us = run_event_at_us(kind, after),
                .attempt = after->attempt,
                .holder = holder,
                .cause = *cause,
            },
    };
    return o->revision;
}

// The event of that revision is the run's newest, which was in status from.
static void note_revision(struct work_run *run, int from, int64_t revision,
                          const struct event_cause *cause) {
    bool was_active = from == 0 || run_status_is_active((enum run_status)from);
    run->newest_revision = revision;
    if (was_active && !run_status_is_active(run->record.status)) {
        run->ended_revision = revision;
        run->change->ending = *cause;
    }
}

struct work_run *work_add_run(struct work *work, const struct run_record *record,
                              struct slice parent_id, struct slice holder,
                              const struct event_cause *cause, int64_t *ret_revision) {
    struct work_run *run = work_run_of(work, record->organization, record->id);
    struct slice id = run->record.id;
    CHECK(!run->is_there && run->change->state != WORK_WANTED);
    run->record = *record;
    run->record.organization = run->organization->name;
    run->record.id = id;
    run->parent_id = parent_id;
    run->is_there = true;
    run->run_key = 0;
    run->ended_revision = 0;
    run->spec_bytes = (int64_t)record->spec.len;
    run->change->state = WORK_LOADED;
    run->change->is_new = true;
    run->change->has_place = false;
    run->change->has_active = false;
    run->change->has_term = false;
    run->change->writes_term = run_record_has_terms(record);
    list_run(work, run);
    *ret_revision = add_event(work, run, record, STORE_EVENT_CREATION, 0, holder, cause,
                              run_record_is_open(record));
    run->created_revision = *ret_revision;
    note_revision(run, 0, *ret_revision, cause);
    work_count_run(work, run->organization, run->record.workflow_id, 0, (int)record->status);
    run->organization->stored_bytes += run->spec_bytes;
    return run;
}

// Makes the run what after is but for its identity, and lists it.
static void become(struct work *work, struct work_run *run, const struct run_record *after) {
    struct run_record before = run->record;
    run->record = *after;
    run->record.organization = before.organization;
    run->record.id = before.id;
    run->record.workflow_id = before.workflow_id;
    run->change->is_changed = true;
    run->change->writes_term = run->change->has_term || run_record_has_terms(after);
    if (before.holder.len > 0 && after->holder.len == 0) {
        run->change->ends_lease = true;
        run->renewed_left_us = 0;
    }
    list_run(work, run);
}

int64_t work_change_run(struct work *work, struct work_run *run, const struct run_record *after,
                        enum store_event_kind kind, const struct event_cause *cause,
                        uint32_t given) {
    const struct run_record before = run->record;
    CHECK(run->is_there);
    int64_t revision = add_event(work, run, after, kind, (int)before.status,
                                 run_event_holder(kind, &before, after), cause,
                                 run_record_is_open(after) && !run_record_is_open(&before));
    become(work, run, after);
    run->change->fields |= given;
    note_revision(run, (int)before.status, revision, cause);
    work_count_run(work, run->organization, before.workflow_id, (int)before.status,
                   (int)after->status);
    return revision;
}

void work_set_fields(struct work *work, struct work_run *run, const struct run_fields *fields,
                     uint32_t given) {
    CHECK(run->is_there);
    run_fields_replace(&run->record.fields, fields, given);
    run->change->is_changed = true;
    run->change->fields |= given;
    list_run(work, run);
}

void work_note_renewal(struct work *work, const struct store_renewal *renewal) {
    *(const struct store_renewal **)work_list_add(work, &work->renewals, sizeof(renewal)) = renewal;
    // An operation that comes behind it sees it.
    struct work_run *run = work_find_run(work, renewal->organization, renewal->id);
    if (run != NULL && run->record.holder.len > 0 && run->record.attempt == renewal->attempt &&
        run->renewed_left_us < renewal->left_us) {
        run->renewed_left_us = renewal->left_us;
    }
}

void work_delete_run(struct work *work, struct work_run *run) {
    struct work_organization *o = run->organization;
    CHECK(run->is_there);
    struct work_deletion *d = work_list_add(work, &work->deletions, sizeof(*d));
    *d = (struct work_deletion){
        .organization = o->name,
        .id = run->record.id,
        .run_key = run->run_key,
        .created_revision = run->created_revision,
        .newest_revision = run->newest_revision,
        .started_at_us = run->record.started_at_us,
        .has_active = run->change->has_active,
    };
    work_count_run(work, o, run->record.workflow_id, (int)run->record.status, 0);
    o->stored_bytes -= run->spec_bytes;
    o->floor = run->newest_revision > o->floor ? run->newest_revision : o->floor;
    o->attempt_floor =
        run->record.attempt > o->attempt_floor ? run->record.attempt : o->attempt_floor;
    work_change_organization(work, o);
    run->is_there = false;
    run->change->has_active = false;
    run->change->is_new = false;
    run->change->is_changed = false;
    run->change->writes_term = false;
    run->change->fields = 0;
}

int64_t work_bury_run(struct work *work, struct work_run *run, const struct run_record *gone,
                      const struct event_cause *cause) {
    const struct run_record before = run->record;
    work_delete_run(work, run);
    return add_event(work, run, gone, STORE_EVENT_DELETION, (int)before.status,
                     run_event_holder(STORE_EVENT_DELETION, &before, gone), cause, false);
}

struct event_cause work_ending(struct arena *a, const struct work_run *run) {
    return event_cause_copy(a, &run->change->ending);
}

void work_note_key(struct work *work, const struct idempotency *asked, enum work_key_target of,
                   struct slice organization, struct slice id, int64_t at_us) {
    if (!asked->is_given) {
        return;
    }
    struct work_key *key = work_key_of(work, asked->name);
    memcpy(key->fingerprint, asked->fingerprint, IDEMPOTENCY_DIGEST_BYTES);
    key->is_there = true;
    key->at_us = at_us;
    key->of = of;
    key->organization = organization;
    key->id = id;
    if (!key->is_listed) {
        key->is_listed = true;
        work_list_add_pointer(work, &work->changed_keys, key);
    }
}
