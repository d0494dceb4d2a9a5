#include "storage/sqlite/pending_keys.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/memory.h"

enum { SLOTS_MIN = 64 };

// A name is a digest: any part of it is as good as a hash of it.
static uint64_t number_of(const uint8_t *name) {
    uint64_t number;
    memcpy(&number, name, sizeof(number));
    return number;
}

static void generation_release(struct pending_keys_generation *g) {
    free(g->items);
    free(g->slots);
    arena_release(&g->bytes);
}

static void generation_reset(struct pending_keys_generation *g) {
    if (g->count > 0) {
        memset(g->slots, 0, g->slot_count * sizeof(g->slots[0]));
        arena_reset(&g->bytes);
        g->count = 0;
    }
}

// Returns where the slot of name is, or that which it would take.
static uint32_t *slot_of(const struct pending_keys_generation *g, const uint8_t *name) {
    uint32_t mask = g->slot_count - 1;
    uint32_t at = (uint32_t)number_of(name) & mask;
    while (g->slots[at] != 0 &&
           memcmp(g->items[g->slots[at] - 1].name, name, IDEMPOTENCY_DIGEST_BYTES) != 0) {
        at = (at + 1) & mask;
    }
    return &g->slots[at];
}

static void generation_grow(struct pending_keys_generation *g) {
    if (g->count == g->capacity) {
        g->capacity = g->capacity == 0 ? SLOTS_MIN / 2 : g->capacity * 2;
        g->items = mem_realloc(g->items, (size_t)g->capacity * sizeof(g->items[0]));
    }
    if ((uint32_t)(g->count + 1) * 2 <= g->slot_count) {
        return;
    }
    free(g->slots);
    g->slot_count = g->slot_count == 0 ? SLOTS_MIN : g->slot_count * 2;
    g->slots = mem_zalloc(g->slot_count * sizeof(g->slots[0]));
    for (int i = 0; i < g->count; i++) {
        *slot_of(g, g->items[i].name) = (uint32_t)i + 1;
    }
}

static void generation_put(struct pending_keys_generation *g, const struct pending_key *key) {
    generation_grow(g);
    uint32_t *slot = slot_of(g, key->name);
    if (*slot == 0) {
        *slot = (uint32_t)++g->count;
    }
    struct pending_key *k = &g->items[*slot - 1];
    *k = *key;
    k->organization = arena_copy(&g->bytes, key->organization);
    k->id = arena_copy(&g->bytes, key->id);
}

static const struct pending_key *generation_find(const struct pending_keys_generation *g,
                                                 const uint8_t *name) {
    uint32_t slot = g->count > 0 ? *slot_of(g, name) : 0;
    return slot != 0 ? &g->items[slot - 1] : NULL;
}

static void generation_init(struct pending_keys_generation *g) {
    *g = (struct pending_keys_generation){.items = NULL};
    arena_init(&g->bytes);
}

void pending_keys_init(struct pending_keys *p) {
    *p = (struct pending_keys){.order = NULL};
    generation_init(&p->staged);
    generation_init(&p->filling);
    generation_init(&p->applying);
}

void pending_keys_release(struct pending_keys *p) {
    generation_release(&p->staged);
    generation_release(&p->filling);
    generation_release(&p->applying);
    free(p->order);
}

void pending_keys_stage(struct pending_keys *p, const struct pending_key *key) {
    generation_put(&p->staged, key);
}

const struct pending_key *pending_keys_find(const struct pending_keys *p,
                                            const uint8_t name[IDEMPOTENCY_DIGEST_BYTES]) {
    const struct pending_key *k = generation_find(&p->staged, name);
    k = k == NULL ? generation_find(&p->filling, name) : k;
    return k == NULL ? generation_find(&p->applying, name) : k;
}

void pending_keys_committed(struct pending_keys *p) {
    p->applied = p->taken;
    for (int i = 0; i < p->staged.count; i++) {
        generation_put(&p->filling, &p->staged.items[i]);
    }
    generation_reset(&p->staged);
}

void pending_keys_rolled_back(struct pending_keys *p) {
    p->taken = p->applied;
    generation_reset(&p->staged);
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

// The order of the first bytes of names, which is about that of the table.
static uint32_t *order_of(const struct pending_keys_generation *g) {
    struct place *places = mem_alloc(((size_t)g->count + 1) * sizeof(places[0]));
    for (int i = 0; i < g->count; i++) {
        places[i] = (struct place){be64toh(number_of(g->items[i].name)), (uint32_t)i};
    }
    qsort(places, (size_t)g->count, sizeof(places[0]), compare_places);
    uint32_t *order = mem_alloc(((size_t)g->count + 1) * sizeof(order[0]));
    for (int i = 0; i < g->count; i++) {
        order[i] = places[i].index;
    }
    free(places);
    return order;
}

void pending_keys_freeze(struct pending_keys *p) {
    CHECK(p->applying.count == 0);
    p->applying = p->filling;
    generation_init(&p->filling);
    p->order = order_of(&p->applying);
}

const struct pending_key *pending_keys_take(struct pending_keys *p) {
    return p->taken == p->applying.count ? NULL : &p->applying.items[p->order[p->taken++]];
}

void pending_keys_retire(struct pending_keys *p) {
    CHECK(p->applied == p->applying.count);
    generation_release(&p->applying);
    generation_init(&p->applying);
    free(p->order);
    p->order = NULL;
    p->taken = 0;
    p->applied = 0;
}
