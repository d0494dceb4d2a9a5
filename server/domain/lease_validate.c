#include "server/domain/lease_validate.h"

#include <string.h>

#include "server/domain/run_state.h"

enum { NANOS_PER_S = 1000000000, S_PER_YEAR = 31536000, LONGEST_TIMEOUT_YEARS = 10 };

#define LONGEST_TIMEOUT_S ((int64_t)LONGEST_TIMEOUT_YEARS * S_PER_YEAR)

// --- durations ---

static const char *nanos_text(struct arena *a, int32_t nanos) {
    return nanos == 0 ? "" : arena_printf(a, " and %d nanoseconds", (int)nanos);
}

// Reads a duration of least_s to most_s. Rounds up to a microsecond: what is more than 0 must not
// be nothing.
static void read_duration(struct violations *v, const char *field,
                          const Google__Protobuf__Duration *duration, int64_t least_s,
                          int64_t most_s, int64_t *ret_us) {
    int64_t seconds = duration->seconds;
    int32_t nanos = duration->nanos;
    bool is_within = nanos >= 0 && nanos < NANOS_PER_S && seconds >= least_s &&
                     (seconds < most_s || (seconds == most_s && nanos == 0));
    if (!is_within) {
        violations_add(v, field, "must be from %llds to %llds, got %llds%s", (long long)least_s,
                       (long long)most_s, (long long)seconds, nanos_text(v->arena, nanos));
        return;
    }
    *ret_us = seconds * 1000000 + (nanos + 999) / 1000;
}

void lease_validate_wait(struct violations *v, const Google__Protobuf__Duration *wait,
                         int64_t *ret_us) {
    *ret_us = 0;
    if (wait != NULL) {
        read_duration(v, "wait", wait, 0, LEASE_LONGEST_WAIT_S, ret_us);
    }
}

// --- leases ---

// Whether there is a control character of Unicode (general category Cc) in the text, which is
// UTF-8.
static bool has_control_character(const char *text) {
    for (const uint8_t *p = (const uint8_t *)text; *p != '\0'; p++) {
        if (*p < ' ' || *p == 0x7F || (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0)) {
            return true;
        }
    }
    return false;
}

void lease_validate_holder(struct violations *v, const char *field, const char *holder) {
    size_t bytes = strlen(holder);
    if (bytes == 0) {
        violations_add(v, field, "is required: 1 to %d bytes", LEASE_LONGEST_HOLDER);
    } else if (bytes > LEASE_LONGEST_HOLDER) {
        violations_add(v, field, "has %zu bytes, at most %d are allowed", bytes,
                       LEASE_LONGEST_HOLDER);
    } else if (has_control_character(holder)) {
        violations_add(v, field, "must have no control characters");
    }
}

void lease_validate_wish(struct violations *v, const char *field,
                         const Runs__V1__LeaseRequest *lease, struct lease_wish *ret) {
    *ret = (struct lease_wish){.duration_us = LEASE_DEFAULT_S * INT64_C(1000000)};
    if (lease == NULL) {
        violations_add(v, field, "is required");
        return;
    }
    lease_validate_holder(v, arena_printf(v->arena, "%s.holder", field), lease->holder);
    ret->holder = slice_of_cstr(lease->holder);
    if (lease->duration != NULL) {
        read_duration(v, arena_printf(v->arena, "%s.duration", field), lease->duration,
                      LEASE_LEAST_S, LEASE_MOST_S, &ret->duration_us);
    }
}

void lease_validate_attempt(struct violations *v, const char *field, int64_t attempt,
                            int64_t least) {
    if (attempt < least) {
        violations_add(v, field, "must be at least %lld, got %lld", (long long)least,
                       (long long)attempt);
    }
}

// --- a run to be created ---

static bool check_dispatch(struct violations *v, const Runs__V1__Run *run) {
    switch ((int)run->dispatch) {
    case RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_UNSPECIFIED:
    case RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_EXTERNAL:
        return false;
    case RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_LEASE:
        return true;
    default:
        violations_add(v, "run.dispatch", "must be external or lease, got %d", (int)run->dispatch);
        return false;
    }
}

