#ifndef RUNSD_TESTS_STORAGE_FEED_TESTING_H
#define RUNSD_TESTS_STORAGE_FEED_TESTING_H

#include <mutex>

#include "tests/storage/store_testing.h"

extern "C" {
#include "storage/op/list_changes.h"
#include "storage/op/plan_trim.h"
#include "storage/op/trim_changes.h"
}

// The feed of a store as calls that wait and return values, for tests.

namespace store_testing {

struct Change {
    std::string run_id;
    WholeEvent event;
    std::string workflow_id = {};
    StoredRun run = {};
};

struct Changes {
    enum store_result result = STORE_UNAVAILABLE;
    std::string detail = {};
    std::vector<Change> changes;
    int64_t newest = -1; // -1: the store left it
    int64_t floor = -1;

    std::vector<int64_t> revisions() const {
        std::vector<int64_t> out;
        for (const Change &c : changes) {
            out.push_back(c.event.revision);
        }
        return out;
    }
};

struct Reading {
    std::string organization = "acme";
    int64_t after = 0;
    int limit = 1000;
    bool with_workflow = false;
    bool with_runs = false;
};

inline Changes ListChanges(struct run_store *store, const Reading &r) {
    STORE_OP(op, list_changes);
    op->organization = ToSlice(r.organization);
    op->after_revision = r.after;
    op->limit = r.limit;
    op->with_workflow = r.with_workflow;
    op->with_runs = r.with_runs;
    Changes c;
    op->ret_newest = op->ret_floor = -1;
    c.result = op.RunOn(store);
    c.detail = op.detail();
    c.newest = op->ret_newest;
    c.floor = op->ret_floor;
    for (int i = 0; c.result == STORE_OK && i < op->ret_count; i++) {
        const struct store_change &x = op->ret_changes[i];
        const struct run_event &e = x.event;
        c.changes.push_back({ToString(x.run_id),
                             {e.revision, e.kind, e.sequence, e.from, e.to, e.at_us, e.attempt,
                              ToCause(e.cause), ToString(e.holder)},
                             ToString(x.workflow_id),
                             ToRun(x.run)});
    }
    return c;
}

// Reads on from after until the newest change, so many at a time.
inline std::vector<Change> ReadFeed(struct run_store *store, const std::string &organization,
                                    int64_t after = 0, int limit = 100) {
    std::vector<Change> all;
    for (;;) {
        Changes c =
            ListChanges(store, {.organization = organization, .after = after, .limit = limit});
        EXPECT_EQ(c.result, STORE_OK) << c.detail;
        if (c.changes.empty()) {
            return all;
        }
        all.insert(all.end(), c.changes.begin(), c.changes.end());
        after = c.changes.back().event.revision;
    }
}

inline enum store_result TrimChanges(struct run_store *store, int64_t floor, int64_t *ret_floor,
                                     const std::string &organization = "acme") {
    STORE_OP(op, trim_changes);
    op->organization = ToSlice(organization);
    op->floor_revision = floor;
    op->ret_floor = -1;
    enum store_result result = op.RunOn(store);
    *ret_floor = op->ret_floor;
    return result;
}

struct Trim {
    std::string organization;
    int64_t floor;
    bool operator==(const Trim &o) const {
        return organization == o.organization && floor == o.floor;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Trim &t) {
    return out << t.organization << " to " << t.floor;
}

// All that is to be trimmed, asked for page by page.
inline std::vector<Trim> PlanTrim(struct run_store *store, int64_t oldest_at_us,
                                  int64_t most_events, int limit = 100) {
    std::vector<Trim> out;
    std::string cursor;
    for (bool has_more = true; has_more;) {
        STORE_OP(op, plan_trim);
        op->cursor = ToSlice(cursor);
        op->limit = limit;
        op->oldest_at_us = oldest_at_us;
        op->most_events = most_events;
        EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
        EXPECT_LE(op->ret_count, limit);
        for (int i = 0; i < op->ret_count; i++) {
            out.push_back(
                {ToString(op->ret_trims[i].organization), op->ret_trims[i].floor_revision});
        }
        has_more = op->ret_has_more;
        cursor = ToString(op->ret_cursor);
    }
    return out;
}

// What a store says of its commits.
class Commits {
  public:
    struct Commit {
        std::string organization;
        int64_t revision;
        uint32_t kinds;
        int opened;
    };
    struct run_store_options options() {
        struct run_store_options o = {};
        o.on_commit = [](void *context, const struct store_commit *commits, int count) {
            Commits *self = static_cast<Commits *>(context);
            std::lock_guard<std::mutex> lock(self->mutex_);
            EXPECT_GE(count, 1);
            self->calls_++;
            for (int i = 0; i < count; i++) {
                self->all_.push_back({ToString(commits[i].organization), commits[i].revision,
                                      commits[i].kinds, commits[i].opened});
            }
        };
        o.context = this;
        return o;
    }
    std::vector<Commit> all() {
        std::lock_guard<std::mutex> lock(mutex_);
        return all_;
    }
    int calls() {
        std::lock_guard<std::mutex> lock(mutex_);
        return calls_;
    }

  private:
    std::mutex mutex_;
    std::vector<Commit> all_;
    int calls_ = 0;
};

} // namespace store_testing

#endif
