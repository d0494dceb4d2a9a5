// TLS of listeners and channels, by gRPC core on both ends: who is let in, by which names, and what
// becomes of connections as certificates are replaced.

#include <arpa/inet.h>
#include <fstream>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/rpc/fixture.h"
#include "tests/rpc/tls_ends.h"

extern "C" {
#include "rpc/remote.h"
#include "rpc/server_peer.h"
}

namespace {

// Answers with the names of the caller, a line each.
void AnswerNames(void *, struct rpc_server_call *call) {
    struct slice names[RPC_MOST_CLIENT_NAMES];
    size_t count = rpc_server_call_client_names(call, names, RPC_MOST_CLIENT_NAMES);
    std::string text = "names:";
    for (size_t i = 0; i < count; i++) {
        text += " " + Text(names[i]);
    }
    struct slice reply = SliceOf(text);
    rpc_server_call_reply(call, &reply, 1);
}

const std::vector<struct rpc_method> kNames = {Method("/test.Service/Names", AnswerNames, nullptr)};

// A server that listens with TLS on a port of 127.0.0.1.
class Listener {
  public:
    Listener(const Pair &pair, const std::string &authorities = "",
             enum tls_client_auth client_auth = TLS_CLIENT_NONE)
        : tls(pair, authorities, client_auth), server(loop.get(), 0, 0, kNames) {
        EXPECT_EQ(server.Listen("127.0.0.1:0", tls.credentials), "");
        server.Start();
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(server.port());
    }

