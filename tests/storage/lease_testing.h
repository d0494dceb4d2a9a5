#ifndef RUNSD_TESTS_STORAGE_LEASE_TESTING_H
#define RUNSD_TESTS_STORAGE_LEASE_TESTING_H

#include <algorithm>
#include <tuple>

#include "tests/storage/store_testing.h"

// The store's operations on leases and deadlines, for tests.

namespace store_testing {

// A run that an executor may acquire.
inline StoredRun LeasedRun(const std::string &id, int64_t started_at_us = 1000) {
    StoredRun run;
    run.id = id;
    run.started_at_us = started_at_us;
    run.terms.dispatch = RUN_DISPATCH_LEASE;
    return run;
}

struct Acquisition {
    std::string organization = "acme";
    std::string workflow_id = {};
    std::vector<std::string> ids = {};
    uint32_t from = kActive;
    int limit = 1;
    size_t most_bytes = 0;
    std::string holder = "executor";
    int64_t lease_us = 30000000;
    int64_t at_us = 1500;
    Cause cause = {};
};

struct Acquired {
    enum store_result result = STORE_UNAVAILABLE;
    std::string detail = {};
    std::vector<StoredRun> runs;

    std::vector<std::string> ids() const {
        std::vector<std::string> out;
        for (const StoredRun &r : runs) {
            out.push_back(r.id);
        }
        return out;
    }
};

inline Acquired Acquire(struct run_store *store, const Acquisition &q) {
    STORE_OP(op, acquire_runs);
    std::vector<struct slice> ids;
    for (const std::string &id : q.ids) {
        ids.push_back(ToSlice(id));
    }
    op->organization = ToSlice(q.organization);
    op->workflow_id = ToSlice(q.workflow_id);
    op->ids = ids.data();
    op->id_count = static_cast<int>(ids.size());
    op->from = q.from;
    op->limit = q.limit;
    op->most_bytes = q.most_bytes;
    op->holder = ToSlice(q.holder);
    op->lease_us = q.lease_us;
    op->at_us = q.at_us;
    op->cause = ToEventCause(q.cause);
    Acquired a;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    for (int i = 0; a.result == STORE_OK && i < op->ret_count; i++) {
        a.runs.push_back(ToRun(op->ret_runs[i]));
    }
    return a;
}

struct LeaseEnd {
    std::string organization = "acme";
    std::string id = {};
    int64_t attempt = 1;
    enum store_event_kind kind = STORE_EVENT_RELEASE;
    int64_t at_us = 1600;
    Cause cause = {};
};

inline Answer EndLease(struct run_store *store, const LeaseEnd &e) {
    STORE_OP(op, end_lease);
    op->organization = ToSlice(e.organization);
    op->id = ToSlice(e.id);
    op->attempt = e.attempt;
    op->kind = e.kind;
    op->at_us = e.at_us;
    op->cause = ToEventCause(e.cause);
    Answer a;
    op->ret_revision = a.revision;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    a.revision = op->ret_revision;
    if (a.result == STORE_OK || a.result == STORE_CONFLICT) {
        a.run = ToRun(op->ret);
        a.is_stale = op->ret_is_stale;
    }
    return a;
}

struct Stop {
    std::string organization = "acme";
    std::string id = {};
    int64_t attempt = 0;
    int64_t at_us = 2500;
    Cause cause = {};
};

inline Answer StopRun(struct run_store *store, const Stop &s) {
    STORE_OP(op, stop_run);
    op->organization = ToSlice(s.organization);
    op->id = ToSlice(s.id);
    op->attempt = s.attempt;
    op->at_us = s.at_us;
    op->cause = ToEventCause(s.cause);
    Answer a;
    op->ret_revision = a.revision;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    a.revision = op->ret_revision;
    if (a.result == STORE_OK || a.result == STORE_CONFLICT) {
        a.run = ToRun(op->ret);
        a.is_stale = op->ret_is_stale;
    }
    return a;
}

struct Due {
    std::string id;
    int64_t due_us;
    int on_timeout;
    std::string organization = "acme";
    bool operator==(const Due &o) const {
        return organization == o.organization && id == o.id && due_us == o.due_us &&
               on_timeout == o.on_timeout;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Due &d) {
    return out << d.organization << "/" << d.id << " at " << d.due_us << " to " << d.on_timeout;
}

struct DueRuns {
    enum store_result result = STORE_UNAVAILABLE;
    std::vector<Due> due;
    int64_t next_due_us = -1;
};

inline DueRuns ListDue(struct run_store *store, int64_t until_us, int limit = 1000) {
    STORE_OP(op, list_due);
    op->until_us = until_us;
    op->limit = limit;
    DueRuns d;
    d.result = op.RunOn(store);
    for (int i = 0; d.result == STORE_OK && i < op->ret_count; i++) {
        const struct store_due &due = op->ret_due[i];
        d.due.push_back({ToString(due.id), due.due_us, due.on_timeout, ToString(due.organization)});
    }
    if (d.result == STORE_OK) {
        d.next_due_us = op->ret_next_due_us;
    }
    return d;
}

struct Lease {
    std::string organization;
    std::string id;
    int64_t attempt;
    std::string holder;
    int64_t lease_us;
    bool operator<(const Lease &o) const {
        return std::tie(organization, id) < std::tie(o.organization, o.id);
    }
    bool operator==(const Lease &o) const {
        return organization == o.organization && id == o.id && attempt == o.attempt &&
               holder == o.holder && lease_us == o.lease_us;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Lease &l) {
    return out << l.organization << "/" << l.id << " attempt " << l.attempt << " by " << l.holder
               << " for " << l.lease_us;
}

// All leases, page by page, sorted by organization and id.
inline std::vector<Lease> ListLeases(struct run_store *store, int limit = 1000) {
    std::vector<Lease> leases;
    std::string organization, holder, id;
    int64_t started_at_us = 0;
    for (bool has_cursor = false;; has_cursor = true) {
        STORE_OP(op, list_leases);
        op->limit = limit;
        op->has_cursor = has_cursor;
        op->cursor = {ToSlice(organization), ToSlice(holder), started_at_us, ToSlice(id)};
        EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
        EXPECT_LE(op->ret_count, limit);
        for (int i = 0; i < op->ret_count; i++) {
            const struct store_lease &l = op->ret_leases[i];
            leases.push_back({ToString(l.organization), ToString(l.id), l.attempt,
                              ToString(l.holder), l.lease_us});
        }
        if (!op->ret_has_more) {
            break;
        }
        organization = ToString(op->ret_cursor.organization);
        holder = ToString(op->ret_cursor.holder);
        started_at_us = op->ret_cursor.started_at_us;
        id = ToString(op->ret_cursor.id);
    }
    std::sort(leases.begin(), leases.end());
    return leases;
}

struct Found {
    bool is_there = false;
    int status = 0;
    int64_t attempt = 0;
    std::string holder = {};
    int64_t finished_at_us = 0;
    int64_t stopped_at_us = 0;
    std::string actor = {};
    std::string reason = {};
    int64_t lease_us = -1; // -1: not looked at
    bool operator==(const Found &o) const {
        return is_there == o.is_there && status == o.status && attempt == o.attempt &&
               holder == o.holder && finished_at_us == o.finished_at_us &&
               stopped_at_us == o.stopped_at_us && actor == o.actor && reason == o.reason &&
               (lease_us == o.lease_us || lease_us < 0 || o.lease_us < 0);
    }
};

inline std::ostream &operator<<(std::ostream &out, const Found &f) {
    return out << (f.is_there ? "there" : "not there") << ", status " << f.status << " attempt "
               << f.attempt << " held by " << f.holder << " finished " << f.finished_at_us
               << " stopped " << f.stopped_at_us << " by " << f.actor << " because " << f.reason;
}

inline std::vector<Found> FindRuns(struct run_store *store, const std::vector<std::string> &ids,
                                   const std::string &organization = "acme") {
    STORE_OP(op, find_runs);
    std::vector<struct slice> slices;
    for (const std::string &id : ids) {
        slices.push_back(ToSlice(id));
    }
    op->organization = ToSlice(organization);
    op->ids = slices.data();
    op->count = static_cast<int>(slices.size());
    EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
    std::vector<Found> out;
    for (size_t i = 0; op.get()->result == STORE_OK && i < ids.size(); i++) {
        const struct store_found_run &f = op->ret[i];
        out.push_back({f.is_there, f.status, f.attempt, ToString(f.holder), f.finished_at_us,
                       f.stopped_at_us, ToString(f.actor), ToString(f.reason), f.lease_us});
    }
    return out;
}

} // namespace store_testing

#endif
