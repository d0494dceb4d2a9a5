#include "tests/storage/bulk_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/lease_testing.h"
#include "tests/storage/postgres_cluster.h"
#include "tests/storage/token_testing.h"

extern "C" {
#include "storage/postgres/postgres_store.h"
#include "storage/postgres/store_check.h"
}

using namespace store_testing;

// What `runsctl check` finds in the tables of PostgreSQL: each of its questions has a row
// that is wrong.

namespace {

class PostgresCheck : public testing::Test {
  protected:
    void SetUp() override {
        database_ = cluster_.NewDatabase();
        url_ = cluster_.Url(database_);
        arena_init(&arena_);
    }
    void TearDown() override {
        Close();
        arena_release(&arena_);
    }
    void Open() {
        struct run_store_options options = {};
        options.queue_limit = 1000;
        const struct error *e =
            postgres_store_open(&arena_, url_.c_str(), url_.c_str(), nullptr, &options, &store_);
        ASSERT_EQ(e, nullptr) << e->message;
    }
    void Close() {
        if (store_ != nullptr) {
            run_store_close(store_);
        }
        store_ = nullptr;
    }

    // What is found, a line each.
    std::string Check(bool *ret_is_served = nullptr) {
        struct store_check_report report = {};
        const std::string location = url_.substr(url_.find(':') + 1);
        const struct error *e = pg_store_check(&arena_, location.c_str(), false, &report);
        EXPECT_EQ(e, nullptr) << e->message;
        std::string found;
        for (int i = 0; e == nullptr && i < report.count; i++) {
            found += report.problems[i] + std::string("\n");
        }
        if (ret_is_served != nullptr) {
            *ret_is_served = report.is_served;
        }
        return found;
    }

    // Runs of all kinds, in two organizations: those that ended, are held, wait with a deadline,
    // were deleted, created again, have parents; jobs, tokens, keys.
    void MakeStore() {
        for (int i = 0; i < 20; i++) {
            const std::string id = "run-" + std::to_string(i);
            StoredRun run = LeasedRun(id, 1000 + i);
            run.workflow_id = "w" + std::to_string(i % 3);
            run.spec = "spec";
            run.terms.on_timeout = i % 2 == 0 ? RUN_FAILURE : RUN_CANCELLED;
            run.terms.timeout_at_us = 900000000;
            run.terms.waiting_timeout_us = i % 4 == 0 ? 5000000 : 0;
            ASSERT_EQ(CreateRun(store_, run).result, STORE_OK);
        }
        ASSERT_EQ(Acquire(store_, {.limit = 8}).runs.size(), 8u);
        for (int i = 0; i < 12; i += 2) {
            const std::string id = "run-" + std::to_string(i);
            ASSERT_EQ(Apply(store_, {.id = id, .to = RUN_WAITING, .at_us = 3000}).result, STORE_OK);
        }
        for (int i = 0; i < 6; i++) {
            const std::string id = "run-" + std::to_string(i);
            ASSERT_EQ(Apply(store_, {.id = id, .at_us = 4000}).result, STORE_OK);
        }
        ASSERT_EQ(StopRun(store_, {.id = "run-1", .attempt = 1, .at_us = 5000}).result, STORE_OK);
        for (int i = 0; i < 8; i++) {
            MakeEnded(store_, "plain-" + std::to_string(i), 2000 + i, "globex");
        }
        ASSERT_EQ(DeleteRun(store_, {.organization = "globex", .id = "plain-0"}).result, STORE_OK);
        MakeEnded(store_, "plain-0", 9000, "globex"); // again
        ASSERT_EQ(DeleteRun(store_, {.organization = "globex", .id = "plain-7"}).result, STORE_OK);
        ASSERT_EQ(DeleteRuns(store_, {"plain-1"}, INT64_MAX, "globex"), 1);
        MakeJobs();
        for (char c : {'a', 'b'}) {
            ASSERT_EQ(CreateToken(store_, {.name = std::string(1, c),
                                           .hash = std::string(TOKEN_HASH_BYTES, c)}),
                      STORE_OK);
        }
        ASSERT_EQ(RotateToken(store_, {.name = "b", .at_us = 5, .overlap_us = 5}), STORE_OK);
    }
    void MakeJobs() {
        ASSERT_EQ(CreateBulk(store_, {.id = "done"}, {"run-1", "run-12", "absent"}).result,
                  STORE_OK);
        ASSERT_EQ(FinishBulk(store_, "done").result, STORE_OK);
        ASSERT_EQ(CreateBulk(store_, {.id = "open"}, {"run-13", "run-14"}).result, STORE_OK);
    }