    Loop loop;
    ServerTls tls;
    Server server;
};

// The names that a new connection has, whose call says more by the key said, or the code of the
// error.
std::string Names(Listener &listener, const struct rpc_channel_credentials *credentials,
                  std::string *ret_detail = nullptr, const char *said = "x-other") {
    Channel channel(listener.loop.get(), listener.address(), 0, credentials);
    Call call(channel, "/test.Service/Names", "");
    call.Metadata(said, "dns:pretender.example").DeadlineIn(kPatienceUs).Run();
    if (ret_detail != nullptr && call.error() != nullptr && call.error()->detail != nullptr) {
        *ret_detail = call.error()->detail;
    }
    return call.code() == STATUS_OK ? call.response() : status_code_name(call.code());
}

std::string Names(Listener &listener, const std::string &authorities, const Pair &pair = {},
                  const char *server_name = nullptr, std::string *ret_detail = nullptr) {
    ChannelTls tls(authorities, pair, server_name);
    return Names(listener, tls.credentials, ret_detail);
}

// A gateway's certificate, or a proxy's, says nothing of those for whom it calls.
TEST(Tls, ACallForAnotherHasNoNames) {
    Authority ours;
    Listener listener(ours.Issue("IP:127.0.0.1"), ours.pem(), TLS_CLIENT_OPTIONAL);
    ChannelTls tls(ours.pem(), ours.Issue("DNS:gateway.example"), nullptr);
    EXPECT_EQ(Names(listener, tls.credentials), "names: dns:gateway.example");
    for (const char *said : {RPC_CLIENT_NAME, RPC_FORWARDED_FOR}) {
        EXPECT_EQ(Names(listener, tls.credentials, nullptr, said), "names:");
    }
    ChannelTls without(ours.pem(), {}, nullptr);
    EXPECT_EQ(Names(listener, without.credentials, nullptr, RPC_CLIENT_NAME), "names:");
}

TEST(Tls, AServerIsKnownByItsAuthorityAndItsName) {
    Authority ours;
    Authority foreign("foreign");
    Listener listener(ours.Issue("IP:127.0.0.1,DNS:runs.example"));
    EXPECT_EQ(Names(listener, ours.pem()), "names:");
    EXPECT_EQ(Names(listener, ours.pem(), {}, "runs.example"), "names:");
    EXPECT_EQ(Names(listener, foreign.pem() + ours.pem()), "names:");
    std::string detail;
    EXPECT_EQ(Names(listener, foreign.pem(), {}, nullptr, &detail), "UNAVAILABLE");
    EXPECT_NE(detail.find("certificate verify failed"), std::string::npos) << detail;
    EXPECT_EQ(Names(listener, ours.pem(), {}, "other.example", &detail), "UNAVAILABLE");
    EXPECT_NE(detail.find("Peer name other.example is not in peer certificate"), std::string::npos)
        << detail;
    EXPECT_EQ(Names(listener, rpc_credentials_insecure_channel(), &detail), "UNAVAILABLE");
    Listener nameless(ours.Issue(""));
    EXPECT_EQ(Names(nameless, ours.pem()), "UNAVAILABLE");
    Listener late(ours.Issue("IP:127.0.0.1", "serverAuth", -60));
    EXPECT_EQ(Names(late, ours.pem()), "UNAVAILABLE");
    Listener of_client(ours.Issue("IP:127.0.0.1", "clientAuth"));
    EXPECT_EQ(Names(of_client, ours.pem()), "UNAVAILABLE");
}

TEST(Tls, TheSystemsAuthoritiesAreThoseOfAChannelWithoutAny) {
    Authority ours;
    Listener listener(ours.Issue("IP:127.0.0.1"));
    struct rpc_channel_credentials *credentials = rpc_credentials_tls_channel_new(nullptr, nullptr);
    EXPECT_EQ(Names(listener, credentials), "UNAVAILABLE"); // which know nothing of ours
    rpc_credentials_tls_channel_free(credentials);
}

TEST(Tls, AClientIsKnownByTheNamesOfItsCertificate) {
    Authority ours;
    Authority foreign("foreign");
    Pair server = ours.Issue("IP:127.0.0.1");
    Pair client = ours.Issue("DNS:A.Example,URI:spiffe://example.org/a,URI:spiffe://example.org/b,"
                             "IP:192.0.2.1,email:a@example.org");
    const std::string names =
        "names: uri:spiffe://example.org/a uri:spiffe://example.org/b dns:a.example";
    const struct {
        const char *what;
        Pair pair;
        std::string required, optional;
    } rows[] = {
        {"none", {}, "UNAVAILABLE", "names:"},
        {"with names", client, names, names},
        {"without names", ours.Issue(""), "names:", "names:"},
        {"foreign", foreign.Issue("DNS:a.example"), "UNAVAILABLE", "UNAVAILABLE"},
        {"expired", ours.Issue("DNS:a.example", "clientAuth", -60), "UNAVAILABLE", "UNAVAILABLE"},
        {"a server's", ours.Issue("DNS:a.example", "serverAuth"), "UNAVAILABLE", "UNAVAILABLE"},
    };
    Listener required(server, ours.pem(), TLS_CLIENT_REQUIRED);
    Listener optional(server, ours.pem(), TLS_CLIENT_OPTIONAL);
    Listener none(server);
    for (const auto &row : rows) {
        EXPECT_EQ(Names(required, ours.pem(), row.pair), row.required) << row.what;
        EXPECT_EQ(Names(optional, ours.pem(), row.pair), row.optional) << row.what;
        EXPECT_EQ(Names(none, ours.pem(), row.pair), "names:") << row.what;
    }
}

TEST(Tls, NamesBeyondSixteenAreLeftOut) {
    Authority ours;
    std::string names = "DNS:host-0.example";
    for (int i = 1; i < 20; i++) {
        names += ",DNS:host-" + std::to_string(i) + ".example";
    }
    Listener listener(ours.Issue("IP:127.0.0.1"), ours.pem(), TLS_CLIENT_REQUIRED);
    std::string expected = "names:";
    for (int i = 0; i < RPC_MOST_CLIENT_NAMES; i++) {
        expected += " dns:host-" + std::to_string(i) + ".example";
    }
    EXPECT_EQ(Names(listener, ours.pem(), ours.Issue(names)), expected);
}

// --- replaced certificates ---

TEST(Tls, ANewCertificateIsForNewConnections) {
    Authority old_authority("old");
    Authority new_authority("new");
    Pair first = old_authority.Issue("IP:127.0.0.1");
    Listener listener(first);
    ChannelTls trusts_old(old_authority.pem());
    Channel before(listener.loop.get(), listener.address(), 0, trusts_old.credentials);
    const auto echo = [&] {
        Call call(before, "/test.Service/Echo", "x");
        return call.DeadlineIn(kPatienceUs).Run().response();
    };
    EXPECT_EQ(echo(), "x");
    listener.tls.source.Replace(new_authority.Issue("IP:127.0.0.1"), "");
    EXPECT_EQ(Names(listener, new_authority.pem()), "names:");
    EXPECT_EQ(Names(listener, old_authority.pem()), "UNAVAILABLE");
    EXPECT_EQ(echo(), "x"); // over the connection that was there
    // Half of another pair: what was good stays.
    listener.tls.source.Replace({first.certificate, new_authority.Issue("").key}, "");
    EXPECT_EQ(Names(listener, new_authority.pem()), "names:");
    EXPECT_EQ(Names(listener, old_authority.pem()), "UNAVAILABLE");
    listener.tls.source.Replace(first, "");
    EXPECT_EQ(Names(listener, old_authority.pem()), "names:");
}

TEST(Tls, NewAuthoritiesOfClientsAreForNewConnections) {
    Authority ours;
    Authority later("later");
    Pair server = ours.Issue("IP:127.0.0.1");
    Listener listener(server, ours.pem(), TLS_CLIENT_REQUIRED);
    EXPECT_EQ(Names(listener, ours.pem(), ours.Issue("DNS:a")), "names: dns:a");
    EXPECT_EQ(Names(listener, ours.pem(), later.Issue("DNS:b")), "UNAVAILABLE");
    listener.tls.source.Replace(server, later.pem());
    EXPECT_EQ(Names(listener, ours.pem(), ours.Issue("DNS:a")), "UNAVAILABLE");
    EXPECT_EQ(Names(listener, ours.pem(), later.Issue("DNS:b")), "names: dns:b");
}

TEST(Tls, AChannelWhoseFilesChangeConnectsAnewAndEndsItsCallsWhereTheyAre) {
    Authority ours;
    Listener listener(ours.Issue("IP:127.0.0.1"), ours.pem(), TLS_CLIENT_REQUIRED);
    ChannelTls tls(ours.pem(), ours.Issue("DNS:before"));
    Channel channel(listener.loop.get(), listener.address(), 0, tls.credentials);
    const auto names = [&] {
        Call call(channel, "/test.Service/Names", "");
        return call.DeadlineIn(kPatienceUs).Run().response();
    };
    EXPECT_EQ(names(), "names: dns:before");
    Call held(channel, "/test.Service/Held", "");
    held.DeadlineIn(kPatienceUs).Start();
    ASSERT_TRUE(listener.server.AwaitHeld(1));
    tls.source.Replace(ours.Issue("DNS:behind"), ours.pem());
    EXPECT_EQ(names(), "names: dns:behind");
    listener.server.Release();
    EXPECT_EQ(held.Await().response(), "released") << held.message();
    // What is not taken leaves the channel as it is.
    tls.source.Replace({"nonsense", "nonsense"}, ours.pem());
    EXPECT_EQ(names(), "names: dns:behind");
}

// --- beside it ---

TEST(Tls, OneServerHasListenersOfBothKinds) {
    Authority ours;
    TempDir dir;
    Loop loop;
    ServerTls tls(ours.Issue("IP:127.0.0.1"), "", TLS_CLIENT_NONE);
    Server server(loop.get(), 0, 0, kNames);
    ASSERT_EQ(server.Listen("unix:" + dir.Path("s")), "");
    ASSERT_EQ(server.Listen("127.0.0.1:0", tls.credentials), "");
    server.Start();
    ChannelTls trusts(ours.pem());
    Channel local(loop.get(), "unix:" + dir.Path("s"));
    Channel remote(loop.get(), "127.0.0.1:" + std::to_string(server.port()), 0, trusts.credentials);
    Call one(local, "/test.Service/Names", "");
    EXPECT_EQ(one.Metadata(RPC_CLIENT_NAME, "dns:a").DeadlineIn(kPatienceUs).Run().response(),
              "names: dns:a");
    Call other(remote, "/test.Service/Names", "");
    EXPECT_EQ(other.Metadata(RPC_CLIENT_NAME, "dns:a").DeadlineIn(kPatienceUs).Run().response(),
              "names:");
}

TEST(Tls, AStopDrainsCallsOverIt) {
    Authority ours;
    Listener listener(ours.Issue("IP:127.0.0.1"));
    ChannelTls tls(ours.pem());
    Channel channel(listener.loop.get(), listener.address(), 0, tls.credentials);
    Call held(channel, "/test.Service/Held", "");
    held.DeadlineIn(kPatienceUs).Start();
    ASSERT_TRUE(listener.server.AwaitHeld(1));
    std::thread stop([&] { EXPECT_TRUE(listener.server.Stop()); });
    listener.server.Release();
    EXPECT_EQ(held.Await().response(), "released") << held.message();
    stop.join();
}

TEST(Tls, LargeMessagesPass) {
    Authority ours;
    Listener listener(ours.Issue("IP:127.0.0.1"));
    ChannelTls tls(ours.pem());
    Channel channel(listener.loop.get(), listener.address(), 0, tls.credentials);
    std::string large(3 << 20, 'x');
    Call call(channel, "/test.Service/Echo", large);
    EXPECT_EQ(call.DeadlineIn(kPatienceUs).Run().response(), large) << call.message();
}

TEST(Tls, AListenerWithAKeyThatOpenSslRefusesIsNotOpened) {
    Authority ours;
    Loop loop;
    ServerTls tls(ours.Issue("IP:127.0.0.1", "serverAuth", 3600, 1024), "", TLS_CLIENT_NONE);
    Server server(loop.get());
    EXPECT_EQ(server.Listen("127.0.0.1:0", tls.credentials),
              "cannot listen on \"127.0.0.1:0\": OpenSSL refuses its certificate, key or "
              "authorities");
}

// Sends and reads until the other end closes, at most for the patience of a test. Returns whether
// it closed.
bool IsClosedAfter(int port, const std::string &sent) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<uint16_t>(port));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<struct sockaddr *>(&where), sizeof(where)), 0);
    EXPECT_EQ(send(fd, sent.data(), sent.size(), MSG_NOSIGNAL), static_cast<ssize_t>(sent.size()));
    char answer[4096];
    ssize_t n = 1;
    struct pollfd readable = {fd, POLLIN, 0};
    while (n > 0 && poll(&readable, 1, static_cast<int>(kPatienceUs / 1000)) == 1) {
        n = recv(fd, answer, sizeof(answer), 0);
    }
    close(fd);
    return n <= 0;
}

