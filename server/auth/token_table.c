#include "server/auth/token_table.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/core/memory.h"

enum {
    FIRST_BUCKETS = 64,
    SECRETS = 2,
    // How many buckets are looked at without letting go of the mutex.
    BUCKETS_IN_A_ROW = 256,
};

// Why a call is refused whose caller is not known: by enum token_refusal, then by
// enum token_standing.
enum { REFUSED_STANDINGS = TOKEN_REFUSAL_AMBIGUOUS + 1, REFUSALS = REFUSED_STANDINGS + 4 };

struct secret {
    struct secret *next; // in its bucket
    struct token_entry *token;
    uint8_t hash[TOKEN_HASH_BYTES];
    int64_t expires_at_us; // 0: never
    int64_t last_used_at_us;
    bool is_ended; // whatever the clock says
};

// Written under the table's mutex; organization, name and scopes never change.
struct token_entry {
    struct token_entry *next;      // of those whose names share a bucket
    struct token_entry *next_used; // of those whose uses changed
    bool is_used;                  // it is in that list
    bool is_stored;
    uint32_t scopes;
    struct secret secrets[SECRETS]; // the newest first
    int64_t created_at_us;
    int64_t revoked_at_us;
    int64_t rotations;
    int64_t rotated_at_us;
    int64_t denials; // in all, as far as is known
    int64_t refusals;
    int64_t new_denials; // of these, those that were not taken yet
    int64_t new_refusals;
    uint64_t changed; // the table's generation when a change was told
    uint64_t listed;  // the refresh that found it in the store last
    struct token_limits limits;
    size_t organization_length;
    size_t name_length;
    char text[]; // organization, then name
};

// What is counted of all tokens. All NULL: nobody looks.
struct token_metrics {
    struct metrics *registry;
    const struct clock *clock;
    struct metrics_child *refused[REFUSALS];
    struct metrics_child *denied;
    struct metrics_family *live;
};

struct token_table {
    pthread_mutex_t mutex;
    struct secret **buckets;      // by the hash's first bytes, which are evenly spread
    struct token_entry **by_name; // of stored tokens
    size_t bucket_count;          // of each; a power of 2
    size_t count;                 // of tokens
    struct token_entry *unstored;
    struct token_entry *used;
    uint64_t generation;
    uint64_t refreshes;
    struct token_metrics metrics;
};

static void new_buckets(struct token_table *table, size_t count) {
    table->bucket_count = count;
    table->buckets = mem_zalloc(count * sizeof(struct secret *));
    table->by_name = mem_zalloc(count * sizeof(struct token_entry *));
}

struct token_table *token_table_new(void) {
    struct token_table *table = mem_zalloc(sizeof(*table));
    pthread_mutex_init(&table->mutex, NULL);
    new_buckets(table, FIRST_BUCKETS);
    return table;
}

static void free_entries(struct token_entry *first) {
    struct token_entry *next;
    for (struct token_entry *e = first; e != NULL; e = next) {
        next = e->next;
        free(e);
    }
}

static void collect(void *context, struct metrics_collection *collection) {
    struct token_table *table = context;
    const struct token_metrics *m = &table->metrics;
    int64_t now_us = clock_now_us(m->clock);
    metrics_collect(collection, m->live, NULL, (double)token_table_count_live(table, now_us));
}

