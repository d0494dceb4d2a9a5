#include "server/limit/limiter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/core/check.h"
#include "base/core/memory.h"

enum {
    FIRST_BUCKETS = 64,  // a power of 2
    SWEPT_AT_ONCE = 4,   // how many chains are looked through for each share that is added
    EVICTION_LOOKS = 64, // the same where there is room for no more
};

struct limit_share {
    struct limit_share *next;
    uint64_t hash;
    int64_t most[LIMITS];
    struct limit_bucket buckets[LIMIT_RATES];
    int64_t streams;
    int64_t calls; // that have not left
    size_t organization_bytes;
    size_t token_bytes;
    char text[]; // organization, token
};

// What every organization may ask. Immutable: others may still read those of before.
struct limits_of_all {
    struct limits_of_all *before;
    struct limiter_options options;
    bool is_on;
};

struct limiter {
    _Atomic(struct limits_of_all *) all;
    uint64_t seed;
    pthread_mutex_t mutex; // guards all below
    struct limit_share **chains;
    size_t chain_count;
    size_t count;
    size_t hand; // the chain that is swept next
};

static struct limits_of_all *new_limits(const struct limiter_options *options,
                                        struct limits_of_all *before) {
    struct limits_of_all *all = mem_zalloc(sizeof(*all));
    all->before = before;
    all->options = *options;
    for (int limit = 0; limit < LIMITS; limit++) {
        all->is_on = all->is_on || options->most[limit] > 0;
    }
    if (all->options.most_shares == 0) {
        all->options.most_shares =
            before != NULL ? before->options.most_shares : LIMITER_MOST_SHARES;
    }
    return all;
}

struct limiter *limiter_new(const struct limiter_options *options) {
    struct limiter *limiter = mem_zalloc(sizeof(*limiter));
    atomic_init(&limiter->all, new_limits(options, NULL));
    // Names are chosen by people: without a seed of its own some could fall into one chain.
    CHECK(getrandom(&limiter->seed, sizeof(limiter->seed), 0) == sizeof(limiter->seed));
    pthread_mutex_init(&limiter->mutex, NULL);
    limiter->chain_count = FIRST_BUCKETS;
    limiter->chains = mem_zalloc(limiter->chain_count * sizeof(struct limit_share *));
    return limiter;
}

void limiter_free(struct limiter *limiter) {
    if (limiter == NULL) {
        return;
    }
    for (size_t i = 0; i < limiter->chain_count; i++) {
        for (struct limit_share *s = limiter->chains[i], *next; s != NULL; s = next) {
            next = s->next;
            CHECK(s->calls == 0);
            free(s);
        }
    }
    free(limiter->chains);
    for (struct limits_of_all *all = limiter->all, *before; all != NULL; all = before) {
        before = all->before;
        free(all);
    }
    pthread_mutex_destroy(&limiter->mutex);
    free(limiter);
}

void limiter_set(struct limiter *limiter, const struct limiter_options *options) {
    pthread_mutex_lock(&limiter->mutex);
    struct limits_of_all *before = atomic_load(&limiter->all);
    struct limiter_options those = *options;
    those.most_shares = before->options.most_shares;
    atomic_store(&limiter->all, new_limits(&those, before));
    pthread_mutex_unlock(&limiter->mutex);
}

const struct limiter_options *limiter_options_of(const struct limiter *limiter) {
    return &atomic_load_explicit(&limiter->all, memory_order_acquire)->options;
}

bool limiter_is_on(const struct limiter *limiter) {
    return atomic_load_explicit(&limiter->all, memory_order_acquire)->is_on;
}

size_t limiter_count(struct limiter *limiter) {
    pthread_mutex_lock(&limiter->mutex);
    size_t count = limiter->count;
    pthread_mutex_unlock(&limiter->mutex);
    return count;
}

// --- shares; the mutex is held ---

static struct limit_rate rate_of(const struct limiter *limiter, const struct limit_share *share,
                                 int limit) {
    return (struct limit_rate){share->most[limit], limiter_options_of(limiter)->burst_us};
}

// How long it takes until nothing is remembered of it; 0: there is nothing now.
static int64_t fills_in_us(const struct limiter *limiter, const struct limit_share *share,
                           int64_t now_us) {
    int64_t longest_us = 0;
    for (int limit = 0; limit < LIMIT_RATES; limit++) {
        if (share->most[limit] > 0) {
            struct limit_rate rate = rate_of(limiter, share, limit);
            int64_t us = limit_bucket_full_us(&share->buckets[limit], &rate, now_us);
            longest_us = us > longest_us ? us : longest_us;
        }
    }
    return longest_us;
}

