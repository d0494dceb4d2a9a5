// What jobs cost in a store that has many runs, families and jobs: as many steps as in a small one,
// and no statement that walks a table.

#include <atomic>
#include <map>
#include <sqlite3.h>

#include "tests/storage/bulk_testing.h"
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

class SqliteBulkCost : public SqliteTest {
  protected:
    SqliteBulkCost() : SqliteTest("/dev/shm") { // in memory: the disk's time is not looked at
    }
    void TearDown() override {
        run_store_close(store_);
        sqlite3_reset_auto_extension();
    }
    // A store of so many active runs, each but the first hundred the child of another, and of a
    // tenth as many jobs that are done, with ten items each.
    void MakeStore(int runs) {
        run_store_close(MustOpen());
        RunSql(path_, R"(PRAGMA synchronous=OFF;
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<)" +
                          std::to_string(runs) + R"()
 SELECT i, printf('r%07d', i) AS id FROM c;
INSERT INTO workflow(workflow_key, organization, id) SELECT i, 'acme', 'w'||i FROM n WHERE i<=10;
INSERT INTO run(organization, id, run_key, workflow_key, status, started_at, updated_at, sequence,
 newest_event, attempt, total_cu, has_terms)
 SELECT 'acme', id, i, i%10+1, 1, i, i, 1, i, 0, 0, 0 FROM n;
INSERT INTO run_body(run_key, spec, execution_state) SELECT i, '', '' FROM n;
INSERT INTO run_parent(organization, id, parent)
 SELECT 'acme', id, printf('r%07d', i/10) FROM n WHERE i>=100;
INSERT INTO event(event_key, organization, id, revision, kind, sequence, from_status, to_status,
 at, attempt, actor, reason, request_id, remote_address, idempotency_key, previous_of_run,
 previous_of_organization, holder)
 SELECT i, 'acme', id, i, 1, 1, 0, 1, i, 0, 'a', '', '', '', '', 0, i-1, '' FROM n;
INSERT INTO event_mark(organization, revision, event_key) SELECT 'acme', i, i FROM n WHERE i%64=0;
INSERT INTO organization(name, revision, newest_event) SELECT 'acme', max(i), max(i) FROM n;
INSERT INTO bulk SELECT i, 'acme', 'old'||id, 4, 0, 0, 0, 0, '', '', '', 0, 0, 1, 0, '', '', i, i, i,
 1000000+i, 10, 0, 0, 10, '', '', '', '', '' FROM n WHERE i%10=0 AND i<(SELECT max(i) FROM n);
INSERT INTO bulk_item SELECT i/10*10, 'x'||id, 3, NULL, i FROM n WHERE i>=10
 AND i<(SELECT max(i) FROM n);
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
    std::map<std::string, int64_t> StepsOfAll() {
        std::map<std::string, int64_t> of;
        const int64_t now = INT64_C(1) << 40;
        of["create by 20 names"] = StepsOf([&] {
            Ids ids;
            for (int i = 1000; i < 1020; i++) {
                ids.push_back(Id(i));
            }
            ASSERT_EQ(CreateBulk(store_, {.created_at_us = now}, ids, 2).bulk.total, 20);
        });
        of["step of 10"] =
            StepsOf([&] { EXPECT_EQ(RunBulk(store_, "job", 10).bulk.cancelled, 10); });
        of["last step"] =
            StepsOf([&] { EXPECT_EQ(RunBulk(store_, "job", 10).bulk.state, BULK_DONE); });
        of["create with a filter"] = StepsOf([&] {
            Bulk in = {.id = "search", .cascades = true, .has_filter = true, .created_at_us = now};
            in.filter.started_before_us = 210;
            in.filter.started_after_us = 199;
            ASSERT_EQ(CreateBulk(store_, in, {}, 2).result, STORE_OK);
        });
        of["collect 10"] =
            StepsOf([&] { EXPECT_EQ(CollectBulk(store_, "search", 11).bulk.total, 10); });
        of["step that finds children"] =
            StepsOf([&] { EXPECT_EQ(RunBulk(store_, "search", 5).bulk.state, BULK_RUNNING); });
        of["abort"] = StepsOf([&] {
            EXPECT_EQ(ChangeBulk(store_, {.id = "search", .at_us = now}).result, STORE_OK);
        });
        of["get"] = StepsOf([&] { EXPECT_GT(GetBulk(store_, "search").sample.size(), 0u); });
        of["list a page"] = StepsOf([&] {
            STORE_OP(op, list_bulks);
            op->organization = slice_of_cstr("acme");
            op->limit = 10;
            ASSERT_EQ(op.RunOn(store_), STORE_OK);
            EXPECT_EQ(op->ret_count, 10);
        });
        of["list items"] =
            StepsOf([&] { EXPECT_EQ(ListBulkItems(store_, "old" + Id(500)).size(), 10u); });
        of["list unfinished"] = StepsOf([&] { EXPECT_EQ(ListUnfinishedBulks(store_).size(), 0u); });
        of["trim nothing"] = StepsOf([&] { EXPECT_EQ(TrimBulks(store_, 1000, 1000), 0); });
        of["trim a job"] = StepsOf([&] { EXPECT_EQ(TrimBulks(store_, 1000011), 11); });
        of["child"] = StepsOf([&] {
            EXPECT_EQ(CreateChild(store_, {.id = "new", .workflow_id = "w1"}, Id(500)).result,
                      STORE_OK);
        });
        return of;
    }

    struct run_store *store_ = nullptr;
};

TEST_F(SqliteBulkCost, EachOperationTakesAsManyStepsAtAnySize) {
    std::map<std::string, int64_t> of_small;
    for (int runs : {3000, 30000}) {
        SCOPED_TRACE(runs);
        RemoveFiles();
        MakeStore(runs);
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(CountItsSteps));
        // Rows are brought up to date at the close alone.
        Opened o = OpenLimited(path_, {.runs = 1000000, .events = 1000000});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
        std::map<std::string, int64_t> of = StepsOfAll();
        run_store_close(store_);
        store_ = nullptr;
        sqlite3_reset_auto_extension();
        of_small = of_small.empty() ? of : of_small;
        for (const auto &operation : of) {
            EXPECT_LE(operation.second, 6000) << operation.first;
            // A mark of revisions, and the end of the snapshot before it, may count too.
            EXPECT_NEAR(static_cast<double>(operation.second),
                        static_cast<double>(of_small[operation.first]), 60)
                << operation.first;
            RecordProperty(operation.first, static_cast<int>(operation.second));
        }
    }
}

