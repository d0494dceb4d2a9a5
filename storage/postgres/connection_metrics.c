#include "storage/postgres/connection_metrics.h"

static const struct metrics_info connections_info = {
    .name = "runsd_store_connections",
    .help = "Connections to the database server",
    .kind = METRICS_GAUGE,
    .labels = {"use", "state"},
};

static const struct metrics_info reconnects_info = {
    .name = "runsd_store_reconnects",
    .help = "How often a connection to the database server was opened again",
    .kind = METRICS_COUNTER,
    .labels = {"use"},
};

void connection_metrics_init(struct connection_metrics *m, struct metrics *registry) {
    m->connections = metrics_add_family(registry, &connections_info);
    m->reconnects = metrics_add_family(registry, &reconnects_info);
}

void connection_metrics_collect(const struct connection_metrics *m,
                                struct metrics_collection *collection, const char *use, int count,
                                int open, int64_t reconnects) {
    const char *const is_open[] = {use, "open"};
    const char *const is_closed[] = {use, "closed"};
    metrics_collect(collection, m->connections, is_open, open);
    metrics_collect(collection, m->connections, is_closed, count - open);
    metrics_collect(collection, m->reconnects, &use, (double)reconnects);
}
