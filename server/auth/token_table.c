#include "server/auth/token_table.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/core/memory.h"

enum { FIRST_BUCKETS = 64 };

struct entry {
    struct entry *next;
    uint8_t hash[TOKEN_HASH_BYTES];
    uint32_t scopes;
    int64_t expires_at_us;
    int64_t revoked_at_us;
    size_t organization_length;
    size_t name_length;
    char text[]; // organization, then name
};

struct token_table {
    pthread_mutex_t mutex;
    struct entry **buckets; // by the hash's first bytes, which are evenly spread
    size_t bucket_count;    // a power of 2
    size_t count;
};

struct token_table *token_table_new(void) {
    struct token_table *table = mem_zalloc(sizeof(*table));
    pthread_mutex_init(&table->mutex, NULL);
    table->bucket_count = FIRST_BUCKETS;
    table->buckets = mem_zalloc(table->bucket_count * sizeof(*table->buckets));
    return table;
}

void token_table_free(struct token_table *table) {
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct entry *next;
        for (struct entry *e = table->buckets[i]; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
    }
    free(table->buckets);
    pthread_mutex_destroy(&table->mutex);
    free(table);
}

static struct entry **bucket_of(struct token_table *table, const uint8_t *hash) {
    uint64_t head;
    memcpy(&head, hash, sizeof(head));
    return &table->buckets[head & (table->bucket_count - 1)];
}

static void grow(struct token_table *table) {
    size_t old_count = table->bucket_count;
    struct entry **old = table->buckets;
    table->bucket_count = old_count * 2;
    table->buckets = mem_zalloc(table->bucket_count * sizeof(*table->buckets));
    for (size_t i = 0; i < old_count; i++) {
        struct entry *next;
        for (struct entry *e = old[i]; e != NULL; e = next) {
            next = e->next;
            struct entry **bucket = bucket_of(table, e->hash);
            e->next = *bucket;
            *bucket = e;
        }
    }
    free(old);
}

// The link to the entry with the hash, or the end of its bucket. Every entry of
// the bucket is compared whole, in constant time.
static struct entry **find(struct token_table *table, const uint8_t *hash) {
    struct entry **link = bucket_of(table, hash);
    while (*link != NULL && CRYPTO_memcmp((*link)->hash, hash, TOKEN_HASH_BYTES) != 0) {
        link = &(*link)->next;
    }
    return link;
}

void token_table_put(struct token_table *table, const struct token_record *record) {
    struct entry *e = mem_alloc(sizeof(*e) + record->organization.len + record->name.len);
    memcpy(e->hash, record->hash, TOKEN_HASH_BYTES);
    e->scopes = record->scopes;
    e->expires_at_us = record->expires_at_us;
    e->revoked_at_us = record->revoked_at_us;
    e->organization_length = record->organization.len;
    e->name_length = record->name.len;
    memcpy(e->text, record->organization.data, record->organization.len);
    memcpy(e->text + record->organization.len, record->name.data, record->name.len);

    pthread_mutex_lock(&table->mutex);
    struct entry **link = find(table, record->hash);
    struct entry *replaced = *link;
    e->next = replaced != NULL ? replaced->next : NULL;
    *link = e;
    if (replaced == NULL && ++table->count > table->bucket_count) {
        grow(table);
    }
    pthread_mutex_unlock(&table->mutex);
    free(replaced);
}

bool token_table_find(struct token_table *table, const uint8_t hash[TOKEN_HASH_BYTES],
                      int64_t now_us, struct arena *a, struct identity *ret_identity) {
    pthread_mutex_lock(&table->mutex);
    const struct entry *e = *find(table, hash);
    bool opens =
        e != NULL && e->revoked_at_us == 0 && (e->expires_at_us == 0 || now_us < e->expires_at_us);
    if (opens) {
        ret_identity->organization = arena_cstr(a, slice_of(e->text, e->organization_length));
        ret_identity->name =
            arena_cstr(a, slice_of(e->text + e->organization_length, e->name_length));
        ret_identity->scopes = e->scopes;
        ret_identity->expires_at_us = e->expires_at_us;
    }
    pthread_mutex_unlock(&table->mutex);
    return opens;
}
