#include "storage/sqlite/pending.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/core/check.h"
#include "base/core/memory.h"

enum { SLOTS_MIN = 64 };

struct pending_generation {
    struct pending_entry *entries;
    int count;
    int capacity;
    uint32_t *slots; // 1 + the index of an entry, 0: free; linear probing, at most half full
    uint32_t slot_count;
    struct arena keys;
    int64_t after_event;  // the mark that the one before it leaves
    int64_t newest_event; // the mark that it leaves
    uint64_t retired_at;
    struct pending_generation *older; // in the list of retired ones
};

static struct pending_generation *generation_new(int64_t after_event) {
    struct pending_generation *g = mem_zalloc(sizeof(*g));
    g->after_event = after_event;
    g->newest_event = after_event;
    arena_init(&g->keys);
    g->slot_count = SLOTS_MIN;
    g->slots = mem_zalloc(g->slot_count * sizeof(g->slots[0]));
    return g;
}

static void generation_free(struct pending_generation *g) {
    if (g != NULL) {
        arena_release(&g->keys);
        free(g->entries);
        free(g->slots);
        free(g);
    }
}

static void generation_reset(struct pending_generation *g) {
    if (g->count > 0) {
        memset(g->slots, 0, g->slot_count * sizeof(g->slots[0]));
        arena_reset(&g->keys);
        g->count = 0;
    }
}

static uint64_t hash_of(struct slice organization, struct slice id) {
    return XXH3_64bits_withSeed(id.data, id.len, XXH3_64bits(organization.data, organization.len));
}

static bool is_of(const struct pending_entry *e, uint64_t hash, struct slice organization,
                  struct slice id, bool is_uuid) {
    return e->hash == hash && e->is_uuid == is_uuid && slice_equal(pending_id(e), id) &&
           slice_equal(pending_organization(e), organization);
}

// Returns where the run's slot is, or that which it would take.
static uint32_t *slot_of(const struct pending_generation *g, uint64_t hash,
                         struct slice organization, struct slice id, bool is_uuid) {
    uint32_t mask = g->slot_count - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (g->slots[at] != 0 &&
           !is_of(&g->entries[g->slots[at] - 1], hash, organization, id, is_uuid)) {
        at = (at + 1) & mask;
    }
    return &g->slots[at];
}

static void generation_grow(struct pending_generation *g) {
    if (g->count == g->capacity) {
        g->capacity = g->capacity == 0 ? SLOTS_MIN / 2 : g->capacity * 2;
        g->entries = mem_realloc(g->entries, (size_t)g->capacity * sizeof(g->entries[0]));
    }
    if ((uint32_t)(g->count + 1) * 2 <= g->slot_count) {
        return;
    }
    free(g->slots);
    g->slot_count *= 2;
    g->slots = mem_zalloc(g->slot_count * sizeof(g->slots[0]));
    uint32_t mask = g->slot_count - 1;
    for (int i = 0; i < g->count; i++) {
        uint32_t at = (uint32_t)g->entries[i].hash & mask;
        while (g->slots[at] != 0) {
            at = (at + 1) & mask;
        }
        g->slots[at] = (uint32_t)i + 1;
    }
}

static void generation_put(struct pending_generation *g, uint64_t hash, struct slice organization,
                           struct slice id, bool is_uuid, const struct pending_state *state) {
    generation_grow(g);
    uint32_t *slot = slot_of(g, hash, organization, id, is_uuid);
    if (*slot != 0) {
        g->entries[*slot - 1].state = *state;
        return;
    }
    uint8_t *key = arena_alloc(&g->keys, organization.len + id.len + 1);
    if (organization.len > 0) {
        memcpy(key, organization.data, organization.len);
    }
    if (id.len > 0) {
        memcpy(key + organization.len, id.data, id.len);
    }
    g->entries[g->count++] = (struct pending_entry){
        .hash = hash,
        .key = key,
        .organization_len = (uint32_t)organization.len,
        .id_len = (uint32_t)id.len,
        .is_uuid = is_uuid,
        .state = *state,
    };
    *slot = (uint32_t)g->count;
}

static bool generation_find(const struct pending_generation *g, uint64_t hash,
                            struct slice organization, const struct run_id *id,
                            struct pending_state *ret_state) {
    if (g == NULL || g->count == 0) {
        return false;
    }
    uint32_t slot = *slot_of(g, hash, organization, run_id_stored(id), id->is_uuid);
    if (slot != 0) {
        *ret_state = g->entries[slot - 1].state;
    }
    return slot != 0;
}

