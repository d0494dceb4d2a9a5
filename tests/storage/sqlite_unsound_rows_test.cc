// Rows that no program of ours wrote, in a file that SQLite finds nothing wrong with: a store
// copied file by file while it was served, say. What cannot be known is never told as if it
// were: no NOT_FOUND, no half of a history.

#include "tests/storage/feed_testing.h"
#include "tests/storage/sqlite_fixture.h"
#include "tests/storage/token_testing.h"

using namespace store_testing;

namespace {

class SqliteUnsoundRows : public SqliteTest {
  protected:
    // A store with a run "r" of three events and a run "s" of one, changed by sql.
    void Serve(const std::string &sql) {
        run_store_close(store_);
        store_ = nullptr;
        SetPath(directory_.File(std::to_string(count_++) + ".db"));
        OpenStore();
        ASSERT_EQ(CreateRun(store_, {.id = "r"}).result, STORE_OK);
        ASSERT_EQ(CreateRun(store_, {.id = "s"}).result, STORE_OK);
        ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_WAITING}).result, STORE_OK);
        ASSERT_EQ(Apply(store_, {.id = "r", .to = RUN_RUNNING}).result, STORE_OK);
        ASSERT_EQ(CreateToken(store_, {.name = "t"}), STORE_OK);
        // Opened anew, so that rows say all.
        run_store_close(store_);
        OpenStore();
        // While it is served: a start would refuse what it finds.
        RunSql(path_, sql);
    }
    void OpenStore() {
        store_ = MustOpen();
        ASSERT_NE(store_, nullptr);
    }
    void TearDown() override {
        run_store_close(store_);
    }
    enum store_result Events(const std::string &id, int limit = 1000) {
        enum store_result result;
        ListEvents(store_, id, "acme", limit, &result);
        return result;
    }

    int count_ = 0;
    struct run_store *store_ = nullptr;
};

const std::string kOfR = "id='r'";

TEST_F(SqliteUnsoundRows, HistoryThatIsNotWholeIsNotTold) {
    const std::string rows[] = {
        "DELETE FROM event WHERE sequence=3 AND " + kOfR, // looked like no run
        "DELETE FROM event WHERE sequence=2 AND " + kOfR,
        "DELETE FROM event WHERE sequence=1 AND " + kOfR,
        "UPDATE event SET previous_of_run=0 WHERE sequence=2 AND " + kOfR,
        "UPDATE event SET sequence=7 WHERE sequence=2 AND " + kOfR,
        "UPDATE run SET sequence=2 WHERE id='r'",
        "UPDATE run SET newest_event=(SELECT newest_event FROM run WHERE id='s') WHERE id='r'",
        "UPDATE run SET newest_event=99 WHERE id='r'",
    };
    for (const std::string &sql : rows) {
        SCOPED_TRACE(sql);
        Serve(sql);
        EXPECT_EQ(Events("r"), STORE_UNAVAILABLE);
        EXPECT_EQ(Events("s"), STORE_OK);
        EXPECT_EQ(Events("absent"), STORE_NOT_FOUND);
    }
}

TEST_F(SqliteUnsoundRows, WholeHistoryIsToldToAnyLimit) {
    Serve("");
    for (int limit = 1; limit <= 4; limit++) {
        EXPECT_EQ(ListEvents(store_, "r", "acme", limit).size(),
                  static_cast<size_t>(limit < 3 ? limit : 3));
    }
}

TEST_F(SqliteUnsoundRows, StatusThatNoRunHasIsDamage) {
    for (const char *status : {"0", "6", "-1", "31", "32", "1000000"}) {
        SCOPED_TRACE(status);
        Serve(std::string("UPDATE run SET status=") + status + " WHERE id='r'");
        EXPECT_EQ(GetRun(store_, "r").result, STORE_UNAVAILABLE);
        EXPECT_EQ(GetRun(store_, "s").result, STORE_OK);
        EXPECT_EQ(ListRuns(store_, {}).result, STORE_UNAVAILABLE);
        EXPECT_EQ(ListRuns(store_, {.status = RUN_STATUS_BIT(RUN_SUCCESS)}).result,
                  STORE_UNAVAILABLE);
        EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_UNAVAILABLE);
    }
}

