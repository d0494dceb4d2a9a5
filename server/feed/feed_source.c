#include "server/feed/feed_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"

enum {
    CHANGES_PER_READ = 256,
    CHANGES_WITH_RUNS_PER_READ = 32,
    // Batches that a loop has not taken yet: no more is read meanwhile.
    MOST_IN_INBOX = 4,
};

struct feed_source {
    struct feed_sources *sources;
    struct feed_source *next; // of its bucket; guarded by the mutex of sources, as the next
    int users;                // members, and a read that is under way
    uint64_t hash;
    atomic_int wanting_runs;
    atomic_int wanting_workflows;
    pthread_mutex_t mutex; // guards what follows
    struct feed_member *members[FEED_MOST_LOOPS];
    int64_t hint;     // the newest revision that was heard of; -1: none
    int64_t heard_us; // when the first commit was that is not read yet; clock_monotonic_us; 0: none
    int64_t end;      // everything up to it was read; -1: not known yet
    bool is_reading;
    bool is_polled;     // the next read is due whatever the hint is
    int64_t read_us;    // when the store answered last; clock_monotonic_us
    struct arena arena; // of list, whoever has is_reading
    struct store_list_changes list;
    size_t organization_length;
    char organization[];
};

// --- which there are ---

void feed_sources_init(struct feed_sources *sources, const struct service *service) {
    sources->service = service;
    pthread_mutex_init(&sources->mutex, NULL);
    sources->count = 0;
    memset(sources->buckets, 0, sizeof(sources->buckets));
    atomic_init(&sources->any, 0);
    atomic_init(&sources->batch_bytes, 0);
}

void feed_sources_destroy(struct feed_sources *sources) {
    CHECK(sources->count == 0);
    CHECK(atomic_load(&sources->batch_bytes) == 0);
    pthread_mutex_destroy(&sources->mutex);
}

static struct slice organization_of(const struct feed_source *source) {
    return slice_of(source->organization, source->organization_length);
}

static struct feed_source **bucket_of(struct feed_sources *sources, uint64_t hash) {
    return &sources->buckets[hash % FEED_SOURCE_BUCKETS];
}

// The mutex is held.
static struct feed_source *find(struct feed_sources *sources, struct slice organization,
                                uint64_t hash) {
    struct feed_source *source = *bucket_of(sources, hash);
    while (source != NULL &&
           !(source->hash == hash && slice_equal(organization_of(source), organization))) {
        source = source->next;
    }
    return source;
}

static struct feed_source *add(struct feed_sources *sources, struct slice organization,
                               uint64_t hash) {
    struct feed_source *source = mem_zalloc(sizeof(*source) + organization.len);
    source->sources = sources;
    source->hash = hash;
    source->hint = -1;
    source->end = -1;
    pthread_mutex_init(&source->mutex, NULL);
    arena_init(&source->arena);
    source->organization_length = organization.len;
    memcpy(source->organization, organization.data, organization.len);
    struct feed_source **bucket = bucket_of(sources, hash);
    source->next = *bucket;
    *bucket = source;
    sources->count++;
    atomic_store(&sources->any, sources->count);
    return source;
}

// The organization's source with one user more; NULL if there is none and may_add is false.
static struct feed_source *use(struct feed_sources *sources, struct slice organization,
                               bool may_add) {
    uint64_t hash = XXH3_64bits(organization.data, organization.len);
    pthread_mutex_lock(&sources->mutex);
    struct feed_source *source = find(sources, organization, hash);
    if (source == NULL && may_add) {
        source = add(sources, organization, hash);
    }
    if (source != NULL) {
        source->users++;
    }
    pthread_mutex_unlock(&sources->mutex);
    return source;
}

static void release(struct feed_source *source) {
    struct feed_sources *sources = source->sources;
    pthread_mutex_lock(&sources->mutex);
    bool is_last = --source->users == 0;
    if (is_last) {
        struct feed_source **link = bucket_of(sources, source->hash);
        while (*link != source) {
            link = &(*link)->next;
        }
        *link = source->next;
        sources->count--;
        atomic_store(&sources->any, sources->count);
    }
    pthread_mutex_unlock(&sources->mutex);
    if (is_last) {
        arena_release(&source->arena);
        pthread_mutex_destroy(&source->mutex);
        free(source);
    }
}

static void use_again(struct feed_source *source) {
    pthread_mutex_lock(&source->sources->mutex);
    source->users++;
    pthread_mutex_unlock(&source->sources->mutex);
}

// --- what arrives at members; the source's mutex is held ---

static void post(struct feed_member *member) {
    if (!member->is_posted) {
        member->is_posted = true;
        rpc_loop_post(member->loop, &member->arrived);
    }
}

