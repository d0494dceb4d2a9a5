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

} // namespace