void pending_init(struct pending *p, const struct pending_limits *limits) {
    *p = (struct pending){
        .limits = *limits, .staged = generation_new(0), .filling = generation_new(0), .epoch = 1};
    pending_keys_init(&p->keys);
    pthread_mutex_init(&p->lock, NULL);
}

static void release_generations(struct pending *p) {
    generation_free(p->staged);
    generation_free(p->filling);
    generation_free(p->applying);
    while (p->retired != NULL) {
        struct pending_generation *older = p->retired->older;
        generation_free(p->retired);
        p->retired = older;
    }
    free(p->sequence);
    p->sequence = NULL;
    pending_keys_release(&p->keys);
}

void pending_release(struct pending *p) {
    release_generations(p);
    pthread_mutex_destroy(&p->lock);
}

void pending_clear(struct pending *p, int64_t mark) {
    release_generations(p);
    p->staged = generation_new(0);
    p->filling = generation_new(mark);
    pending_keys_init(&p->keys);
    p->applying = NULL;
    p->taken = 0;
    p->applied = 0;
    p->wanted_event = 0;
    atomic_store_explicit(&p->published, 0, memory_order_relaxed);
    atomic_store_explicit(&p->newest_event, mark, memory_order_relaxed);
}

void pending_enter(struct pending *p, int reader) {
    CHECK(reader >= 0 && reader < PENDING_READERS);
    pthread_mutex_lock(&p->lock);
    p->readers[reader] = p->epoch;
    pthread_mutex_unlock(&p->lock);
}

void pending_leave(struct pending *p, int reader) {
    pthread_mutex_lock(&p->lock);
    p->readers[reader] = 0;
    pthread_mutex_unlock(&p->lock);
}