TEST(Tls, WhoSpeaksNoneOrNothingIsClosed) {
    Authority ours;
    Listener listener(ours.Issue("IP:127.0.0.1"));
    const std::string rows[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        std::string(1000, '\0'),
        std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10),
        // Half a ClientHello, and nothing: for as long as handshakes may take, 10 s.
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
        "",
    };
    std::vector<std::thread> clients;
    for (const std::string &row : rows) {
        clients.emplace_back(
            [&] { EXPECT_TRUE(IsClosedAfter(listener.server.port(), row)) << row; });
    }
    for (std::thread &client : clients) {
        client.join();
    }
    EXPECT_EQ(Names(listener, ours.pem()), "names:");
}

// --- servers that a program connects to ---

TEST(Tls, ARemoteServerIsAnAddressWithWhatTlsTakes) {
    Authority ours;
    Listener listener(ours.Issue("IP:127.0.0.1"), ours.pem(), TLS_CLIENT_REQUIRED);
    TempDir dir;
    Pair pair = ours.Issue("DNS:a");
    std::ofstream(dir.Path("ca")) << ours.pem();
    std::ofstream(dir.Path("cert")) << pair.certificate;
    std::ofstream(dir.Path("key")) << pair.key;
    std::string ca = dir.Path("ca");
    std::string cert = dir.Path("cert");
    std::string key = dir.Path("key");
    std::string address = "tls:" + listener.address();
    struct rpc_remote_options options = {};
    options.address = {"--server", address.c_str()};
    options.ca = {"--tls-ca", ca.c_str()};
    options.cert = {"--tls-cert", cert.c_str()};
    options.key = {"--tls-key", key.c_str()};
    Arena a;
    struct rpc_remote remote;
    ASSERT_EQ(rpc_remote_open(a.get(), &options, &remote), nullptr);
    EXPECT_TRUE(remote.is_tls);
    EXPECT_STREQ(remote.address.text, address.c_str());
    EXPECT_EQ(Names(listener, remote.credentials), "names: dns:a");
    rpc_remote_close(&remote);
    rpc_remote_close(&remote); // nothing is left
}

