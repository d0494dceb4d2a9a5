#include <fstream>
#include <random>
#include <set>

#include "tests/storage/deletion_testing.h"
#include "tests/storage/power_vfs.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

// Power cuts at any moment of a store's life: what is left opens, is refused by no
// check of the start, and has all that was acknowledged.

namespace {

constexpr size_t kCuts = 120;

// The newest attempt of a run that somebody was given, and how often somebody was.
struct Given {
    int64_t attempt;
    size_t times;
};

// What a cut left, and what had been acknowledged before it.
struct Image {
    std::map<std::string, std::string> files;
    std::vector<std::string> created;
    std::vector<std::string> cancelled;
    std::map<std::string, Given> acquired; // each run that somebody was given
    std::set<std::string> doomed;          // somebody asked to delete them
    std::vector<std::string> deleted;      // they were
};

class SqlitePower : public SqliteTest {
  protected:
    SqlitePower() : SqliteTest("/dev/shm") { // in memory: the disk is simulated
    }
    void Step() {
        std::string state = ReadFile(path_ + ".state");
        std::lock_guard<std::mutex> guard(lock_);
        if (!state.empty() && (states_.empty() || states_.back() != state)) {
            states_.push_back(state);
        }
        bool is_near = created_.size() >= dense_from_;
        if (random_() % (is_near ? dense_between_ : steps_between_) != 0) {
            return;
        }
        Image image{vfs_.Cut(random_), created_, cancelled_, acquired_, doomed_, deleted_};
        // It is never waited for: any moment's may be the one that is left.
        if (!states_.empty()) {
            image.files[".state"] = states_[random_() % states_.size()];
        }
        images_.push_back(std::move(image));
    }
    unsigned Random() {
        std::lock_guard<std::mutex> guard(lock_);
        return static_cast<unsigned>(random_());
    }
    void Create(struct run_store *store, size_t spec_bytes) {
        std::string id = "r" + std::to_string(next_++);
        StoredRun run = {.id = id, .spec = std::string(spec_bytes, 's')};
        const bool is_leased = next_ % 3 == 0;
        if (is_leased) {
            run.terms = {RUN_DISPATCH_LEASE, false, RUN_FAILURE, 900000, 500};
        }
        ASSERT_EQ(CreateRun(store, run).result, STORE_OK);
        {
            std::lock_guard<std::mutex> guard(lock_);
            created_.push_back(id);
        }
        if (is_leased) {
            Lease(store, id);
        }
    }
    // Gives the run to an executor, and, as often as not, to another one.
    void Lease(struct run_store *store, const std::string &id) {
        int64_t attempt = 0;
        for (size_t times = 1; times <= 1u + next_ % 2; times++) {
            if (times > 1) {
                ASSERT_EQ(EndLease(store, {.id = id, .attempt = attempt}).result, STORE_OK);
            }
            auto acquired = Acquire(store, {.ids = {id}}).runs;
            ASSERT_EQ(acquired.size(), 1u);
            attempt = acquired[0].attempt; // above all of the runs that were deleted
            std::lock_guard<std::mutex> guard(lock_);
            acquired_[id] = {attempt, times};
        }
    }
    // Each run is cancelled under a key of its own.
    static Transition CancelOf(const std::string &id) {
        return {.id = id, .key = {"cancel " + id, id}};
    }
    void Cancel(struct run_store *store, const std::string &id) {
        Answer a = Apply(store, CancelOf(id));
        if (a.result == STORE_OK && !a.is_replayed) {
            std::lock_guard<std::mutex> guard(lock_);
            cancelled_.push_back(id);
        }
    }
    // Opens the store, changes it, and closes it or leaves it as a crash does.
    void Session(int changes, size_t spec_bytes) {
        Opened o = Open(url_);
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        for (int i = 0; i < changes; i++) {
            Create(o.store, spec_bytes);
            if (i % 3 == 0) {
                Cancel(o.store, created_[Random() % created_.size()]);
            }
        }
        run_store_close(o.store);
    }
    // A storm of cancels in no order of the runs, in which small generations are applied, by the
    // changes and while there are none, and by the close.
    void StormOfCancels(int runs) {
        Opened o = OpenLimited(path_, {.runs = 6, .events = 16, .slice = 2, .idle_us = 200});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        size_t first = created_.size();
        for (int i = 0; i < runs; i++) {
            Create(o.store, 20);
        }
        for (int i = 0; i < runs; i++) {
            Cancel(o.store, created_[first + static_cast<size_t>(i * 7 % runs)]);
            if (i % 6 == 5) {
                usleep(2000);
            }
        }
        run_store_close(o.store);
    }
    // Deletes some of what was cancelled, by hand and many at once, while others are cancelled.
    void CutEvery(unsigned steps) {
        std::lock_guard<std::mutex> guard(lock_);
        steps_between_ = steps;
    }
    void StormOfDeletions(int runs) {
        Opened o = OpenLimited(path_, {.runs = 6, .events = 16, .slice = 2, .idle_us = 200});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        size_t first = created_.size();
        for (int i = 0; i < runs; i++) {
            Create(o.store, 3000);
        }
        for (int i = 0; i < runs; i++) {
            Cancel(o.store, created_[first + static_cast<size_t>(i)]);
        }
        Settle(o.store);
        CutEvery(8); // the cuts that are looked for come from here on
        for (size_t at = first; at + 4 <= first + static_cast<size_t>(runs); at += 5) {
            std::vector<std::string> ids(created_.begin() + static_cast<ptrdiff_t>(at),
                                         created_.begin() + static_cast<ptrdiff_t>(at + 4));
            Doom(ids);
            if (at % 2 == 0) {
                ASSERT_EQ(DeleteRuns(o.store, ids), 4);
            } else {
                for (const std::string &id : ids) {
                    ASSERT_EQ(DeleteRun(o.store, {.id = id}).result, STORE_OK);
                }
            }
            std::lock_guard<std::mutex> guard(lock_);
            deleted_.insert(deleted_.end(), ids.begin(), ids.end());
        }
        run_store_close(o.store);
    }
    void Doom(const std::vector<std::string> &ids) {
        std::lock_guard<std::mutex> guard(lock_);
        doomed_.insert(ids.begin(), ids.end());
    }
    static void Lay(const std::string &path, const std::map<std::string, std::string> &files) {
        for (const char *end : {"", "-wal", "-shm", ".state"}) {
            unlink((path + end).c_str());
        }
        for (const auto &file : files) {
            std::ofstream(path + file.first, std::ios::binary) << file.second;
        }
    }
    static void ExpectWhole(struct run_store *store, const Image &image) {
        for (const std::string &id : image.created) {
            if (image.doomed.count(id) == 0) {
                ASSERT_EQ(GetRun(store, id).result, STORE_OK) << id;
            }
        }
        for (const std::string &id : image.deleted) {
            ASSERT_EQ(GetRun(store, id).result, STORE_NOT_FOUND) << id;
        }
        const Changes head = ListChanges(store, {.limit = 0});
        const Changes feed = ListChanges(store, {.after = head.floor, .limit = 4000});
        ASSERT_EQ(feed.result, STORE_OK) << feed.detail;
        ASSERT_EQ(static_cast<int64_t>(feed.changes.size()), head.newest - head.floor);
        ExpectCounts(store, "acme", CountListed(store, "", "acme"));
        for (const std::string &id : image.cancelled) {
            if (image.doomed.count(id) != 0) {
                continue;
            }
            ASSERT_EQ(GetRun(store, id).run.status, RUN_CANCELLED) << id;
            ASSERT_TRUE(Apply(store, CancelOf(id)).is_replayed) << id;
            const size_t attempts = image.acquired.count(id) != 0 ? image.acquired.at(id).times : 0;
            ASSERT_EQ(ListEvents(store, id).size(), 2 + attempts + (attempts == 2 ? 1 : 0)) << id;
        }
        for (const auto &acquired : image.acquired) {
            if (image.doomed.count(acquired.first) != 0) {
                continue;
            }
            const int64_t attempt = GetRun(store, acquired.first).run.attempt;
            ASSERT_GE(attempt, acquired.second.attempt) << acquired.first;
        }
    }
    // Twice, with a second cut soon after the first, then after a clean stop.
    void Verify(Image image, size_t number) {
        SCOPED_TRACE("cut " + std::to_string(number) + ", seed " + std::to_string(seed_));
        std::string path = directory_.File("cut" + std::to_string(number) + ".db");
        for (int start = 0; start < 3; start++) {
            SCOPED_TRACE("start " + std::to_string(start));
            if (start < 2) {
                Lay(path, image.files);
                vfs_.Watch(path, nullptr);
            }
            Opened o = Open("sqlite:" + path);
            ASSERT_EQ(o.code, STATUS_OK) << o.message;
            ExpectWhole(o.store, image);
            std::string id = "after" + std::to_string(start);
            ASSERT_EQ(CreateRun(o.store, {.id = id}).result, STORE_OK);
            image.created.push_back(id);
            if (start < 2) {
                std::string state = image.files[".state"];
                image.files = vfs_.Cut(random_);
                image.files[".state"] = start == 0 ? ReadFile(path + ".state") : state;
            }
            run_store_close(o.store);
            vfs_.Unwatch();
        }
        ExpectSound(path);
        Lay(path, {});
    }

