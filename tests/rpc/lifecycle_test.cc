#include <arpa/inet.h>
#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grpc/support/log.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "tests/rpc/fixture.h"

extern "C" {
#include "rpc/channel_internal.h"
#include "rpc/log.h"
}

// Listening, stopping, restarting, and peers that are no clients.

namespace {

// --- listening ---

TEST(Listen, RefusesATcpAddressInUse) {
    Loop loop;
    Server first(loop.get());
    ASSERT_EQ(first.Listen("127.0.0.1:0"), "");
    std::string address = "127.0.0.1:" + std::to_string(first.port());
    Server second(loop.get());
    EXPECT_EQ(second.Listen(address),
              "cannot listen on \"" + address + "\": the address is in use by another program");
}

TEST(Listen, RefusesAUnixSocketInUse) {
    TempDir dir;
    Loop loop;
    std::string address = "unix:" + dir.Path("socket");
    Server first(loop.get());
    ASSERT_EQ(first.Listen(address), "");
    first.Start();
    Server second(loop.get());
    EXPECT_EQ(second.Listen(address),
              "cannot listen on \"" + address + "\": another program listens there");
    // The first is not harmed.
    Channel channel(loop.get(), address);
    Call call(channel, "/test.Service/Echo", "x");
    EXPECT_EQ(call.Run().response(), "x");
}

TEST(Listen, ReplacesAStaleUnixSocket) {
    TempDir dir;
    Loop loop;
    std::string path = dir.Path("socket");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un sun = {};
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path.c_str());
    ASSERT_EQ(bind(fd, reinterpret_cast<struct sockaddr *>(&sun), sizeof(sun)), 0);
    close(fd);
    ASSERT_TRUE(std::filesystem::exists(path));
    Server server(loop.get());
    ASSERT_EQ(server.Listen("unix:" + path), "");
    server.Start();
    Channel channel(loop.get(), "unix:" + path);
    Call call(channel, "/test.Service/Echo", "x");
    EXPECT_EQ(call.Run().response(), "x");
}

TEST(Listen, DoesNotReplaceAFileThatIsNoSocket) {
    TempDir dir;
    Loop loop;
    std::string path = dir.Path("file");
    std::ofstream(path) << "precious";
    Server server(loop.get());
    EXPECT_EQ(server.Listen("unix:" + path),
              "cannot listen on \"unix:" + path + "\": there is a file that is no socket");
    std::string content;
    std::ifstream(path) >> content;
    EXPECT_EQ(content, "precious");
}

TEST(Listen, SaysWhyAnAddressCannotBeBound) {
    TempDir dir;
    Loop loop;
    Server server(loop.get());
    std::string missing = "unix:" + dir.Path("no/such/folder");
    EXPECT_EQ(server.Listen(missing),
              "cannot listen on \"" + missing + "\": No such file or directory");
    EXPECT_EQ(server.Listen("192.0.2.1:0"),
              "cannot listen on \"192.0.2.1:0\": Cannot assign requested address");
    std::string unknown = server.Listen("no-such-host.invalid:0");
    EXPECT_EQ(unknown.find("cannot listen on \"no-such-host.invalid:0\": the host is unknown"), 0u)
        << unknown;
}

