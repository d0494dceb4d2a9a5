// Leases, deadlines and stops after a kill at any moment: what was answered is there, whatever rows
// were behind, and no attempt is given twice.

#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

using SqliteLeaseReplay = SqliteTest;

// The store is left after each change, as a kill leaves it.
TEST_F(SqliteLeaseReplay, AKillAfterAnyChangeLosesNothing) {
    constexpr int kRuns = 32;
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Model model;
    Opened o = OpenLimited(path_, {.runs = 12, .events = 40, .slice = 3});
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    for (int n = 0; n < kRuns; n++) {
        model.Create(o.store, n);
    }
    for (int i = 0; i < 150; i++) {
        model.ChangeSomething(o.store, random, kRuns);
        if (i % 3 != 0) {
            continue;
        }
        std::string copy = directory_.File("copy.db");
        CopyFiles(path_, copy);
        Opened killed = OpenLimited(copy);
        ASSERT_EQ(killed.code, STATUS_OK) << killed.message;
        model.ExpectAll(killed.store);
        Model goes_on = model; // as the store that was killed does
        for (int k = 0; k < 5; k++) {
            goes_on.ChangeSomething(killed.store, random, kRuns);
        }
        goes_on.ExpectAll(killed.store);
        run_store_close(killed.store);
        goes_on.ExpectRows(copy);
        if (HasFailure()) {
            break;
        }
    }
    model.ExpectAll(o.store);
    run_store_close(o.store);
    model.ExpectRows(path_);
}

// The stop of a run whose cancel is not in its row yet, replayed with it and without.
TEST_F(SqliteLeaseReplay, StopOverARowThatIsBehindMovesNoEnd) {
    Opened o = OpenLimited(path_, {.runs = 1000, .events = 1000});
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    for (const std::string &id : {RunId(0), RunId(1)}) {
        ASSERT_EQ(CreateRun(o.store, {.id = id}).result, STORE_OK);
    }
    for (const std::string &id : {RunId(0), RunId(1)}) {
        ASSERT_EQ(Apply(o.store, {.id = id, .at_us = 2000}).result, STORE_OK);
    }
    EXPECT_EQ(QueryText(path_, "SELECT status FROM run"), "1\n1\n"); // behind
    ASSERT_EQ(StopRun(o.store, {.id = RunId(0), .at_us = 3000}).result, STORE_OK);
    ASSERT_EQ(StopRun(o.store, {.id = RunId(1), .at_us = 1}).result, STORE_OK);
    EXPECT_EQ(QueryText(path_, "SELECT status||' '||updated_at||' '||sequence||' '||has_terms"
                               " FROM run"),
              "5 2000 3 1\n5 2000 3 1\n");
    auto expect = [](struct run_store *store) {
        for (int n : {0, 1}) {
            StoredRun run = GetRun(store, RunId(n)).run;
            EXPECT_EQ(run.status, RUN_CANCELLED);
            EXPECT_EQ(run.updated_at_us, 2000);
            EXPECT_EQ(run.finished_at_us, 2000);
            EXPECT_EQ(run.stopped_at_us, n == 0 ? 3000 : 2000);
            EXPECT_EQ(run.sequence, 3);
            EXPECT_EQ(ListWholeEvents(store, RunId(n)).size(), 3u);
            EXPECT_EQ(FindRuns(store, {RunId(n)})[0].actor, "tester");
        }
        EXPECT_EQ(ListRuns(store, {.status = RUN_STATUS_ACTIVE}).runs.size(), 0u);
    };
    expect(o.store);
    std::string copy = directory_.File("copy.db");
    CopyFiles(path_, copy);
    run_store_close(o.store);
    ExpectSound(path_);
    for (int start = 0; start < 2; start++) { // with the events behind the mark, and applied
        o = OpenLimited(copy);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        expect(o.store);
        EXPECT_EQ(StopRun(o.store, {.id = RunId(0), .at_us = 9000}).revision, 0);
        run_store_close(o.store);
        ExpectSound(copy);
    }
    // A mark between the cancel and its stop, where the row is ahead.
    RunSql(copy, "UPDATE meta SET value=4 WHERE name='applied';"
                 "UPDATE organization SET revision=4, newest_event=4");
    unlink((copy + ".state").c_str());
    o = OpenLimited(copy);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    expect(o.store);
    run_store_close(o.store);
    ExpectSound(copy);
}

} // namespace
