#include <gtest/gtest.h>
#include <memory>
#include <postgresql/libpq-fe.h>
#include <thread>

#include "tests/storage/pg_connection_testing.h"
#include "tests/storage/postgres_history.h"
#include "tests/storage/postgres_writer_store.h"

extern "C" {
#include "storage/op/freeze_organization.h"
#include "storage/op/note_renewals.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/work_transaction.h"
}

// Group commit in PostgreSQL: what one operation does to its neighbours, two servers to each other,
// and the server to all.

namespace store_testing {
namespace {

class PostgresWriter : public testing::Test {
  protected:
    void SetUp() override {
        database_ = cluster_.NewDatabase();
    }
    // Has the statement that writes a row of table fail with code where condition holds, the first
    // times times.
    void FailOn(const std::string &table, const std::string &condition, const std::string &code,
                int times = 1000000) {
        cluster_.Query(database_,
                       "CREATE SEQUENCE IF NOT EXISTS failures;"
                       "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$"
                       " BEGIN IF " +
                           condition + " AND nextval('failures')<=" + std::to_string(times) +
                           " THEN RAISE EXCEPTION 'as the test wants' USING ERRCODE='" + code +
                           "'; END IF; RETURN NEW; END $$;"
                           "CREATE OR REPLACE TRIGGER fail BEFORE INSERT OR UPDATE ON " +
                           table + " FOR EACH ROW EXECUTE FUNCTION fail()");
    }
    void HealAll(const std::string &table) {
        cluster_.Query(database_, "DROP TRIGGER fail ON " + table);
    }

    PostgresCluster &cluster_ = PostgresCluster::Shared();
    std::string database_;
};

TEST_F(PostgresWriter, OneThatIsRefusedSpoilsNoneOfItsBatch) {
    FailOn("run", "NEW.id='poison'::bytea", "P0001");
    WriterStore s(OptionsFor(cluster_, database_));
    std::vector<Answer> answers(64);
    RunTogether(64, [&](int n) {
        answers[n] = CreateRun(s.store(), {.id = n == 7 ? "poison" : std::to_string(n)});
    });
    for (int n = 0; n < 64; n++) {
        EXPECT_EQ(answers[n].result, n == 7 ? STORE_UNREACHABLE : STORE_OK) << n;
    }
    EXPECT_NE(answers[7].detail.find("as the test wants"), std::string::npos);
    EXPECT_TRUE(s.IsWell());
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM run"), "63");
    ExpectSoundHistory(cluster_, database_);
}

TEST_F(PostgresWriter, DeadlocksAndTheirLikeAreTriedAgain) {
    for (const char *code : {"40P01", "40001", "55P03", "23505"}) {
        SCOPED_TRACE(code);
        database_ = cluster_.NewDatabase();
        FailOn("event", "true", code, 3);
        WriterStore s(OptionsFor(cluster_, database_));
        RunTogether(16, [&](int n) {
            std::string id = std::to_string(n);
            EXPECT_EQ(CreateRun(s.store(), {.id = id}).result, STORE_OK);
            EXPECT_EQ(Apply(s.store(), {.id = id}).result, STORE_OK);
        });
        ExpectSoundHistory(cluster_, database_);
    }
}

TEST_F(PostgresWriter, WhatStaysLockedIsSaidToBeSo) {
    FailOn("event", "true", "40001");
    WriterStore s(OptionsFor(cluster_, database_));
    Answer a = CreateRun(s.store(), {.id = "a"});
    EXPECT_EQ(a.result, STORE_LOCKED);
    EXPECT_NE(a.detail.find("as the test wants"), std::string::npos);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM run"), "0");
}

TEST_F(PostgresWriter, AFullDiskIsToldAndGoesByItself) {
    WriterStore s(OptionsFor(cluster_, database_));
    EXPECT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    FailOn("event", "true", "53100");
    EXPECT_EQ(CreateRun(s.store(), {.id = "b"}).result, STORE_DISK_FULL);
    EXPECT_EQ(s.TimesIll(), 1);
    HealAll("event");
    EXPECT_TRUE(Eventually([&] { return s.IsWell(); }));
    EXPECT_EQ(CreateRun(s.store(), {.id = "b"}).result, STORE_OK);
}

TEST_F(PostgresWriter, TwoServersHaveOneWinnerForEachRun) {
    WriterStore a(OptionsFor(cluster_, database_));
    WriterStore b(OptionsFor(cluster_, database_));
    constexpr int kThreads = 16;
    constexpr int kRuns = 40;
    for (int i = 0; i < kRuns; i++) {
        ASSERT_EQ(CreateRun(a.store(), {.id = std::to_string(i), .workflow_id = "w"}).result,
                  STORE_OK);
    }
    std::vector<std::vector<Answer>> answers(kThreads);
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < kRuns; i++) {
            answers[n].push_back(Apply(n % 2 == 0 ? a.store() : b.store(),
                                       {.id = std::to_string(i),
                                        .to = n % 4 < 2 ? RUN_CANCELLED : RUN_SUCCESS,
                                        .actor = std::to_string(n)}));
        }
    });
    for (int i = 0; i < kRuns; i++) {
        int winners = 0;
        for (int n = 0; n < kThreads; n++) {
            winners += answers[n][i].result == STORE_OK;
            if (answers[n][i].result != STORE_OK) {
                EXPECT_EQ(answers[n][i].result, STORE_CONFLICT);
                EXPECT_NE(answers[n][i].ending.actor, "");
                EXPECT_NE(answers[n][i].ending.actor, std::to_string(n));
            }
        }
        EXPECT_EQ(winners, 1) << i;
    }
    ExpectSoundHistory(cluster_, database_);
    Eventually([&] { return std::max(a.Told("acme"), b.Told("acme")) >= 2 * kRuns; });
    EXPECT_EQ(std::max(a.Told("acme"), b.Told("acme")), 2 * kRuns);
}