    PostgresCluster &cluster_ = PostgresCluster::Shared();
    struct arena arena_ = {};
    std::string database_;
    std::string url_;
    struct run_store *store_ = nullptr;
};

TEST_F(PostgresCheck, AStoreIsSoundWhileItIsServedAndAfterwards) {
    bool is_served = false;
    Open();
    EXPECT_EQ(Check(&is_served), ""); // nothing is in it
    EXPECT_TRUE(is_served);
    MakeStore();
    EXPECT_EQ(Check(&is_served), "");
    EXPECT_TRUE(is_served);
    Close();
    EXPECT_EQ(Check(), "");
}

TEST_F(PostgresCheck, AServedStoreIsReadAsItIsAtOneMoment) {
    Open();
    RunTogether(3, [&](int n) {
        for (int i = 0; n > 0 && i < 150; i++) {
            MakeEnded(store_, std::to_string(n) + "-" + std::to_string(i), 1000 + i);
        }
        for (int i = 0; n == 0 && i < 10; i++) {
            EXPECT_EQ(Check(), "");
        }
    });
}

TEST_F(PostgresCheck, WhatIsNoStoreIsNotChecked) {
    database_ = cluster_.NewEmptyDatabase();
    url_ = cluster_.Url(database_);
    struct store_check_report report = {};
    const std::string location = url_.substr(url_.find(':') + 1);
    const struct error *e = pg_store_check(&arena_, location.c_str(), false, &report);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->code, STATUS_NOT_FOUND) << e->message;
}

