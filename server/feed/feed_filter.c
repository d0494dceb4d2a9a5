#include "server/feed/feed_filter.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/core/memory.h"
#include "server/domain/run_error.h"
#include "server/domain/run_validate.h"

enum { LONGEST_WORKFLOW = 1024 };

uint64_t feed_filter_hash(struct slice run_id) {
    return XXH3_64bits(run_id.data, run_id.len);
}

static const struct error *read_statuses(struct arena *a, const Runs__V1__WatchRunsRequest *request,
                                         uint32_t *ret_statuses) {
    uint32_t statuses = 0;
    for (size_t i = 0; i < request->n_status; i++) {
        int status = (int)request->status[i];
        if (status < RUN_RUNNING || status > RUN_CANCELLED) {
            return run_error_field(
                a, "status", "must be running, waiting, success, failure or cancelled, got %d",
                status);
        }
        statuses |= RUN_STATUS_BIT(status);
    }
    *ret_statuses = statuses;
    return NULL;
}

static const struct error *check_texts(struct arena *a, const Runs__V1__WatchRunsRequest *request) {
    size_t workflow = strlen(request->workflow_id);
    if (workflow > LONGEST_WORKFLOW) {
        return run_error_field(a, "workflowId", "has %zu bytes, at most %d are allowed", workflow,
                               LONGEST_WORKFLOW);
    }
    size_t holder = strlen(request->holder);
    if (holder > FEED_FILTER_LONGEST_HOLDER) {
        return run_error_field(a, "holder", "has %zu bytes, at most %d are allowed", holder,
                               FEED_FILTER_LONGEST_HOLDER);
    }
    for (size_t i = 0; i < holder; i++) {
        unsigned char c = (unsigned char)request->holder[i];
        if (c < 0x20 || c == 0x7F) {
            return run_error_field(a, "holder", "must have no control characters, got 0x%02X", c);
        }
    }
    return NULL;
}

static int compare_hashes(const void *pa, const void *pb) {
    uint64_t a = *(const uint64_t *)pa;
    uint64_t b = *(const uint64_t *)pb;
    return a < b ? -1 : a > b;
}

static int compare_ids(const void *pa, const void *pb) {
    return strcmp(*(char *const *)pa, *(char *const *)pb);
}

// An id that is there twice is a mistake of the caller's, who may count on 1,000 different ones.
static const struct error *find_twice(struct arena *a, const Runs__V1__WatchRunsRequest *request) {
    size_t count = request->n_run_ids;
    CLEANUP_FREE char **ids = mem_alloc(count * sizeof(ids[0]));
    memcpy(ids, request->run_ids, count * sizeof(ids[0]));
    qsort(ids, count, sizeof(ids[0]), compare_ids);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(ids[i - 1], ids[i]) == 0) {
            return run_error_field(a, "runIds", "has \"%s\" twice", ids[i]);
        }
    }
    return NULL;
}

static const struct error *check_runs(struct arena *a, const Runs__V1__WatchRunsRequest *request) {
    size_t count = request->n_run_ids;
    if (count > FEED_FILTER_MOST_RUNS) {
        return run_error_field(a, "runIds", "has %zu ids, at most %d are allowed", count,
                               FEED_FILTER_MOST_RUNS);
    }
    for (size_t i = 0; i < count; i++) {
        const struct error *error = run_validate_id(a, "runIds", request->run_ids[i]);
        if (error != NULL) {
            return error;
        }
    }
    return count > 1 ? find_twice(a, request) : NULL;
}

static struct slice own(const char *text) {
    return text[0] == '\0' ? SLICE_EMPTY : slice_of_cstr(mem_strdup(text));
}

const struct error *feed_filter_read(struct arena *a, const Runs__V1__WatchRunsRequest *request,
                                     struct feed_filter *ret_filter) {
    struct feed_filter filter = {.status = 0};
    const struct error *error = read_statuses(a, request, &filter.status);
    if (error == NULL) {
        error = check_texts(a, request);
    }
    if (error == NULL) {
        error = check_runs(a, request);
    }
    if (error != NULL) {
        return error;
    }
    filter.workflow = own(request->workflow_id);
    filter.holder = own(request->holder);
    filter.run_count = (int)request->n_run_ids;
    if (filter.run_count > 0) {
        filter.runs = mem_alloc((size_t)filter.run_count * sizeof(filter.runs[0]));
        for (int i = 0; i < filter.run_count; i++) {
            filter.runs[i] = feed_filter_hash(slice_of_cstr(request->run_ids[i]));
        }
        qsort(filter.runs, (size_t)filter.run_count, sizeof(filter.runs[0]), compare_hashes);
    }
    *ret_filter = filter;
    return NULL;
}

void feed_filter_release(struct feed_filter *filter) {
    free((void *)(uintptr_t)filter->workflow.data);
    free((void *)(uintptr_t)filter->holder.data);
    free(filter->runs);
    *filter = (struct feed_filter){.status = 0};
}

bool feed_filter_matches(const struct feed_filter *filter, const struct feed_facts *change) {
    if (filter->status != 0 &&
        (change->from == (int)change->to || (filter->status & RUN_STATUS_BIT(change->to)) == 0)) {
        return false;
    }
    if (filter->workflow.len > 0 && !slice_equal(filter->workflow, change->workflow)) {
        return false;
    }
    if (filter->holder.len > 0 && !slice_equal(filter->holder, change->holder)) {
        return false;
    }
    return filter->run_count == 0 || bsearch(&change->run, filter->runs, (size_t)filter->run_count,
                                             sizeof(filter->runs[0]), compare_hashes) != NULL;
}