TEST(Listen, ClosesTheUnixSocketToOthersAndRemovesItAtTheEnd) {
    TempDir dir;
    Loop loop;
    std::string path = dir.Path("socket");
    mode_t before = umask(0);
    {
        Server server(loop.get());
        ASSERT_EQ(server.Listen("unix:" + path), "");
        struct stat st;
        ASSERT_EQ(lstat(path.c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 0777, 0660u);
        EXPECT_EQ(umask(0), 0u); // as it was
        server.Start();
        EXPECT_TRUE(server.Stop());
        EXPECT_FALSE(std::filesystem::exists(path));
    }
    umask(before);
}

TEST(Listen, ServesSeveralAddressesAtOnce) {
    TempDir dir;
    Loop loop;
    Server server(loop.get());
    ASSERT_EQ(server.Listen("unix:" + dir.Path("a")), "");
    ASSERT_EQ(server.Listen("unix:" + dir.Path("b")), "");
    ASSERT_EQ(server.Listen("127.0.0.1:0"), "");
    server.Start();
    for (const std::string &address : {"unix:" + dir.Path("a"), "unix:" + dir.Path("b"),
                                       "127.0.0.1:" + std::to_string(server.port())}) {
        Channel channel(loop.get(), address);
        Call call(channel, "/test.Service/Echo", address);
        EXPECT_EQ(call.Run().response(), address);
    }
}

// --- stopping ---

class StopOver : public testing::TestWithParam<Transport> {};

TEST(Stop, OfAServerThatWasNeverStarted) {
    TempDir dir;
    Loop loop;
    Server server(loop.get());
    ASSERT_EQ(server.Listen("unix:" + dir.Path("socket")), "");
    EXPECT_TRUE(server.Stop());
}

TEST(Stop, RightAfterTheStart) {
    Loop loop;
    for (int i = 0; i < 20; i++) {
        Server server(loop.get());
        ASSERT_EQ(server.Listen("127.0.0.1:0"), "");
        server.Start();
        EXPECT_TRUE(server.Stop());
    }
}

TEST_P(StopOver, WaitsForCallsInFlight) {
    Link link(GetParam());
    Call held(*link.channel, "/test.Service/Held", "");
    held.Start();
    ASSERT_TRUE(link.server.AwaitHeld(1));
    std::atomic<bool> stopped{false};
    bool by_themselves = false;
    std::thread stopping([&] {
        by_themselves = link.server.Stop(kPatienceUs / 1000);
        stopped = true;
    });
    // The stop has begun once new calls are refused.
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    int code;
    do {
        Call probe(*link.channel, "/test.Service/Echo", "x");
        code = probe.Run().code();
        if (code != STATUS_OK) {
            EXPECT_EQ(code, STATUS_UNAVAILABLE) << probe.message();
        }
    } while (code == STATUS_OK && clock_monotonic_us() < until_us);
    EXPECT_EQ(code, STATUS_UNAVAILABLE);
    EXPECT_FALSE(stopped);
    link.server.ReleaseAll();
    EXPECT_EQ(held.Await().code(), STATUS_OK) << held.message();
    EXPECT_EQ(held.response(), "released");
    stopping.join();
    EXPECT_TRUE(by_themselves);
}

TEST_P(StopOver, CancelsWhatDoesNotEndInTime) {
    Link link(GetParam());
    Call held(*link.channel, "/test.Service/Held", "");
    held.Start();
    ASSERT_TRUE(link.server.AwaitHeld(1));
    bool by_themselves = true;
    std::atomic<bool> stopped{false};
    std::thread stopping([&] {
        by_themselves = link.server.Stop(20);
        stopped = true;
    });
    // The caller hears of it while the handler still has the call.
    held.Await();
    EXPECT_EQ(held.code(), STATUS_UNAVAILABLE) << held.code() << held.message();
    EXPECT_STREQ(held.error()->reason, "OUTCOME_UNKNOWN");
    EXPECT_STREQ(held.error()->domain, "test.domain");
    EXPECT_GT(held.error()->retry_after_ms, 0);
    EXPECT_FALSE(stopped);
    link.server.ReleaseAll();
    stopping.join();
    EXPECT_FALSE(by_themselves);
}

TEST_P(StopOver, LosesNoAcknowledgedCallUnderLoad) {
    Link link(GetParam());
    std::atomic<int> wrong{0};
    std::atomic<int> served{0};
    std::atomic<bool> ending{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; t++) {
        threads.emplace_back([&] {
            while (!ending) {
                Call call(*link.channel, "/test.Service/Thread", "x");
                call.Run();
                served += call.code() == STATUS_OK;
                bool is_right = call.code() == STATUS_OK || call.code() == STATUS_UNAVAILABLE;
                wrong += !is_right;
                EXPECT_TRUE(is_right) << call.code() << " " << call.message();
            }
        });
    }
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (served < 100 && clock_monotonic_us() < until_us) {
        std::this_thread::yield();
    }
    EXPECT_TRUE(link.server.Stop());
    ending = true;
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_GE(served, 100);
    EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(Transports, StopOver,
                         testing::Values(Transport::kUnix, Transport::kTcp, Transport::kLocal),
                         TransportName);

// --- the channel ---

TEST(Channel, SaysUnavailableFastWhenNobodyListens) {
    TempDir dir;
    Loop loop;
    Channel channel(loop.get(), "unix:" + dir.Path("socket"));
    Call call(channel, "/test.Service/Echo", "x");
    int64_t before_us = clock_monotonic_us();
    call.Run();
    EXPECT_LT(clock_monotonic_us() - before_us, 5'000'000);
    EXPECT_EQ(call.code(), STATUS_UNAVAILABLE);
    EXPECT_EQ(call.message(), "the server cannot be reached; nothing was changed");
    EXPECT_EQ(call.error()->reason_id, REASON_UPSTREAM_UNREACHABLE);
    EXPECT_NE(std::string(call.error()->detail).find("socket"), std::string::npos);
}

TEST(Channel, FindsARestartedServer) {
    TempDir dir;
    Loop loop;
    Loop client_loop;
    std::string address = "unix:" + dir.Path("socket");
    Channel channel(client_loop.get(), address);
    for (int round = 0; round < 3; round++) {
        Server server(loop.get());
        ASSERT_EQ(server.Listen(address), "");
        server.Start();
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        int code;
        do {
            Call call(channel, "/test.Service/Echo", "x");
            code = call.Run().code();
        } while (code == STATUS_UNAVAILABLE && clock_monotonic_us() < until_us);
        EXPECT_EQ(code, STATUS_OK);
        server.Stop();
        Call call(channel, "/test.Service/Echo", "x");
        EXPECT_EQ(call.Run().code(), STATUS_UNAVAILABLE);
    }
}

TEST(Channel, GivesOneHandleForOneMethod) {
    Link link(Transport::kInProcess);
    EXPECT_EQ(link.channel->Method("/a/b"), link.channel->Method("/a/b"));
    EXPECT_NE(link.channel->Method("/a/b"), link.channel->Method("/a/c"));
}

TEST(Channel, CallsMethodsOfItsOwnLocalLoopDirectly) {
    rpc_handler *fail = [](void *, struct rpc_server_call *call) {
        rpc_server_call_fail(call, error_new(rpc_server_call_arena(call), STATUS_INTERNAL,
                                             REASON_INTERNAL_ERROR, "not implemented"));
    };
    const struct rpc_method stream =
        ReadMethod("/test.Service/Stream", fail, nullptr, RPC_SERVER_STREAM);
    const struct rpc_method bidi = ReadMethod("/test.Service/Bidi", fail, nullptr, RPC_BIDI_STREAM);
    for (Transport transport :
         {Transport::kLocal, Transport::kLocalTwoLoops, Transport::kInProcess, Transport::kUnix}) {
        Link link(transport, 0, 0, 0, {stream, bidi});
        EXPECT_EQ(link.channel->Method("/test.Service/Echo")->direct != nullptr,
                  transport == Transport::kLocal);
        EXPECT_EQ(link.channel->Method("/test.Service/None")->direct, nullptr);
        EXPECT_EQ(link.channel->Method("/test.Service/Stream")->direct != nullptr,
                  transport == Transport::kLocal);
        EXPECT_EQ(link.channel->Method("/test.Service/Bidi")->direct, nullptr);
    }
}

TEST(Channel, KeepsNoMoreThanThousandsOfMethodsThatComeAndGo) {
    for (Transport transport : {Transport::kLocal, Transport::kUnix}) {
        Link link(transport);
        size_t most = 0;
        for (int i = 0; i < 6000; i++) {
            struct rpc_client_method *method = link.channel->Method("/a/b" + std::to_string(i));
            EXPECT_EQ(method, link.channel->Method("/a/b" + std::to_string(i)));
            rpc_channel_method_release(method);
            rpc_channel_method_release(method);
            most = std::max(most, rpc_channel_method_count(link.channel->get()));
        }
        EXPECT_LE(most, 4097u);
        EXPECT_EQ(rpc_channel_method_count(link.channel->get()), 4096u);
        // One more than gRPC core registers is called all the same.
        Call call(*link.channel, "/test.Service/Echo", "hello");
        EXPECT_EQ(call.Run().response(), "hello") << call.message();
    }
}

// --- peers that are no clients ---

int Connect(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in sin = {};
    sin.sin_family = AF_INET;
    sin.sin_port = htons(static_cast<uint16_t>(port));
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<struct sockaddr *>(&sin), sizeof(sin)), 0);
    return fd;
}

