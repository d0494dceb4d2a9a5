extern "C" {
#include "server/lease/open_waits.h"
#include "server/lease/stop_waits.h"
}

#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

slice S(const std::string &text) {
    return slice_of(text.data(), text.size());
}

void Woken(void *context) {
    ++*static_cast<std::atomic<int> *>(context);
}

// --- waits for runs ---

struct Waiter {
    open_wait wait = {}; // first
    std::string organization;
    std::string workflow;
    int tries = 0;
    std::vector<wait_end> ends;
    bool got = false;
    // What an attempt finds; empty: it stays under way until the test says.
    std::function<bool()> finds;
    open_waits *waits = nullptr;

    ~Waiter() {
        if (waits != nullptr) {
            open_waits_gone(waits, &wait);
            if (wait.is_trying) {
                Finish(false);
            }
        }
    }

    void Finish(bool is_over) {
        got |= is_over;
        open_waits_tried(waits, &wait, is_over);
    }
};

void Attempt(open_wait *wait) {
    auto *w = reinterpret_cast<Waiter *>(wait);
    w->tries++;
    if (w->finds) {
        w->Finish(w->finds());
    }
}

void Ended(open_wait *wait, wait_end why) {
    reinterpret_cast<Waiter *>(wait)->ends.push_back(why);
}

class OpenWaits : public ::testing::Test {
  protected:
    OpenWaits() : waits_(open_waits_new(Woken, &woken_)) {}
    ~OpenWaits() override {
        open_waits_stop(waits_);
        open_waits_free(waits_);
    }

    void Begin(Waiter &w, const std::string &organization, const std::string &workflow,
               std::function<bool()> finds, int64_t until = 1000, bool is_special = false) {
        w.organization = organization;
        w.workflow = workflow;
        w.finds = std::move(finds);
        w.waits = waits_;
        w.wait.organization = S(w.organization);
        w.wait.workflow_id = S(w.workflow);
        w.wait.is_special = is_special;
        w.wait.until_us = until;
        w.wait.attempt = Attempt;
        w.wait.ended = Ended;
        open_waits_add(waits_, &w.wait);
    }
    void Opened(const std::string &organization) {
        open_waits_opened(waits_, S(organization));
    }

    std::atomic<int> woken_{0};
    open_waits *waits_;
    int runs_ = 0; // that can be acquired
    std::function<bool()> take_ = [this] { return runs_ > 0 && runs_-- > 0; };
};

using Ends = std::vector<wait_end>;

TEST_F(OpenWaits, EachTriesAtOnceAndTheFirstOfManyAgain) {
    Waiter w[3];
    for (auto &waiter : w) {
        Begin(waiter, "acme", "wf", take_);
    }
    // The others ask for the same, of which it is known that there is none.
    EXPECT_EQ(1, w[0].tries);
    EXPECT_EQ(0, w[1].tries + w[2].tries);
    runs_ = 1;
    Opened("acme");
    EXPECT_TRUE(w[0].got);
    EXPECT_EQ(1, w[1].tries); // whether there is another
    EXPECT_EQ(0, w[2].tries);
    runs_ = 2;
    Opened("acme");
    EXPECT_TRUE(w[1].got && w[2].got);
    EXPECT_TRUE(w[0].ends.empty() && w[1].ends.empty() && w[2].ends.empty());
}

TEST_F(OpenWaits, AnotherOrganizationIsNotWoken) {
    Waiter w;
    Begin(w, "acme", "wf", take_);
    Opened("rival");
    EXPECT_EQ(1, w.tries);
    Opened("acme");
    EXPECT_EQ(2, w.tries);
}

TEST_F(OpenWaits, ThoseWhoAskForOtherThingsTryInTurns) {
    std::vector<Waiter> w(40);
    for (size_t i = 0; i < w.size(); i++) {
        Begin(w[i], "acme", "wf-" + std::to_string(i), [] { return false; });
    }
    Opened("acme");
    for (auto &waiter : w) {
        EXPECT_EQ(2, waiter.tries);
    }
}

