// Several readers over a disk whose reads wait: what overlaps, and what waits for nothing.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <memory>
#include <thread>

#include "tests/storage/slow_vfs.h"
#include "tests/storage/sqlite_fixture.h"

using namespace store_testing;

namespace {

constexpr int kRuns = 400;
constexpr int64_t kMinuteUs = 60'000'000;

std::string RunId(int i) {
    return "run-" + std::to_string(i);
}

// A GET or a LIST that is under way.
class Pending {
  public:
    static std::unique_ptr<Pending> Get(struct run_store *store, const std::string &id) {
        auto p = std::make_unique<Pending>();
        p->id_ = id;
        p->get_ = std::make_unique<Op<struct store_get_run>>(&store_get_run_kind);
        (*p->get_)->organization = ToSlice(p->organization_);
        (*p->get_)->id = ToSlice(p->id_);
        p->Submit(store, p->get_->get());
        return p;
    }
    static std::unique_ptr<Pending> List(struct run_store *store) {
        auto p = std::make_unique<Pending>();
        p->list_ = std::make_unique<Op<struct store_list_runs>>(&store_list_runs_kind);
        (*p->list_)->organization = ToSlice(p->organization_);
        (*p->list_)->status = RUN_STATUS_ALL;
        (*p->list_)->started_after_us = INT64_MIN;
        (*p->list_)->started_before_us = INT64_MAX;
        (*p->list_)->limit = 10;
        p->Submit(store, p->list_->get());
        return p;
    }
    // A test that failed leaves none under way.
    ~Pending() {
        if (!done_) {
            SlowVfs::Install().Release();
            Await();
        }
    }
    bool IsDone() const {
        return done_;
    }
    // Waits for the answer, for a minute at most.
    bool Await() const {
        int64_t end_us = clock_monotonic_us() + kMinuteUs;
        while (!done_ && clock_monotonic_us() < end_us) {
            std::this_thread::yield();
        }
        return done_;
    }
    enum store_result Result() const {
        return op_->result;
    }

  private:
    void Submit(struct run_store *store, struct store_op *op) {
        op_ = op;
        op->context = this;
        op->done = [](struct store_op *ended) {
            static_cast<Pending *>(ended->context)->done_ = true;
        };
        run_store_submit(store, op);
    }

    std::string organization_ = "acme";
    std::string id_;
    std::unique_ptr<Op<struct store_get_run>> get_;
    std::unique_ptr<Op<struct store_list_runs>> list_;
    struct store_op *op_ = nullptr;
    std::atomic<bool> done_{false};
};

class SqliteReaders : public SqliteTest {
  protected:
    // A store whose pages are in nobody's cache but the system's.
    void SetUp() override {
        store_ = MustOpen();
        for (int i = 0; i < kRuns; i++) {
            ASSERT_EQ(CreateRun(store_, {.id = RunId(i), .spec = std::string(6000, 's')}).result,
                      STORE_OK);
        }
        run_store_close(store_);
        store_ = MustOpen();
    }
    void TearDown() override {
        vfs_.Release();
        run_store_close(store_);
    }
    std::vector<std::unique_ptr<Pending>> GetMany(int count) {
        std::vector<std::unique_ptr<Pending>> gets;
        for (int i = 0; i < count; i++) {
            gets.push_back(Pending::Get(store_, RunId(i * 6)));
        }
        return gets;
    }

    SlowVfs &vfs_ = SlowVfs::Install();
    struct run_store *store_ = nullptr;
};

TEST_F(SqliteReaders, FourReadsOfTheDiskOverlap) {
    vfs_.HoldUntilTogether(4);
    auto gets = GetMany(64);
    for (auto &get : gets) {
        ASSERT_TRUE(get->Await()) << vfs_.most_held() << " at once";
        EXPECT_EQ(get->Result(), STORE_OK);
    }
    EXPECT_GE(vfs_.most_held(), 4);
}

// They overlap again when the disk is slow again.
TEST_F(SqliteReaders, FourReadsOfTheDiskOverlapAgain) {
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            ASSERT_EQ(GetRun(store_, RunId(1)).result, STORE_OK); // quick ones
        }
        // A change empties caches of what lies in the log.
        for (int i = 0; i < 10; i++) {
            ASSERT_EQ(Apply(store_, {.id = RunId(round * 10 + i)}).result, STORE_OK);
        }
        vfs_.HoldUntilTogether(4);
        std::vector<std::unique_ptr<Pending>> gets;
        for (int i = 0; i < 64; i++) {
            gets.push_back(Pending::Get(store_, RunId((round * 64 + i) * 2)));
        }
        for (auto &get : gets) {
            ASSERT_TRUE(get->Await()) << vfs_.most_held() << " at once";
            EXPECT_EQ(get->Result(), STORE_OK);
        }
        EXPECT_GE(vfs_.most_held(), 4);
    }
}

