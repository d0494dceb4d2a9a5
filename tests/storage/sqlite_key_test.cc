// Where keys live, and what a kill leaves of them: in the events behind the mark, in their table,
// in both. Whoever asks again under a key is told what was answered, or would have been.

#include <random>
#include <sqlite3.h>

#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

class SqliteKey : public SqliteTest {
  protected:
    SqliteKey() : SqliteTest("/dev/shm") { // in memory: the disk's time is not looked at
    }
    void TearDown() override {
        run_store_close(store_);
    }
    void Open(const Limits &limits) {
        Opened o = OpenLimited(path_, limits);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }
    void MustCreate(int n) {
        StoredRun run;
        run.id = RunId(n);
        if (n % 4 == 3) {
            run.terms = {RUN_DISPATCH_LEASE, false, RUN_FAILURE, 900000, 500};
        }
        ASSERT_EQ(CreateRun(store_, run).result, STORE_OK);
    }
    // The nth request: each under a key of its own; every fifth makes no event.
    static Transition Request(int n) {
        Transition t = {.id = RunId(n), .at_us = 2000 + n};
        t.key = {"key " + std::to_string(n), "request " + std::to_string(n)};
        if (n % 5 == 0) {
            t.to = RUN_RUNNING;
            t.set_execution_state = true;
            t.execution_state = "state " + std::to_string(n);
        }
        return t;
    }
    // Each of the first so many requests was answered: it is so again, and changes nothing.
    static void ExpectAnswered(struct run_store *store, int count) {
        for (int n = 0; n < count; n++) {
            Answer again = Apply(store, Request(n));
            ASSERT_EQ(again.result, STORE_OK) << n << " " << again.detail;
            ASSERT_TRUE(again.is_replayed) << n;
            ASSERT_EQ(again.run.sequence, n % 5 == 0 ? 1 : 2) << n;
            Transition other = Request(n);
            other.key.request = "another";
            ASSERT_EQ(Apply(store, other).result, STORE_KEY_REUSED) << n;
        }
    }
    std::string Rows() const {
        return QueryText(path_, "SELECT count(*) FROM idempotency_event") +
               QueryText(path_, "SELECT count(*) FROM idempotency");
    }

    struct run_store *store_ = nullptr;
};

