#include "base/process/descriptor_limit.h"

#include <inttypes.h>
#include <sys/resource.h>

int64_t descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT64_MAX) {
        return INT64_MAX;
    }
    return (int64_t)limit.rlim_cur;
}

// What the shares add up to, of those that were given or of the others.
static int64_t sum(const struct descriptor_share *shares, size_t count, bool is_given) {
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += shares[i].is_given == is_given ? shares[i].connections : 0;
    }
    return total;
}

static int64_t how_many_are_default(const struct descriptor_share *shares, size_t count) {
    int64_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += !shares[i].is_given;
    }
    return n;
}

// If the given ones do not fit, the error names the greatest.
static const struct error *refuse(struct arena *a, int64_t limit,
                                  const struct descriptor_share *shares, size_t count) {
    const struct descriptor_share *greatest = NULL;
    int64_t others = how_many_are_default(shares, count);
    for (size_t i = 0; i < count; i++) {
        if (shares[i].is_given &&
            (greatest == NULL || shares[i].connections > greatest->connections)) {
            greatest = &shares[i];
        }
    }
    others += greatest != NULL ? sum(shares, count, true) - greatest->connections : 0;
    int64_t possible = limit - DESCRIPTORS_RESERVED - others;
    if (greatest == NULL || possible < 1) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "the limit of open files (ulimit -n) is %" PRId64
                         "; %d are kept for store and logs, so it must be %" PRId64 " at least",
                         limit, DESCRIPTORS_RESERVED,
                         DESCRIPTORS_RESERVED + others + (greatest != NULL));
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "%s: %" PRId64 " is above %" PRId64 ", which is what fits: the limit of open "
                     "files (ulimit -n) is %" PRId64 ", %d are kept for store and logs, %" PRId64
                     " for other connections",
                     greatest->option, greatest->connections, possible, limit, DESCRIPTORS_RESERVED,
                     others);
}

const struct error *descriptor_limit_fit(struct arena *a, int64_t limit,
                                         struct descriptor_share *shares, size_t count) {
    int64_t given = sum(shares, count, true);
    int64_t wanted = sum(shares, count, false);
    int64_t defaults = how_many_are_default(shares, count);
    int64_t left = limit - DESCRIPTORS_RESERVED - given;
    if (left < defaults) {
        return refuse(a, limit, shares, count);
    }
    if (left >= wanted) {
        return NULL;
    }
    // Each gets one, and its proportional part of the rest.
    for (size_t i = 0; i < count; i++) {
        if (!shares[i].is_given) {
            shares[i].connections = 1 + (left - defaults) * shares[i].connections / wanted;
        }
    }
    return NULL;
}

const struct error *descriptor_limit_apply(struct arena *a, const struct logger *log,
                                           struct descriptor_share *shares, size_t count) {
    int64_t limit = descriptor_limit();
    int64_t *before = ARENA_ARRAY(a, int64_t, count);
    for (size_t i = 0; i < count; i++) {
        before[i] = shares[i].connections;
    }
    const struct error *error = descriptor_limit_fit(a, limit, shares, count);
    for (size_t i = 0; i < count && error == NULL; i++) {
        if (shares[i].connections != before[i]) {
            LOG(log, LOG_WARN, "lowered, for the limit of open files (ulimit -n)",
                log_text("option", shares[i].option), log_int("default", before[i]),
                log_int("is", shares[i].connections), log_int("limit", limit));
        }
    }
    return error;
}
