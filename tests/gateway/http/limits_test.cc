#include "tests/gateway/http/fixture.h"

extern "C" {
#include "base/core/clock.h"
}

// Every limit: at it, and one above.

namespace {

class Limits : public GatewayTest {};

// A request whose line and headers have just so many bytes.
std::string HeadOf(size_t bytes) {
    std::string begin = "GET /v1/echo/a HTTP/1.1\r\nHost: h\r\nX: ";
    return begin + std::string(bytes - begin.size() - 2, 'x') + "\r\n\r\n";
}

TEST_F(Limits, HeaderBytes) {
    Start();
    Client client(port());
    ExpectOk(client.Ask(HeadOf(16 << 10)));
    Reply reply = client.Ask(HeadOf((16 << 10) + 1));
    ExpectError(reply, 431, "INVALID_ARGUMENT", "HEADERS_TOO_LARGE");
    EXPECT_NE(reply.Json("message").find("16385"), std::string::npos);
    EXPECT_TRUE(client.AtEnd());
}

TEST_F(Limits, AConfiguredHeaderBytes) {
    struct gateway_limits limits = {};
    limits.header_bytes = 40 << 10;
    limits.url_bytes = 35 << 10;
    Start(limits);
    Client client(port());
    ExpectOk(client.Ask(HeadOf(40 << 10)));
    std::string text(33 << 10, 'x');
    EXPECT_EQ(client.Ask(Request("GET", "/v1/echo/" + text)).Json("data.text"), text);
    ExpectError(client.Ask(HeadOf((40 << 10) + 1)), 431, "INVALID_ARGUMENT", "HEADERS_TOO_LARGE");
}

// count headers, of so many bytes in all.
std::string Headers(int count, size_t bytes) {
    std::string headers;
    for (int i = 0; i < count; i++) {
        size_t rest = (bytes - headers.size()) / (count - i) - strlen("a:\r\n");
        headers += "a:" + std::string(rest, 'x') + "\r\n";
    }
    return headers;
}

TEST_F(Limits, ManyHeaders) {
    Start();
    Client client(port());
    // Ours are counted with "Host", and as if a space followed each colon.
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a", Headers(95, (16 << 10) - 300))));
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a", Headers(300, 1800))));
    Reply reply = client.Ask(Request("GET", "/v1/echo/a", Headers(330, 1980)));
    ExpectError(reply, 431, "INVALID_ARGUMENT", "HEADERS_TOO_LARGE");
    EXPECT_NE(reply.Json("message").find("331 headers"), std::string::npos);
    EXPECT_TRUE(client.AtEnd());
    // Beyond what a connection has memory for libmicrohttpd answers.
    EXPECT_EQ(Client(port()).Ask(Request("GET", "/v1/echo/a", Headers(1000, 6000))).status, 431);
}

// Each "&" and ";" would cost libmicrohttpd more memory than a connection has.
TEST_F(Limits, ManyArgumentsAndCookies) {
    Start();
    Client client(port());
    std::string arguments, cookies;
    for (int i = 0; i < 3500; i++) {
        arguments += "&";
        cookies += "a;";
    }
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a?" + arguments + "number=1")));
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a", "Cookie: " + cookies + "\r\n")));
    cookies = std::string(15 << 10, 'c');
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a", "Cookie: " + cookies + "\r\n")));
}

TEST_F(Limits, UrlBytes) {
    Start();
    Client client(port());
    std::string text((8 << 10) - strlen("/v1/echo/"), 'x');
    ExpectOk(client.Ask(Request("GET", "/v1/echo/" + text)));
    Reply reply = client.Ask(Request("GET", "/v1/echo/" + text + "x"));
    ExpectError(reply, 414, "INVALID_ARGUMENT", "URL_TOO_LONG");
    EXPECT_NE(reply.Json("message").find("8193"), std::string::npos);
    EXPECT_TRUE(client.AtEnd());
}

// JSON of just so many bytes.
std::string BodyOf(size_t bytes) {
    return "{\"text\":\"" + std::string(bytes - 11, 'x') + "\"}";
}

TEST_F(Limits, BodyBytesByContentLength) {
    Start();
    Client client(port());
    Reply reply = client.Ask(Post("/v1/echo", BodyOf(1 << 20)));
    ASSERT_EQ(reply.status, 200);
    EXPECT_GT(reply.body.size(), 1u << 20);
    // The connection stays: the body was read to its end.
    reply = client.Ask(Post("/v1/echo", BodyOf((1 << 20) + 1)));
    ExpectError(reply, 413, "INVALID_ARGUMENT", "BODY_TOO_LARGE");
    EXPECT_NE(reply.Json("message").find("1048577"), std::string::npos);
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
    EXPECT_EQ(upstream().calls(), 2);
}

TEST_F(Limits, ABodyFarBeyondIsRefusedBeforeItIsSent) {
    Start();
    Client client(port());
    Reply reply = client.Ask("POST /v1/echo HTTP/1.1\r\nHost: h\r\n"
                             "Content-Length: 1000000000\r\n\r\n");
    ExpectError(reply, 413, "INVALID_ARGUMENT", "BODY_TOO_LARGE");
    EXPECT_TRUE(client.AtEnd());
}

std::string Chunked(const std::string &body, size_t chunk_bytes) {
    std::string request = "POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size(); at += chunk_bytes) {
        std::string chunk = body.substr(at, chunk_bytes);
        char size[32];
        snprintf(size, sizeof(size), "%zx\r\n", chunk.size());
        request += size + chunk + "\r\n";
    }
    return request + "0\r\n\r\n";
}

