// What leases and deadlines cost in a store that has many of them: as many steps as in a small one,
// and no statement that walks a table.

#include <atomic>
#include <map>
#include <sqlite3.h>

#include "tests/storage/sqlite_limited.h"

extern "C" {
#include "storage/sqlite/sqlite_op.h"
}

using namespace store_testing;

namespace {

std::atomic<int64_t> steps;

int CountStep(void *context) {
    (void)context;
    steps++;
    return 0;
}

// Called by SQLite with each connection that is opened.
int CountItsSteps(sqlite3 *db, const char **ret_message, const void *api) {
    (void)ret_message;
    (void)api;
    sqlite3_progress_handler(db, 1, CountStep, nullptr);
    return SQLITE_OK;
}

class SqliteLeaseCost : public SqliteTest {
  protected:
    SqliteLeaseCost() : SqliteTest("/dev/shm") { // in memory: the disk's time is not looked at
    }
    void TearDown() override {
        run_store_close(store_);
        sqlite3_reset_auto_extension();
    }
    // A store of so many runs with a deadline, of which two of three can be acquired and the
    // third is held by one of 1,000 executors; all of one organization and ten workflows.
    void MakeStore(int runs) {
        run_store_close(MustOpen());
        RunSql(path_, R"(PRAGMA synchronous=OFF;
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<)" +
                          std::to_string(runs) + R"()
 SELECT i, printf('r%07d', i) AS id, i%3=0 AS is_held, 'h'||(i%1000) AS holder FROM c;
INSERT INTO workflow(workflow_key, organization, id) SELECT i, 'acme', 'w'||i FROM n WHERE i<=10;
INSERT INTO run(organization, id, run_key, workflow_key, status, started_at, updated_at, sequence,
 newest_event, attempt, total_cu, has_terms)
 SELECT 'acme', id, i, i%10+1, 1, i, i, 1, i, is_held, 0, 1 FROM n;
INSERT INTO run_body(run_key, spec, execution_state) SELECT i, '', '' FROM n;
INSERT INTO run_term(run_key, organization, id, workflow_key, started_at, dispatch,
 fails_on_lease_loss, on_timeout, timeout_at, waiting_timeout, state, holder, lease, waiting_until,
 due_at, stopped_at)
 SELECT i, 'acme', id, i%10+1, i, 1, 0, 4, 1000000+i, 0, 1+is_held, iif(is_held, holder, ''),
 is_held*5, 0, 1000000+i, 0 FROM n;
INSERT INTO event(event_key, organization, id, revision, kind, sequence, from_status, to_status,
 at, attempt, actor, reason, request_id, remote_address, idempotency_key, previous_of_run,
 previous_of_organization, holder)
 SELECT i, 'acme', id, i, 1, 1, 0, 1, i, is_held, 'a', '', '', '', '', 0, i-1,
 iif(is_held, holder, '') FROM n;
INSERT INTO event_mark(organization, revision, event_key) SELECT 'acme', i, i FROM n WHERE i%64=0;
INSERT INTO organization(name, revision, newest_event, running) SELECT 'acme', max(i), max(i),
 count(*) FROM n;
INSERT INTO run_count SELECT i%10+1, max(i), count(*), 0, 0, 0, 0 FROM n GROUP BY 1;
UPDATE meta SET value=)" + std::to_string(runs) +
                          " WHERE name='applied';");
    }
    static std::string Id(int i) {
        char id[16];
        snprintf(id, sizeof(id), "r%07d", i);
        return id;
    }
    // How many steps of SQLite's machine the operation takes.
    template <typename F> int64_t StepsOf(F run) {
        steps = 0;
        run();
        return steps;
    }
    // What each operation takes, in a store that has so many runs.
    std::map<std::string, int64_t> StepsOfAll(int runs) {
        std::map<std::string, int64_t> of;
        const int64_t past_us = 1000000 + runs / 2;
        int end = runs / 3 * 3; // one that is held, as every third
        of["list_due, none"] = StepsOf([&] { EXPECT_EQ(ListDue(store_, 5).due.size(), 0u); });
        of["list_due, 100"] =
            StepsOf([&] { EXPECT_EQ(ListDue(store_, past_us, 100).due.size(), 100u); });
        of["acquire"] = StepsOf([&] {
            EXPECT_EQ(Acquire(store_, {.limit = 3}).ids(),
                      (std::vector<std::string>{Id(1), Id(2), Id(4)}));
        });
        of["acquire of a workflow"] = StepsOf([&] {
            EXPECT_EQ(Acquire(store_, {.workflow_id = "w8"}).ids(),
                      (std::vector<std::string>{Id(7)}));
        });
        of["acquire of none"] =
            StepsOf([&] { EXPECT_EQ(Acquire(store_, {.organization = "o"}).runs.size(), 0u); });
        of["acquire by ids"] = StepsOf([&] {
            EXPECT_EQ(Acquire(store_, {.ids = {Id(end), Id(end - 1), "x"}, .limit = 9}).ids(),
                      (std::vector<std::string>{Id(end - 1)}));
        });
        of["release"] =
            StepsOf([&] { EXPECT_EQ(EndLease(store_, {.id = Id(end)}).result, STORE_OK); });
        of["cancel of an open run"] =
            StepsOf([&] { EXPECT_EQ(Apply(store_, {.id = Id(end)}).result, STORE_OK); });
        end -= 3;
        of["cancel of a leased run"] =
            StepsOf([&] { EXPECT_EQ(Apply(store_, {.id = Id(end)}).result, STORE_OK); });
        of["stop"] = StepsOf(
            [&] { EXPECT_EQ(StopRun(store_, {.id = Id(end), .attempt = 1}).result, STORE_OK); });
        end -= 3;
        of["timeout"] = StepsOf([&] {
            EXPECT_EQ(Apply(store_, {.id = Id(end), .to = RUN_FAILURE, .due_us = INT64_MAX}).result,
                      STORE_OK);
        });
        of["find 2"] = StepsOf([&] {
            EXPECT_EQ(FindRuns(store_, {Id(end), Id(end - 3)})[0].status, RUN_FAILURE);
        });
        of["list_leases, 50"] = StepsOf([&] {
            STORE_OP(op, list_leases);
            op->limit = 50;
            EXPECT_EQ(op.RunOn(store_), STORE_OK);
            EXPECT_EQ(op->ret_count, 50);
        });
        StoredRun run = LeasedRun("new", runs);
        run.workflow_id = "w1";
        run.terms.timeout_at_us = 5000000;
        run.terms.on_timeout = RUN_FAILURE;
        of["create"] = StepsOf([&] { EXPECT_EQ(CreateRun(store_, run).result, STORE_OK); });
        return of;
    }

    struct run_store *store_ = nullptr;
};

