extern "C" {
#include "base/net/accept_thread.h"
}

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

constexpr auto kPatience = std::chrono::seconds(60);
constexpr int kPatienceMs = 60000;

class AcceptThread : public ::testing::Test {
  protected:
    AcceptThread() {
        arena_init(&arena_);
        char folder[] = "/tmp/accept_XXXXXX";
        folder_ = mkdtemp(folder);
        path_ = folder_ + "/s";
        EXPECT_EQ(0, pipe2(log_pipe_, O_CLOEXEC | O_NONBLOCK));
        log_ = {log_pipe_[1], LOG_WARN, "test", nullptr};
        options_.log = &log_;
        options_.what = "test";
        options_.option = "--max-test";
        options_.max_connections = 1000;
        options_.max_descriptor = INT32_MAX;
        options_.take = Take;
    }
    ~AcceptThread() override {
        accept_thread_free(thread_);
        CloseTaken();
        for (int client : clients_) {
            close(client);
        }
        for (const std::string &name : {path_, path_ + "2"}) {
            unlink(name.c_str());
        }
        rmdir(folder_.c_str());
        close(log_pipe_[0]);
        close(log_pipe_[1]);
        arena_release(&arena_);
    }

    void Start(const std::vector<std::string> &addresses) {
        thread_ = accept_thread_new(&options_);
        for (const std::string &text : addresses) {
            struct address address;
            ASSERT_EQ(nullptr, address_parse(&arena_, "--listen", text.c_str(), &address));
            ASSERT_EQ(nullptr, accept_thread_listen(thread_, &arena_, &address, this, &port_));
        }
        accept_thread_start(thread_, nullptr);
    }
    static void Take(void *context, int, int connection) {
        auto *self = static_cast<AcceptThread *>(context);
        std::lock_guard<std::mutex> lock(self->mutex_);
        self->taken_.push_back(connection);
        self->changed_.notify_all();
    }
    bool AwaitTaken(size_t count) {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, kPatience, [&] { return taken_.size() >= count; });
    }
    size_t Taken() {
        std::lock_guard<std::mutex> lock(mutex_);
        return taken_.size();
    }
    void CloseTaken() {
        std::lock_guard<std::mutex> lock(mutex_);
        for (int fd : taken_) {
            close(fd);
        }
        taken_.clear();
    }

    // Returns the client's socket, or -1.
    int Connect(const std::string &path = "") {
        int client = socket(path.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int r;
        if (path.empty()) {
            struct sockaddr_in inet = {};
            inet.sin_family = AF_INET;
            inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            inet.sin_port = htons(static_cast<uint16_t>(port_));
            r = connect(client, reinterpret_cast<struct sockaddr *>(&inet), sizeof(inet));
        } else {
            struct sockaddr_un sun = {};
            sun.sun_family = AF_UNIX;
            snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path.c_str());
            r = connect(client, reinterpret_cast<struct sockaddr *>(&sun), sizeof(sun));
        }
        if (r != 0) {
            close(client);
            return -1;
        }
        clients_.push_back(client);
        return client;
    }
    bool AwaitConnect(const std::string &path) {
        auto end = std::chrono::steady_clock::now() + kPatience;
        while (Connect(path) < 0) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return true;
    }
    // The only one of this process; -1 if there is none.
    static int ListeningSocket() {
        for (int fd = 0; fd < 1000; fd++) {
            int listens = 0;
            socklen_t length = sizeof(listens);
            if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0) {
                return fd;
            }
        }
        return -1;
    }
    // Whether the server closes the connection.
    static bool AwaitClosed(int client) {
        struct pollfd p = {client, POLLIN, 0};
        char byte;
        return poll(&p, 1, kPatienceMs) == 1 && recv(client, &byte, 1, 0) <= 0;
    }
    std::string AwaitLog(const std::string &part) {
        auto end = std::chrono::steady_clock::now() + kPatience;
        while (logged_.find(part) == std::string::npos && std::chrono::steady_clock::now() < end) {
            struct pollfd p = {log_pipe_[0], POLLIN, 0};
            char text[4096];
            ssize_t n = poll(&p, 1, 10) == 1 ? read(log_pipe_[0], text, sizeof(text)) : 0;
            logged_.append(text, n > 0 ? static_cast<size_t>(n) : 0);
        }
        return logged_.find(part) != std::string::npos ? "" : "no \"" + part + "\" in " + logged_;
    }

    struct arena arena_;
    std::string folder_, path_, logged_;
    int log_pipe_[2];
    struct logger log_;
    struct accept_thread_options options_ = {};
    struct accept_thread *thread_ = nullptr;
    int port_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<int> taken_, clients_;
};

