#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/rpc/method.h"

extern "C" {
#include "gateway/gateway.h"
#include "rpc/client.h"
#include "rpc/loop.h"
#include "rpc/server.h"
}

// The gateway over real sockets, with an upstream that the tests hold in hand.

namespace {

constexpr auto kPatience = std::chrono::seconds(30);

// Replies to GetRun with an empty Run; holds CancelRun until it is told.
class Upstream {
  public:
    explicit Upstream(struct rpc_loop *loop) {
        methods_ = {Method("/runs.v1.RunsService/GetRun", Get, this),
                    Method("/runs.v1.RunsService/CancelRun", Cancel, this)};
        struct rpc_server_options options = {};
        options.log = &log_;
        options.methods = methods_.data();
        options.method_count = methods_.size();
        options.error_domain = "test";
        server_ = rpc_server_new(loop, &options);
        rpc_server_start(server_);
    }
    ~Upstream() {
        ReleaseAll();
        rpc_server_stop(server_, 10'000);
        rpc_server_free(server_);
    }
    struct rpc_server *get() {
        return server_;
    }
    bool AwaitHeld(size_t count) {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, kPatience, [&] { return held_.size() == count; });
    }
    void ReleaseAll() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (struct rpc_server_call *call : held_) {
            rpc_server_call_reply(call, nullptr, 0);
        }
        held_.clear();
    }
    std::string authorization() {
        std::unique_lock<std::mutex> lock(mutex_);
        return authorization_;
    }

  private:
    static void Get(void *self, struct rpc_server_call *call) {
        auto *upstream = static_cast<Upstream *>(self);
        struct slice value = SLICE_EMPTY;
        rpc_server_call_metadata(call, "authorization", &value);
        {
            std::unique_lock<std::mutex> lock(upstream->mutex_);
            upstream->authorization_ = {reinterpret_cast<const char *>(value.data), value.len};
        }
        rpc_server_call_reply(call, nullptr, 0);
    }
    static void Cancel(void *self, struct rpc_server_call *call) {
        auto *upstream = static_cast<Upstream *>(self);
        std::unique_lock<std::mutex> lock(upstream->mutex_);
        upstream->held_.push_back(call);
        upstream->changed_.notify_all();
    }

    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    std::vector<struct rpc_method> methods_;
    struct rpc_server *server_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<struct rpc_server_call *> held_;
    std::string authorization_;
};

class Client {
  public:
    explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
        struct sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        struct timeval patience = {30, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        connected_ =
            connect(fd_, reinterpret_cast<struct sockaddr *>(&address), sizeof(address)) == 0;
    }
    ~Client() {
        Close();
    }
    void Close() {
        if (fd_ >= 0) {
            close(fd_);
            fd_ = -1;
        }
    }
    // Closes so that the peer sees a reset.
    void Reset() {
        struct linger now = {1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        Close();
    }
    bool connected() const {
        return connected_;
    }
    // Returns whether all was sent.
    bool Send(const std::string &text) {
        return send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(text.size());
    }
    bool SendAndEnd(const std::string &text) {
        return Send(text) && shutdown(fd_, SHUT_WR) == 0;
    }
    // Receives one reply with a Content-Length; "" if the connection ended before.
    std::string Reply() {
        size_t head;
        while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
            if (!Receive()) {
                return "";
            }
        }
        size_t at = buffer_.find("Content-Length: ");
        size_t size = head + 4;
        if (at < head) {
            size += std::stoul(buffer_.substr(at + 16));
        }
        while (buffer_.size() < size) {
            if (!Receive()) {
                return "";
            }
        }
        std::string reply = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return reply;
    }
    std::string Ask(const std::string &text) {
        return Send(text) ? Reply() : "";
    }
    // Whether the gateway ends the connection, without another byte.
    bool Ended() {
        char c;
        ssize_t n = recv(fd_, &c, 1, 0);
        return n == 0 || (n < 0 && errno == ECONNRESET);
    }

  private:
    bool Receive() {
        char block[4096];
        ssize_t n = recv(fd_, block, sizeof(block), 0);
        if (n > 0) {
            buffer_.append(block, static_cast<size_t>(n));
        }
        return n > 0;
    }

