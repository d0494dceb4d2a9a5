// A disk that fails at each write and each sync of a job, and a process that ends between any two
// of its steps: each item says the truth of its run, the job goes on where it was, and nothing is
// done twice.

#include <errno.h>
#include <sqlite3.h>

#include "tests/storage/bulk_story.h"
#include "tests/storage/faulty_vfs.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

class SqliteBulkFault : public SqliteTest {
  protected:
    SqliteBulkFault() : SqliteTest("/dev/shm") { // in memory: the disk's faults are the test's
    }
    void SetUp() override {
        vfs_.Reset();
        OpenStore(path_);
        MakeStory(store_);
        Close();
        CopyFiles(path_, directory_.File("made.db"));
    }
    void TearDown() override {
        vfs_.Reset();
        run_store_close(store_);
    }
    void OpenStore(const std::string &path) {
        Opened o = OpenLimited(path, {.runs = 4, .events = 10, .slice = 2});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }
    // The job's life with what fails; then the store is opened anew, looked at, and the job
    // finished.
    template <typename F> void Storm(F fail) {
        CopyFiles(directory_.File("made.db"), path_);
        OpenStore(path_);
        vfs_.Reset();
        Story story;
        fail();
        bool is_whole = story.GoOn(
            store_,
            [&] {
                refused_++;
                vfs_.Reset();
            },
            [] {});
        finished_ += is_whole;
        unknown_ += !is_whole;
        Close();
        writes_ = vfs_.writes();
        log_syncs_ = vfs_.log_syncs();
        vfs_.Reset();
        OpenStore(path_);
        ASSERT_NO_FATAL_FAILURE(story.ExpectTrue(store_));
        ASSERT_TRUE(story.GoOn(
            store_, [] {}, [] {}));
        Story::ExpectOver(store_);
        Close();
        ExpectSound(path_);
    }

    FaultyVfs &vfs_ = FaultyVfs::Install();
    struct run_store *store_ = nullptr;
    int writes_ = 0;
    int log_syncs_ = 0;
    int finished_ = 0;
    int refused_ = 0;
    int unknown_ = 0;
};

TEST_F(SqliteBulkFault, FullDiskAtEachWrite) {
    Storm([] {});
    ASSERT_EQ(finished_, 1);
    const int writes = writes_;
    ASSERT_GT(writes, 40);
    for (int after = 0; after < writes + 2; after += 3) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        Storm([&] { vfs_.FailWrites(SQLITE_FULL, after); });
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(refused_, 0);
    EXPECT_EQ(unknown_, 0);
}

TEST_F(SqliteBulkFault, FailedWriteAtEachWrite) {
    Storm([] {});
    const int writes = writes_;
    for (int after = 0; after < writes + 2; after += 5) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        Storm([&] { vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO); });
        Storm([&] { vfs_.CutWrites(SQLITE_IOERR_WRITE, after + 1, EIO); });
        if (HasFatalFailure()) {
            return;
        }
    }
    EXPECT_GT(unknown_, 0);
}

TEST_F(SqliteBulkFault, FailedSyncAtEachSync) {
    Storm([] {});
    const int syncs = log_syncs_;
    ASSERT_GE(syncs, 20);
    for (int after = 0; after < syncs + 1; after++) {
        for (bool done_all_the_same : {false, true}) {
            SCOPED_TRACE(testing::Message() << after << " of " << syncs);
            Storm([&] { vfs_.FailSyncs(FaultyVfs::File::kLog, done_all_the_same, after); });
            if (HasFatalFailure()) {
                return;
            }
        }
    }
    EXPECT_GT(unknown_, 20);
}

// What a process leaves that is killed: the files as they are.
TEST_F(SqliteBulkFault, KilledBetweenStepsTheJobGoesOn) {
    const std::string copy = directory_.File("killed.db");
    OpenStore(path_);
    Story story;
    int kills = 0;
    ASSERT_TRUE(story.GoOn(
        store_, [] {},
        [&] {
            struct run_store *living = store_;
            CopyFiles(path_, copy);
            OpenStore(copy);
            Story after = story;
            after.ExpectTrue(store_);
            EXPECT_EQ(after.acknowledged, story.acknowledged);
            EXPECT_TRUE(after.GoOn(
                store_, [] {}, [] {}));
            Story::ExpectOver(store_);
            Close();
            ExpectSound(copy);
            store_ = living;
            kills++;
        }));
    EXPECT_GT(kills, 15);
}

} // namespace
