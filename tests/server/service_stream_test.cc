// Streams of services: one message after another, one end, and both kinds of loop.

#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <thread>
#include <unistd.h>

#include "tests/rpc/client_stream_fixture.h"

extern "C" {
#include "server/service/service_stream.h"
}

namespace {

// A stream's method, /test.Streams/Probe. The request says what it does.
class Probe : public testing::TestWithParam<Transport> {
  protected:
    struct Member {
        struct service_stream stream; // first
        Probe *self;
        int left;     // messages to send
        int last;     // the value that was sent last
        bool follows; // sends the newest value only
    };

    Probe() {
        self_ = this;
        log_path_ = dir_.Path("log");
        log_.fd = open(log_path_.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
        service_.log = &log_;
        service_.clock = &clock_system;
        service_.tokens = tokens_.get();
        service_stream_group_init(&group_);
    }
    ~Probe() override {
        service_stream_group_destroy(&group_);
        close(log_.fd);
    }

    static std::vector<struct rpc_method> Methods() {
        struct rpc_method open = {};
        open.path = "/test.Streams/Probe";
        open.handle = Handle<true>;
        open.kind = RPC_SERVER_STREAM;
        struct rpc_method guarded = open;
        guarded.path = "/test.Streams/Guarded";
        guarded.handle = Handle<false>;
        return {open, guarded};
    }

    template <bool kIsOpen> static void Handle(void *, struct rpc_server_call *call) {
        struct service_stream *stream =
            service_stream_open(&self_->service_, call, kIsOpen ? &open_kind_ : &guarded_kind_);
        if (stream == nullptr) {
            return;
        }
        auto *member = reinterpret_cast<Member *>(stream);
        std::string request = Text(rpc_server_call_request(call));
        member->self = self_;
        member->follows = request == "follow";
        member->left = member->follows || request.empty() ? 0 : std::stoi(request);
        member->last = -1;
        service_stream_begin(stream, &self_->group_);
        std::lock_guard<std::mutex> lock(self_->mutex_);
        self_->members_.push_back(member);
        self_->changed_.notify_all();
    }

    static void More(struct service_stream *stream) {
        auto *member = reinterpret_cast<Member *>(stream);
        Probe *self = member->self;
        int value = member->follows ? self->value_.load() : member->last + 1;
        if (member->follows ? value == member->last : member->left == 0) {
            return;
        }
        std::string text = std::to_string(value);
        struct slice part = SliceOf(text);
        if (!service_stream_send(stream, &part, 1)) {
            EXPECT_TRUE(member->follows); // an end on another thread crossed this
            return;
        }
        EXPECT_FALSE(service_stream_send(stream, &part, 1)); // has not gone out yet
        member->last = value;
        if (!member->follows && --member->left == 0) {
            EXPECT_TRUE(service_stream_finish(stream, nullptr)); // after the message
            EXPECT_FALSE(service_stream_send(stream, &part, 1));
        }
    }

    static void Closed(struct service_stream *stream) {
        Probe *self = reinterpret_cast<Member *>(stream)->self;
        std::lock_guard<std::mutex> lock(self->mutex_);
        self->closed_++;
        self->changed_.notify_all();
    }

    // The stream that began as the count-th, held.
    struct service_stream *AwaitHeld(Link &link, size_t count) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::microseconds(kPatienceUs),
                               [&] { return members_.size() >= count; })) {
            return nullptr;
        }
        struct service_stream *stream = &members_[count - 1]->stream;
        lock.unlock();
        rpc_loop_call(
            link.loop.get(),
            [](void *held) { service_stream_hold(static_cast<struct service_stream *>(held)); },
            stream);
        return stream;
    }

    bool AwaitClosed(int count) {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, std::chrono::microseconds(kPatienceUs),
                                 [&] { return closed_ >= count; });
    }

    int Closed() {
        std::lock_guard<std::mutex> lock(mutex_);
        return closed_;
    }

    // The codes of the calls' log lines.
    std::vector<std::string> Logged() {
        std::ifstream file(log_path_);
        std::vector<std::string> codes;
        for (std::string line; std::getline(file, line);) {
            size_t at = line.find("\"code\":\"");
            if (at != std::string::npos) {
                codes.push_back(line.substr(at + 8, line.find('"', at + 8) - at - 8));
            }
        }
        return codes;
    }

    bool AwaitLogged(size_t count) {
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (Logged().size() < count && clock_monotonic_us() < until_us) {
            std::this_thread::yield();
        }
        return Logged().size() >= count;
    }

    static Probe *self_;
    static const struct service_stream_kind open_kind_;
    static const struct service_stream_kind guarded_kind_;

    TempDir dir_;
    std::string log_path_;
    struct logger log_ = {-1, LOG_INFO, "test", nullptr};
    std::unique_ptr<struct token_table, decltype(&token_table_free)> tokens_{token_table_new(),
                                                                             token_table_free};
    struct service service_ = {};
    struct service_stream_group group_ = {};
    std::atomic<int> value_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Member *> members_;
    int closed_ = 0;
};

