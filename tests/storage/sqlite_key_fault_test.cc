// A disk that fails at each write and each sync of changes under keys: whoever does not know
// whether a change was made asks again under its key, and it is made once, by the first request or
// by the second.

#include <errno.h>
#include <sqlite3.h>

#include "tests/storage/faulty_vfs.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

constexpr int kRequests = 16;

class SqliteKeyFault : public SqliteTest {
  protected:
    SqliteKeyFault() : SqliteTest("/dev/shm") { // in memory: the disk's faults are the test's
    }
    void SetUp() override {
        vfs_.Reset();
        Open();
        for (int n = 0; n < kRequests; n++) {
            StoredRun run = {.id = RunId(n)};
            if (n % 4 == 3) {
                run.terms = {RUN_DISPATCH_LEASE, false, RUN_FAILURE, 900000, 500};
            }
            ASSERT_EQ(CreateRun(store_, run).result, STORE_OK);
        }
        Close();
        CopyFiles(path_, directory_.File("made.db"));
    }
    void TearDown() override {
        vfs_.Reset();
        run_store_close(store_);
    }
    void Open() {
        Opened o = OpenLimited(path_, {.runs = 5, .events = 12, .slice = 2});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        store_ = o.store;
    }
    void Close() {
        run_store_close(store_);
        store_ = nullptr;
    }
    // The nth request: a cancel, a report of progress or a creation.
    Answer Ask(int n) {
        const Key key = {"key " + std::to_string(n), "request " + std::to_string(n)};
        if (n % 4 == 1) {
            return CreateRun(store_, {.id = "new " + std::to_string(n)}, {}, key);
        }
        Transition t = {.id = RunId(n), .at_us = 3000 + n, .key = key};
        if (n % 4 == 2) {
            t.to = RUN_RUNNING;
            t.set_execution_state = true;
            t.execution_state = "state";
        }
        return Apply(store_, t);
    }
    // Asks until the outcome of one request is unknown; returns how many were answered.
    int AskAll() {
        for (int n = 0; n < kRequests; n++) {
            Answer a = Ask(n);
            if (a.result == STORE_DISK_FULL) { // nothing was changed, and it passes
                refused_++;
                vfs_.Reset();
                a = Ask(n);
            }
            if (a.result == STORE_UNAVAILABLE || a.result == STORE_STOPPED) {
                return n;
            }
            EXPECT_EQ(a.result, STORE_OK) << a.detail;
            EXPECT_FALSE(a.is_replayed) << n;
        }
        return kRequests;
    }
    // Runs the requests with what fails, opens the store anew and asks for all of them again.
    template <typename F> void Storm(F fail) {
        CopyFiles(directory_.File("made.db"), path_);
        Open();
        vfs_.Reset();
        fail();
        const int answered = AskAll();
        Close();
        writes_ = vfs_.writes();
        log_syncs_ = vfs_.log_syncs();
        vfs_.Reset();
        Open();
        for (int n = 0; n < kRequests; n++) {
            Answer a = Ask(n);
            ASSERT_EQ(a.result, STORE_OK) << n << " of " << answered << ": " << a.detail;
            if (n != answered) {
                ASSERT_EQ(a.is_replayed, n < answered) << n << " of " << answered;
            } else {
                (a.is_replayed ? made_ : not_made_)++;
            }
            ASSERT_TRUE(Ask(n).is_replayed) << n;
        }
        Close();
        ExpectSound(path_);
        EXPECT_EQ(QueryText(path_, "SELECT count(*)||' '||count(key_digest) FROM event"),
                  "28 12\n");
        EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM idempotency_event"), "12\n");
        EXPECT_EQ(QueryText(path_, "SELECT count(*) FROM idempotency"), "4\n");
    }

    FaultyVfs &vfs_ = FaultyVfs::Install();
    struct run_store *store_ = nullptr;
    int writes_ = 0;
    int log_syncs_ = 0;
    int refused_ = 0;
    int made_ = 0;     // changes that were made, which nobody was told
    int not_made_ = 0; // and that were not
};

TEST_F(SqliteKeyFault, FullDiskAtEachWriteLeavesNoKeyOfWhatWasNotMade) {
    Storm([] {});
    const int writes = writes_;
    ASSERT_GT(writes, 40);
    for (int after = 0; after < writes + 2; after++) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        Storm([&] { vfs_.FailWrites(SQLITE_FULL, after, 0); });
        if (HasFailure()) {
            return;
        }
    }
    EXPECT_GT(refused_, writes / 4);
}

TEST_F(SqliteKeyFault, FailedWriteAtEachWriteIsFoundOutByTheKey) {
    Storm([] {});
    const int writes = writes_;
    for (int after = 0; after < writes + 2; after++) {
        SCOPED_TRACE(testing::Message() << after << " of " << writes);
        Storm([&] {
            after % 2 == 0 ? vfs_.FailWrites(SQLITE_IOERR_WRITE, after, EIO)
                           : vfs_.CutWrites(SQLITE_IOERR_WRITE, after, EIO);
        });
        if (HasFailure()) {
            return;
        }
    }
    EXPECT_GT(not_made_, writes / 4);
}

TEST_F(SqliteKeyFault, FailedSyncAtEachSyncIsFoundOutByTheKey) {
    Storm([] {});
    const int syncs = log_syncs_;
    ASSERT_GE(syncs, kRequests);
    for (int after = 0; after < syncs + 2; after++) {
        for (bool done_all_the_same : {false, true}) {
            SCOPED_TRACE(testing::Message() << after << " of " << syncs);
            Storm([&] { vfs_.FailSyncs(FaultyVfs::File::kLog, done_all_the_same, after); });
            if (HasFailure()) {
                return;
            }
        }
    }
    // The log was written, whatever the sync of it said.
    EXPECT_GT(made_, syncs / 2);
}

} // namespace
