#ifndef RUNSD_TESTS_STORAGE_STORE_TESTING_H
#define RUNSD_TESTS_STORAGE_STORE_TESTING_H

#include <atomic>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

extern "C" {
#include "base/core/clock.h"
#include "storage/op/acquire_runs.h"
#include "storage/op/create_run.h"
#include "storage/op/end_lease.h"
#include "storage/op/find_runs.h"
#include "storage/op/get_run.h"
#include "storage/op/list_due.h"
#include "storage/op/list_events.h"
#include "storage/op/list_leases.h"
#include "storage/op/list_runs.h"
#include "storage/op/stop_run.h"
#include "storage/op/transition_run.h"
#include "storage/op/trim_keys.h"
#include "storage/store_opener.h"
}

// The store's operations as calls that wait and return values, for tests.

namespace store_testing {

constexpr uint32_t kActive = RUN_STATUS_ACTIVE;

inline struct slice ToSlice(const std::string &s) {
    return slice_of(s.data(), s.size());
}

inline std::string ToString(struct slice s) {
    return s.len == 0 ? std::string() : std::string(reinterpret_cast<const char *>(s.data), s.len);
}

struct Terms {
    enum run_dispatch dispatch = RUN_DISPATCH_EXTERNAL;
    bool fails_on_lease_loss = false;
    int on_timeout = 0;
    int64_t timeout_at_us = 0;
    int64_t waiting_timeout_us = 0;
    bool operator==(const Terms &o) const {
        return dispatch == o.dispatch && fails_on_lease_loss == o.fails_on_lease_loss &&
               on_timeout == o.on_timeout && timeout_at_us == o.timeout_at_us &&
               waiting_timeout_us == o.waiting_timeout_us;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Terms &t) {
    return out << "dispatch " << t.dispatch << " fails on loss " << t.fails_on_lease_loss
               << " on timeout " << t.on_timeout << " at " << t.timeout_at_us << " waiting "
               << t.waiting_timeout_us;
}

struct StoredRun {
    std::string organization = "acme";
    std::string id = {};
    enum run_status status = RUN_RUNNING;
    int64_t started_at_us = 1000;
    int64_t updated_at_us = 0;
    int64_t finished_at_us = 0;
    int64_t sequence = 0;
    double total_cu = 0;
    std::string workflow_id = {}; // of a run to be created; stores may return none
    std::string spec = {};
    std::string execution_state = {};
    int64_t attempt = 0;
    Terms terms = {};
    std::string holder = {};
    int64_t lease_us = 0;
    int64_t waiting_until_us = 0;
    int64_t stopped_at_us = 0;
};

inline StoredRun ToRun(const struct run_record &r) {
    return StoredRun{ToString(r.organization),
                     ToString(r.id),
                     r.status,
                     r.started_at_us,
                     r.updated_at_us,
                     r.finished_at_us,
                     r.sequence,
                     r.fields.total_cu,
                     {},
                     ToString(r.spec),
                     ToString(r.fields.execution_state),
                     r.attempt,
                     {r.terms.dispatch, r.terms.fails_on_lease_loss, r.terms.on_timeout,
                      r.terms.timeout_at_us, r.terms.waiting_timeout_us},
                     ToString(r.holder),
                     r.lease_us,
                     r.waiting_until_us,
                     r.stopped_at_us};
}

struct Cause {
    std::string actor = "creator";
    std::string reason = {};
    std::string request_id = {};
    std::string remote_address = {};
    std::string idempotency_key = {};
    bool operator==(const Cause &o) const {
        return actor == o.actor && reason == o.reason && request_id == o.request_id &&
               remote_address == o.remote_address && idempotency_key == o.idempotency_key;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Cause &c) {
    return out << "by " << c.actor << " because " << c.reason << " request " << c.request_id
               << " from " << c.remote_address << " key " << c.idempotency_key;
}

inline struct event_cause ToEventCause(const Cause &c) {
    return {ToSlice(c.actor), ToSlice(c.reason), ToSlice(c.request_id), ToSlice(c.remote_address),
            ToSlice(c.idempotency_key)};
}

inline Cause ToCause(const struct event_cause &c) {
    return {ToString(c.actor), ToString(c.reason), ToString(c.request_id),
            ToString(c.remote_address), ToString(c.idempotency_key)};
}

// An event as far as it is the run's alone.
struct Event {
    int64_t sequence;
    int from;
    int to;
    int64_t at_us;
    std::string actor = {};
    std::string reason = {};
    bool operator==(const Event &o) const {
        return sequence == o.sequence && from == o.from && to == o.to && at_us == o.at_us &&
               actor == o.actor && reason == o.reason;
    }
};

inline std::ostream &operator<<(std::ostream &out, const Event &e) {
    return out << "{" << e.sequence << ": " << e.from << "->" << e.to << " at " << e.at_us << " by "
               << e.actor << " because " << e.reason << "}";
}

// All of an event.
struct WholeEvent {
    int64_t revision;
    int kind;
    int64_t sequence;
    int from;
    int to;
    int64_t at_us;
    int64_t attempt;
    Cause cause = {};
    std::string holder = {};
    bool operator==(const WholeEvent &o) const {
        return revision == o.revision && kind == o.kind && sequence == o.sequence &&
               from == o.from && to == o.to && at_us == o.at_us && attempt == o.attempt &&
               cause == o.cause && holder == o.holder;
    }
};

inline std::ostream &operator<<(std::ostream &out, const WholeEvent &e) {
    return out << "{" << e.revision << " of kind " << e.kind << ", " << e.sequence << ": " << e.from
               << "->" << e.to << " at " << e.at_us << " attempt " << e.attempt << " " << e.cause
               << " held by " << e.holder << "}";
}

// A key of an empty name is none.
struct Key {
    std::string name = {};
    std::string request = {}; // what its fingerprint is made of
    int64_t oldest_us = 0;
};

inline struct idempotency ToIdempotency(const Key &k) {
    struct idempotency key = {};
    key.is_given = !k.name.empty();
    // Names are digests, which differ from their first byte on.
    const uint64_t name = std::hash<std::string>()(k.name);
    const uint64_t request = std::hash<std::string>()(k.request);
    memcpy(key.name, &name, sizeof(name));
    memcpy(key.fingerprint, &request, sizeof(request));
    key.oldest_us = k.oldest_us;
    return key;
}

struct Answer {
    enum store_result result = STORE_UNAVAILABLE;
    std::string detail = {};
    StoredRun run;
    int64_t revision = -1; // of the event that was made; -1: the store left it
    bool is_stale = false;
    bool has_changed = false;
    bool is_replayed = false;
    Cause ending = {""};
};

struct Transition {
    std::string organization = "acme";
    std::string id = {};
    uint32_t from = kActive;
    enum run_status to = RUN_CANCELLED;
    int64_t at_us = 2000;
    std::string actor = "tester";
    std::string reason = {};
    std::string request_id = {};
    std::string remote_address = {};
    std::string idempotency_key = {};
    bool set_execution_state = false;
    std::string execution_state = {};
    bool set_total_cu = false;
    double total_cu = 0;
    bool checks_attempt = false;
    int64_t attempt = 0;
    int64_t due_us = 0;
    int64_t expected_sequence = 0;
    Key key = {};
};

struct Listing {
    std::string organization = "acme";
    uint32_t status = RUN_STATUS_ALL;
    std::string workflow_id = {};
    int64_t started_after_us = INT64_MIN;
    int64_t started_before_us = INT64_MAX;
    bool has_cursor = false;
    int64_t cursor_us = 0;
    std::string cursor_id = {};
    int limit = 100;
    std::vector<std::string> ids = {};
    std::string holder = {};
};

struct Page {
    enum store_result result = STORE_UNAVAILABLE;
    std::vector<StoredRun> runs;
    bool has_more = false;
    int64_t cursor_us = 0;
    std::string cursor_id = {};
    int64_t newest_revision = -1;

