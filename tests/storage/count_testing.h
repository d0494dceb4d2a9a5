#ifndef RUNSD_TESTS_STORAGE_COUNT_TESTING_H
#define RUNSD_TESTS_STORAGE_COUNT_TESTING_H

#include <array>
#include <map>

#include "tests/storage/store_testing.h"

extern "C" {
#include "storage/op/count_runs.h"
#include "storage/op/find_revision.h"
#include "storage/op/freeze_organization.h"
#include "storage/op/get_organization.h"
#include "storage/op/store_stats.h"
}

// What is counted, and what is told of organizations and of the store.

namespace store_testing {

// How many runs have each status; [0] is 0.
using Counts = std::array<int64_t, RUN_STATUS_COUNT>;
using CountsByWorkflow = std::map<std::string, Counts>;

inline Counts ToCounts(const int64_t *runs) {
    Counts c;
    std::copy(runs, runs + RUN_STATUS_COUNT, c.begin());
    return c;
}

inline Counts Sum(const CountsByWorkflow &counts) {
    Counts sum = {};
    for (const auto &workflow : counts) {
        for (size_t i = 0; i < sum.size(); i++) {
            sum[i] += workflow.second[i];
        }
    }
    return sum;
}

inline Counts CountRuns(struct run_store *store, const std::string &workflow_id = {},
                        const std::string &organization = "acme") {
    STORE_OP(op, count_runs);
    op->organization = ToSlice(organization);
    op->workflow_id = ToSlice(workflow_id);
    EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
    EXPECT_EQ(op->ret_count, 0);
    EXPECT_FALSE(op->ret_has_more);
    return ToCounts(op->ret_runs);
}

// Page after page of limit workflows.
inline CountsByWorkflow CountByWorkflow(struct run_store *store,
                                        const std::string &organization = "acme", int limit = 1000,
                                        const std::string &workflow_id = {},
                                        int *ret_pages = nullptr) {
    CountsByWorkflow counts;
    std::string cursor;
    bool has_cursor = false;
    bool has_more = true;
    int pages = 0;
    for (; has_more; has_cursor = true, pages++) {
        STORE_OP(op, count_runs);
        op->organization = ToSlice(organization);
        op->workflow_id = ToSlice(workflow_id);
        op->by_workflow = true;
        op->has_cursor = has_cursor;
        op->cursor = ToSlice(cursor);
        op->limit = limit;
        EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
        EXPECT_LE(op->ret_count, limit);
        for (int i = 0; i < op->ret_count; i++) {
            const std::string id = ToString(op->ret_workflows[i].workflow_id);
            EXPECT_TRUE(counts.empty() || counts.rbegin()->first < id) << id;
            counts[id] = ToCounts(op->ret_workflows[i].runs);
        }
        has_more = op->ret_has_more;
        std::string next = has_more ? ToString(op->ret_cursor) : "";
        EXPECT_TRUE(!has_more || !has_cursor || next > cursor);
        cursor = next;
    }
    if (ret_pages != nullptr) {
        *ret_pages = pages;
    }
    return counts;
}

// Counts the runs that the store lists, of a workflow if it is not empty.
inline Counts CountListed(struct run_store *store, const std::string &workflow_id,
                          const std::string &organization) {
    Counts counts = {};
    Listing l = {.organization = organization, .workflow_id = workflow_id, .limit = 1000};
    Page p;
    do {
        p = ListRuns(store, l);
        EXPECT_EQ(p.result, STORE_OK);
        for (const StoredRun &r : p.runs) {
            counts[r.status]++;
        }
        l = Behind(l, p);
    } while (p.has_more);
    return counts;
}

struct Organization {
    enum store_result result = STORE_UNAVAILABLE;
    int64_t revision = 0;
    int64_t floor = 0;
    int64_t frozen_at_us = 0;
    Counts runs = {};
    int64_t tokens = 0;
    int64_t stored_bytes = 0;
};

inline Organization GetOrganization(struct run_store *store, const std::string &name = "acme") {
    STORE_OP(op, get_organization);
    op->name = ToSlice(name);
    Organization o;
    o.result = op.RunOn(store);
    if (o.result == STORE_OK) {
        o.revision = op->ret.revision;
        o.floor = op->ret.floor;
        o.frozen_at_us = op->ret.frozen_at_us;
        o.runs = ToCounts(op->ret.runs);
        o.tokens = op->ret.tokens;
        o.stored_bytes = op->ret.stored_bytes;
    }
    return o;
}

// Freezes at at_us, or thaws (0).
inline enum store_result Freeze(struct run_store *store, int64_t at_us,
                                const std::string &name = "acme",
                                int64_t *ret_frozen_at_us = nullptr) {
    STORE_OP(op, freeze_organization);
    op->name = ToSlice(name);
    op->at_us = at_us;
    enum store_result result = op.RunOn(store);
    if (ret_frozen_at_us != nullptr) {
        *ret_frozen_at_us = op->ret_frozen_at_us;
    }
    return result;
}

inline struct store_sizes StoreStats(struct run_store *store) {
    STORE_OP(op, store_stats);
    EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
    return op->ret;
}

struct FoundRevision {
    int64_t revision;
    int64_t floor;
};

inline FoundRevision FindRevision(struct run_store *store, int64_t at_us,
                                  const std::string &organization = "acme") {
    STORE_OP(op, find_revision);
    op->organization = ToSlice(organization);
    op->at_us = at_us;
    EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
    return {op->ret_revision, op->ret_floor};
}

// How many bytes the definitions of the organization's runs have, found by reading all.
inline int64_t SumStoredBytes(struct run_store *store, const std::string &organization) {
    int64_t bytes = 0;
    Listing l;
    l.organization = organization;
    Page p;
    do {
        p = ListRuns(store, l);
        EXPECT_EQ(p.result, STORE_OK);
        for (const std::string &id : p.ids()) {
            bytes += static_cast<int64_t>(GetRun(store, id, organization).run.spec.size());
        }
        l = Behind(l, p);
    } while (p.has_more);
    return bytes;
}

// That the organization has so many runs, and its workflows as many together.
inline void ExpectCounts(struct run_store *store, const std::string &organization,
                         const Counts &expected) {
    EXPECT_EQ(CountRuns(store, "", organization), expected) << organization;
    EXPECT_EQ(Sum(CountByWorkflow(store, organization)), expected) << organization;
}

// That the organization's runs are counted as they are listed; nothing changes meanwhile.
inline void ExpectCounted(struct run_store *store, const std::string &organization = "acme") {
    SCOPED_TRACE(organization);
    const Counts listed = CountListed(store, "", organization);
    const CountsByWorkflow counted = CountByWorkflow(store, organization);
    ExpectCounts(store, organization, listed);
    for (const auto &workflow : counted) {
        if (!workflow.first.empty()) {
            EXPECT_EQ(workflow.second, CountListed(store, workflow.first, organization));
            EXPECT_EQ(CountRuns(store, workflow.first, organization), workflow.second);
        }
    }
    const Organization o = GetOrganization(store, organization);
    EXPECT_EQ(o.runs, listed);
    EXPECT_EQ(o.stored_bytes, SumStoredBytes(store, organization));
}

} // namespace store_testing

#endif