void token_table_tell(struct token_table *table, struct metrics *metrics,
                      const struct clock *clock) {
    static const struct metrics_info refused_info = {
        .name = "runsd_token_refusals",
        .help = "Calls that were refused because the caller is not known",
        .kind = METRICS_COUNTER,
        .labels = {"cause"},
    };
    static const struct metrics_info denied_info = {
        .name = "runsd_token_denials",
        .help = "Calls that were refused because the caller's token may not do that",
        .kind = METRICS_COUNTER,
    };
    static const struct metrics_info live_info = {
        .name = "runsd_tokens_live",
        .help = "Tokens with a secret that is neither revoked nor expired",
        .kind = METRICS_GAUGE,
    };
    static const char *const words[REFUSALS] = {
        [TOKEN_REFUSAL_MISSING] = "missing",
        [TOKEN_REFUSAL_MALFORMED] = "malformed",
        [TOKEN_REFUSAL_AMBIGUOUS] = "ambiguous",
        [REFUSED_STANDINGS + TOKEN_UNKNOWN] = "unknown",
        [REFUSED_STANDINGS + TOKEN_EXPIRED] = "expired",
        [REFUSED_STANDINGS + TOKEN_REVOKED] = "revoked",
    };
    struct token_metrics *m = &table->metrics;
    m->registry = metrics;
    m->clock = clock;
    struct metrics_family *refused = metrics_add_family(metrics, &refused_info);
    for (int i = 0; i < REFUSALS; i++) {
        m->refused[i] = words[i] != NULL ? metrics_child(refused, &words[i]) : NULL;
    }
    m->denied = metrics_add(metrics, &denied_info);
    m->live = metrics_add_family(metrics, &live_info);
    metrics_add_collector(metrics, collect, table);
}

void token_table_free(struct token_table *table) {
    if (table == NULL) {
        return;
    }
    metrics_remove_collectors(table->metrics.registry, table);
    for (size_t i = 0; i < table->bucket_count; i++) {
        free_entries(table->by_name[i]);
    }
    free_entries(table->unstored);
    free(table->buckets);
    free(table->by_name);
    pthread_mutex_destroy(&table->mutex);
    free(table);
}

// --- secrets by their hashes ---

static struct secret **bucket_of(struct token_table *table, const uint8_t *hash) {
    uint64_t head;
    memcpy(&head, hash, sizeof(head));
    return &table->buckets[head & (table->bucket_count - 1)];
}

// The link to the secret with the hash, or the end of its bucket. Every one of the bucket is
// compared whole, in constant time.
static struct secret **find(struct token_table *table, const uint8_t *hash) {
    struct secret **link = bucket_of(table, hash);
    while (*link != NULL && CRYPTO_memcmp((*link)->hash, hash, TOKEN_HASH_BYTES) != 0) {
        link = &(*link)->next;
    }
    return link;
}

// Whether old keeps the hash that secret has, too: a client name was given again once the token
// that had it had ended, and what is known of that may come late.
static bool is_kept(const struct secret *old, const struct secret *secret) {
    const struct token_entry *a = old->token;
    const struct token_entry *b = secret->token;
    if ((a->revoked_at_us != 0) != (b->revoked_at_us != 0)) {
        return b->revoked_at_us != 0;
    }
    return a->created_at_us > b->created_at_us;
}

static void link_secret(struct token_table *table, struct secret *secret) {
    struct secret **link = find(table, secret->hash);
    if (*link != NULL && is_kept(*link, secret)) {
        return;
    }
    if (*link != NULL) {
        *link = (*link)->next;
    }
    struct secret **bucket = bucket_of(table, secret->hash);
    secret->next = *bucket;
    *bucket = secret;
}

static void unlink_secret(struct token_table *table, const struct secret *secret) {
    struct secret **link = find(table, secret->hash);
    if (*link == secret) {
        *link = secret->next;
    }
}

static int secret_count(const struct token_entry *e) {
    return e->rotations > 0 ? 2 : 1;
}

// --- tokens by their names ---

static struct slice organization_of(const struct token_entry *e) {
    return slice_of(e->text, e->organization_length);
}

static struct slice name_of(const struct token_entry *e) {
    return slice_of(e->text + e->organization_length, e->name_length);
}

// FNV-1a.
static uint64_t mix(uint64_t hash, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.data[i]) * UINT64_C(0x100000001B3);
    }
    return (hash ^ 0xFF) * UINT64_C(0x100000001B3); // ends the text
}

static struct token_entry **name_bucket(struct token_table *table, struct slice organization,
                                        struct slice name) {
    uint64_t hash = mix(mix(UINT64_C(0xCBF29CE484222325), organization), name);
    return &table->by_name[hash & (table->bucket_count - 1)];
}

