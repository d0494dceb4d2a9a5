#ifndef RUNSD_TESTS_STORAGE_DELETION_TESTING_H
#define RUNSD_TESTS_STORAGE_DELETION_TESTING_H

#include "tests/storage/feed_testing.h"

extern "C" {
#include "storage/op/delete_organization.h"
#include "storage/op/delete_run.h"
#include "storage/op/delete_runs.h"
#include "storage/op/freeze_organization.h"
#include "storage/op/get_organization.h"
#include "storage/op/list_ended.h"
#include "storage/op/store_stats.h"
}

// Deletions of a store as calls that wait and return values, for tests.

namespace store_testing {

struct Ended {
    std::string organization;
    std::string id;
    int64_t finished_at_us;
    int64_t newest_revision;
    bool operator==(const Ended &o) const {
        return organization == o.organization && id == o.id && finished_at_us == o.finished_at_us &&
               newest_revision == o.newest_revision;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Ended &e) {
    return out << e.organization << " " << e.id << " at " << e.finished_at_us << " revision "
               << e.newest_revision;
}

// All that ended before, asked for page by page from *cursor on, which is left where they end.
inline std::vector<Ended> ListEnded(struct run_store *store, int64_t before_us,
                                    int64_t *cursor = nullptr, int limit = 100) {
    std::vector<Ended> out;
    int64_t at = cursor != nullptr ? *cursor : 0;
    for (bool has_more = true; has_more;) {
        STORE_OP(op, list_ended);
        op->finished_before_us = before_us;
        op->cursor = at;
        op->limit = limit;
        EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
        EXPECT_LE(op->ret_count, limit);
        for (int i = 0; i < op->ret_count; i++) {
            const struct store_ended_run &r = op->ret_runs[i];
            out.push_back(
                {ToString(r.organization), ToString(r.id), r.finished_at_us, r.newest_revision});
        }
        has_more = op->ret_has_more;
        EXPECT_GE(op->ret_cursor, at);
        at = op->ret_cursor;
    }
    if (cursor != nullptr) {
        *cursor = at;
    }
    return out;
}

// Returns how many were deleted; -1: the operation failed.
inline int DeleteRuns(struct run_store *store, const std::vector<std::string> &ids,
                      int64_t before_us = INT64_MAX, const std::string &organization = "acme",
                      enum store_result *ret_result = nullptr) {
    std::vector<struct slice> slices;
    for (const std::string &id : ids) {
        slices.push_back(ToSlice(id));
    }
    STORE_OP(op, delete_runs);
    op->organization = ToSlice(organization);
    op->ids = slices.data();
    op->count = static_cast<int>(slices.size());
    op->finished_before_us = before_us;
    enum store_result result = op.RunOn(store);
    if (ret_result != nullptr) {
        *ret_result = result;
    } else {
        EXPECT_EQ(result, STORE_OK) << op.detail();
    }
    return result == STORE_OK ? op->ret_deleted : -1;
}

struct Deletion {
    std::string organization = "acme";
    std::string id = {};
    int64_t at_us = 9000;
    Cause cause = {"deleter", "asked", "request", "address", ""};
};

struct Deleted {
    enum store_result result = STORE_UNAVAILABLE;
    std::string detail = {};
    StoredRun run = {};
    int64_t revision = -1;
    bool is_pending = false;
};

inline Deleted DeleteRunOnce(struct run_store *store, const Deletion &d) {
    STORE_OP(op, delete_run);
    op->organization = ToSlice(d.organization);
    op->id = ToSlice(d.id);
    op->at_us = d.at_us;
    op->cause = ToEventCause(d.cause);
    Deleted r;
    op->ret_revision = r.revision;
    r.result = op.RunOn(store);
    r.detail = op.detail();
    r.revision = op->ret_revision;
    r.is_pending = op->ret_is_pending;
    if (r.result == STORE_OK || r.result == STORE_CONFLICT) {
        r.run = ToRun(op->ret);
    }
    return r;
}

// Until its rows are no longer behind.
inline Deleted DeleteRun(struct run_store *store, const Deletion &d) {
    Deleted r;
    do {
        r = DeleteRunOnce(store, d);
    } while (r.result == STORE_BUSY && r.is_pending);
    return r;
}

struct OrganizationStep {
    enum store_result result = STORE_UNAVAILABLE;
    int64_t deleted = -1;
    bool is_done = false;
};

inline OrganizationStep DeleteOrganizationOnce(struct run_store *store, const std::string &name,
                                               int most = 100) {
    STORE_OP(op, delete_organization);
    op->name = ToSlice(name);
    op->most = most;
    OrganizationStep s;
    op->ret_deleted = s.deleted;
    s.result = op.RunOn(store);
    s.deleted = op->ret_deleted;
    s.is_done = op->ret_is_done;
    return s;
}

// To the end; returns how many runs were deleted, -1 where a step fails.
inline int64_t DeleteOrganization(struct run_store *store, const std::string &name,
                                  int most = 100) {
    int64_t deleted = 0;
    OrganizationStep s;
    do {
        s = DeleteOrganizationOnce(store, name, most);
        if (s.result != STORE_OK) {
            return -1;
        }
        EXPECT_LE(s.deleted, most);
        deleted += s.deleted;
    } while (!s.is_done);
    return deleted;
}

inline enum store_result Freeze(struct run_store *store, const std::string &name, int64_t at_us) {
    STORE_OP(op, freeze_organization);
    op->name = ToSlice(name);
    op->at_us = at_us;
    return op.RunOn(store);
}

// Waits until no row is behind the events that there are, and makes one of another organization the
// newest one of the store: all that is old enough can be deleted then.
inline void Settle(struct run_store *store) {
    const std::string organization = "settling";
    ASSERT_EQ(
        CreateRun(store, {.organization = organization, .id = "s", .status = RUN_SUCCESS}).result,
        STORE_OK);
    Deleted d = DeleteRun(store, {.organization = organization, .id = "s"});
    ASSERT_EQ(d.result, STORE_OK) << d.detail;
}

// A run that is made at at_us and cancelled right after it.
inline void MakeEnded(struct run_store *store, const std::string &id, int64_t at_us = 1000,
                      const std::string &organization = "acme") {
    ASSERT_EQ(CreateRun(store, {.organization = organization,
                                .id = id,
                                .started_at_us = at_us,
                                .workflow_id = "w",
                                .spec = "spec"})
                  .result,
              STORE_OK);
    ASSERT_EQ(Apply(store, {.organization = organization, .id = id, .at_us = at_us + 1}).result,
              STORE_OK);
}

} // namespace store_testing

#endif