    // Verifies what was cut since, and counts it.
    void VerifyImages(size_t *cuts) {
        std::vector<Image> images;
        std::swap(images, images_);
        for (const Image &image : images) {
            ASSERT_NO_FATAL_FAILURE(Verify(image, (*cuts)++));
        }
    }

    PowerVfs &vfs_ = PowerVfs::Install();
    unsigned seed_ = std::random_device()();
    std::mutex lock_;
    std::mt19937 random_{seed_};
    unsigned steps_between_ = 1;
    unsigned dense_between_ = 1;
    size_t dense_from_ = SIZE_MAX; // how many runs are created when dense_between_ begins to hold
    int next_ = 0;
    std::vector<std::string> created_;
    std::vector<std::string> cancelled_;
    std::map<std::string, Given> acquired_;
    std::set<std::string> doomed_;
    std::vector<std::string> deleted_;
    std::vector<std::string> states_;
    std::vector<Image> images_;
};

TEST_F(SqlitePower, CutLeavesAStoreThatOpensAndHasWhatWasAcknowledged) {
    Session(1, 100);
    size_t cuts = 0;
    for (int session = 0; cuts < kCuts && session < 1000; session++) {
        // Small ones end before the log is copied, large ones have it copied midway.
        const bool is_large = session % 3 == 0;
        steps_between_ = is_large ? 400 : 10;
        states_.clear();
        vfs_.Watch(path_, [this] { Step(); });
        Session(is_large ? 24 : 6, is_large ? 256 * 1024 : 2000);
        if (HasFatalFailure()) {
            return;
        }
        vfs_.Unwatch();
        ASSERT_NO_FATAL_FAILURE(VerifyImages(&cuts));
    }
    EXPECT_GE(cuts, kCuts);
}

// From where the log is about to begin anew: between the pieces that are copied, the syncs in the
// background, the sync by which all is copied, and the first frames that overwrite the log.
TEST_F(SqlitePower, CutWhileTheLogBeginsAnewLosesNothing) {
    Session(1, 100);
    const size_t kFew = kCuts / 6;
    size_t cuts = 0;
    for (int session = 0; cuts < kFew && session < 100; session++) {
        states_.clear();
        steps_between_ = 6000;
        dense_between_ = 400;
        dense_from_ = created_.size() + 58; // of 66 pages each: 4,096 are near
        vfs_.Watch(path_, [this] { Step(); });
        Session(80, 256 * 1024);
        if (HasFatalFailure()) {
            return;
        }
        vfs_.Unwatch();
        ASSERT_NO_FATAL_FAILURE(VerifyImages(&cuts));
    }
    EXPECT_GE(cuts, kFew);
}

TEST_F(SqlitePower, CutWhileRowsAreBroughtUpToDateLosesNothing) {
    Session(1, 100);
    constexpr size_t kEnough = kCuts / 2;
    size_t cuts = 0;
    size_t behind = 0; // cuts that left rows behind their events
    steps_between_ = 19;
    for (int session = 0; cuts < kEnough && session < 100; session++) {
        states_.clear();
        vfs_.Watch(path_, [this] { Step(); });
        StormOfCancels(24);
        if (HasFatalFailure()) {
            return;
        }
        vfs_.Unwatch();
        for (const Image &image : images_) {
            std::string looked_at = directory_.File("looked-at.db");
            Lay(looked_at, image.files);
            behind += QueryText(looked_at, "SELECT max(event_key)>(SELECT value FROM meta"
                                           " WHERE name='applied') FROM event") == "1\n";
        }
        ASSERT_NO_FATAL_FAILURE(VerifyImages(&cuts));
    }
    EXPECT_GE(cuts, kEnough);
    EXPECT_GT(behind, kEnough / 4);
}

TEST_F(SqlitePower, CutWhileRunsAreDeletedLeavesThemWholeOrGone) {
    Session(1, 100);
    constexpr size_t kEnough = kCuts / 2;
    size_t cuts = 0;
    size_t after_deletions = 0;
    for (int session = 0; cuts < kEnough && session < 100; session++) {
        states_.clear();
        CutEvery(40);
        vfs_.Watch(path_, [this] { Step(); });
        StormOfDeletions(20);
        if (HasFatalFailure()) {
            return;
        }
        vfs_.Unwatch();
        for (const Image &image : images_) {
            after_deletions += !image.deleted.empty();
        }
        ASSERT_NO_FATAL_FAILURE(VerifyImages(&cuts));
    }
    EXPECT_GE(cuts, kEnough);
    EXPECT_GT(after_deletions, kEnough / 4);
}

} // namespace