bool pending_find(struct pending *p, struct slice organization, const struct run_id *id,
                  struct pending_state *ret_state) {
    // What is published after this look was not yet acknowledged when it was made; what was
    // retired before the reader's snapshot began is in the rows.
    if (atomic_load_explicit(&p->published, memory_order_acquire) == 0) {
        return false;
    }
    uint64_t hash = hash_of(organization, run_id_stored(id));
    pthread_mutex_lock(&p->lock);
    bool found = generation_find(p->filling, hash, organization, id, ret_state) ||
                 generation_find(p->applying, hash, organization, id, ret_state);
    for (const struct pending_generation *g = p->retired; g != NULL && !found; g = g->older) {
        found = generation_find(g, hash, organization, id, ret_state);
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

bool pending_find_own(struct pending *p, struct slice organization, const struct run_id *id,
                      struct pending_state *ret_state) {
    uint64_t hash = hash_of(organization, run_id_stored(id));
    return generation_find(p->staged, hash, organization, id, ret_state) ||
           generation_find(p->filling, hash, organization, id, ret_state) ||
           generation_find(p->applying, hash, organization, id, ret_state);
}

void pending_stage(struct pending *p, struct slice organization, const struct run_id *id,
                   const struct pending_state *state) {
    struct slice stored = run_id_stored(id);
    generation_put(p->staged, hash_of(organization, stored), organization, stored, id->is_uuid,
                   state);
}

static int count_of(const struct pending_generation *g) {
    return g == NULL ? 0 : g->count;
}

// With the lock held.
static void note_published(struct pending *p) {
    int count = count_of(p->filling) + count_of(p->applying);
    for (const struct pending_generation *g = p->retired; g != NULL; g = g->older) {
        count += g->count;
    }
    atomic_store_explicit(&p->published, count, memory_order_release);
}

// With the lock held.
static void free_retired(struct pending *p) {
    uint64_t oldest = UINT64_MAX;
    for (int i = 0; i < PENDING_READERS; i++) {
        if (p->readers[i] != 0 && p->readers[i] < oldest) {
            oldest = p->readers[i];
        }
    }
    struct pending_generation **at = &p->retired;
    while (*at != NULL && (*at)->retired_at > oldest) {
        at = &(*at)->older;
    }
    while (*at != NULL) {
        struct pending_generation *gone = *at;
        *at = gone->older;
        generation_free(gone);
    }
}

void pending_committed(struct pending *p, int64_t newest_event) {
    p->applied = p->taken;
    pending_keys_committed(&p->keys);
    p->filling->newest_event = newest_event;
    if (p->staged->count == 0 && p->retired == NULL) {
        atomic_store_explicit(&p->newest_event, newest_event, memory_order_release);
        return;
    }
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < p->staged->count; i++) {
        const struct pending_entry *e = &p->staged->entries[i];
        generation_put(p->filling, e->hash, pending_organization(e), pending_id(e), e->is_uuid,
                       &e->state);
    }
    atomic_store_explicit(&p->newest_event, newest_event, memory_order_release);
    free_retired(p);
    note_published(p);
    pthread_mutex_unlock(&p->lock);
    generation_reset(p->staged);
}

void pending_rolled_back(struct pending *p) {
    p->taken = p->applied;
    pending_keys_rolled_back(&p->keys);
    generation_reset(p->staged);
}

int64_t pending_applied(const struct pending *p) {
    return p->applying != NULL ? p->applying->after_event : p->filling->after_event;
}

void pending_want(struct pending *p, int64_t event) {
    p->wanted_event = event > p->wanted_event ? event : p->wanted_event;
}

bool pending_is_wanted(const struct pending *p) {
    return p->wanted_event > pending_applied(p) && pending_has_any(p);
}

bool pending_is_full(const struct pending *p) {
    const struct pending_generation *filling = p->filling;
    bool is_wanted =
        p->wanted_event > filling->after_event && filling->newest_event > filling->after_event;
    return is_wanted || filling->count >= p->limits.runs ||
           filling->newest_event - filling->after_event >= p->limits.events;
}

bool pending_is_overfull(const struct pending *p) {
    return p->filling->count >= 2 * p->limits.runs;
}

bool pending_has_any(const struct pending *p) {
    return p->applying != NULL || p->filling->newest_event > p->filling->after_event;
}

int pending_rows_of(const struct pending *p, int changes) {
    bool is_frozen = p->applying != NULL;
    int runs = is_frozen ? p->applying->count : p->filling->count;
    int keys = is_frozen ? p->keys.applying.count : p->keys.filling.count;
    return runs == 0 ? changes : changes + (int)((int64_t)changes * keys / runs);
}

struct place {
    uint64_t order;
    uint32_t index;
};

static int compare_places(const void *a, const void *b) {
    uint64_t x = ((const struct place *)a)->order;
    uint64_t y = ((const struct place *)b)->order;
    return x < y ? -1 : x > y;
}

// About where the run's row is: those near each other get near numbers. A UUID differs most
// in its first bytes, a number at the end of a name in its last ones. Being wrong costs
// pages, nothing else.
static uint64_t order_of(const struct pending_entry *e) {
    struct slice id = pending_id(e);
    size_t n = id.len < 6 ? id.len : 6;
    const uint8_t *from = e->is_uuid ? id.data : id.data + (id.len - n);
    uint64_t order = XXH3_64bits(e->key, e->organization_len) & 0xFFFF;
    for (size_t i = 0; i < 6; i++) {
        order = order << 8 | (i < n ? from[i] : 0);
    }
    return order;
}

static uint32_t *sequence_of(const struct pending_generation *g) {
    struct place *places = mem_alloc(((size_t)g->count + 1) * sizeof(places[0]));
    for (int i = 0; i < g->count; i++) {
        places[i] = (struct place){order_of(&g->entries[i]), (uint32_t)i};
    }
    qsort(places, (size_t)g->count, sizeof(places[0]), compare_places);
    uint32_t *sequence = mem_alloc(((size_t)g->count + 1) * sizeof(sequence[0]));
    for (int i = 0; i < g->count; i++) {
        sequence[i] = places[i].index;
    }
    free(places);
    return sequence;
}

void pending_freeze(struct pending *p) {
    CHECK(p->applying == NULL);
    p->sequence = sequence_of(p->filling);
    pending_keys_freeze(&p->keys);
    p->taken = 0;
    p->applied = 0;
    struct pending_generation *next = generation_new(p->filling->newest_event);
    pthread_mutex_lock(&p->lock);
    p->applying = p->filling;
    p->filling = next;
    pthread_mutex_unlock(&p->lock);
}

const struct pending_entry *pending_take(struct pending *p) {
    if (p->applying == NULL || p->taken == p->applying->count) {
        return NULL;
    }
    return &p->applying->entries[p->sequence[p->taken++]];
}

int64_t pending_mark(const struct pending *p) {
    return p->applying->newest_event;
}

void pending_retire(struct pending *p) {
    CHECK(p->applying != NULL && p->applied == p->applying->count);
    free(p->sequence);
    p->sequence = NULL;
    p->taken = 0;
    p->applied = 0;
    pending_keys_retire(&p->keys);
    pthread_mutex_lock(&p->lock);
    p->applying->retired_at = ++p->epoch;
    p->applying->older = p->retired;
    p->retired = p->applying;
    p->applying = NULL;
    free_retired(p);
    note_published(p);
    pthread_mutex_unlock(&p->lock);
}