static bool check_lease_loss(struct violations *v, const Runs__V1__Run *run, bool is_leased) {
    int policy = (int)run->on_lease_loss;
    if (policy != RUNS__V1__LEASE_LOSS__LEASE_LOSS_UNSPECIFIED &&
        policy != RUNS__V1__LEASE_LOSS__LEASE_LOSS_REACQUIRE &&
        policy != RUNS__V1__LEASE_LOSS__LEASE_LOSS_FAILURE) {
        violations_add(v, "run.onLeaseLoss", "must be reacquire or failure, got %d", policy);
    } else if (policy != RUNS__V1__LEASE_LOSS__LEASE_LOSS_UNSPECIFIED && !is_leased) {
        violations_add(v, "run.onLeaseLoss",
                       "is for runs whose dispatch is lease; leave it out, or set dispatch");
    }
    return policy == RUNS__V1__LEASE_LOSS__LEASE_LOSS_FAILURE;
}

static void read_timeouts(struct violations *v, const Runs__V1__Run *run, int64_t started_at_us,
                          struct run_terms *terms) {
    int64_t timeout_us = 0;
    if (run->timeout != NULL) {
        read_duration(v, "run.timeout", run->timeout, 1, LONGEST_TIMEOUT_S, &timeout_us);
        terms->timeout_at_us = run_instant_after(started_at_us, timeout_us);
    }
    if (run->waiting_timeout != NULL) {
        read_duration(v, "run.waitingTimeout", run->waiting_timeout, 1, LONGEST_TIMEOUT_S,
                      &terms->waiting_timeout_us);
    }
}

static void read_on_timeout(struct violations *v, const Runs__V1__Run *run,
                            struct run_terms *terms) {
    bool has_timeout = run->timeout != NULL || run->waiting_timeout != NULL;
    int status = (int)run->on_timeout;
    if (status != 0 && status != RUN_FAILURE && status != RUN_CANCELLED) {
        violations_add(v, "run.onTimeout", "must be failure or cancelled, got %s",
                       status > 0 && status < RUN_STATUS_COUNT
                           ? run_status_word(status)
                           : arena_printf(v->arena, "%d", status));
    } else if (status != 0 && !has_timeout) {
        violations_add(v, "run.onTimeout",
                       "is for runs that have timeout or waitingTimeout; leave it out, or set one");
    }
    if (has_timeout) {
        terms->on_timeout = status == RUN_CANCELLED ? RUN_CANCELLED : RUN_FAILURE;
    }
}

void lease_validate_terms(struct violations *v, const Runs__V1__CreateRunRequest *request,
                          int64_t started_at_us, struct run_terms *ret_terms,
                          struct lease_wish *ret_lease) {
    const Runs__V1__Run *run = request->run;
    *ret_terms = (struct run_terms){0};
    *ret_lease = (struct lease_wish){0};
    bool is_leased = check_dispatch(v, run);
    ret_terms->dispatch = is_leased ? RUN_DISPATCH_LEASE : RUN_DISPATCH_EXTERNAL;
    ret_terms->fails_on_lease_loss = check_lease_loss(v, run, is_leased);
    read_timeouts(v, run, started_at_us, ret_terms);
    read_on_timeout(v, run, ret_terms);
    if (request->lease != NULL) {
        lease_validate_wish(v, "lease", request->lease, ret_lease);
        if (!is_leased) {
            violations_add(v, "lease",
                           "is for runs whose dispatch is lease; leave it out, or set dispatch");
        }
    }
}

void lease_validate_output_only(struct violations *v, const Runs__V1__Run *run) {
    if (run->lease != NULL) {
        violations_add(v, "run.lease", "is set by the service; leave it out");
    }
    if (run->stopped_at != NULL) {
        violations_add(v, "run.stoppedAt", "is set by the service; leave it out");
    }
}
