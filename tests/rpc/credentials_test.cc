// Listeners and channels with credentials: that those of gRPC core's get to where they are
// used, whichever they are.

#include "tests/rpc/fixture.h"
#include "tests/rpc/tls_ends.h"

namespace {

// A server for 127.0.0.1, and a channel that trusts it alone.
struct Ends {
    Authority authority;
    ServerTls server{authority.Issue("IP:127.0.0.1"), "", TLS_CLIENT_NONE};
    ChannelTls channel{authority.pem()};
};

std::string Echo(struct rpc_loop *loop, int port, const struct rpc_channel_credentials *c) {
    Channel channel(loop, "127.0.0.1:" + std::to_string(port), 0, c);
    Call call(channel, "/test.Service/Echo", "x");
    call.DeadlineIn(kPatienceUs).Run();
    return call.code() == STATUS_OK ? call.response() : status_code_name(call.code());
}

TEST(Credentials, OfEachListenerAreItsOwn) {
    Ends one;
    Ends other;
    Loop loop;
    Server server(loop.get());
    ASSERT_EQ(server.Listen("127.0.0.1:0"), "");
    int plain = server.port();
    ASSERT_EQ(server.Listen("127.0.0.1:0", one.server.credentials), "");
    int first = server.port();
    ASSERT_EQ(server.Listen("127.0.0.1:0", other.server.credentials), "");
    int second = server.port();
    ASSERT_EQ(server.Listen("127.0.0.1:0", one.server.credentials), "");
    int again = server.port();
    server.Start();
    const struct rpc_channel_credentials *insecure = rpc_credentials_insecure_channel();
    EXPECT_EQ(Echo(loop.get(), plain, insecure), "x");
    EXPECT_EQ(Echo(loop.get(), first, one.channel.credentials), "x");
    EXPECT_EQ(Echo(loop.get(), second, other.channel.credentials), "x");
    EXPECT_EQ(Echo(loop.get(), again, one.channel.credentials), "x");
    EXPECT_EQ(Echo(loop.get(), first, other.channel.credentials), "UNAVAILABLE");
    EXPECT_EQ(Echo(loop.get(), second, insecure), "UNAVAILABLE");
    EXPECT_EQ(Echo(loop.get(), plain, one.channel.credentials), "UNAVAILABLE");
}

TEST(Credentials, OfOneServerAreOfFourKindsAtMost) {
    Loop loop;
    Ends more[4];
    Server server(loop.get());
    EXPECT_EQ(server.Listen("127.0.0.1:0"), "");
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(server.Listen("127.0.0.1:0", more[i].server.credentials), "") << i;
    }
    EXPECT_EQ(server.Listen("127.0.0.1:0", more[3].server.credentials),
              "cannot listen on \"127.0.0.1:0\": the server has listeners of too many kinds");
    EXPECT_EQ(server.Listen("127.0.0.1:0"), ""); // of a kind that is there
}

} // namespace
