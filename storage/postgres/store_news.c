#include "storage/postgres/store_news.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/core/memory.h"

enum { LEAST_PLACES = 64 };

// An organization, and of which of its revisions the listener knows.
struct told {
    uint8_t *name; // NULL: a free place
    size_t len;
    int64_t revision; // up to which it was told
    int64_t shown;    // by the look
    uint64_t look;    // the last one that showed it, or that ran when it was told of
};

struct store_news {
    pthread_mutex_t lock;
    void (*on_commit)(void *context, const struct store_commit *commits, int count);
    void *context;
    struct told *places; // open addressing
    size_t capacity;     // a power of two
    size_t count;
    uint64_t look; // its number, from 1
    bool is_whole;
    bool has_unseen; // the look showed something of which the listener was not told
};

struct store_news *store_news_new(const struct run_store_options *options) {
    struct store_news *n = mem_zalloc(sizeof(*n));
    pthread_mutex_init(&n->lock, NULL);
    n->on_commit = options->on_commit;
    n->context = options->context;
    n->capacity = LEAST_PLACES;
    n->places = mem_zalloc(n->capacity * sizeof(n->places[0]));
    return n;
}

void store_news_free(struct store_news *n) {
    if (n == NULL) {
        return;
    }
    for (size_t i = 0; i < n->capacity; i++) {
        free(n->places[i].name);
    }
    free(n->places);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

// --- organizations ---

// Returns the organization's place, or the free one that it would have.
static struct told *find_place(struct told *places, size_t capacity, const uint8_t *name,
                               size_t len) {
    size_t i = XXH3_64bits(name, len) & (capacity - 1);
    while (places[i].name != NULL &&
           (places[i].len != len || memcmp(places[i].name, name, len) != 0)) {
        i = (i + 1) & (capacity - 1);
    }
    return &places[i];
}

// Moves all that is not left out to places for twice as many.
static void rebuild(struct store_news *n,
                    bool (*is_left_out)(const struct store_news *n, const struct told *t)) {
    size_t capacity = LEAST_PLACES;
    while (capacity < n->count * 4) {
        capacity *= 2;
    }
    struct told *places = mem_zalloc(capacity * sizeof(places[0]));
    size_t count = 0;
    for (size_t i = 0; i < n->capacity; i++) {
        struct told *t = &n->places[i];
        if (t->name == NULL) {
            continue;
        }
        if (is_left_out != NULL && is_left_out(n, t)) {
            free(t->name);
            continue;
        }
        *find_place(places, capacity, t->name, t->len) = *t;
        count++;
    }
    free(n->places);
    n->places = places;
    n->capacity = capacity;
    n->count = count;
}

// Returns the organization's, which is added if it is not there.
static struct told *find(struct store_news *n, struct slice name) {
    struct told *t = find_place(n->places, n->capacity, name.data, name.len);
    if (t->name != NULL) {
        return t;
    }
    if ((n->count + 1) * 2 > n->capacity) {
        n->count++;
        rebuild(n, NULL);
        t = find_place(n->places, n->capacity, name.data, name.len);
    }
    n->count++;
    *t = (struct told){.name = mem_alloc(name.len + 1), .len = name.len};
    memcpy(t->name, name.data, name.len);
    return t;
}

// --- this process's commits ---

void store_news_tell(struct store_news *n, const struct store_commit *commits, int count) {
    struct store_commit *told = mem_alloc((size_t)count * sizeof(told[0]) + 1);
    pthread_mutex_lock(&n->lock);
    for (int i = 0; i < count; i++) {
        struct told *t = find(n, commits[i].organization);
        t->revision = commits[i].revision > t->revision ? commits[i].revision : t->revision;
        t->look = n->look;
        told[i] = commits[i];
        told[i].revision = t->revision;
    }
    if (n->on_commit != NULL && count > 0) {
        n->on_commit(n->context, told, count);
    }
    pthread_mutex_unlock(&n->lock);
    free(told);
}

// --- what a look finds ---

void store_news_begin_look(struct store_news *n, bool is_whole) {
    pthread_mutex_lock(&n->lock);
    n->look++;
    n->is_whole = is_whole;
    n->has_unseen = false;
    pthread_mutex_unlock(&n->lock);
}

bool store_news_show(struct store_news *n, struct slice organization, int64_t revision) {
    pthread_mutex_lock(&n->lock);
    struct told *t = find(n, organization);
    t->look = n->look;
    t->shown = revision;
    if (n->look == 1) {
        t->revision = revision > t->revision ? revision : t->revision;
    }
    bool is_unseen = revision > t->revision;
    n->has_unseen = n->has_unseen || is_unseen;
    pthread_mutex_unlock(&n->lock);
    return is_unseen;
}

static bool is_gone(const struct store_news *n, const struct told *t) {
    return t->look < n->look;
}

// Tells of all at once.
static void tell_unseen(struct store_news *n) {
    struct store_commit *commits = mem_alloc(n->count * sizeof(commits[0]) + 1);
    int count = 0;
    for (size_t i = 0; i < n->capacity; i++) {
        struct told *t = &n->places[i];
        if (t->name != NULL && t->look == n->look && t->shown > t->revision) {
            t->revision = t->shown;
            commits[count++] = (struct store_commit){
                .organization = slice_of(t->name, t->len),
                .revision = t->revision,
                .kinds = STORE_COMMIT_ELSEWHERE,
                .opened = 1,
            };
        }
    }
    if (n->on_commit != NULL && count > 0) {
        n->on_commit(n->context, commits, count);
    }
    free(commits);
}

void store_news_end_look(struct store_news *n) {
    pthread_mutex_lock(&n->lock);
    if (n->has_unseen) {
        tell_unseen(n);
    }
    if (n->is_whole) {
        rebuild(n, is_gone);
    }
    pthread_mutex_unlock(&n->lock);
}
