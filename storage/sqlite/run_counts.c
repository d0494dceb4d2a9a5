#include "storage/sqlite/run_counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"
#include "storage/sqlite/connection.h"

enum { BUCKETS_MIN = 64 };

static void list_add(struct run_count_list *l, struct run_count *which) {
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 16 : l->capacity * 2;
        l->items = mem_realloc(l->items, (size_t)l->capacity * sizeof(struct run_count *));
    }
    l->items[l->count++] = which;
}

static void list_release(struct run_count_list *l) {
    free(l->items);
    *l = (struct run_count_list){.items = NULL};
}

// Keys are numbered 1, 2, 3 and so on: they fill the buckets by themselves.
static struct run_count **bucket_of(const struct run_counts *c, int64_t workflow_key) {
    return &c->buckets[(uint64_t)workflow_key & (c->bucket_count - 1)];
}

static void insert(struct run_counts *c, struct run_count *which) {
    struct run_count **bucket = bucket_of(c, which->workflow_key);
    which->next = *bucket;
    *bucket = which;
}

// Gives the table so many buckets, and keeps all or those alone that are ahead of their rows.
static void rebuild(struct run_counts *c, uint32_t bucket_count, bool keeps_all) {
    struct run_count **old = c->buckets;
    uint32_t old_count = c->bucket_count;
    c->bucket_count = bucket_count;
    c->buckets = mem_zalloc(bucket_count * sizeof(struct run_count *));
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct run_count *which = old[i], *next; which != NULL; which = next) {
            next = which->next;
            if (keeps_all || which->is_dirty || which->is_touched) {
                insert(c, which);
            } else {
                free(which);
                c->count--;
            }
        }
    }
    free(old);
}

int run_counts_init(struct run_counts *c, sqlite3 *db) {
    static const char *const select = RUN_COUNT_SQL;
    static const char *const write =
        "INSERT INTO run_count(workflow_key, as_of_event, running, waiting, success, failure,"
        " cancelled) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
        // One that was deleted with its organization has no row any more.
        " WHERE EXISTS(SELECT 1 FROM workflow WHERE workflow_key=?1) ON CONFLICT(workflow_key) DO "
        "UPDATE SET"
        " as_of_event=excluded.as_of_event, running=excluded.running, waiting=excluded.waiting,"
        " success=excluded.success, failure=excluded.failure, cancelled=excluded.cancelled";
    *c = (struct run_counts){.bucket_count = BUCKETS_MIN};
    pthread_mutex_init(&c->lock, NULL);
    c->buckets = mem_zalloc(c->bucket_count * sizeof(struct run_count *));
    int rc = sqlite_prepare_all(db, &select, 1, &c->select);
    return rc == SQLITE_OK ? sqlite_prepare_all(db, &write, 1, &c->write) : rc;
}

static void free_all(struct run_counts *c) {
    for (uint32_t i = 0; i < c->bucket_count; i++) {
        for (struct run_count *which = c->buckets[i], *next; which != NULL; which = next) {
            next = which->next;
            free(which);
        }
    }
    free(c->buckets);
}

void run_counts_release(struct run_counts *c) {
    if (c->buckets != NULL) {
        free_all(c);
        pthread_mutex_destroy(&c->lock);
    }
    list_release(&c->touched);
    list_release(&c->dirty);
    list_release(&c->flushing);
    sqlite_finalize_all(&c->select, 1);
    sqlite_finalize_all(&c->write, 1);
    *c = (struct run_counts){.buckets = NULL};
}

