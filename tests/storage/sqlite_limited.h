#ifndef RUNSD_TESTS_STORAGE_SQLITE_LIMITED_H
#define RUNSD_TESTS_STORAGE_SQLITE_LIMITED_H

#include <algorithm>
#include <map>
#include <random>

#include "tests/storage/count_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/sqlite_fixture.h"

// Stores whose generations of pending runs are small, so that a test comes to each of their
// moments, and what such a store should hold.

namespace store_testing {

// See struct pending_limits. Without idle_us rows are brought up to date only with changes and at
// the close.
struct Limits {
    int runs = 24;
    int64_t events = 64;
    int slice = 5;
    int64_t idle_us = 0;
    int organizations = 16384;
};

Opened OpenLimited(const std::string &path, const Limits &limits = {},
                   struct run_store_options options = {});

// Expects that `runsctl check` finds nothing wrong with the store at path.
inline void ExpectSound(const std::string &path) {
    struct arena a;
    arena_init(&a);
    struct store_check_report report = {};
    const struct error *e = run_store_check(&a, ("sqlite:" + path).c_str(), false, &report);
    EXPECT_EQ(e, nullptr) << e->message;
    for (int i = 0; e == nullptr && i < report.count; i++) {
        ADD_FAILURE() << report.problems[i];
    }
    arena_release(&a);
}

// The id of the nth run: every other one is a UUID as CreateRun makes them.
inline std::string RunId(int n) {
    if (n % 2 == 0) {
        return "run-" + std::to_string(n);
    }
    char id[64];
    snprintf(id, sizeof(id), "01937560-%04x-7a01-8000-%012x", n / 7 % 0xffff,
             static_cast<unsigned>(n));
    return id;
}

// What a store was made to hold: each run as its last change left it, and how many events.
class Model {
  public:
    using Key = std::pair<std::string, std::string>; // organization, id