TEST_F(AcceptThread, HandsConnectionsOfAllListenersOver) {
    Start({"unix:" + path_, "unix:" + path_ + "2", "127.0.0.1:0"});
    for (int i = 0; i < 50; i++) {
        ASSERT_GE(Connect(), 0);
        ASSERT_GE(Connect(path_), 0);
        ASSERT_GE(Connect(path_ + "2"), 0);
    }
    EXPECT_TRUE(AwaitTaken(150));
}

TEST_F(AcceptThread, NobodyIsHandedOverAfterTheStop) {
    Start({"unix:" + path_});
    ASSERT_GE(Connect(path_), 0);
    ASSERT_TRUE(AwaitTaken(1));
    accept_thread_stop(thread_);
    EXPECT_LT(Connect(path_), 0);
    EXPECT_NE(0, access(path_.c_str(), F_OK));
    accept_thread_stop(thread_); // again
    EXPECT_EQ(1u, Taken());
}

TEST_F(AcceptThread, WhoComesAtTheLimitIsClosedAndLogged) {
    options_.max_connections = 3;
    Start({"127.0.0.1:0"});
    for (int i = 0; i < 3; i++) {
        ASSERT_GE(Connect(), 0);
    }
    ASSERT_TRUE(AwaitTaken(3));
    for (int i = 0; i < 100; i++) {
        int client = Connect();
        ASSERT_GE(client, 0);
        EXPECT_TRUE(AwaitClosed(client));
    }
    EXPECT_EQ(3u, Taken());
    EXPECT_EQ("", AwaitLog("\"option\":\"--max-test\",\"limit\":3,\"refused\":"));
}

// The one that owns the connections says nothing when it closes them.
TEST_F(AcceptThread, RoomThatWasMadeIsSeen) {
    options_.max_connections = 3;
    Start({"127.0.0.1:0"});
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 3; i++) {
            ASSERT_GE(Connect(), 0);
        }
        ASSERT_TRUE(AwaitTaken(3)) << round;
        CloseTaken();
    }
}

// One client after the other is no overload, though their owner closes late.
TEST_F(AcceptThread, WhoComesWhileOthersAreBeingClosedWaits) {
    options_.max_connections = 3;
    Start({"127.0.0.1:0"});
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 3; i++) {
            ASSERT_GE(Connect(), 0);
        }
        ASSERT_TRUE(AwaitTaken(3));
        auto began = std::chrono::steady_clock::now();
        ASSERT_GE(Connect(), 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(20)); // for it to be seen
        CloseTaken();
        // Nothing is promised on a machine that took longer.
        if (std::chrono::steady_clock::now() - began < std::chrono::milliseconds(150)) {
            EXPECT_TRUE(AwaitTaken(1)) << round;
        }
        CloseTaken();
    }
}

TEST_F(AcceptThread, AHighDescriptorIsNotKept) {
    int lowest_free = dup(0);
    close(lowest_free);
    options_.max_descriptor = lowest_free; // those of the listener are above it already
    Start({"127.0.0.1:0"});
    int client = Connect();
    ASSERT_GE(client, 0);
    EXPECT_TRUE(AwaitClosed(client));
    EXPECT_EQ(0u, Taken());
}

TEST_F(AcceptThread, OutlivesTheLackOfDescriptors) {
    Start({"unix:" + path_, "127.0.0.1:0"});
    // The socket of a client, made while there are descriptors.
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit before;
    ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
    struct rlimit low = {static_cast<rlim_t>(client) + 1, before.rlim_max};
    ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &low));
    std::vector<int> fill;
    for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) {
        fill.push_back(fd);
    }
    EXPECT_EQ(EMFILE, errno);
    struct sockaddr_in inet = {};
    inet.sin_family = AF_INET;
    inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inet.sin_port = htons(static_cast<uint16_t>(port_));
    EXPECT_EQ(0, connect(client, reinterpret_cast<struct sockaddr *>(&inet), sizeof(inet)));
    EXPECT_EQ("", AwaitLog("connections cannot be accepted, and wait"));
    EXPECT_EQ(0u, Taken());
    for (int fd : fill) {
        close(fd);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(AwaitTaken(1));
    ASSERT_GE(Connect(path_), 0);
    EXPECT_TRUE(AwaitTaken(2));
    close(client);
}