static struct token_entry *find_name(struct token_table *table, struct slice organization,
                                     struct slice name) {
    struct token_entry *e = *name_bucket(table, organization, name);
    while (e != NULL &&
           !(slice_equal(organization_of(e), organization) && slice_equal(name_of(e), name))) {
        e = e->next;
    }
    return e;
}

static void link_name(struct token_table *table, struct token_entry *e) {
    struct token_entry **bucket = name_bucket(table, organization_of(e), name_of(e));
    e->next = *bucket;
    *bucket = e;
}

static void grow(struct token_table *table) {
    size_t old_count = table->bucket_count;
    struct secret **old = table->buckets;
    struct token_entry **old_names = table->by_name;
    new_buckets(table, old_count * 2);
    for (size_t i = 0; i < old_count; i++) {
        struct secret *next;
        for (struct secret *s = old[i]; s != NULL; s = next) {
            next = s->next;
            struct secret **bucket = bucket_of(table, s->hash);
            s->next = *bucket;
            *bucket = s;
        }
        struct token_entry *next_name;
        for (struct token_entry *e = old_names[i]; e != NULL; e = next_name) {
            next_name = e->next;
            link_name(table, e);
        }
    }
    free(old);
    free(old_names);
}

// --- putting ---

static struct token_entry *new_entry(const struct token_record *record) {
    struct token_entry *e = mem_zalloc(sizeof(*e) + record->organization.len + record->name.len);
    e->created_at_us = record->created_at_us;
    e->limits = record->limits;
    e->organization_length = record->organization.len;
    e->name_length = record->name.len;
    memcpy(e->text, record->organization.data, record->organization.len);
    memcpy(e->text + record->organization.len, record->name.data, record->name.len);
    return e;
}

static int64_t later(int64_t a_us, int64_t b_us) {
    return a_us > b_us ? a_us : b_us;
}

// When the secret was last used, as far as e knows; 0 if it has no such secret.
static int64_t last_use_of(const struct token_entry *e, const uint8_t *hash) {
    for (int i = 0; i < secret_count(e); i++) {
        if (memcmp(e->secrets[i].hash, hash, TOKEN_HASH_BYTES) == 0) {
            return e->secrets[i].last_used_at_us;
        }
    }
    return 0;
}

// The same of e's secret at index, of which record knows hash. A token that lost its client name
// got another hash, and no other secret.
static int64_t use_before(const struct token_entry *e, const struct token_record *record, int index,
                          const uint8_t *hash) {
    return record->rotations == e->rotations ? e->secrets[index].last_used_at_us
                                             : last_use_of(e, hash);
}

// Gives e the secrets of record instead of its own.
static void set_secrets(struct token_table *table, struct token_entry *e,
                        const struct token_record *record, bool is_new) {
    int64_t newest_use = record->last_used_at_us;
    int64_t previous_use = record->previous.last_used_at_us;
    if (!is_new) {
        newest_use = later(newest_use, use_before(e, record, 0, record->hash));
        previous_use = later(previous_use, use_before(e, record, 1, record->previous.hash));
        for (int i = 0; i < secret_count(e); i++) {
            unlink_secret(table, &e->secrets[i]);
        }
    }
    e->rotations = record->rotations;
    e->rotated_at_us = record->rotated_at_us;
    e->scopes = record->scopes;
    e->secrets[0] = (struct secret){
        .token = e, .expires_at_us = record->expires_at_us, .last_used_at_us = newest_use};
    memcpy(e->secrets[0].hash, record->hash, TOKEN_HASH_BYTES);
    e->secrets[1] = (struct secret){.token = e,
                                    .expires_at_us = record->previous.expires_at_us,
                                    .last_used_at_us = previous_use,
                                    .is_ended = token_record_previous_ended_at_once(record)};
    memcpy(e->secrets[1].hash, record->previous.hash, TOKEN_HASH_BYTES);
    for (int i = 0; i < secret_count(e); i++) {
        link_secret(table, &e->secrets[i]);
    }
}

