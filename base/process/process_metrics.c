#include "base/process/process_metrics.h"

#include <stdlib.h>

#include "base/core/build_info.h"
#include "base/core/memory.h"
#include "base/log/log_sink.h"
#include "base/process/process_usage.h"

enum { US_PER_S = 1000000 };

struct process_metrics {
    struct metrics *metrics;
    const struct logger *log;
    struct process_usage_reader *reader;
    struct metrics_family *cpu;
    struct metrics_family *resident;
    struct metrics_family *virtual;
    struct metrics_family *threads;
    struct metrics_family *open_descriptors;
    struct metrics_family *most_descriptors;
    struct metrics_family *start_time;
    struct metrics_family *heap;
    struct metrics_family *dropped_lines;
    struct metrics_family *build;
};

static const struct metrics_info cpu_info = {
    .name = "process_cpu_seconds",
    .unit = "seconds",
    .help = "Time of processors that the process has used, in it and in the kernel for it",
    .kind = METRICS_COUNTER,
};

static const struct metrics_info resident_info = {
    .name = "process_resident_memory_bytes",
    .unit = "bytes",
    .help = "Memory of the process that is in RAM",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info virtual_info = {
    .name = "process_virtual_memory_bytes",
    .unit = "bytes",
    .help = "Addresses that the process has mapped",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info threads_info = {
    .name = "process_threads",
    .help = "Threads of the process",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info open_descriptors_info = {
    .name = "process_open_fds",
    .help = "Open file descriptors",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info most_descriptors_info = {
    .name = "process_max_fds",
    .help = "How many file descriptors the process may have open",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info start_time_info = {
    .name = "process_start_time_seconds",
    .unit = "seconds",
    .help = "When the process began, since the Unix epoch",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info heap_info = {
    .name = "runsd_malloc_bytes",
    .unit = "bytes",
    .help = "Memory of malloc: given out, or idle in its heaps",
    .kind = METRICS_GAUGE,
    .labels = {"state"},
};

static const struct metrics_info dropped_lines_info = {
    .name = "runsd_log_dropped_lines",
    .help = "Lines of the log that were dropped because its reader took none",
    .kind = METRICS_COUNTER,
};

static const struct metrics_info build_info_info = {
    .name = "runsd_build",
    .help = "What the program was built from",
    .kind = METRICS_INFO,
    .labels = {"version", "commit"},
};

// What cannot be found out is left out.
static void collect_known(struct metrics_collection *collection,
                          const struct metrics_family *family, const char *const values[],
                          int64_t value, double per_unit) {
    if (value >= 0) {
        metrics_collect(collection, family, values, (double)value / per_unit);
    }
}

static void collect(void *context, struct metrics_collection *collection) {
    static const char *const used[] = {"used"};
    static const char *const idle[] = {"idle"};
    const struct process_metrics *p = context;
    struct process_usage usage;
    process_usage_read(p->reader, &usage);
    collect_known(collection, p->cpu, NULL, usage.cpu_us, US_PER_S);
    collect_known(collection, p->resident, NULL, usage.resident_bytes, 1);
    collect_known(collection, p->virtual, NULL, usage.virtual_bytes, 1);
    collect_known(collection, p->threads, NULL, usage.threads, 1);
    collect_known(collection, p->open_descriptors, NULL, usage.open_descriptors, 1);
    collect_known(collection, p->most_descriptors, NULL, usage.most_descriptors, 1);
    collect_known(collection, p->start_time, NULL, usage.started_us, US_PER_S);
    collect_known(collection, p->heap, used, usage.heap_used_bytes, 1);
    collect_known(collection, p->heap, idle, usage.heap_idle_bytes, 1);
    uint64_t dropped = p->log->sink != NULL ? log_sink_dropped(p->log->sink) : 0;
    metrics_collect(collection, p->dropped_lines, NULL, (double)dropped);
    const char *const build[] = {build_info.version, build_info.commit};
    metrics_collect(collection, p->build, build, 1);
}

struct process_metrics *process_metrics_start(struct metrics *metrics, const struct logger *log) {
    if (metrics == NULL) {
        return NULL;
    }
    struct process_metrics *p = mem_zalloc(sizeof(*p));
    p->metrics = metrics;
    p->log = log;
    p->reader = process_usage_open();
    p->cpu = metrics_add_family(metrics, &cpu_info);
    p->resident = metrics_add_family(metrics, &resident_info);
    p->virtual = metrics_add_family(metrics, &virtual_info);
    p->threads = metrics_add_family(metrics, &threads_info);
    p->open_descriptors = metrics_add_family(metrics, &open_descriptors_info);
    p->most_descriptors = metrics_add_family(metrics, &most_descriptors_info);
    p->start_time = metrics_add_family(metrics, &start_time_info);
    p->heap = metrics_add_family(metrics, &heap_info);
    p->dropped_lines = metrics_add_family(metrics, &dropped_lines_info);
    p->build = metrics_add_family(metrics, &build_info_info);
    metrics_add_collector(metrics, collect, p);
    return p;
}

void process_metrics_stop(struct process_metrics *p) {
    if (p == NULL) {
        return;
    }
    metrics_remove_collectors(p->metrics, p);
    process_usage_close(p->reader);
    free(p);
}