TEST_F(PostgresWriter, TwoServersMakeOneOrganizationAndOneRunOfAnId) {
    WriterStore a(OptionsFor(cluster_, database_));
    WriterStore b(OptionsFor(cluster_, database_));
    constexpr int kThreads = 16;
    std::atomic<int> made{0};
    RunTogether(kThreads, [&](int n) {
        for (int i = 0; i < 20; i++) {
            Answer answer =
                CreateRun(n % 2 == 0 ? a.store() : b.store(),
                          {.organization = "o" + std::to_string(i), .id = "x", .spec = "spec"});
            EXPECT_TRUE(answer.result == STORE_OK || answer.result == STORE_EXISTS);
            made += answer.result == STORE_OK;
        }
    });
    EXPECT_EQ(made, 20);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM organization"), "20");
    EXPECT_EQ(cluster_.Value(database_, "SELECT sum(stored_bytes) FROM organization"), "80");
    ExpectSoundHistory(cluster_, database_);
}

// Two servers whose batches have many organizations in any order lock them in one.
TEST_F(PostgresWriter, ManyOrganizationsAtOnceDoNotDeadlock) {
    WriterStore a(OptionsFor(cluster_, database_));
    WriterStore b(OptionsFor(cluster_, database_));
    std::string before = cluster_.Value(database_, "SELECT deadlocks FROM pg_stat_database"
                                                   " WHERE datname=current_database()");
    RunTogether(32, [&](int n) {
        for (int i = 0; i < 25; i++) {
            std::string organization = "o" + std::to_string((i * 7 + n * 13) % 25);
            EXPECT_EQ(CreateRun(n % 2 == 0 ? a.store() : b.store(),
                                {.organization = organization, .id = std::to_string(n * 100 + i)})
                          .result,
                      STORE_OK);
        }
    });
    ExpectSoundHistory(cluster_, database_);
    EXPECT_EQ(cluster_.Value(database_, "SELECT deadlocks FROM pg_stat_database"
                                        " WHERE datname=current_database()"),
              before);
}

TEST_F(PostgresWriter, AFrozenOrganizationAndItsNeighbourShareABatch) {
    WriterStore s(OptionsFor(cluster_, database_));
    ASSERT_EQ(CreateRun(s.store(), {.organization = "cold", .id = "a"}).result, STORE_OK);
    cluster_.Query(database_, "UPDATE organization SET frozen_at=5");
    std::vector<Answer> answers(32);
    RunTogether(32, [&](int n) {
        answers[n] = CreateRun(
            s.store(), {.organization = n % 2 == 0 ? "cold" : "warm", .id = std::to_string(n)});
    });
    for (int n = 0; n < 32; n++) {
        EXPECT_EQ(answers[n].result, n % 2 == 0 ? STORE_READ_ONLY : STORE_OK);
    }
    // Who listens is told behind the answers.
    Eventually([&] { return s.Told("warm") >= 16; });
    EXPECT_EQ(s.Told("cold"), 1);
    EXPECT_EQ(s.Told("warm"), 16);
}