// A kill between the commit and the reply, at any moment of many generations: who asks again is
// answered by what was done, and nothing is done twice.
TEST_F(SqliteKey, AKillAtAnyMomentLosesNoKey) {
    constexpr int kRequests = 200;
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Open({.runs = 12, .events = 32, .slice = 3});
    int copies = 0;
    int ahead = 0;  // copies in which keys of events were not in their table
    int behind = 0; // and in which some were
    for (int n = 0; n < kRequests; n++) {
        MustCreate(n);
        ASSERT_FALSE(Apply(store_, Request(n)).is_replayed);
        if (random() % 12 != 0) {
            continue;
        }
        copies++;
        const std::string copy = directory_.File("copy.db");
        CopyFiles(path_, copy);
        const std::string rows = QueryText(copy, "SELECT count(*) FROM idempotency_event");
        const std::string events =
            QueryText(copy, "SELECT count(*) FROM event WHERE key_digest IS NOT NULL");
        ahead += rows != events;
        behind += rows != "0\n";
        Opened o = OpenLimited(copy);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        ExpectAnswered(o.store, n + 1);
        run_store_close(o.store);
        ExpectSound(copy);
        EXPECT_EQ(QueryText(copy, "SELECT count(*) FROM idempotency_event"), events);
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(copies, 3);
    EXPECT_GT(ahead, 2);
    EXPECT_GT(behind, 2);
    ExpectAnswered(store_, kRequests);
    Close();
    ExpectSound(path_);
    EXPECT_EQ(Rows(), "160\n40\n");
    Open({});
    ExpectAnswered(store_, kRequests);
}

// A generation that was never applied: keys are in the events alone.
TEST_F(SqliteKey, KeysInEventsAloneAreFoundAfterAKill) {
    constexpr int kRequests = 300;
    Open({.runs = 100000, .events = 100000});
    for (int n = 0; n < kRequests; n++) {
        MustCreate(n);
        ASSERT_EQ(Apply(store_, Request(n)).result, STORE_OK);
    }
    ASSERT_EQ(Rows(), "0\n60\n");
    const std::string copy = directory_.File("copy.db");
    CopyFiles(path_, copy);
    for (int opened = 0; opened < 2; opened++) { // what was replayed is applied at the close
        Opened o = OpenLimited(copy, {.runs = 100000, .events = 100000});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        ExpectAnswered(o.store, kRequests);
        run_store_close(o.store);
        ExpectSound(copy);
        EXPECT_EQ(QueryText(copy, "SELECT count(*) FROM idempotency_event"), "240\n");
    }
}

// Of a key that is given to one change after the other the newest counts, wherever it is.
TEST_F(SqliteKey, TheNewestChangeOfAKeyCounts) {
    Open({.runs = 4, .events = 8, .slice = 1});
    for (int n = 0; n < 60; n++) {
        MustCreate(n);
        Transition t = Request(n);
        t.at_us = 2000 + 10 * n;
        t.key.name = "the one";
        t.key.oldest_us = t.at_us - 5;
        ASSERT_FALSE(Apply(store_, t).is_replayed) << n;
        ASSERT_TRUE(Apply(store_, t).is_replayed) << n;
        const std::string copy = directory_.File("copy.db");
        CopyFiles(path_, copy);
        Opened o = OpenLimited(copy);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        Answer again = Apply(o.store, t);
        EXPECT_TRUE(again.is_replayed) << n;
        EXPECT_EQ(again.run.id, RunId(n));
        t.key.oldest_us = 0; // for whom all that went before counts as well
        EXPECT_TRUE(Apply(o.store, t).is_replayed) << n;
        run_store_close(o.store);
        ExpectSound(copy);
    }
    Close();
    EXPECT_EQ(Rows(), "1\n1\n");
}

TEST_F(SqliteKey, TrimmedKeysLeaveNoRow) {
    Open({.runs = 8, .events = 16, .slice = 2});
    constexpr int kRequests = 50;
    for (int n = 0; n < kRequests; n++) {
        MustCreate(n);
        ASSERT_EQ(Apply(store_, Request(n)).result, STORE_OK);
    }
    Close();
    Open({});
    EXPECT_EQ(TrimKeys(store_, 2010, 3), 10);
    for (int n = 0; n < kRequests; n++) {
        Transition other = Request(n);
        other.key.request = "another";
        other.from = 0; // it changes nothing
        EXPECT_EQ(Apply(store_, other).result, n < 10 ? STORE_CONFLICT : STORE_KEY_REUSED) << n;
    }
    Close();
    ExpectSound(path_);
    EXPECT_EQ(Rows(), "32\n8\n");
    Open({});
    EXPECT_EQ(TrimKeys(store_, INT64_MAX), 40);
    Close();
    ExpectSound(path_);
    EXPECT_EQ(Rows(), "0\n0\n");
}

// A clock that was years ahead for a moment keeps no keys of later changes.
TEST_F(SqliteKey, AClockThatWasAheadStopsNoTrim) {
    Open({});
    for (int n = 1; n < 4; n++) {
        MustCreate(n);
        Transition t = Request(n);
        t.at_us = n == 2 ? int64_t{4000000000} * 1000000 : 2000 + n;
        ASSERT_EQ(Apply(store_, t).result, STORE_OK);
    }
    Close();
    Open({});
    EXPECT_EQ(TrimKeys(store_, 3000), 3);
    Close();
    EXPECT_EQ(Rows(), "0\n0\n");
}

// A store without keys has its events read for none.
TEST_F(SqliteKey, WithoutKeysATrimReadsNoEvents) {
    Open({});
    for (int n = 0; n < 40; n++) {
        MustCreate(n);
    }
    Close();
    Open({});
    EXPECT_EQ(TrimKeys(store_, INT64_MAX, 10), 0);
    Close();
    EXPECT_EQ(QueryText(path_, "SELECT value FROM meta WHERE name='keys_trimmed'"), "40\n");
}

TEST_F(SqliteKey, WhatDoesNotFitTogetherIsReported) {
    Open({});
    for (int n = 0; n < 6; n++) {
        MustCreate(n);
        ASSERT_EQ(Apply(store_, Request(n)).result, STORE_OK);
    }
    Close();
    const struct {
        const char *sql;
        const char *words;
    } rows[] = {
        {"UPDATE event SET key_digest='text' WHERE key_digest IS NOT NULL",
         "has an impossible idempotency key"},
        {"UPDATE event SET key_digest=substr(key_digest, 1, 31) WHERE key_digest IS NOT NULL",
         "has an impossible idempotency key"},
        {"UPDATE idempotency_event SET event_key=1", "is unknown to its idempotency key"},
        {"UPDATE idempotency_event SET event_key=1000", "leads to no event that has it"},
        {"UPDATE event SET key_digest=NULL", "leads to no event that has it"},
        {"UPDATE idempotency SET fingerprint=x'00'", "is no sound one"},
        {"UPDATE idempotency SET run_key=-1", "is no sound one"},
        {"DELETE FROM idempotency", "rows of idempotency keys, but"},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.sql);
        const std::string copy = directory_.File("copy.db");
        CopyFiles(path_, copy);
        RunSql(copy, row.sql);
        struct arena a;
        arena_init(&a);
        struct store_check_report report = {};
        EXPECT_EQ(run_store_check(&a, ("sqlite:" + copy).c_str(), false, &report), nullptr);
        ASSERT_GT(report.count, 0);
        EXPECT_NE(std::string(report.problems[0]).find(row.words), std::string::npos)
            << report.problems[0];
        arena_release(&a);
    }
}

} // namespace
