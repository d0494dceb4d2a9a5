#include "storage/sqlite/pending_keys.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"

enum { SLOTS_MIN = 64 };

// A name is a digest: any part of it is as good as a hash of it.
static uint64_t hash_of(const uint8_t *name) {
    uint64_t hash;
    memcpy(&hash, name + IDEMPOTENCY_DIGEST_BYTES - sizeof(hash), sizeof(hash));
    return hash;
}

static uint64_t slot_value(uint64_t hash, int index) {
    return (hash & ~(uint64_t)UINT32_MAX) | (uint32_t)(index + 1);
}

static void generation_release(struct pending_keys_generation *g) {
    free(g->items);
    free(g->slots);
    *g = (struct pending_keys_generation){.items = NULL};
}

static void generation_reset(struct pending_keys_generation *g) {
    if (g->count > 0) {
        memset(g->slots, 0, g->slot_count * sizeof(g->slots[0]));
        g->count = 0;
    }
}

// Returns the item of slot, which is not free.
static struct pending_key *item_of(const struct pending_keys_generation *g, uint64_t slot) {
    return &g->items[(uint32_t)slot - 1];
}

// Returns where the slot of name is, or that which it would take.
static uint64_t *slot_of(const struct pending_keys_generation *g, const uint8_t *name,
                         uint64_t hash) {
    uint32_t mask = g->slot_count - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (g->slots[at] != 0 &&
           ((g->slots[at] ^ hash) >> 32 != 0 ||
            memcmp(item_of(g, g->slots[at])->name, name, IDEMPOTENCY_DIGEST_BYTES) != 0)) {
        at = (at + 1) & mask;
    }
    return &g->slots[at];
}

static void generation_index(struct pending_keys_generation *g) {
    for (int i = 0; i < g->count; i++) {
        uint64_t hash = hash_of(g->items[i].name);
        *slot_of(g, g->items[i].name, hash) = slot_value(hash, i);
    }
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
    generation_index(g);
}

static void generation_put(struct pending_keys_generation *g, const struct pending_key *key) {
    generation_grow(g);
    uint64_t hash = hash_of(key->name);
    uint64_t *slot = slot_of(g, key->name, hash);
    if (*slot == 0) {
        *slot = slot_value(hash, g->count++);
    }
    *item_of(g, *slot) = *key;
}

static int64_t generation_find(const struct pending_keys_generation *g, const uint8_t *name) {
    uint64_t slot = g->count > 0 ? *slot_of(g, name, hash_of(name)) : 0;
    return slot != 0 ? item_of(g, slot)->event : 0;
}

void pending_keys_init(struct pending_keys *p) {
    *p = (struct pending_keys){.taken = 0};
}

void pending_keys_release(struct pending_keys *p) {
    generation_release(&p->staged);
    generation_release(&p->filling);
    generation_release(&p->applying);
}

void pending_keys_stage(struct pending_keys *p, const struct pending_key *key) {
    generation_put(&p->staged, key);
}

int64_t pending_keys_find(const struct pending_keys *p,
                          const uint8_t name[IDEMPOTENCY_DIGEST_BYTES]) {
    int64_t event = generation_find(&p->staged, name);
    event = event == 0 ? generation_find(&p->filling, name) : event;
    return event == 0 ? generation_find(&p->applying, name) : event;
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

static int compare_names(const void *a, const void *b) {
    const struct pending_key *x = a;
    const struct pending_key *y = b;
    return memcmp(x->name, y->name, IDEMPOTENCY_DIGEST_BYTES);
}

void pending_keys_freeze(struct pending_keys *p) {
    CHECK(p->applying.count == 0);
    p->applying = p->filling;
    p->filling = (struct pending_keys_generation){.items = NULL};
    struct pending_keys_generation *g = &p->applying;
    if (g->count > 0) {
        qsort(g->items, (size_t)g->count, sizeof(g->items[0]), compare_names);
        memset(g->slots, 0, g->slot_count * sizeof(g->slots[0]));
        generation_index(g);
    }
}

const struct pending_key *pending_keys_take(struct pending_keys *p) {
    return p->taken == p->applying.count ? NULL : &p->applying.items[p->taken++];
}

void pending_keys_retire(struct pending_keys *p) {
    CHECK(p->applied == p->applying.count);
    generation_release(&p->applying);
    p->taken = 0;
    p->applied = 0;
}
