// Power cuts at any moment of a job's life: what is left opens, has all that was acknowledged, and
// the job goes on from there.

#include <fstream>
#include <random>

#include "tests/storage/bulk_story.h"
#include "tests/storage/power_vfs.h"
#include "tests/storage/sqlite_limited.h"

using namespace store_testing;

namespace {

constexpr size_t kCuts = 60;

// What a cut left, and how the job was acknowledged before it.
struct Image {
    std::map<std::string, std::string> files;
    Bulk acknowledged;
};

class SqliteBulkPower : public SqliteTest {
  protected:
    SqliteBulkPower() : SqliteTest("/dev/shm") { // in memory: the disk is simulated
    }
    void Step() {
        std::string state = ReadFile(path_ + ".state");
        std::lock_guard<std::mutex> guard(lock_);
        if (!state.empty() && (states_.empty() || states_.back() != state)) {
            states_.push_back(state);
        }
        if (random_() % 6 != 0) {
            return;
        }
        Image image{vfs_.Cut(random_), acknowledged_};
        // It is never waited for: any moment's may be the one that is left.
        if (!states_.empty()) {
            image.files[".state"] = states_[random_() % states_.size()];
        }
        images_.push_back(std::move(image));
    }
    static void Lay(const std::string &path, const std::map<std::string, std::string> &files) {
        for (const char *end : {"", "-wal", "-shm", ".state"}) {
            unlink((path + end).c_str());
        }
        for (const auto &file : files) {
            std::ofstream(path + file.first, std::ios::binary) << file.second;
        }
    }
    void Verify(const Image &image, size_t number) {
        SCOPED_TRACE("cut " + std::to_string(number) + ", seed " + std::to_string(seed_));
        const std::string path = directory_.File("cut" + std::to_string(number) + ".db");
        Lay(path, image.files);
        Opened o = OpenLimited(path, {.runs = 4, .events = 10, .slice = 2});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        Story story;
        story.acknowledged = image.acknowledged;
        ASSERT_NO_FATAL_FAILURE(story.ExpectTrue(o.store));
        ASSERT_TRUE(story.GoOn(
            o.store, [] {}, [] {}));
        Story::ExpectOver(o.store);
        run_store_close(o.store);
        ExpectSound(path);
        Lay(path, {});
    }

    PowerVfs &vfs_ = PowerVfs::Install();
    unsigned seed_ = std::random_device()();
    std::mutex lock_;
    std::mt19937 random_{seed_};
    Bulk acknowledged_;
    std::vector<std::string> states_;
    std::vector<Image> images_;
};

TEST_F(SqliteBulkPower, CutLeavesAJobThatGoesOn) {
    size_t cuts = 0;
    for (int session = 0; cuts < kCuts && session < 100; session++) {
        RemoveFiles();
        Opened o = OpenLimited(path_, {.runs = 4, .events = 10, .slice = 2, .idle_us = 200});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        MakeStory(o.store);
        run_store_close(o.store);
        states_.clear();
        acknowledged_ = {};
        vfs_.Watch(path_, [this] { Step(); });
        o = OpenLimited(path_, {.runs = 4, .events = 10, .slice = 2, .idle_us = 200});
        ASSERT_EQ(o.code, STATUS_OK) << o.message;
        Story story;
        EXPECT_TRUE(story.GoOn(
            o.store, [] {},
            [&] {
                std::lock_guard<std::mutex> guard(lock_);
                acknowledged_ = story.acknowledged;
            }));
        run_store_close(o.store);
        vfs_.Unwatch();
        std::vector<Image> images;
        std::swap(images, images_);
        for (const Image &image : images) {
            ASSERT_NO_FATAL_FAILURE(Verify(image, cuts++));
        }
    }
    EXPECT_GE(cuts, kCuts);
}

} // namespace
