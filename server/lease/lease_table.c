#include "server/lease/lease_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "server/lease/due_heap.h"

enum {
    FIRST_BUCKETS = 1024, // a power of 2
    // How many claims are looked up without letting go of the lock.
    CLAIMS_IN_A_ROW = 128,
};
// How long the end of an attempt is remembered, for who comes late with its begin.
#define MEMORY_US INT64_C(5000000)

enum entry_state { ENTRY_HELD, ENTRY_ENDING, ENTRY_ENDED };

struct entry {
    struct entry *next;
    struct due due;
    int64_t attempt;
    int64_t end_us; // the heap may have it sooner, and lease_end_us later
    int64_t duration_us;
    int64_t noted_us; // until when the lease lasts by what others know
    uint32_t hash;
    uint8_t state; // enum entry_state
    uint8_t organization_bytes;
    uint8_t run_id_bytes;
    uint16_t holder_bytes;
    char text[]; // organization, run id, holder
};

struct lease_table {
    pthread_mutex_t mutex; // guards all
    uint64_t seed;
    struct entry **buckets;
    size_t bucket_count;
    size_t count;
    size_t held;
    struct due_heap heap;
    int64_t extended_us; // of lease_table_extend
    bool is_shared;
    struct metrics_child *renewals[LEASE_CLAIM_UNKNOWN + 1]; // by enum lease_claim_state
};

struct lease_table *lease_table_new(void) {
    struct lease_table *table = mem_zalloc(sizeof(*table));
    pthread_mutex_init(&table->mutex, NULL);
    // Clients choose ids: without a seed of its own some could fall into one bucket.
    CHECK(getrandom(&table->seed, sizeof(table->seed), 0) == sizeof(table->seed));
    table->bucket_count = FIRST_BUCKETS;
    table->buckets = mem_zalloc(table->bucket_count * sizeof(*table->buckets));
    return table;
}

void lease_table_tell(struct lease_table *table, struct metrics *metrics) {
    static const struct metrics_info info = {
        .name = "runsd_lease_renewals",
        .help = "Leases that their holders wanted to keep, by what became of that",
        .kind = METRICS_COUNTER,
        .labels = {"result"},
    };
    static const char *const words[] = {
        [LEASE_CLAIM_KEPT] = "kept",
        [LEASE_CLAIM_ENDING] = "too_late",
        [LEASE_CLAIM_UNKNOWN] = "not_held",
    };
    struct metrics_family *family = metrics_add_family(metrics, &info);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        table->renewals[i] = metrics_child(family, &words[i]);
    }
}

void lease_table_free(struct lease_table *table) {
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct entry *e = table->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
    }
    free(table->buckets);
    due_heap_release(&table->heap);
    pthread_mutex_destroy(&table->mutex);
    free(table);
}

size_t lease_table_count(struct lease_table *table) {
    pthread_mutex_lock(&table->mutex);
    size_t count = table->held;
    pthread_mutex_unlock(&table->mutex);
    return count;
}

// --- entries; the mutex is held ---

static uint32_t hash_of(const struct lease_table *table, struct slice organization,
                        struct slice run_id) {
    uint64_t h = XXH3_64bits_withSeed(organization.data, organization.len, table->seed);
    return (uint32_t)XXH3_64bits_withSeed(run_id.data, run_id.len, h);
}

static struct slice holder_of(const struct entry *e) {
    return slice_of(e->text + e->organization_bytes + e->run_id_bytes, e->holder_bytes);
}

static bool is_of(const struct entry *e, struct slice organization, struct slice run_id) {
    return e->organization_bytes == organization.len && e->run_id_bytes == run_id.len &&
           memcmp(e->text, organization.data, organization.len) == 0 &&
           memcmp(e->text + organization.len, run_id.data, run_id.len) == 0;
}

// What points to the run's entry, or to the end of its bucket.
static struct entry **find(const struct lease_table *table, uint32_t hash,
                           struct slice organization, struct slice run_id) {
    struct entry **link = &table->buckets[hash & (table->bucket_count - 1)];
    while (*link != NULL && ((*link)->hash != hash || !is_of(*link, organization, run_id))) {
        link = &(*link)->next;
    }
    return link;
}