TEST_F(Limits, BodyBytesOfChunks) {
    Start();
    Client client(port());
    ASSERT_EQ(client.Ask(Chunked(BodyOf(1 << 20), 5000)).status, 200);
    ASSERT_EQ(client.Ask(Chunked(BodyOf(1 << 20), 1 << 20)).status, 200);
    ExpectError(client.Ask(Chunked(BodyOf((1 << 20) + 1), 5000)), 413, "INVALID_ARGUMENT",
                "BODY_TOO_LARGE");
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
}

TEST_F(Limits, ChunksWithoutEndAreCutOff) {
    struct gateway_limits limits = {};
    limits.body_bytes = 1000;
    Start(limits);
    Client client(port());
    std::string endless = Chunked(std::string(50 << 20, 'x'), 60000);
    EXPECT_FALSE(client.Send(endless));
    ExpectOk(Client(port()).Ask(Request("GET", "/v1/echo/a")));
}

TEST_F(Limits, AConfiguredBodyBytes) {
    struct gateway_limits limits = {};
    limits.body_bytes = 20;
    Start(limits);
    Client client(port());
    ExpectOk(client.Ask(Post("/v1/echo", BodyOf(20))));
    ExpectError(client.Ask(Post("/v1/echo", BodyOf(21))), 413, "INVALID_ARGUMENT",
                "BODY_TOO_LARGE");
}

TEST_F(Limits, ConnectionsBeyondTheLimitWait) {
    struct gateway_limits limits = {};
    limits.connections = 3;
    Start(limits);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 3; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        ExpectOk(clients.back()->Ask(Request("GET", "/v1/echo/a")));
    }
    Client one_more(port());
    one_more.Send(Request("GET", "/v1/echo/a"));
    // Those that are in are served as before.
    for (auto &client : clients) {
        ExpectOk(client->Ask(Request("GET", "/v1/echo/a")));
    }
    EXPECT_EQ(upstream().calls(), 6);
    EXPECT_TRUE(one_more.Quiet());
    clients.pop_back();
    ExpectOk(one_more.Receive());
}

// --- times ---

class Timeouts : public GatewayTest {
  protected:
    void SetUp() override {
        struct gateway_limits limits = {};
        limits.request_timeout_ms = 500;
        limits.idle_timeout_ms = 3'600'000;
        Start(limits);
    }
    // Sends begin, then drips; returns the reply that ends it.
    Reply Drip(Client &client, const std::string &begin) {
        client.Send(begin);
        EXPECT_TRUE(Await([&] { return !client.Quiet() || !client.Send("x"); }));
        return client.Receive();
    }
};

TEST_F(Timeouts, AHeadThatDripsIsEndedWith408) {
    Client client(port());
    Reply reply = Drip(client, "GET /v1/echo/a HTTP/1.1\r\nHost: h\r\nX: ");
    ExpectError(reply, 408, "DEADLINE_EXCEEDED", "REQUEST_TIMEOUT");
    EXPECT_EQ(reply.Header("connection"), "close");
    EXPECT_TRUE(client.AtEnd());
    std::string line = LogLine(reply.Json("requestId"));
    EXPECT_NE(line.find("\"status\":408"), std::string::npos) << line;
}

