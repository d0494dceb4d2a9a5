// What `runsctl check` and a start find wrong with jobs, their items and families of runs: each
// question has a row that is wrong.

#include "tests/storage/bulk_testing.h"
#include "tests/storage/deletion_testing.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

class SqliteBulkCheck : public SqliteTest {
  protected:
    // Jobs in each state, over runs some of whose rows are behind.
    void MakeStore() {
        Opened o = OpenLimited(path_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        for (const char *id : {"a", "b", "c", "d", "e"}) {
            ASSERT_EQ(CreateRun(o.store, {.id = id}).result, STORE_OK);
        }
        ASSERT_EQ(CreateChild(o.store, {.id = "child"}, "a").result, STORE_OK);
        ASSERT_EQ(CreateChild(o.store, {.id = "between"}, "a").result, STORE_OK);
        ASSERT_EQ(CreateChild(o.store, {.id = "below"}, "between").result, STORE_OK);
        ASSERT_EQ(Apply(o.store, {.id = "between", .to = RUN_SUCCESS}).result, STORE_OK);
        ASSERT_EQ(DeleteRun(o.store, {.id = "between"}).result, STORE_OK);
        ASSERT_EQ(Apply(o.store, {.id = "c", .to = RUN_SUCCESS}).result, STORE_OK);
        ASSERT_EQ(CreateBulk(o.store, {.id = "done"}, {"a", "c", "x"}).result, STORE_OK); // 1
        ASSERT_EQ(RunBulk(o.store, "done").bulk.state, BULK_DONE);
        ASSERT_EQ(CreateBulk(o.store, {.id = "runs"}, {"a", "b", "d"}).result, STORE_OK); // 2
        ASSERT_EQ(RunBulk(o.store, "runs", 1).bulk.cancelled, 1);
        ASSERT_EQ(CreateBulk(o.store, {.id = "plan", .is_dry_run = true}, {"e"}).result,
                  STORE_OK);                                                              // 3
        ASSERT_EQ(CreateBulk(o.store, {.id = "gone"}, {"x", "y", "z"}).result, STORE_OK); // 4
        ASSERT_EQ(TrimBulks(o.store, INT64_MAX, INT64_MIN, 1), 1);                        // done
        ASSERT_EQ(CreateBulk(o.store, {.id = "ended"}, {"e", "x"}).result, STORE_OK);     // 5
        ASSERT_EQ(ChangeBulk(o.store, {.id = "ended"}).result, STORE_OK);
        run_store_close(o.store);
        unlink((path_ + ".state").c_str());
    }
    // What is found, a line each.
    std::string Check() {
        struct arena a;
        arena_init(&a);
        struct store_check_report report = {};
        const struct error *e = run_store_check(&a, url_.c_str(), false, &report);
        EXPECT_EQ(e, nullptr) << e->message;
        std::string found;
        for (int i = 0; e == nullptr && i < report.count; i++) {
            found += report.problems[i] + std::string("\n");
        }
        arena_release(&a);
        return found;
    }
};

TEST_F(SqliteBulkCheck, EachProblemIsFound) {
    MakeStore();
    ASSERT_EQ(Check(), "");
    const std::string sound = ReadFile(path_);
    const struct {
        const char *sql;
        const char *words;
        bool at_start = true; // a start finds it in a small store
    } rows[] = {
        {"UPDATE bulk SET state=0 WHERE id='runs'", "\"runs\" of \"acme\" has an impossible state"},
        {"UPDATE bulk SET state=7 WHERE id='plan'", "\"plan\" of \"acme\" has an impossible state"},
        {"UPDATE bulk SET finished_at=1 WHERE id='runs'", "\"runs\" of \"acme\" has instants that"},
        {"UPDATE bulk SET finished_at=0 WHERE id='ended'",
         "\"ended\" of \"acme\" has instants that"},
        {"UPDATE bulk SET started_at=0 WHERE id='runs'", "\"runs\" of \"acme\" has instants that"},
        {"UPDATE bulk SET started_at=9 WHERE id='plan'", "\"plan\" of \"acme\" has instants that"},
        {"UPDATE bulk SET total=total+1 WHERE id='runs'", "\"runs\" of \"acme\" has counts that"},
        {"UPDATE bulk SET cancelled=0 WHERE id='runs'", "\"runs\" of \"acme\" has counts that"},
        {"DELETE FROM bulk_item WHERE bulk_key=3",
         "\"plan\" of \"acme\" has counts that its items"},
        {"UPDATE bulk_item SET outcome=0 WHERE bulk_key=5 AND id='x'",
         "\"ended\" of \"acme\" has counts that its items"},
        {"UPDATE bulk SET state=4, finished_at=8000 WHERE id='runs'",
         "\"runs\" of \"acme\" is done, and has items that were not dealt with"},
        {"INSERT INTO bulk_item VALUES(9, 'a', 0, 2, 0)", "\"a\" of the job 9 is that of no job",
         false},
        {"UPDATE bulk_item SET due=3 WHERE bulk_key=3",
         "\"e\" of the job 3 has an impossible outcome", false},
        {"UPDATE bulk_item SET due=NULL WHERE bulk_key=3",
         "\"e\" of the job 3 is open, and is never dealt with", false},
        {"UPDATE bulk_item SET outcome=2 WHERE bulk_key=3; UPDATE bulk SET already_final=1"
         " WHERE id='plan'",
         "\"e\" of the job 3 has an outcome that its run contradicts", false},
        {"UPDATE bulk_item SET outcome=1 WHERE bulk_key=2 AND id='a'; UPDATE bulk SET"
         " cancelled=2, already_final=0 WHERE id='runs'; UPDATE bulk_item SET id='c'"
         " WHERE bulk_key=2 AND id='a'",
         "\"c\" of the job 2 has an outcome that its run contradicts", false},
        {"INSERT INTO run_parent VALUES('acme', 'nobody', 'a', 0)",
         "\"nobody\" of \"acme\" has a parent and is not there", false},
        {"UPDATE run_parent SET is_gone=0 WHERE id='between'",
         "\"between\" of \"acme\" has a parent and is not there", false},
        {"UPDATE run_parent SET is_gone=1 WHERE id='child'",
         "\"child\" of \"acme\" is there, and has a parent as one that is gone", false},
        {"DELETE FROM run_parent WHERE id='below'",
         "\"between\" of \"acme\" is gone, and leads nowhere", false},
        {"INSERT INTO bulk_item VALUES(3, 'between', 4, NULL, 0)",
         "\"between\" of the job 3 is open, and is never dealt with", false},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.sql);
        RemoveFiles();
        WriteFile(path_, sound);
        RunSql(path_, row.sql);
        ASSERT_NE(ReadFile(path_), sound);
        std::string found = Check();
        EXPECT_NE(found.find(row.words), std::string::npos) << found;
        if (row.at_start) {
            ExpectRefusedUntouched(STATUS_DATA_LOSS, {"damaged"});
        }
    }
}

} // namespace