TEST(Server, SurvivesGarbage) {
    Link link(Transport::kTcp);
    std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    std::string settings("\0\0\0\4\0\0\0\0\0", 9);
    std::string noise;
    unsigned seed = 1;
    for (int i = 0; i < 4096; i++) {
        noise.push_back(static_cast<char>(rand_r(&seed)));
    }
    const std::string rows[] = {
        "",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        noise,
        preface,
        preface + noise,
        preface + settings + noise,
        preface + settings + std::string("\xFF\xFF\xFF\0\0\0\0\0\1", 9) + noise, // a huge frame
        preface + settings + std::string("\0\0\5\1\5\0\0\0\1", 9) + "\xFF\xFF\xFF\xFF\xFF", // HPACK
        preface + settings + std::string("\0\0\1\0\1\0\0\0\0", 9) + "x", // DATA on stream 0
    };
    for (const auto &bytes : rows) {
        int fd = Connect(link.server.port());
        ASSERT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
        shutdown(fd, SHUT_WR);
        // Until the server has read and closed.
        char buffer[4096];
        struct pollfd readable = {fd, POLLIN, 0};
        while (poll(&readable, 1, static_cast<int>(kPatienceUs / 1000)) == 1 &&
               recv(fd, buffer, sizeof(buffer), 0) > 0) {
        }
        close(fd);
        Call call(*link.channel, "/test.Service/Echo", "still there");
        EXPECT_EQ(call.Run().response(), "still there");
    }
}

