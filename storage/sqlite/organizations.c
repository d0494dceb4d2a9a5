#include "storage/sqlite/organizations.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/core/memory.h"
#include "storage/sqlite/connection.h"

enum { BUCKETS_MIN = 64 };

static void list_add(struct organization_list *l, struct organization *which) {
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 16 : l->capacity * 2;
        l->items = mem_realloc(l->items, (size_t)l->capacity * sizeof(struct organization *));
    }
    l->items[l->count++] = which;
}

static void list_release(struct organization_list *l) {
    free(l->items);
    *l = (struct organization_list){.items = NULL};
}

static struct organization **bucket_of(const struct organizations *o, struct slice name) {
    return &o->buckets[XXH3_64bits(name.data, name.len) & (o->bucket_count - 1)];
}

static void insert(struct organizations *o, struct organization *which) {
    struct organization **bucket = bucket_of(o, which->name);
    which->next = *bucket;
    *bucket = which;
}

static void free_one(struct organization *which) {
    free((void *)which->name.data);
    free(which);
}

// Gives the table so many buckets, and keeps of its organizations those that keep says.
static void rebuild(struct organizations *o, uint32_t bucket_count,
                    bool (*keep)(const struct organization *which)) {
    struct organization **old = o->buckets;
    uint32_t old_count = o->bucket_count;
    o->bucket_count = bucket_count;
    o->buckets = mem_zalloc(bucket_count * sizeof(struct organization *));
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct organization *which = old[i], *next; which != NULL; which = next) {
            next = which->next;
            if (keep(which)) {
                insert(o, which);
            } else {
                free_one(which);
                o->count--;
            }
        }
    }
    free(old);
}

static bool keep_all(const struct organization *which) {
    (void)which;
    return true;
}

static bool keep_none(const struct organization *which) {
    (void)which;
    return false;
}

static bool keep_needed(const struct organization *which) {
    return which->is_dirty || which->is_touched || which->open.frozen_at_us != 0;
}

// Reads what the rows sum up to.
static int read_sums(sqlite3 *db, struct organization_sums *ret) {
    static const char *const sql =
        "SELECT count(*), coalesce(sum(running), 0), coalesce(sum(waiting), 0),"
        " coalesce(sum(success), 0), coalesce(sum(failure), 0), coalesce(sum(cancelled), 0)"
        " FROM organization WHERE revision>0";
    sqlite3_stmt *s = NULL;
    int rc = sqlite_prepare_all(db, &sql, 1, &s);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(s);
    }
    if (rc == SQLITE_ROW) {
        ret->count = sqlite3_column_int64(s, 0);
        for (int status = 1; status < RUN_STATUS_COUNT; status++) {
            ret->runs[status] = sqlite3_column_int64(s, status);
        }
        rc = SQLITE_OK;
    }
    sqlite_finalize_all(&s, 1);
    return rc;
}

// Has those that are frozen in memory, where they stay.
static int read_frozen(struct organizations *o, sqlite3 *db) {
    static const char *const sql = "SELECT name FROM organization WHERE frozen_at<>0";
    sqlite3_stmt *s = NULL;
    int rc = sqlite_prepare_all(db, &sql, 1, &s);
    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct organization *which;
        rc = organizations_find(o, sqlite_column_peek(s, 0), &which);
        o->frozen++;
    }
    sqlite_finalize_all(&s, 1);
    o->committed_frozen = o->frozen;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int organizations_init(struct organizations *o, sqlite3 *db) {
    static const char *const select = ORGANIZATION_HEAD_SQL;
    static const char *const write =
        "INSERT INTO organization(name, revision, newest_event, floor_revision, frozen_at, running,"
        " waiting, success, failure, cancelled, stored_bytes, bytes_as_of_event, bytes_of_runs)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?3, ?6+?7+?8+?9+?10)"
        " ON CONFLICT(name) DO UPDATE SET revision=excluded.revision,"
        " newest_event=excluded.newest_event, floor_revision=excluded.floor_revision,"
        " frozen_at=excluded.frozen_at, running=excluded.running, waiting=excluded.waiting,"
        " success=excluded.success, failure=excluded.failure, cancelled=excluded.cancelled,"
        " stored_bytes=excluded.stored_bytes, bytes_as_of_event=excluded.bytes_as_of_event,"
        " bytes_of_runs=excluded.bytes_of_runs";
    *o = (struct organizations){.bucket_count = BUCKETS_MIN};
    pthread_mutex_init(&o->lock, NULL);
    o->buckets = mem_zalloc(o->bucket_count * sizeof(struct organization *));
    int rc = sqlite_prepare_all(db, &select, 1, &o->select);
    if (rc == SQLITE_OK) {
        rc = sqlite_prepare_all(db, &write, 1, &o->write);
    }
    if (rc == SQLITE_OK) {
        rc = read_sums(db, &o->sums);
    }
    return rc == SQLITE_OK ? read_frozen(o, db) : rc;
}

