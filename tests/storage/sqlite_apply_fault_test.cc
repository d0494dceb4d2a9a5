// A disk that fails at each write and each sync of a storm of changes, in which rows are brought
// up to date in slices, generations end, their marks are written, and the close does the rest:
// what was acknowledged is there afterwards, and the store is sound.

#include <errno.h>
#include <sqlite3.h>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

constexpr int kRuns = 24;
constexpr int kChanges = 20;

class SqliteApplyFault : public SqliteTest {
  protected:
    SqliteApplyFault() : SqliteTest("/dev/shm") { // in memory: the disk's faults are the test's
    }
    void SetUp() override {
        vfs_.Reset();
        // Some rows are behind their events already.
        Open(0);
        for (int n = 0; n < kRuns; n++) {
            made_.Create(store_, n);
        }
        for (int n = 0; n < 6; n++) {
            made_.Change(store_, {.to = RUN_WAITING, .at_us = 3000}, n * 3);
        }
        CopyFiles(path_, directory_.File("made.db"));
        Close();
    }
    void TearDown() override {
        vfs_.Reset();
        run_store_close(store_);
    }
    void Open(int64_t idle_us) {
        Opened o = OpenLimited(path_, {.runs = 6, .events = 14, .slice = 2, .idle_us = idle_us});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }
    static Transition ChangeOf(int i) {
        Transition t = {.id = RunId(i * 7 % kRuns), .at_us = 5000 + i};
        t.organization = Model::OrganizationOf(i * 7 % kRuns);
        if (i % 4 == 0) {
            t.to = RUN_WAITING;
        } else if (i % 4 == 2) {
            t.to = RUN_RUNNING;
            t.set_execution_state = true;
            t.execution_state = "state " + std::to_string(i);
            t.set_total_cu = true;
            t.total_cu = i;
        }
        return t;
    }
    // Makes one change; returns whether its outcome is known.
    bool Make(Model *model, int i) {
        Answer a = Apply(store_, ChangeOf(i));
        switch (a.result) {
        case STORE_OK:
            if (a.revision > 0) {
                model->Take(a);
            } else {
                model->TakeFields(a);
            }
            return true;
        case STORE_DISK_FULL: // nothing was changed, and it passes
            refused_++;
            EXPECT_FALSE(a.detail.empty());
            vfs_.Reset();
            return Make(model, i);
        case STORE_UNAVAILABLE:
            unknown_++;
            return false;
        case STORE_STOPPED: // by what was done between two changes; it was not begun
            stopped_++;
            return false;
        case STORE_CONFLICT:
            return true;
        default:
            ADD_FAILURE() << a.result << ": " << a.detail;
            return false;
        }
    }
    // Runs the storm with what fails, opens the store anew and looks at all of it.
    template <typename F> void Storm(F fail, int64_t idle_us) {
        Model model = made_;
        CopyFiles(directory_.File("made.db"), path_);
        Open(idle_us);
        vfs_.Reset();
        fail();
        int i = 0;
        while (i < kChanges && Make(&model, i)) {
            i++;
        }
        finished_ += i == kChanges;
        Close();
        writes_ = vfs_.writes();
        log_syncs_ = vfs_.log_syncs();
        main_syncs_ = vfs_.main_syncs();
        vfs_.Reset();
        Open(0);
        if (i < kChanges) { // the outcome of one is unknown: it is found out
            Answer now = GetRun(store_, ChangeOf(i).id, ChangeOf(i).organization);
            ASSERT_EQ(now.result, STORE_OK);
            model.TakeIfChanged(now.run);
        }
        model.ExpectAll(store_);
        // And all goes on.
        for (; i < kChanges; i++) {
            ASSERT_TRUE(Make(&model, i));
        }
        model.ExpectAll(store_);
        Close();
        model.ExpectRows(path_);
    }
    // How many of each there are without a fault.
    void Count() {
        Storm([] {}, 0);
        ASSERT_EQ(finished_, 1);
    }

    FaultyVfs &vfs_ = FaultyVfs::Install();
    struct run_store *store_ = nullptr;
    Model made_;
    int writes_ = 0;
    int log_syncs_ = 0;
    int main_syncs_ = 0;
    int finished_ = 0; // storms whose changes were all made
    int refused_ = 0;
    int unknown_ = 0;
    int stopped_ = 0;
};

TEST_F(SqliteApplyFault, FullDiskAtEachWrite) {
    Count();
    const int writes = writes_;
    ASSERT_GT(writes, 60);
    for (int after = 0; after < writes + 4; after++) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        // SQLite knows one of the ways in which there is no room.
        const int error_number = after % 4 < 2 ? 0 : EDQUOT;
        const int code = error_number == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        Storm([&] { vfs_.FailWrites(code, after, error_number); }, after % 2);
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(refused_, writes / 4);
    EXPECT_EQ(unknown_, 0);
}

TEST_F(SqliteApplyFault, FailedWriteAtEachWrite) {
    Count();
    const int writes = writes_;
    for (int after = 0; after < writes + 4; after++) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        Storm([&] { vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO); }, after % 2);
        Storm([&] { vfs_.CutWrites(SQLITE_IOERR_WRITE, after, EIO); }, after % 3);
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(unknown_, writes / 2);
    EXPECT_GT(finished_, 2); // the close alone failed
}

TEST_F(SqliteApplyFault, FailedSyncAtEachSync) {
    Count();
    const int syncs = log_syncs_;
    ASSERT_GT(syncs, kChanges);
    for (int after = 0; after < syncs + 2; after++) {
        for (bool done_all_the_same : {false, true}) {
            SCOPED_TRACE(testing::Message() << after << " of " << syncs);
            Storm([&] { vfs_.FailSyncs(FaultyVfs::File::kLog, done_all_the_same, after); },
                  after % 2);
            if (HasFatalFailure()) {
                return;
            }
        }
    }
    EXPECT_GT(unknown_, syncs / 2);
    const int finished = finished_;
    for (int after = 0; after < main_syncs_ + 2; after++) { // of the close's copy of the log
        Storm([&] { vfs_.FailSyncs(FaultyVfs::File::kMain, after % 2 == 0, after); }, 0);
    }
    EXPECT_GT(finished_, finished);
}

} // namespace
