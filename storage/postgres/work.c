#include "storage/postgres/work.h"

#include <xxhash.h>

#include "base/core/check.h"
#include "storage/postgres/work_internal.h"

struct pg_connection *work_connection(struct work *work) {
    return work->connection;
}

struct arena *work_arena(struct work *work) {
    return &work->arena;
}

// --- what is known ---

void *work_list_add(struct work *work, struct work_list *list, size_t size) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        void *items = arena_alloc(&work->arena, (size_t)list->capacity * size);
        if (list->count > 0) {
            memcpy(items, list->items, (size_t)list->count * size);
        }
        list->items = items;
    }
    return memset((char *)list->items + (size_t)list->count++ * size, 0, size);
}

static uint64_t bucket_of(struct slice a, struct slice b) {
    uint64_t hash = XXH3_64bits(a.data, a.len);
    return XXH3_64bits_withSeed(b.data, b.len, hash) % WORK_BUCKETS;
}

static struct work_run *find_run(const struct work *work, struct slice organization,
                                 struct slice id) {
    struct work_run *run = work->runs[bucket_of(organization, id)];
    while (run != NULL && !(slice_equal(run->record.id, id) &&
                            slice_equal(run->record.organization, organization))) {
        run = run->next;
    }
    return run;
}

struct work_run *work_run_of(struct work *work, struct slice organization, struct slice id) {
    struct work_run *run = find_run(work, organization, id);
    if (run != NULL) {
        return run;
    }
    struct {
        struct work_run run;
        struct work_run_change change;
    } *both = arena_zalloc(&work->arena, sizeof(*both));
    struct work_run **bucket = &work->runs[bucket_of(organization, id)];
    run = &both->run;
    run->change = &both->change;
    run->organization = work_organization_of(work, organization);
    run->record.organization = run->organization->name;
    run->record.id = arena_copy(&work->arena, id);
    run->next = *bucket;
    *bucket = run;
    return run;
}

static struct work_organization *find_organization(const struct work *work, struct slice name) {
    struct work_organization *o = work->organizations[bucket_of(name, SLICE_EMPTY)];
    while (o != NULL && !slice_equal(o->name, name)) {
        o = o->next;
    }
    return o;
}

struct work_organization *work_organization_of(struct work *work, struct slice name) {
    struct work_organization *o = find_organization(work, name);
    if (o != NULL) {
        return o;
    }
    struct {
        struct work_organization organization;
        struct work_organization_change change;
    } *both = arena_zalloc(&work->arena, sizeof(*both));
    struct work_organization **bucket = &work->organizations[bucket_of(name, SLICE_EMPTY)];
    o = &both->organization;
    o->change = &both->change;
    o->name = arena_copy(&work->arena, name);
    o->next = *bucket;
    *bucket = o;
    return o;
}

struct work_key *work_key_of(struct work *work, const uint8_t name[IDEMPOTENCY_DIGEST_BYTES]) {
    struct work_key **bucket =
        &work->keys[bucket_of(slice_of(name, IDEMPOTENCY_DIGEST_BYTES), SLICE_EMPTY)];
    struct work_key *key = *bucket;
    while (key != NULL && memcmp(key->name, name, IDEMPOTENCY_DIGEST_BYTES) != 0) {
        key = key->next;
    }
    if (key == NULL) {
        key = ARENA_NEW(&work->arena, struct work_key);
        memcpy(key->name, name, IDEMPOTENCY_DIGEST_BYTES);
        key->next = *bucket;
        *bucket = key;
    }
    return key;
}

static struct work_count *count_of(struct work *work, struct slice organization,
                                   struct slice workflow_id) {
    struct work_count **bucket = &work->counts[bucket_of(organization, workflow_id)];
    struct work_count *count = *bucket;
    while (count != NULL && !(slice_equal(count->workflow_id, workflow_id) &&
                              slice_equal(count->organization, organization))) {
        count = count->next;
    }
    if (count == NULL) {
        count = ARENA_NEW(&work->arena, struct work_count);
        count->organization = organization;
        count->workflow_id = workflow_id;
        count->next = *bucket;
        *bucket = count;
        work_list_add_pointer(work, &work->changed_counts, count);
    }
    return count;
}

void work_count_run(struct work *work, struct work_organization *organization,
                    struct slice workflow_id, int from, int to) {
    if (from == to) {
        return;
    }
    struct work_count *count = count_of(work, organization->name, workflow_id);
    if (from != 0) {
        count->runs[from]--;
        organization->runs[from]--;
    }
    if (to != 0) {
        count->runs[to]++;
        organization->runs[to]++;
    }
}

// --- what is wanted ---

void work_want_organization(struct work *work, struct slice name, bool is_made) {
    struct work_organization *o = work_organization_of(work, name);
    o->change->is_made = o->change->is_made || is_made;
    if (o->change->state == WORK_UNASKED ||
        (o->change->state == WORK_LOADED && is_made && !o->change->has_row)) {
        o->change->state = WORK_WANTED;
        work_list_add_pointer(work, &work->wanted_organizations, o);
    }
}

static void want_run(struct work *work, struct slice organization, struct slice id, bool is_bare) {
    work_want_organization(work, organization, false);
    struct work_run *run = work_run_of(work, organization, id);
    if (run->change->state == WORK_UNASKED) {
        run->change->state = WORK_WANTED;
        run->change->is_bare = is_bare;
        work_list_add_pointer(work, &work->wanted_runs, run);
    }
    CHECK(is_bare || !run->change->is_bare);
}

void work_want_run(struct work *work, struct slice organization, struct slice id) {
    want_run(work, organization, id, false);
}

void work_want_bare_run(struct work *work, struct slice organization, struct slice id) {
    want_run(work, organization, id, true);
}

void work_want_key(struct work *work, const struct idempotency *asked) {
    if (!asked->is_given) {
        return;
    }
    struct work_key *key = work_key_of(work, asked->name);
    if (key->state == WORK_UNASKED) {
        key->state = WORK_WANTED;
        work_list_add_pointer(work, &work->wanted_keys, key);
    }
}

// --- what is found ---

struct work_run *work_find_run(struct work *work, struct slice organization, struct slice id) {
    struct work_run *run = find_run(work, organization, id);
    CHECK(run == NULL || run->change->state != WORK_WANTED);
    return run != NULL && run->is_there ? run : NULL;
}

struct work_organization *work_find_organization(struct work *work, struct slice name) {
    struct work_organization *o = find_organization(work, name);
    CHECK(o != NULL && o->change->state == WORK_LOADED);
    return o;
}

enum idempotency_match work_find_key(struct work *work, const struct idempotency *asked,
                                     struct slice *ret_id) {
    if (!asked->is_given) {
        return IDEMPOTENCY_NEW;
    }
    const struct work_key *key = work_key_of(work, asked->name);
    enum idempotency_match match =
        key->is_there ? idempotency_compare(asked, key->fingerprint, key->at_us) : IDEMPOTENCY_NEW;
    if (match != IDEMPOTENCY_NEW) {
        *ret_id = key->id;
    }
    return match;
}