    int fd_;
    bool connected_;
    std::string buffer_;
};

std::string Request(const std::string &verb, const std::string &target,
                    const std::string &headers = "", const std::string &body = "") {
    return verb + " " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body;
}

std::string Status(const std::string &reply) {
    return reply.substr(0, reply.find("\r\n"));
}

class Gateway : public testing::Test {
  protected:
    Gateway()
        : loop_(rpc_loop_new("test")), upstream_(new Upstream(loop_)),
          channel_(rpc_channel_new_in_process(loop_, upstream_->get(), 0)) {
        arena_init(&arena_);
    }
    ~Gateway() override {
        upstream_->ReleaseAll();
        gateway_stop(gateway_, 10'000);
        rpc_channel_free(channel_);
        delete upstream_;
        rpc_loop_free(loop_);
        arena_release(&arena_);
    }
    int Start(struct gateway_limits limits = {}) {
        struct gateway_options options = {};
        options.log = &log_;
        options.upstream = channel_;
        options.limits = limits;
        EXPECT_EQ(nullptr, address_parse(&arena_, "--listen", "127.0.0.1:0", &options.listen));
        EXPECT_EQ(nullptr, gateway_start(&arena_, &options, &gateway_));
        return gateway_port(gateway_);
    }
    void Stop(int64_t drain_ms) {
        gateway_stop(gateway_, drain_ms);
        gateway_ = nullptr;
    }

    struct arena arena_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct rpc_loop *loop_;
    Upstream *upstream_;
    struct rpc_channel *channel_;
    struct gateway *gateway_ = nullptr;
};

TEST_F(Gateway, AnswersInTheEnvelopeAndKeepsTheConnection) {
    Client client(Start());
    for (int i = 0; i < 3; i++) {
        std::string reply = client.Ask(
            Request("GET", "/v1/runs/a", "X-Request-Id: r-1\r\nAuthorization: Bearer t\r\n"));
        EXPECT_EQ("HTTP/1.1 200 OK", Status(reply));
        EXPECT_NE(std::string::npos, reply.find("X-Request-Id: r-1\r\n")) << reply;
        EXPECT_NE(std::string::npos, reply.find("Cache-Control: private, no-cache\r\n")) << reply;
        EXPECT_NE(std::string::npos, reply.find("\r\n\r\n{\"code\":200,\"data\":{")) << reply;
        EXPECT_NE(std::string::npos, reply.find(",\"requestId\":\"r-1\"}")) << reply;
        EXPECT_EQ("Bearer t", upstream_->authorization());
    }
}

TEST_F(Gateway, AnswersPipelinedRequestsInOrder) {
    Client client(Start());
    ASSERT_TRUE(client.Send(Request("GET", "/v1/runs/a") + Request("GET", "/none") +
                            Request("GET", "/v1/runs/b")));
    EXPECT_EQ("HTTP/1.1 200 OK", Status(client.Reply()));
    EXPECT_EQ("HTTP/1.1 404 Not Found", Status(client.Reply()));
    EXPECT_EQ("HTTP/1.1 200 OK", Status(client.Reply()));
}

TEST_F(Gateway, TellsTheVerbsOfAPath) {
    Client client(Start());
    std::string options = client.Ask(Request("OPTIONS", "/v1/runs/a"));
    EXPECT_EQ("HTTP/1.1 204 No Content", Status(options));
    EXPECT_NE(std::string::npos, options.find("Allow: DELETE, GET, HEAD, OPTIONS\r\n")) << options;
    std::string refused = client.Ask(Request("GET", "/v1/runs/a/cancel"));
    EXPECT_EQ("HTTP/1.1 405 Method Not Allowed", Status(refused));
    EXPECT_NE(std::string::npos, refused.find("Allow: POST, OPTIONS\r\n")) << refused;
}

TEST_F(Gateway, ReadsATooLargeChunkedBodyToItsEndAndRefusesIt) {
    struct gateway_limits limits = {};
    limits.body_bytes = 100;
    Client client(Start(limits));
    std::string chunk = "64\r\n" + std::string(100, ' ') + "\r\n";
    std::string head = "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n";
    std::string reply =
        client.Ask(Request("POST", "/v1/runs/a/cancel", head, chunk + chunk + "0\r\n\r\n"));
    EXPECT_EQ("HTTP/1.1 413", Status(reply).substr(0, 12));
    EXPECT_NE(std::string::npos, reply.find("100 bytes")) << reply;
}

TEST_F(Gateway, TellsAClientThatWaitsForContinueAtOnce) {
    struct gateway_limits limits = {};
    limits.body_bytes = 100;
    Client client(Start(limits));
    std::string reply = client.Ask(Request(
        "POST", "/v1/runs/a/cancel",
        "Content-Length: 101\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n"));
    EXPECT_EQ("HTTP/1.1 413", Status(reply).substr(0, 12));
    EXPECT_TRUE(client.Ended());
}

TEST_F(Gateway, RefusesABodyThatIsNoJson) {
    Client client(Start());
    std::string reply = client.Ask(Request(
        "POST", "/v1/runs/a/cancel", "Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}"));
    EXPECT_EQ("HTTP/1.1 415 Unsupported Media Type", Status(reply));
}

TEST_F(Gateway, GivesUpAnUpstreamThatIsTooSlow) {
    struct gateway_limits limits = {};
    limits.upstream_timeout_ms = 50;
    Client client(Start(limits));
    std::string reply = client.Ask(Request("POST", "/v1/runs/a/cancel"));
    EXPECT_EQ("HTTP/1.1 504 Gateway Timeout", Status(reply));
}

TEST_F(Gateway, EndsARequestThatIsSentTooSlowly) {
    struct gateway_limits limits = {};
    limits.request_timeout_ms = 100;
    int port = Start(limits);
    for (const std::string text :
         {"GET /v1/runs/a HTTP/1.1\r\nHost:", "POST /v1/runs HTTP/1.1\r\nHost: h\r\n"
                                              "Content-Length: 5\r\n\r\n{"}) {
        Client client(port);
        EXPECT_EQ("HTTP/1.1 408 Request Timeout", Status(client.Ask(text)));
        EXPECT_TRUE(client.Ended());
    }
}

TEST_F(Gateway, ClosesAQuietConnection) {
    struct gateway_limits limits = {};
    limits.idle_timeout_ms = 1000;
    Client client(Start(limits));
    EXPECT_EQ("HTTP/1.1 200 OK", Status(client.Ask(Request("GET", "/v1/runs/a"))));
    EXPECT_TRUE(client.Ended());
}

TEST_F(Gateway, EndsAQuietConnectionThatTheClientEnded) {
    int port = Start();
    // Together in one packet or not: neither may wait for the timeout of a minute.
    for (int i = 0; i < 5; i++) {
        Client client(port);
        ASSERT_TRUE(client.SendAndEnd("\r\n"));
        EXPECT_TRUE(client.Ended());
    }
}

TEST_F(Gateway, StopsWithoutWaitingForAClientThatIsGone) {
    Client client(Start());
    ASSERT_TRUE(client.Send(Request("POST", "/v1/runs/a/cancel")));
    ASSERT_TRUE(upstream_->AwaitHeld(1));
    client.Reset();
    // The call is never answered: only its cancellation ends the drain before its
    // hour is over.
    auto begin = std::chrono::steady_clock::now();
    Stop(3'600'000);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience);
}

