#include "storage/postgres/postgres_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "storage/op_queue.h"
#include "storage/postgres/connection_metrics.h"
#include "storage/postgres/reader.h"
#include "storage/postgres/replication.h"
#include "storage/postgres/schema.h"
#include "storage/postgres/store_health.h"
#include "storage/postgres/store_news.h"
#include "storage/postgres/watcher.h"
#include "storage/postgres/writer.h"

struct postgres_store {
    struct run_store base;
    char *conninfo;
    char *direct_conninfo;
    int queue_limit;
    struct logger silent; // where no logger was given
    const struct logger *log;
    struct store_metrics metrics;
    struct connection_metrics connection_metrics;
    struct store_health health;
    struct replication_guard guard;
    struct store_news *news;
    struct pg_timeline timeline; // of all connections that go without a pooler
    struct pg_watcher *watcher;
    struct pg_readers *readers;
    struct pg_writers *writers;
};

// --- operations ---

// Answers op where it is not to be carried out at all.
static bool refuse(struct postgres_store *s, struct store_op *op) {
    op->detail = NULL;
    if (op->deadline_us != 0 && clock_monotonic_us() >= op->deadline_us) {
        op->result = STORE_EXPIRED;
    } else if (!store_op_is_too_large(op)) {
        return false;
    }
    store_metrics_answer(&s->metrics, op);
    return true;
}

static void submit(struct run_store *store, struct store_op *op) {
    struct postgres_store *s = (struct postgres_store *)store;
    if (refuse(s, op)) {
        return;
    }
    bool fits =
        store_op_is_change(op) ? pg_writers_push(s->writers, op) : pg_readers_push(s->readers, op);
    if (!fits) {
        op->result = STORE_BUSY;
        op->detail = arena_printf(op->arena, "%d operations wait already", s->queue_limit);
        store_metrics_answer(&s->metrics, op);
    }
}

// --- what the threads ask and tell ---

static void look_at_guard(void *context, struct arena *a, struct pg_writer_guard *ret) {
    struct postgres_store *s = context;
    ret->allows = replication_guard_allows(&s->guard, a, &ret->standby_names, &ret->detail);
}

static void on_commit(void *context, const struct store_commit *commits, int count) {
    struct postgres_store *s = context;
    store_news_tell(s->news, commits, count);
    pg_watcher_note_change(s->watcher);
}

static void on_health(void *context, bool works, const char *detail) {
    struct postgres_store *s = context;
    store_health_say(&s->health, STORE_HEALTH_WRITERS, works, detail);
}

static void collect(void *context, struct metrics_collection *collection) {
    struct postgres_store *s = context;
    struct pg_readers_use readers = pg_readers_look(s->readers);
    struct pg_writers_use writers = pg_writers_look(s->writers);
    struct pg_watcher_use watcher = pg_watcher_look(s->watcher);
    store_metrics_collect_queue(&s->metrics, collection, STORE_READS, readers.waiting,
                                s->queue_limit);
    store_metrics_collect_queue(&s->metrics, collection, STORE_CHANGES,
                                pg_writers_waiting(s->writers), s->queue_limit);
    metrics_collect(collection, s->metrics.readers_busy, NULL, readers.at_work);
    connection_metrics_collect(&s->connection_metrics, collection, "reader", PG_READERS,
                               readers.open, readers.reconnects);
    connection_metrics_collect(&s->connection_metrics, collection, "writer", writers.connections,
                               writers.open, writers.reconnects);
    connection_metrics_collect(&s->connection_metrics, collection, "watcher", 1, watcher.is_open,
                               watcher.reconnects);
}

// --- the store ---

static void release(struct postgres_store *s) {
    store_news_free(s->news);
    replication_guard_release(&s->guard);
    store_health_release(&s->health);
    store_metrics_release(&s->metrics);
    free(s->conninfo);
    free(s->direct_conninfo);
    free(s);
}

static void close_store(struct run_store *store) {
    struct postgres_store *s = (struct postgres_store *)store;
    metrics_remove_collectors(s->metrics.registry, s);
    pg_readers_stop(s->readers);
    pg_writers_stop(s->writers);
    pg_watcher_stop(s->watcher);
    release(s);
}

static const struct run_store_ops interface = {
    .name = "postgres",
    .submit = submit,
    .close = close_store,
};

static const struct error *start_watcher(struct arena *a, struct postgres_store *s,
                                         const char *name,
                                         const struct run_store_options *options) {
    struct pg_watcher_surroundings around = {
        .connection = {.conninfo = s->direct_conninfo != NULL ? s->direct_conninfo : s->conninfo,
                       .log = s->log,
                       .timeline = &s->timeline},
        .news = s->news,
        .guard = &s->guard,
        .metrics = &s->metrics,
        .log = s->log,
        .on_duty = options->on_duty,
        .on_tokens = options->on_tokens,
        .context = options->context,
    };
    struct pg_schema_row row;
    const struct error *e = pg_watcher_start(a, name, &around, &row, &s->watcher);
    if (e == NULL) {
        memcpy(s->base.secret, row.secret, sizeof(s->base.secret));
        s->base.epoch = row.epoch;
    }
    return e;
}

static void start_others(struct postgres_store *s) {
    struct pg_connection_options connection = {
        .conninfo = s->conninfo,
        .is_pooled = s->direct_conninfo != NULL,
        .log = s->log,
        .timeline = &s->timeline,
    };
    s->readers = pg_readers_start(&(struct pg_reader_surroundings){
        .connection = connection,
        .queue_limit = s->queue_limit,
        .confirms = s->guard.required > 0,
        .metrics = &s->metrics,
        .log = s->log,
        .health = &s->health,
    });
    s->writers = pg_writers_start(&(struct pg_writer_surroundings){
        .connection = connection,
        .queue_limit = s->queue_limit,
        .metrics = &s->metrics,
        .log = s->log,
        .look_at_guard = look_at_guard,
        .on_commit = on_commit,
        .on_health = on_health,
        .context = s,
    });
}

const struct error *postgres_store_open(struct arena *a, const char *name, const char *conninfo,
                                        const char *direct_conninfo,
                                        const struct run_store_options *options,
                                        struct run_store **ret_store) {
    struct postgres_store *s = mem_zalloc(sizeof(*s));
    s->base.ops = &interface;
    s->base.is_shared = true;
    s->conninfo = mem_strdup(conninfo);
    s->direct_conninfo = direct_conninfo != NULL ? mem_strdup(direct_conninfo) : NULL;
    s->queue_limit = options->queue_limit > 0 ? options->queue_limit : OP_QUEUE_DEFAULT_LIMIT;
    s->silent = (struct logger){.fd = -1, .level = LOG_ERROR + 1, .program = ""};
    s->log = options->log != NULL ? options->log : &s->silent;
    store_metrics_init(&s->metrics, options->metrics);
    connection_metrics_init(&s->connection_metrics, options->metrics);
    store_health_init(&s->health, options, s->log, PG_READERS);
    replication_guard_init(&s->guard, options->require_replicas, &s->health, options->metrics);
    s->news = store_news_new(options);
    const struct error *e = start_watcher(a, s, name, options);
    if (e != NULL) {
        release(s);
        return e;
    }
    start_others(s);
    metrics_add_collector(options->metrics, collect, s);
    *ret_store = &s->base;
    return NULL;
}