TEST(Server, StopsDespiteASilentConnection) {
    Link link(Transport::kTcp);
    Call call(*link.channel, "/test.Service/Echo", "x");
    call.Run();
    int fd = Connect(link.server.port());
    EXPECT_TRUE(link.server.Stop(50));
    close(fd);
}

// --- the log ---

TEST(Log, WritesGrpcsOwnLinesAsJson) {
    int fds[2];
    ASSERT_EQ(pipe2(fds, O_NONBLOCK), 0);
    struct logger logger = {fds[1], LOG_WARN, "test", nullptr};
    rpc_log_redirect(&logger);
    gpr_log(GPR_ERROR, "as core says it");
    rpc_log_redirect(nullptr);
    char buffer[65536];
    ssize_t n = read(fds[0], buffer, sizeof(buffer));
    ASSERT_GT(n, 0);
    std::string text(buffer, static_cast<size_t>(n));
    EXPECT_EQ(text.substr(0, 9), "{\"time\":\"");
    EXPECT_NE(text.find("\"level\":\"warn\",\"program\":\"test\",\"message\":\"gRPC core\""),
              std::string::npos)
        << text;
    EXPECT_EQ(text.substr(text.size() - 2), "}\n");
    close(fds[0]);
    close(fds[1]);
}

} // namespace
