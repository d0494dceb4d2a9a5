#include "tests/rpc/fixture.h"

namespace {

enum class Transport { kInProcess, kInProcessTwoLoops, kUnix, kTcp, kTcp6, kHostName };

// A server and a channel to it.
class Link {
  public:
    explicit Link(Transport transport, size_t max_request_bytes = 0, int max_calls = 0)
        : server(loop.get(), max_request_bytes, max_calls) {
        std::string address;
        switch (transport) {
        case Transport::kInProcess:
        case Transport::kInProcessTwoLoops:
            break;
        case Transport::kUnix:
            address = "unix:" + dir.Path("a %41 socket?");
            break;
        case Transport::kTcp:
            address = "127.0.0.1:";
            break;
        case Transport::kTcp6:
            address = "[::1]:";
            break;
        case Transport::kHostName:
            address = "localhost:";
            break;
        }
        bool is_tcp = !address.empty() && transport != Transport::kUnix;
        if (!address.empty()) {
            EXPECT_EQ(server.Listen(is_tcp ? address + "0" : address), "");
        }
        server.Start();
        struct rpc_loop *own = transport == Transport::kInProcess ? loop.get() : client_loop.get();
        if (address.empty()) {
            channel = std::make_unique<Channel>(own, server);
        } else {
            channel = std::make_unique<Channel>(
                own, is_tcp ? address + std::to_string(server.port()) : address);
        }
    }

    TempDir dir;
    Loop loop;
    Loop client_loop;
    Server server;
    std::unique_ptr<Channel> channel;
};

std::string TransportName(const testing::TestParamInfo<Transport> &info) {
    static const char *const names[] = {"InProcess", "InProcessTwoLoops", "Unix", "Tcp",
                                        "Tcp6",      "HostName"};
    return names[static_cast<int>(info.param)];
}

class EveryTransport : public testing::TestWithParam<Transport> {
  protected:
    EveryTransport() : link_(GetParam()) {}
    Link link_;
};

TEST_P(EveryTransport, EchoesAMessage) {
    for (size_t size : {0, 1, 23, 24, 1400, 100'000, 4'000'000}) {
        std::string request(size, 'a');
        Call call(*link_.channel, "/test.Service/Echo", request);
        call.Run();
        ASSERT_EQ(call.code(), STATUS_OK) << call.message() << call.error()->detail;
        EXPECT_EQ(call.response(), request);
    }
}

INSTANTIATE_TEST_SUITE_P(Transports, EveryTransport,
                         testing::Values(Transport::kInProcess, Transport::kInProcessTwoLoops,
                                         Transport::kUnix, Transport::kTcp, Transport::kTcp6,
                                         Transport::kHostName),
                         TransportName);

} // namespace
