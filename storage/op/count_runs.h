#ifndef RUNSD_STORAGE_OP_COUNT_RUNS_H
#define RUNSD_STORAGE_OP_COUNT_RUNS_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

struct store_workflow_count {
    struct slice workflow_id;
    int64_t runs[RUN_STATUS_COUNT];
};

// How many runs of each status an organization has, or one of its workflows; at a price that does
// not grow with the runs.
//
// With by_workflow also those of its workflows, in the order of their ids: limit workflows are
// looked at, behind the one of cursor if has_cursor, and those that have runs are in ret_workflows,
// which may be none; the next call goes on from ret_cursor, if ret_has_more. Each workflow is
// counted at one moment; two may be counted at two.
struct store_count_runs {
    struct store_op op;
    struct slice organization;
    struct slice workflow_id; // empty: all
    bool by_workflow;
    bool has_cursor;
    struct slice cursor;
    int limit;                          // at least 1 if by_workflow
    int64_t ret_runs[RUN_STATUS_COUNT]; // all 0: it has none
    struct store_workflow_count *ret_workflows;
    int ret_count;
    bool ret_has_more;
    struct slice ret_cursor; // set if ret_has_more
};

extern const struct store_kind store_count_runs_kind;
#define STORE_COUNT_RUNS_KIND                                                                      \
    .part = STORE_READS, .slices = {offsetof(struct store_count_runs, organization),               \
                                    offsetof(struct store_count_runs, workflow_id),                \
                                    offsetof(struct store_count_runs, cursor)}

#endif