// The mutex is held.
static struct token_entry *put(struct token_table *table, const struct token_record *record) {
    struct token_entry *e = find_name(table, record->organization, record->name);
    bool is_new = e == NULL;
    if (is_new) {
        e = new_entry(record);
        e->is_stored = true;
        link_name(table, e);
    }
    if (e->revoked_at_us == 0) {
        e->revoked_at_us = record->revoked_at_us;
    }
    if (is_new || record->rotations >= e->rotations) {
        set_secrets(table, e, record, is_new);
    }
    e->denials = later(e->denials, record->denials);
    e->refusals = later(e->refusals, record->refusals);
    if (is_new && ++table->count > table->bucket_count) {
        grow(table);
    }
    e->changed = ++table->generation;
    return e;
}

void token_table_put(struct token_table *table, const struct token_record *record) {
    pthread_mutex_lock(&table->mutex);
    put(table, record);
    pthread_mutex_unlock(&table->mutex);
}

void token_table_set_limits(struct token_table *table, const struct token_record *record) {
    pthread_mutex_lock(&table->mutex);
    struct token_entry *e = find_name(table, record->organization, record->name);
    if (e != NULL) {
        e->limits = record->limits;
        e->changed = ++table->generation;
    }
    pthread_mutex_unlock(&table->mutex);
}

// Takes e off the list of those whose uses changed.
static void drop_use(struct token_table *table, const struct token_entry *e) {
    struct token_entry **link = &table->used;
    while (*link != NULL && *link != e) {
        link = &(*link)->next_used;
    }
    if (*link != NULL) {
        *link = e->next_used;
    }
}

// Makes e a token that nobody can find; who found it before may still use it.
static void forget(struct token_table *table, struct token_entry *e) {
    for (int i = 0; i < secret_count(e); i++) {
        unlink_secret(table, &e->secrets[i]);
    }
    drop_use(table, e);
    e->is_stored = false;
    e->next = table->unstored;
    table->unstored = e;
    table->count--;
}

void token_table_forget(struct token_table *table, struct slice organization) {
    pthread_mutex_lock(&table->mutex);
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct token_entry **link = &table->by_name[i];
        while (*link != NULL) {
            struct token_entry *e = *link;
            if (slice_equal(organization_of(e), organization)) {
                *link = e->next;
                forget(table, e);
            } else {
                link = &e->next;
            }
        }
    }
    table->generation++;
    pthread_mutex_unlock(&table->mutex);
}

// --- what others changed ---

// The token was deleted, and another one made with its name: its entry is in no list any more.
static void forget_named(struct token_table *table, struct token_entry *e) {
    struct token_entry **link = name_bucket(table, organization_of(e), name_of(e));
    while (*link != e) {
        link = &(*link)->next;
    }
    *link = e->next;
    forget(table, e);
}

static void refresh_one(struct token_table *table, const struct token_record *record,
                        uint64_t since) {
    pthread_mutex_lock(&table->mutex);
    struct token_entry *e = find_name(table, record->organization, record->name);
    bool is_older = e == NULL || e->changed <= since;
    if (e != NULL && is_older && e->created_at_us != record->created_at_us) {
        forget_named(table, e);
    }
    e = put(table, record);
    if (is_older) {
        e->limits = record->limits;
    }
    e->listed = table->refreshes;
    pthread_mutex_unlock(&table->mutex);
}

// Forgets the tokens that were not listed.
static void forget_deleted(struct token_table *table, uint64_t since) {
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct token_entry **link = &table->by_name[i];
        while (*link != NULL) {
            struct token_entry *e = *link;
            if (e->listed != table->refreshes && e->changed <= since) {
                *link = e->next;
                forget(table, e);
            } else {
                link = &e->next;
            }
        }
    }
}