TEST_F(SqliteLeaseCost, EachOperationTakesAsManyStepsAtAnySize) {
    std::map<std::string, int64_t> of_small;
    for (int runs : {3000, 30000}) {
        SCOPED_TRACE(runs);
        RemoveFiles();
        MakeStore(runs);
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(CountItsSteps));
        // Rows are brought up to date at the close alone.
        Opened o;
        const int64_t start =
            StepsOf([&] { o = OpenLimited(path_, {.runs = 1000000, .events = 1000000}); });
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
        EXPECT_LE(start, 20000 * 800); // a sample
        int64_t start_us = clock_monotonic_us();
        std::map<std::string, int64_t> of = StepsOfAll(runs);
        RecordProperty("microseconds_of_all", static_cast<int>(clock_monotonic_us() - start_us));
        run_store_close(store_);
        store_ = nullptr;
        const int64_t check = StepsOf([&] { ExpectSound(path_); });
        EXPECT_LE(check, static_cast<int64_t>(runs) * 800);
        RecordProperty("check", std::to_string(check));
        RecordProperty("start", std::to_string(start));
        sqlite3_reset_auto_extension();
        of_small = of_small.empty() ? of : of_small;
        for (const auto &operation : of) {
            EXPECT_LE(operation.second, 4000) << operation.first;
            // A mark of revisions, and the end of the snapshot before it, may count too.
            EXPECT_NEAR(static_cast<double>(operation.second),
                        static_cast<double>(of_small[operation.first]), 60)
                << operation.first;
            RecordProperty(operation.first, static_cast<int>(operation.second));
        }
    }
}

// The plans of all statements that leases and deadlines have: each finds its rows by a key, or
// reads the index of what it is to find from its start.
TEST_F(SqliteLeaseCost, NoStatementWalksATable) {
    run_store_close(MustOpen());
    sqlite3 *db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    int looked_at = 0;
    for (const struct store_kind *kind :
         {&store_create_run_kind, &store_transition_run_kind, &store_acquire_runs_kind,
          &store_end_lease_kind, &store_stop_run_kind, &store_list_due_kind,
          &store_list_leases_kind, &store_find_runs_kind, &store_get_run_kind}) {
        for (const char *sql : sqlite_ops[kind->index]->sql) {
            if (sql == nullptr) {
                break;
            }
            sqlite3_stmt *s = nullptr;
            const std::string explained = std::string("EXPLAIN QUERY PLAN ") + sql;
            ASSERT_EQ(sqlite3_prepare_v2(db, explained.c_str(), -1, &s, nullptr), SQLITE_OK) << sql;
            while (sqlite3_step(s) == SQLITE_ROW) {
                const std::string line = reinterpret_cast<const char *>(sqlite3_column_text(s, 3));
                const bool is_by_key = line.rfind("SEARCH ", 0) == 0;
                EXPECT_TRUE(is_by_key || line == "SCAN run_term USING INDEX term_due")
                    << kind->name << ": " << line;
            }
            sqlite3_finalize(s);
            looked_at++;
        }
    }
    EXPECT_GT(looked_at, 20);
    sqlite3_close(db);
}

} // namespace
