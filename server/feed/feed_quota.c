#include "server/feed/feed_quota.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"

// When to try again: places come free when watches end, which nobody knows.
enum { RETRY_AFTER_MS = 5000 };

void feed_quota_init(struct feed_quota *quota, int most, int most_per_token) {
    pthread_mutex_init(&quota->mutex, NULL);
    quota->most = most;
    quota->most_per_token = most_per_token;
    quota->watches = 0;
    quota->next_end_us = 0;
    quota->generation = 0;
    quota->has_new_secret = false;
    memset(quota->buckets, 0, sizeof(quota->buckets));
}

void feed_quota_destroy(struct feed_quota *quota) {
    CHECK(quota->watches == 0);
    pthread_mutex_destroy(&quota->mutex);
}

static struct feed_secret **bucket_of(struct feed_quota *quota, const struct token_entry *token) {
    uint64_t mixed = (uint64_t)(uintptr_t)token * UINT64_C(0x9E3779B97F4A7C15);
    return &quota->buckets[mixed >> 52];
}
_Static_assert(FEED_QUOTA_BUCKETS == 1 << 12, "the upper 12 bits are its index");

static struct error *refuse(struct arena *a, const char *whose, int most) {
    struct error *e =
        error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                  "%s has %d watches open, its limit; calls are not affected", whose, most);
    e->retry_after_ms = RETRY_AFTER_MS;
    return e;
}

// The mutex is held.
static struct feed_secret *find_or_add(struct feed_quota *quota, const struct identity *identity) {
    struct feed_secret **bucket = bucket_of(quota, identity->entry);
    for (struct feed_secret *s = *bucket; s != NULL; s = s->next) {
        if (s->token == identity->entry && memcmp(s->hash, identity->hash, TOKEN_HASH_BYTES) == 0) {
            return s;
        }
    }
    struct feed_secret *secret = mem_zalloc(sizeof(*secret));
    secret->token = identity->entry;
    memcpy(secret->hash, identity->hash, TOKEN_HASH_BYTES);
    atomic_init(&secret->is_over, false);
    secret->next = *bucket;
    *bucket = secret;
    quota->has_new_secret = true;
    return secret;
}

static int watches_of(struct feed_quota *quota, const struct token_entry *token) {
    int watches = 0;
    for (struct feed_secret *s = *bucket_of(quota, token); s != NULL; s = s->next) {
        watches += s->token == token ? s->watches : 0;
    }
    return watches;
}

const struct error *feed_quota_enter(struct feed_quota *quota, struct arena *a,
                                     const struct identity *identity,
                                     struct feed_secret **ret_secret) {
    const struct error *error = NULL;
    pthread_mutex_lock(&quota->mutex);
    if (quota->watches >= quota->most) {
        error = refuse(a, "the server", quota->most);
    } else if (watches_of(quota, identity->entry) >= quota->most_per_token) {
        error = refuse(a, "the token", quota->most_per_token);
    } else {
        struct feed_secret *secret = find_or_add(quota, identity);
        secret->watches++;
        quota->watches++;
        *ret_secret = secret;
    }
    pthread_mutex_unlock(&quota->mutex);
    return error;
}

void feed_quota_leave(struct feed_quota *quota, struct feed_secret *secret) {
    pthread_mutex_lock(&quota->mutex);
    quota->watches--;
    secret->watches--;
    if (secret->watches == 0) {
        struct feed_secret **link = bucket_of(quota, secret->token);
        while (*link != secret) {
            link = &(*link)->next;
        }
        *link = secret->next;
        free(secret);
    }
    pthread_mutex_unlock(&quota->mutex);
}

// The mutex is held.
static bool look_at_all(struct feed_quota *quota, struct token_table *tokens, int64_t now_us) {
    bool any = false;
    quota->next_end_us = 0;
    for (int i = 0; i < FEED_QUOTA_BUCKETS; i++) {
        for (struct feed_secret *s = quota->buckets[i]; s != NULL; s = s->next) {
            int64_t end_us = 0;
            if (atomic_load(&s->is_over)) {
                continue;
            }
            if (token_table_look(tokens, s->token, s->hash, now_us, &end_us) != TOKEN_OPENS) {
                atomic_store(&s->is_over, true);
                any = true;
            } else if (end_us != 0 && (quota->next_end_us == 0 || end_us < quota->next_end_us)) {
                quota->next_end_us = end_us;
            }
        }
    }
    return any;
}

bool feed_quota_check(struct feed_quota *quota, struct token_table *tokens, int64_t now_us) {
    bool any = false;
    pthread_mutex_lock(&quota->mutex);
    // Read before the secrets: a change that comes between is seen the next time.
    uint64_t generation = token_table_generation(tokens);
    if (quota->has_new_secret || generation != quota->generation ||
        (quota->next_end_us != 0 && now_us >= quota->next_end_us)) {
        quota->has_new_secret = false;
        quota->generation = generation;
        any = look_at_all(quota, tokens, now_us);
    }
    pthread_mutex_unlock(&quota->mutex);
    return any;
}