static void grow(struct lease_table *table) {
    size_t count = 2 * table->bucket_count;
    struct entry **buckets = mem_zalloc(count * sizeof(*buckets));
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct entry *e = table->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            e->next = buckets[e->hash & (count - 1)];
            buckets[e->hash & (count - 1)] = e;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = count;
}

static void unlink_entry(struct lease_table *table, struct entry **link) {
    struct entry *e = *link;
    *link = e->next;
    due_heap_remove(&table->heap, &e->due);
    table->count--;
    table->held -= e->state != ENTRY_ENDED;
    free(e);
}

static struct entry *add_entry(struct lease_table *table, uint32_t hash, const struct lease *lease,
                               enum entry_state state, int64_t end_us) {
    if (table->count >= table->bucket_count) {
        grow(table);
    }
    size_t bytes = lease->organization.len + lease->run_id.len + lease->holder.len;
    struct entry *e = mem_zalloc(sizeof(*e) + bytes);
    e->attempt = lease->attempt;
    e->end_us = end_us;
    e->duration_us = lease->duration_us;
    e->hash = hash;
    e->state = (uint8_t)state;
    e->organization_bytes = (uint8_t)lease->organization.len;
    e->run_id_bytes = (uint8_t)lease->run_id.len;
    e->holder_bytes = (uint16_t)lease->holder.len;
    char *p = e->text;
    memcpy(p, lease->organization.data, lease->organization.len);
    p += lease->organization.len;
    memcpy(p, lease->run_id.data, lease->run_id.len);
    p += lease->run_id.len;
    if (lease->holder.len > 0) {
        memcpy(p, lease->holder.data, lease->holder.len);
    }
    struct entry **bucket = &table->buckets[hash & (table->bucket_count - 1)];
    e->next = *bucket;
    *bucket = e;
    due_heap_set(&table->heap, &e->due, end_us);
    table->count++;
    table->held += state != ENTRY_ENDED;
    return e;
}

// --- what happens to leases ---

// When the lease ends, with what lease_table_extend gave it.
static int64_t lease_end_us(const struct lease_table *table, const struct entry *e) {
    int64_t extended_us = table->extended_us + e->duration_us;
    return table->extended_us != 0 && extended_us > e->end_us ? extended_us : e->end_us;
}

// Who ends leases reads of one that is new in the store, and gives it its whole duration.
void lease_table_put(struct lease_table *table, const struct lease *lease, int64_t now_us) {
    CHECK(lease->organization.len <= UINT8_MAX && lease->run_id.len <= UINT8_MAX &&
          lease->holder.len <= UINT16_MAX);
    uint32_t hash = hash_of(table, lease->organization, lease->run_id);
    pthread_mutex_lock(&table->mutex);
    struct entry **link = find(table, hash, lease->organization, lease->run_id);
    if (*link == NULL || (*link)->attempt < lease->attempt) {
        if (*link != NULL) {
            unlink_entry(table, link);
        }
        int64_t end_us = now_us + lease->duration_us;
        add_entry(table, hash, lease, ENTRY_HELD, end_us)->noted_us = end_us;
    }
    pthread_mutex_unlock(&table->mutex);
}

bool lease_table_remove(struct lease_table *table, struct slice organization, struct slice run_id,
                        int64_t attempt, int64_t now_us) {
    uint32_t hash = hash_of(table, organization, run_id);
    bool was_held = false;
    pthread_mutex_lock(&table->mutex);
    struct entry **link = find(table, hash, organization, run_id);
    struct entry *e = *link;
    if (e != NULL && e->attempt == attempt && e->state != ENTRY_ENDED) {
        was_held = true;
        e->state = ENTRY_ENDED;
        table->held--;
        due_heap_set(&table->heap, &e->due, now_us + MEMORY_US);
    } else if (e == NULL || e->attempt < attempt) {
        if (e != NULL) {
            unlink_entry(table, link);
        }
        const struct lease ended = {
            .organization = organization, .run_id = run_id, .attempt = attempt};
        add_entry(table, hash, &ended, ENTRY_ENDED, now_us + MEMORY_US);
    }
    pthread_mutex_unlock(&table->mutex);
    return was_held;
}

