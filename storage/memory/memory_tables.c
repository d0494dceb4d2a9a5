#include "storage/memory/memory_tables.h"

#include <stdlib.h>

#include "base/core/memory.h"

int memory_tables_compare(struct slice org_a, struct slice name_a, struct slice org_b,
                          struct slice name_b) {
    int r = slice_compare(org_a, org_b);
    return r != 0 ? r : slice_compare(name_a, name_b);
}

// Returns the place of (organization, id), or where it would have to stand.
static size_t run_place(const struct memory_tables *t, struct slice organization, struct slice id,
                        bool *ret_found) {
    size_t low = 0;
    size_t high = t->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct run_record *r = &t->runs[middle]->record;
        int c = memory_tables_compare(r->organization, r->id, organization, id);
        if (c == 0) {
            *ret_found = true;
            return middle;
        }
        if (c < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found = false;
    return low;
}

struct memory_run *memory_tables_find_run(const struct memory_tables *t, struct slice organization,
                                          struct slice id) {
    bool found;
    size_t place = run_place(t, organization, id, &found);
    return found ? t->runs[place] : NULL;
}

static struct slice own_bytes(void *context, struct slice value) {
    (void)context;
    return memory_slice_own(value);
}

static struct slice disown_bytes(void *context, struct slice value) {
    (void)context;
    memory_slice_disown(value);
    return SLICE_EMPTY;
}

struct memory_run *memory_tables_add_run(struct memory_tables *t, const struct run_record *record) {
    bool found;
    size_t place = run_place(t, record->organization, record->id, &found);
    if (found) {
        return NULL;
    }
    if (t->run_count == t->run_capacity) {
        t->run_capacity = t->run_capacity == 0 ? 64 : t->run_capacity * 2;
        t->runs = mem_realloc(t->runs, t->run_capacity * sizeof(t->runs[0]));
    }
    memmove(t->runs + place + 1, t->runs + place, (t->run_count - place) * sizeof(t->runs[0]));
    t->run_count++;

    struct memory_run *run = mem_zalloc(sizeof(*run));
    run->record = *record;
    run->record.organization = memory_slice_own(record->organization);
    run->record.id = memory_slice_own(record->id);
    run->record.workflow_id = memory_slice_own(record->workflow_id);
    run->record.spec = memory_slice_own(record->spec);
    run->record.holder = memory_slice_own(record->holder);
    run_fields_map_bytes(&run->record.fields, own_bytes, NULL);
    t->runs[place] = run;
    return run;
}

void memory_tables_set_fields(struct memory_run *run, const struct run_fields *fields) {
    struct run_fields old = run->record.fields;
    run->record.fields = *fields;
    run_fields_map_bytes(&run->record.fields, own_bytes, NULL);
    run_fields_map_bytes(&old, disown_bytes, NULL);
}

// Returns the place of the organization, or where it would have to stand.
static size_t organization_place(const struct memory_tables *t, struct slice name,
                                 bool *ret_found) {
    size_t low = 0;
    size_t high = t->organization_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = slice_compare(t->organizations[middle].name, name);
        if (c == 0) {
            *ret_found = true;
            return middle;
        }
        if (c < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found = false;
    return low;
}

struct memory_organization *memory_tables_find_organization(const struct memory_tables *t,
                                                            struct slice name) {
    bool found;
    size_t place = organization_place(t, name, &found);
    return found ? &t->organizations[place] : NULL;
}

struct memory_organization *memory_tables_organization(struct memory_tables *t, struct slice name) {
    bool found;
    size_t place = organization_place(t, name, &found);
    if (!found) {
        t->organizations = mem_realloc(t->organizations,
                                       (t->organization_count + 1) * sizeof(t->organizations[0]));
        memmove(t->organizations + place + 1, t->organizations + place,
                (t->organization_count - place) * sizeof(t->organizations[0]));
        t->organization_count++;
        t->organizations[place] = (struct memory_organization){.name = memory_slice_own(name)};
    }
    return &t->organizations[place];
}

bool memory_tables_is_frozen(const struct memory_tables *t, struct slice name) {
    const struct memory_organization *o = memory_tables_find_organization(t, name);
    return o != NULL && o->frozen_at_us != 0;
}

struct store_use memory_tables_use(const struct memory_tables *t, struct slice organization) {
    struct store_use use = {.open_runs = 0};
    for (size_t i = 0; i < t->run_count; i++) {
        const struct run_record *r = &t->runs[i]->record;
        if (slice_equal(r->organization, organization)) {
            use.open_runs += run_status_is_active(r->status);
            use.stored_bytes += (int64_t)r->spec.len;
        }
    }
    return use;
}

// Appends the event to the organization's feed, as its newest revision.
static void append_event(struct memory_organization *o, struct memory_event *e) {
    if (o->revision == o->capacity) {
        o->capacity = o->capacity == 0 ? 16 : o->capacity * 2;
        o->events = mem_realloc(o->events, (size_t)o->capacity * sizeof(struct memory_event *));
    }
    o->events[o->revision++] = e;
    e->event.revision = o->revision;
}

// Notes the event in what the operation that runs did.
static void note_commit(struct memory_tables *t, struct slice organization,
                        const struct run_event *event, bool opens) {
    struct store_commit *c = t->commits;
    while (c < t->commits + t->commit_count && !slice_equal(c->organization, organization)) {
        c++;
    }
    if (c == t->commits + t->commit_count) {
        if (t->commit_count == t->commit_capacity) {
            t->commit_capacity = t->commit_capacity == 0 ? 4 : t->commit_capacity * 2;
            t->commits =
                mem_realloc(t->commits, (size_t)t->commit_capacity * sizeof(struct store_commit));
        }
        c = &t->commits[t->commit_count++];
        *c = (struct store_commit){.organization = organization};
    }
    c->revision = event->revision;
    c->kinds |= 1u << event->kind;
    c->opened += opens;
}

// Adds the event that made run, which was in status from, what it is.
static int64_t add_event(struct memory_tables *t, struct memory_run *run,
                         enum store_event_kind kind, int from, struct slice holder,
                         const struct event_cause *cause, bool opens) {
    const struct run_record *r = &run->record;
    struct memory_event *e = mem_zalloc(sizeof(*e));
    e->run = run;
    e->key = ++t->newest_key;
    e->event = (struct run_event){
        .kind = kind,
        .sequence = r->sequence,
        .from = from,
        .to = r->status,
        .at_us = run_event_at_us(kind, r),
        .attempt = r->attempt,
        .holder = memory_slice_own(holder),
        .cause = *cause,
    };
    event_cause_map(&e->event.cause, own_bytes, NULL);
    e->older = run->newest;
    run->newest = e;
    struct memory_organization *o = memory_tables_organization(t, r->organization);
    append_event(o, e);
    note_commit(t, o->name, &e->event, opens); // the run may be gone when the listener is told
    return e->event.revision;
}

int64_t memory_tables_change(struct memory_tables *t, struct memory_run *run,
                             const struct run_record *after, enum store_event_kind kind,
                             const struct event_cause *cause) {
    struct run_record before = run->record;
    run->record = *after;
    run->record.holder = memory_slice_own(after->holder);
    run->record.fields = before.fields;
    int64_t revision =
        add_event(t, run, kind, (int)before.status, run_event_holder(kind, &before, after), cause,
                  run_record_is_open(after) && !run_record_is_open(&before));
    memory_slice_disown(before.holder);
    return revision;
}

int64_t memory_tables_add_creation(struct memory_tables *t, struct memory_run *run,
                                   struct slice holder, const struct event_cause *cause) {
    run->key = t->newest_key + 1;
    return add_event(t, run, STORE_EVENT_CREATION, 0, holder, cause,
                     run_record_is_open(&run->record));
}

struct run_event memory_tables_copy_event(struct arena *a, const struct run_event *event) {
    struct run_event e = *event;
    e.holder = arena_copy(a, e.holder);
    e.cause = event_cause_copy(a, &event->cause);
    return e;
}

struct event_cause memory_tables_ending(struct arena *a, const struct memory_run *run) {
    const struct memory_event *event = run->newest;
    if (event->event.kind == STORE_EVENT_STOP) {
        event = event->older;
    }
    return event_cause_copy(a, &event->event.cause);
}

struct token_record *memory_tables_find_token(const struct memory_tables *t,
                                              struct slice organization, struct slice name) {
    for (size_t i = 0; i < t->token_count; i++) {
        struct token_record *token = t->tokens[i];
        if (memory_tables_compare(token->organization, token->name, organization, name) == 0) {
            return token;
        }
    }
    return NULL;
}

int64_t memory_tables_count_tokens(const struct memory_tables *t, struct slice organization) {
    int64_t count = 0;
    for (size_t i = 0; i < t->token_count; i++) {
        count += slice_equal(t->tokens[i]->organization, organization);
    }
    return count;
}

struct token_record *memory_tables_find_hash(const struct memory_tables *t,
                                             const uint8_t hash[TOKEN_HASH_BYTES]) {
    for (size_t i = 0; i < t->token_count; i++) {
        struct token_record *token = t->tokens[i];
        if (memcmp(token->hash, hash, TOKEN_HASH_BYTES) == 0 ||
            (token->rotations > 0 && memcmp(token->previous.hash, hash, TOKEN_HASH_BYTES) == 0)) {
            return token;
        }
    }
    return NULL;
}

void memory_tables_free_token(struct token_record *token) {
    memory_slice_disown(token->organization);
    memory_slice_disown(token->name);
    memory_slice_disown(token->client_san);
    free(token);
}

struct token_record memory_tables_copy_token(struct arena *a, const struct token_record *token) {
    struct token_record t = *token;
    t.organization = arena_copy(a, t.organization);
    t.name = arena_copy(a, t.name);
    t.client_san = arena_copy(a, t.client_san);
    return t;
}

static void release_events(struct memory_run *run) {
    struct memory_event *e = run->newest;
    while (e != NULL) {
        struct memory_event *older = e->older;
        memory_slice_disown(e->event.holder);
        event_cause_map(&e->event.cause, disown_bytes, NULL);
        free(e);
        e = older;
    }
    run->newest = NULL;
}

static void release_run(struct memory_run *run) {
    release_events(run);
    memory_slice_disown(run->record.organization);
    memory_slice_disown(run->record.id);
    memory_slice_disown(run->record.workflow_id);
    memory_slice_disown(run->record.spec);
    memory_slice_disown(run->record.holder);
    memory_slice_disown(run->parent_id);
    run_fields_map_bytes(&run->record.fields, disown_bytes, NULL);
    free(run);
}

// Takes the events of run out of the organization's feed, whose floor is raised to the newest one,
// and frees them, and the keys of the run.
static void drop_events(struct memory_tables *t, struct memory_run *run) {
    if (!run->is_gone) { // else they are those of a later run of its id
        memory_keys_forget(&t->keys, MEMORY_KEY_OF_RUN, run->record.organization, run->record.id);
    }
    struct memory_organization *o = memory_tables_organization(t, run->record.organization);
    if (run->newest->event.revision > o->floor) {
        o->floor = run->newest->event.revision;
    }
    for (const struct memory_event *e = run->newest; e != NULL; e = e->older) {
        o->events[e->event.revision - 1] = NULL;
    }
    release_events(run);
}

// Takes run out of the table of runs. No attempt of it is given again.
static void remove_run(struct memory_tables *t, const struct memory_run *run) {
    bool found;
    if (run->record.attempt > t->attempt_floor) {
        t->attempt_floor = run->record.attempt;
    }
    size_t place = run_place(t, run->record.organization, run->record.id, &found);
    t->run_count--;
    memmove(t->runs + place, t->runs + place + 1, (t->run_count - place) * sizeof(t->runs[0]));
}

void memory_tables_delete_run(struct memory_tables *t, struct memory_run *run) {
    if (!run->is_gone) {
        remove_run(t, run);
    }
    drop_events(t, run);
    release_run(run);
}

int64_t memory_tables_bury_run(struct memory_tables *t, struct memory_run *run,
                               const struct run_record *gone, const struct event_cause *cause) {
    remove_run(t, run);
    drop_events(t, run);
    run->is_gone = true;
    return memory_tables_change(t, run, gone, STORE_EVENT_DELETION, cause);
}

static void release_gone(struct memory_organization *o) {
    for (int64_t i = 0; i < o->revision; i++) {
        if (o->events[i] != NULL && o->events[i]->run->is_gone) {
            release_run(o->events[i]->run);
        }
    }
}

void memory_tables_release(struct memory_tables *t) {
    for (size_t i = 0; i < t->organization_count; i++) {
        release_gone(&t->organizations[i]); // looks at events of all runs
    }
    for (size_t i = 0; i < t->run_count; i++) {
        release_run(t->runs[i]);
    }
    for (size_t i = 0; i < t->organization_count; i++) {
        memory_slice_disown(t->organizations[i].name);
        free(t->organizations[i].events);
    }
    for (size_t i = 0; i < t->token_count; i++) {
        memory_tables_free_token(t->tokens[i]);
    }
    for (size_t i = 0; i < t->gone_child_count; i++) {
        memory_slice_disown(t->gone_children[i].organization);
        memory_slice_disown(t->gone_children[i].id);
        memory_slice_disown(t->gone_children[i].parent_id);
    }
    free(t->gone_children);
    memory_keys_release(&t->keys);
    memory_bulks_release(&t->bulks);
    free(t->runs);
    free(t->organizations);
    free(t->tokens);
    free(t->commits);
}
