#include "storage/postgres/replication.h"

#include <stdlib.h>

#include "base/core/memory.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/standby_names.h"

// The watcher's own session commits by another synchronous_commit: what a new session of ours has
// is what it would be reset to.
const struct pg_statement replication_look = {
    "look_at_replication",
    "SELECT current_setting('synchronous_standby_names'),"
    " (SELECT reset_val FROM pg_settings WHERE name='synchronous_commit'),"
    " CASE WHEN pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN"
    " (SELECT count(*) FROM pg_stat_replication"
    " WHERE state='streaming' AND sync_state IN ('sync', 'quorum')) END",
};

static const struct metrics_info sync_standbys_info = {
    .name = "runsd_store_sync_standbys",
    .help = "How many standbys the database server has a commit wait for",
    .kind = METRICS_GAUGE,
};

// Of text that PostgreSQL itself does not take it waits for nobody.
static int must_confirm(struct slice standby_names) {
    struct standby_names names;
    return standby_names_parse(standby_names, &names) ? names.must_confirm : 0;
}

const char *replication_refuse_settings(struct arena *a, const struct replication_settings *s,
                                        int required) {
    if (!slice_equal_cstr(s->synchronous_commit, "on") &&
        !slice_equal_cstr(s->synchronous_commit, "remote_apply")) {
        return arena_printf(a,
                            "synchronous_commit is %.*s at the database server, on or remote_apply "
                            "is required",
                            SLICE_FMT(s->synchronous_commit));
    }
    int confirm = must_confirm(s->standby_names);
    if (confirm < required) {
        return arena_printf(a,
                            "the database server has a commit wait for %d synchronous standbys "
                            "(synchronous_standby_names is \"%.*s\"), %d are required "
                            "(--require-replicas)",
                            confirm, SLICE_FMT(s->standby_names), required);
    }
    return NULL;
}

const char *replication_refuse_standbys(struct arena *a, const struct replication_settings *s,
                                        int required) {
    int confirm = must_confirm(s->standby_names);
    if (required == 0 || s->connected < 0 || s->connected >= confirm) {
        return NULL;
    }
    return arena_printf(a,
                        "%d synchronous standbys follow the database server, a commit waits for %d",
                        s->connected, confirm);
}

void replication_guard_init(struct replication_guard *g, int required, struct store_health *health,
                            struct metrics *metrics) {
    *g = (struct replication_guard){.required = required, .health = health};
    pthread_mutex_init(&g->lock, NULL);
    g->sync_standbys = metrics_add(metrics, &sync_standbys_info);
    g->standby_names = mem_strdup("");
}

void replication_guard_release(struct replication_guard *g) {
    free(g->standby_names);
    free(g->why_not);
    pthread_mutex_destroy(&g->lock);
}

const char *replication_guard_see(struct replication_guard *g, struct arena *a,
                                  const PGresult *result) {
    struct replication_settings s = {
        .standby_names = pg_bytes(result, 0, 0),
        .synchronous_commit = pg_bytes(result, 0, 1),
        .connected = pg_is_null(result, 0, 2) ? -1 : (int)pg_int(result, 0, 2),
    };
    const char *by_settings = replication_refuse_settings(a, &s, g->required);
    const char *why_not =
        by_settings != NULL ? by_settings : replication_refuse_standbys(a, &s, g->required);
    pthread_mutex_lock(&g->lock);
    free(g->standby_names);
    g->standby_names = mem_strdup(arena_cstr(a, s.standby_names));
    free(g->why_not);
    g->why_not = why_not != NULL ? mem_strdup(why_not) : NULL;
    pthread_mutex_unlock(&g->lock);
    metrics_gauge_set(g->sync_standbys, must_confirm(s.standby_names));
    store_health_say(g->health, STORE_HEALTH_REPLICATION, why_not == NULL, why_not);
    return by_settings;
}

bool replication_guard_allows(struct replication_guard *g, struct arena *a,
                              const char **ret_standby_names, const char **ret_why_not) {
    *ret_standby_names = NULL;
    *ret_why_not = NULL;
    pthread_mutex_lock(&g->lock);
    bool allows = g->why_not == NULL;
    if (!allows) {
        *ret_why_not = arena_printf(a, "%s", g->why_not);
    } else if (g->required > 0) {
        *ret_standby_names = arena_printf(a, "%s", g->standby_names);
    }
    pthread_mutex_unlock(&g->lock);
    return allows;
}