// A later end is found when the heap comes to the sooner one: a renewal moves nothing there.
static void renew(struct entry *e, int64_t duration_us, int64_t now_us) {
    int64_t end_us = now_us + (duration_us < e->duration_us ? duration_us : e->duration_us);
    if (end_us > e->end_us) {
        e->end_us = end_us;
    }
}

static void renew_claim(struct lease_table *table, struct slice organization, struct slice holder,
                        int64_t duration_us, int64_t now_us, struct lease_claim *claim) {
    claim->ret_state = LEASE_CLAIM_UNKNOWN;
    claim->ret_left_us = 0;
    claim->ret_is_to_note = false;
    uint32_t hash = hash_of(table, organization, claim->run_id);
    struct entry *e = *find(table, hash, organization, claim->run_id);
    if (e == NULL || e->attempt != claim->attempt || !slice_equal(holder_of(e), holder)) {
        return;
    }
    if (e->state == ENTRY_HELD) {
        renew(e, duration_us, now_us);
        claim->ret_state = LEASE_CLAIM_KEPT;
        claim->ret_left_us = lease_end_us(table, e) - now_us;
        int64_t noted_us = table->is_shared ? e->noted_us - now_us : INT64_MAX;
        claim->ret_is_to_note = noted_us < claim->ret_left_us && noted_us < e->duration_us / 4 * 3;
        if (noted_us < claim->ret_left_us && !claim->ret_is_to_note) {
            claim->ret_left_us = noted_us;
        }
    } else if (e->state == ENTRY_ENDING) {
        claim->ret_state = LEASE_CLAIM_ENDING;
    }
}

void lease_table_renew(struct lease_table *table, struct slice organization, struct slice holder,
                       int64_t duration_us, int64_t now_us, struct lease_claim *claims,
                       size_t count) {
    int64_t results[LEASE_CLAIM_UNKNOWN + 1] = {0};
    for (size_t begin = 0; begin < count; begin += CLAIMS_IN_A_ROW) {
        size_t end = count - begin < CLAIMS_IN_A_ROW ? count : begin + CLAIMS_IN_A_ROW;
        pthread_mutex_lock(&table->mutex);
        for (size_t i = begin; i < end; i++) {
            renew_claim(table, organization, holder, duration_us, now_us, &claims[i]);
            results[claims[i].ret_state]++;
        }
        pthread_mutex_unlock(&table->mutex);
    }
    for (int i = 0; i <= LEASE_CLAIM_UNKNOWN; i++) {
        metrics_counter_add(table->renewals[i], results[i]);
    }
}

// --- their ends ---

static struct lease copy_of(struct arena *a, const struct entry *e) {
    struct slice text = arena_copy(
        a, slice_of(e->text, (size_t)e->organization_bytes + e->run_id_bytes + e->holder_bytes));
    const uint8_t *run_id = text.data + e->organization_bytes;
    return (struct lease){
        .organization = slice_of(text.data, e->organization_bytes),
        .run_id = slice_of(run_id, e->run_id_bytes),
        .holder = slice_of(run_id + e->run_id_bytes, e->holder_bytes),
        .attempt = e->attempt,
        .duration_us = e->duration_us,
    };
}

static void forget(struct lease_table *table, struct entry *e) {
    struct entry **link = &table->buckets[e->hash & (table->bucket_count - 1)];
    while (*link != e) {
        link = &(*link)->next;
    }
    unlink_entry(table, link);
}