TEST_F(Gateway, LetsARequestInFlightEndWhenItStops) {
    int port = Start();
    Client client(port);
    ASSERT_TRUE(client.Send(Request("POST", "/v1/runs/a/cancel")));
    ASSERT_TRUE(upstream_->AwaitHeld(1));
    std::thread stop([&] { Stop(3'600'000); });
    // The stop is under way once nobody answers new connections.
    while (!Client(port).Ask(Request("GET", "/v1/runs/a")).empty()) {
    }
    upstream_->ReleaseAll();
    EXPECT_EQ("HTTP/1.1 200 OK", Status(client.Reply()));
    EXPECT_TRUE(client.Ended());
    stop.join();
    EXPECT_FALSE(Client(port).connected());
}

TEST_F(Gateway, TellsChangesThatItCancelsThatNothingIsKnownOfThem) {
    int port = Start();
    Client first(port);
    Client second(port);
    ASSERT_TRUE(first.Send(Request("POST", "/v1/runs/a/cancel")));
    ASSERT_TRUE(second.Send(Request("POST", "/v1/runs/b/cancel")));
    ASSERT_TRUE(upstream_->AwaitHeld(2));
    Stop(0);
    for (Client *client : {&first, &second}) {
        std::string reply = client->Reply();
        EXPECT_EQ("HTTP/1.1 503 Service Unavailable", Status(reply));
        EXPECT_NE(std::string::npos, reply.find("OUTCOME_UNKNOWN")) << reply;
        EXPECT_NE(std::string::npos, reply.find("Retry-After: 1\r\n")) << reply;
        EXPECT_TRUE(client->Ended());
    }
}

