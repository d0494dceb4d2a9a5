#include <set>

#include "tests/storage/bulk_story.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/postgres_fixture.h"
#include "tests/storage/token_testing.h"

extern "C" {
#include "storage/postgres/store_check.h"
}

// Jobs, deletions and what is removed as too old, done by two servers of one store in PostgreSQL at
// the same time: whatever they do is done once.

namespace store_testing {
namespace {

class PostgresJobsTest : public testing::Test {
  protected:
    PostgresJobsTest() : cluster_(PostgresCluster::Shared()), database_(cluster_.NewDatabase()) {}
    void SetUp() override {
        for (SharedStore &server : servers_) {
            ASSERT_EQ(server.Open(cluster_.Url(database_)), STATUS_OK) << server.message();
        }
    }
    // What is stored is sound as a whole.
    void TearDown() override {
        struct arena a;
        arena_init(&a);
        struct store_check_report report = {};
        const std::string url = cluster_.Url(database_);
        const std::string location = url.substr(url.find(':') + 1);
        const struct error *e = pg_store_check(&a, location.c_str(), false, &report);
        EXPECT_EQ(e, nullptr) << e->message;
        for (int i = 0; e == nullptr && i < report.count; i++) {
            ADD_FAILURE() << report.problems[i];
        }
        arena_release(&a);
    }
    struct run_store *Server(int n) {
        return servers_[n % 2].get();
    }
    std::string Value(const std::string &sql) {
        return cluster_.Value(database_, sql);
    }
    Ids MakeRuns(int count) {
        Ids ids;
        for (int i = 0; i < count; i++) {
            char id[64];
            snprintf(id, sizeof(id), "01937560-0000-7a01-8000-%012d", i);
            ids.push_back(id);
        }
        RunTogether(8, [&](int n) {
            for (int i = n; i < count; i += 8) {
                EXPECT_EQ(CreateRun(Server(n), {.id = ids[i]}).result, STORE_OK);
            }
        });
        return ids;
    }
    // The job is done, and each of its runs was cancelled by one event; its counts and its items
    // say so, and no revision is missing.
    void ExpectEachCancelledOnce(const Ids &ids) {
        Bulk bulk = GetBulk(Server(0)).bulk;
        EXPECT_EQ(bulk.state, BULK_DONE);
        EXPECT_EQ(bulk.total, static_cast<int64_t>(ids.size()));
        EXPECT_EQ(bulk.cancelled, bulk.total);
        EXPECT_EQ(ListBulkItems(Server(1), "job", BULK_OUTCOME_BIT(BULK_CANCELLED)).size(),
                  ids.size());
        EXPECT_EQ(Value("SELECT count(*) FROM event WHERE to_status=5"),
                  std::to_string(ids.size()));
        EXPECT_EQ(Value("SELECT count(DISTINCT id) FROM event WHERE to_status=5"),
                  std::to_string(ids.size()));
        EXPECT_EQ(Value("SELECT revision FROM organization WHERE name='acme'"),
                  std::to_string(2 * ids.size()));
        EXPECT_EQ(Value("SELECT cancelled FROM run_count"), std::to_string(ids.size()));
    }