void organizations_release(struct organizations *o) {
    if (o->buckets != NULL) {
        rebuild(o, 1, keep_none);
        free(o->buckets);
        pthread_mutex_destroy(&o->lock);
    }
    free(o->commits);
    list_release(&o->touched);
    list_release(&o->dirty);
    list_release(&o->flushing);
    sqlite_finalize_all(&o->select, 1);
    sqlite_finalize_all(&o->write, 1);
    *o = (struct organizations){.buckets = NULL};
}

static int64_t count_runs(const struct organization_head *head) {
    int64_t count = 0;
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        count += head->runs[status];
    }
    return count;
}

static void read_bytes(sqlite3_stmt *s, struct organization_head *ret) {
    enum { FIRST = 3 + RUN_STATUS_COUNT };
    ret->stored_bytes = sqlite3_column_int64(s, FIRST);
    ret->has_old_bytes = sqlite3_column_int64(s, FIRST + 1) != ret->event ||
                         sqlite3_column_int64(s, FIRST + 2) != count_runs(ret);
}

int organizations_read_head(sqlite3_stmt *s, struct slice name, struct organization_head *ret) {
    *ret = (struct organization_head){.revision = 0};
    sqlite_bind_text(s, 1, name);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret = (struct organization_head){
            .revision = sqlite3_column_int64(s, 0),
            .event = sqlite3_column_int64(s, 1),
            .floor = sqlite3_column_int64(s, 2),
            .frozen_at_us = sqlite3_column_int64(s, 3),
        };
        for (int status = 1; status < RUN_STATUS_COUNT; status++) {
            ret->runs[status] = sqlite3_column_int64(s, 3 + status);
        }
        read_bytes(s, ret);
        rc = ret->floor < 0 || ret->floor > ret->revision ? SQLITE_CORRUPT : SQLITE_ROW;
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Returns the organization's entry, NULL if it has none.
static struct organization *look_up(const struct organizations *o, struct slice name) {
    struct organization *which = *bucket_of(o, name);
    while (which != NULL && !slice_equal(which->name, name)) {
        which = which->next;
    }
    return which;
}

bool organizations_peek(struct organizations *o, struct slice name, struct organization_head *ret) {
    pthread_mutex_lock(&o->lock);
    const struct organization *which = look_up(o, name);
    if (which != NULL) {
        *ret = which->committed;
        if (which->rising_floor > ret->floor) {
            // Above what is committed nothing goes.
            ret->floor = which->rising_floor < ret->revision ? which->rising_floor : ret->revision;
        }
    }
    pthread_mutex_unlock(&o->lock);
    return which != NULL;
}

int organizations_find(struct organizations *o, struct slice name, struct organization **ret) {
    *ret = look_up(o, name);
    if (*ret != NULL) {
        return SQLITE_OK;
    }
    struct organization found = {.is_touched = false};
    int rc = organizations_read_head(o->select, name, &found.committed);
    if (rc != SQLITE_OK) {
        return rc;
    }
    found.open = found.committed;
    struct organization *which = mem_alloc(sizeof(*which));
    uint8_t *copy = mem_alloc(name.len + 1);
    if (name.len > 0) {
        memcpy(copy, name.data, name.len);
    }
    found.name = slice_of(copy, name.len);
    *which = found;
    pthread_mutex_lock(&o->lock);
    if ((uint32_t)o->count >= o->bucket_count) {
        rebuild(o, o->bucket_count * 2, keep_all);
    }
    insert(o, which);
    o->count++;
    pthread_mutex_unlock(&o->lock);
    *ret = which;
    return SQLITE_OK;
}

// The open transaction changes which.
static void touch(struct organizations *o, struct organization *which) {
    if (!which->is_touched) {
        which->is_touched = true;
        list_add(&o->touched, which);
    }
}

void organizations_advance(struct organizations *o, struct organization *which, int64_t event_key) {
    which->open.revision++;
    which->open.event = event_key;
    touch(o, which);
}

int organizations_raise_floor(struct organizations *o, struct organization *which, int64_t floor) {
    which->open.floor = floor;
    touch(o, which);
    pthread_mutex_lock(&o->lock);
    which->rising_floor = floor;
    pthread_mutex_unlock(&o->lock);
    return organizations_write(o, which);
}

void organizations_count(struct organizations *o, struct organization *which, int from, int to) {
    if (from != 0) {
        which->open.runs[from]--;
    }
    if (to != 0) {
        which->open.runs[to]++;
    }
    touch(o, which);
}

// Has the row of which written at the transaction's end.
static void make_due(struct organizations *o, struct organization *which) {
    o->due += !which->is_due;
    which->is_due = true;
}

void organizations_gone(struct organizations *o, struct organization *which, int status) {
    organizations_count(o, which, status, 0);
    make_due(o, which);
}

void organizations_store(struct organizations *o, struct organization *which, int64_t bytes) {
    which->open.stored_bytes += bytes;
    touch(o, which);
}

void organizations_unstore(struct organizations *o, struct organization *which, int64_t bytes) {
    organizations_store(o, which, -bytes);
    make_due(o, which);
}

void organizations_set_stored(struct organizations *o, struct organization *which, int64_t bytes) {
    which->open.stored_bytes = bytes;
    which->open.has_old_bytes = false;
    touch(o, which);
}

int organizations_settle(struct organizations *o) {
    int rc = SQLITE_OK;
    for (int i = 0; o->due > 0 && rc == SQLITE_OK && i < o->touched.count; i++) {
        struct organization *which = o->touched.items[i];
        if (which->is_due) {
            which->is_due = false;
            o->due--;
            rc = organizations_write(o, which);
        }
    }
    return rc;
}

int organizations_set_frozen(struct organizations *o, struct organization *which, int64_t at_us) {
    o->frozen += (at_us != 0) - (which->open.frozen_at_us != 0);
    which->open.frozen_at_us = at_us;
    touch(o, which);
    return organizations_write(o, which);
}

bool organizations_is_frozen_own(const struct organizations *o, struct slice name) {
    const struct organization *which = o->frozen == 0 ? NULL : look_up(o, name);
    return which != NULL && which->open.frozen_at_us != 0;
}

bool organizations_is_frozen(struct organizations *o, struct slice name) {
    struct organization_head head;
    return organizations_peek(o, name, &head) && head.frozen_at_us != 0;
}

bool organizations_any_is_frozen(struct organizations *o) {
    pthread_mutex_lock(&o->lock);
    bool is_any = o->committed_frozen != 0;
    pthread_mutex_unlock(&o->lock);
    return is_any;
}

struct organization_sums organizations_sum(struct organizations *o) {
    pthread_mutex_lock(&o->lock);
    struct organization_sums sums = o->sums;
    pthread_mutex_unlock(&o->lock);
    return sums;
}

void organizations_collect(struct organizations *o) {
    o->collects = true;
}

// Collects what the commit did to which, if it made an event of it.
static void collect(struct organizations *o, const struct organization *which) {
    if (which->kinds == 0) {
        return;
    }
    if (o->commit_count == o->commit_capacity) {
        o->commit_capacity = o->commit_capacity == 0 ? 16 : o->commit_capacity * 2;
        o->commits =
            mem_realloc(o->commits, (size_t)o->commit_capacity * sizeof(struct store_commit));
    }
    o->commits[o->commit_count++] = (struct store_commit){
        .organization = which->name,
        .revision = which->open.revision,
        .kinds = which->kinds,
        .opened = which->opened,
    };
}

// Has the sums and what is committed say what the transaction made of which. With the lock held.
static void publish(struct organizations *o, struct organization *which) {
    o->sums.count += (which->open.revision > 0) - (which->committed.revision > 0);
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        o->sums.runs[status] += which->open.runs[status] - which->committed.runs[status];
    }
    which->committed = which->open;
}