static void drop(struct limiter *limiter, struct limit_share **link) {
    struct limit_share *share = *link;
    *link = share->next;
    limiter->count--;
    free(share);
}

// Looks through some chains, in turn, for shares of which there is nothing to remember.
static void sweep(struct limiter *limiter, int64_t now_us) {
    for (int i = 0; i < SWEPT_AT_ONCE; i++) {
        struct limit_share **link = &limiter->chains[limiter->hand];
        limiter->hand = (limiter->hand + 1) & (limiter->chain_count - 1);
        while (*link != NULL) {
            if ((*link)->calls == 0 && fills_in_us(limiter, *link, now_us) == 0) {
                drop(limiter, link);
            } else {
                link = &(*link)->next;
            }
        }
    }
}

// Forgets, of some shares that have nothing open, the one that would be forgotten first: its asker
// has its limits anew a moment sooner. Where all have something open, the server's own limits of
// that keep the table small.
static void evict(struct limiter *limiter, int64_t now_us) {
    struct limit_share **first = NULL;
    int64_t first_us = INT64_MAX;
    // On while there was none: some chains in a row may be empty.
    for (size_t i = 0; i < EVICTION_LOOKS || (first == NULL && i < limiter->chain_count); i++) {
        struct limit_share **link = &limiter->chains[limiter->hand];
        limiter->hand = (limiter->hand + 1) & (limiter->chain_count - 1);
        for (; *link != NULL; link = &(*link)->next) {
            int64_t us = (*link)->calls != 0 ? INT64_MAX : fills_in_us(limiter, *link, now_us);
            if (us < first_us) {
                first_us = us;
                first = link;
            }
        }
    }
    if (first != NULL) {
        drop(limiter, first);
    }
}

static void grow(struct limiter *limiter) {
    size_t count = 2 * limiter->chain_count;
    struct limit_share **chains = mem_zalloc(count * sizeof(struct limit_share *));
    for (size_t i = 0; i < limiter->chain_count; i++) {
        for (struct limit_share *s = limiter->chains[i], *next; s != NULL; s = next) {
            next = s->next;
            s->next = chains[s->hash & (count - 1)];
            chains[s->hash & (count - 1)] = s;
        }
    }
    free(limiter->chains);
    limiter->chains = chains;
    limiter->chain_count = count;
    limiter->hand = 0;
}

static bool is_of(const struct limit_share *share, const struct limit_asker *asker) {
    return share->organization_bytes == asker->organization.len &&
           share->token_bytes == asker->token.len &&
           memcmp(share->text, asker->organization.data, asker->organization.len) == 0 &&
           (asker->token.len == 0 || memcmp(share->text + share->organization_bytes,
                                            asker->token.data, asker->token.len) == 0);
}

static struct limit_share *add(struct limiter *limiter, const struct limit_asker *asker,
                               uint64_t hash, int64_t now_us) {
    sweep(limiter, now_us);
    if (limiter->count >= limiter_options_of(limiter)->most_shares) {
        evict(limiter, now_us);
    }
    if (limiter->count >= limiter->chain_count) {
        grow(limiter);
    }
    struct limit_share *share =
        mem_zalloc(sizeof(*share) + asker->organization.len + asker->token.len);
    share->hash = hash;
    share->organization_bytes = asker->organization.len;
    share->token_bytes = asker->token.len;
    memcpy(share->text, asker->organization.data, asker->organization.len);
    if (asker->token.len > 0) {
        memcpy(share->text + asker->organization.len, asker->token.data, asker->token.len);
    }
    struct limit_share **chain = &limiter->chains[hash & (limiter->chain_count - 1)];
    share->next = *chain;
    *chain = share;
    limiter->count++;
    return share;
}

// The asker's share, with its limits as they are now.
static struct limit_share *share_of(struct limiter *limiter, const struct limit_asker *asker,
                                    int64_t now_us) {
    uint64_t hash =
        XXH3_64bits_withSeed(asker->organization.data, asker->organization.len, limiter->seed);
    if (asker->token.len > 0) {
        hash = XXH3_64bits_withSeed(asker->token.data, asker->token.len, hash);
    }
    struct limit_share *share = limiter->chains[hash & (limiter->chain_count - 1)];
    while (share != NULL && (share->hash != hash || !is_of(share, asker))) {
        share = share->next;
    }
    if (share == NULL) {
        share = add(limiter, asker, hash, now_us);
    }
    memcpy(share->most, asker->most, sizeof(share->most));
    return share;
}

