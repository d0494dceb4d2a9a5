#include <cerrno>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

extern "C" {
#include "gateway/connection/tls_io.h"
}

namespace {

class TlsIo : public testing::Test {
  protected:
    TlsIo() : shared_(std::make_unique<struct tls_io_shared>()) {
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds_), 0);
        tls_io_init(&io_, shared_.get(), fds_[0]);
    }
    ~TlsIo() override {
        tls_io_release(&io_);
        EXPECT_EQ(shared_->holding, nullptr);
        close(fds_[0]);
        close(fds_[1]);
    }
    void ClientSends(const std::string &text) {
        ASSERT_EQ(send(fds_[1], text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    // What has come so far; "" if nothing has.
    std::string ClientReceives() {
        std::string text(1 << 20, '\0');
        ssize_t n = recv(fds_[1], text.data(), text.size(), MSG_DONTWAIT);
        text.resize(n > 0 ? static_cast<size_t>(n) : 0);
        return text;
    }
    // "EAGAIN" if there is nothing, "END" at the end.
    std::string Receive(size_t size) {
        std::string text(size, '\0');
        ssize_t n = tls_io_receive(&io_, text.data(), size);
        if (n < 0) {
            return errno == EAGAIN ? "EAGAIN" : "an error";
        }
        text.resize(static_cast<size_t>(n));
        return n == 0 ? "END" : text;
    }
    ssize_t Send(std::string text) {
        struct iovec part = {text.data(), text.size()};
        return tls_io_send(&io_, &part, 1);
    }

    int fds_[2];
    std::unique_ptr<struct tls_io_shared> shared_;
    struct tls_io io_;
};

TEST_F(TlsIo, ReadsWhatIsThereAtOnceAndGivesItInPieces) {
    ClientSends("abcdefgh");
    EXPECT_EQ(Receive(3), "abc");
    EXPECT_TRUE(tls_io_has_ahead(&io_));
    ClientSends("later");
    EXPECT_EQ(Receive(100), "defgh");
    EXPECT_FALSE(tls_io_has_ahead(&io_));
    EXPECT_EQ(Receive(100), "later"); // an edge of epoll may have told of it already
    EXPECT_EQ(Receive(100), "EAGAIN");
}

TEST_F(TlsIo, DoesNotTakeAFullBlockForAll) {
    std::string large(2 * TLS_IO_BLOCK_BYTES + 10, 'x');
    ClientSends(large);
    size_t received = 0;
    std::string text;
    while ((text = Receive(5000)) != "EAGAIN") {
        received += text.size();
    }
    EXPECT_EQ(received, large.size());
}

TEST_F(TlsIo, SeesTheEnd) {
    ClientSends("last");
    shutdown(fds_[1], SHUT_WR);
    EXPECT_EQ(Receive(100), "last");
    EXPECT_EQ(Receive(100), "END");
}

TEST_F(TlsIo, AHeadGoesWithItsBody) {
    tls_io_hold(&io_);
    EXPECT_EQ(Send("head "), 5);
    EXPECT_EQ(ClientReceives(), "");
    EXPECT_EQ(Send("body"), 4);
    EXPECT_EQ(ClientReceives(), "head body");
    EXPECT_FALSE(tls_io_flush(shared_.get()));
    EXPECT_EQ(Send("more"), 4); // only one is held
    EXPECT_EQ(ClientReceives(), "more");
}

TEST_F(TlsIo, AHeadWithoutABodyGoesWithTheFlush) {
    tls_io_hold(&io_);
    EXPECT_EQ(Send("head"), 4);
    EXPECT_FALSE(tls_io_flush(shared_.get()));
    EXPECT_EQ(ClientReceives(), "head");
}

TEST_F(TlsIo, WhatFindsNoRoomIsKeptInItsOrder) {
    std::string fill(4096, 'f');
    size_t filled = 0;
    while (send(fds_[0], fill.data(), fill.size(), MSG_DONTWAIT) > 0) {
        filled += fill.size();
    }
    tls_io_hold(&io_);
    EXPECT_EQ(Send("head "), 5);
    EXPECT_EQ(Send("body"), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_TRUE(tls_io_flush(shared_.get()));
    std::string received;
    while (received.size() < filled) {
        std::string some = ClientReceives();
        ASSERT_NE(some, "");
        received += some;
    }
    EXPECT_EQ(Send("body"), 4);
    EXPECT_EQ(ClientReceives(), "head body");
    EXPECT_FALSE(tls_io_flush(shared_.get()));
}

TEST_F(TlsIo, ABodyOfWhichAPartFindsRoomSaysHowMuch) {
    tls_io_hold(&io_);
    EXPECT_EQ(Send("head "), 5);
    std::string body(8 << 20, 'b');
    ssize_t sent = Send(body);
    ASSERT_GT(sent, 0);
    ASSERT_LT(sent, static_cast<ssize_t>(body.size()));
    std::string received, some;
    while (!(some = ClientReceives()).empty()) {
        received += some;
    }
    EXPECT_EQ(received, "head " + body.substr(0, static_cast<size_t>(sent)));
}

TEST_F(TlsIo, WhatCanNeverBeSentIsNotKept) {
    tls_io_hold(&io_);
    EXPECT_EQ(Send("head"), 4);
    shutdown(fds_[0], SHUT_WR);
    EXPECT_FALSE(tls_io_flush(shared_.get()));
}

} // namespace
