#ifndef RUNSD_TESTS_STORAGE_BULK_TESTING_H
#define RUNSD_TESTS_STORAGE_BULK_TESTING_H

#include <algorithm>
#include <map>

#include "tests/storage/store_testing.h"

extern "C" {
#include "storage/op/change_bulk.h"
#include "storage/op/collect_bulk.h"
#include "storage/op/create_bulk.h"
#include "storage/op/get_bulk.h"
#include "storage/op/list_bulk_items.h"
#include "storage/op/list_bulks.h"
#include "storage/op/list_unfinished_bulks.h"
#include "storage/op/run_bulk.h"
#include "storage/op/trim_bulks.h"
}

// The store's operations on families of runs and on jobs that cancel many, for tests.

namespace store_testing {

using Ids = std::vector<std::string>;

struct Filter {
    uint32_t statuses = 0;
    std::string workflow_id = {};
    std::string source_run_id = {};
    std::string holder = {};
    int64_t started_after_us = 0;
    int64_t started_before_us = 0;
    bool operator==(const Filter &o) const {
        return statuses == o.statuses && workflow_id == o.workflow_id &&
               source_run_id == o.source_run_id && holder == o.holder &&
               started_after_us == o.started_after_us && started_before_us == o.started_before_us;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Filter &f) {
    return out << "statuses " << f.statuses << " workflow " << f.workflow_id << " source "
               << f.source_run_id << " holder " << f.holder << " after " << f.started_after_us
               << " before " << f.started_before_us;
}

// A job: to be created, or as it is.
struct Bulk {
    std::string organization = "acme";
    std::string id = "job";
    int state = 0;
    bool is_dry_run = false;
    bool cascades = false;
    bool has_filter = false;
    Filter filter = {};
    Cause cause = {"operator", "too many"};
    int64_t created_at_us = 5000;
    int64_t started_at_us = 0;
    int64_t finished_at_us = 0;
    int64_t total = 0;
    int64_t cancelled = 0;
    int64_t already_final = 0;
    int64_t not_found = 0;
    bool operator==(const Bulk &o) const {
        return organization == o.organization && id == o.id && state == o.state &&
               is_dry_run == o.is_dry_run && cascades == o.cascades && has_filter == o.has_filter &&
               filter == o.filter && cause == o.cause && created_at_us == o.created_at_us &&
               started_at_us == o.started_at_us && finished_at_us == o.finished_at_us &&
               total == o.total && cancelled == o.cancelled && already_final == o.already_final &&
               not_found == o.not_found;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Bulk &b) {
    return out << "{" << b.organization << "/" << b.id << " state " << b.state << " dry "
               << b.is_dry_run << " cascades " << b.cascades << " has filter " << b.has_filter
               << ": " << b.filter << " " << b.cause << " created " << b.created_at_us
               << " started " << b.started_at_us << " finished " << b.finished_at_us << " total "
               << b.total << " cancelled " << b.cancelled << " final " << b.already_final
               << " not found " << b.not_found << "}";
}

inline Bulk ToBulk(const struct bulk_record &b) {
    return {ToString(b.organization),
            ToString(b.id),
            b.state,
            b.is_dry_run,
            b.cascades,
            b.has_filter,
            {b.filter.statuses, ToString(b.filter.workflow_id), ToString(b.filter.source_run_id),
             ToString(b.filter.holder), b.filter.started_after_us, b.filter.started_before_us},
            ToCause(b.cause),
            b.created_at_us,
            b.started_at_us,
            b.finished_at_us,
            b.total,
            b.cancelled,
            b.already_final,
            b.not_found};
}

struct BulkAnswer {
    enum store_result result = STORE_UNAVAILABLE;
    std::string detail = {};
    Bulk bulk = {};
    bool is_replayed = false;
    std::vector<std::string> ended = {}; // what a step cancelled: id, attempt and holder
    Ids sample = {};
};

// Copies what Bulk has of a job that is to be created.
inline void FillBulk(Op<struct store_create_bulk> &op, const Bulk &b) {
    op->in.organization = ToSlice(b.organization);
    op->in.id = ToSlice(b.id);
    op->in.is_dry_run = b.is_dry_run;
    op->in.cascades = b.cascades;
    op->in.has_filter = b.has_filter;
    op->in.filter = {
        b.filter.statuses,        ToSlice(b.filter.workflow_id), ToSlice(b.filter.source_run_id),
        ToSlice(b.filter.holder), b.filter.started_after_us,     b.filter.started_before_us};
    op->in.cause = ToEventCause(b.cause);
    op->in.created_at_us = b.created_at_us;
}

inline BulkAnswer CreateBulk(struct run_store *store, const Bulk &b, const Ids &ids = {},
                             int most_unfinished = 16, const Key &key = {}) {
    STORE_OP(op, create_bulk);
    std::vector<struct slice> slices;
    for (const std::string &id : ids) {
        slices.push_back(ToSlice(id));
    }
    FillBulk(op, b);
    op->ids = slices.data();
    op->id_count = static_cast<int>(slices.size());
    op->most_unfinished = most_unfinished;
    op->idempotency = ToIdempotency(key);
    BulkAnswer a;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    if (a.result == STORE_OK) {
        a.bulk = ToBulk(op->ret);
        a.is_replayed = op->ret_is_replayed;
    }
    return a;
}

inline BulkAnswer CollectBulk(struct run_store *store, const std::string &id = "job",
                              int most = 1000, int64_t at_us = 6000,
                              const std::string &organization = "acme") {
    STORE_OP(op, collect_bulk);
    op->organization = ToSlice(organization);
    op->id = ToSlice(id);
    op->most = most;
    op->at_us = at_us;
    BulkAnswer a;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    if (a.result == STORE_OK) {
        a.bulk = ToBulk(op->ret);
    }
    return a;
}

inline BulkAnswer RunBulk(struct run_store *store, const std::string &id = "job", int most = 128,
                          int64_t at_us = 7000, const std::string &organization = "acme") {
    STORE_OP(op, run_bulk);
    op->organization = ToSlice(organization);
    op->id = ToSlice(id);
    op->most = most;
    op->at_us = at_us;
    BulkAnswer a;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    if (a.result == STORE_OK) {
        a.bulk = ToBulk(op->ret);
        for (int i = 0; i < op->ret_ended_count; i++) {
            const struct store_bulk_ended &e = op->ret_ended[i];
            a.ended.push_back(ToString(e.id) + " " + std::to_string(e.attempt) + " " +
                              ToString(e.holder));
        }
    }
    return a;
}

struct BulkChange {
    std::string organization = "acme";
    std::string id = "job";
    uint32_t from = BULK_STATE_UNFINISHED;
    enum bulk_state to = BULK_ABORTED;
    int64_t at_us = 8000;
    Cause cause = {"executor", ""};
    Key key = {};
};

inline BulkAnswer ChangeBulk(struct run_store *store, const BulkChange &c) {
    STORE_OP(op, change_bulk);
    op->organization = ToSlice(c.organization);
    op->id = ToSlice(c.id);
    op->from = c.from;
    op->to = c.to;
    op->at_us = c.at_us;
    op->cause = ToEventCause(c.cause);
    op->idempotency = ToIdempotency(c.key);
    BulkAnswer a;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    if (a.result == STORE_OK || a.result == STORE_CONFLICT) {
        a.bulk = ToBulk(op->ret);
        a.is_replayed = op->ret_is_replayed;
    }
    return a;
}

inline BulkAnswer GetBulk(struct run_store *store, const std::string &id = "job", int sample = 100,
                          const std::string &organization = "acme") {
    STORE_OP(op, get_bulk);
    op->organization = ToSlice(organization);
    op->id = ToSlice(id);
    op->sample = sample;
    BulkAnswer a;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    if (a.result == STORE_OK) {
        a.bulk = ToBulk(op->ret);
        for (int i = 0; i < op->ret_sample_count; i++) {
            a.sample.push_back(ToString(op->ret_sample[i]));
        }
    }
    return a;
}

// The ids of the organization's jobs, as they are listed, page by page.
inline Ids ListBulks(struct run_store *store, int limit = 100,
                     const std::string &organization = "acme") {
    Ids out;
    bool has_more = true;
    int64_t cursor_us = 0;
    std::string cursor_id;
    for (bool has_cursor = false; has_more; has_cursor = true) {
        STORE_OP(op, list_bulks);
        op->organization = ToSlice(organization);
        op->has_cursor = has_cursor;
        op->cursor = {cursor_us, ToSlice(cursor_id)};
        op->limit = limit;
        EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
        EXPECT_LE(op->ret_count, limit);
        for (int i = 0; i < op->ret_count; i++) {
            out.push_back(ToString(op->ret_bulks[i].id));
        }
        has_more = op->ret_has_more;
        cursor_us = has_more ? op->ret_cursor.created_at_us : 0;
        cursor_id = has_more ? ToString(op->ret_cursor.id) : "";
    }
    return out;
}

// What became of which run, page by page; no run is listed twice.
inline std::map<std::string, int> ListBulkItems(struct run_store *store,
                                                const std::string &id = "job",
                                                uint32_t outcomes = BULK_OUTCOME_ALL,
                                                int limit = 1000,
                                                const std::string &organization = "acme") {
    std::map<std::string, int> out;
    bool has_more = true;
    std::string after;
    while (has_more) {
        STORE_OP(op, list_bulk_items);
        op->organization = ToSlice(organization);
        op->id = ToSlice(id);
        op->after = ToSlice(after);
        op->outcomes = outcomes;
        op->limit = limit;
        if (op.RunOn(store) != STORE_OK) {
            ADD_FAILURE() << op->op.result << " " << op.detail();
            return out;
        }
        EXPECT_LE(op->ret_count, limit);
        for (int i = 0; i < op->ret_count; i++) {
            const struct store_bulk_item &item = op->ret_items[i];
            EXPECT_TRUE(out.emplace(ToString(item.id), item.outcome).second) << ToString(item.id);
        }
        has_more = op->ret_has_more;
        after = has_more ? ToString(op->ret_after) : "";
    }
    return out;
}

// The jobs that have a next step: organization, id and state.
inline std::vector<std::string> ListUnfinishedBulks(struct run_store *store, int limit = 100) {
    std::vector<std::string> out;
    bool has_more = true;
    int64_t position = 0;
    while (has_more) {
        STORE_OP(op, list_unfinished_bulks);
        op->position = position;
        op->limit = limit;
        EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
        EXPECT_LE(op->ret_count, limit);
        for (int i = 0; i < op->ret_count; i++) {
            const struct store_unfinished_bulk &b = op->ret_bulks[i];
            out.push_back(ToString(b.organization) + "/" + ToString(b.id) + " " +
                          std::to_string(b.state));
        }
        has_more = op->ret_has_more;
        position = has_more ? op->ret_position : 0;
    }
    return out;
}

// Returns how many items and jobs went.
inline int TrimBulks(struct run_store *store, int64_t finished_before_us,
                     int64_t planned_before_us = INT64_MIN, int limit = 1000,
                     bool *ret_has_more = nullptr) {
    STORE_OP(op, trim_bulks);
    op->finished_before_us = finished_before_us;
    op->planned_before_us = planned_before_us;
    op->limit = limit;
    EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
    if (ret_has_more != nullptr) {
        *ret_has_more = op->ret_has_more;
    }
    return op->ret_count;
}

// Takes the job step by step to its end, or to that of its planning. Returns how it is then.
inline BulkAnswer FinishBulk(struct run_store *store, const std::string &id = "job",
                             int most = 1000) {
    for (int i = 0; i < 100000; i++) {
        BulkAnswer a = CollectBulk(store, id, most);
        if (a.result != STORE_OK || a.bulk.state == BULK_PLANNED) {
            return a;
        }
        if (a.bulk.state != BULK_PLANNING) {
            a = RunBulk(store, id, most);
        }
        if (a.result != STORE_OK || a.bulk.state == BULK_DONE || a.bulk.state == BULK_ABORTED) {
            return a;
        }
    }
    ADD_FAILURE() << "the job " << id << " does not end";
    return {};
}

// What became of the creation of a run that is to have a parent.
struct ChildAnswer {
    enum store_result result = STORE_UNAVAILABLE;
    int parent = -1;
    std::string ancestor = {};
    bool operator==(const ChildAnswer &o) const {
        return result == o.result && parent == o.parent && ancestor == o.ancestor;
    }
};

inline std::ostream &operator<<(std::ostream &out, const ChildAnswer &a) {
    return out << "result " << a.result << " parent " << a.parent << " ancestor " << a.ancestor;
}

inline ChildAnswer CreateChild(struct run_store *store, const StoredRun &run,
                               const std::string &parent_id) {
    STORE_OP(op, create_run);
    FillCreate(op, run);
    op->parent_id = ToSlice(parent_id);
    ChildAnswer a;
    a.result = op.RunOn(store);
    if (a.result == STORE_OK || a.result == STORE_CONFLICT) {
        a.parent = op->ret_parent;
        a.ancestor = ToString(op->ret_ancestor);
    }
    return a;
}

// The bytes of a spec that has the source, among other fields.
inline std::string SpecOfSource(const std::string &source_run_id) {
    std::string spec = "\x0a\x01x";
    spec += '\x52';
    spec += static_cast<char>(source_run_id.size());
    return spec + source_run_id + "\x4a\x01y";
}

} // namespace store_testing

#endif
