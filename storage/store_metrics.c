#include "storage/store_metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"

enum { RESULTS = STORE_UNAVAILABLE + 1 };

static const char *const part_words[] = {[STORE_READS] = "reads", [STORE_CHANGES] = "changes"};

// A switch, so that the compiler finds a result without a word.
static const char *word_of_result(enum store_result result) {
    switch (result) {
    case STORE_OK:
        return "ok";
    case STORE_NOT_FOUND:
        return "not_found";
    case STORE_CONFLICT:
        return "conflict";
    case STORE_EXISTS:
        return "exists";
    case STORE_EXPIRED:
        return "expired";
    case STORE_BUSY:
        return "busy";
    case STORE_DISK_FULL:
        return "disk_full";
    case STORE_LOCKED:
        return "locked";
    case STORE_FROZEN:
        return "frozen";
    case STORE_UNREACHABLE:
        return "unreachable";
    case STORE_TOO_LARGE:
        return "too_large";
    case STORE_KEY_REUSED:
        return "key_reused";
    case STORE_OVER_QUOTA:
        return "over_quota";
    case STORE_READ_ONLY:
        return "read_only";
    case STORE_STOPPED:
        return "stopped";
    case STORE_UNAVAILABLE:
        return "unavailable";
    }
    CHECK(false);
    return NULL;
}

static const char *const checkpoint_words[STORE_CHECKPOINTS] = {
    [STORE_CHECKPOINT_PIECE] = "piece",
    [STORE_CHECKPOINT_RESTART] = "restart",
    [STORE_CHECKPOINT_TRUNCATE] = "truncate",
};

static const char *const status_words[RUN_STATUS_COUNT] = {
    [RUN_RUNNING] = "running", [RUN_WAITING] = "waiting",     [RUN_SUCCESS] = "success",
    [RUN_FAILURE] = "failure", [RUN_CANCELLED] = "cancelled",
};

// --- what the families are ---

// Microseconds: from what is in memory to a disk that hangs.
static const int64_t time_bounds_us[] = {
    10,    25,    50,    100,    250,    500,    1000,    2500,    5000,
    10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000,
};
enum { TIME_BOUNDS = sizeof(time_bounds_us) / sizeof(time_bounds_us[0]), US_PER_S = 1000000 };

static const int64_t batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};

#define TIMES                                                                                      \
    .unit = "seconds", .kind = METRICS_HISTOGRAM, .per_unit = US_PER_S, .bounds = time_bounds_us,  \
    .bound_count = TIME_BOUNDS
#define BYTES .unit = "bytes", .kind = METRICS_GAUGE

static const struct metrics_info operations_info = {
    .name = "runsd_store_operations",
    .help = "Operations that the store has answered",
    .kind = METRICS_COUNTER,
    .labels = {"operation", "result"},
};

static const struct metrics_info queue_wait_info = {
    .name = "runsd_store_queue_wait_seconds",
    TIMES,
    .help = "Time from when an operation is given to the store until it begins",
    .labels = {"part"},
};

static const struct metrics_info queue_length_info = {
    .name = "runsd_store_queue_length",
    .help = "Operations that wait for a thread of the store",
    .kind = METRICS_GAUGE,
    .labels = {"part"},
};

static const struct metrics_info queue_limit_info = {
    .name = "runsd_store_queue_limit",
    .help = "How many operations may wait; more are answered busy",
    .kind = METRICS_GAUGE,
    .labels = {"part"},
};

static const struct metrics_info batch_operations_info = {
    .name = "runsd_store_batch_operations",
    .help = "Operations in one transaction, which share its sync to the disk",
    .kind = METRICS_HISTOGRAM,
    .bounds = batch_bounds,
    .bound_count = sizeof(batch_bounds) / sizeof(batch_bounds[0]),
};

static const struct metrics_info batch_time_info = {
    .name = "runsd_store_batch_seconds",
    TIMES,
    .help = "Time of a transaction, from its begin until its operations are answered",
};

static const struct metrics_info commit_time_info = {
    .name = "runsd_store_commit_seconds",
    TIMES,
    .help = "Time of the commit of a transaction alone, with its sync to the disk",
};

static const struct metrics_info unknown_commits_info = {
    .name = "runsd_store_unknown_commits",
    .help = "Transactions of which the store cannot say whether they are durable; it has failed",
    .kind = METRICS_COUNTER,
};

static const struct metrics_info read_time_info = {
    .name = "runsd_store_read_seconds",
    TIMES,
    .help = "Time of an operation that reads, once it has begun",
    .labels = {"lane"},
};

static const struct metrics_info reader_turns_info = {
    .name = "runsd_store_reader_turns",
    .help = "Snapshots that a reading thread has begun, each for one operation or more",
    .kind = METRICS_COUNTER,
    .labels = {"thread"},
};