TEST_F(PostgresCheck, EachProblemIsFound) {
    Open();
    MakeStore();
    Close();
    ASSERT_EQ(Check(), "");
    const struct {
        const char *sql;
        const char *words;
    } rows[] = {
        {"UPDATE run SET status=9 WHERE id='run-1'",
         "the run \"run-1\" of \"acme\" has an impossible status"},
        {"DELETE FROM run_body WHERE run_key=(SELECT run_key FROM run WHERE id='run-1')",
         "has no body"},
        {"INSERT INTO run_body VALUES(12345, '', '')", "the body 12345 is that of no run"},
        {"UPDATE run SET newest_revision=999 WHERE id='run-1'", "is newer than its organization"},
        {"DELETE FROM event WHERE id='run-2' AND to_status=5", "has lost its newest event"},
        {"DELETE FROM event WHERE id='run-2' AND to_status=5",
         "the organization \"acme\" has a gap in its feed"},
        {"UPDATE run SET updated_at=1 WHERE id='run-2'", "newest event contradicts"},
        {"UPDATE run SET attempt=attempt+1 WHERE id='run-1'",
         "has an attempt that its newest event contradicts"},
        {"DELETE FROM event WHERE id='run-2' AND kind=1", "has lost the event of its creation"},
        {"UPDATE run SET ended_revision=0 WHERE id='run-2'",
         "has a status that the revision of its end contradicts"},
        {"UPDATE run SET ended_revision=1 WHERE id='run-9'",
         "has a status that the revision of its end contradicts"},
        {"UPDATE run SET ended_revision=3 WHERE id='run-1'", "has lost the event that ended it"},
        {"DELETE FROM run_term WHERE id='run-3'", "has terms that its row contradicts"},
        {"UPDATE run SET has_parent=true WHERE id='run-3'",
         "has a parent that its row contradicts"},
        {"DELETE FROM run WHERE id='run-3'", "has terms and is not there"},
        {"DELETE FROM run WHERE id='run-3'", "is of a run that is not there"},
        {"DELETE FROM run WHERE id='run-3'", "is that of no run"},
        {"DELETE FROM run WHERE id='run-3'",
         "the organization \"acme\" has counts that its runs contradict"},
        {"DELETE FROM run_active WHERE organization='acme'", "is not final, and is not listed so"},
        {"INSERT INTO run_active SELECT organization, started_at, id FROM run WHERE id='run-2'",
         "is listed as one that is not final, and is none"},
        {"UPDATE run_term SET workflow_id='other' WHERE id='run-3'",
         "has the terms of another run"},
        {"UPDATE run_term SET on_timeout=3 WHERE id='run-3'", "has impossible terms"},
        {"UPDATE run_term SET is_open=NOT is_open WHERE id='run-17'",
         "has a lease that its row contradicts"},
        {"UPDATE run_term SET holder='somebody', lease=1 WHERE id='run-3'",
         "has a lease that its row contradicts"},
        {"UPDATE run_term SET due_at=due_at+1 WHERE id='run-17'",
         "has a deadline that its row contradicts"},
        {"UPDATE run_term SET waiting_until=1 WHERE id='run-17'",
         "has a deadline that its row contradicts"},
        {"UPDATE run_term SET stopped_at=1 WHERE id='run-17'",
         "has stopped, and was not cancelled"},
        {"UPDATE event SET kind=6 WHERE id='run-17'", "has a kind that its change contradicts"},
        {"UPDATE event SET kind=1 WHERE id='run-2' AND to_status=5", "creates a run that is there"},
        {"UPDATE event SET sequence=9 WHERE id='run-2' AND to_status=5",
         "does not follow the one before it"},
        {"UPDATE event SET from_status=3 WHERE id='run-2' AND to_status=5",
         "changes a final status"},
        {"UPDATE organization SET floor_revision=999 WHERE name='acme'", "has an impossible floor"},
        {"UPDATE organization SET revision=revision-1 WHERE name='globex'",
         "the organization \"globex\" has events behind its newest revision"},
        {"UPDATE organization SET revision=revision+1 WHERE name='globex'",
         "the organization \"globex\" has a gap in its feed"},
        {"DELETE FROM organization WHERE name='globex'", "is that of no organization"},
        {"UPDATE organization SET running=running+1 WHERE name='acme'",
         "the organization \"acme\" has counts that its runs contradict"},
        {"UPDATE organization SET stored_bytes=stored_bytes-1 WHERE name='acme'",
         "the organization \"acme\" has counts that its runs contradict"},
        {"UPDATE run_count SET success=success+1 WHERE workflow_id='w1'",
         "the workflow \"w1\" of \"acme\" has counts that its runs contradict"},
        {"UPDATE bulk SET state=9 WHERE id='done'",
         "the job \"done\" of \"acme\" has an impossible state"},
        {"UPDATE bulk SET finished_at=0 WHERE id='done'",
         "has instants that its state contradicts"},
        {"UPDATE bulk SET total=total+1 WHERE id='done'", "has counts that its items contradict"},
        {"UPDATE bulk_item SET due=2 WHERE id='absent'",
         "is done, and has items that were not dealt with"},
        {"DELETE FROM bulk WHERE id='done'", "is that of no job"},
        {"UPDATE bulk_item SET outcome=7 WHERE id='absent'", "has an impossible outcome"},
        {"UPDATE bulk_item SET due=NULL WHERE id='run-13'", "is open, and is never dealt with"},
        {"UPDATE bulk_item SET outcome=2 WHERE id='run-13'",
         "has an outcome that its run contradicts"},
        {"INSERT INTO run_parent VALUES('acme', 'nobody', 'run-1', false)",
         "has a parent and is not there"},
        {"INSERT INTO run_parent VALUES('acme', 'nobody', 'run-1', true)",
         "is gone, and leads nowhere"},
        {"INSERT INTO run_parent VALUES('acme', 'run-2', 'run-1', true)",
         "is there, and has a parent as one that is gone"},
        {"UPDATE token SET hash='short' WHERE name='a'",
         "the token \"a\" of \"acme\" has no hash of a secret"},
        {"UPDATE token SET denials=-1 WHERE name='a'", "has a negative number"},
        {"UPDATE token SET rotations=1 WHERE name='a'",
         "has rotations that its secrets contradict"},
        {"UPDATE token SET previous_hash='short' WHERE name='b'",
         "has no hash of the secret before its newest"},
        {"UPDATE token SET hash=(SELECT previous_hash FROM token WHERE name='b') WHERE name='a'",
         "has a secret that another rotation replaced"},
    };
    const std::string sound = database_;
    for (const auto &row : rows) {
        database_ = sound + "_wrong";
        cluster_.Query("postgres", "DROP DATABASE IF EXISTS " + database_);
        cluster_.Query("postgres", "CREATE DATABASE " + database_ + " TEMPLATE " + sound);
        url_ = cluster_.Url(database_);
        cluster_.Query(database_, row.sql);
        EXPECT_NE(Check().find(row.words), std::string::npos) << row.sql << ":\n" << Check();
    }
    cluster_.Query("postgres", "DROP DATABASE " + database_);
}

} // namespace
