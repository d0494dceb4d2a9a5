#include "storage/sqlite/sqlite_store.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core/memory.h"
#include "storage/op_queue.h"
#include "storage/read_queue.h"
#include "storage/sqlite/cache_shares.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/copy_mark.h"
#include "storage/sqlite/file_guard.h"
#include "storage/sqlite/history.h"
#include "storage/sqlite/holder_file.h"
#include "storage/sqlite/migration.h"
#include "storage/sqlite/opening.h"
#include "storage/sqlite/organizations.h"
#include "storage/sqlite/pending.h"
#include "storage/sqlite/read_health.h"
#include "storage/sqlite/reader.h"
#include "storage/sqlite/run_counts.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/snapshot_gate.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/sqlite_store_internal.h"
#include "storage/sqlite/store_check.h"
#include "storage/sqlite/store_failure.h"
#include "storage/sqlite/store_file.h"
#include "storage/sqlite/store_path.h"
#include "storage/sqlite/stored_bytes.h"
#include "storage/sqlite/writer.h"

// How many readers there are: so many reads of the disk overlap.
enum { STORE_READERS = 4 };

struct sqlite_store {
    struct run_store base;
    char *name; // as it was given
    char *path; // with symbolic links followed
    int lock_fd;
    struct logger silent; // where no logger was given
    struct store_metrics metrics;
    struct store_failure failure;
    void (*on_opening)(void *context, const char *step); // as run_store_options has it
    struct file_guard guard;
    struct history history;
    struct cache_shares cache;
    sqlite3 *write_db;
    sqlite3 *read_dbs[STORE_READERS];
    struct op_queue writes;
    struct read_queue reads;
    struct snapshot_gate gate;
    struct pending pending;
    struct organizations organizations;
    struct run_counts counts;
    struct writer writer;
    struct read_health read_health;
    struct reader readers[STORE_READERS];
};

static void submit(struct run_store *store, struct store_op *op) {
    struct sqlite_store *s = (struct sqlite_store *)store;
    if (store_failure_is_raised(&s->failure)) {
        store_failure_answer(&s->failure, op);
        return;
    }
    bool fits = store_op_is_change(op)
                    ? op_queue_push(&s->writes, op)
                    : read_queue_push(&s->reads, op, sqlite_ops[op->kind->index]->is_long);
    if (!fits) {
        op->result = STORE_BUSY;
        op->detail = arena_printf(op->arena, "%d operations wait already", s->writes.limit);
        store_metrics_answer(&s->metrics, op);
    }
}

// Closes what was opened so far, in the order that SQLite needs: statements, the readers, the
// writer.
static void close_connections(struct sqlite_store *s) {
    organizations_release(&s->organizations);
    run_counts_release(&s->counts);
    for (int i = 0; i < STORE_READERS; i++) {
        reader_detach(&s->readers[i]);
        sqlite3_close(s->read_dbs[i]);
        s->read_dbs[i] = NULL;
    }
    writer_detach(&s->writer);
    sqlite3_close(s->write_db);
    s->write_db = NULL;
    history_release(&s->history);
    file_guard_release(&s->guard);
}

// Releases all, and the lock last.
static void release(struct sqlite_store *s) {
    close_connections(s);
    read_health_release(&s->read_health);
    read_queue_destroy(&s->reads);
    op_queue_destroy(&s->writes);
    snapshot_gate_destroy(&s->gate);
    pending_release(&s->pending);
    store_metrics_release(&s->metrics);
    holder_file_remove(s->path);
    close(s->lock_fd);
    free(s->path);
    free(s->name);
    free(s);
}

// The log is removed by its name: what was laid there instead is another's.
static bool files_hold(const struct sqlite_store *s) {
    if (file_guard_holds(&s->guard)) {
        return true;
    }
    struct arena a;
    arena_init(&a);
    const char *detail = file_guard_explain(&s->guard, &a);
    LOG(s->failure.log, LOG_ERROR,
        "store's files are not where they were; closing leaves all as is",
        log_text("detail", detail != NULL ? detail : "they moved for a while"));
    arena_release(&a);
    return false;
}