void organizations_committed(struct organizations *o) {
    o->commit_count = 0;
    o->flushed = o->taken;
    if (o->touched.count == 0) {
        return;
    }
    pthread_mutex_lock(&o->lock);
    for (int i = 0; i < o->touched.count; i++) {
        publish(o, o->touched.items[i]);
        o->touched.items[i]->rising_floor = 0;
    }
    o->committed_frozen = o->frozen;
    pthread_mutex_unlock(&o->lock);
    for (int i = 0; i < o->touched.count; i++) {
        struct organization *which = o->touched.items[i];
        if (o->collects) {
            collect(o, which);
        }
        which->kinds = 0;
        which->opened = 0;
        which->is_touched = false;
        if (!which->is_dirty) {
            which->is_dirty = true;
            list_add(&o->dirty, which);
        }
    }
    o->touched.count = 0;
}

void organizations_rolled_back(struct organizations *o) {
    pthread_mutex_lock(&o->lock);
    for (int i = 0; i < o->touched.count; i++) {
        struct organization *which = o->touched.items[i];
        which->kinds = 0;
        which->opened = 0;
        which->is_touched = false;
        which->is_due = false;
        o->frozen += (which->committed.frozen_at_us != 0) - (which->open.frozen_at_us != 0);
        which->open = which->committed;
        which->rising_floor = 0;
    }
    pthread_mutex_unlock(&o->lock);
    o->touched.count = 0;
    o->due = 0;
    o->taken = o->flushed;
}