// The plans of all statements that jobs and families have: each finds its rows by a key, in the
// order in which they are wanted.
TEST_F(SqliteBulkCost, NoStatementWalksATable) {
    run_store_close(MustOpen());
    sqlite3 *db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    int looked_at = 0;
    for (const struct store_kind *kind :
         {&store_create_bulk_kind, &store_collect_bulk_kind, &store_run_bulk_kind,
          &store_change_bulk_kind, &store_get_bulk_kind, &store_list_bulks_kind,
          &store_list_bulk_items_kind, &store_list_unfinished_bulks_kind, &store_trim_bulks_kind,
          &store_create_run_kind}) {
        for (const char *sql : sqlite_ops[kind->index]->sql) {
            if (sql == nullptr) {
                break;
            }
            sqlite3_stmt *s = nullptr;
            const std::string explained = std::string("EXPLAIN QUERY PLAN ") + sql;
            ASSERT_EQ(sqlite3_prepare_v2(db, explained.c_str(), -1, &s, nullptr), SQLITE_OK) << sql;
            while (sqlite3_step(s) == SQLITE_ROW) {
                const std::string line = reinterpret_cast<const char *>(sqlite3_column_text(s, 3));
                // Of a job's items, of which there are at most as many as one operation removes,
                // and of the ancestors of one run.
                const bool is_ancestor = line == "SCAN a" || line == "SETUP" ||
                                         line == "RECURSIVE STEP" ||
                                         line.rfind("SCALAR SUBQUERY", 0) == 0;
                const bool is_bounded = is_ancestor || line == "LIST SUBQUERY 1" ||
                                        line.rfind("SCAN (sub", 0) == 0 ||
                                        line.rfind("CO-ROUTINE", 0) == 0;
                EXPECT_TRUE(line.rfind("SEARCH ", 0) == 0 || is_bounded ||
                            line == "SCAN bulk USING INDEX bulk_leaving" ||
                            line == "SCAN bulk USING COVERING INDEX bulk_leaving")
                    << kind->name << ": " << line << " of " << sql;
            }
            sqlite3_finalize(s);
            looked_at++;
        }
    }
    EXPECT_GT(looked_at, 40);
    sqlite3_close(db);
}

} // namespace