TEST_F(PostgresWriter, NothingIsChangedThatTheGuardDoesNotAllow) {
    WriterStore s(OptionsFor(cluster_, database_));
    ASSERT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    s.SetAllowed(false);
    Answer a = CreateRun(s.store(), {.id = "b"});
    EXPECT_EQ(a.result, STORE_UNREACHABLE);
    EXPECT_EQ(a.detail, "the test does not allow it");
    EXPECT_FALSE(s.IsWell());
    s.SetAllowed(true);
    EXPECT_TRUE(Eventually([&] { return s.IsWell(); }));
    EXPECT_EQ(CreateRun(s.store(), {.id = "b"}).result, STORE_OK);
}

// The settings changed since the guard looked: the transaction itself sees it.
TEST_F(PostgresWriter, NothingIsChangedUnderOtherStandbysThanTheGuardSaw) {
    WriterStore::Options options = OptionsFor(cluster_, database_);
    options.checks_standbys = true;
    options.standby_names = "ANY 1 (x, y)";
    WriterStore s(options);
    EXPECT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_UNREACHABLE);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM run"), "0");
    EXPECT_FALSE(s.IsWell());
}

TEST_F(PostgresWriter, NothingIsChangedByASessionThatDoesNotWaitForTheDisk) {
    cluster_.Query(database_, "ALTER DATABASE " + database_ + " SET synchronous_commit=off");
    WriterStore s(OptionsFor(cluster_, database_));
    EXPECT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_UNREACHABLE);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM run"), "0");
}

// The row that says what became of a connection's transactions was cleared away.
TEST_F(PostgresWriter, AConnectionWhoseMarkIsGoneDrawsAnotherOne) {
    WriterStore s(OptionsFor(cluster_, database_));
    ASSERT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    // Each writer has looked whether changes work, and does so no more.
    ASSERT_TRUE(Eventually([&] {
        return cluster_.Value(database_, "SELECT count(*) FROM commit_mark WHERE number>1") == "3";
    }));
    cluster_.Query(database_, "DELETE FROM commit_mark");
    EXPECT_EQ(CreateRun(s.store(), {.id = "b"}).result, STORE_OK);
    EXPECT_TRUE(s.IsWell());
}

TEST_F(PostgresWriter, MarksThatNobodyHasAreClearedAway) {
    cluster_.Query(database_, "INSERT INTO commit_mark VALUES(1, 1, now()-interval '2 days'),"
                              " (2, 1, now())");
    WriterStore s(OptionsFor(cluster_, database_));
    EXPECT_EQ(CreateRun(s.store(), {.id = "a"}).result, STORE_OK);
    EXPECT_EQ(cluster_.Value(database_, "SELECT string_agg(writer::text, ',') FROM commit_mark"
                                        " WHERE writer IN (1, 2)"),
              "2");
}

TEST_F(PostgresWriter, AQueueThatIsFullIsSaidToBeSo) {
    WriterStore::Options options = OptionsFor(cluster_, database_);
    options.queue_limit = 1;
    WriterStore s(options);
    std::atomic<int> busy{0};
    std::atomic<int> done{0};
    RunTogether(32, [&](int n) {
        enum store_result result = CreateRun(s.store(), {.id = std::to_string(n)}).result;
        EXPECT_TRUE(result == STORE_OK || result == STORE_BUSY);
        busy += result == STORE_BUSY;
        done += result == STORE_OK;
    });
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM run"), std::to_string(done));
    EXPECT_EQ(pg_writers_waiting(s.writers()), 0);
}

// The renewals were lost with a failover: a lease is over once it has lasted for its whole duration
// since somebody found that out.
TEST_F(PostgresWriter, ALeaseLastsItsDurationOnceRenewalsWereLost) {
    WriterStore a(OptionsFor(cluster_, database_));
    Terms leased;
    leased.dispatch = RUN_DISPATCH_LEASE;
    ASSERT_EQ(
        CreateRun(a.store(), {.id = "r", .terms = leased, .holder = "h", .lease_us = 50'000'000})
            .result,
        STORE_OK);
    auto end = [&](enum store_event_kind kind, int64_t *ret_left_us) {
        STORE_OP(op, end_lease);
        op->organization = slice_of_cstr("acme");
        op->id = slice_of_cstr("r");
        op->attempt = 1;
        op->kind = kind;
        op->at_us = 5000;
        enum store_result result = op.RunOn(a.store());
        *ret_left_us = op->ret_left_us;
        return result;
    };
    cluster_.Query(database_, "TRUNCATE lease_renewal");
    int64_t left_us = -1;
    EXPECT_EQ(end(STORE_EVENT_LEASE_LOSS, &left_us), STORE_CONFLICT);
    EXPECT_GT(left_us, 0);
    EXPECT_LE(left_us, 50'000'000);
    EXPECT_EQ(end(STORE_EVENT_LEASE_LOSS, &left_us), STORE_CONFLICT);
    EXPECT_GT(left_us, 0);
    EXPECT_LT(left_us, 50'000'000) << "it goes on from the first look";
    cluster_.Query(database_, "UPDATE lease_renewal SET attempt=attempt-50000000 WHERE id=''");
    EXPECT_EQ(end(STORE_EVENT_LEASE_LOSS, &left_us), STORE_OK);
    EXPECT_EQ(left_us, 0);
}

