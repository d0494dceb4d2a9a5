#include <atomic>
#include <thread>

#include "tests/rpc/client_stream_fixture.h"
#include "tests/rpc/stream_service.h"

// Streams of replies as a client sees them, over every transport.

namespace {

struct StreamLink {
    explicit StreamLink(Transport transport, size_t max_reply_bytes = 0)
        : link(transport, 0, 0, max_reply_bytes, service.Methods()), channel(*link.channel) {}
    StreamService service;
    Link link;
    Channel &channel;
};

class EveryTransport : public testing::TestWithParam<Transport> {};

TEST_P(EveryTransport, HandsOutEveryMessageInOrder) {
    StreamLink s(GetParam());
    const struct {
        size_t count, size;
    } rows[] = {{0, 10}, {1, 10}, {1000, 10}, {20, 100'000}, {2, 4'000'000}};
    for (const auto &row : rows) {
        for (const char *method : {"/test.Stream/Count", "/test.Stream/Thread"}) {
            Stream stream(s.channel, method,
                          std::to_string(row.count) + " " + std::to_string(row.size));
            stream.ReadAll().Start().Await();
            ASSERT_EQ(stream.code(), STATUS_OK) << stream.message();
            auto messages = stream.messages();
            ASSERT_EQ(messages.size(), row.count);
            for (size_t i = 0; i < messages.size(); i++) {
                ASSERT_EQ(messages[i].substr(0, messages[i].find(' ')), std::to_string(i));
                ASSERT_EQ(messages[i].size(), row.size);
            }
        }
    }
}

TEST_P(EveryTransport, HandsOutWhatCameBeforeAnOkStatusToAReaderThatIsLate) {
    StreamLink s(GetParam());
    Stream stream(s.channel, "/test.Stream/Count", "3 10");
    stream.Start();
    // All of it may have arrived long ago, or be held up by flow control: asked for
    // one by one it comes all the same.
    for (size_t n = 1; n <= 3; n++) {
        stream.Next();
        ASSERT_TRUE(stream.AwaitMessages(n));
        EXPECT_FALSE(stream.is_done());
    }
    ASSERT_TRUE(s.service.AwaitClosed(1));
    EXPECT_FALSE(stream.is_done());
    stream.Next().Await();
    EXPECT_EQ(stream.code(), STATUS_OK);
    EXPECT_EQ(stream.messages().size(), 3u);
}

TEST_P(EveryTransport, SaysThatTheServerHasTakenItBeforeThereIsAMessage) {
    StreamLink s(GetParam());
    Stream stream(s.channel, "/test.Stream/Taken", "");
    stream.WantHead().Start().Next();
    ASSERT_TRUE(stream.AwaitHead());
    EXPECT_FALSE(stream.is_done());
    struct rpc_server_stream *open = s.service.AwaitOpen(1);
    ASSERT_NE(open, nullptr);
    rpc_server_stream_finish(open, nullptr);
    stream.Await();
    EXPECT_EQ(stream.code(), STATUS_OK);
    EXPECT_EQ(stream.head_count(), 1);
    // Who is cancelled hears of it only before.
    Stream cancelled(s.channel, "/test.Stream/Taken", "");
    cancelled.WantHead().Start().Next().Cancel().Await();
    EXPECT_EQ(cancelled.code(), STATUS_CANCELLED);
}

TEST_P(EveryTransport, SaysOfARefusalOnlyWhatItIs) {
    StreamLink s(GetParam());
    for (int round = 0; round < 200; round++) {
        Stream refused(s.channel, "/test.Stream/Refuse", "");
        refused.WantHead().Start().Next().Await();
        ASSERT_EQ(refused.code(), STATUS_PERMISSION_DENIED);
        ASSERT_EQ(refused.head_count(), 0) << round;
        // Nor of a stream that fails at once.
        Stream failed(s.channel, "/test.Stream/Break", "0");
        failed.WantHead().Start().Next().Await();
        ASSERT_EQ(failed.code(), STATUS_FAILED_PRECONDITION);
        ASSERT_EQ(failed.head_count(), 0) << round;
    }
}

TEST_P(EveryTransport, HandsOutWhatCameBeforeAnError) {
    StreamLink s(GetParam());
    for (int round = 0; round < 50; round++) {
        Stream stream(s.channel, "/test.Stream/Break", "3");
        stream.Start();
        for (size_t n = 1; n <= 3; n++) {
            stream.Next();
            ASSERT_TRUE(stream.AwaitMessages(n));
        }
        // In process a message must be read before the next is written.
        EXPECT_TRUE(s.service.AwaitClosed(round + 1));
        EXPECT_FALSE(stream.is_done());
        stream.Next().Await();
        EXPECT_EQ(stream.code(), STATUS_FAILED_PRECONDITION) << stream.message();
        EXPECT_EQ(stream.message(), "broken on purpose");
        EXPECT_EQ(stream.reason(), "BROKEN");
        EXPECT_NE(stream.status_details().find("BROKEN"), std::string::npos);
        EXPECT_EQ(stream.metadata("grpc-status-details-bin"), stream.status_details());
        EXPECT_EQ(stream.messages().size(), 3u);
    }
}

TEST_P(EveryTransport, EndsWithAnErrorWithoutAnyMessage) {
    StreamLink s(GetParam());
    const struct {
        const char *method;
        int code;
        const char *reason;
    } rows[] = {
        {"/test.Stream/None", STATUS_UNIMPLEMENTED, "METHOD_UNKNOWN"},
        {"/test.Stream/Refuse", STATUS_PERMISSION_DENIED, "SCOPE_MISSING"},
    };
    for (const auto &row : rows) {
        Stream stream(s.channel, row.method, "");
        stream.Start().Next().Await();
        EXPECT_EQ(stream.code(), row.code);
        EXPECT_EQ(stream.reason(), row.reason);
        EXPECT_NE(stream.status_details().find(row.reason), std::string::npos);
        EXPECT_EQ(stream.metadata("grpc-status-details-bin"), stream.status_details());
        // Nothing happens any more.
        stream.Next().Cancel().Next();
        EXPECT_EQ(stream.done_count(), 1);
    }
}

TEST_P(EveryTransport, EndsAtItsDeadline) {
    StreamLink s(GetParam());
    // Long enough for a loaded machine to bring both calls to the server.
    Stream idle(s.channel, "/test.Stream/Open", "");
    idle.DeadlineIn(1'000'000).Start().Next();
    Stream unread(s.channel, "/test.Stream/Open", "");
    unread.DeadlineIn(1'000'000).Start();
    ASSERT_NE(s.service.AwaitOpen(2), nullptr);
    idle.Await();
    EXPECT_EQ(idle.code(), STATUS_DEADLINE_EXCEEDED) << idle.message();
    EXPECT_TRUE(s.service.AwaitCancelled(2));
    unread.Next().Await(); // noticed by reading, however late
    EXPECT_EQ(unread.code(), STATUS_DEADLINE_EXCEEDED) << unread.message();
    Stream past(s.channel, "/test.Stream/Open", "");
    past.DeadlineIn(-1).Start().Next().Await();
    EXPECT_EQ(past.code(), STATUS_DEADLINE_EXCEEDED);
    EXPECT_EQ(past.message(), "the deadline passed before the call began; nothing was changed");
    EXPECT_EQ(past.status_details(), "");
    EXPECT_EQ(past.all_metadata().size(), 0u);
}

TEST_P(EveryTransport, RefusesMetadataThatHttpDoesNotAllow) {
    StreamLink s(GetParam());
    Stream stream(s.channel, "/test.Stream/Count", "1 1");
    stream.Metadata("x-name", "line\nbreak").Start().Next().Await();
    EXPECT_EQ(stream.code(), STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(stream.message(),
              "the call's metadata has a key or a value that HTTP does not allow");
}

TEST_P(EveryTransport, TellsTheServerThatItWasCancelled) {
    StreamLink s(GetParam());
    int cancelled = 0;
    for (bool asked : {false, true}) {
        Stream stream(s.channel, "/test.Stream/Open", "");
        stream.Start();
        if (asked) {
            stream.Next();
        }
        ASSERT_NE(s.service.AwaitOpen(static_cast<size_t>(cancelled) + 1), nullptr);
        stream.Cancel().Cancel().Await();
        EXPECT_EQ(stream.code(), STATUS_CANCELLED) << stream.message();
        EXPECT_EQ(stream.messages().size(), 0u);
        EXPECT_TRUE(s.service.AwaitCancelled(++cancelled));
        EXPECT_TRUE(s.service.AwaitClosed(cancelled));
    }
}

TEST_P(EveryTransport, HandsOutEverythingOnTheLoopsThread) {
    StreamLink s(GetParam());
    bool one_loop = GetParam() == Transport::kInProcess || GetParam() == Transport::kLocal;
    struct rpc_loop *loop = one_loop ? s.link.loop.get() : s.link.client_loop.get();
    std::atomic<int> right{0};
    for (const char *method : {"/test.Stream/Count", "/test.Stream/Thread"}) {
        Stream stream(s.channel, method, "50 10");
        stream.OnMessage([&](Stream &) { right += rpc_loop_is_current(loop); });
        stream.ReadAll().Start().Await();
    }
    EXPECT_EQ(right, 100);
}

TEST_P(EveryTransport, KeepsTheMessageUntilTheNextIsAskedFor) {
    StreamLink s(GetParam());
    struct slice taken = {};
    Stream stream(s.channel, "/test.Stream/Count", "2 1000");
    stream.OnBytes([&](struct slice bytes) { taken = bytes; });
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    s.service.AwaitStandstill(); // what comes behind it does not take its place
    EXPECT_EQ(Text(taken), stream.messages()[0]);
}

TEST_P(EveryTransport, IsCancelledFromWithinItsMessage) {
    StreamLink s(GetParam());
    Stream stream(s.channel, "/test.Stream/Count", "1000 10");
    stream.OnMessage([](Stream &self) { self.Cancel(); }).ReadAll().Start().Await();
    EXPECT_EQ(stream.code(), STATUS_CANCELLED);
    EXPECT_EQ(stream.messages().size(), 1u);
}

TEST_P(EveryTransport, IsCancelledWhileTheEndWaitsForItsReader) {
    StreamLink s(GetParam());
    Stream stream(s.channel, "/test.Stream/Count", "1 10");
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    ASSERT_TRUE(s.service.AwaitClosed(1)); // OK is on its way, or here
    EXPECT_FALSE(stream.is_done());
    stream.Cancel().Await();
    EXPECT_TRUE(stream.code() == STATUS_CANCELLED || stream.code() == STATUS_OK) << stream.code();
    EXPECT_EQ(stream.messages().size(), 1u);
}

TEST_P(EveryTransport, IsCancelledAtAnyMoment) {
    StreamLink s(GetParam());
    for (int i = 0; i < 300; i++) {
        Stream stream(s.channel, "/test.Stream/Count", "20 10");
        stream.ReadAll().Start();
        if (i % 3 != 0) {
            stream.AwaitMessages(static_cast<size_t>(i % 20));
        }
        stream.Cancel().Next().Cancel().Await();
        if (stream.code() == STATUS_OK) {
            EXPECT_EQ(stream.messages().size(), 20u) << "it ended before the cancel";
        } else {
            EXPECT_EQ(stream.code(), STATUS_CANCELLED) << stream.message();
        }
        EXPECT_EQ(stream.done_count(), 1);
    }
}

TEST_P(EveryTransport, IsReleasedFromWithinDone) {
    StreamLink s(GetParam());
    for (const char *method : {"/test.Stream/Refuse", "/test.Stream/None", "/test.Stream/Break"}) {
        for (int i = 0; i < 50; i++) {
            Stream stream(s.channel, method, "0");
            stream.ReleaseInDone().ReadAll().Start().Await();
            EXPECT_NE(stream.code(), STATUS_OK);
            EXPECT_EQ(stream.done_count(), 1);
        }
    }
}

TEST_P(EveryTransport, RefusesAMessageOneByteAboveTheLimit) {
    StreamLink s(GetParam(), 1000);
    Stream fits(s.channel, "/test.Stream/Count", "3 1000");
    fits.ReadAll().Start().Await();
    EXPECT_EQ(fits.code(), STATUS_OK) << fits.message();
    EXPECT_EQ(fits.messages().size(), 3u);
    Stream too_large(s.channel, "/test.Stream/Count", "3 1001");
    too_large.ReadAll().Start().Await();
    EXPECT_EQ(too_large.code(), STATUS_RESOURCE_EXHAUSTED) << too_large.message();
    EXPECT_EQ(too_large.messages().size(), 0u);
    EXPECT_TRUE(s.service.AwaitClosed(2));
}

TEST_P(EveryTransport, HoldsTheServerBackUntilTheReaderAsks) {
    StreamLink s(GetParam());
    constexpr int kCount = 200;
    Stream stream(s.channel, "/test.Stream/Count", std::to_string(kCount) + " 100000");
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    // What flow control lets through is far less than 20 MB; the server stands still.
    EXPECT_LT(s.service.AwaitStandstill(), kCount / 2);
    EXPECT_EQ(stream.messages().size(), 1u);
    for (size_t n = 2; n <= kCount; n++) {
        stream.Next();
        ASSERT_TRUE(stream.AwaitMessages(n));
    }
    stream.Next().Await();
    EXPECT_EQ(stream.code(), STATUS_OK);
}

TEST_P(EveryTransport, Serves32StreamsAtOnce) {
    StreamLink s(GetParam());
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 32; t++) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 10; i++) {
                Stream stream(s.channel, i % 2 ? "/test.Stream/Count" : "/test.Stream/Thread",
                              std::to_string(t * 3) + " 100");
                stream.ReadAll().Start().Await();
                right += stream.code() == STATUS_OK &&
                         stream.messages().size() == static_cast<size_t>(t) * 3;
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(right, 320);
}

INSTANTIATE_TEST_SUITE_P(Transports, EveryTransport,
                         testing::Values(Transport::kInProcess, Transport::kLocal,
                                         Transport::kLocalTwoLoops, Transport::kInProcessTwoLoops,
                                         Transport::kUnix, Transport::kTcp),
                         TransportName);

TEST(Stream, HandsOutTheOnlyMessageOfAUnaryMethod) {
    Link link(Transport::kUnix);
    Stream stream(*link.channel, "/test.Service/Echo", "hello");
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    EXPECT_EQ(stream.messages()[0], "hello");
    // OK comes only to a reader that asks.
    EXPECT_FALSE(stream.is_done());
    stream.Next().Await();
    EXPECT_EQ(stream.code(), STATUS_OK) << stream.message();
    EXPECT_EQ(stream.messages().size(), 1u);
    EXPECT_EQ(stream.done_count(), 1);
}

TEST(Stream, EndsWhenItsServerGoesAway) {
    StreamLink s(Transport::kUnix);
    s.service.SetDeaf();
    Stream stream(s.channel, "/test.Stream/Open", "");
    stream.Start().Next();
    ASSERT_NE(s.service.AwaitOpen(1), nullptr);
    EXPECT_FALSE(s.link.server.Stop(20));
    stream.Await();
    EXPECT_EQ(stream.code(), STATUS_UNAVAILABLE) << stream.message();
}

TEST(Stream, FailsFastWhenNobodyListens) {
    TempDir dir;
    Loop loop;
    Channel channel(loop.get(), "unix:" + dir.Path("socket"));
    Stream stream(channel, "/test.Stream/Open", "");
    stream.Start().Next().Await();
    EXPECT_EQ(stream.code(), STATUS_UNAVAILABLE);
    EXPECT_EQ(stream.message(), "the server cannot be reached; nothing was changed");
    EXPECT_NE(stream.detail().find("socket"), std::string::npos) << stream.detail();
}

} // namespace