static void close_store(struct run_store *store) {
    struct sqlite_store *s = (struct sqlite_store *)store;
    metrics_remove_collectors(s->metrics.registry, s);
    read_queue_close(&s->reads);
    op_queue_close(&s->writes);
    for (int i = 0; i < STORE_READERS; i++) {
        reader_join(&s->readers[i]);
    }
    writer_join(&s->writer);
    if (s->write_db != NULL && !store_failure_is_raised(&s->failure) && files_hold(s)) {
        int rc = history_close(&s->history);
        if (rc != SQLITE_OK) {
            LOG(s->failure.log, LOG_WARN, "store is not noted as closed",
                log_text("detail", sqlite3_errstr(rc)));
        }
        // All is well: let the last connection copy the log and remove it.
        sqlite3_db_config(s->write_db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    release(s);
}

static const struct error *refuse_problems(struct arena *a, const struct sqlite_store *s,
                                           const struct store_problems *problems) {
    return error_new(
        a, STATUS_DATA_LOSS, REASON_NONE,
        "the store \"%s\" is damaged and was left as it is: %s%s; restore a backup, or "
        "see all that is wrong with: runsctl store check --store sqlite:%s",
        s->path, problems->text[0], problems->count > 1 ? " (there is more)" : "", s->path);
}

// Whether all that the tables hold is to be looked at, instead of a sample.
static bool is_checked_whole(const struct sqlite_store *s, const struct opening *o) {
    bool is_copy = opening_is_copy_in_use(o);
    if (is_copy) {
        LOG(s->failure.log, LOG_WARN,
            "store was copied while it was in use or after a crash: checking all of it, which "
            "takes minutes for millions of runs");
    }
    return is_copy;
}

// Looks whether what the tables hold fits together.
static const struct error *check_contents(struct arena *a, struct sqlite_store *s, sqlite3 *db,
                                          const struct opening *o) {
    struct store_problems problems;
    int rc = is_checked_whole(s, o) ? store_check_all(db, a, &problems)
                                    : store_check_sample(db, a, &problems);
    if (rc != SQLITE_OK) {
        return sqlite_error(a, db, rc, s->path, "checking it");
    }
    return problems.count > 0 ? refuse_problems(a, s, &problems) : NULL;
}

// Brings the schema forward, unless what comes of it does not fit together.
static const struct error *upgrade(struct arena *a, struct sqlite_store *s, sqlite3 *db,
                                   const struct opening *o) {
    const struct migration_options options = {
        .is_whole = is_checked_whole(s, o),
        .log = s->failure.log,
        .on_step = s->on_opening,
        .context = s->failure.context,
    };
    struct store_problems problems;
    const struct error *e = migration_run(a, db, s->path, o->schema_version, &options, &problems);
    return e == NULL && problems.count > 0 ? refuse_problems(a, s, &problems) : e;
}

// Reads what the rows do not say yet.
static const struct error *replay_events(struct arena *a, struct sqlite_store *s, sqlite3 *db) {
    const char *problem = NULL;
    int rc = organizations_init(&s->organizations, db);
    if (rc == SQLITE_OK) {
        rc = run_counts_init(&s->counts, db);
    }
    if (rc == SQLITE_OK) {
        rc = applier_replay(a, db, &s->pending, &s->organizations, &s->counts, &problem);
    }
    if (rc != SQLITE_OK) {
        return sqlite_error(a, db, rc, s->path, "reading the events that are not applied");
    }
    rc = problem == NULL ? stored_bytes_fill(db, &s->organizations) : SQLITE_OK;
    if (rc != SQLITE_OK) {
        return sqlite_error(a, db, rc, s->path, "counting the stored bytes of organizations");
    }
    struct store_problems problems = {.text = {problem}, .count = 1};
    return problem == NULL ? NULL : refuse_problems(a, s, &problems);
}

// SQLite's online backup gives its copy the schema cookie 1, which distinguishes it from a
// file that was copied in use: a store must have another. Where that fails (a full
// disk) the copy of a copy may be refused for want of its log.
static int renew_schema_cookie(sqlite3 *db, int64_t *ret_cookie) {
    int rc = sqlite_query_int(db, "PRAGMA schema_version", ret_cookie);
    if (rc == SQLITE_OK && *ret_cookie == 1) {
        rc = sqlite_run(db, "BEGIN IMMEDIATE; CREATE TABLE renewed(x); DROP TABLE renewed; COMMIT");
        if (rc != SQLITE_OK) {
            return sqlite3_get_autocommit(db) != 0 ? SQLITE_OK : sqlite_run(db, "ROLLBACK");
        }
        rc = sqlite_query_int(db, "PRAGMA schema_version", ret_cookie);
    }
    return rc;
}

// What comes after the file was copied is not what came after that moment where it was: revisions
// are given anew, and whoever kept one has to know; attempts are not, for who has one may act by
// it.
static int renew_epoch(struct sqlite_store *s) {
    uint64_t epoch;
    int64_t newest = 0;
    int rc = sqlite_run(s->write_db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = schema_newest_event(s->write_db, &newest);
    }
    if (rc == SQLITE_OK) {
        rc = schema_renew_epoch(s->write_db, &epoch);
    }
    if (rc == SQLITE_OK) {
        rc = schema_raise_attempt_floor(s->write_db);
    }
    if (rc == SQLITE_OK) {
        rc = history_write(&s->history);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_run(s->write_db, "COMMIT");
    }
    if (rc == SQLITE_OK) {
        history_committed(&s->history, newest);
    }
    return rc;
}

// From here on PATH.state says what was acknowledged.
static int keep_history(struct arena *a, struct sqlite_store *s, const struct opening *o) {
    int64_t cookie = 0;
    int rc = renew_schema_cookie(s->write_db, &cookie);
    struct state_file state;
    const char *wrong = state_file_open(&state, a, s->path);
    if (wrong != NULL) {
        LOG(s->failure.log, LOG_WARN, "what is acknowledged is not noted beside the store",
            log_text("detail", wrong));
    }
    history_init(&s->history, s->write_db, &o->now, opening_log_was_copied(o), o->inode, cookie,
                 &state);
    return rc == SQLITE_OK && opening_is_restored(o) ? renew_epoch(s) : rc;
}

// Refuses what is not the whole store, or not sound, and brings its schema forward.
static const struct error *check_and_upgrade(struct arena *a, struct sqlite_store *s, sqlite3 *db,
                                             struct opening *o) {
    const struct error *e = opening_check(o, a, db, false);
    if (e == NULL) {
        e = copy_mark_check(a, db, s->path);
    }
    if (e == NULL) {
        e = schema_probe(a, db, s->path, o->schema_version);
    }
    if (e == NULL) {
        e = o->schema_version < SCHEMA_VERSION ? upgrade(a, s, db, o) : check_contents(a, s, db, o);
    }
    return e == NULL ? replay_events(a, s, db) : e;
}

static const struct error *open_writer(struct arena *a, struct sqlite_store *s) {
    struct opening o;
    opening_look(&o, a, s->path, s->lock_fd);
    int rc = sqlite_connect_writer(s->path, &s->write_db);
    if (rc == SQLITE_OK) {
        rc = sqlite_limit_cache(s->write_db, s->cache.writer_bytes);
    }
    if (rc != SQLITE_OK) {
        return sqlite_error(a, s->write_db, rc, s->path, "opening it");
    }
    const struct error *e = check_and_upgrade(a, s, s->write_db, &o);
    if (e != NULL) {
        return e;
    }
    rc = sqlite_use_wal(s->write_db, o.mode);
    if (rc == SQLITE_OK) {
        rc = keep_history(a, s, &o);
    }
    if (rc == SQLITE_OK) {
        rc = schema_read_secret(s->write_db, s->base.secret);
    }
    if (rc == SQLITE_OK) {
        rc = schema_read_epoch(s->write_db, &s->base.epoch);
    }
    if (rc == SQLITE_OK) {
        rc = writer_attach(&s->writer, s->write_db);
    }
    return rc == SQLITE_OK ? NULL : sqlite_error(a, s->write_db, rc, s->path, "preparing to write");
}

static const struct error *open_readers(struct arena *a, struct sqlite_store *s) {
    for (int i = 0; i < STORE_READERS; i++) {
        int rc = sqlite_connect_reader(s->path, &s->read_dbs[i]);
        if (rc == SQLITE_OK) {
            rc = sqlite_limit_cache(s->read_dbs[i], i == 0 ? s->cache.first_reader_bytes
                                                           : s->cache.other_reader_bytes);
        }
        if (rc == SQLITE_OK) {
            rc = reader_attach(&s->readers[i], s->read_dbs[i]);
        }
        if (rc != SQLITE_OK) {
            return sqlite_error(a, s->read_dbs[i], rc, s->path, "preparing to read");
        }
    }
    read_queue_set_readers(&s->reads, STORE_READERS);
    metrics_gauge_set(s->metrics.readers, STORE_READERS);
    return NULL;
}

// From here on the path has to lead to what is open.
static const struct error *guard_files(struct arena *a, struct sqlite_store *s) {
    const char *wrong = file_guard_init(&s->guard, a, s->name, s->path, s->lock_fd);
    return wrong == NULL ? NULL
                         : error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                                     "the store \"%s\" cannot be opened: %s", s->path, wrong);
}

static const struct error *open_connections(struct arena *a, struct sqlite_store *s) {
    const struct error *e = open_writer(a, s);
    if (e == NULL) {
        e = open_readers(a, s);
    }
    return e == NULL ? guard_files(a, s) : e;
}

// Opens the store to read it where the disk has no room to write: no other connection can
// open it meanwhile, so one reader does it all.
static const struct error *open_without_room(struct arena *a, struct sqlite_store *s) {
    struct opening o;
    opening_look(&o, a, s->path, s->lock_fd);
    int rc = sqlite_connect_alone(s->path, &s->read_dbs[0]);
    if (rc == SQLITE_OK) {
        rc = sqlite_limit_cache(s->read_dbs[0], s->cache.first_reader_bytes);
    }
    if (rc != SQLITE_OK) {
        return sqlite_error(a, s->read_dbs[0], rc, s->path, "opening it");
    }
    const struct error *e = check_and_upgrade(a, s, s->read_dbs[0], &o); // none, or it cannot
    if (e != NULL) {
        return e;
    }
    rc = schema_read_secret(s->read_dbs[0], s->base.secret);
    if (rc == SQLITE_OK) {
        rc = schema_read_epoch(s->read_dbs[0], &s->base.epoch);
    }
    if (rc == SQLITE_OK) {
        rc = reader_attach(&s->readers[0], s->read_dbs[0]);
    }
    return rc == SQLITE_OK ? NULL
                           : sqlite_error(a, s->read_dbs[0], rc, s->path, "preparing to read");
}

// See writer_surroundings. What cannot be opened as it should be goes on being read.
static bool reopen(void *context) {
    struct sqlite_store *s = context;
    struct arena a;
    arena_init(&a);
    snapshot_gate_close(&s->gate);
    close_connections(s);
    bool is_open = open_connections(&a, s) == NULL;
    if (!is_open) {
        close_connections(s);
        const struct error *e = open_without_room(&a, s);
        if (e != NULL) {
            store_failure_raise(&s->failure, e->message);
        }
    }
    snapshot_gate_open(&s->gate);
    arena_release(&a);
    return is_open;
}

// Opens the store, for reads alone if the disk is full.
static const struct error *open_all(struct arena *a, struct sqlite_store *s) {
    const struct error *e = open_connections(a, s);
    if (e == NULL || e->reason_id != REASON_DISK_FULL) {
        return e;
    }
    close_connections(s);
    if (open_without_room(a, s) != NULL) {
        return e; // the disk is to blame
    }
    writer_await_room(&s->writer, e->message);
    return NULL;
}

static const struct run_store_ops interface = {
    .name = "sqlite",
    .submit = submit,
    .close = close_store,
};

static void collect_file(const struct sqlite_store *s, struct metrics_collection *collection,
                         const char *file, const char *suffix) {
    char path[PATH_MAX];
    struct stat st;
    int length = snprintf(path, sizeof(path), "%s%s", s->path, suffix);
    if (length < PATH_MAX && stat(path, &st) == 0) {
        metrics_collect(collection, s->metrics.file_bytes, &file, (double)st.st_size);
    }
}

// What is only known when somebody looks. The system has it in memory.
static void collect(void *context, struct metrics_collection *collection) {
    struct sqlite_store *s = context;
    const struct store_metrics *m = &s->metrics;
    struct read_queue_use use = read_queue_look(&s->reads);
    store_metrics_collect_queue(m, collection, STORE_READS, use.waiting, s->reads.limit);
    store_metrics_collect_queue(m, collection, STORE_CHANGES, op_queue_length(&s->writes),
                                s->writes.limit);
    metrics_collect(collection, m->readers_busy, NULL, use.at_work);
    metrics_collect(collection, m->pending_runs, NULL, atomic_load(&s->pending.published));
    collect_file(s, collection, "database", "");
    collect_file(s, collection, "log", "-wal");
    int64_t free_bytes = store_path_free_bytes(s->path);
    if (free_bytes >= 0) {
        metrics_collect(collection, m->disk_free_bytes, NULL, (double)free_bytes);
    }
}

static void start_threads(struct sqlite_store *s) {
    writer_start(&s->writer);
    for (int i = 0; i < STORE_READERS; i++) {
        reader_start(&s->readers[i]);
    }
}

// Only for the message of a process that comes second: a store on a full disk still opens.
static void claim(struct arena *a, const struct sqlite_store *s) {
    const struct error *unnamed = holder_file_claim(a, s->path);
    if (unnamed != NULL) {
        LOG(s->failure.log, LOG_WARN, "store's holder is not named",
            log_text("detail", unnamed->message));
    }
}

const struct error *sqlite_store_open_limited(struct arena *a, const char *path,
                                              const struct run_store_options *options,
                                              const struct pending_limits *limits,
                                              struct run_store **ret_store) {
    int lock_fd;
    bool is_new = access(path, F_OK) != 0;
    const struct error *e = store_file_open(a, path, !options->must_exist, &lock_fd);
    if (e != NULL) {
        return e;
    }
    struct sqlite_store *s = mem_zalloc(sizeof(*s));
    s->base.ops = &interface;
    s->name = mem_strdup(path);
    s->path = mem_strdup(store_path_real(a, path));
    s->lock_fd = lock_fd;
    s->history.state.fd = -1;
    s->silent = (struct logger){.fd = -1, .level = (enum log_level)(LOG_ERROR + 1)};
    store_metrics_init(&s->metrics, options->metrics);
    s->failure.metrics = &s->metrics;
    s->failure.log = options->log != NULL ? options->log : &s->silent;
    s->failure.on_failure = options->on_failure;
    s->failure.on_health = options->on_health;
    s->failure.context = options->context;
    s->on_opening = options->on_opening;
    s->cache = cache_shares_of(options->cache_bytes, STORE_READERS);
    snapshot_gate_init(&s->gate);
    pending_init(&s->pending, limits);
    op_queue_init(&s->writes, options->queue_limit);
    read_queue_init(&s->reads, options->queue_limit);
    struct session_surroundings session = {&s->pending, &s->organizations, &s->counts};
    writer_init(&s->writer, &(struct writer_surroundings){.path = s->path,
                                                          .queue = &s->writes,
                                                          .failure = &s->failure,
                                                          .metrics = &s->metrics,
                                                          .guard = &s->guard,
                                                          .history = &s->history,
                                                          .gate = &s->gate,
                                                          .session = session,
                                                          .reopen = reopen,
                                                          .context = s,
                                                          .on_commit = options->on_commit,
                                                          .listener = options->context});
    read_health_init(&s->read_health, &s->failure);
    for (int i = 0; i < STORE_READERS; i++) {
        reader_init(&s->readers[i], i,
                    &(struct reader_surroundings){.queue = &s->reads,
                                                  .failure = &s->failure,
                                                  .metrics = &s->metrics,
                                                  .gate = &s->gate,
                                                  .health = &s->read_health,
                                                  .session = session});
    }

    claim(a, s);
    e = open_all(a, s);
    if (e != NULL) {
        release(s);
        return e;
    }
    if (is_new) { // a path that was misspelled makes one, too
        LOG(s->failure.log, LOG_INFO, "a new store was made", log_text("store", path));
    }
    start_threads(s);
    metrics_add_collector(s->metrics.registry, collect, s);
    *ret_store = &s->base;
    return NULL;
}

const struct error *sqlite_store_open(struct arena *a, const char *path,
                                      const struct run_store_options *options,
                                      struct run_store **ret_store) {
    struct pending_limits limits = pending_limits_usual();
    return sqlite_store_open_limited(a, path, options, &limits, ret_store);
}