// A lease that was renewed at another server is not over.
TEST_F(PostgresWriter, ALeaseThatWasRenewedElsewhereIsNotLost) {
    WriterStore a(OptionsFor(cluster_, database_));
    WriterStore b(OptionsFor(cluster_, database_));
    Terms leased;
    leased.dispatch = RUN_DISPATCH_LEASE;
    ASSERT_EQ(
        CreateRun(a.store(), {.id = "r", .terms = leased, .holder = "h", .lease_us = 1000}).result,
        STORE_OK);
    STORE_OP(note, note_renewals);
    struct store_renewal renewals[] = {
        {slice_of_cstr("acme"), slice_of_cstr("r"), 1, 50000000},
        {slice_of_cstr("acme"), slice_of_cstr("r"), 1, 60000000},
        {slice_of_cstr("acme"), slice_of_cstr("q"), 1, 60000000},
    };
    note->renewals = renewals;
    note->count = 3;
    ASSERT_EQ(note.RunOn(a.store()), STORE_OK) << note.detail();
    auto end = [&](WriterStore &s, enum store_event_kind kind, int64_t *ret_left_us) {
        STORE_OP(op, end_lease);
        op->organization = slice_of_cstr("acme");
        op->id = slice_of_cstr("r");
        op->attempt = 1;
        op->kind = kind;
        op->at_us = 5000;
        enum store_result result = op.RunOn(s.store());
        *ret_left_us = op->ret_left_us;
        return result;
    };
    int64_t left_us = -1;
    EXPECT_EQ(end(b, STORE_EVENT_LEASE_LOSS, &left_us), STORE_CONFLICT);
    EXPECT_GT(left_us, 30000000);
    EXPECT_LE(left_us, 60000000);
    EXPECT_EQ(end(b, STORE_EVENT_RELEASE, &left_us), STORE_OK);
    EXPECT_EQ(left_us, 0);
    // What was noted of it is gone with it.
    EXPECT_EQ(cluster_.Value(database_, "SELECT string_agg(convert_from(id, 'UTF8'), ',')"
                                        " FROM lease_renewal WHERE id<>''"),
              "q");
}

// Holds up whatever changes the organizations that there are.
class Hold {
  public:
    explicit Hold(const std::string &url) : c_(PQconnectdb(url.c_str())) {
        Run("BEGIN");
        Run("SELECT 1 FROM organization FOR UPDATE");
    }
    ~Hold() {
        PQfinish(c_);
    }

  private:
    void Run(const char *sql) {
        PGresult *result = PQexec(c_, sql);
        EXPECT_NE(PQresultStatus(result), PGRES_FATAL_ERROR) << PQerrorMessage(c_);
        PQclear(result);
    }
    PGconn *c_;
};

// What waits is noted together, by one transaction and one statement.
TEST_F(PostgresWriter, RenewalsThatWaitAreNotedByOneStatement) {
    constexpr int kCalls = 40;
    WriterStore s(OptionsFor(cluster_, database_));
    ASSERT_EQ(CreateRun(s.store(), {.id = "r"}).result, STORE_OK);
    auto hold = std::make_unique<Hold>(cluster_.Url(database_));
    std::atomic<int> noted{0};
    std::vector<std::thread> callers;
    auto call = [&](int n) {
        STORE_OP(note, note_renewals);
        std::string id = "r" + std::to_string(n);
        struct store_renewal renewal = {slice_of_cstr("acme"), slice_of_cstr(id.c_str()), 1,
                                        60000000};
        note->renewals = &renewal;
        note->count = 1;
        noted += note.RunOn(s.store()) == STORE_OK;
    };
    callers.emplace_back(call, 0);
    EXPECT_TRUE(Eventually([&] { // the writer has it, and waits
        return cluster_.Value(database_, "SELECT count(*) FROM pg_stat_activity WHERE"
                                         " datname=current_database() AND"
                                         " wait_event_type='Lock'") == "1";
    }));
    for (int n = 1; n < kCalls; n++) {
        callers.emplace_back(call, n);
    }
    EXPECT_TRUE(Eventually([&] { return pg_writers_waiting(s.writers()) == kCalls - 1; }));
    hold.reset();
    for (std::thread &t : callers) {
        t.join();
    }
    EXPECT_EQ(noted, kCalls);
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(*) FROM lease_renewal WHERE id<>''"),
              std::to_string(kCalls));
    // A row has the numbers of its transaction and, within it, of its statement.
    EXPECT_EQ(cluster_.Value(database_, "SELECT count(DISTINCT (xmin::text, cmin::text))"
                                        " FROM lease_renewal WHERE id<>''"),
              "2");
}