TEST_F(SqliteUnsoundRows, RunWithoutABodyIsDamage) {
    Serve("DELETE FROM run_body WHERE run_key=(SELECT run_key FROM run WHERE " + kOfR + ")");
    EXPECT_EQ(GetRun(store_, "r").result, STORE_UNAVAILABLE);
    EXPECT_EQ(ListRuns(store_, {}).result, STORE_UNAVAILABLE);
    EXPECT_EQ(Apply(store_, {.id = "r"}).result, STORE_UNAVAILABLE);
}

TEST_F(SqliteUnsoundRows, TokenWithoutAHashIsDamage) {
    for (const char *hash : {"x''", "x'00'", "zeroblob(33)"}) {
        SCOPED_TRACE(hash);
        Serve(std::string("UPDATE token SET hash=") + hash);
        STORE_OP(list, list_tokens);
        EXPECT_EQ(list.RunOn(store_), STORE_UNAVAILABLE);
        Token revoked;
        EXPECT_EQ(RevokeToken(store_, "acme", "t", 5, &revoked), STORE_UNAVAILABLE);
    }
}

// A secret without an end, or none where there should be one, would open what nobody meant.
TEST_F(SqliteUnsoundRows, TokenWithHalfARotationIsDamage) {
    for (const char *set :
         {"rotations=1, previous_expires_at=9", "rotations=1, previous_hash=zeroblob(32)",
          "rotations=1, previous_hash=x'00', previous_expires_at=9"}) {
        SCOPED_TRACE(set);
        Serve(std::string("UPDATE token SET rotated_at=5, ") + set);
        STORE_OP(list, list_tokens);
        EXPECT_EQ(list.RunOn(store_), STORE_UNAVAILABLE);
        EXPECT_EQ(RotateToken(store_, {.at_us = 7}), STORE_UNAVAILABLE);
    }
}

// Likewise of the feed, of which each reading is looked at by itself.
TEST_F(SqliteUnsoundRows, FeedThatIsNotWholeIsNotRead) {
    const std::string rows[] = {
        "DELETE FROM event WHERE revision=2",
        "DELETE FROM event WHERE revision=4",
        "UPDATE event SET revision=9 WHERE revision=3",
        "UPDATE event SET organization='other' WHERE revision=3",
        "UPDATE event SET previous_of_organization=1 WHERE revision=3",
        "UPDATE event SET previous_of_organization=0 WHERE revision=2",
        "UPDATE organization SET revision=3",
        "UPDATE organization SET revision=5",
        "UPDATE organization SET newest_event=99",
        "UPDATE organization SET floor_revision=-1",
        "UPDATE organization SET floor_revision=5",
    };
    for (const std::string &sql : rows) {
        SCOPED_TRACE(sql);
        Serve(sql);
        EXPECT_EQ(ListChanges(store_, {.organization = "none"}).result, STORE_OK);
        EXPECT_EQ(ListChanges(store_, {}).result, STORE_UNAVAILABLE);
    }
    Serve("DELETE FROM run WHERE id='s'");
    EXPECT_EQ(ListChanges(store_, {}).revisions().size(), 4u);
    EXPECT_EQ(ListChanges(store_, {.with_runs = true}).result, STORE_UNAVAILABLE);
    EXPECT_EQ(ListChanges(store_, {.with_workflow = true}).result, STORE_OK); // of the events
    Serve("DELETE FROM run WHERE id='s'; UPDATE event SET workflow_key=0");
    EXPECT_EQ(ListChanges(store_, {.with_workflow = true}).result, STORE_UNAVAILABLE);
    Serve("DELETE FROM workflow");
    EXPECT_EQ(ListChanges(store_, {.with_workflow = true}).result, STORE_UNAVAILABLE);
}

TEST_F(SqliteUnsoundRows, FeedWithoutItsMarksIsNotRead) {
    Serve("");
    for (int i = 4; i < 200; i++) {
        ASSERT_EQ(Apply(store_, {.id = "r", .to = i % 2 == 0 ? RUN_WAITING : RUN_RUNNING}).result,
                  STORE_OK);
    }
    RunSql(path_, "DELETE FROM event_mark WHERE revision=128;"
                  "UPDATE event_mark SET event_key=1 WHERE revision=64");
    EXPECT_EQ(ListChanges(store_, {.after = 129, .limit = 10}).revisions().size(), 10u);
    EXPECT_EQ(ListChanges(store_, {.after = 100, .limit = 10}).result, STORE_UNAVAILABLE);
    EXPECT_EQ(ListChanges(store_, {.after = 30, .limit = 10}).result, STORE_UNAVAILABLE);
}

} // namespace