    PostgresCluster &cluster_;
    std::string database_;
    SharedStore servers_[2];
};

TEST_F(PostgresJobsTest, TwoServersThatStepOneJobCancelEachRunOnce) {
    const Ids ids = MakeRuns(400);
    ASSERT_EQ(CreateBulk(Server(0), {}, ids).result, STORE_OK);
    std::vector<std::string> ended[2];
    RunTogether(2, [&](int n) {
        int state = BULK_RUNNING;
        while (state == BULK_RUNNING) {
            BulkAnswer a = RunBulk(Server(n), "job", 7);
            ASSERT_EQ(a.result, STORE_OK) << a.detail;
            ended[n].insert(ended[n].end(), a.ended.begin(), a.ended.end());
            state = a.bulk.state;
        }
    });
    // Each is told to the executor by the server that did it, and by that one alone.
    std::set<std::string> all(ended[0].begin(), ended[0].end());
    all.insert(ended[1].begin(), ended[1].end());
    EXPECT_EQ(all.size(), ids.size());
    EXPECT_EQ(ended[0].size() + ended[1].size(), ids.size());
    ExpectEachCancelledOnce(ids);
}

// The next step of the story's job, whatever the other server has made of it since. Returns whether
// there is one.
bool TakeStep(struct run_store *store) {
    const Key key = {"key of the creation", "creation"};
    const Bulk job = {.is_dry_run = true,
                      .cascades = true,
                      .has_filter = true,
                      .filter = {.workflow_id = "named"}};
    BulkAnswer a = GetBulk(store);
    if (a.result == STORE_NOT_FOUND) {
        a = CreateBulk(store, job, {}, 1, key);
    } else if (a.bulk.state == BULK_PLANNING) {
        a = CollectBulk(store, "job", 3);
    } else if (a.bulk.state == BULK_PLANNED) {
        a = ChangeBulk(store, {.from = BULK_STATE_BIT(BULK_PLANNED), .to = BULK_RUNNING});
        EXPECT_TRUE(a.result == STORE_OK || a.result == STORE_CONFLICT) << a.result;
        return true;
    } else if (a.bulk.state == BULK_RUNNING) {
        a = RunBulk(store, "job", 3);
    } else {
        return false;
    }
    EXPECT_EQ(a.result, STORE_OK) << a.detail;
    return a.result == STORE_OK;
}

TEST_F(PostgresJobsTest, TwoServersTakeAJobThatCascadesThroughItsLife) {
    MakeStory(Server(0));
    RunTogether(2, [&](int n) {
        while (TakeStep(Server(n))) {
        }
    });
    Story now;
    now.ExpectTrue(Server(1));
    Story::ExpectOver(Server(0));
}

TEST_F(PostgresJobsTest, OneKeyMakesOneJobAtTwoServers) {
    for (int round = 0; round < 20; round++) {
        const std::string organization = "acme" + std::to_string(round); // it has no row before
        BulkAnswer answers[2];
        RunTogether(2, [&](int n) {
            answers[n] = CreateBulk(
                Server(n),
                {.organization = organization, .id = "job" + std::to_string(n), .has_filter = true},
                {}, 16, {"key " + organization, "the request"});
        });
        ASSERT_EQ(answers[0].result, STORE_OK) << answers[0].detail;
        ASSERT_EQ(answers[1].result, STORE_OK) << answers[1].detail;
        EXPECT_EQ(answers[0].bulk.id, answers[1].bulk.id);
        EXPECT_NE(answers[0].is_replayed, answers[1].is_replayed);
        EXPECT_EQ(ListBulks(Server(round), 100, organization).size(), 1u);
    }
}

// The session of one server is ended while its step waits for a row, having changed others: what
// the step did is undone, and both go on.
TEST_F(PostgresJobsTest, AStepThatIsKilledInItsMiddleHasDoneNothing) {
    const Ids ids = MakeRuns(60);
    ASSERT_EQ(CreateBulk(Server(0), {}, ids).result, STORE_OK);
    PgConnection other(cluster_.Url(database_));
    ASSERT_EQ(other.Open(), PG_OK);
    static const struct pg_statement lock = {
        "test_lock", "UPDATE bulk_item SET outcome=outcome WHERE id IN"
                     " (SELECT id FROM bulk_item ORDER BY id OFFSET 5 LIMIT 1)"};
    other.Within(20 * kSecondUs);
    ASSERT_EQ(other.Run(pg_begin), PG_OK);
    ASSERT_EQ(other.Run(lock), PG_OK);
    BulkAnswer again; // the step, taken again by another session: what the others have left
    std::thread step([&] { again = RunBulk(Server(0), "job", 10); });
    const std::string waiting = " FROM pg_stat_activity WHERE datname='" + database_ +
                                "' AND application_name='runsd long writer'"
                                " AND wait_event_type='Lock'";
    while (Value("SELECT count(*)" + waiting) != "1") {
        usleep(1000);
    }
    EXPECT_EQ(Value("SELECT count(*) FROM event WHERE to_status=5"), "0");
    EXPECT_EQ(Value("SELECT pg_terminate_backend(pid)" + waiting), "t");
    EXPECT_EQ(other.Run(pg_rollback), PG_OK);
    size_t ended = 0;
    for (BulkAnswer a; a.bulk.state != BULK_DONE;) {
        a = RunBulk(Server(1), "job", 10);
        ended += a.ended.size();
        if (a.result != STORE_OK) {
            ADD_FAILURE() << a.detail;
            break;
        }
    }
    step.join();
    EXPECT_EQ(again.result, STORE_OK) << again.detail;
    EXPECT_EQ(ended + again.ended.size(), ids.size());
    ExpectEachCancelledOnce(ids);
}

// Whenever sessions are ended: an answer may then be that it is not known, and never a wrong one.
TEST_F(PostgresJobsTest, JobsOutliveTheEndsOfTheirSessions) {
    const Ids ids = MakeRuns(300);
    ASSERT_EQ(CreateBulk(Server(0), {}, ids).result, STORE_OK);
    std::atomic<bool> is_done{false};
    std::vector<std::string> ended[2];
    std::atomic<int> killed{0};
    RunTogether(3, [&](int n) {
        while (n == 2 && !is_done) { // the cluster is this thread's alone
            killed += atoi(Value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                 " WHERE datname='" +
                                 database_ + "' AND application_name='runsd long writer'")
                               .c_str());
            usleep(20000);
        }
        while (n < 2 && !is_done) {
            BulkAnswer a = RunBulk(Server(n), "job", 5);
            if (a.result != STORE_OK) {
                EXPECT_TRUE(a.result == STORE_UNAVAILABLE || a.result == STORE_UNREACHABLE)
                    << a.result << a.detail;
                continue;
            }
            ended[n].insert(ended[n].end(), a.ended.begin(), a.ended.end());
            is_done = is_done || a.bulk.state == BULK_DONE;
        }
    });
    EXPECT_GT(killed, 0);
    std::set<std::string> all(ended[0].begin(), ended[0].end());
    all.insert(ended[1].begin(), ended[1].end());
    EXPECT_EQ(all.size(), ended[0].size() + ended[1].size()); // none was told twice
    ExpectEachCancelledOnce(ids);
}

// One server deletes the runs of an id, the other one creates them anew.
TEST_F(PostgresJobsTest, AnIdIsCreatedAndDeletedByTwoServersInTurns) {
    int64_t created = 0;
    int64_t deleted = 0;
    std::atomic<bool> is_done{false};
    RunTogether(2, [&](int n) {
        for (int i = 0; n == 0 && i < 300; i++) {
            Answer a = CreateRun(Server(0), {.id = "run", .status = RUN_SUCCESS});
            EXPECT_TRUE(a.result == STORE_OK || a.result == STORE_EXISTS) << a.detail;
            created += a.result == STORE_OK;
        }
        while (n == 1 && !is_done) {
            Deleted d = DeleteRun(Server(1), {.id = "run"});
            EXPECT_TRUE(d.result == STORE_OK || d.result == STORE_NOT_FOUND) << d.detail;
            deleted += d.result == STORE_OK;
        }
        is_done = true;
    });
    const bool is_there = GetRun(Server(1), "run").result == STORE_OK;
    EXPECT_EQ(created, deleted + is_there);
    EXPECT_EQ(Value("SELECT revision FROM organization"), std::to_string(created + deleted));
    EXPECT_EQ(Value("SELECT count(*) FROM event WHERE kind=7"), std::to_string(deleted));
    EXPECT_EQ(Value("SELECT count(*) FROM event WHERE kind<>7"), is_there ? "1" : "0");
    EXPECT_EQ(Value("SELECT count(*) FROM run_body"), is_there ? "1" : "0");
    EXPECT_EQ(Value("SELECT success FROM run_count"), is_there ? "1" : "0");
}

TEST_F(PostgresJobsTest, WhatIsTooOldIsRemovedOnceByTwoServers) {
    const Ids ids = MakeRuns(40);
    for (int i = 0; i < 6; i++) {
        const std::string id = "job" + std::to_string(i);
        ASSERT_EQ(CreateBulk(Server(i), {.id = id}, ids, 16, {"key " + id, "r"}).result, STORE_OK);
        ASSERT_EQ(FinishBulk(Server(i), id).bulk.state, BULK_DONE);
    }
    std::atomic<int> items{0};
    std::atomic<int> runs{0};
    RunTogether(2, [&](int n) {
        bool has_more = true;
        while (has_more) {
            items += TrimBulks(Server(n), INT64_MAX, INT64_MAX, 7, &has_more);
        }
        for (size_t i = 0; i < ids.size(); i += 10) {
            runs += DeleteRuns(Server(n), Ids(ids.begin() + i, ids.begin() + i + 10));
        }
        TrimKeys(Server(n), INT64_MAX, 3);
    });
    EXPECT_EQ(items, 6 * 41);
    EXPECT_EQ(runs, 40);
    for (const char *table : {"bulk", "bulk_item", "idempotency", "run", "run_body", "event"}) {
        EXPECT_EQ(Value(std::string("SELECT count(*) FROM ") + table), "0") << table;
    }
    EXPECT_EQ(Value("SELECT floor_revision FROM organization"), "80");
}

TEST_F(PostgresJobsTest, AnOrganizationIsDeletedOnceByTwoServers) {
    MakeRuns(200);
    ASSERT_EQ(CreateToken(Server(0), {.name = "t"}), STORE_OK);
    ASSERT_EQ(Freeze(Server(0), "acme", 1), STORE_OK);
    std::atomic<int64_t> deleted{0};
    RunTogether(2, [&](int n) {
        OrganizationStep step = {STORE_OK};
        while (step.result == STORE_OK) { // until the other one, or this one, was done
            step = DeleteOrganizationOnce(Server(n), "acme", 20);
            deleted += step.result == STORE_OK ? step.deleted : 0;
        }
        EXPECT_EQ(step.result, STORE_CONFLICT); // it is frozen no more
    });
    EXPECT_EQ(deleted, 200);
    for (const char *table : {"run", "run_body", "event", "token", "run_count"}) {
        EXPECT_EQ(Value(std::string("SELECT count(*) FROM ") + table), "0") << table;
    }
    EXPECT_EQ(Value("SELECT revision FROM organization WHERE frozen_at=0 AND floor_revision=200"),
              "200");
}

// The other servers read tokens again once the number moved: with each change, in its transaction.
TEST_F(PostgresJobsTest, EachChangeOfATokenIsCounted) {
    const Token token = {.name = "t"};
    Token ret;
    auto changes = [&] { return atoi(Value("SELECT token_changes FROM store").c_str()); };
    EXPECT_EQ(changes(), 0);
    ASSERT_EQ(CreateToken(Server(0), token), STORE_OK);
    EXPECT_EQ(changes(), 1);
    ASSERT_EQ(CreateToken(Server(1), token), STORE_EXISTS);
    ASSERT_EQ(NoteTokenUse(Server(1), {token}), STORE_OK);
    EXPECT_EQ(changes(), 1);
    ASSERT_EQ(RotateToken(Server(1), {.name = "t"}), STORE_OK);
    EXPECT_EQ(changes(), 2);
    ASSERT_EQ(RevokeToken(Server(0), "acme", "absent", 5, &ret), STORE_NOT_FOUND);
    EXPECT_EQ(changes(), 2);
    ASSERT_EQ(RevokeToken(Server(0), "acme", "t", 5, &ret), STORE_OK);
    EXPECT_EQ(changes(), 3);
}

TEST_F(PostgresJobsTest, RenewalsOfLeasesThatEndedLongAgoGo) {
    cluster_.Query(database_, "INSERT INTO lease_renewal VALUES('acme', 'old', 1, now()-interval "
                              "'61 minutes'), ('acme', 'young', 1, now()-interval '59 minutes')");
    TrimKeys(Server(0), 0);
    EXPECT_EQ(Value("SELECT encode(id, 'escape') FROM lease_renewal WHERE id<>''"), "young");
}

} // namespace
} // namespace store_testing