// --- a unix socket's file that is lost ---

TEST_F(AcceptThread, ARemovedSocketFileIsMadeAgain) {
    Start({"unix:" + path_});
    ASSERT_GE(Connect(path_), 0);
    ASSERT_TRUE(AwaitTaken(1));
    for (size_t round = 1; round <= 2; round++) {
        ASSERT_EQ(0, unlink(path_.c_str()));
        ASSERT_TRUE(AwaitConnect(path_));
        EXPECT_TRUE(AwaitTaken(1 + round));
        struct stat st;
        ASSERT_EQ(0, lstat(path_.c_str(), &st));
        EXPECT_EQ(0660u, st.st_mode & 0777);
    }
    EXPECT_EQ("", AwaitLog("a unix socket's file was gone and is made again"));
    accept_thread_stop(thread_);
    EXPECT_NE(0, access(path_.c_str(), F_OK));
}

TEST_F(AcceptThread, WhoCameByAFileThatWasMovedIsServed) {
    Start({"unix:" + path_});
    ASSERT_EQ(0, rename(path_.c_str(), (path_ + "2").c_str()));
    ASSERT_GE(Connect(path_ + "2"), 0);
    ASSERT_TRUE(AwaitConnect(path_));
    EXPECT_TRUE(AwaitTaken(2));
}

TEST_F(AcceptThread, AnotherProgramsSocketIsLeftAloneAndToldUntilItIsGone) {
    Start({"unix:" + path_});
    ASSERT_EQ(0, unlink(path_.c_str()));
    int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sun = {};
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path_.c_str());
    ASSERT_EQ(0, bind(other, reinterpret_cast<struct sockaddr *>(&sun), sizeof(sun)));
    ASSERT_EQ(0, listen(other, 16));
    EXPECT_EQ("", AwaitLog("another program listens there"));
    ASSERT_GE(Connect(path_), 0);
    EXPECT_EQ(0u, Taken());
    close(other); // its file stays, and is stale
    ASSERT_TRUE(AwaitConnect(path_));
    EXPECT_TRUE(AwaitTaken(1));
}

TEST_F(AcceptThread, AFileThatHasThePlaceIsNotRemovedAtTheStop) {
    Start({"unix:" + path_});
    ASSERT_EQ(0, unlink(path_.c_str()));
    std::ofstream(path_) << "precious";
    EXPECT_EQ("", AwaitLog("there is a file that is no socket"));
    accept_thread_stop(thread_);
    EXPECT_EQ(0, access(path_.c_str(), F_OK));
}

// --- the guard's view ---

TEST_F(AcceptThread, AListenerThatSomebodyShutDownIsTold) {
    struct Deaf {
        std::mutex mutex;
        std::condition_variable changed;
        bool told = false;
    } deaf;
    struct listener_guard_options guard_options = {};
    guard_options.log = &log_;
    guard_options.look_ms = 5;
    guard_options.stop_ms = 3600 * 1000;
    guard_options.context = &deaf;
    guard_options.on_deaf = [](void *context) {
        auto *d = static_cast<Deaf *>(context);
        std::lock_guard<std::mutex> lock(d->mutex);
        d->told = true;
        d->changed.notify_all();
    };
    struct listener_guard *guard = listener_guard_new(&guard_options);
    thread_ = accept_thread_new(&options_);
    struct address address;
    ASSERT_EQ(nullptr, address_parse(&arena_, "--listen", "127.0.0.1:0", &address));
    ASSERT_EQ(nullptr, accept_thread_listen(thread_, &arena_, &address, this, &port_));
    int listener = ListeningSocket();
    accept_thread_start(thread_, guard);
    ASSERT_GE(Connect(), 0);
    ASSERT_TRUE(AwaitTaken(1));
    ASSERT_EQ(0, shutdown(listener, SHUT_RDWR));
    {
        std::unique_lock<std::mutex> lock(deaf.mutex);
        EXPECT_TRUE(deaf.changed.wait_for(lock, kPatience, [&] { return deaf.told; }));
    }
    EXPECT_EQ("", AwaitLog("a listener has been closed"));
    accept_thread_stop(thread_);
    listener_guard_free(guard);
}

} // namespace
