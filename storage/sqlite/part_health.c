#include "storage/sqlite/part_health.h"

#include "base/core/clock.h"

void part_health_init(struct part_health *h, enum store_part part, struct store_failure *owner) {
    *h = (struct part_health){.part = part, .owner = owner};
}

static const char *what_broke(const struct part_health *h) {
    switch (h->why) {
    case STORE_DISK_FULL:
        return h->part == STORE_CHANGES ? "the disk is full: the store takes no changes"
                                        : "the disk is full: the store cannot be read";
    case STORE_LOCKED:
        return h->part == STORE_CHANGES ? "another program locks the store: it takes no changes"
                                        : "another program locks the store: it cannot be read";
    case STORE_FROZEN:
        return "the store is frozen by runsctl store freeze: it takes no changes";
    default:
        return h->part == STORE_CHANGES ? "the store takes no changes" : "the store cannot be read";
    }
}

static void tell(const struct part_health *h) {
    if (h->owner->on_health != NULL) {
        h->owner->on_health(h->owner->context, h->part, !h->is_broken);
    }
}

void part_health_break(struct part_health *h, enum store_result why, const char *detail) {
    if (h->is_broken && h->why == why) {
        return;
    }
    bool was_broken = h->is_broken;
    h->is_broken = true;
    h->why = why;
    LOG(h->owner->log, LOG_ERROR, what_broke(h), log_text("detail", detail));
    if (!was_broken) {
        h->probe_at_us = clock_monotonic_us() + PROBE_INTERVAL_US;
        tell(h);
    }
}

void part_health_mend(struct part_health *h) {
    if (!h->is_broken) {
        return;
    }
    h->is_broken = false;
    h->probe_at_us = 0;
    LOG(h->owner->log, LOG_INFO,
        h->part == STORE_CHANGES ? "the store takes changes again" : "the store can be read again");
    tell(h);
}

int64_t part_health_wait_us(const struct part_health *h) {
    if (!h->is_broken) {
        return 0;
    }
    int64_t left_us = h->probe_at_us - clock_monotonic_us();
    return left_us > 1 ? left_us : 1;
}

bool part_health_take_probe(struct part_health *h) {
    if (!h->is_broken) {
        return false;
    }
    int64_t now_us = clock_monotonic_us();
    if (now_us < h->probe_at_us) {
        return false;
    }
    h->probe_at_us = now_us + PROBE_INTERVAL_US;
    return true;
}
