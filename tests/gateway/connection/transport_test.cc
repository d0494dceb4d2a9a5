#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

extern "C" {
#include "gateway/connection/linger.h"
#include "gateway/connection/reaper.h"
#include "gateway/connection/transport.h"
}

// What is done to connections past libmicrohttpd goes through their transport.

namespace {

constexpr int64_t kBeginUs = 1'000'000;
constexpr int64_t kSecondUs = 1'000'000;

class Pair : public testing::Test {
  protected:
    Pair() {
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds_), 0);
    }
    ~Pair() override {
        close(ours());
        if (fds_[1] >= 0) {
            close(fds_[1]);
        }
    }
    int ours() const {
        return fds_[0];
    }
    int client() const {
        return fds_[1];
    }
    void CloseClient() {
        close(fds_[1]);
        fds_[1] = -1;
    }
    // What the client receives until the end.
    std::string ClientReceives() {
        std::string text;
        char block[4096];
        ssize_t n;
        while ((n = recv(client(), block, sizeof(block), 0)) > 0) {
            text.append(block, static_cast<size_t>(n));
        }
        EXPECT_EQ(n, 0);
        return text;
    }

  private:
    int fds_[2] = {-1, -1};
};

using PlainTransport = Pair;

TEST_F(PlainTransport, SendsWhatItIsGivenThenTheEnd) {
    struct transport transport = transport_plain(ours());
    transport_write(&transport, slice_of_cstr("abc"));
    transport_end_sending(&transport);
    EXPECT_EQ(ClientReceives(), "abc");
    ASSERT_EQ(send(client(), "x", 1, 0), 1); // the other direction is open
    EXPECT_EQ(transport_peek(&transport), TRANSPORT_BYTES);
}

TEST_F(PlainTransport, WritesNoMoreThanThereIsRoomForAndDoesNotBlock) {
    struct transport transport = transport_plain(ours());
    std::string large(8 << 20, 'x');
    transport_write(&transport, slice_of(large.data(), large.size()));
    transport_end(&transport);
    EXPECT_LT(ClientReceives().size(), large.size());
}

TEST_F(PlainTransport, SeesWhatTheClientHasForUs) {
    struct transport transport = transport_plain(ours());
    EXPECT_EQ(transport_peek(&transport), TRANSPORT_NOTHING);
    EXPECT_FALSE(transport_has_unread(&transport));
    ASSERT_EQ(send(client(), "ab", 2, 0), 2);
    for (int i = 0; i < 3; i++) { // it is left there
        EXPECT_EQ(transport_peek(&transport), TRANSPORT_BYTES);
        EXPECT_TRUE(transport_has_unread(&transport));
    }
    char block[2];
    ASSERT_EQ(recv(ours(), block, 2, 0), 2);
    CloseClient();
    EXPECT_EQ(transport_peek(&transport), TRANSPORT_ENDED);
    EXPECT_FALSE(transport_has_unread(&transport));
}

TEST_F(PlainTransport, EndsBothDirections) {
    struct transport transport = transport_plain(ours());
    transport_end(&transport);
    EXPECT_EQ(ClientReceives(), "");
    EXPECT_EQ(transport_peek(&transport), TRANSPORT_ENDED);
}

// --- another transport, as TLS will be one ---

std::vector<std::string> done;
enum transport_input input;

struct transport Other(int fd) {
    static const struct transport_kind kind = {
        [](const struct transport *, struct slice bytes) {
            done.push_back(std::string(reinterpret_cast<const char *>(bytes.data), bytes.len));
        },
        [](const struct transport *) { done.push_back("end sending"); },
        [](const struct transport *) { done.push_back("end"); },
        [](const struct transport *) { return input == TRANSPORT_BYTES; },
        [](const struct transport *) { return input; },
        nullptr,
    };
    return {&kind, fd, nullptr};
}

class OtherTransport : public Pair {
  protected:
    OtherTransport() : transport_(Other(ours())), reaper_(reaper_new(1000, 2000, ENVELOPE_RUNS)) {
        done.clear();
        input = TRANSPORT_NOTHING;
        reaper_set_time(reaper_, kBeginUs);
        entry_ = reaper_add(reaper_, &transport_);
    }
    ~OtherTransport() override {
        reaper_remove(reaper_, entry_);
        reaper_free(reaper_);
        char byte; // past the transport nothing was done to the socket
        EXPECT_EQ(recv(client(), &byte, 1, MSG_DONTWAIT), -1);
    }
    void RunAt(int64_t us) {
        reaper_set_time(reaper_, kBeginUs + us);
        reaper_run(reaper_);
    }

    struct transport transport_;
    struct reaper *reaper_;
    struct reaper_entry *entry_;
};

TEST_F(OtherTransport, ARequestThatTakesTooLongIsRefusedThroughIt) {
    reaper_set_state(reaper_, entry_, REAPER_RECEIVING);
    reaper_set_request_id(reaper_, entry_, slice_of_cstr("ours"));
    RunAt(2 * kSecondUs - 1);
    EXPECT_TRUE(done.empty());
    RunAt(2 * kSecondUs);
    ASSERT_EQ(done.size(), 2u);
    EXPECT_EQ(done[0].substr(0, 13), "HTTP/1.1 408 ");
    EXPECT_NE(done[0].find("X-Request-Id: ours\r\n"), std::string::npos);
    EXPECT_NE(done[0].find("REQUEST_TIMEOUT"), std::string::npos);
    EXPECT_EQ(done[1], "end sending");
    RunAt(2 * kSecondUs + REAPER_LINGER_MS * int64_t{1000});
    ASSERT_EQ(done.size(), 3u);
    EXPECT_EQ(done[2], "end");
}

TEST_F(OtherTransport, AQuietConnectionEndsThroughItUnlessARequestHasBegun) {
    input = TRANSPORT_BYTES;
    RunAt(kSecondUs + REAPER_GRACE_MS * int64_t{1000});
    EXPECT_TRUE(done.empty());
    input = TRANSPORT_NOTHING;
    reaper_set_state(reaper_, entry_, REAPER_IDLE);
    RunAt(2 * (kSecondUs + REAPER_GRACE_MS * int64_t{1000}));
    EXPECT_EQ(done, std::vector<std::string>{"end"});
}

TEST_F(OtherTransport, LingeringEndsOurDirectionThroughItAndReadsTheSocketBelow) {
    struct linger_ring linger = {};
    linger.max_descriptor = 1 << 20;
    input = TRANSPORT_ENDED;
    linger_add(&linger, &transport_, true, kBeginUs);
    input = TRANSPORT_NOTHING;
    linger_add(&linger, &transport_, false, kBeginUs);
    EXPECT_EQ(linger.count, 0u);
    EXPECT_TRUE(done.empty());
    linger_add(&linger, &transport_, true, kBeginUs);
    EXPECT_EQ(linger.count, 1u);
    EXPECT_EQ(done, std::vector<std::string>{"end sending"});
    ASSERT_EQ(send(client(), "records", 7, 0), 7);
    linger_run(&linger, kBeginUs);
    struct transport below = transport_plain(ours());
    EXPECT_FALSE(transport_has_unread(&below));
    linger_release(&linger);
}

} // namespace