static const struct metrics_info readers_info = {
    .name = "runsd_store_readers",
    .help = "Threads that may read",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info readers_busy_info = {
    .name = "runsd_store_readers_busy",
    .help = "Threads that run an operation that reads",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info checkpoint_time_info = {
    .name = "runsd_store_checkpoint_seconds",
    TIMES,
    .help = "Time of copying the write-ahead log into the database, during which no change is made",
    .labels = {"kind"},
};

static const struct metrics_info sync_time_info = {
    .name = "runsd_store_sync_seconds",
    TIMES,
    .help = "Time of a sync of the database to the disk, beside commits",
};

static const struct metrics_info log_used_info = {
    .name = "runsd_store_log_used_bytes",
    BYTES,
    .help = "What the write-ahead log holds since it began anew",
};

static const struct metrics_info log_kept_info = {
    .name = "runsd_store_log_kept_bytes",
    BYTES,
    .help = "What the write-ahead log's file has held since it was cut",
};

static const struct metrics_info file_bytes_info = {
    .name = "runsd_store_file_bytes",
    BYTES,
    .help = "Sizes of the store's files",
    .labels = {"file"},
};

static const struct metrics_info disk_free_info = {
    .name = "runsd_store_disk_free_bytes",
    BYTES,
    .help = "What the file system of the store has free for this program",
};

static const struct metrics_info pending_runs_info = {
    .name = "runsd_store_pending_runs",
    .help = "Runs whose rows are yet to be brought up to date with their events",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info memory_info = {
    .name = "runsd_store_memory_bytes",
    BYTES,
    .help = "Memory of a thread's connection to the store, as it said when it last worked",
    .labels = {"thread", "use"},
};

static const struct metrics_info cache_limit_info = {
    .name = "runsd_store_cache_limit_bytes",
    BYTES,
    .help = "How much of it pages of the store's file may take",
    .labels = {"thread"},
};

static const struct metrics_info cache_lookups_info = {
    .name = "runsd_store_cache_lookups",
    .help = "Pages that were looked for in memory",
    .kind = METRICS_COUNTER,
    .labels = {"thread", "result"},
};

static const struct metrics_info runs_info = {
    .name = "runsd_store_runs",
    .help = "Runs of all organizations",
    .kind = METRICS_GAUGE,
    .labels = {"status"},
};

static const struct metrics_info organizations_info = {
    .name = "runsd_store_organizations",
    .help = "Organizations that have, or had, a run",
    .kind = METRICS_GAUGE,
};

// --- the registry's ---

static void add_children(struct metrics *registry, const struct metrics_info *info,
                         const char *const *words, size_t count, struct metrics_child **ret) {
    struct metrics_family *family = metrics_add_family(registry, info);
    for (size_t i = 0; i < count; i++) {
        ret[i] = words[i] != NULL ? metrics_child(family, &words[i]) : NULL;
    }
}

void store_metrics_init(struct store_metrics *m, struct metrics *registry) {
    static const char *const lanes[] = {"quick", "long"};
    *m = (struct store_metrics){.registry = registry};
    m->operations = metrics_add_family(registry, &operations_info);
    m->results = mem_zalloc((size_t)store_kinds_count * RESULTS * sizeof(*m->results));
    add_children(registry, &queue_wait_info, part_words, 2, m->queue_wait);
    m->queue_length = metrics_add_family(registry, &queue_length_info);
    m->queue_limit = metrics_add_family(registry, &queue_limit_info);
    m->batch_operations = metrics_add(registry, &batch_operations_info);
    m->batch_time = metrics_add(registry, &batch_time_info);
    m->commit_time = metrics_add(registry, &commit_time_info);
    m->unknown_commits = metrics_add(registry, &unknown_commits_info);
    add_children(registry, &read_time_info, lanes, 2, m->read_time);
    m->reader_turns = metrics_add_family(registry, &reader_turns_info);
    m->readers = metrics_add(registry, &readers_info);
    m->readers_busy = metrics_add_family(registry, &readers_busy_info);
    add_children(registry, &checkpoint_time_info, checkpoint_words, STORE_CHECKPOINTS,
                 m->checkpoint_time);
    m->sync_time = metrics_add(registry, &sync_time_info);
    m->log_used_bytes = metrics_add(registry, &log_used_info);
    m->log_kept_bytes = metrics_add(registry, &log_kept_info);
    m->file_bytes = metrics_add_family(registry, &file_bytes_info);
    m->disk_free_bytes = metrics_add_family(registry, &disk_free_info);
    m->pending_runs = metrics_add_family(registry, &pending_runs_info);
    m->memory_bytes = metrics_add_family(registry, &memory_info);
    m->cache_limit_bytes = metrics_add_family(registry, &cache_limit_info);
    m->cache_lookups = metrics_add_family(registry, &cache_lookups_info);
    add_children(registry, &runs_info, status_words, RUN_STATUS_COUNT, m->runs);
    m->organizations = metrics_add(registry, &organizations_info);
}

void store_metrics_release(struct store_metrics *m) {
    free(m->results);
    m->results = NULL;
}

void store_metrics_answer(struct store_metrics *m, struct store_op *op) {
    _Atomic(struct metrics_child *) *place =
        &m->results[op->kind->index * RESULTS + (int)op->result];
    struct metrics_child *child = atomic_load_explicit(place, memory_order_acquire);
    if (child == NULL && m->operations != NULL) {
        const char *const values[] = {op->kind->name, word_of_result(op->result)};
        child = metrics_child(m->operations, values);
        atomic_store_explicit(place, child, memory_order_release);
    }
    metrics_counter_add(child, 1);
    op->done(op);
}

void store_metrics_set_runs(struct store_metrics *m, const int64_t runs[RUN_STATUS_COUNT],
                            int64_t organizations) {
    for (int i = 1; i < RUN_STATUS_COUNT; i++) {
        metrics_gauge_set(m->runs[i], runs[i]);
    }
    metrics_gauge_set(m->organizations, organizations);
}

void store_metrics_collect_queue(const struct store_metrics *m,
                                 struct metrics_collection *collection, enum store_part part,
                                 int length, int limit) {
    metrics_collect(collection, m->queue_length, &part_words[part], length);
    metrics_collect(collection, m->queue_limit, &part_words[part], limit);
}
