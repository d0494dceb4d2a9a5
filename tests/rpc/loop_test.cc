#include <atomic>
#include <future>
#include <poll.h>
#include <thread>
#include <unistd.h>

#include "tests/rpc/fixture.h"

extern "C" {
#include "rpc/deadlock_detection_internal.h"
#include "rpc/loop.h"
#include "rpc/loop_round_internal.h"
}

namespace {

struct Task {
    struct rpc_task task; // first
    std::function<void()> run;
};

void RunTask(struct rpc_task *task) {
    reinterpret_cast<Task *>(task)->run();
}

class EveryLoop : public testing::TestWithParam<LoopKind> {};

INSTANTIATE_TEST_SUITE_P(Kinds, EveryLoop, testing::Values(LoopKind::kPolling, LoopKind::kLocal),
                         [](const testing::TestParamInfo<LoopKind> &kind) {
                             return kind.param == LoopKind::kLocal ? "Local" : "Polling";
                         });

TEST_P(EveryLoop, RunsTasksOfEveryThreadOnceAndInOrder) {
    constexpr int kThreads = 8;
    constexpr int kTasks = 2000;
    std::vector<std::vector<Task>> tasks(kThreads);
    std::vector<int> seen(kThreads, 0);
    int out_of_order = 0;
    int elsewhere = 0;
    {
        Loop loop(GetParam());
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

TEST_P(EveryLoop, RunsTasksThatTasksPost) {
    std::vector<Task> tasks(1000);
    std::vector<size_t> order;
    {
        Loop loop(GetParam());
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

TEST_P(EveryLoop, MayBeMadeAndFreedAgainAndAgain) {
    for (int i = 0; i < 50; i++) {
        Loop one(GetParam());
        Loop other(GetParam());
    }
}

// If this fails on another system, the symbol in rpc/deadlock_detection.c has
// another name there: calls work, but cost a fifth more.
TEST(Loop, RunsWithoutAbseilsDeadlockDetection) {
    Loop loop;
    EXPECT_TRUE(rpc_deadlock_detection_off());
}

TEST_P(EveryLoop, CallsAFunctionAndWaitsForIt) {
    Loop loop(GetParam());
    struct Context {
        struct rpc_loop *loop;
        int calls;
        bool elsewhere;
    } context = {loop.get(), 0, false};
    auto function = [](void *argument) {
        auto *c = static_cast<Context *>(argument);
        c->elsewhere |= !rpc_loop_is_current(c->loop);
        if (c->calls++ % 2 == 0) { // also from the loop's own thread
            rpc_loop_call(
                c->loop, [](void *a) { static_cast<Context *>(a)->calls++; }, argument);
        }
    };
    for (int i = 0; i < 1000; i++) {
        rpc_loop_call(loop.get(), function, &context);
        EXPECT_EQ(context.calls, 2 * (i + 1));
    }
    EXPECT_FALSE(context.elsewhere);
}

// A loop that sleeps is woken by each of many threads: none is forgotten.
TEST_P(EveryLoop, IsWokenAgainAndAgain) {
    Loop loop(GetParam());
    std::vector<std::thread> threads;
    std::atomic<int> calls{0};
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&] {
            for (int i = 0; i < 2000; i++) {
                rpc_loop_call(
                    loop.get(), [](void *n) { ++*static_cast<std::atomic<int> *>(n); }, &calls);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(calls, 8000);
}

// --- rounds ---

struct Round {
    Round() {
        round.begin = [](struct rpc_round *r, size_t tasks) {
            auto *self = reinterpret_cast<Round *>(r);
            self->log += "begin" + std::to_string(tasks) + " ";
        };
        round.end = [](struct rpc_round *r) { reinterpret_cast<Round *>(r)->log += "end "; };
        round.turned = [](struct rpc_round *r) { reinterpret_cast<Round *>(r)->turns++; };
    }
    struct rpc_round round; // first
    std::string log;        // of the loop's thread, as the next
    int turns = 0;
};

// How many turns the loop has ended.
int TurnsOf(struct rpc_loop *loop, const Round &round) {
    std::pair<const Round *, int> look = {&round, -1};
    rpc_loop_call(
        loop,
        [](void *context) {
            auto *l = static_cast<std::pair<const Round *, int> *>(context);
            l->second = l->first->turns;
        },
        &look);
    return look.second;
}

TEST(PollingLoop, CallsItsRoundAroundTasksOfOtherThreads) {
    Round round;
    Round other;
    Loop loop;
    rpc_loop_add_round(loop.get(), &round.round);
    rpc_loop_add_round(loop.get(), &other.round); // it has one
    std::vector<Task> tasks(3);
    for (Task &task : tasks) {
        task.task.run = RunTask;
        task.run = [&] { round.log += "task "; };
    }
    std::promise<void> ran;
    tasks[2].run = [&] {
        round.log += "task ";
        ran.set_value();
    };
    // Posted while the loop's thread is busy: one round of three.
    struct Posting {
        struct rpc_loop *loop;
        std::vector<Task> *tasks;
        Round *round;
    } posting = {loop.get(), &tasks, &round};
    rpc_loop_call(
        loop.get(),
        [](void *context) {
            auto *p = static_cast<Posting *>(context);
            p->round->log.clear();
            std::thread([p] {
                for (Task &task : *p->tasks) {
                    rpc_loop_post(p->loop, &task.task);
                }
            }).join();
        },
        &posting);
    ran.get_future().wait(); // what is posted from now on is another round
    std::string seen;
    std::pair<Round *, std::string *> look = {&round, &seen};
    rpc_loop_call(
        loop.get(),
        [](void *context) {
            auto *l = static_cast<std::pair<Round *, std::string *> *>(context);
            *l->second = l->first->log;
        },
        &look);
    EXPECT_EQ(seen, "end begin3 task task task end begin1 ");
    EXPECT_EQ(other.log, "");
    EXPECT_EQ(other.turns, 0);
    int turns = TurnsOf(loop.get(), round);
    EXPECT_GT(turns, 0);
    EXPECT_GT(TurnsOf(loop.get(), round), turns);
    rpc_loop_remove_round(loop.get(), &other.round);
    rpc_loop_remove_round(loop.get(), &round.round);
    EXPECT_EQ(round.log.substr(round.log.size() - 4), "end ");
    size_t length = round.log.size();
    rpc_loop_call(
        loop.get(), [](void *) {}, nullptr);
    EXPECT_EQ(round.log.size(), length);
}

// --- what a local loop watches ---

struct Watched {
    Watched() {
        EXPECT_EQ(pipe(ends), 0);
        watch.fd = ends[0];
        watch.turn = Turn;
    }
    ~Watched() {
        close(ends[0]);
        close(ends[1]);
    }
    static int Turn(struct rpc_watch *watch) {
        auto *self = reinterpret_cast<Watched *>(watch);
        struct pollfd readable = {watch->fd, POLLIN, 0};
        char byte;
        if (poll(&readable, 1, 0) == 1 && read(watch->fd, &byte, 1) == 1) {
            self->bytes++;
        }
        self->turns++;
        return self->wait_ms;
    }
    bool Await(const std::function<bool()> &condition) {
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (!condition() && clock_monotonic_us() < until_us) {
            std::this_thread::yield();
        }
        return condition();
    }

    struct rpc_watch watch; // first
    int ends[2];
    std::atomic<int> bytes{0};
    std::atomic<int> turns{0};
    std::atomic<int> wait_ms{-1};
};

TEST(LocalLoop, ServesWhatItWatches) {
    Watched watched;
    Loop loop(LoopKind::kLocal);
    rpc_loop_watch(loop.get(), &watched.watch);
    for (int i = 1; i <= 100; i++) {
        ASSERT_EQ(write(watched.ends[1], "x", 1), 1);
        ASSERT_TRUE(watched.Await([&] { return watched.bytes == i; }));
    }
    rpc_loop_watch(loop.get(), nullptr);
}

TEST(LocalLoop, GivesTheWatchATurnAfterTasks) {
    Watched watched;
    Loop loop(LoopKind::kLocal);
    rpc_loop_watch(loop.get(), &watched.watch);
    for (int i = 0; i < 100; i++) {
        int before = watched.turns;
        rpc_loop_call(
            loop.get(), [](void *) {}, nullptr);
        ASSERT_TRUE(watched.Await([&] { return watched.turns > before; }));
    }
    rpc_loop_watch(loop.get(), nullptr);
}

TEST(LocalLoop, GivesTheWatchATurnInTime) {
    Watched watched;
    watched.wait_ms = 1;
    Loop loop(LoopKind::kLocal);
    rpc_loop_watch(loop.get(), &watched.watch);
    EXPECT_TRUE(watched.Await([&] { return watched.turns > 5; }));
    watched.wait_ms = -1;
    rpc_loop_watch(loop.get(), nullptr);
}

TEST(LocalLoop, LeavesAloneWhatItWatchesNoMore) {
    Loop loop(LoopKind::kLocal);
    for (int i = 0; i < 100; i++) {
        Watched watched;
        watched.wait_ms = 0; // a turn after the other
        rpc_loop_watch(loop.get(), &watched.watch);
        rpc_loop_watch(loop.get(), nullptr);
        int turns = watched.turns;
        rpc_loop_call(
            loop.get(), [](void *) {}, nullptr);
        EXPECT_EQ(watched.turns, turns);
    }
}

// Tasks that always post another must not keep the watch waiting.
TEST(LocalLoop, GivesTheWatchATurnBetweenTasksWithoutEnd) {
    Watched watched;
    Task task; // outlives the loop
    Loop loop(LoopKind::kLocal);
    rpc_loop_watch(loop.get(), &watched.watch);
    std::atomic<bool> is_over{false};
    task.task.run = RunTask;
    task.run = [&] {
        if (!is_over) {
            rpc_loop_post(loop.get(), &task.task);
        }
    };
    rpc_loop_post(loop.get(), &task.task);
    int before = watched.turns;
    EXPECT_TRUE(watched.Await([&] { return watched.turns > before + 10; }));
    is_over = true;
    rpc_loop_watch(loop.get(), nullptr);
}

} // namespace
