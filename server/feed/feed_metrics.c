#include "server/feed/feed_metrics.h"

static const char *const message_words[FEED_MESSAGES] = {
    [FEED_MESSAGE_CHANGE] = "change",
    [FEED_MESSAGE_RUN] = "run",
    [FEED_MESSAGE_SNAPSHOT_END] = "snapshot_end",
    [FEED_MESSAGE_BOOKMARK] = "bookmark",
};

static const int64_t delivery_bounds_us[] = {
    100,   250,    500,    1000,   2500,    5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

enum { US_PER_S = 1000000 };

static const struct metrics_info sent_info = {
    .name = "runsd_feed_messages",
    .help = "Messages that were sent to watches",
    .kind = METRICS_COUNTER,
    .labels = {"kind"},
};

static const struct metrics_info delivery_info = {
    .name = "runsd_feed_delivery_seconds",
    .unit = "seconds",
    .help = "Time from a commit until what it changed was sent to all watches of the organization "
            "that had everything before it",
    .kind = METRICS_HISTOGRAM,
    .per_unit = US_PER_S,
    .bounds = delivery_bounds_us,
    .bound_count = sizeof(delivery_bounds_us) / sizeof(delivery_bounds_us[0]),
};

static const struct metrics_info limit_info = {
    .name = "runsd_watches_limit",
    .help = "How many watches may be open",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info watches_info = {
    .name = "runsd_watches",
    .help = "Open watches",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info behind_info = {
    .name = "runsd_watches_behind",
    .help = "Watches past their snapshot that have not been sent everything yet",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info lag_revisions_info = {
    .name = "runsd_feed_lag_revisions",
    .help = "Committed changes that the watch which is furthest behind has still to look at",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info lag_seconds_info = {
    .name = "runsd_feed_lag_seconds",
    .unit = "seconds",
    .help = "For how long a watch has not had everything, to a tenth of a second; 0 if none is "
            "behind",
    .kind = METRICS_GAUGE,
};

static const struct metrics_info held_info = {
    .name = "runsd_feed_held_bytes",
    .unit = "bytes",
    .help = "Memory of changes and runs that were read and encoded for watches",
    .kind = METRICS_GAUGE,
};

void feed_metrics_init(struct feed_metrics *m, struct metrics *registry, int max_watches) {
    *m = (struct feed_metrics){.registry = registry};
    struct metrics_family *sent = metrics_add_family(registry, &sent_info);
    for (int i = 0; i < FEED_MESSAGES; i++) {
        m->sent[i] = metrics_child(sent, &message_words[i]);
    }
    m->delivery_time = metrics_add(registry, &delivery_info);
    m->limit = metrics_add(registry, &limit_info);
    metrics_gauge_set(m->limit, max_watches);
    m->watches = metrics_add_family(registry, &watches_info);
    m->behind = metrics_add_family(registry, &behind_info);
    m->lag_revisions = metrics_add_family(registry, &lag_revisions_info);
    m->lag_seconds = metrics_add_family(registry, &lag_seconds_info);
    m->held_bytes = metrics_add_family(registry, &held_info);
}

void feed_metrics_collect_lag(const struct feed_metrics *m, struct metrics_collection *collection,
                              const struct feed_lag *lag) {
    metrics_collect(collection, m->behind, NULL, lag->watches);
    metrics_collect(collection, m->lag_revisions, NULL, (double)lag->revisions);
    metrics_collect(collection, m->lag_seconds, NULL, (double)lag->age_us / US_PER_S);
}