int lease_table_take_ended(struct lease_table *table, int64_t now_us, int most, struct arena *a,
                           struct lease *ret) {
    int count = 0;
    pthread_mutex_lock(&table->mutex);
    struct due *due;
    while (count < most && (due = due_heap_first(&table->heap)) != NULL &&
           due_heap_at_us(&table->heap, due) <= now_us) {
        struct entry *e = CONTAINER_OF(due, struct entry, due);
        int64_t end_us = e->state == ENTRY_HELD ? lease_end_us(table, e) : 0;
        if (e->state == ENTRY_ENDED) {
            forget(table, e);
        } else if (end_us > now_us) {
            due_heap_set(&table->heap, due, end_us);
        } else {
            due_heap_remove(&table->heap, due);
            e->state = ENTRY_ENDING;
            ret[count++] = copy_of(a, e);
        }
    }
    pthread_mutex_unlock(&table->mutex);
    return count;
}

void lease_table_retry(struct lease_table *table, struct slice organization, struct slice run_id,
                       int64_t attempt, int64_t at_us) {
    uint32_t hash = hash_of(table, organization, run_id);
    pthread_mutex_lock(&table->mutex);
    struct entry *e = *find(table, hash, organization, run_id);
    if (e != NULL && e->attempt == attempt && e->state == ENTRY_ENDING) {
        due_heap_set(&table->heap, &e->due, at_us);
    }
    pthread_mutex_unlock(&table->mutex);
}

void lease_table_resume(struct lease_table *table, struct slice organization, struct slice run_id,
                        int64_t attempt, int64_t end_us) {
    uint32_t hash = hash_of(table, organization, run_id);
    pthread_mutex_lock(&table->mutex);
    struct entry *e = *find(table, hash, organization, run_id);
    if (e != NULL && e->attempt == attempt && e->state == ENTRY_ENDING) {
        e->state = ENTRY_HELD;
        e->end_us = end_us;
        e->noted_us = end_us;
        due_heap_set(&table->heap, &e->due, end_us);
    }
    pthread_mutex_unlock(&table->mutex);
}

void lease_table_drop_ended(struct lease_table *table, int64_t now_us) {
    pthread_mutex_lock(&table->mutex);
    struct due *due;
    while ((due = due_heap_first(&table->heap)) != NULL &&
           due_heap_at_us(&table->heap, due) <= now_us) {
        struct entry *e = CONTAINER_OF(due, struct entry, due);
        int64_t end_us = e->state == ENTRY_HELD ? lease_end_us(table, e) : 0;
        if (end_us > now_us) {
            due_heap_set(&table->heap, due, end_us);
        } else {
            forget(table, e);
        }
    }
    pthread_mutex_unlock(&table->mutex);
}

// --- what another server knows ---

void lease_table_share(struct lease_table *table) {
    table->is_shared = true;
}

void lease_table_noted(struct lease_table *table, const struct lease *lease, int64_t left_us,
                       int64_t now_us) {
    uint32_t hash = hash_of(table, lease->organization, lease->run_id);
    int64_t end_us = now_us + left_us;
    pthread_mutex_lock(&table->mutex);
    struct entry **link = find(table, hash, lease->organization, lease->run_id);
    struct entry *e = *link;
    if (e == NULL || e->attempt < lease->attempt) {
        if (e != NULL) {
            unlink_entry(table, link);
        }
        add_entry(table, hash, lease, ENTRY_HELD, end_us)->noted_us = end_us;
    } else if (e->attempt == lease->attempt && e->state == ENTRY_HELD) {
        e->noted_us = end_us > e->noted_us ? end_us : e->noted_us;
        e->end_us = end_us > e->end_us ? end_us : e->end_us;
    }
    pthread_mutex_unlock(&table->mutex);
}

void lease_table_extend(struct lease_table *table, int64_t now_us) {
    pthread_mutex_lock(&table->mutex);
    table->extended_us = now_us;
    pthread_mutex_unlock(&table->mutex);
}

int64_t lease_table_due_us(struct lease_table *table) {
    pthread_mutex_lock(&table->mutex);
    struct due *due = due_heap_first(&table->heap);
    int64_t due_us = due != NULL ? due_heap_at_us(&table->heap, due) : INT64_MAX;
    pthread_mutex_unlock(&table->mutex);
    return due_us;
}