TEST_F(Gateway, StopsAtOnceWithQuietConnections) {
    Client client(Start());
    EXPECT_EQ("HTTP/1.1 200 OK", Status(client.Ask(Request("GET", "/v1/runs/a"))));
    auto begin = std::chrono::steady_clock::now();
    Stop(3'600'000);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience);
    EXPECT_TRUE(client.Ended());
}

TEST_F(Gateway, ReloadsWhileRequestsAreServed) {
    int port = Start();
    std::atomic<bool> ends{false};
    std::atomic<int> replies{0};
    std::thread load([&] {
        Client client(port);
        while (!ends) {
            std::string reply = client.Ask(Request("GET", "/v1/runs/a"));
            EXPECT_EQ("HTTP/1.1 200 OK", Status(reply));
            if (reply.empty()) {
                break;
            }
            replies++;
        }
    });
    // A call that begins before all reloads and ends behind them.
    Client held(port);
    ASSERT_TRUE(held.Send(Request("POST", "/v1/runs/a/cancel")));
    ASSERT_TRUE(upstream_->AwaitHeld(1));
    for (int i = 0; i < 5; i++) {
        size_t routes = 0;
        EXPECT_EQ(nullptr, gateway_reload(gateway_, &arena_, nullptr, nullptr, 0, &routes));
        EXPECT_EQ(18u, routes);
        int seen = replies;
        while (replies < seen + 10 && !testing::Test::HasFailure()) {
            std::this_thread::yield();
        }
    }
    upstream_->ReleaseAll();
    EXPECT_EQ("HTTP/1.1 200 OK", Status(held.Reply()));
    ends = true;
    load.join();
}

TEST_F(Gateway, KeepsItsRoutesWhenAReloadIsRefused) {
    Client client(Start());
    const struct slice bad = slice_of_cstr("no set");
    size_t routes = 0;
    const struct error *error = gateway_reload(gateway_, &arena_, nullptr, &bad, 1, &routes);
    ASSERT_NE(nullptr, error);
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, error->code);
    EXPECT_EQ("HTTP/1.1 200 OK", Status(client.Ask(Request("GET", "/v1/runs/a"))));
    // A set with one file, "x", that has no method.
    const struct slice empty = slice_of("\x0a\x03\x0a\x01x", 5);
    error = gateway_reload(gateway_, &arena_, nullptr, &empty, 1, &routes);
    ASSERT_NE(nullptr, error);
    EXPECT_NE(std::string::npos, std::string(error->message).find("there is no route"));
    EXPECT_EQ("HTTP/1.1 200 OK", Status(client.Ask(Request("GET", "/v1/runs/a"))));
}

TEST_F(Gateway, SaysWhyItCannotListen) {
    int port = Start();
    struct gateway_options options = {};
    options.log = &log_;
    options.upstream = channel_;
    std::string text = "127.0.0.1:" + std::to_string(port);
    ASSERT_EQ(nullptr, address_parse(&arena_, "--listen", text.c_str(), &options.listen));
    struct gateway *other = nullptr;
    const struct error *error = gateway_start(&arena_, &options, &other);
    ASSERT_NE(nullptr, error);
    EXPECT_EQ(STATUS_UNAVAILABLE, error->code);
    EXPECT_NE(std::string::npos, std::string(error->message).find(text)) << error->message;
}

} // namespace
