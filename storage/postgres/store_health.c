#include "storage/postgres/store_health.h"

void store_health_init(struct store_health *h, const struct run_store_options *options,
                       const struct logger *log, int readers) {
    *h = (struct store_health){
        .log = log,
        .on_health = options->on_health,
        .context = options->context,
        .readers = readers,
    };
    pthread_mutex_init(&h->lock, NULL);
}

void store_health_release(struct store_health *h) {
    pthread_mutex_destroy(&h->lock);
}

static bool works(const struct store_health *h, enum store_part part) {
    if (part == STORE_CHANGES) {
        return !h->is_broken[STORE_HEALTH_WRITERS] && !h->is_broken[STORE_HEALTH_REPLICATION];
    }
    for (int i = 0; i < h->readers; i++) {
        if (!h->is_broken[STORE_HEALTH_READER + i]) {
            return true;
        }
    }
    return false;
}

static void tell(const struct store_health *h, enum store_part part, bool now_works,
                 const char *detail) {
    if (now_works) {
        LOG(h->log, LOG_INFO,
            part == STORE_CHANGES ? "the store takes changes again"
                                  : "the store can be read again");
    } else {
        LOG(h->log, LOG_ERROR,
            part == STORE_CHANGES ? "the store takes no changes" : "the store cannot be read",
            log_text("detail", detail));
    }
    if (h->on_health != NULL) {
        h->on_health(h->context, part, now_works);
    }
}

void store_health_say(struct store_health *h, enum store_health_voice voice, bool voice_works,
                      const char *detail) {
    enum store_part part = voice <= STORE_HEALTH_LAST_READER ? STORE_READS : STORE_CHANGES;
    pthread_mutex_lock(&h->lock);
    bool before = works(h, part);
    h->is_broken[voice] = !voice_works;
    bool after = works(h, part);
    if (before != after) {
        tell(h, part, after, detail);
    }
    pthread_mutex_unlock(&h->lock);
}