    std::vector<std::string> ids() const {
        std::vector<std::string> out;
        for (const StoredRun &r : runs) {
            out.push_back(r.id);
        }
        return out;
    }
};

// An operation with its arena. -> leads to its struct.
template <typename T> class Op {
  public:
    explicit Op(const struct store_kind *kind) {
        arena_init(&arena_);
        op_.op.kind = kind;
        op_.op.arena = &arena_;
    }
    ~Op() {
        arena_release(&arena_);
    }
    Op(const Op &) = delete;
    Op &operator=(const Op &) = delete;
    T *operator->() {
        return &op_;
    }
    struct store_op *get() {
        return &op_.op;
    }
    enum store_result RunOn(struct run_store *store) {
        store_op_submit_and_wait(store, &op_.op);
        return op_.op.result;
    }
    std::string detail() const {
        return op_.op.detail != nullptr ? op_.op.detail : "";
    }

  private:
    struct arena arena_;
    T op_ = {};
};

// Declares the Op variable of an operation by its header's name.
#define STORE_OP(variable, name) Op<struct store_##name> variable(&store_##name##_kind)

inline void FillCreate(Op<struct store_create_run> &op, const StoredRun &run) {
    struct run_record &in = op->in;
    in.organization = ToSlice(run.organization);
    in.id = ToSlice(run.id);
    in.status = run.status;
    in.started_at_us = run.started_at_us;
    in.fields.total_cu = run.total_cu;
    in.workflow_id = ToSlice(run.workflow_id);
    in.spec = ToSlice(run.spec);
    in.fields.execution_state = ToSlice(run.execution_state);
    in.attempt = run.attempt;
    in.terms = {run.terms.dispatch, run.terms.fails_on_lease_loss,
                static_cast<enum run_status>(run.terms.on_timeout), run.terms.timeout_at_us,
                run.terms.waiting_timeout_us};
    in.holder = ToSlice(run.holder);
    in.lease_us = run.lease_us;
}

inline void FillTransition(Op<struct store_transition_run> &op, const Transition &t) {
    struct store_transition_run &x = *op.operator->();
    x.organization = ToSlice(t.organization);
    x.id = ToSlice(t.id);
    x.from = t.from;
    x.to = t.to;
    x.at_us = t.at_us;
    x.cause = {ToSlice(t.actor), ToSlice(t.reason), ToSlice(t.request_id),
               ToSlice(t.remote_address), ToSlice(t.idempotency_key)};
    x.given = (t.set_execution_state ? RUN_FIELD_BIT(EXECUTION_STATE) : 0) |
              (t.set_total_cu ? RUN_FIELD_BIT(TOTAL_CU) : 0);
    x.fields.execution_state = ToSlice(t.execution_state);
    x.fields.total_cu = t.total_cu;
    x.checks_attempt = t.checks_attempt;
    x.attempt = t.attempt;
    x.due_us = t.due_us;
    x.expected_sequence = t.expected_sequence;
    x.idempotency = ToIdempotency(t.key);
}

inline Answer CreateRun(struct run_store *store, const StoredRun &run, const Cause &cause = {},
                        const Key &key = {}) {
    STORE_OP(op, create_run);
    FillCreate(op, run);
    op->cause = ToEventCause(cause);
    op->idempotency = ToIdempotency(key);
    Answer a;
    op->ret_revision = a.revision;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    a.revision = op->ret_revision;
    if (a.result == STORE_OK) {
        a.run = ToRun(op->ret);
        a.is_replayed = op->ret_is_replayed;
    }
    return a;
}

inline Answer Apply(struct run_store *store, const Transition &t) {
    STORE_OP(op, transition_run);
    FillTransition(op, t);
    Answer a;
    op->ret_revision = a.revision;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    a.revision = op->ret_revision;
    if (a.result == STORE_OK || a.result == STORE_CONFLICT) {
        a.run = ToRun(op->ret);
        a.is_stale = op->ret_is_stale;
        a.has_changed = op->ret_has_changed;
        a.is_replayed = op->ret_is_replayed;
        a.ending = ToCause(op->ret_ending);
    }
    return a;
}

// Trims keys, in steps of limit, until there are none left. Returns how many they were.
inline int TrimKeys(struct run_store *store, int64_t before_us, int limit = 1000) {
    int count = 0;
    bool has_more = true;
    while (has_more) {
        STORE_OP(op, trim_keys);
        op->before_us = before_us;
        op->limit = limit;
        EXPECT_EQ(op.RunOn(store), STORE_OK) << op.detail();
        EXPECT_LE(op->ret_count, limit);
        count += op->ret_count;
        has_more = op->ret_has_more;
    }
    return count;
}

inline Answer GetRun(struct run_store *store, const std::string &id,
                     const std::string &organization = "acme") {
    STORE_OP(op, get_run);
    op->organization = ToSlice(organization);
    op->id = ToSlice(id);
    Answer a;
    a.result = op.RunOn(store);
    a.detail = op.detail();
    if (a.result == STORE_OK) {
        a.run = ToRun(op->ret);
    }
    return a;
}

inline Page ListRuns(struct run_store *store, const Listing &l) {
    STORE_OP(op, list_runs);
    struct store_list_runs &x = *op.operator->();
    x.organization = ToSlice(l.organization);
    x.status = l.status;
    x.workflow_id = ToSlice(l.workflow_id);
    x.started_after_us = l.started_after_us;
    x.started_before_us = l.started_before_us;
    x.has_cursor = l.has_cursor;
    x.cursor = {l.cursor_us, ToSlice(l.cursor_id)};
    x.limit = l.limit;
    std::vector<struct slice> ids;
    for (const std::string &id : l.ids) {
        ids.push_back(ToSlice(id));
    }
    x.ids = ids.data();
    x.id_count = static_cast<int>(ids.size());
    x.holder = ToSlice(l.holder);
    Page p;
    p.result = op.RunOn(store);
    if (p.result == STORE_OK) {
        p.newest_revision = x.ret_newest_revision;
        for (int i = 0; i < x.ret_count; i++) {
            p.runs.push_back(ToRun(x.ret_runs[i]));
        }
        p.has_more = x.ret_has_more;
        if (p.has_more) {
            p.cursor_us = x.ret_cursor.started_at_us;
            p.cursor_id = ToString(x.ret_cursor.id);
        }
    }
    return p;
}

inline Listing Behind(Listing l, const Page &p) {
    l.has_cursor = true;
    l.cursor_us = p.cursor_us;
    l.cursor_id = p.cursor_id;
    return l;
}

inline std::vector<WholeEvent> ListWholeEvents(struct run_store *store, const std::string &id,
                                               const std::string &organization = "acme",
                                               int limit = 1000,
                                               enum store_result *ret_result = nullptr) {
    STORE_OP(op, list_events);
    op->organization = ToSlice(organization);
    op->id = ToSlice(id);
    op->limit = limit;
    enum store_result result = op.RunOn(store);
    if (ret_result != nullptr) {
        *ret_result = result;
    }
    std::vector<WholeEvent> out;
    if (result == STORE_OK) {
        for (int i = 0; i < op->ret_count; i++) {
            const struct run_event &e = op->ret_events[i];
            out.push_back({e.revision, e.kind, e.sequence, e.from, e.to, e.at_us, e.attempt,
                           ToCause(e.cause), ToString(e.holder)});
        }
    }
    return out;
}

inline std::vector<Event> ListEvents(struct run_store *store, const std::string &id,
                                     const std::string &organization = "acme", int limit = 1000,
                                     enum store_result *ret_result = nullptr) {
    std::vector<Event> out;
    for (const WholeEvent &e : ListWholeEvents(store, id, organization, limit, ret_result)) {
        out.push_back({e.sequence, e.from, e.to, e.at_us, e.cause.actor, e.cause.reason});
    }
    return out;
}

// A directory that is removed with all it holds.
class TemporaryDirectory {
  public:
    explicit TemporaryDirectory(const char *base = getenv("TEST_TMPDIR")) {
        path_ = std::string(base != nullptr ? base : "/tmp") + "/store-XXXXXX";
        if (mkdtemp(path_.data()) == nullptr) {
            abort();
        }
    }
    ~TemporaryDirectory() {
        std::string command = "rm -rf '" + path_ + "'";
        if (system(command.c_str()) != 0) {
            abort();
        }
    }
    TemporaryDirectory(const TemporaryDirectory &) = delete;
    TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
    const std::string &path() const {
        return path_;
    }
    std::string File(const std::string &name) const {
        return path_ + "/" + name;
    }

  private:
    std::string path_;
};

struct Opened {
    struct run_store *store = nullptr;
    int code = STATUS_OK;
    std::string message = {};
};

// What open, which is given an arena and where the store goes, says.
template <typename F> Opened OpenedBy(F open) {
    struct arena a;
    arena_init(&a);
    Opened o;
    const struct error *e = open(&a, &o.store);
    if (e != nullptr) {
        o.code = e->code;
        o.message = e->message;
    }
    arena_release(&a);
    return o;
}

inline Opened Open(const std::string &url, struct run_store_options options = {}) {
    return OpenedBy([&](struct arena *a, struct run_store **ret_store) {
        return run_store_open(a, url.c_str(), &options, ret_store);
    });
}

// Runs body(0) to body(count - 1), each on a thread, all at once; returns when all have ended.
template <typename F> void RunTogether(int count, F body) {
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    for (int n = 0; n < count; n++) {
        threads.emplace_back([&, n] {
            ready++;
            while (ready < count) {
                std::this_thread::yield();
            }
            body(n);
        });
    }
    for (std::thread &t : threads) {
        t.join();
    }
}

} // namespace store_testing

#endif