TEST(Tls, ARemoteServerIsRefusedWithWhatIsMissing) {
    const struct {
        const char *address, *ca, *cert, *key, *name;
        bool may_be_plain;
        const char *message; // NULL: it is taken
    } rows[] = {
        {"h:1", nullptr, nullptr, nullptr, nullptr, false, nullptr},
        {"tls:h:1", nullptr, nullptr, nullptr, "n", false, nullptr},
        {"h:1", "ca", "cert", "key", "n", true, nullptr},
        {"h:1", "ca", nullptr, nullptr, nullptr, false,
         "--ca needs --server tls:HOST:PORT: there is no TLS otherwise"},
        {"unix:/s", nullptr, nullptr, nullptr, "n", false,
         "--name needs --server tls:HOST:PORT: there is no TLS otherwise"},
        {"tls:h:1", nullptr, "cert", nullptr, nullptr, true,
         "--cert needs --key: TLS takes a certificate and its private key"},
        {"tls:h:1", nullptr, nullptr, "key", nullptr, false,
         "--key needs --cert: TLS takes a certificate and its private key"},
        {"tls:h:1", nullptr, nullptr, nullptr, "", false, "--name: the name is empty"},
        {"tls:h:1", "/nowhere/ca", nullptr, nullptr, nullptr, false,
         "--ca: \"/nowhere/ca\": No such file or directory"},
    };
    for (const auto &row : rows) {
        struct rpc_remote_options options = {};
        options.address = {"--server", row.address};
        options.ca = {"--ca", row.ca};
        options.cert = {"--cert", row.cert};
        options.key = {"--key", row.key};
        options.server_name = {"--name", row.name};
        options.may_be_plain = row.may_be_plain;
        Arena a;
        struct rpc_remote remote = {};
        const struct error *error = rpc_remote_open(a.get(), &options, &remote);
        EXPECT_STREQ(error != nullptr ? error->message : nullptr, row.message) << row.address;
        rpc_remote_close(&remote);
    }
}

} // namespace