static void hand_on(struct feed_source *source, struct feed_batch *batch) {
    for (int i = 0; i < FEED_MOST_LOOPS; i++) {
        struct feed_member *member = source->members[i];
        if (member != NULL) {
            batch->next[i] = NULL;
            *member->inbox_end = feed_batch_take(batch);
            member->inbox_end = &batch->next[i];
            member->inbox_count++;
            post(member);
        }
    }
}

static void hand_on_reset(struct feed_source *source) {
    for (int i = 0; i < FEED_MOST_LOOPS; i++) {
        if (source->members[i] != NULL) {
            source->members[i]->is_reset = true;
            post(source->members[i]);
        }
    }
}

static void hand_on_failure(struct feed_source *source, enum store_result failure,
                            const char *detail) {
    for (int i = 0; i < FEED_MOST_LOOPS; i++) {
        struct feed_member *member = source->members[i];
        if (member != NULL) {
            member->failure = failure;
            snprintf(member->detail, sizeof(member->detail), "%s", detail != NULL ? detail : "");
            post(member);
        }
    }
}

// --- reading ---

static bool has_room(const struct feed_source *source) {
    bool any = false;
    for (int i = 0; i < FEED_MOST_LOOPS; i++) {
        const struct feed_member *member = source->members[i];
        if (member != NULL && member->inbox_count >= MOST_IN_INBOX) {
            return false;
        }
        any = any || member != NULL;
    }
    return any;
}

// Whether there is something to be read; then the caller reads it, without the mutex, which is
// held here.
static bool begins_read(struct feed_source *source) {
    bool is_behind = source->end >= 0 && source->hint > source->end;
    if (source->is_reading || !(is_behind || source->is_polled) || source->end < 0 ||
        !has_room(source)) {
        return false;
    }
    source->is_reading = true;
    source->is_polled = false;
    return true;
}

static void read_done(struct store_op *op);

static void read_next(struct feed_source *source) {
    bool with_runs = atomic_load(&source->wanting_runs) > 0;
    source->list = (struct store_list_changes){
        .op =
            {
                .kind = &store_list_changes_kind,
                .arena = &source->arena,
                .done = read_done,
                .context = source,
            },
        .organization = organization_of(source),
        .after_revision = source->end, // only who reads changes it
        .limit = with_runs ? CHANGES_WITH_RUNS_PER_READ : CHANGES_PER_READ,
        .with_workflow = atomic_load(&source->wanting_workflows) > 0,
        .with_runs = with_runs,
    };
    use_again(source);
    run_store_submit(source->sources->service->store, &source->list.op);
}

static void read_if_behind(struct feed_source *source) {
    pthread_mutex_lock(&source->mutex);
    bool begins = begins_read(source);
    pthread_mutex_unlock(&source->mutex);
    if (begins) {
        read_next(source);
    }
}

// The mutex is held, as by the next.
static void take_changes(struct feed_source *source, struct feed_batch *batch) {
    const struct store_list_changes *list = &source->list;
    if (list->ret_newest > source->hint) {
        source->hint = list->ret_newest;
    }
    if (batch != NULL) {
        source->end = feed_batch_last(batch);
        batch->heard_us = source->heard_us;
        source->heard_us = source->hint > source->end ? source->heard_us : 0;
        hand_on(source, batch);
    } else if (list->ret_count > 0) {
        hand_on_failure(source, STORE_UNAVAILABLE, "the changes that the store lists have a gap");
    } else {
        source->hint = source->end; // the store knows better
    }
}

static void take_answer(struct feed_source *source, struct feed_batch *batch) {
    const struct store_list_changes *list = &source->list;
    switch (list->op.result) {
    case STORE_OK:
        take_changes(source, batch);
        break;
    case STORE_CONFLICT: // what comes next was trimmed
        source->end = list->ret_newest;
        source->hint = list->ret_newest;
        hand_on_reset(source);
        break;
    case STORE_BUSY: // the next hint, or the poll, tries again
        break;
    default:
        hand_on_failure(source, list->op.result, list->op.detail);
    }
    source->is_reading = false;
    source->read_us = clock_monotonic_us();
}

static void read_done(struct store_op *op) {
    struct feed_source *source = op->context;
    struct feed_batch *batch = NULL;
    if (op->result == STORE_OK && source->list.ret_count > 0) {
        batch = feed_batch_new(source->sources->service->store, &source->list,
                               &source->sources->batch_bytes);
    }
    pthread_mutex_lock(&source->mutex);
    take_answer(source, batch);
    bool is_over = op->result != STORE_OK && op->result != STORE_CONFLICT;
    arena_reset(&source->arena);
    bool goes_on = !is_over && begins_read(source);
    pthread_mutex_unlock(&source->mutex);
    feed_batch_release(batch);
    if (goes_on) {
        read_next(source);
    }
    release(source);
}