// Whether the rate has no room for the call; *ret_wait_us is how long until it has.
static bool is_used_up(const struct limiter *limiter, const struct limit_share *share, int limit,
                       int64_t now_us, int64_t *ret_wait_us) {
    if (share->most[limit] == 0) {
        return false;
    }
    struct limit_rate rate = rate_of(limiter, share, limit);
    *ret_wait_us = limit_bucket_wait_us(&share->buckets[limit], &rate, 1, now_us);
    return *ret_wait_us > 0;
}

// The limit that the call is refused by; LIMITS: none. Of two that have to be waited for it is the
// one that takes longer.
static enum limit find_refusal(const struct limiter *limiter, const struct limit_share *share,
                               const struct limit_request *request, int64_t now_us,
                               int64_t *ret_wait_us) {
    enum limit refused = LIMITS;
    *ret_wait_us = 0;
    const enum limit rates[] = {request->limit, LIMIT_BYTES};
    for (int i = 0; i < 2; i++) {
        int64_t wait_us = 0;
        if (is_used_up(limiter, share, (int)rates[i], now_us, &wait_us) && wait_us > *ret_wait_us) {
            *ret_wait_us = wait_us;
            refused = rates[i];
        }
    }
    bool is_full = request->is_stream && share->most[LIMIT_STREAMS] > 0 &&
                   share->streams >= share->most[LIMIT_STREAMS];
    return refused == LIMITS && is_full ? LIMIT_STREAMS : refused;
}

static void take(const struct limiter *limiter, struct limit_share *share, int limit,
                 int64_t amount, int64_t now_us) {
    if (share->most[limit] > 0 && amount > 0) {
        struct limit_rate rate = rate_of(limiter, share, limit);
        limit_bucket_take(&share->buckets[limit], &rate, amount, now_us);
    }
}

static struct limit_view view_of(const struct limiter *limiter, const struct limit_share *share,
                                 int64_t now_us) {
    struct limit_view view = {.holds[LIMIT_STREAMS] = share->most[LIMIT_STREAMS]};
    if (share->streams < share->most[LIMIT_STREAMS]) {
        view.left[LIMIT_STREAMS] = share->most[LIMIT_STREAMS] - share->streams;
    }
    for (int limit = 0; limit < LIMIT_RATES; limit++) {
        if (share->most[limit] > 0) {
            const struct limit_bucket *bucket = &share->buckets[limit];
            struct limit_rate rate = rate_of(limiter, share, limit);
            view.holds[limit] = limit_rate_holds(&rate);
            view.left[limit] = limit_bucket_left(bucket, &rate, now_us);
            view.next_us[limit] =
                view.left[limit] == view.holds[limit]
                    ? 0
                    : limit_bucket_wait_us(bucket, &rate, view.left[limit] + 1, now_us);
        }
    }
    return view;
}

// --- calls ---

struct limit_share *limiter_enter(struct limiter *limiter, const struct limit_asker *asker,
                                  const struct limit_request *request, int64_t now_us,
                                  struct limit_view *ret_view, enum limit *ret_refused,
                                  int64_t *ret_wait_us) {
    pthread_mutex_lock(&limiter->mutex);
    struct limit_share *share = share_of(limiter, asker, now_us);
    int64_t wait_us;
    enum limit refused = find_refusal(limiter, share, request, now_us, &wait_us);
    if (refused == LIMITS) {
        take(limiter, share, (int)request->limit, 1, now_us);
        take(limiter, share, LIMIT_BYTES, request->bytes, now_us);
        share->streams += request->is_stream;
        share->calls++;
    } else {
        *ret_refused = refused;
        *ret_wait_us = wait_us;
    }
    *ret_view = view_of(limiter, share, now_us);
    pthread_mutex_unlock(&limiter->mutex);
    return refused == LIMITS ? share : NULL;
}

bool limiter_open_stream(struct limiter *limiter, struct limit_share *share) {
    pthread_mutex_lock(&limiter->mutex);
    int64_t most = share->most[LIMIT_STREAMS];
    bool is_open = most == 0 || share->streams < most;
    share->streams += is_open;
    pthread_mutex_unlock(&limiter->mutex);
    return is_open;
}

void limiter_charge(struct limiter *limiter, struct limit_share *share, int64_t bytes,
                    int64_t now_us) {
    pthread_mutex_lock(&limiter->mutex);
    take(limiter, share, LIMIT_BYTES, bytes, now_us);
    pthread_mutex_unlock(&limiter->mutex);
}

void limiter_leave(struct limiter *limiter, struct limit_share *share, bool has_stream,
                   int64_t bytes, int64_t now_us) {
    pthread_mutex_lock(&limiter->mutex);
    take(limiter, share, LIMIT_BYTES, bytes, now_us);
    share->streams -= has_stream;
    share->calls--;
    pthread_mutex_unlock(&limiter->mutex);
}