TEST_F(Timeouts, ABodyThatDripsIsEndedWith408AndItsOwnRequestId) {
    Client client(port());
    Reply reply = Drip(client, "POST /v1/echo HTTP/1.1\r\nHost: h\r\nX-Request-Id: dripping\r\n"
                               "Content-Length: 1000000\r\n\r\n{");
    ExpectError(reply, 408, "DEADLINE_EXCEEDED", "REQUEST_TIMEOUT");
    EXPECT_EQ(reply.Json("requestId"), "dripping");
    EXPECT_TRUE(client.AtEnd());
    EXPECT_NE(LogLine("\"requestId\":\"dripping\"").find("\"status\":408"), std::string::npos);
    EXPECT_EQ(upstream().calls(), 0);
}

TEST_F(Timeouts, ChunksThatDripAreEndedWith408) {
    Client client(port());
    Reply reply = Drip(client, "POST /v1/echo HTTP/1.1\r\nHost: h\r\nX-Request-Id: chunks\r\n"
                               "Transfer-Encoding: chunked\r\n\r\nfffff\r\n");
    ExpectError(reply, 408, "DEADLINE_EXCEEDED", "REQUEST_TIMEOUT");
    EXPECT_EQ(reply.Json("requestId"), "chunks");
}

TEST_F(Timeouts, ASecondRequestThatDripsIsEndedToo) {
    Client client(port());
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
    ExpectError(Drip(client, "GET /v1/echo/a HTTP/1.1\r\nHost: h\r\nX: "), 408, "DEADLINE_EXCEEDED",
                "REQUEST_TIMEOUT");
}

TEST_F(Timeouts, ACallMayLastLongerThanTheRequestMayTake) {
    Client client(port());
    Client witness(port());
    ASSERT_TRUE(client.Send(Request("GET", "/v1/held")));
    ASSERT_TRUE(upstream().AwaitHeld(1));
    // By the time another request was given up, this one would have been too.
    ExpectError(Drip(witness, "GET /v1/echo/a HTTP/1.1\r\nX: "), 408, "DEADLINE_EXCEEDED",
                "REQUEST_TIMEOUT");
    upstream().ReleaseAll();
    ExpectOk(client.Receive());
}

// CPU seconds that this process has used.
double CpuSeconds() {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

// A chunk's extension has no end that libmicrohttpd could hand on: its buffer is full.
TEST_F(Timeouts, ARequestThatCannotGoOnCostsNoCpuUntilItIsEnded) {
    Client client(port());
    client.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nX-Request-Id: stuck\r\n"
                "Transfer-Encoding: chunked\r\n\r\ne;" +
                std::string(200 << 10, 'x'));
    double cpu = CpuSeconds();
    int64_t begin_us = clock_monotonic_us();
    Reply reply = client.Receive();
    double seconds = static_cast<double>(clock_monotonic_us() - begin_us) / 1e6;
    ExpectError(reply, 408, "DEADLINE_EXCEEDED", "REQUEST_TIMEOUT");
    EXPECT_LT(CpuSeconds() - cpu, seconds / 2);
    EXPECT_TRUE(client.AtEnd());
}

TEST_F(Limits, AQuietConnectionIsClosed) {
    struct gateway_limits limits = {};
    limits.idle_timeout_ms = 1000;
    Start(limits);
    Client client(port());
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
    EXPECT_TRUE(client.AtEnd());
}

TEST_F(Limits, AFirstLineThatDripsIsEndedWith408) {
    struct gateway_limits limits = {};
    limits.idle_timeout_ms = 1000;
    limits.request_timeout_ms = 500;
    Start(limits);
    Client client(port());
    client.Send("GET /");
    EXPECT_TRUE(Await([&] { return !client.Quiet() || !client.Send("x"); }));
    ExpectError(client.Receive(), 408, "DEADLINE_EXCEEDED", "REQUEST_TIMEOUT");
    EXPECT_TRUE(client.AtEnd());
}

} // namespace
