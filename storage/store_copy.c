#include "storage/store_copy.h"

#include <string.h>

#include "storage/backends.h"
#include "storage/store_compare.h"
#include "storage/store_opener.h"
#include "storage/store_url.h"

// One end, by its URL.
struct copy_end {
    const struct store_backend *backend;
    const char *location;
};

struct copy {
    struct arena *arena;
    const struct store_copy_options *options;
    struct copy_end from;
    struct copy_end to;
    struct store_source *source;
    int64_t counts[STORE_TABLE_COUNT]; // of the source, about
    int64_t total;
    struct store_copy_mark mark;
    struct store_copy_report *report;
};

static const struct error *find_end(struct arena *a, const char *url, struct copy_end *ret) {
    ret->backend = store_url_backend(url, &ret->location);
    if (ret->backend == NULL) {
        return store_url_refuse(a, url);
    }
    const struct error *e = NULL;
    if (ret->backend->open_source == NULL) {
        e = error_new(
            a, STATUS_INVALID_ARGUMENT, REASON_NONE,
            "the store \"%s\" ends with its process, and is not copied; expected " STORE_URLS_KEPT,
            url);
    }
    return e;
}

static const struct error *find_ends(struct copy *c) {
    const struct error *e = find_end(c->arena, c->options->from, &c->from);
    e = e == NULL ? find_end(c->arena, c->options->to, &c->to) : e;
    if (e != NULL || c->from.backend != c->to.backend) {
        return e;
    }
    const char *from = c->from.backend->place_of(c->arena, c->from.location);
    const char *to = c->to.backend->place_of(c->arena, c->to.location);
    return from == NULL || to == NULL || strcmp(from, to) != 0
               ? NULL
               : error_new(c->arena, STATUS_INVALID_ARGUMENT, REASON_NONE,
                           "\"%s\" and \"%s\" are the same store; a copy needs two",
                           run_store_describe(c->arena, c->options->from),
                           run_store_describe(c->arena, c->options->to));
}

static const struct error *count_rows(struct copy *c) {
    const struct error *e = NULL;
    for (int t = 0; e == NULL && t < STORE_TABLE_COUNT; t++) {
        e = c->source->ops->count(c->source, c->arena, t, &c->counts[t]);
        c->total += e == NULL ? c->counts[t] : 0;
    }
    return e;
}

static const struct error *open_source(struct copy *c) {
    const struct error *e =
        c->from.backend->open_source(c->arena, c->from.location, false, &c->source);
    return e == NULL ? count_rows(c) : e;
}

// --- the rows ---

static void show(struct copy *c) {
    int64_t done = c->mark.rows;
    for (int64_t t = 0; t < c->mark.table && t < STORE_TABLE_COUNT; t++) {
        done += c->counts[t];
    }
    c->options->on_progress(c->options->context, "copying", done, c->total);
}

static const struct error *copy_table(struct copy *c, struct store_target *target,
                                      enum store_table_index table) {
    int64_t skip = c->mark.table == (int64_t)table ? c->mark.rows : 0;
    c->mark.table = (int64_t)table;
    c->mark.rows = skip;
    struct arena batch;
    arena_init(&batch);
    const struct error *e = c->source->ops->begin(c->source, &batch, table, skip, true);
    struct store_rows rows = {.count = 1};
    while (e == NULL && rows.count > 0) {
        show(c);
        e = c->source->ops->read(c->source, &batch, &rows);
        if (e == NULL && rows.count > 0) {
            c->mark.rows += rows.count;
            e = target->ops->put(target, &batch, table, &rows, &c->mark);
        }
        if (e == NULL) {
            c->report->copied += rows.count;
            arena_reset(&batch);
        }
    }
    e = store_copy_keep_error(c->arena, e);
    arena_release(&batch);
    return e;
}

static bool is_same_store(const struct store_identity *x, const struct store_identity *y) {
    return memcmp(x->secret, y->secret, sizeof(x->secret)) == 0 && x->epoch == y->epoch;
}

// Whether the copy that the target has begun can go on.
static const struct error *check_mark(struct copy *c, const struct store_target *target) {
    const char *from = run_store_describe(c->arena, c->options->from);
    const char *to = run_store_describe(c->arena, c->options->to);
    if (!is_same_store(&target->mark.source, &c->source->identity)) {
        return error_new(c->arena, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "\"%s\" is half of a copy of another store than \"%s\"; finish that one, "
                         "or make it anew",
                         to, from);
    }
    if (memcmp(target->mark.source.state, c->source->identity.state, STORE_STATE_BYTES) != 0) {
        return error_new(c->arena, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "\"%s\" is half of a copy of \"%s\", which a server has changed since; "
                         "make it anew, and copy again",
                         to, from);
    }
    return NULL;
}

