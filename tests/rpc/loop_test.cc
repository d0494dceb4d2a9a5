#include <atomic>
#include <thread>

#include "tests/rpc/fixture.h"

extern "C" {
#include "rpc/deadlock_detection.h"
#include "rpc/loop.h"
}

namespace {

struct Task {
    struct rpc_task task; // first
    std::function<void()> run;
};

void RunTask(struct rpc_task *task) {
    reinterpret_cast<Task *>(task)->run();
}

TEST(Loop, RunsTasksOfEveryThreadOnceAndInOrder) {
    constexpr int kThreads = 8;
    constexpr int kTasks = 2000;
    std::vector<std::vector<Task>> tasks(kThreads);
    std::vector<int> seen(kThreads, 0);
    int out_of_order = 0;
    int elsewhere = 0;
    {
        Loop loop;
        std::vector<std::thread> threads;
        for (size_t t = 0; t < kThreads; t++) {
            tasks[t].resize(kTasks);
            threads.emplace_back([&, t] {
                for (int i = 0; i < kTasks; i++) {
                    Task &task = tasks[t][static_cast<size_t>(i)];
                    task.task.run = RunTask;
                    task.run = [&, t, i] {
                        out_of_order += seen[t]++ != i;
                        elsewhere += !rpc_loop_is_current(loop.get());
                    };
                    rpc_loop_post(loop.get(), &task.task);
                }
            });
        }
        for (auto &thread : threads) {
            thread.join();
        }
        EXPECT_FALSE(rpc_loop_is_current(loop.get()));
    } // all have run when the loop is gone
    EXPECT_EQ(seen, std::vector<int>(kThreads, kTasks));
    EXPECT_EQ(out_of_order, 0);
    EXPECT_EQ(elsewhere, 0);
}

TEST(Loop, RunsTasksThatTasksPost) {
    std::vector<Task> tasks(1000);
    std::vector<size_t> order;
    {
        Loop loop;
        for (size_t i = 0; i < tasks.size(); i++) {
            tasks[i].task.run = RunTask;
            tasks[i].run = [&, i] {
                order.push_back(i);
                if (i + 1 < tasks.size()) {
                    rpc_loop_post(loop.get(), &tasks[i + 1].task);
                }
            };
        }
        rpc_loop_post(loop.get(), &tasks[0].task);
    }
    ASSERT_EQ(order.size(), tasks.size());
    for (size_t i = 0; i < order.size(); i++) {
        EXPECT_EQ(order[i], i);
    }
}

TEST(Loop, MayBeMadeAndFreedAgainAndAgain) {
    for (int i = 0; i < 50; i++) {
        Loop one;
        Loop other;
    }
}

// If this fails on another system, the symbol in rpc/deadlock_detection.c has
// another name there: calls work, but cost a fifth more.
TEST(Loop, RunsWithoutAbseilsDeadlockDetection) {
    Loop loop;
    EXPECT_TRUE(rpc_deadlock_detection_off());
}

} // namespace
