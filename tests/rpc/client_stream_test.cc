#include "tests/rpc/client_stream_fixture.h"

// Streams of replies, here of unary methods: one message, or a failure.

namespace {

class EveryTransport : public testing::TestWithParam<Transport> {};

TEST_P(EveryTransport, HandsOutTheOnlyMessageOfAUnaryMethod) {
    Link link(GetParam());
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

TEST_P(EveryTransport, EndsWithTheErrorThoughNobodyAsked) {
    Link link(GetParam());
    Stream stream(*link.channel, "/test.Service/None", "");
    stream.Start().Await();
    EXPECT_EQ(stream.code(), STATUS_UNIMPLEMENTED);
    EXPECT_EQ(stream.reason(), "METHOD_UNKNOWN");
    EXPECT_NE(stream.status_details().find("METHOD_UNKNOWN"), std::string::npos);
    EXPECT_EQ(stream.metadata("grpc-status-details-bin"), stream.status_details());
}

INSTANTIATE_TEST_SUITE_P(Transports, EveryTransport,
                         testing::Values(Transport::kInProcess, Transport::kInProcessTwoLoops,
                                         Transport::kUnix, Transport::kTcp),
                         TransportName);

} // namespace