TEST_F(SqliteReaders, OneThatWaitsForTheDiskHoldsUpNoOther) {
    vfs_.HoldFirst(1);
    auto gets = GetMany(64);
    ASSERT_TRUE(vfs_.WaitUntilHeld(1));
    // Which of them the disk holds is the readers' to say: the first may find its page in a cache.
    auto waiting = [&gets] {
        return std::count_if(gets.begin(), gets.end(), [](auto &get) { return !get->IsDone(); });
    };
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (waiting() > 1 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(waiting(), 1);
    vfs_.Release();
    for (auto &get : gets) {
        EXPECT_TRUE(get->Await());
        EXPECT_EQ(get->Result(), STORE_OK);
    }
}

// However many lists there are.
TEST_F(SqliteReaders, ListsHoldUpNoGet) {
    vfs_.HoldFirst(1);
    std::vector<std::unique_ptr<Pending>> lists;
    lists.push_back(Pending::List(store_));
    ASSERT_TRUE(vfs_.WaitUntilHeld(1));
    vfs_.HoldFirst(2); // and one thread more
    for (int i = 0; i < 8; i++) {
        lists.push_back(Pending::List(store_));
    }
    ASSERT_TRUE(vfs_.WaitUntilHeld(2));
    for (int i = 0; i < 100; i++) {
        auto get = Pending::Get(store_, RunId(i));
        ASSERT_TRUE(get->Await()) << i;
        EXPECT_EQ(get->Result(), STORE_OK);
    }
    for (auto &list : lists) {
        EXPECT_FALSE(list->IsDone());
    }
    vfs_.Release();
    for (auto &list : lists) {
        EXPECT_TRUE(list->Await());
        EXPECT_EQ(list->Result(), STORE_OK);
    }
}

// Whichever reader it is: what was answered before is there.
TEST_F(SqliteReaders, EachSeesWhatWasAnsweredBefore) {
    vfs_.HoldFirst(1);
    auto list = Pending::List(store_);
    ASSERT_TRUE(vfs_.WaitUntilHeld(1));
    auto others = GetMany(64); // so that other readers have snapshots
    for (int i = 0; i < 200; i++) {
        ASSERT_EQ(CreateRun(store_, {.id = "new-" + std::to_string(i)}).result, STORE_OK);
        ASSERT_EQ(GetRun(store_, "new-" + std::to_string(i)).result, STORE_OK);
        ASSERT_EQ(Apply(store_, {.id = RunId(i)}).result, STORE_OK);
        ASSERT_EQ(GetRun(store_, RunId(i)).run.status, RUN_CANCELLED);
    }
    EXPECT_FALSE(list->IsDone());
    vfs_.Release();
    EXPECT_TRUE(list->Await());
    for (auto &get : others) {
        EXPECT_TRUE(get->Await());
    }
}

class SqliteCaches : public SqliteReaders {
  protected:
    // With empty caches.
    void Reopen(int64_t cache_bytes = 0) {
        run_store_close(store_);
        struct run_store_options options = {};
        options.cache_bytes = cache_bytes;
        store_ = Open(url_, options).store;
    }

    void GetAll() {
        for (int i = 0; i < kRuns; i++) {
            EXPECT_EQ(GetRun(store_, RunId(i)).result, STORE_OK);
        }
    }

    // How often the database is read at least while all runs are read once more, with caches of so
    // many bytes. What the writer commits meanwhile empties caches, and a reader that is put off
    // for longer than a stall leaves some to another: so a few rounds are looked at.
    int LeastReadsOfARound(int64_t cache_bytes) {
        Reopen(cache_bytes);
        int least = INT_MAX;
        for (int round = 0; round < 10; round++) {
            int before = vfs_.reads();
            GetAll();
            least = std::min(least, vfs_.reads() - before);
        }
        return least;
    }
};

// The runs take 3.3 MB.
TEST_F(SqliteCaches, HoldWhatTheyAreGivenRoomFor) {
    EXPECT_GT(LeastReadsOfARound(STORE_LEAST_CACHE_BYTES), kRuns);
    EXPECT_LT(LeastReadsOfARound(0), kRuns / 4);
    EXPECT_LT(LeastReadsOfARound(int64_t{64} << 20), kRuns / 4);
    EXPECT_LT(LeastReadsOfARound(STORE_MOST_CACHE_BYTES), kRuns / 4);
}

// A reader that had to help out does not keep what it read then. The first reader keeps it: so the
// test needs both to hold a cache, and which of them takes the list is the scheduler's.
TEST_F(SqliteCaches, OfReadersThatHaveNothingToDoAreEmptied) {
    constexpr sqlite3_int64 kCache = 500'000; // less than all runs take
    sqlite3_int64 full = 0;
    for (int i = 0; i < 50 && full == 0; i++) {
        Reopen();
        vfs_.HoldFirst(1);
        auto list = Pending::List(store_);
        ASSERT_TRUE(vfs_.WaitUntilHeld(1));
        GetAll(); // by another reader
        vfs_.Release();
        ASSERT_TRUE(list->Await());
        sqlite3_int64 of_one = sqlite3_memory_used(); // counted since the VFS was installed
        GetAll();                                     // by the first reader
        full = sqlite3_memory_used() > of_one + kCache ? sqlite3_memory_used() : 0;
    }
    ASSERT_GT(full, 0);
    int64_t end_us = clock_monotonic_us() + kMinuteUs;
    while (sqlite3_memory_used() > full - kCache && clock_monotonic_us() < end_us) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_LE(sqlite3_memory_used(), full - kCache);
    EXPECT_EQ(GetRun(store_, RunId(0)).result, STORE_OK);
}

// Closing waits for those that wait for the disk.
TEST_F(SqliteReaders, ClosingFinishesAllThatOverlap) {
    vfs_.HoldFirst(3);
    auto gets = GetMany(64);
    ASSERT_TRUE(vfs_.WaitUntilHeld(3));
    std::thread closer([this] { run_store_close(store_); });
    vfs_.Release();
    closer.join();
    store_ = nullptr;
    for (auto &get : gets) {
        ASSERT_TRUE(get->IsDone());
        EXPECT_EQ(get->Result(), STORE_OK);
    }
}

} // namespace