TEST_F(OpenWaits, OnlySomeTryAtOnceAndAllComeToTheirTurn) {
    std::vector<Waiter> w(20);
    for (size_t i = 0; i < w.size(); i++) {
        Begin(w[i], "acme", "", nullptr, 1000, true);
    }
    auto trying = [&] {
        int n = 0;
        for (auto &waiter : w) {
            n += waiter.wait.is_trying;
        }
        return n;
    };
    EXPECT_EQ(4, trying());
    for (int round = 0; round < 20; round++) {
        for (auto &waiter : w) {
            if (waiter.wait.is_trying) {
                waiter.Finish(false);
                break;
            }
        }
        EXPECT_LE(trying(), 4);
    }
    for (auto &waiter : w) {
        EXPECT_EQ(1, waiter.tries);
    }
}

// The opening may be of a run that the attempt under way was too early for.
TEST_F(OpenWaits, AnOpeningDuringAnAttemptIsTriedAgain) {
    Waiter w;
    Begin(w, "acme", "wf", nullptr);
    EXPECT_EQ(1, w.tries);
    Opened("acme");
    EXPECT_EQ(1, w.tries);
    w.Finish(false);
    EXPECT_EQ(2, w.tries);
    w.Finish(false);
    EXPECT_EQ(2, w.tries);
}

TEST_F(OpenWaits, TheTimeEndsAWait) {
    Waiter first, second;
    Begin(first, "acme", "wf", take_, 100);
    Begin(second, "acme", "wf", take_, 200);
    EXPECT_EQ(100, open_waits_due_us(waits_));
    open_waits_expire(waits_, 99);
    EXPECT_EQ(Ends{}, first.ends);
    open_waits_expire(waits_, 100);
    EXPECT_EQ(Ends{WAIT_TIMED_OUT}, first.ends);
    EXPECT_EQ(200, open_waits_due_us(waits_));
    open_waits_expire(waits_, 300);
    EXPECT_EQ(Ends{WAIT_TIMED_OUT}, second.ends);
    EXPECT_EQ(INT64_MAX, open_waits_due_us(waits_));
}

TEST_F(OpenWaits, AWaitThatTriesEndsAfterItsAttempt) {
    Waiter late, gone, lucky;
    Begin(late, "acme", "late", nullptr, 100);
    Begin(gone, "acme", "gone", nullptr);
    Begin(lucky, "acme", "lucky", nullptr, 100);
    open_waits_expire(waits_, 100);
    open_waits_gone(waits_, &gone.wait);
    EXPECT_TRUE(late.ends.empty() && gone.ends.empty());
    late.Finish(false);
    gone.Finish(false);
    lucky.Finish(true);
    EXPECT_EQ(Ends{WAIT_TIMED_OUT}, late.ends);
    EXPECT_EQ(Ends{WAIT_GONE}, gone.ends);
    EXPECT_EQ(Ends{}, lucky.ends);
}

TEST_F(OpenWaits, WhoIsGoneTriesNoMoreAndTheNextOneDoes) {
    Waiter w[2];
    Begin(w[0], "acme", "wf", take_);
    Begin(w[1], "acme", "wf", take_);
    open_waits_gone(waits_, &w[0].wait);
    open_waits_gone(waits_, &w[0].wait); // again: nothing
    EXPECT_EQ(Ends{WAIT_GONE}, w[0].ends);
    runs_ = 1;
    Opened("acme");
    EXPECT_TRUE(w[1].got);
    EXPECT_EQ(1, w[0].tries);
}

TEST_F(OpenWaits, AStopEndsAllAndThoseToCome) {
    Waiter w[2];
    Begin(w[0], "acme", "wf", take_);
    open_waits_stop(waits_);
    EXPECT_EQ(Ends{WAIT_STOPPING}, w[0].ends);
    Begin(w[1], "acme", "wf", take_);
    EXPECT_EQ(Ends{WAIT_STOPPING}, w[1].ends);
    EXPECT_EQ(0, w[1].tries);
}

// Runs open and waits begin and end on threads of their own; each run is taken once.
TEST_F(OpenWaits, ManyThreads) {
    std::atomic<int> runs{0};
    std::atomic<int> taken{0};
    const int kWaiters = 400;
    std::vector<Waiter> w(kWaiters);
    auto take = [&] {
        int n = runs.load();
        while (n > 0) {
            if (runs.compare_exchange_weak(n, n - 1)) {
                taken++;
                return true;
            }
        }
        return false;
    };
    std::thread opener([&] {
        for (int i = 0; i < kWaiters; i++) {
            runs++;
            Opened(i % 2 == 0 ? "acme" : "rival");
        }
    });
    std::thread expirer([&] {
        for (int i = 0; i < 1000; i++) {
            open_waits_expire(waits_, 1);
        }
    });
    for (int i = 0; i < kWaiters; i++) {
        Begin(w[i], i % 3 == 0 ? "acme" : "rival", std::to_string(i % 7), take);
    }
    opener.join();
    expirer.join();
    Opened("acme");
    Opened("rival");
    int got = 0;
    for (auto &waiter : w) {
        got += waiter.got;
        EXPECT_TRUE(waiter.ends.empty());
    }
    EXPECT_EQ(taken.load(), got);
    EXPECT_TRUE(runs == 0 || got == kWaiters) << runs;
}

