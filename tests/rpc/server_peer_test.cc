extern "C" {
#include "rpc/server_peer.h"
}

#include "tests/rpc/fixture.h"

namespace {

// What gRPC core [1.51.1] says of connections, and whom it makes of them. That it says so is
// tests/server/call_cause_test.cc's.
TEST(ServerPeer, IsTheForwardedOneOnlyWhereCallersAreOfThisMachine) {
    const struct {
        const char *core, *forwarded, *address;
    } rows[] = {
        {"ipv4:192.0.2.1:1234", "", "192.0.2.1"},
        {"ipv4:192.0.2.1:1234", "192.0.2.9", "192.0.2.1"},
        {"ipv4:192.0.2.1:1234", "unix", "192.0.2.1"},
        {"ipv6:%5B2001:db8::1%5D:1234", "192.0.2.9", "2001:db8::1"},
        {"ipv6:[2001:db8::1]:1234", "192.0.2.9", "2001:db8::1"},
        {"ipv6:%5Bfe80::1%25eth0%5D:1234", "", "fe80::1"},
        {"ipv6:%5B::ffff:192.0.2.1%5D:1234", "", "192.0.2.1"},
        {"ipv6:", "192.0.2.9", ""},
        {"ipv6:%5B%5D:1", "192.0.2.9", ""},
        {"ipv6:nonsense", "192.0.2.9", ""},
        {"unix:", "", "unix"},
        {"unix:/run/runsd.sock", "", "unix"},
        {"unix:", "192.0.2.9", "192.0.2.9"},
        {"unix:", "2001:db8::9", "2001:db8::9"},
        {"unix:", "no address", "unix"},
        {"unknown", "192.0.2.9", "192.0.2.9"},
        {"unknown", "", ""},
        {"unknown", "no address", ""},
        // The last one is the caller's word, the others that of strangers.
        {"unix:", "192.0.2.9, 192.0.2.1", "192.0.2.1"},
        {"unix:", "192.0.2.9,192.0.2.1", "192.0.2.1"},
        {"unknown", "x, unix, 2001:db8::1", "2001:db8::1"},
        {"unix:", "192.0.2.9, no address", "unix"},
        {"unix:", "192.0.2.9,", "unix"},
        {"unix:", "192.0.2.9, ", "unix"},
        {"ipv4:192.0.2.1:1234", "192.0.2.9, 192.0.2.8", "192.0.2.1"},
        // Whatever else there may be is not believed.
        {"", "192.0.2.9", ""},
        {"unknown:1", "192.0.2.9", ""},
        {"fd:7", "192.0.2.9", ""},
        {"vsock:3:1234", "192.0.2.9", ""},
    };
    for (const auto &row : rows) {
        Arena a;
        EXPECT_EQ(Text(server_peer_address(a.get(), row.core, slice_of_cstr(row.forwarded))),
                  row.address)
            << row.core << " for " << row.forwarded;
    }
}

// Answers with the names of the caller, a line each.
void AnswerNames(void *, struct rpc_server_call *call) {
    struct slice names[RPC_MOST_CLIENT_NAMES + 1];
    size_t count = rpc_server_call_client_names(call, names, RPC_MOST_CLIENT_NAMES + 1);
    std::string text;
    for (size_t i = 0; i < count; i++) {
        text += Text(names[i]) + "\n";
    }
    struct slice reply = SliceOf(text);
    rpc_server_call_reply(call, &reply, 1);
}

const std::vector<struct rpc_method> kNames = {Method("/test.Service/Names", AnswerNames, nullptr)};

class ClientNames : public testing::TestWithParam<Transport> {};

TEST_P(ClientNames, AreThoseOfTheMetadataOnlyWhereCallersAreOfThisMachine) {
    Link link(GetParam(), 0, 0, 0, kNames);
    Call call(*link.channel, "/test.Service/Names", "");
    call.Metadata(RPC_CLIENT_NAME, "uri:spiffe://example.org/a")
        .Metadata("x-other", "dns:no.example.org")
        .Metadata(RPC_CLIENT_NAME, "dns:a.example.org")
        .DeadlineIn(kPatienceUs)
        .Run();
    ASSERT_EQ(call.code(), STATUS_OK) << call.message();
    bool is_tcp = GetParam() == Transport::kTcp || GetParam() == Transport::kTcp6 ||
                  GetParam() == Transport::kHostName;
    EXPECT_EQ(call.response(), is_tcp ? "" : "uri:spiffe://example.org/a\ndns:a.example.org\n");
}

TEST_P(ClientNames, AreSixteenAtMostAndNoneUnlessGiven) {
    Link link(GetParam(), 0, 0, 0, kNames);
    Call none(*link.channel, "/test.Service/Names", "");
    EXPECT_EQ(none.DeadlineIn(kPatienceUs).Run().response(), "");
    Call many(*link.channel, "/test.Service/Names", "");
    std::string expected;
    for (int i = 0; i < RPC_MOST_CLIENT_NAMES + 2; i++) {
        std::string name = "dns:host-" + std::to_string(i);
        many.Metadata(RPC_CLIENT_NAME, name);
        expected += i < RPC_MOST_CLIENT_NAMES ? name + "\n" : "";
    }
    many.DeadlineIn(kPatienceUs).Run();
    bool is_tcp = GetParam() == Transport::kTcp || GetParam() == Transport::kTcp6 ||
                  GetParam() == Transport::kHostName;
    EXPECT_EQ(many.response(), is_tcp ? "" : expected);
}

INSTANTIATE_TEST_SUITE_P(Transports, ClientNames,
                         testing::Values(Transport::kInProcess, Transport::kInProcessTwoLoops,
                                         Transport::kLocal, Transport::kUnix, Transport::kTcp,
                                         Transport::kTcp6, Transport::kHostName),
                         TransportName);

TEST(ServerPeer, ClientNamesAreOfTwoKindsAndPrintable) {
    const std::string longest =
        "uri:" + std::string(static_cast<size_t>(RPC_MOST_CLIENT_NAME_BYTES) - 4, 'x');
    const struct {
        std::string text;
        bool is_one;
    } rows[] = {
        {"uri:spiffe://example.org/a", true},
        {"dns:a.example.org", true},
        {longest, true},
        {longest + "x", false},
        {"uri:", false},
        {"dns:", false},
        {"", false},
        {"cn:a", false},
        {"URI:a", false},
        {"uri:a b", false},
        {std::string("uri:a\0b", 7), false},
        {"uri:\x7f", false},
        {"uri:\xc3\xa4", false},
        {"spiffe://example.org/a", false},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(server_peer_is_client_name(SliceOf(row.text)), row.is_one) << row.text;
    }
}

} // namespace