void token_table_refresh(struct token_table *table, const struct token_record *records, int count,
                         uint64_t since) {
    pthread_mutex_lock(&table->mutex);
    table->refreshes++;
    pthread_mutex_unlock(&table->mutex);
    for (int i = 0; i < count; i++) {
        refresh_one(table, &records[i], since);
    }
    pthread_mutex_lock(&table->mutex);
    forget_deleted(table, since);
    table->generation++;
    pthread_mutex_unlock(&table->mutex);
}

void token_table_put_unstored(struct token_table *table, const struct token_record *record) {
    struct token_entry *e = new_entry(record);
    pthread_mutex_lock(&table->mutex);
    set_secrets(table, e, record, true);
    e->next = table->unstored;
    table->unstored = e;
    pthread_mutex_unlock(&table->mutex);
}

// --- finding, and what is counted of it ---

static void note_use(struct token_table *table, struct token_entry *e) {
    if (!e->is_used && e->is_stored) {
        e->is_used = true;
        e->next_used = table->used;
        table->used = e;
    }
}

static enum token_standing standing_of(const struct secret *secret, int64_t now_us) {
    if (secret->token->revoked_at_us != 0) {
        return TOKEN_REVOKED;
    }
    bool is_good =
        !secret->is_ended && (secret->expires_at_us == 0 || now_us < secret->expires_at_us);
    return is_good ? TOKEN_OPENS : TOKEN_EXPIRED;
}

enum token_standing token_table_find(struct token_table *table,
                                     const uint8_t hash[TOKEN_HASH_BYTES], int64_t now_us,
                                     struct arena *a, struct identity *ret_identity) {
    enum token_standing standing = TOKEN_UNKNOWN;
    pthread_mutex_lock(&table->mutex);
    struct secret *secret = *find(table, hash);
    if (secret != NULL) {
        struct token_entry *e = secret->token;
        standing = standing_of(secret, now_us);
        ret_identity->organization = arena_cstr(a, organization_of(e));
        ret_identity->name = arena_cstr(a, name_of(e));
        ret_identity->scopes = e->scopes;
        ret_identity->expires_at_us = secret->expires_at_us;
        ret_identity->replaced_at_us = secret == &e->secrets[0] ? 0 : e->rotated_at_us;
        ret_identity->entry = e;
        ret_identity->limits = e->limits;
        memcpy(ret_identity->hash, hash, TOKEN_HASH_BYTES);
        if (standing == TOKEN_OPENS) {
            secret->last_used_at_us = later(secret->last_used_at_us, now_us);
        } else {
            e->refusals++;
            e->new_refusals++;
        }
        note_use(table, e);
    }
    pthread_mutex_unlock(&table->mutex);
    if (standing != TOKEN_OPENS) {
        metrics_counter_add(table->metrics.refused[REFUSED_STANDINGS + (int)standing], 1);
    }
    return standing;
}

enum token_standing token_table_whose(struct token_table *table,
                                      const uint8_t hash[TOKEN_HASH_BYTES], int64_t now_us,
                                      const struct token_entry **ret_token) {
    enum token_standing standing = TOKEN_UNKNOWN;
    pthread_mutex_lock(&table->mutex);
    const struct secret *secret = *find(table, hash);
    if (secret != NULL) {
        standing = standing_of(secret, now_us);
        *ret_token = secret->token;
    }
    pthread_mutex_unlock(&table->mutex);
    return standing;
}

void token_table_count_refusal(struct token_table *table, enum token_refusal why) {
    metrics_counter_add(table->metrics.refused[why], 1);
}

// Of the names' buckets from first on.
static int64_t count_live_in_a_row(const struct token_table *table, size_t first, int64_t now_us) {
    int64_t count = 0;
    for (size_t i = first; i < first + BUCKETS_IN_A_ROW && i < table->bucket_count; i++) {
        for (const struct token_entry *e = table->by_name[i]; e != NULL; e = e->next) {
            bool is_live = false;
            for (int s = 0; s < secret_count(e); s++) {
                is_live = is_live || standing_of(&e->secrets[s], now_us) == TOKEN_OPENS;
            }
            count += is_live;
        }
    }
    return count;
}