int run_counts_read(sqlite3_stmt *s, int64_t workflow_key, struct run_count_state *ret) {
    *ret = (struct run_count_state){.as_of_event = 0};
    sqlite3_bind_int64(s, 1, workflow_key);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        ret->as_of_event = sqlite3_column_int64(s, 0);
        for (int status = 1; status < RUN_STATUS_COUNT; status++) {
            ret->runs[status] = sqlite3_column_int64(s, status);
        }
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Returns the workflow's entry, NULL if it has none.
static struct run_count *look_up(const struct run_counts *c, int64_t workflow_key) {
    struct run_count *which = *bucket_of(c, workflow_key);
    while (which != NULL && which->workflow_key != workflow_key) {
        which = which->next;
    }
    return which;
}

// Finds the workflow's entry, whose row is read the first time.
static int find(struct run_counts *c, int64_t workflow_key, struct run_count **ret) {
    *ret = look_up(c, workflow_key);
    if (*ret != NULL) {
        return SQLITE_OK;
    }
    struct run_count_state state;
    int rc = run_counts_read(c->select, workflow_key, &state);
    if (rc != SQLITE_OK) {
        return rc;
    }
    struct run_count *which = mem_zalloc(sizeof(*which));
    which->workflow_key = workflow_key;
    which->open = state;
    which->committed = state;
    pthread_mutex_lock(&c->lock);
    if ((uint32_t)c->count >= c->bucket_count) {
        rebuild(c, c->bucket_count * 2, true);
    }
    insert(c, which);
    c->count++;
    pthread_mutex_unlock(&c->lock);
    *ret = which;
    return SQLITE_OK;
}

// Counts a run from a status to another one, in which the open transaction changes which.
static void move(struct run_counts *c, struct run_count *which, int from, int to) {
    if (from != 0) {
        which->open.runs[from]--;
    }
    if (to != 0) {
        which->open.runs[to]++;
    }
    if (!which->is_touched) {
        which->is_touched = true;
        list_add(&c->touched, which);
    }
}

int run_counts_note(struct run_counts *c, int64_t workflow_key, int64_t event_key, int from,
                    int to) {
    struct run_count *which;
    int rc = find(c, workflow_key, &which);
    if (rc == SQLITE_OK) {
        which->open.as_of_event = event_key;
        move(c, which, from, to);
    }
    return rc;
}

int run_counts_gone(struct run_counts *c, int64_t workflow_key, int status) {
    struct run_count *which;
    int rc = find(c, workflow_key, &which);
    if (rc == SQLITE_OK) {
        move(c, which, status, 0);
        c->due += !which->is_due;
        which->is_due = true;
    }
    return rc;
}

int run_counts_settle(struct run_counts *c) {
    int rc = SQLITE_OK;
    for (int i = 0; c->due > 0 && rc == SQLITE_OK && i < c->touched.count; i++) {
        struct run_count *which = c->touched.items[i];
        if (which->is_due) {
            which->is_due = false;
            c->due--;
            rc = run_counts_write(c, which);
        }
    }
    return rc;
}

int run_counts_replay(struct run_counts *c, int64_t workflow_key, int64_t event_key, int from,
                      int to) {
    struct run_count *which;
    int rc = find(c, workflow_key, &which);
    return rc == SQLITE_OK && which->open.as_of_event < event_key
               ? run_counts_note(c, workflow_key, event_key, from, to)
               : rc;
}

void run_counts_committed(struct run_counts *c) {
    c->flushed = c->taken;
    if (c->touched.count == 0) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < c->touched.count; i++) {
        c->touched.items[i]->committed = c->touched.items[i]->open;
    }
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->touched.count; i++) {
        struct run_count *which = c->touched.items[i];
        which->is_touched = false;
        if (!which->is_dirty) {
            which->is_dirty = true;
            list_add(&c->dirty, which);
        }
    }
    c->touched.count = 0;
}

void run_counts_rolled_back(struct run_counts *c) {
    for (int i = 0; i < c->touched.count; i++) {
        struct run_count *which = c->touched.items[i];
        which->is_touched = false;
        which->is_due = false;
        which->open = which->committed;
    }
    c->touched.count = 0;
    c->due = 0;
    c->taken = c->flushed;
}

static int compare_keys(const void *pa, const void *pb) {
    int64_t a = (*(struct run_count *const *)pa)->workflow_key;
    int64_t b = (*(struct run_count *const *)pb)->workflow_key;
    return (a > b) - (a < b);
}

void run_counts_freeze(struct run_counts *c) {
    struct run_count_list empty = c->flushing;
    empty.count = 0;
    c->flushing = c->dirty;
    c->dirty = empty;
    c->taken = 0;
    c->flushed = 0;
    // Rows that share a page are written together.
    if (c->flushing.count > 0) {
        qsort(c->flushing.items, (size_t)c->flushing.count, sizeof(struct run_count *),
              compare_keys);
    }
    // What changes from here on is dirty anew: its row will be behind again.
    for (int i = 0; i < c->flushing.count; i++) {
        c->flushing.items[i]->is_dirty = false;
    }
}

const struct run_count *run_counts_take(struct run_counts *c) {
    return c->taken == c->flushing.count ? NULL : c->flushing.items[c->taken++];
}

int run_counts_write(struct run_counts *c, const struct run_count *which) {
    sqlite3_bind_int64(c->write, 1, which->workflow_key);
    sqlite3_bind_int64(c->write, 2, which->open.as_of_event);
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        sqlite3_bind_int64(c->write, 2 + status, which->open.runs[status]);
    }
    return sqlite_step_once(c->write);
}

void run_counts_retire(struct run_counts *c, int kept) {
    c->flushing.count = 0;
    c->taken = 0;
    c->flushed = 0;
    if (c->count > kept) {
        pthread_mutex_lock(&c->lock);
        rebuild(c, c->bucket_count, false);
        pthread_mutex_unlock(&c->lock);
    }
}

void run_counts_peek(struct run_counts *c, struct run_count_peek *peeks, int count) {
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < count; i++) {
        const struct run_count *which = look_up(c, peeks[i].workflow_key);
        peeks[i].is_known = which != NULL;
        if (which != NULL) {
            memcpy(peeks[i].runs, which->committed.runs, sizeof(peeks[i].runs));
        }
    }
    pthread_mutex_unlock(&c->lock);
}
