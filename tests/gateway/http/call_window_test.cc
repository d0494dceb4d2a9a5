#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

extern "C" {
#include "gateway/admission/call_window.h"
}

// Which calls wait for room, and who goes next.

namespace {

struct Call {
    struct waiting waiting; // first: found by it
    std::string name;
};

class CallWindow : public testing::Test {
  protected:
    explicit CallWindow(int limit = 2) {
        window_.limit = limit;
    }
    bool Enter(const std::string &name, bool is_change, int64_t now_us = 0) {
        calls_.push_back(std::make_unique<Call>(Call{{}, name}));
        return call_window_enter(&window_, &calls_.back()->waiting, is_change, now_us);
    }
    static std::string Name(const struct waiting *call) {
        return call == nullptr ? "none" : reinterpret_cast<const Call *>(call)->name;
    }
    std::string Leave() {
        return Name(call_window_leave(&window_));
    }
    std::string Overdue(int64_t now_us) {
        return Name(call_window_overdue(&window_, now_us));
    }
    int WaitMs(int64_t now_us) {
        return waiting_ms(call_window_due_us(&window_), now_us);
    }

    struct call_window window_ = {};
    std::vector<std::unique_ptr<Call>> calls_;
};

TEST_F(CallWindow, WithoutLimitNobodyWaits) {
    window_.limit = 0;
    for (int i = 0; i < 1000; i++) {
        EXPECT_TRUE(Enter("call", i % 2 == 0));
    }
    for (int i = 0; i < 1000; i++) {
        EXPECT_EQ(Leave(), "none");
    }
    EXPECT_EQ(window_.count, 0);
}

TEST_F(CallWindow, WhoWaitsGoesInTurnWhenOthersEnd) {
    EXPECT_TRUE(Enter("1", false));
    EXPECT_TRUE(Enter("2", false));
    EXPECT_FALSE(Enter("3", false));
    EXPECT_FALSE(Enter("4", false));
    EXPECT_EQ(Leave(), "3");
    EXPECT_EQ(Leave(), "4");
    EXPECT_EQ(Leave(), "none");
    EXPECT_TRUE(Enter("5", false));
    EXPECT_FALSE(Enter("6", false));
    EXPECT_EQ(Leave(), "6");
    EXPECT_EQ(Leave(), "none");
    EXPECT_EQ(Leave(), "none");
    EXPECT_EQ(window_.count, 0);
}

TEST_F(CallWindow, ChangesGoBeforeReadsButNotFourTimesInARow) {
    Enter("a", true);
    Enter("b", true);
    for (const char *read : {"r1", "r2"}) {
        EXPECT_FALSE(Enter(read, false));
    }
    for (const char *change : {"c1", "c2", "c3", "c4", "c5", "c6"}) {
        EXPECT_FALSE(Enter(change, true));
    }
    std::string order;
    for (int i = 0; i < 8; i++) {
        order += Leave() + " ";
    }
    EXPECT_EQ(order, "c1 c2 c3 c4 r1 c5 c6 r2 ");
}

TEST_F(CallWindow, ChangesThatMeetNoReadDoNotCount) {
    Enter("a", true);
    Enter("b", true);
    for (const char *change : {"c1", "c2", "c3", "c4", "c5", "c6"}) {
        EXPECT_FALSE(Enter(change, true));
    }
    EXPECT_EQ(Leave(), "c1");
    EXPECT_EQ(Leave(), "c2");
    EXPECT_EQ(Leave(), "c3");
    EXPECT_EQ(Leave(), "c4");
    EXPECT_FALSE(Enter("r1", false));
    EXPECT_EQ(Leave(), "c5");
}

TEST_F(CallWindow, WhoWaitsTooLongGoesBeyondTheLimit) {
    constexpr int64_t patience = CALL_WINDOW_PATIENCE_US;
    EXPECT_EQ(WaitMs(0), -1);
    Enter("1", true);
    Enter("2", true);
    EXPECT_EQ(WaitMs(0), -1);
    EXPECT_FALSE(Enter("read", false, 1000));
    EXPECT_FALSE(Enter("change", true, 2500));
    EXPECT_EQ(WaitMs(1000), patience / 1000);
    EXPECT_EQ(WaitMs(1000 + patience - 1), 1); // never early
    EXPECT_EQ(Overdue(1000 + patience - 1), "none");
    EXPECT_EQ(WaitMs(1000 + patience), 0);
    EXPECT_EQ(Overdue(1000 + patience), "read");
    EXPECT_EQ(Overdue(1000 + patience), "none");
    EXPECT_EQ(WaitMs(1000 + patience), 2);
    EXPECT_EQ(Overdue(2500 + patience), "change");
    EXPECT_EQ(window_.count, 4);
    EXPECT_EQ(WaitMs(2500 + patience), -1);
}

TEST_F(CallWindow, NobodyTakesThePlaceOfWhoWasBeyondTheLimit) {
    Enter("1", true);
    Enter("2", true);
    Enter("3", true);
    EXPECT_EQ(Overdue(CALL_WINDOW_PATIENCE_US), "3");
    EXPECT_FALSE(Enter("4", true, CALL_WINDOW_PATIENCE_US));
    EXPECT_EQ(Leave(), "none");
    EXPECT_EQ(Leave(), "4");
    EXPECT_EQ(Leave(), "none");
    EXPECT_EQ(Leave(), "none");
    EXPECT_EQ(window_.count, 0);
}

} // namespace
