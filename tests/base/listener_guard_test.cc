extern "C" {
#include "base/net/listener_guard.h"
}

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr auto kPatience = std::chrono::seconds(60);

// --- what a look means ---

struct listener_look Look(bool client_waits, uint64_t accepted, bool is_full = false) {
    struct listener_look look = {};
    look.client_waits = client_waits;
    look.accepted = accepted;
    look.is_full = is_full;
    return look;
}

bool DeafAfter(struct listener_hearing *hearing, int looks, const struct listener_look &look) {
    bool deaf = false;
    for (int i = 0; i < looks; i++) {
        deaf = listener_hearing_update(hearing, &look);
    }
    return deaf;
}

TEST(Hearing, SomebodyWaitsAndNobodyIsAcceptedForAllLooks) {
    struct listener_hearing hearing = {};
    EXPECT_FALSE(DeafAfter(&hearing, LISTENER_DEAF_LOOKS - 1, Look(true, 0)));
    EXPECT_TRUE(DeafAfter(&hearing, 1, Look(true, 0)));
}

TEST(Hearing, ABusyListenerThatAcceptsNowAndThenHears) {
    struct listener_hearing hearing = {};
    for (uint64_t accepted = 1; accepted < 100; accepted++) {
        EXPECT_FALSE(DeafAfter(&hearing, LISTENER_DEAF_LOOKS, Look(true, accepted)));
    }
}

TEST(Hearing, AListenerAtItsLimitHears) {
    struct listener_hearing hearing = {};
    EXPECT_FALSE(DeafAfter(&hearing, 100, Look(true, 7, true)));
    // What went before counts no more.
    EXPECT_FALSE(DeafAfter(&hearing, LISTENER_DEAF_LOOKS - 1, Look(true, 7)));
    EXPECT_FALSE(DeafAfter(&hearing, 1, Look(true, 7, true)));
    EXPECT_FALSE(DeafAfter(&hearing, LISTENER_DEAF_LOOKS - 1, Look(true, 7)));
}

TEST(Hearing, AListenerThatNobodyWantsHears) {
    struct listener_hearing hearing = {};
    EXPECT_FALSE(DeafAfter(&hearing, 100, Look(false, 0)));
    EXPECT_FALSE(DeafAfter(&hearing, LISTENER_DEAF_LOOKS - 1, Look(true, 0)));
    EXPECT_FALSE(DeafAfter(&hearing, 1, Look(false, 0)));
    EXPECT_FALSE(DeafAfter(&hearing, LISTENER_DEAF_LOOKS - 1, Look(true, 0)));
}

TEST(Hearing, AClosedListenerIsDeafAtOnce) {
    struct listener_hearing hearing = {};
    struct listener_look look = Look(false, 5);
    look.is_closed = true;
    EXPECT_TRUE(listener_hearing_update(&hearing, &look));
}

TEST(Hearing, AListenerWhoseFileIsLostIsDeafAtOnce) {
    struct listener_hearing hearing = {};
    struct listener_look look = Look(false, 5);
    look.is_file_lost = true;
    EXPECT_TRUE(listener_hearing_update(&hearing, &look));
}

// --- looking at sockets ---