void feed_sources_committed(struct feed_sources *sources, const struct store_commit *commits,
                            int count) {
    if (atomic_load_explicit(&sources->any, memory_order_relaxed) == 0) {
        return; // a source that is being made learns from the store
    }
    for (int i = 0; i < count; i++) {
        struct feed_source *source = use(sources, commits[i].organization, false);
        if (source == NULL) {
            continue;
        }
        pthread_mutex_lock(&source->mutex);
        if (commits[i].revision > source->hint) {
            source->heard_us = source->heard_us != 0 ? source->heard_us : clock_monotonic_us();
            source->hint = commits[i].revision;
        }
        bool begins = begins_read(source);
        pthread_mutex_unlock(&source->mutex);
        if (begins) {
            read_next(source);
        }
        release(source);
    }
}

void feed_sources_want_bookmarks(struct feed_sources *sources, struct slice organization) {
    struct feed_source *source = use(sources, organization, false);
    if (source == NULL) {
        return;
    }
    pthread_mutex_lock(&source->mutex);
    for (int i = 0; i < FEED_MOST_LOOPS; i++) {
        if (source->members[i] != NULL) {
            source->members[i]->wants_bookmarks = true;
            post(source->members[i]);
        }
    }
    pthread_mutex_unlock(&source->mutex);
    release(source);
}

// --- members ---

int64_t feed_member_join(struct feed_member *member, struct feed_sources *sources,
                         struct slice organization) {
    struct feed_source *source = use(sources, organization, true);
    pthread_mutex_lock(&source->mutex);
    CHECK(source->members[member->loop_index] == NULL);
    source->members[member->loop_index] = member;
    member->source = source;
    member->inbox = NULL;
    member->inbox_end = &member->inbox;
    member->inbox_count = 0;
    member->is_posted = false;
    member->is_reset = false;
    member->wants_bookmarks = false;
    member->failure = STORE_OK;
    member->detail[0] = '\0';
    int64_t end = source->end;
    pthread_mutex_unlock(&source->mutex);
    return end;
}

bool feed_member_take(struct feed_member *member, struct feed_arrival *ret_arrival) {
    struct feed_source *source = member->source;
    pthread_mutex_lock(&source->mutex);
    bool is_member = source->members[member->loop_index] == member;
    *ret_arrival = (struct feed_arrival){
        .batches = member->inbox,
        .is_reset = member->is_reset,
        .end = source->end,
        .newest = source->hint,
        .wants_bookmarks = member->wants_bookmarks,
        .failure = member->failure,
    };
    memcpy(ret_arrival->detail, member->detail, sizeof(member->detail));
    member->inbox = NULL;
    member->inbox_end = &member->inbox;
    member->inbox_count = 0;
    member->is_posted = false;
    member->is_reset = false;
    member->wants_bookmarks = false;
    member->failure = STORE_OK;
    bool begins = begins_read(source);
    pthread_mutex_unlock(&source->mutex);
    if (begins) {
        read_next(source);
    }
    if (!is_member) {
        release(source);
    }
    return is_member;
}

bool feed_member_leave(struct feed_member *member) {
    struct feed_source *source = member->source;
    pthread_mutex_lock(&source->mutex);
    source->members[member->loop_index] = NULL;
    bool is_free = !member->is_posted;
    CHECK(!is_free || member->inbox == NULL);
    pthread_mutex_unlock(&source->mutex);
    if (is_free) {
        release(source);
    }
    return is_free;
}

int64_t feed_member_learn(struct feed_member *member, int64_t newest) {
    struct feed_source *source = member->source;
    pthread_mutex_lock(&source->mutex);
    if (source->end < 0) {
        source->end = newest;
    }
    if (newest > source->hint) {
        source->hint = newest;
    }
    int64_t end = source->end;
    pthread_mutex_unlock(&source->mutex);
    read_if_behind(source);
    return end;
}

void feed_member_want(struct feed_member *member, int runs, int workflows) {
    atomic_fetch_add(&member->source->wanting_runs, runs);
    atomic_fetch_add(&member->source->wanting_workflows, workflows);
}

void feed_member_poll(struct feed_member *member, int64_t idle_us) {
    struct feed_source *source = member->source;
    pthread_mutex_lock(&source->mutex);
    source->is_polled = source->is_polled || clock_monotonic_us() - source->read_us >= idle_us;
    pthread_mutex_unlock(&source->mutex);
    read_if_behind(source);
}

struct slice feed_member_organization(const struct feed_member *member) {
    return organization_of(member->source);
}