void organizations_freeze(struct organizations *o) {
    struct organization_list empty = o->flushing;
    empty.count = 0;
    o->flushing = o->dirty;
    o->dirty = empty;
    o->taken = 0;
    o->flushed = 0;
    // What changes from here on is dirty anew: its row will be behind again.
    for (int i = 0; i < o->flushing.count; i++) {
        o->flushing.items[i]->is_dirty = false;
    }
}

const struct organization *organizations_take(struct organizations *o) {
    return o->taken == o->flushing.count ? NULL : o->flushing.items[o->taken++];
}

int organizations_write(struct organizations *o, const struct organization *which) {
    sqlite_bind_text(o->write, 1, which->name);
    sqlite3_bind_int64(o->write, 2, which->open.revision);
    sqlite3_bind_int64(o->write, 3, which->open.event);
    sqlite3_bind_int64(o->write, 4, which->open.floor);
    sqlite3_bind_int64(o->write, 5, which->open.frozen_at_us);
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        sqlite3_bind_int64(o->write, 5 + status, which->open.runs[status]);
    }
    sqlite3_bind_int64(o->write, 5 + RUN_STATUS_COUNT, which->open.stored_bytes);
    return sqlite_step_once(o->write);
}

void organizations_retire(struct organizations *o, int kept) {
    o->flushing.count = 0;
    o->taken = 0;
    o->flushed = 0;
    if (o->count > kept) {
        pthread_mutex_lock(&o->lock);
        rebuild(o, o->bucket_count, keep_needed);
        pthread_mutex_unlock(&o->lock);
    }
}
