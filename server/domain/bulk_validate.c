#include "server/domain/bulk_validate.h"

#include <string.h>

#include "server/domain/bulk_codec.h"
#include "server/domain/lease_validate.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_state.h"
#include "server/domain/run_validate.h"
#include "server/domain/violations.h"
#include "storage/op/create_bulk.h"

// --- which runs ---

static void read_ids(struct violations *v, const Runs__V1__CancelRunsRequest *request,
                     struct bulk_wish *wish) {
    if (request->n_ids > STORE_MOST_BULK_IDS) {
        violations_add(v, "ids", "has %zu ids, at most %d are allowed", request->n_ids,
                       STORE_MOST_BULK_IDS);
        return;
    }
    struct slice *ids = ARENA_ARRAY(v->arena, struct slice, request->n_ids);
    for (size_t i = 0; i < request->n_ids; i++) {
        if (!run_validate_is_name(request->ids[i]) && v->count < MOST_VIOLATIONS) {
            run_validate_id_in(v, arena_printf(v->arena, "ids[%zu]", i), request->ids[i]);
        }
        ids[i] = slice_of_cstr(request->ids[i]);
    }
    wish->ids = ids;
    wish->id_count = (int)request->n_ids;
}

static void read_statuses(struct violations *v, const Runs__V1__RunFilter *filter,
                          uint32_t *ret_statuses) {
    for (size_t i = 0; i < filter->n_status; i++) {
        int status = (int)filter->status[i];
        if (status > 0 && status < RUN_STATUS_COUNT && !run_status_is_final(status)) {
            *ret_statuses |= RUN_STATUS_BIT(status);
        } else {
            violations_add(v, arena_printf(v->arena, "filter.status[%zu]", i),
                           "must be running or waiting, got %s",
                           status > 0 && status < RUN_STATUS_COUNT
                               ? run_status_word(status)
                               : arena_printf(v->arena, "%d", status));
        }
    }
}

// A bound of 0 is none in a store, and no run started before the epoch: an instant at or before it,
// as which many languages send a time that was never set, would narrow nothing.
static int64_t read_bound(struct violations *v, const char *field,
                          const Google__Protobuf__Timestamp *t) {
    int64_t us = 0;
    if (t == NULL) {
        return 0;
    }
    if (!run_timestamp_decode(t, &us)) {
        violations_add(v, field, "must be a time in the years 1 to 9999, got %lld seconds",
                       (long long)t->seconds);
    } else if (us <= 0) {
        violations_add(v, field,
                       "must be later than 1970-01-01T00:00:00Z, before which no run started, got "
                       "%lld seconds",
                       (long long)t->seconds);
    }
    return us;
}

// What a newer client says by a field that is not known here may be which runs are to be spared.
static void refuse_unknown(struct violations *v, const char *field, const ProtobufCMessage *m) {
    if (m->n_unknown_fields > 0) {
        violations_add(v, field, "has a field that this server does not know, of number %u",
                       (unsigned)m->unknown_fields[0].tag);
    }
}

static bool names_nothing(const Runs__V1__RunFilter *filter) {
    return filter->n_status == 0 && filter->workflow_id[0] == '\0' &&
           filter->source_run_id[0] == '\0' && filter->started_after == NULL &&
           filter->started_before == NULL && filter->lease_holder[0] == '\0';
}

static void read_filter(struct violations *v, const Runs__V1__RunFilter *filter,
                        struct run_filter *ret) {
    refuse_unknown(v, "filter", &filter->base);
    if (names_nothing(filter)) {
        violations_add(v, "filter",
                       "must name something: status, workflowId, sourceRunId, startedAfter, "
                       "startedBefore or leaseHolder; got none of them");
        return;
    }
    read_statuses(v, filter, &ret->statuses);
    run_validate_workflow_id_in(v, "filter.workflowId", filter->workflow_id);
    if (filter->source_run_id[0] != '\0') {
        run_validate_id_in(v, "filter.sourceRunId", filter->source_run_id);
    }
    if (filter->lease_holder[0] != '\0') {
        lease_validate_holder(v, "filter.leaseHolder", filter->lease_holder);
    }
    ret->started_after_us = read_bound(v, "filter.startedAfter", filter->started_after);
    ret->started_before_us = read_bound(v, "filter.startedBefore", filter->started_before);
    ret->workflow_id = slice_of_cstr(filter->workflow_id);
    ret->source_run_id = slice_of_cstr(filter->source_run_id);
    ret->holder = slice_of_cstr(filter->lease_holder);
}

static void read_plan(struct violations *v, const Runs__V1__CancelRunsRequest *request,
                      struct bulk_wish *wish) {
    run_validate_id_in(v, "plan", request->plan);
    if (request->dry_run) {
        violations_add(v, "dryRun", "cannot be true with plan, which was a dry run: leave it out");
    }
    if (request->cascade) {
        violations_add(v, "cascade",
                       "cannot be true with plan, whose dry run has said it: leave it out");
    }
    wish->plan = request->plan;
}

// Whether exactly one of the three is given.
static bool is_one(struct violations *v, const Runs__V1__CancelRunsRequest *request) {
    bool has_ids = request->n_ids > 0;
    bool has_filter = request->filter != NULL;
    bool has_plan = request->plan[0] != '\0';
    const char *first = has_ids ? "ids" : "filter";
    if (!has_ids && !has_filter && !has_plan) {
        violations_add(v, "ids", "must have 1 to %d ids where neither filter nor plan is given",
                       STORE_MOST_BULK_IDS);
    }
    if (has_ids && has_filter) {
        violations_add(v, "filter", "cannot be given together with ids: give one of them");
    }
    if (has_plan && (has_ids || has_filter)) {
        violations_add(v, "plan", "cannot be given together with %s: give one of them", first);
    }
    return has_ids + has_filter + has_plan == 1;
}

const struct error *bulk_validate(struct arena *a, const Runs__V1__CancelRunsRequest *request,
                                  struct bulk_wish *ret_wish) {
    struct violations v = {.arena = a};
    *ret_wish = (struct bulk_wish){0};
    refuse_unknown(&v, "request", &request->base);
    if (is_one(&v, request)) {
        if (request->n_ids > 0) {
            read_ids(&v, request, ret_wish);
        } else if (request->filter != NULL) {
            ret_wish->has_filter = true;
            read_filter(&v, request->filter, &ret_wish->filter);
        } else {
            read_plan(&v, request, ret_wish);
        }
    }
    run_validate_reason_in(&v, request->reason);
    return v.error;
}

// --- outcomes ---

const struct error *bulk_validate_outcomes(struct arena *a,
                                           const Runs__V1__ListBulkCancelOutcomesRequest *request,
                                           uint32_t *ret_outcomes) {
    struct violations v = {.arena = a};
    uint32_t outcomes = 0;
    for (size_t i = 0; i < request->n_outcome; i++) {
        enum bulk_outcome outcome;
        if (bulk_outcome_read((int)request->outcome[i], &outcome)) {
            outcomes |= BULK_OUTCOME_BIT(outcome);
        } else {
            violations_add(&v, arena_printf(a, "outcome[%zu]", i),
                           "must be cancelled, already_final, not_found or open, got %d",
                           (int)request->outcome[i]);
        }
    }
    *ret_outcomes = outcomes != 0 ? outcomes : BULK_OUTCOME_ALL;
    return v.error;
}