int64_t token_table_count_live(struct token_table *table, int64_t now_us) {
    int64_t count = 0;
    size_t buckets = 0; // of the table, when the count began
    size_t next = 0;
    do {
        pthread_mutex_lock(&table->mutex);
        if (buckets != table->bucket_count) { // it has grown: all are elsewhere
            buckets = table->bucket_count;
            next = 0;
            count = 0;
        }
        count += count_live_in_a_row(table, next, now_us);
        pthread_mutex_unlock(&table->mutex);
        next += BUCKETS_IN_A_ROW;
    } while (next < buckets);
    return count;
}

enum token_standing token_table_look(struct token_table *table, const struct token_entry *token,
                                     const uint8_t hash[TOKEN_HASH_BYTES], int64_t now_us,
                                     int64_t *ret_expires_at_us) {
    enum token_standing standing = TOKEN_UNKNOWN;
    pthread_mutex_lock(&table->mutex);
    const struct secret *secret = *find(table, hash);
    if (secret != NULL && secret->token == token) {
        standing = standing_of(secret, now_us);
        *ret_expires_at_us = secret->expires_at_us;
    }
    pthread_mutex_unlock(&table->mutex);
    return standing;
}

uint64_t token_table_generation(struct token_table *table) {
    pthread_mutex_lock(&table->mutex);
    uint64_t generation = table->generation;
    pthread_mutex_unlock(&table->mutex);
    return generation;
}

void token_table_count_denial(struct token_table *table, struct token_entry *entry) {
    pthread_mutex_lock(&table->mutex);
    entry->denials++;
    entry->new_denials++;
    note_use(table, entry);
    pthread_mutex_unlock(&table->mutex);
    metrics_counter_add(table->metrics.denied, 1);
}

void token_table_complete(struct token_table *table, struct token_record *record) {
    pthread_mutex_lock(&table->mutex);
    const struct token_entry *e = find_name(table, record->organization, record->name);
    if (e != NULL) {
        struct token_secret *previous = &record->previous;
        record->last_used_at_us = later(record->last_used_at_us, last_use_of(e, record->hash));
        if (record->rotations > 0) {
            previous->last_used_at_us =
                later(previous->last_used_at_us, last_use_of(e, previous->hash));
        }
        record->denials = later(record->denials, e->denials);
        record->refusals = later(record->refusals, e->refusals);
    }
    pthread_mutex_unlock(&table->mutex);
}

// Takes what was counted.
static struct token_record uses_of(struct token_entry *e) {
    struct token_record uses = {
        .organization = organization_of(e),
        .name = name_of(e),
        .last_used_at_us = e->secrets[0].last_used_at_us,
        .rotations = e->rotations,
        .previous.last_used_at_us = e->secrets[1].last_used_at_us,
        .denials = e->new_denials,
        .refusals = e->new_refusals,
    };
    e->new_denials = 0;
    e->new_refusals = 0;
    memcpy(uses.hash, e->secrets[0].hash, TOKEN_HASH_BYTES);
    memcpy(uses.previous.hash, e->secrets[1].hash, TOKEN_HASH_BYTES);
    return uses;
}

int token_table_take_used(struct token_table *table, int most, struct token_record *ret_uses) {
    int count = 0;
    pthread_mutex_lock(&table->mutex);
    while (table->used != NULL && count < most) {
        struct token_entry *e = table->used;
        table->used = e->next_used;
        e->is_used = false;
        ret_uses[count++] = uses_of(e);
    }
    pthread_mutex_unlock(&table->mutex);
    return count;
}

void token_table_give_back(struct token_table *table, const struct token_record *uses, int count) {
    pthread_mutex_lock(&table->mutex);
    for (int i = 0; i < count; i++) {
        struct token_entry *e = find_name(table, uses[i].organization, uses[i].name);
        if (e != NULL) {
            e->new_denials += uses[i].denials;
            e->new_refusals += uses[i].refusals;
            note_use(table, e);
        }
    }
    pthread_mutex_unlock(&table->mutex);
}