class LookAt : public ::testing::TestWithParam<int> {
  protected:
    LookAt() {
        fd_ = socket(GetParam(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (GetParam() == AF_UNIX) {
            address_.unix_ = {};
            address_.unix_.sun_family = AF_UNIX; // an abstract name, which the kernel chooses
            length_ = sizeof(sa_family_t);
        } else {
            address_.inet = {};
            address_.inet.sin_family = AF_INET;
            address_.inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            length_ = sizeof(address_.inet);
        }
        EXPECT_EQ(0, bind(fd_, &address_.any, length_));
        EXPECT_EQ(0, listen(fd_, 16));
        length_ = sizeof(address_);
        EXPECT_EQ(0, getsockname(fd_, &address_.any, &length_));
    }
    ~LookAt() override {
        close(fd_);
    }
    int Connect() {
        int client = socket(GetParam(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(0, connect(client, &address_.any, length_));
        return client;
    }
    struct listener_look Seen() {
        struct listener_look look = {};
        listener_look_at_socket(fd_, &look);
        return look;
    }
    int fd_;
    union {
        struct sockaddr any;
        struct sockaddr_in inet;
        struct sockaddr_un unix_;
    } address_;
    socklen_t length_;
};

TEST_P(LookAt, SeesWhoWaitsToBeAccepted) {
    EXPECT_FALSE(Seen().client_waits);
    int client = Connect();
    EXPECT_TRUE(Seen().client_waits);
    EXPECT_FALSE(Seen().is_closed);
    int accepted = accept(fd_, nullptr, nullptr);
    EXPECT_FALSE(Seen().client_waits);
    close(accepted);
    close(client);
}

TEST_P(LookAt, SeesThatTheSocketListensNoMore) {
    EXPECT_FALSE(Seen().is_closed);
    shutdown(fd_, SHUT_RDWR);
    EXPECT_TRUE(Seen().is_closed);
}

INSTANTIATE_TEST_SUITE_P(Families, LookAt, ::testing::Values(AF_INET, AF_UNIX));

// --- the thread ---

class Guard : public ::testing::Test {
  protected:
    Guard() {
        options_.log = &log_;
        options_.look_ms = 1;
        options_.on_deaf = OnDeaf;
        options_.context = this;
        options_.stop_ms = 3600 * 1000;
        listener_.what = "test";
        listener_.address = "nowhere";
        listener_.look = LookAtUs;
        listener_.context = this;
    }
    static void OnDeaf(void *context) {
        auto *self = static_cast<Guard *>(context);
        std::lock_guard<std::mutex> lock(self->mutex_);
        self->deaf_++;
        self->changed_.notify_all();
    }
    static void LookAtUs(void *context, struct listener_look *ret) {
        auto *self = static_cast<Guard *>(context);
        std::lock_guard<std::mutex> lock(self->mutex_);
        *ret = self->look_;
        self->looks_++;
        self->changed_.notify_all();
    }
    bool AwaitLooks(int more) {
        std::unique_lock<std::mutex> lock(mutex_);
        int until = looks_ + more;
        return changed_.wait_for(lock, kPatience, [&] { return looks_ >= until; });
    }
    bool AwaitDeaf() {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, kPatience, [&] { return deaf_ > 0; });
    }
    void Set(const struct listener_look &look) {
        std::lock_guard<std::mutex> lock(mutex_);
        look_ = look;
    }
    void WaitForAStopThatDoesNotCome() {
        log_.fd = STDERR_FILENO;
        listener_guard_add(listener_guard_new(&options_), &listener_);
        for (;;) {
            pause();
        }
    }
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct listener_guard_options options_ = {};
    struct guarded_listener listener_ = {};
    std::mutex mutex_;
    std::condition_variable changed_;
    struct listener_look look_ = {};
    int looks_ = 0;
    int deaf_ = 0;
};

TEST_F(Guard, TellsOnceThatAListenerIsDeaf) {
    struct listener_guard *guard = listener_guard_new(&options_);
    listener_guard_add(guard, &listener_);
    EXPECT_TRUE(AwaitLooks(3 * LISTENER_DEAF_LOOKS));
    EXPECT_EQ(0, deaf_);
    Set(Look(true, 0));
    EXPECT_TRUE(AwaitDeaf());
    listener_guard_remove(guard, &listener_);
    listener_guard_free(guard);
    EXPECT_EQ(1, deaf_);
}

TEST_F(Guard, LooksNoMoreAtWhatWasRemoved) {
    struct listener_guard *guard = listener_guard_new(&options_);
    struct guarded_listener other = listener_;
    listener_guard_add(guard, &listener_);
    listener_guard_remove(guard, &other); // was never added
    EXPECT_TRUE(AwaitLooks(1));
    listener_guard_remove(guard, &listener_);
    int before = looks_;
    listener_guard_add(guard, &other);
    listener_guard_remove(guard, &other);
    listener_guard_free(guard);
    EXPECT_LE(looks_, before + 1);
    EXPECT_EQ(0, deaf_);
}

TEST_F(Guard, FreedWithoutAnyListener) {
    listener_guard_free(listener_guard_new(&options_));
    listener_guard_free(nullptr);
}

using GuardDeathTest = Guard;

TEST_F(GuardDeathTest, EndsTheProcessWhenTheStopIsStuck) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    options_.stop_ms = 10;
    look_.is_closed = true;
    EXPECT_EXIT(WaitForAStopThatDoesNotCome(), testing::ExitedWithCode(1), "the stop does not end");
}

} // namespace
