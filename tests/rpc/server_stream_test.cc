#include <thread>

#include "tests/rpc/client_stream_fixture.h"
#include "tests/rpc/stream_service.h"

// Streams as a server sees them: limits, cancellation, the stop.

namespace {

class EveryTransport : public testing::TestWithParam<Transport> {};

TEST_P(EveryTransport, WritesFromAnyThreadAndFinishes) {
    StreamService service;
    Link link(GetParam(), 0, 0, 0, service.Methods());
    Stream stream(*link.channel, "/test.Stream/Open", "");
    stream.ReadAll().Start();
    struct rpc_server_stream *open = service.AwaitOpen(1);
    ASSERT_NE(open, nullptr);
    for (int i = 1; i <= 20; i++) {
        std::string number = std::to_string(i);
        struct slice part = SliceOf(number);
        rpc_server_stream_write(open, &part, 1);
        ASSERT_TRUE(service.AwaitWritten(i));
        ASSERT_TRUE(stream.AwaitMessages(static_cast<size_t>(i)));
        EXPECT_EQ(stream.messages().back(), number);
    }
    EXPECT_EQ(service.written_not_ok, 0);
    EXPECT_FALSE(stream.is_done());
    rpc_server_stream_finish(open, nullptr);
    stream.Await();
    EXPECT_EQ(stream.code(), STATUS_OK);
    EXPECT_TRUE(service.AwaitClosed(1));
    EXPECT_EQ(service.cancelled, 0);
}

TEST_P(EveryTransport, FinishesAfterTheWriteThatIsOutstanding) {
    StreamService service;
    Link link(GetParam(), 0, 0, 0, service.Methods());
    for (int i = 0; i < 100; i++) {
        Stream stream(*link.channel, "/test.Stream/Open", "");
        stream.ReadAll().Start();
        struct rpc_server_stream *open = service.AwaitOpen(static_cast<size_t>(i) + 1);
        ASSERT_NE(open, nullptr);
        struct slice part = slice_of_cstr("last words");
        rpc_server_stream_write(open, &part, 1);
        rpc_server_stream_finish(open, nullptr);
        stream.Await();
        EXPECT_EQ(stream.code(), STATUS_OK) << stream.message();
        ASSERT_EQ(stream.messages().size(), 1u);
        EXPECT_EQ(stream.messages()[0], "last words");
        ASSERT_TRUE(service.AwaitClosed(i + 1));
    }
}

TEST_P(EveryTransport, IsFinishedOnceThoughTwoFinishesCross) {
    StreamService service;
    Link link(GetParam(), 0, 0, 0, service.Methods());
    Stream stream(*link.channel, "/test.Stream/Open", "");
    stream.Start().Next();
    struct rpc_server_stream *open = service.AwaitOpen(1);
    ASSERT_NE(open, nullptr);
    // An event's finish while that of another thread is under way.
    rpc_loop_call(
        link.loop.get(),
        [](void *context) {
            auto *twice = static_cast<struct rpc_server_stream *>(context);
            rpc_server_stream_finish(twice, nullptr);
            rpc_server_stream_finish(twice, rpc_server_stream_stopping_error(twice));
        },
        open);
    stream.Await();
    EXPECT_EQ(stream.code(), STATUS_OK) << stream.message();
    EXPECT_TRUE(service.AwaitClosed(1));
    EXPECT_EQ(service.closed, 1);
}

TEST_P(EveryTransport, LearnsThatAWriteFailedBecauseTheClientHasGone) {
    StreamService service;
    Link link(GetParam(), 0, 0, 0, service.Methods());
    // Nobody reads 100 MB; the writer's thread goes on until it has written all.
    Stream stream(*link.channel, "/test.Stream/Count", "1000 100000");
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    stream.Cancel().Await();
    EXPECT_TRUE(service.AwaitCancelled(1));
    EXPECT_TRUE(service.AwaitClosed(1));
    EXPECT_LT(service.written, 1000);
}

TEST_P(EveryTransport, MayBeFinishedLongAfterItWasCancelled) {
    StreamService service;
    Link link(GetParam(), 0, 0, 0, service.Methods());
    Stream stream(*link.channel, "/test.Stream/Thread", "2000 1000");
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    stream.Cancel().Await();
    // The thread writes the rest, in vain, and finishes.
    EXPECT_TRUE(service.AwaitClosed(1));
    EXPECT_EQ(service.cancelled, 1);
}

TEST_P(EveryTransport, LearnsThatItsClientLeftWhileItWaitedForRoom) {
    StreamService service;
    std::vector<struct rpc_method> methods = service.Methods();
    for (struct rpc_method &method : methods) {
        method.is_read = true;
        method.most_reply_bytes = 500 << 10; // more than half of what there is for reads
    }
    Link link(GetParam(), 0, 0, 0, methods, 0, 1 << 20);
    Stream first(*link.channel, "/test.Stream/Open", "");
    first.Start().Next();
    struct rpc_server_stream *open = service.AwaitOpen(1);
    ASSERT_NE(open, nullptr);
    Stream second(*link.channel, "/test.Stream/Open", "");
    second.Start().Next();
    Call change(*link.channel, "/test.Service/Echo", "x"); // which comes after it
    EXPECT_EQ(change.Run().response(), "x");
    second.Cancel().Await();
    EXPECT_EQ(second.code(), STATUS_CANCELLED);
    EXPECT_EQ(service.begun, 1);
    rpc_server_stream_finish(open, nullptr);
    EXPECT_TRUE(service.AwaitClosed(2));
    EXPECT_EQ(service.cancelled, 1);
    EXPECT_EQ(service.written, 0);
}

TEST_P(EveryTransport, CountsAmongCallsInFlight) {
    StreamService service;
    Link link(GetParam(), 0, 2, 0, service.Methods(), 2);
    Stream first(*link.channel, "/test.Stream/Open", "");
    Stream second(*link.channel, "/test.Stream/Open", "");
    first.Start();
    second.Start();
    ASSERT_NE(service.AwaitOpen(2), nullptr);
    Call refused(*link.channel, "/test.Service/Echo", "x");
    EXPECT_EQ(refused.Run().code(), STATUS_RESOURCE_EXHAUSTED);
    EXPECT_EQ(refused.message(), "the server has 2 calls in flight, its limit");
    first.Cancel().Await();
    ASSERT_TRUE(service.AwaitClosed(1));
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    int code;
    do {
        Call taken(*link.channel, "/test.Service/Echo", "x");
        code = taken.Run().code();
    } while (code == STATUS_RESOURCE_EXHAUSTED && clock_monotonic_us() < until_us);
    EXPECT_EQ(code, STATUS_OK);
}

// More than the queues that their operations complete in (rpc/stream_queues_internal.h).
TEST_P(EveryTransport, AreServedHoweverManyAreOpen) {
    const size_t count = 300;
    StreamService service;
    Link link(GetParam(), 0, 0, 0, service.Methods());
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<struct rpc_server_stream *> open;
    for (size_t i = 0; i < count; i++) {
        streams.push_back(std::make_unique<Stream>(*link.channel, "/test.Stream/Open", ""));
        streams.back()->ReadAll().Start();
        open.push_back(service.AwaitOpen(i + 1));
        ASSERT_NE(open.back(), nullptr);
    }
    for (int round = 1; round <= 3; round++) {
        for (size_t i = 0; i < count; i++) {
            std::string text = std::to_string(i) + "." + std::to_string(round);
            struct slice part = SliceOf(text);
            rpc_server_stream_write(open[i], &part, 1);
        }
        ASSERT_TRUE(service.AwaitWritten(round * static_cast<int>(count)));
    }
    for (size_t i = 0; i < count; i += 2) {
        rpc_server_stream_finish(open[i], nullptr);
    }
    for (size_t i = 0; i < count; i++) {
        ASSERT_TRUE(streams[i]->AwaitMessages(3)) << i;
        EXPECT_EQ(streams[i]->messages().back(), std::to_string(i) + ".3");
        if (i % 2 == 1) {
            streams[i]->Cancel();
        }
        streams[i]->Await();
        EXPECT_EQ(streams[i]->code(), i % 2 == 0 ? STATUS_OK : STATUS_CANCELLED);
    }
    EXPECT_TRUE(service.AwaitClosed(static_cast<int>(count)));
    EXPECT_EQ(service.written_not_ok, 0);
    EXPECT_EQ(service.cancelled, static_cast<int>(count / 2));
}

TEST_P(EveryTransport, LeavesRoomForUnaryCalls) {
    StreamService service;
    Link link(GetParam(), 0, 4, 0, service.Methods()); // half: 2 streams
    Stream first(*link.channel, "/test.Stream/Open", "");
    Stream second(*link.channel, "/test.Stream/Open", "");
    first.Start();
    second.Start();
    ASSERT_NE(service.AwaitOpen(2), nullptr);
    Stream third(*link.channel, "/test.Stream/Open", "");
    third.Start().Next().Await();
    EXPECT_EQ(third.code(), STATUS_RESOURCE_EXHAUSTED);
    EXPECT_EQ(third.message(), "the server has 2 streams open, its limit");
    EXPECT_EQ(third.reason(), "QUEUE_FULL");
    Call taken(*link.channel, "/test.Service/Echo", "x");
    EXPECT_EQ(taken.Run().code(), STATUS_OK) << taken.message();
    // One that ends makes room.
    first.Cancel().Await();
    ASSERT_TRUE(service.AwaitClosed(1));
    Stream fourth(*link.channel, "/test.Stream/Open", "");
    fourth.Start();
    EXPECT_NE(service.AwaitOpen(3), nullptr);
}

// Neither takes it a place of calls and streams, nor do these keep it out.
TEST_P(EveryTransport, OfALimitOfItsOwnTakesNoPlaceOfCallsAndStreams) {
    StreamService service;
    std::vector<struct rpc_method> methods = service.Methods();
    for (struct rpc_method &method : methods) {
        method.has_own_limit = std::string(method.path) == "/test.Stream/Taken" ||
                               std::string(method.path) == "/test.Stream/Open";
    }
    Link link(GetParam(), 0, 2, 0, methods, 1); // 2 calls, 1 of them a stream
    std::vector<std::unique_ptr<Stream>> streams;
    for (size_t i = 1; i <= 8; i++) {
        streams.push_back(std::make_unique<Stream>(*link.channel, "/test.Stream/Open", ""));
        streams.back()->Start();
        ASSERT_NE(service.AwaitOpen(i), nullptr);
    }
    Call taken(*link.channel, "/test.Service/Echo", "x");
    EXPECT_EQ(taken.Run().code(), STATUS_OK) << taken.message();
    Stream counted(*link.channel, "/test.Stream/Count", "1 1");
    counted.ReadAll().Start().Await();
    EXPECT_EQ(counted.code(), STATUS_OK) << counted.message();
    for (auto &stream : streams) {
        stream->Cancel().Await();
    }
    ASSERT_TRUE(service.AwaitClosed(8));
    Call after(*link.channel, "/test.Service/Echo", "x");
    EXPECT_EQ(after.Run().code(), STATUS_OK) << after.message();
}

INSTANTIATE_TEST_SUITE_P(Transports, EveryTransport,
                         testing::Values(Transport::kInProcess, Transport::kLocal,
                                         Transport::kLocalTwoLoops, Transport::kInProcessTwoLoops,
                                         Transport::kUnix, Transport::kTcp),
                         TransportName);

// --- the stop; an in-process channel is freed before it (rpc/client.h) ---

class Stop : public testing::TestWithParam<Transport> {};

TEST_P(Stop, IsToldOfTheStopAndMayEndByItself) {
    StreamService service;
    Link link(GetParam(), 0, 0, 0, service.Methods());
    Stream stream(*link.channel, "/test.Stream/Open", "");
    stream.Start().Next();
    ASSERT_NE(service.AwaitOpen(1), nullptr);
    EXPECT_TRUE(link.server.Stop(kPatienceUs / 1000));
    stream.Await();
    EXPECT_EQ(service.stopping, 1);
    EXPECT_EQ(service.cancelled, 0);
    EXPECT_EQ(service.closed, 1);
    EXPECT_EQ(stream.code(), STATUS_UNAVAILABLE) << stream.message();
    // Or the connection was reset with the status in it: see below.
    EXPECT_TRUE(stream.message() == "the server is stopping; open the stream again" ||
                stream.message() == "the connection to the server broke; whether a change was "
                                    "made is not known")
        << stream.message();
}

TEST_P(Stop, MayWriteToItsEndThoughTheServerStops) {
    StreamService service;
    service.SetDeaf();
    Link link(GetParam(), 0, 0, 0, service.Methods());
    Stream stream(*link.channel, "/test.Stream/Open", "");
    stream.ReadAll().Start();
    struct rpc_server_stream *open = service.AwaitOpen(1);
    ASSERT_NE(open, nullptr);
    std::thread stopping([&] { EXPECT_TRUE(link.server.Stop(kPatienceUs / 1000)); });
    ASSERT_TRUE(service.AwaitStopping(1));
    struct slice part = slice_of_cstr("still here");
    rpc_server_stream_write(open, &part, 1);
    EXPECT_TRUE(stream.AwaitMessages(1));
    rpc_server_stream_finish(open, nullptr);
    stopping.join();
    EXPECT_EQ(service.cancelled, 0);
    stream.Await();
    // After the last stream gRPC core closes the connection; if something of the
    // client's is unread then, the kernel resets it, and with it goes the status.
    EXPECT_TRUE(stream.code() == STATUS_OK || stream.code() == STATUS_UNAVAILABLE)
        << stream.message();
}

TEST_P(Stop, IsCancelledWhenTheDrainTimeIsOver) {
    StreamService service;
    service.SetDeaf();
    Link link(GetParam(), 0, 0, 0, service.Methods());
    Stream stream(*link.channel, "/test.Stream/Open", "");
    stream.Start().Next();
    ASSERT_NE(service.AwaitOpen(1), nullptr);
    EXPECT_FALSE(link.server.Stop(20));
    EXPECT_EQ(service.stopping, 1);
    EXPECT_EQ(service.cancelled, 1);
    EXPECT_EQ(service.closed, 1);
    stream.Await();
    EXPECT_EQ(stream.code(), STATUS_UNAVAILABLE) << stream.message();
}

TEST_P(Stop, DoesNotHoldUpTheStopByAClientThatDoesNotRead) {
    StreamService service;
    service.SetDeaf(); // or it may end by itself: a window that grows lets one write more through
    Link link(GetParam(), 0, 0, 0, service.Methods());
    Stream stream(*link.channel, "/test.Stream/Count", "1000 100000");
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    EXPECT_LT(service.AwaitStandstill(), 500);
    EXPECT_FALSE(link.server.Stop(50));
    EXPECT_EQ(service.closed, 1);
    stream.Cancel().Await();
    EXPECT_NE(stream.code(), STATUS_OK);
}

INSTANTIATE_TEST_SUITE_P(Transports, Stop,
                         testing::Values(Transport::kUnix, Transport::kTcp, Transport::kLocal),
                         TransportName);

} // namespace
