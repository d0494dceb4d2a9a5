extern "C" {
#include "base/net/open_sockets.h"
}

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

class OpenSockets : public ::testing::Test {
  protected:
    OpenSockets() {
        open_sockets_init(&sockets_);
    }
    ~OpenSockets() override {
        open_sockets_release(&sockets_);
    }
    int Add() {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        open_sockets_add(&sockets_, fd);
        return fd;
    }
    struct open_sockets sockets_;
};

TEST_F(OpenSockets, CountsUntilSomebodyElseHasClosed) {
    int first = Add();
    int second = Add();
    EXPECT_EQ(2, sockets_.count);
    close(first);
    EXPECT_EQ(2, sockets_.count); // it cannot know yet
    open_sockets_sweep(&sockets_);
    EXPECT_EQ(1, sockets_.count);
    open_sockets_sweep(&sockets_);
    EXPECT_EQ(1, sockets_.count);
    close(second);
    open_sockets_sweep(&sockets_);
    EXPECT_EQ(0, sockets_.count);
}

TEST_F(OpenSockets, ANumberThatIsUsedAgainIsOneConnection) {
    int first = Add();
    close(first);
    int second = Add();
    ASSERT_EQ(first, second);
    EXPECT_EQ(1, sockets_.count);
    open_sockets_sweep(&sockets_);
    EXPECT_EQ(1, sockets_.count);
    close(second);
}

TEST_F(OpenSockets, ANumberThatWentToAnotherSocketOrAFileIsClosed) {
    int connection = Add();
    int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(connection, dup2(other, connection));
    open_sockets_sweep(&sockets_);
    EXPECT_EQ(0, sockets_.count);
    int second = Add();
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(second, dup2(file, second));
    open_sockets_sweep(&sockets_);
    EXPECT_EQ(0, sockets_.count);
    for (int fd : {connection, other, second, file}) {
        close(fd);
    }
}

TEST_F(OpenSockets, HoldsMoreThanItsFirstTable) {
    std::vector<int> all;
    for (int i = 0; i < 300; i++) {
        all.push_back(Add());
    }
    EXPECT_EQ(300, sockets_.count);
    for (size_t i = 0; i < all.size(); i += 3) {
        close(all[i]);
    }
    open_sockets_sweep(&sockets_);
    EXPECT_EQ(200, sockets_.count);
    for (size_t i = 0; i < all.size(); i++) {
        if (i % 3 != 0) {
            close(all[i]);
        }
    }
}

} // namespace