// --- waits for the end of work ---

struct StopWaiter {
    stop_wait wait = {}; // first
    std::string organization = "acme";
    std::string run = "r";
    int told = 0;
    int64_t stopped_at = 0;
    std::vector<wait_end> ends;
    stop_waits *waits = nullptr;

    ~StopWaiter() {
        if (waits != nullptr) {
            stop_waits_gone(waits, &wait);
        }
    }
};

void StopEnded(stop_wait *wait, const run_record *run, wait_end why) {
    auto *w = reinterpret_cast<StopWaiter *>(wait);
    if (run != nullptr) {
        w->told++;
        w->stopped_at = run->stopped_at_us;
    } else {
        w->ends.push_back(why);
    }
}

class StopWaits : public ::testing::Test {
  protected:
    StopWaits() : waits_(stop_waits_new(Woken, &woken_)) {
        run_.stopped_at_us = 77;
    }
    ~StopWaits() override {
        stop_waits_stop(waits_);
        stop_waits_free(waits_);
    }
    void Begin(StopWaiter &w, int64_t until = 1000) {
        w.wait.organization = S(w.organization);
        w.wait.run_id = S(w.run);
        w.wait.until_us = until;
        w.wait.ended = StopEnded;
        w.waits = waits_;
        stop_waits_add(waits_, &w.wait);
    }
    std::atomic<int> woken_{0};
    stop_waits *waits_;
    run_record run_ = {};
};

TEST_F(StopWaits, AllWhoWaitForTheRunAreTold) {
    StopWaiter a, b, other, rival;
    other.run = "q";
    rival.organization = "rival";
    for (auto *w : {&a, &b, &other, &rival}) {
        Begin(*w);
    }
    stop_waits_tell(waits_, S("acme"), S("r"), &run_);
    stop_waits_tell(waits_, S("acme"), S("r"), &run_);
    EXPECT_EQ(1, a.told);
    EXPECT_EQ(1, b.told);
    EXPECT_EQ(77, a.stopped_at);
    EXPECT_EQ(0, other.told + rival.told);
}

TEST_F(StopWaits, TheTimeEndsAWait) {
    StopWaiter a, b;
    Begin(a, 100);
    Begin(b, 50);
    EXPECT_EQ(2, woken_); // each was the first one then
    EXPECT_EQ(50, stop_waits_due_us(waits_));
    stop_waits_expire(waits_, 99);
    EXPECT_EQ(Ends{WAIT_TIMED_OUT}, b.ends);
    EXPECT_EQ(Ends{}, a.ends);
    stop_waits_expire(waits_, 100);
    EXPECT_EQ(Ends{WAIT_TIMED_OUT}, a.ends);
}

TEST_F(StopWaits, WhoIsGoneIsNotTold) {
    StopWaiter before, during, after;
    EXPECT_FALSE(stop_waits_gone(waits_, &before.wait));
    Begin(before);
    EXPECT_EQ(Ends{WAIT_GONE}, before.ends);
    Begin(during);
    EXPECT_TRUE(stop_waits_gone(waits_, &during.wait));
    stop_waits_tell(waits_, S("acme"), S("r"), &run_);
    EXPECT_EQ(0, during.told);
    EXPECT_EQ(Ends{}, during.ends);
    Begin(after);
    stop_waits_tell(waits_, S("acme"), S("r"), &run_);
    EXPECT_FALSE(stop_waits_gone(waits_, &after.wait));
    EXPECT_EQ(1, after.told);
}

TEST_F(StopWaits, AStopEndsAllAndThoseToCome) {
    StopWaiter a, b;
    Begin(a);
    stop_waits_stop(waits_);
    Begin(b);
    EXPECT_EQ(Ends{WAIT_STOPPING}, a.ends);
    EXPECT_EQ(Ends{WAIT_STOPPING}, b.ends);
}

} // namespace
