#ifndef RUNSD_STORAGE_POSTGRES_REPLICATION_H
#define RUNSD_STORAGE_POSTGRES_REPLICATION_H

#include <pthread.h>
#include <stdbool.h>

#include "base/core/arena.h"
#include "base/metrics/metrics.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/store_health.h"

// Whether the server keeps a change as it must before it answers: by what its settings ask for and
// by the standbys that are there. The store's watcher looks, again and again; the writers ask
// before each transaction. Thread safe.

// What the server's settings are.
struct replication_settings {
    struct slice standby_names;      // synchronous_standby_names
    struct slice synchronous_commit; // of a new session of ours
    int connected;                   // synchronous standbys that follow; -1: we may not know
};

// Returns why no change may be acknowledged where required standbys are to confirm each; NULL if it
// may. The text is in a.
const char *replication_refuse_settings(struct arena *a, const struct replication_settings *s,
                                        int required);

// The same for the standbys that are there.
const char *replication_refuse_standbys(struct arena *a, const struct replication_settings *s,
                                        int required);

struct replication_guard {
    pthread_mutex_t lock;
    int required;
    struct store_health *health;
    struct metrics_child *sync_standbys;
    char *standby_names;
    char *why_not; // NULL: changes may be made
};

void replication_guard_init(struct replication_guard *g, int required, struct store_health *health,
                            struct metrics *metrics);
void replication_guard_release(struct replication_guard *g);

// What reads the settings, and takes what it returned. Returns, in a, why the settings are such
// that a store may not be opened, or NULL; they need no standby to be there at that moment.
extern const struct pg_statement replication_look;
const char *replication_guard_see(struct replication_guard *g, struct arena *a,
                                  const PGresult *result);

// Whether changes may be made. *ret_standby_names, in a, is what synchronous_standby_names is to be
// in each transaction; NULL where that is all the same. *ret_why_not is in a.
bool replication_guard_allows(struct replication_guard *g, struct arena *a,
                              const char **ret_standby_names, const char **ret_why_not);

#endif
