#include <future>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/rpc/fixture.h"

extern "C" {
#include "rpc/loop_ping.h"
}

namespace {

enum { PERIOD_MS = 200 };

class LoopPing : public testing::TestWithParam<LoopKind> {
  protected:
    LoopPing() {
        char folder[] = "/tmp/loop_ping_XXXXXX";
        folder_ = mkdtemp(folder);
        fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un where = {};
        where.sun_family = AF_UNIX;
        snprintf(where.sun_path, sizeof(where.sun_path), "%s/notify", folder_.c_str());
        EXPECT_EQ(0, bind(fd_, reinterpret_cast<struct sockaddr *>(&where), sizeof(where)));
        setenv("NOTIFY_SOCKET", where.sun_path, 1);
        setenv("WATCHDOG_USEC", std::to_string(PERIOD_MS * 1000).c_str(), 1);
    }
    ~LoopPing() override {
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        close(fd_);
        unlink((folder_ + "/notify").c_str());
        rmdir(folder_.c_str());
    }
    // Whether a message comes within ms.
    bool Comes(int ms) {
        struct pollfd waiting = {fd_, POLLIN, 0};
        char text[4096];
        return poll(&waiting, 1, ms) > 0 && recv(fd_, text, sizeof(text), 0) > 0;
    }
    std::string folder_;
    int fd_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, LoopPing, testing::Values(LoopKind::kPolling, LoopKind::kLocal),
                         [](const testing::TestParamInfo<LoopKind> &kind) {
                             return kind.param == LoopKind::kLocal ? "Local" : "Polling";
                         });

struct Blocker {
    struct rpc_task task; // first
    std::promise<void> begun;
    std::promise<void> ends;
};

TEST_P(LoopPing, TheManagerIsToldWhileTheLoopTurnsAndNotWhileItIsStuck) {
    struct logger log = {};
    log.fd = STDERR_FILENO;
    log.program = "test";
    struct rpc_loop_ping ping;
    struct watchdog *watchdog = watchdog_start(&log);
    {
        Loop loop(GetParam());
        rpc_loop_ping_add(&ping, watchdog, "loop", loop.get());
        for (int i = 0; i < 8; i++) {
            EXPECT_TRUE(Comes(60000));
        }
        Blocker blocker;
        blocker.task.run = [](struct rpc_task *task) {
            Blocker *self = reinterpret_cast<Blocker *>(task);
            self->begun.set_value();
            self->ends.get_future().wait();
        };
        rpc_loop_post(loop.get(), &blocker.task);
        blocker.begun.get_future().wait();
        // Two more may come: of a turn that has asked before, and of the one that asks now.
        Comes(PERIOD_MS / 2);
        Comes(PERIOD_MS / 2);
        EXPECT_FALSE(Comes(3 * PERIOD_MS));
        blocker.ends.set_value();
        EXPECT_TRUE(Comes(60000));
        watchdog_stop_asking(watchdog);
    }
    watchdog_free(watchdog);
}

} // namespace