Probe *Probe::self_;
const struct service_stream_kind Probe::open_kind_ = {sizeof(Member), true,    SCOPE_NONE, false,
                                                      More,           nullptr, nullptr,    Closed};
const struct service_stream_kind Probe::guarded_kind_ = {
    sizeof(Member), false, SCOPE_RUNS_READ, false, More, nullptr, nullptr, Closed};

TEST_P(Probe, SendsOneMessageAfterAnotherAndEnds) {
    Link link(GetParam(), 0, 0, 0, Methods());
    Stream stream(*link.channel, "/test.Streams/Probe", "100");
    stream.ReadAll().Start().Await();
    std::vector<std::string> want;
    for (int i = 0; i < 100; i++) {
        want.push_back(std::to_string(i));
    }
    EXPECT_EQ(stream.messages(), want);
    EXPECT_EQ(stream.code(), STATUS_OK);
    EXPECT_TRUE(AwaitClosed(1));
    EXPECT_EQ(Logged(), std::vector<std::string>{"OK"});
}

TEST_P(Probe, SendsTheNewestToWhoReadsSlowly) {
    Link link(GetParam(), 0, 0, 0, Methods());
    Stream stream(*link.channel, "/test.Streams/Probe", "follow");
    stream.ReadAll().Start();
    ASSERT_TRUE(stream.AwaitMessages(1));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; i++) {
                value_++;
                service_stream_group_wake(&group_);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    for (size_t n = 1; stream.messages().back() != "4000" && clock_monotonic_us() < until_us; n++) {
        stream.AwaitMessages(n);
    }
    std::vector<std::string> messages = stream.messages();
    EXPECT_EQ(messages.back(), "4000");
    for (size_t i = 1; i < messages.size(); i++) {
        ASSERT_LT(std::stoi(messages[i - 1]), std::stoi(messages[i]));
    }
}

TEST_P(Probe, NeedsATokenUnlessItIsOpen) {
    Link link(GetParam(), 0, 0, 0, Methods());
    char text[TOKEN_TEXT_SIZE];
    token_make(text);
    struct token_record record = {};
    record.organization = slice_of_cstr("acme");
    record.name = slice_of_cstr("reader");
    record.scopes = SCOPE_RUNS_READ;
    token_hash(slice_of_cstr(text), record.hash);
    token_table_put(tokens_.get(), &record);
    Stream refused(*link.channel, "/test.Streams/Guarded", "1");
    refused.ReadAll().Start().Await();
    EXPECT_EQ(refused.code(), STATUS_UNAUTHENTICATED);
    EXPECT_EQ(refused.reason(), "TOKEN_MISSING");
    Stream served(*link.channel, "/test.Streams/Guarded", "1");
    served.Metadata("authorization", std::string("Bearer ") + text);
    served.ReadAll().Start().Await();
    EXPECT_EQ(served.code(), STATUS_OK);
    EXPECT_TRUE(AwaitClosed(1));
    EXPECT_EQ(Logged(), (std::vector<std::string>{"UNAUTHENTICATED", "OK"}));
}