// A note and the lease's end that come to one transaction: whoever was promised the lease keeps it.
TEST_F(PostgresWriter, ALeaseIsNotEndedBehindTheNoteOfItsRenewal) {
    WriterStore s(OptionsFor(cluster_, database_));
    Terms leased;
    leased.dispatch = RUN_DISPATCH_LEASE;
    ASSERT_EQ(
        CreateRun(s.store(), {.id = "r", .terms = leased, .holder = "h", .lease_us = 1000}).result,
        STORE_OK);
    PgConnection c(cluster_.Url(database_));
    ASSERT_EQ(c.Open(), PG_OK) << c.detail();
    c.Within(20 * kSecondUs);
    STORE_OP(note, note_renewals);
    struct store_renewal renewal = {slice_of_cstr("acme"), slice_of_cstr("r"), 1, 60000000};
    note->renewals = &renewal;
    note->count = 1;
    STORE_OP(end, end_lease);
    end->organization = slice_of_cstr("acme");
    end->id = slice_of_cstr("r");
    end->attempt = 1;
    end->kind = STORE_EVENT_LEASE_LOSS;
    struct store_op *const both[] = {&note->op, &end->op};
    struct work *work = work_new(c.get());
    work_begin(work);
    for (struct store_op *op : both) {
        postgres_ops[op->kind->index]->want(work, op);
    }
    EXPECT_EQ(work_load(work), PG_OK) << c.detail();
    for (struct store_op *op : both) {
        EXPECT_EQ(postgres_ops[op->kind->index]->decide(work, op), PG_OK) << c.detail();
    }
    EXPECT_EQ(note->op.result, STORE_OK);
    EXPECT_EQ(end->op.result, STORE_CONFLICT);
    EXPECT_EQ(end->ret_left_us, 60000000);
    work_free(work);
}

// Its end is asked for too soon, and decided once it is over: the event says no sooner end than was
// promised.
TEST_F(PostgresWriter, ALeaseThatEndsWhileItsEndWaitsHasLastedAsPromised) {
    constexpr int64_t kLeftUs = 2'000'000;
    WriterStore a(OptionsFor(cluster_, database_));
    Terms leased;
    leased.dispatch = RUN_DISPATCH_LEASE;
    ASSERT_EQ(
        CreateRun(a.store(), {.id = "r", .terms = leased, .holder = "h", .lease_us = 1000}).result,
        STORE_OK);
    STORE_OP(note, note_renewals);
    struct store_renewal renewal = {slice_of_cstr("acme"), slice_of_cstr("r"), 1, kLeftUs};
    note->renewals = &renewal;
    note->count = 1;
    int64_t renewed_us = clock_monotonic_us();
    ASSERT_EQ(note.RunOn(a.store()), STORE_OK) << note.detail();
    std::thread other([&] { // has the organization locked until the lease is over
        cluster_.Query(database_, "DO $$BEGIN PERFORM FROM organization FOR UPDATE;"
                                  " PERFORM pg_sleep(extract(epoch FROM lasts_until"
                                  "-clock_timestamp())) FROM lease_renewal WHERE id<>''; END$$");
    });
    EXPECT_TRUE(Eventually([&] {
        return cluster_.Value(database_, "SELECT count(*) FROM pg_stat_activity"
                                         " WHERE wait_event='PgSleep'") == "1";
    }));
    STORE_OP(op, end_lease);
    op->organization = slice_of_cstr("acme");
    op->id = slice_of_cstr("r");
    op->attempt = 1;
    op->kind = STORE_EVENT_LEASE_LOSS;
    op->at_us = 5000;
    EXPECT_EQ(op.RunOn(a.store()), STORE_OK);
    int64_t decided_us = clock_monotonic_us();
    other.join();
    EXPECT_GE(op->ret.updated_at_us, 5000 + renewed_us + kLeftUs - op->op.queued_us);
    EXPECT_LE(op->ret.updated_at_us, 5000 + decided_us - op->op.queued_us);
}

} // namespace
} // namespace store_testing
