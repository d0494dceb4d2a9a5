#include <atomic>
#include <chrono>
#include <cstdio>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <unistd.h>

extern "C" {
#include "server/duty/duty.h"
}

#include "tests/base/metrics_testing.h"

// Who is told that the process goes on duty and off duty, and what others see of it.

namespace {

struct Member {
    struct duty_member member = {};
    int told = 0;

    Member() {
        member.changed = [](void *context) { static_cast<Member *>(context)->told++; };
        member.context = this;
    }
};

class Duty : public testing::Test {
  protected:
    Duty() {
        log_.fd = fileno(file_);
        duty_ = duty_new(&log_, metrics_);
    }
    ~Duty() override {
        duty_free(duty_);
        metrics_free(metrics_);
        fclose(file_);
    }
    double Gauge() {
        return metrics_testing::Look(metrics_, "runsd_on_duty").value;
    }
    // How many lines the log has with the text.
    int Lines(const std::string &text) {
        std::string all(1 << 16, '\0');
        ssize_t size = pread(fileno(file_), all.data(), all.size(), 0);
        all.resize(size > 0 ? static_cast<size_t>(size) : 0);
        int count = 0;
        for (size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) {
            count++;
        }
        return count;
    }

    FILE *file_ = tmpfile();
    logger log_ = {-1, LOG_INFO, "test", nullptr};
    struct metrics *metrics_ = metrics_new();
    struct duty *duty_;
};

TEST_F(Duty, TellsEachMemberOfEachChange) {
    Member first, second, late;
    duty_join(duty_, &first.member);
    duty_join(duty_, &second.member);
    EXPECT_FALSE(duty_is_on(duty_));
    EXPECT_EQ(Gauge(), 0);
    duty_set(duty_, false); // as it was
    EXPECT_EQ(first.told, 0);
    duty_set(duty_, true);
    EXPECT_TRUE(duty_is_on(duty_));
    EXPECT_EQ(Gauge(), 1);
    duty_set(duty_, true);
    EXPECT_EQ(first.told, 1);
    EXPECT_EQ(second.told, 1);
    duty_join(duty_, &late.member);
    duty_leave(duty_, &second.member); // from the middle
    duty_set(duty_, false);
    EXPECT_FALSE(duty_is_on(duty_));
    EXPECT_EQ(Gauge(), 0);
    EXPECT_EQ(first.told, 2);
    EXPECT_EQ(second.told, 1);
    EXPECT_EQ(late.told, 1);
    duty_leave(duty_, &late.member);
    duty_leave(duty_, &first.member);
    duty_set(duty_, true);
    EXPECT_EQ(first.told, 2);
    EXPECT_EQ(late.told, 1);
}

TEST_F(Duty, IsLoggedWhereOthersServeTheStore) {
    duty_set(duty_, true);
    EXPECT_EQ(Lines("on duty:") + Lines("off duty:"), 0) << "nobody else could be";
    duty_share(duty_);
    EXPECT_EQ(Lines("on duty:"), 1);
    duty_set(duty_, true);
    EXPECT_EQ(Lines("on duty:"), 1);
    duty_set(duty_, false);
    EXPECT_EQ(Lines("off duty:"), 1);
}

TEST_F(Duty, WakesAThreadWhoseTurnsEndWithIt) {
    struct Turns {
        std::atomic<int> count{0};
        std::atomic<bool> was_over{false};
        struct duty *duty;
        struct periodic thread;
    } turns;
    turns.duty = duty_;
    auto turn = [](void *context) {
        auto *t = static_cast<Turns *>(context);
        t->was_over = duty_is_over(t->duty, &t->thread);
        t->count++;
    };
    auto comes = [&](int count) {
        for (int i = 0; i < 60000 && turns.count < count; i++) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return turns.count == count;
    };
    periodic_start(&turns.thread, "turns", 3600 * 1000, turn, &turns);
    struct duty_member member;
    duty_join_thread(duty_, &member, &turns.thread);
    duty_set(duty_, true);
    ASSERT_TRUE(comes(1));
    EXPECT_FALSE(turns.was_over);
    duty_set(duty_, false);
    ASSERT_TRUE(comes(2));
    EXPECT_TRUE(turns.was_over);
    duty_leave(duty_, &member);
    duty_set(duty_, true);
    EXPECT_FALSE(duty_is_over(duty_, &turns.thread));
    periodic_stop(&turns.thread);
    EXPECT_EQ(turns.count, 2);
    EXPECT_TRUE(duty_is_over(duty_, &turns.thread));
}

TEST(DutyOfNobodyElse, IsAlwaysOn) {
    Member member;
    EXPECT_TRUE(duty_is_on(nullptr));
    duty_join(nullptr, &member.member);
    duty_leave(nullptr, &member.member);
    EXPECT_EQ(member.told, 0);
    duty_free(nullptr);
}

} // namespace