    // Creates the nth run.
    void Create(struct run_store *store, int n) {
        StoredRun run;
        run.organization = OrganizationOf(n);
        run.id = RunId(n);
        run.started_at_us = 1000 + n;
        run.workflow_id = n % 3 == 0 ? "w" : "";
        if (n % 4 == 3) { // one with leases and deadlines, whose rows are never behind
            run.terms = {RUN_DISPATCH_LEASE, n % 8 == 7, RUN_FAILURE, 1000000000 + n, 50};
        }
        Answer a = CreateRun(store, run);
        ASSERT_EQ(a.result, STORE_OK) << a.detail;
        Take(a);
    }
    // Makes a change, which may be refused by the run's status.
    void Change(struct run_store *store, Transition t, int n) {
        t.organization = OrganizationOf(n);
        t.id = RunId(n);
        Answer a = Apply(store, t);
        ASSERT_TRUE(a.result == STORE_OK || a.result == STORE_CONFLICT) << a.detail;
        if (a.result == STORE_OK && a.revision > 0) {
            Take(a);
        } else if (a.result == STORE_OK) {
            TakeFields(a);
        }
        Compare(a.run, runs_[{t.organization, t.id}]);
    }
    // One of all kinds of change, to one of so many runs.
    void ChangeSomething(struct run_store *store, std::mt19937 &random, int count) {
        int n = static_cast<int>(random() % static_cast<unsigned>(count));
        Transition t;
        t.at_us = ++now_us_;
        switch (random() % 11) {
        case 8:
            AcquireSome(store, OrganizationOf(n), static_cast<int>(random() % 3) + 1);
            return;
        case 9:
            EndLeaseOf(store, random() % 2 == 0 ? STORE_EVENT_RELEASE : STORE_EVENT_LEASE_LOSS, n);
            return;
        case 10:
            Stop(store, n);
            return;
        case 0:
            t.to = RUN_WAITING;
            break;
        case 1:
            t.to = RUN_RUNNING;
            break;
        case 2: // of the row and the body
            t.to = RUN_WAITING;
            t.set_total_cu = true;
            t.total_cu = static_cast<double>(now_us_);
            t.set_execution_state = true;
            t.execution_state = "state " + std::to_string(now_us_);
            break;
        case 3: // of the body alone
            t.to = RUN_RUNNING;
            t.set_execution_state = true;
            t.execution_state = "state " + std::to_string(now_us_);
            break;
        case 4:
            t.to = random() % 2 == 0 ? RUN_SUCCESS : RUN_FAILURE;
            t.set_total_cu = random() % 2 == 0;
            t.total_cu = 4;
            break;
        default:
            t.to = RUN_CANCELLED;
        }
        Change(store, t, n);
    }
    // Has some executor acquire so many runs.
    void AcquireSome(struct run_store *store, const std::string &organization, int limit) {
        Acquired a = Acquire(store, {.organization = organization,
                                     .limit = limit,
                                     .holder = "executor " + std::to_string(++now_us_),
                                     .lease_us = now_us_,
                                     .at_us = now_us_});
        ASSERT_EQ(a.result, STORE_OK) << a.detail;
        for (const StoredRun &run : a.runs) {
            StoredRun &before = runs_[{organization, run.id}];
            EXPECT_EQ(before.holder, "");
            EXPECT_GT(run.attempt, before.attempt); // by 1, but in a store that was put back
            EXPECT_EQ(run.sequence, before.sequence + 1);
            before = run;
            revisions_[organization]++;
            events_++;
        }
    }
    void EndLeaseOf(struct run_store *store, enum store_event_kind kind, int n) {
        TakeIfMade(EndLease(store, {.organization = OrganizationOf(n),
                                    .id = RunId(n),
                                    .attempt = runs_[{OrganizationOf(n), RunId(n)}].attempt,
                                    .kind = kind,
                                    .at_us = now_us_}));
    }
    void Stop(struct run_store *store, int n) {
        TakeIfMade(StopRun(store, {.organization = OrganizationOf(n),
                                   .id = RunId(n),
                                   .attempt = runs_[{OrganizationOf(n), RunId(n)}].attempt,
                                   .at_us = now_us_}));
    }
    void TakeIfMade(const Answer &a) {
        ASSERT_TRUE(a.result == STORE_OK || a.result == STORE_CONFLICT) << a.detail;
        EXPECT_FALSE(a.is_stale);
        if (a.revision > 0) {
            Take(a);
        }
        Compare(a.run, runs_[{a.run.organization, a.run.id}]);
    }
    // An answer of a change that made an event.
    void Take(const Answer &a) {
        const Key key{a.run.organization, a.run.id};
        runs_[key] = a.run;
        EXPECT_EQ(a.revision, ++revisions_[a.run.organization]);
        events_++;
    }
    // An answer of a change of fields alone.
    void TakeFields(const Answer &a) {
        runs_[{a.run.organization, a.run.id}] = a.run;
    }
    // A change whose outcome was unknown: the run as it is now, before it or after it.
    void TakeIfChanged(const StoredRun &now) {
        StoredRun &before = runs_[{now.organization, now.id}];
        EXPECT_TRUE(now.sequence == before.sequence || now.sequence == before.sequence + 1);
        if (now.sequence != before.sequence) {
            revisions_[now.organization]++;
            events_++;
        }
        before = now;
    }
    static void Compare(const StoredRun &is, const StoredRun &expected) {
        EXPECT_EQ(is.status, expected.status) << expected.id;
        EXPECT_EQ(is.sequence, expected.sequence) << expected.id;
        EXPECT_EQ(is.updated_at_us, expected.updated_at_us) << expected.id;
        EXPECT_EQ(is.finished_at_us, expected.finished_at_us) << expected.id;
        EXPECT_EQ(is.total_cu, expected.total_cu) << expected.id;
        EXPECT_EQ(is.execution_state, expected.execution_state) << expected.id;
        EXPECT_EQ(is.attempt, expected.attempt) << expected.id;
        EXPECT_EQ(is.terms, expected.terms) << expected.id;
        EXPECT_EQ(is.holder, expected.holder) << expected.id;
        EXPECT_EQ(is.lease_us, expected.lease_us) << expected.id;
        EXPECT_EQ(is.waiting_until_us, expected.waiting_until_us) << expected.id;
        EXPECT_EQ(is.stopped_at_us, expected.stopped_at_us) << expected.id;
    }
    void ExpectRun(struct run_store *store, const StoredRun &expected) const {
        Answer a = GetRun(store, expected.id, expected.organization);
        ASSERT_EQ(a.result, STORE_OK) << expected.id << ": " << a.detail;
        Compare(a.run, expected);
        std::vector<WholeEvent> events = ListWholeEvents(store, expected.id, expected.organization);
        ASSERT_EQ(static_cast<int64_t>(events.size()), expected.sequence) << expected.id;
        for (size_t i = 0; i < events.size(); i++) {
            EXPECT_EQ(events[i].sequence, static_cast<int64_t>(i + 1));
            EXPECT_EQ(events[i].from, i == 0 ? 0 : events[i - 1].to);
            const int64_t before = i == 0 ? 0 : events[i - 1].attempt;
            if (events[i].kind == STORE_EVENT_ACQUISITION) {
                EXPECT_GT(events[i].attempt, before);
            } else {
                EXPECT_EQ(events[i].attempt, before);
            }
        }
        EXPECT_EQ(events.back().to, expected.status) << expected.id;
        EXPECT_EQ(events.back().attempt, expected.attempt) << expected.id;
        EXPECT_EQ(events.back().at_us,
                  expected.stopped_at_us != 0 ? expected.stopped_at_us : expected.updated_at_us)
            << expected.id;
    }
    void ExpectSomeRun(struct run_store *store, std::mt19937 &random) const {
        auto at = runs_.begin();
        std::advance(at, random() % runs_.size());
        ExpectRun(store, at->second);
    }
    // All runs, and lists of every status.
    void ExpectAll(struct run_store *store) const {
        for (const auto &run : runs_) {
            ExpectRun(store, run.second);
        }
        ExpectLists(store);
    }
    void ExpectLists(struct run_store *store) const {
        ExpectLeasesAndDeadlines(store);
        for (const auto &organization : revisions_) {
            ExpectCounts(store, organization.first, CountsOf(organization.first));
            for (uint32_t status : {RUN_STATUS_BIT(RUN_RUNNING), RUN_STATUS_BIT(RUN_WAITING),
                                    RUN_STATUS_BIT(RUN_SUCCESS), RUN_STATUS_BIT(RUN_FAILURE),
                                    RUN_STATUS_BIT(RUN_CANCELLED), uint32_t{RUN_STATUS_ACTIVE},
                                    uint32_t{RUN_STATUS_ALL}}) {
                ExpectList(store, organization.first, status);
            }
        }
    }
    Counts CountsOf(const std::string &organization) const {
        Counts counts = {};
        for (const auto &run : runs_) {
            counts[run.second.status] += run.first.first == organization;
        }
        return counts;
    }
    void ExpectLeasesAndDeadlines(struct run_store *store) const {
        std::vector<Lease> leases;
        std::vector<Due> due;
        for (const auto &run : runs_) {
            const StoredRun &r = run.second;
            const bool is_active = (RUN_STATUS_BIT(r.status) & RUN_STATUS_ACTIVE) != 0;
            if (!r.holder.empty()) {
                EXPECT_TRUE(is_active) << r.id;
                leases.push_back({r.organization, r.id, r.attempt, r.holder, r.lease_us});
            }
            if (is_active && r.terms.timeout_at_us != 0) {
                due.push_back({r.id,
                               r.waiting_until_us != 0 ? r.waiting_until_us : r.terms.timeout_at_us,
                               RUN_FAILURE, r.organization});
            }
        }
        EXPECT_EQ(ListLeases(store, 7), leases);
        auto by_time = [](const Due &a, const Due &b) {
            return std::tie(a.due_us, a.organization, a.id) <
                   std::tie(b.due_us, b.organization, b.id);
        };
        std::vector<Due> listed = ListDue(store, INT64_MAX, 100000).due;
        EXPECT_TRUE(std::is_sorted(listed.begin(), listed.end(),
                                   [](const Due &a, const Due &b) { return a.due_us < b.due_us; }));
        std::sort(listed.begin(), listed.end(), by_time);
        std::sort(due.begin(), due.end(), by_time);
        EXPECT_EQ(listed, due);
    }
    void ExpectList(struct run_store *store, const std::string &organization,
                    uint32_t status) const {
        std::vector<std::pair<int64_t, StoredRun>> expected;
        for (const auto &run : runs_) {
            if (run.first.first == organization &&
                (RUN_STATUS_BIT(run.second.status) & status) != 0) {
                expected.emplace_back(run.second.started_at_us, run.second);
            }
        }
        std::sort(expected.begin(), expected.end(),
                  [](const auto &a, const auto &b) { return a.first > b.first; });
        Page page =
            ListRuns(store, {.organization = organization, .status = status, .limit = 10000});
        ASSERT_EQ(page.result, STORE_OK);
        ASSERT_EQ(page.runs.size(), expected.size()) << organization << " " << status;
        for (size_t i = 0; i < expected.size(); i++) {
            EXPECT_EQ(page.runs[i].id, expected[i].second.id);
            Compare(page.runs[i], expected[i].second);
        }
    }
    // The rows of a file that was closed say all; revisions have no gap.
    void ExpectRows(const std::string &path) const {
        EXPECT_EQ(QueryText(path, "SELECT count(*) FROM run AS r WHERE EXISTS(SELECT 1 FROM"
                                  " event AS e WHERE e.organization=r.organization"
                                  " AND e.id=r.id AND e.sequence>r.sequence)"),
                  "0\n");
        EXPECT_EQ(QueryText(path, "SELECT sum(sequence) FROM run"), std::to_string(events_) + "\n");
        EXPECT_EQ(QueryText(path, "SELECT max(event_key)=(SELECT value FROM meta"
                                  " WHERE name='applied') FROM event"),
                  "1\n");
        for (const auto &organization : revisions_) {
            EXPECT_EQ(QueryText(path, "SELECT revision FROM organization WHERE name='" +
                                          organization.first + "'"),
                      std::to_string(organization.second) + "\n");
        }
        ExpectSound(path);
    }
    int64_t events() const {
        return events_;
    }
    const std::map<Key, StoredRun> &runs() const {
        return runs_;
    }
    static std::string OrganizationOf(int n) {
        return n % 5 == 0 ? "globex" : "acme";
    }

  private:
    std::map<Key, StoredRun> runs_;
    std::map<std::string, int64_t> revisions_;
    int64_t events_ = 0;
    int64_t now_us_ = 100000;
};

// A copy of the store's files as they are now: what a process that is killed leaves.
inline void CopyFiles(const std::string &from, const std::string &to) {
    for (const char *suffix : {"", "-wal", "-shm", ".state", ".server"}) {
        unlink((to + suffix).c_str());
    }
    for (const char *suffix : {"", "-wal", ".state"}) {
        if (Exists(from + suffix)) {
            WriteFile(to + suffix, ReadFile(from + suffix));
        }
    }
}

} // namespace store_testing

#endif
