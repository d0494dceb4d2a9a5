// Rows that are behind their events: whoever reads is answered as if they were not, in every
// moment of a generation, over a restart and after a batch that was rolled back.

#include <thread>

#include "tests/storage/slow_vfs.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

class SqlitePending : public SqliteTest {
  protected:
    void OpenStore(const Limits &limits = {}) {
        Opened o = OpenLimited(path_, limits);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void CloseStore() {
        run_store_close(store_);
        store_ = nullptr;
    }
    void TearDown() override {
        run_store_close(store_);
    }
    int64_t Number(const std::string &sql) {
        return std::stoll(QueryText(path_, sql));
    }
    int64_t RowsBehind() {
        return Number("SELECT count(*) FROM run AS r WHERE EXISTS(SELECT 1 FROM event AS e"
                      " WHERE e.organization=r.organization AND e.id=r.id"
                      " AND e.sequence>r.sequence)");
    }
    int64_t Mark() {
        return Number("SELECT value FROM meta WHERE name='applied'");
    }

    SlowVfs &vfs_ = SlowVfs::Install();
    struct run_store *store_ = nullptr;
};

// GET, LIST and EVENTS, at any moment of many generations, with every kind of change between.
TEST_F(SqlitePending, EveryReadSeesTheNewestStateInEveryMoment) {
    constexpr int kRuns = 160;
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Model model;
    OpenStore();
    for (int n = 0; n < kRuns; n++) {
        model.Create(store_, n);
    }
    int64_t most_behind = 0;
    int64_t behind = 0;
    int64_t mark = Mark();
    int marks = 0;
    int slices = 0; // moments at which some rows of a generation are brought up to date
    int copies = 0;
    for (int i = 0; i < 600; i++) {
        model.ChangeSomething(store_, random, kRuns);
        if (i % 200 == 199) { // new ones meanwhile
            model.Create(store_, kRuns + i);
        }
        model.ExpectSomeRun(store_, random);
        if (i % 25 == 0) {
            model.ExpectLists(store_);
        }
        int64_t now_behind = RowsBehind();
        int64_t now_mark = Mark();
        marks += now_mark != mark;
        slices += now_mark == mark && now_behind < behind;
        behind = now_behind;
        mark = now_mark;
        most_behind = std::max(most_behind, behind);
        if (random() % 30 == 0) { // what a kill leaves now
            copies++;
            std::string copy = directory_.File("copy" + std::to_string(i) + ".db");
            CopyFiles(path_, copy);
            Opened o = OpenLimited(copy);
            ASSERT_EQ(o.code, STATUS_OK) << o.message;
            model.ExpectAll(o.store);
            run_store_close(o.store);
            model.ExpectRows(copy);
        }
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(most_behind, 10);
    EXPECT_GT(marks, 3);
    EXPECT_GT(slices, 10);
    EXPECT_GT(copies, 3);
    model.ExpectAll(store_);
    CloseStore();
    model.ExpectRows(path_);
    OpenStore();
    EXPECT_EQ(RowsBehind(), 0);
    model.ExpectAll(store_);
}

// Nobody has to write for rows to come up to date.
TEST_F(SqlitePending, RowsComeUpToDateWhileNobodyWrites) {
    OpenStore({.idle_us = 1000});
    Model model;
    for (int n = 0; n < 100; n++) {
        model.Create(store_, n);
    }
    for (int n = 0; n < 100; n++) {
        model.Change(store_, {}, n);
    }
    int64_t end_us = clock_monotonic_us() + 60 * 1000000;
    while ((RowsBehind() > 0 || Mark() < model.events()) && clock_monotonic_us() < end_us) {
        model.ExpectRun(store_, model.runs().begin()->second);
        usleep(1000);
    }
    EXPECT_EQ(RowsBehind(), 0);
    EXPECT_EQ(Mark(), model.events());
    model.ExpectAll(store_);
}

// Cancels and reports of one run in one batch: each sees what the one before it left.
TEST_F(SqlitePending, ChangesOfOneRunFollowEachOtherInOneBatch) {
    OpenStore();
    for (const std::string &id : {RunId(0), RunId(1)}) {
        ASSERT_EQ(CreateRun(store_, {.id = id}).result, STORE_OK);
        ASSERT_EQ(Apply(store_, {.id = id, .to = RUN_WAITING}).result, STORE_OK);
        // A report with fields writes the row at once, over a change that is pending.
        ASSERT_EQ(Apply(store_, {.id = id,
                                 .to = RUN_RUNNING,
                                 .set_execution_state = true,
                                 .execution_state = "first",
                                 .set_total_cu = true,
                                 .total_cu = 1})
                      .result,
                  STORE_OK);
        // Its fields alone, then a cancel, and a report that comes too late.
        ASSERT_EQ(Apply(store_, {.id = id, .to = RUN_RUNNING, .set_total_cu = true, .total_cu = 2})
                      .result,
                  STORE_OK);
        ASSERT_EQ(Apply(store_, {.id = id}).result, STORE_OK);
        Answer late = Apply(store_, {.id = id,
                                     .to = RUN_SUCCESS,
                                     .set_execution_state = true,
                                     .execution_state = "late",
                                     .set_total_cu = true,
                                     .total_cu = 9});
        EXPECT_EQ(late.result, STORE_CONFLICT);
        EXPECT_EQ(late.run.status, RUN_CANCELLED);
        Answer now = GetRun(store_, id);
        EXPECT_EQ(now.run.status, RUN_CANCELLED);
        EXPECT_EQ(now.run.sequence, 4);
        EXPECT_EQ(now.run.total_cu, 2);
        EXPECT_EQ(now.run.execution_state, "first");
        EXPECT_EQ(ListEvents(store_, id).size(), 4u);
    }
    CloseStore();
    EXPECT_EQ(RowsBehind(), 0);
    EXPECT_EQ(QueryText(path_, "SELECT status||' '||sequence||' '||total_cu FROM run"),
              "5 4 2.0\n5 4 2.0\n");
    ExpectSound(path_);
}

// A snapshot that is older than a report with fields and a cancel after it must not be answered
// with the cancel alone: a run of that status and sequence never had the fields of before.
TEST_F(SqlitePending, OldSnapshotIsNotMixedWithWhatCameLater) {
    const struct {
        const char *name;
        Transition report;
    } rows[] = {
        {"of the row", {.to = RUN_WAITING, .set_total_cu = true, .total_cu = 7}},
        {"of the body",
         {.to = RUN_WAITING, .set_execution_state = true, .execution_state = "newer"}},
        {"of both, without a status",
         {.to = RUN_RUNNING,
          .set_execution_state = true,
          .execution_state = "newer",
          .set_total_cu = true,
          .total_cu = 7}},
    };
    int n = 0;
    for (const auto &row : rows) {
        for (bool is_list : {false, true}) {
            SCOPED_TRACE(row.name + std::string(is_list ? ", in a list" : ""));
            const std::string id = RunId(n++);
            OpenStore();
            ASSERT_EQ(CreateRun(store_, {.id = id, .execution_state = "older"}).result, STORE_OK);
            CloseStore();
            OpenStore(); // nothing is in the readers' memory
            vfs_.HoldFirst(1);
            StoredRun run;
            std::thread reader([&] {
                if (is_list) {
                    for (const StoredRun &r : ListRuns(store_, {}).runs) {
                        run = r.id == id ? r : run;
                    }
                } else {
                    run = GetRun(store_, id).run;
                }
            });
            EXPECT_TRUE(vfs_.WaitUntilHeld(1)); // its snapshot has begun
            Transition report = row.report;
            report.id = id;
            EXPECT_EQ(Apply(store_, report).result, STORE_OK);
            Answer cancelled = Apply(store_, {.id = id});
            EXPECT_EQ(cancelled.result, STORE_OK);
            vfs_.Release();
            reader.join();
            EXPECT_EQ(run.status, RUN_CANCELLED);
            Model::Compare(run, cancelled.run);
            CloseStore();
        }
    }
}

// The same while a list is read, which takes one snapshot for all of its runs: under changes
// every run that it has is one that there was.
TEST_F(SqlitePending, ListedRunsAreWholeUnderChanges) {
    constexpr int kRuns = 200;
    OpenStore();
    for (int n = 0; n < kRuns; n++) {
        ASSERT_EQ(CreateRun(store_, {.id = RunId(n), .execution_state = "1"}).result, STORE_OK);
    }
    // The nth change of a run makes its sequence n+1 and says so in its fields, or says nothing
    // in them.
    std::thread writer([this] {
        for (int i = 0; i < 6; i++) {
            for (int n = 0; n < kRuns; n++) {
                std::string mark = std::to_string(2 * i + 2);
                EXPECT_EQ(Apply(store_, {.id = RunId(n),
                                         .to = RUN_WAITING,
                                         .set_execution_state = true,
                                         .execution_state = mark,
                                         .set_total_cu = n % 3 == 0,
                                         .total_cu = 2.0 * i + 2})
                              .result,
                          STORE_OK);
                EXPECT_EQ(Apply(store_, {.id = RunId(n), .to = RUN_RUNNING}).result, STORE_OK);
            }
        }
    });
    int64_t seen = 0;
    bool is_last = false;
    while (!is_last) {
        is_last = GetRun(store_, RunId(kRuns - 1)).run.sequence == 13;
        for (uint32_t status : {uint32_t{RUN_STATUS_ALL}, RUN_STATUS_BIT(RUN_WAITING)}) {
            for (const StoredRun &run : ListRuns(store_, {.status = status, .limit = 1000}).runs) {
                EXPECT_NE(RUN_STATUS_BIT(run.status) & status, 0u);
                EXPECT_EQ(run.status, run.sequence % 2 == 0 ? RUN_WAITING : RUN_RUNNING);
                EXPECT_EQ(run.execution_state,
                          std::to_string(run.sequence - (run.sequence > 1 ? run.sequence % 2 : 0)))
                    << run.sequence;
                seen++;
            }
        }
    }
    writer.join();
    EXPECT_GT(seen, kRuns);
}

} // namespace