static const struct error *begin_or_resume(struct copy *c, struct store_target *target) {
    if (!target->has_mark) {
        c->mark = (struct store_copy_mark){.source = c->source->identity};
        return target->ops->begin(target, c->arena, &c->mark);
    }
    const struct error *e = check_mark(c, target);
    if (e == NULL) {
        c->mark = target->mark;
        c->report->resumed = c->mark.rows;
        for (int64_t t = 0; t < c->mark.table && t < STORE_TABLE_COUNT; t++) {
            c->report->resumed += c->counts[t];
        }
    }
    return e;
}

static const struct error *fill(struct copy *c, struct store_target *target) {
    const struct error *e = begin_or_resume(c, target);
    for (int64_t t = c->mark.table; e == NULL && t < STORE_TABLE_COUNT; t++) {
        e = copy_table(c, target, (enum store_table_index)t);
    }
    if (e == NULL && c->mark.table != STORE_COPY_SETTLED) {
        c->mark.table = STORE_COPY_SETTLED;
        c->mark.rows = 0;
        e = target->ops->settle(target, c->arena, &c->mark);
    }
    return e;
}

static const struct error *copy_rows(struct copy *c) {
    struct store_target *target = NULL;
    const struct error *e = c->to.backend->open_target(c->arena, c->to.location, &target);
    if (e == NULL) {
        e = fill(c, target);
        target->ops->close(target);
    }
    return e;
}

// --- what comes after them ---

static const struct error *verify(struct copy *c, bool is_settled, struct store_identity *ret_to) {
    struct store_source *to = NULL;
    const struct error *e = c->to.backend->open_source(c->arena, c->to.location, is_settled, &to);
    if (e == NULL) {
        *ret_to = to->identity;
        e = store_compare(c->arena, c->options, c->source, to, c->total, c->report);
    }
    if (e == NULL) {
        e = c->source->ops->confirm(c->source, c->arena);
    }
    if (to != NULL) {
        to->ops->close(to);
    }
    return e;
}

static const struct error *complete(struct copy *c) {
    struct store_target *target = NULL;
    const struct error *e = c->to.backend->open_target(c->arena, c->to.location, &target);
    if (e == NULL) {
        // What was compared may have been moved away since: then there is another store now.
        e = target->has_mark ? target->ops->complete(target, c->arena, &c->source->identity)
                             : error_new(c->arena, STATUS_ABORTED, REASON_NONE,
                                         "the store \"%s\" is no longer the copy that was compared",
                                         c->to.location);
        target->ops->close(target);
    }
    return e;
}

// Positions in a feed and page tokens of the one hold at the other only if these are the same.
static void compare_identities(struct copy *c, const struct store_identity *to) {
    if (is_same_store(&c->source->identity, to)) {
        return;
    }
    struct store_copy_report *r = c->report;
    const char **all = ARENA_ARRAY(c->arena, const char *, r->difference_count + 1);
    memcpy(all, r->differences, sizeof(all[0]) * (size_t)r->difference_count);
    all[r->difference_count++] = "table store: the secret or the epoch is another one";
    r->differences = all;
}

static const struct error *run_all(struct copy *c) {
    struct store_identity to;
    const struct error *e = open_source(c);
    if (e == NULL && c->options->only_verify) {
        e = verify(c, false, &to);
        if (e == NULL) {
            compare_identities(c, &to);
        }
        return e;
    }
    e = e == NULL ? copy_rows(c) : e;
    e = e == NULL ? verify(c, true, &to) : e;
    return e == NULL && c->report->difference_count == 0 ? complete(c) : e;
}

const struct error *run_store_copy(struct arena *a, const struct store_copy_options *options,
                                   struct store_copy_report *ret) {
    struct store_copy_report report = {.copied = 0};
    struct copy c = {.arena = a, .options = options, .report = &report};
    const struct error *e = find_ends(&c);
    e = e == NULL ? run_all(&c) : e;
    if (c.source != NULL) {
        c.source->ops->close(c.source);
    }
    if (e == NULL) {
        *ret = report;
    }
    return e;
}