// Who ends a stream, one after the other: the first one's end counts.
TEST_P(Probe, EndsOnceInWhateverOrderItIsEnded) {
    enum End { kMethod, kClient, kStop };
    const struct {
        End first;
        End second;
        const char *logged;
    } rows[] = {
        {kMethod, kMethod, "NOT_FOUND"}, {kMethod, kClient, "NOT_FOUND"},
        {kMethod, kStop, "NOT_FOUND"},   {kClient, kMethod, "CANCELLED"},
        {kClient, kStop, "CANCELLED"},   {kStop, kMethod, "UNAVAILABLE"},
        {kStop, kClient, "UNAVAILABLE"},
    };
    size_t round = 0;
    for (const auto &row : rows) {
        SCOPED_TRACE(round);
        Link link(GetParam(), 0, 0, 0, Methods());
        Stream client(*link.channel, "/test.Streams/Probe", "");
        client.Start().Next();
        round++;
        struct service_stream *stream = AwaitHeld(link, round);
        ASSERT_NE(stream, nullptr);
        for (End end : {row.first, row.second}) {
            bool is_first = Logged().size() < round;
            if (end == kMethod) {
                Arena a;
                EXPECT_EQ(service_stream_finish(
                              stream, error_new(a.get(), STATUS_NOT_FOUND, REASON_NONE, "ended")),
                          is_first);
            } else if (end == kClient) {
                client.Cancel();
            } else {
                rpc_server_begin_stop(link.server.get());
            }
            ASSERT_TRUE(AwaitLogged(round));
        }
        EXPECT_EQ(Logged().back(), row.logged);
        client.Cancel().Await();
        // Not freed while it is held, whoever ended it.
        EXPECT_EQ(Closed(), static_cast<int>(round) - 1);
        service_stream_release(stream);
        ASSERT_TRUE(AwaitClosed(static_cast<int>(round)));
        EXPECT_EQ(Logged().size(), round);
    }
}

TEST_P(Probe, EndsOnceWhenItIsEndedFromAllSidesAtOnce) {
    Link link(GetParam(), 0, 0, 0, Methods());
    for (int round = 1; round <= 100; round++) {
        Stream client(*link.channel, "/test.Streams/Probe", "follow");
        client.ReadAll().Start();
        struct service_stream *stream = AwaitHeld(link, static_cast<size_t>(round));
        ASSERT_NE(stream, nullptr);
        std::atomic<int> wins{0};
        std::atomic<bool> go{false};
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; t++) {
            threads.emplace_back([&] {
                Arena a;
                const struct error *error =
                    error_new(a.get(), STATUS_NOT_FOUND, REASON_NONE, "ended");
                while (!go) {
                }
                value_++;
                service_stream_group_wake(&group_);
                wins += service_stream_finish(stream, error);
            });
        }
        go = true;
        if (round % 2 == 0) {
            client.Cancel();
        }
        for (auto &thread : threads) {
            thread.join();
        }
        service_stream_release(stream);
        client.Await();
        ASSERT_TRUE(AwaitClosed(round));
        EXPECT_LE(wins, 1);
        ASSERT_EQ(Logged().size(), static_cast<size_t>(round));
        EXPECT_EQ(Logged().back(), wins == 1 ? "NOT_FOUND" : "CANCELLED");
    }
}

INSTANTIATE_TEST_SUITE_P(Transports, Probe,
                         testing::Values(Transport::kUnix, Transport::kInProcess, Transport::kLocal,
                                         Transport::kLocalTwoLoops),
                         TransportName);

// A group whose streams are on loops of both kinds.
class TwoLoops : public Probe {};

TEST_P(TwoLoops, AreWokenAsOne) {
    Link polling(Transport::kUnix, 0, 0, 0, Methods());
    Link local(Transport::kLocal, 0, 0, 0, Methods());
    Stream one(*polling.channel, "/test.Streams/Probe", "follow");
    Stream other(*local.channel, "/test.Streams/Probe", "follow");
    one.ReadAll().Start();
    other.ReadAll().Start();
    for (size_t n = 1; n <= 20; n++) {
        ASSERT_TRUE(one.AwaitMessages(n));
        ASSERT_TRUE(other.AwaitMessages(n));
        value_++;
        service_stream_group_wake(&group_);
    }
    EXPECT_EQ(one.messages()[19], "19");
    EXPECT_EQ(other.messages()[19], "19");
}

INSTANTIATE_TEST_SUITE_P(Loops, TwoLoops, testing::Values(Transport::kUnix), TransportName);

} // namespace
