#ifndef RUNSD_STORAGE_POSTGRES_STORE_HEALTH_H
#define RUNSD_STORAGE_POSTGRES_STORE_HEALTH_H

#include <pthread.h>
#include <stdbool.h>

#include "storage/run_store.h"

// Whether the parts of a store work, by all that has a say in it. Thread safe.

// Who has a say: each reader in reads, which work as long as any of them can read; writers and
// replication in changes, which work while both say so.
enum store_health_voice {
    STORE_HEALTH_READER, // of the first; the next ones follow from it
    STORE_HEALTH_LAST_READER = STORE_HEALTH_READER + 3,
    STORE_HEALTH_WRITERS,
    STORE_HEALTH_REPLICATION,
    STORE_HEALTH_VOICES,
};

struct store_health {
    pthread_mutex_t lock;
    const struct logger *log;
    void (*on_health)(void *context, enum store_part part, bool works);
    void *context;
    int readers;
    bool is_broken[STORE_HEALTH_VOICES];
};

// All works at first. options is borrowed.
void store_health_init(struct store_health *h, const struct run_store_options *options,
                       const struct logger *log, int readers);
void store_health_release(struct store_health *h);

// Says that it works for that voice or not; detail, for the log, is why not. Logs and tells the
// store's owner where a part stops working or works again.
void store_health_say(struct store_health *h, enum store_health_voice voice, bool works,
                      const char *detail);

#endif
