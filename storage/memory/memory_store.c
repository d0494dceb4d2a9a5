#include "storage/memory/memory_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/memory.h"

struct event {
    struct event *older;
    struct run_event event; // owns actor and reason
};

struct run {
    struct run_record record; // owns its slices
    struct event *newest;
};

struct memory_store {
    struct run_store base;
    pthread_mutex_t lock;
    struct run **runs; // by organization, then id
    size_t run_count;
    size_t run_capacity;
    struct token_record **tokens; // by organization, then name
    size_t token_count;
};

static int64_t later(int64_t a_us, int64_t b_us) {
    return a_us > b_us ? a_us : b_us;
}

static struct slice own(struct slice s) {
    if (s.len == 0) {
        return SLICE_EMPTY;
    }
    return slice_of(memcpy(mem_alloc(s.len), s.data, s.len), s.len);
}

static void disown(struct slice s) {
    free((void *)(uintptr_t)s.data);
}

static int compare_names(struct slice org_a, struct slice name_a, struct slice org_b,
                         struct slice name_b) {
    int r = slice_compare(org_a, org_b);
    return r != 0 ? r : slice_compare(name_a, name_b);
}

// Returns the place of (organization, id), or where it would have to stand.
static size_t run_place(const struct memory_store *s, struct slice organization, struct slice id,
                        bool *ret_found) {
    size_t low = 0;
    size_t high = s->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct run_record *r = &s->runs[middle]->record;
        int c = compare_names(r->organization, r->id, organization, id);
        if (c == 0) {
            *ret_found = true;
            return middle;
        }
        if (c < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found = false;
    return low;
}

static struct run *find_run(const struct memory_store *s, struct slice organization,
                            struct slice id) {
    bool found;
    size_t place = run_place(s, organization, id, &found);
    return found ? s->runs[place] : NULL;
}

static void add_event(struct run *run, int from, struct slice actor, struct slice reason) {
    struct event *e = mem_zalloc(sizeof(*e));
    e->event = (struct run_event){
        .sequence = run->record.sequence,
        .from = from,
        .to = run->record.status,
        .at_us = run->record.updated_at_us,
        .actor = own(actor),
        .reason = own(reason),
    };
    e->older = run->newest;
    run->newest = e;
}

// Returns record with all it points at copied into a.
static struct run_record copy_record(struct arena *a, const struct run_record *record) {
    struct run_record r = *record;
    r.organization = arena_copy(a, r.organization);
    r.id = arena_copy(a, r.id);
    r.workflow_id = arena_copy(a, r.workflow_id);
    r.spec = arena_copy(a, r.spec);
    r.execution_state = arena_copy(a, r.execution_state);
    return r;
}

static enum store_result create_run(struct memory_store *s, struct store_create *c) {
    bool found;
    size_t place = run_place(s, c->in.organization, c->in.id, &found);
    if (found) {
        return STORE_EXISTS;
    }
    if (s->run_count == s->run_capacity) {
        s->run_capacity = s->run_capacity == 0 ? 64 : s->run_capacity * 2;
        s->runs = mem_realloc(s->runs, s->run_capacity * sizeof(struct run *));
    }
    memmove(s->runs + place + 1, s->runs + place, (s->run_count - place) * sizeof(struct run *));
    s->run_count++;

    c->ret = c->in;
    c->ret.updated_at_us = c->in.started_at_us;
    c->ret.finished_at_us = 0;
    c->ret.sequence = 1;

    struct run *run = mem_zalloc(sizeof(*run));
    run->record = c->ret;
    run->record.organization = own(c->in.organization);
    run->record.id = own(c->in.id);
    run->record.workflow_id = own(c->in.workflow_id);
    run->record.spec = own(c->in.spec);
    run->record.execution_state = own(c->in.execution_state);
    add_event(run, 0, c->actor, c->reason);
    s->runs[place] = run;
    return STORE_OK;
}

static enum store_result transition(struct memory_store *s, struct arena *a,
                                    struct store_transition *t) {
    struct run *run = find_run(s, t->organization, t->id);
    if (run == NULL) {
        return STORE_NOT_FOUND;
    }
    struct run_record *r = &run->record;
    if ((RUN_STATUS_BIT(r->status) & t->from) == 0) {
        t->ret = copy_record(a, r);
        return STORE_CONFLICT;
    }
    if (t->set_execution_state) {
        disown(r->execution_state);
        r->execution_state = own(t->execution_state);
    }
    if (t->set_total_cu) {
        r->total_cu = t->total_cu;
    }
    if (r->status != t->to) {
        enum run_status from = r->status;
        r->status = t->to;
        if (t->at_us > r->updated_at_us) {
            r->updated_at_us = t->at_us;
        }
        if (t->final) {
            r->finished_at_us = r->updated_at_us;
        }
        r->sequence++;
        add_event(run, (int)from, t->actor, t->reason);
    }
    t->ret = copy_record(a, r);
    return STORE_OK;
}

static enum store_result get_run(struct memory_store *s, struct arena *a, struct store_get *g) {
    const struct run *run = find_run(s, g->organization, g->id);
    if (run == NULL) {
        return STORE_NOT_FOUND;
    }
    g->ret = copy_record(a, &run->record);
    return STORE_OK;
}

// Newest first.
static int compare_starts(const void *pa, const void *pb) {
    const struct run_record *a = &(*(struct run *const *)pa)->record;
    const struct run_record *b = &(*(struct run *const *)pb)->record;
    if (a->started_at_us != b->started_at_us) {
        return a->started_at_us > b->started_at_us ? -1 : 1;
    }
    return slice_compare(b->id, a->id);
}

static bool behind_cursor(const struct run_record *r, const struct store_cursor *c) {
    return r->started_at_us != c->started_at_us ? r->started_at_us < c->started_at_us
                                                : slice_compare(r->id, c->id) < 0;
}

static bool list_wants(const struct store_list *l, const struct run_record *r) {
    return slice_equal(r->organization, l->organization) &&
           (RUN_STATUS_BIT(r->status) & l->status) != 0 &&
           (l->workflow_id.len == 0 || slice_equal(r->workflow_id, l->workflow_id)) &&
           r->started_at_us > l->started_after_us && r->started_at_us < l->started_before_us &&
           (!l->has_cursor || behind_cursor(r, &l->cursor));
}

static enum store_result list_runs(struct memory_store *s, struct arena *a, struct store_list *l) {
    CLEANUP_FREE struct run **found = mem_alloc(s->run_count * sizeof(struct run *));
    size_t count = 0;
    for (size_t i = 0; i < s->run_count; i++) {
        if (list_wants(l, &s->runs[i]->record)) {
            found[count++] = s->runs[i];
        }
    }
    qsort(found, count, sizeof(found[0]), compare_starts);
    l->ret_has_more = count > (size_t)l->limit;
    l->ret_count = l->ret_has_more ? l->limit : (int)count;
    l->ret_runs = ARENA_ARRAY(a, struct run_record, l->ret_count);
    for (int i = 0; i < l->ret_count; i++) {
        l->ret_runs[i] = copy_record(a, &found[i]->record);
    }
    if (l->ret_has_more) {
        const struct run_record *last = &l->ret_runs[l->ret_count - 1];
        l->ret_cursor = (struct store_cursor){last->started_at_us, last->id};
    }
    return STORE_OK;
}

static enum store_result list_events(struct memory_store *s, struct arena *a,
                                     struct store_events *e) {
    const struct run *run = find_run(s, e->organization, e->id);
    if (run == NULL) {
        return STORE_NOT_FOUND;
    }
    e->ret_count = run->record.sequence < e->limit ? (int)run->record.sequence : e->limit;
    e->ret_events = ARENA_ARRAY(a, struct run_event, e->ret_count);
    const struct event *event = run->newest;
    for (int i = e->ret_count - 1; i >= 0; i--, event = event->older) {
        e->ret_events[i] = event->event;
        e->ret_events[i].actor = arena_copy(a, event->event.actor);
        e->ret_events[i].reason = arena_copy(a, event->event.reason);
    }
    return STORE_OK;
}

static enum store_result create_token(struct memory_store *s, struct store_token_create *c) {
    size_t place = 0;
    for (size_t i = 0; i < s->token_count; i++) {
        const struct token_record *t = s->tokens[i];
        int order = compare_names(t->organization, t->name, c->in.organization, c->in.name);
        if (order == 0 || memcmp(t->hash, c->in.hash, TOKEN_HASH_BYTES) == 0) {
            return STORE_EXISTS;
        }
        place += order < 0;
    }
    struct token_record *t = mem_alloc(sizeof(*t));
    *t = c->in;
    t->organization = own(c->in.organization);
    t->name = own(c->in.name);
    s->tokens = mem_realloc(s->tokens, (s->token_count + 1) * sizeof(t));
    memmove(s->tokens + place + 1, s->tokens + place, (s->token_count - place) * sizeof(t));
    s->tokens[place] = t;
    s->token_count++;
    return STORE_OK;
}

static struct token_record copy_token(struct arena *a, const struct token_record *token) {
    struct token_record t = *token;
    t.organization = arena_copy(a, t.organization);
    t.name = arena_copy(a, t.name);
    return t;
}

static enum store_result revoke_token(struct memory_store *s, struct arena *a,
                                      struct store_token_revoke *r) {
    for (size_t i = 0; i < s->token_count; i++) {
        struct token_record *t = s->tokens[i];
        if (compare_names(t->organization, t->name, r->organization, r->name) == 0) {
            if (t->revoked_at_us == 0) {
                t->revoked_at_us = later(later(r->at_us, t->created_at_us), 1);
            }
            r->ret = copy_token(a, t);
            return STORE_OK;
        }
    }
    return STORE_NOT_FOUND;
}

static enum store_result list_tokens(struct memory_store *s, struct arena *a,
                                     struct store_token_list *l) {
    l->ret_tokens = ARENA_ARRAY(a, struct token_record, s->token_count);
    l->ret_count = 0;
    for (size_t i = 0; i < s->token_count; i++) {
        const struct token_record *t = s->tokens[i];
        if (l->organization.len == 0 || slice_equal(t->organization, l->organization)) {
            l->ret_tokens[l->ret_count++] = copy_token(a, t);
        }
    }
    return STORE_OK;
}

static enum store_result run_op(struct memory_store *s, struct store_op *op) {
    if (op->deadline_us != 0 && clock_monotonic_us() >= op->deadline_us) {
        return STORE_EXPIRED;
    }
    if (store_op_is_too_large(op)) {
        return STORE_TOO_LARGE;
    }
    switch (op->kind) {
    case STORE_CREATE:
        return create_run(s, &op->create);
    case STORE_TRANSITION:
        return transition(s, op->arena, &op->transition);
    case STORE_GET:
        return get_run(s, op->arena, &op->get);
    case STORE_LIST:
        return list_runs(s, op->arena, &op->list);
    case STORE_EVENTS:
        return list_events(s, op->arena, &op->events);
    case STORE_TOKEN_CREATE:
        return create_token(s, &op->token_create);
    case STORE_TOKEN_REVOKE:
        return revoke_token(s, op->arena, &op->token_revoke);
    case STORE_TOKEN_LIST:
        return list_tokens(s, op->arena, &op->token_list);
    }
    CHECK_FAIL("no such operation");
}

static void submit(struct run_store *store, struct store_op *op) {
    struct memory_store *s = (struct memory_store *)store;
    op->detail = NULL;
    pthread_mutex_lock(&s->lock);
    op->result = run_op(s, op);
    pthread_mutex_unlock(&s->lock);
    op->done(op);
}

static void release_run(struct run *run) {
    struct event *e = run->newest;
    while (e != NULL) {
        struct event *older = e->older;
        disown(e->event.actor);
        disown(e->event.reason);
        free(e);
        e = older;
    }
    disown(run->record.organization);
    disown(run->record.id);
    disown(run->record.workflow_id);
    disown(run->record.spec);
    disown(run->record.execution_state);
    free(run);
}

static void close_store(struct run_store *store) {
    struct memory_store *s = (struct memory_store *)store;
    for (size_t i = 0; i < s->run_count; i++) {
        release_run(s->runs[i]);
    }
    for (size_t i = 0; i < s->token_count; i++) {
        disown(s->tokens[i]->organization);
        disown(s->tokens[i]->name);
        free(s->tokens[i]);
    }
    free(s->runs);
    free(s->tokens);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static const struct run_store_ops memory_ops = {
    .name = "memory",
    .submit = submit,
    .close = close_store,
};

struct run_store *memory_store_new(const struct run_store_options *options) {
    (void)options;
    struct memory_store *s = mem_zalloc(sizeof(*s));
    s->base.ops = &memory_ops;
    // Up to 256 bytes come whole or not at all, and not only before the
    // kernel's pool is ready (getrandom(2)).
    CHECK(getrandom(s->base.secret, STORE_SECRET_BYTES, 0) == STORE_SECRET_BYTES);
    pthread_mutex_init(&s->lock, NULL);
    return &s->base;
}
