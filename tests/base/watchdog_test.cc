extern "C" {
#include "base/process/service_manager.h"
#include "base/process/watchdog.h"
}

#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

// The service manager's end of what is told.
class ServiceManager : public testing::Test {
  protected:
    ServiceManager() {
        char folder[] = "/tmp/service_manager_XXXXXX";
        folder_ = mkdtemp(folder);
        path_ = folder_ + "/notify";
        fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un where = {};
        where.sun_family = AF_UNIX;
        snprintf(where.sun_path, sizeof(where.sun_path), "%s", path_.c_str());
        EXPECT_EQ(0, bind(fd_, reinterpret_cast<struct sockaddr *>(&where), sizeof(where)));
        setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    }
    ~ServiceManager() override {
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        close(fd_);
        unlink(path_.c_str());
        rmdir(folder_.c_str());
    }
    // The next message; "" if none comes within ms.
    std::string Next(int ms) {
        struct pollfd waiting = {fd_, POLLIN, 0};
        char text[4096];
        if (poll(&waiting, 1, ms) <= 0) {
            return "";
        }
        ssize_t length = recv(fd_, text, sizeof(text), 0);
        return length < 0 ? "" : std::string(text, static_cast<size_t>(length));
    }
    std::string folder_;
    std::string path_;
    int fd_;
};

TEST_F(ServiceManager, IsToldOfEachStage) {
    service_manager_starting("indexing", 2000);
    EXPECT_EQ("STATUS=indexing\nEXTEND_TIMEOUT_USEC=2000000", Next(0));
    service_manager_ready();
    EXPECT_EQ(0u, Next(0).find("READY=1\n"));
    service_manager_reloading();
    EXPECT_EQ(0u, Next(0).find("RELOADING=1\nMONOTONIC_USEC="));
    service_manager_stopping(10000);
    EXPECT_EQ(0u, Next(0).find("STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000\n"));
    service_manager_alive();
    EXPECT_EQ("WATCHDOG=1", Next(0));
}

TEST_F(ServiceManager, ThatDoesNotAskIsToldNothing) {
    EXPECT_EQ(0, service_manager_watchdog_us());
    struct watchdog *watchdog = watchdog_start(nullptr);
    EXPECT_EQ("", Next(50));
    watchdog_free(watchdog);
}

TEST_F(ServiceManager, ThatAsksAnotherProcessIsToldNothing) {
    setenv("WATCHDOG_USEC", "1000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    EXPECT_EQ(0, service_manager_watchdog_us());
    unsetenv("WATCHDOG_PID");
    EXPECT_EQ(1000000, service_manager_watchdog_us());
}

struct Loop {
    struct watchdog_loop watched; // first
    std::function<void(struct watchdog_loop *)> ask;
};

void Ask(struct watchdog_loop *watched) {
    reinterpret_cast<Loop *>(watched)->ask(watched);
}

enum { PERIOD_MS = 200, NEVER_MS = 3 * PERIOD_MS };

class Watchdog : public ServiceManager {
  protected:
    Watchdog() {
        setenv("WATCHDOG_USEC", std::to_string(PERIOD_MS * 1000).c_str(), 1);
        EXPECT_EQ(0, pipe2(pipe_, O_CLOEXEC | O_NONBLOCK));
        log_.fd = pipe_[1];
        log_.program = "test";
    }
    ~Watchdog() override {
        close(pipe_[0]);
        close(pipe_[1]);
    }
    std::string Logged() {
        char text[4096];
        ssize_t length = read(pipe_[0], text, sizeof(text));
        return length < 0 ? "" : std::string(text, static_cast<size_t>(length));
    }
    int pipe_[2];
    struct logger log_ = {};
};

TEST_F(Watchdog, IsAliveWhileEachLoopAnswers) {
    std::atomic<int> asked[2] = {{0}, {0}};
    Loop loops[2];
    struct watchdog *watchdog = watchdog_start(&log_);
    for (int i = 0; i < 2; i++) {
        loops[i].watched.name = "loop";
        loops[i].watched.ask = Ask;
        loops[i].ask = [&asked, i](struct watchdog_loop *loop) {
            asked[i]++;
            watchdog_answer(loop);
        };
        watchdog_add(watchdog, &loops[i].watched);
    }
    for (int i = 0; i < 8; i++) {
        EXPECT_EQ("WATCHDOG=1", Next(60000));
    }
    EXPECT_GE(asked[0], 7);
    EXPECT_GE(asked[1], 7);
    watchdog_stop_asking(watchdog);
    watchdog_free(watchdog);
}

TEST_F(Watchdog, SaysNothingWhileOneLoopIsStuckAndGoesOnOnceItAnswers) {
    std::atomic<struct watchdog_loop *> stuck{nullptr};
    Loop quick;
    quick.watched.name = "quick";
    quick.watched.ask = Ask;
    quick.ask = watchdog_answer;
    Loop slow;
    slow.watched.name = "slow";
    slow.watched.ask = Ask;
    slow.ask = [&stuck](struct watchdog_loop *loop) { stuck = loop; };
    struct watchdog *watchdog = watchdog_start(&log_);
    watchdog_add(watchdog, &quick.watched);
    watchdog_add(watchdog, &slow.watched);
    while (stuck == nullptr) {
        usleep(1000);
    }
    while (Next(0) == "WATCHDOG=1") {
    } // told before it was stuck, or in the very turn that asked
    Next(PERIOD_MS / 2);
    EXPECT_EQ("", Next(NEVER_MS));
    std::string line = Logged();
    EXPECT_NE(std::string::npos, line.find("a loop does not answer")) << line;
    EXPECT_NE(std::string::npos, line.find("\"loop\":\"slow\"")) << line;
    EXPECT_EQ(line.find('\n') + 1, line.size()) << "once";
    watchdog_answer(stuck);
    EXPECT_EQ("WATCHDOG=1", Next(60000));
    watchdog_stop_asking(watchdog);
    watchdog_free(watchdog);
}

TEST_F(Watchdog, AsksNoLoopOfAProgramThatStopsAndIsAliveUntilItHas) {
    std::atomic<int> asked{0};
    Loop loop;
    loop.watched.name = "loop";
    loop.watched.ask = Ask;
    loop.ask = [&asked](struct watchdog_loop *) { asked++; }; // never answers
    struct watchdog *watchdog = watchdog_start(&log_);
    watchdog_add(watchdog, &loop.watched);
    while (asked == 0) {
        usleep(1000);
    }
    watchdog_stop_asking(watchdog);
    for (int i = 0; i < 4; i++) {
        EXPECT_EQ("WATCHDOG=1", Next(60000));
    }
    EXPECT_EQ(1, asked);
    watchdog_free(watchdog);
}

} // namespace
