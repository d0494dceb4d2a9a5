#include <thread>
#include <zlib.h>

#include "tests/gateway/http/fixture.h"

extern "C" {
#include "gateway/local/local_route.h"
#include "gateway/local/readiness.h"
}

// Pages that the gateway answers by itself, and who is ready when.

namespace {

constexpr int kServing = 1;
constexpr int kNotServing = 2;

constexpr size_t kPlainBytes = 300000;

const char kOk[] = "{\"status\":\"ok\"}\n";
const char kUnavailable[] = "{\"status\":\"unavailable\"}\n";

class Local : public GatewayTest {
  protected:
    Reply Ask(const std::string &request) {
        Client client(port());
        return client.Ask(request);
    }
};

void ExpectPage(const Reply &reply, int status, const std::string &body) {
    EXPECT_EQ(reply.status, status);
    EXPECT_EQ(reply.body, body);
    EXPECT_EQ(reply.Header("content-type"), "application/json");
    EXPECT_EQ(reply.Header("cache-control"), "no-store");
    EXPECT_EQ(reply.Header("content-length"), std::to_string(body.size()));
    EXPECT_EQ(reply.Header("retry-after"), status == 503 ? "1" : "(none)");
    EXPECT_NE(reply.Header("x-request-id"), "(none)");
}

TEST_F(Local, HealthzSaysThatHttpIsServed) {
    Start();
    Client client(port());
    Reply reply = client.Ask(Request("GET", "/healthz", "X-Request-Id: ours\r\n"));
    ExpectPage(reply, 200, kOk);
    EXPECT_EQ(reply.Header("x-request-id"), "ours");
    EXPECT_EQ(upstream().health_calls(), 0);
    // The connection goes on; whatever the query says, it is the same page.
    ExpectPage(client.Ask(Request("GET", "/healthz?a=b&%zz")), 200, kOk);
    // Balancers ask all day: what went well is logged at debug, and this log begins at info.
    client.Ask(Request("DELETE", "/healthz", "X-Request-Id: later\r\n"));
    std::string line = LogLine("\"later\"");
    EXPECT_NE(line.find("\"path\":\"/healthz\",\"status\":405,"), std::string::npos) << line;
    EXPECT_EQ(Log().find("\"ours\""), std::string::npos);
}

TEST_F(Local, HeadHasTheHeadersAlone) {
    Start();
    Client client(port());
    for (const std::string path : {"/healthz", "/readyz"}) {
        Reply reply = client.Ask(Request("HEAD", path), true);
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(reply.Header("content-length"), std::to_string(strlen(kOk)));
        EXPECT_EQ(reply.body, "");
    }
}

TEST_F(Local, OtherVerbsAreNotAllowed) {
    Start();
    Client client(port());
    for (const std::string verb : {"POST", "PUT", "DELETE", "PATCH", "get"}) {
        Reply reply = client.Ask(Request(verb, "/readyz"));
        ExpectError(reply, 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED");
        EXPECT_EQ(reply.Header("allow"), "GET, HEAD, OPTIONS");
    }
    Reply reply = client.Ask(Request("OPTIONS", "/readyz"));
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.Header("allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(upstream().health_calls(), 0);
}

TEST_F(Local, BrowsersOfAllowedOriginsMayReadThem) {
    const char *origins[] = {"https://a.example"};
    http_.cors_origins = origins;
    http_.cors_origin_count = 1;
    Start();
    std::string origin = "Origin: https://a.example\r\n";
    Reply preflight =
        Ask(Request("OPTIONS", "/readyz", origin + "Access-Control-Request-Method: GET\r\n"));
    EXPECT_EQ(preflight.status, 204);
    EXPECT_EQ(preflight.Header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    Reply reply = Ask(Request("GET", "/readyz", origin));
    EXPECT_EQ(reply.Header("access-control-allow-origin"), "https://a.example");
    EXPECT_EQ(Ask(Request("GET", "/readyz")).Header("access-control-allow-origin"), "(none)");
}

TEST_F(Local, OtherSpellingsAreOtherPaths) {
    Start();
    for (const std::string path : {"/healthz/", "/Healthz", "//healthz", "/healthz/x", "/healthzz",
                                   "/health", "/%68ealthz", "/readyz;a"}) {
        ExpectError(Ask(Request("GET", path)), 404, "NOT_FOUND", "ROUTE_NOT_FOUND");
    }
    ExpectError(Ask(Request("GET", "/healthz%")), 400, "INVALID_ARGUMENT", "PATH_INVALID");
}

TEST_F(Local, ABodyIsDropped) {
    struct gateway_limits limits = {};
    limits.body_bytes = 100 << 10;
    Start(limits);
    Client client(port());
    for (const std::string type : {"application/json", "text/plain"}) {
        std::string headers = "Content-Type: " + type + "\r\n";
        std::string body(100 << 10, '{');
        ExpectPage(client.Ask(Request("GET", "/healthz", headers, body)), 200, kOk);
    }
    std::string chunked = "Transfer-Encoding: chunked\r\n";
    ExpectPage(client.Ask(Request("GET", "/healthz", chunked) + "3\r\nabc\r\n0\r\n\r\n"), 200, kOk);
    ExpectError(client.Ask(Request("GET", "/healthz", "", std::string((100 << 10) + 1, 'x'))), 413,
                "INVALID_ARGUMENT", "BODY_TOO_LARGE");
}

TEST_F(Local, PagesTakeNoPlaceAmongTheCalls) {
    struct gateway_limits limits = {};
    limits.calls_in_flight = 1;
    limits.reserved_calls = -1;
    Start(limits);
    Client held(port()), other(port());
    held.Send(Request("GET", "/v1/held"));
    ASSERT_TRUE(upstream().AwaitHeld(1));
    ExpectPage(other.Ask(Request("GET", "/healthz")), 200, kOk);
    ExpectPage(other.Ask(Request("GET", "/readyz")), 200, kOk);
    EXPECT_EQ(other.Ask(Request("GET", "/v1/seen")).status, 429);
    upstream().ReleaseAll();
    ExpectOk(held.Receive());
}

// --- who is ready ---

TEST_F(Local, IsReadyAsTheUpstreamsHealthServiceSays) {
    struct {
        int status;
        bool is_ready;
    } rows[] = {{0, false}, {kServing, true}, {kNotServing, false},
                {3, false}, {77, false},      {Upstream::kNoHealth, true}};
    Start();
    Client client(port());
    for (const auto &row : rows) {
        SCOPED_TRACE(row.status);
        upstream().SetHealth(row.status);
        // What was known before counts for a moment.
        Reply reply;
        EXPECT_TRUE(Await([&] {
            reply = client.Ask(Request("GET", "/readyz"));
            return (reply.status == 200) == row.is_ready;
        }));
        ExpectPage(reply, row.is_ready ? 200 : 503, row.is_ready ? kOk : kUnavailable);
        ExpectPage(client.Ask(Request("GET", "/healthz")), 200, kOk);
    }
    EXPECT_NE(LogLine("the upstream does not serve"), "");
    EXPECT_NE(LogLine("\"the upstream serves\""), "");
}

TEST_F(Local, ManyWhoAskAtOnceWaitForOneCheck) {
    upstream().SetHealth(Upstream::kHoldHealth);
    Start();
    constexpr int kClients = 32;
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < kClients; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        clients.back()->Send(Request("GET", "/readyz"));
    }
    AwaitReceived();
    ASSERT_TRUE(Await([&] { return upstream().health_calls() > 0; }));
    upstream().SetHealth(kNotServing);
    for (auto &client : clients) {
        // Either what the check said, or, if it was held too long, that it said nothing.
        ExpectPage(client->Receive(), 503, kUnavailable);
    }
    EXPECT_LT(upstream().health_calls(), kClients);
}

TEST_F(Local, AnUpstreamThatDoesNotAnswerIsNotReady) {
    upstream().SetHealth(Upstream::kHoldHealth);
    Start();
    ExpectPage(Ask(Request("GET", "/readyz")), 503, kUnavailable);
    EXPECT_NE(LogLine("the upstream does not serve").find("DEADLINE_EXCEEDED"), std::string::npos);
}

TEST_F(Local, IsNotReadyWhileTheUpstreamIsAway) {
    StopUpstream();
    Start();
    Client client(port());
    ExpectPage(client.Ask(Request("GET", "/readyz")), 503, kUnavailable);
    ExpectPage(client.Ask(Request("GET", "/healthz")), 200, kOk);
    StartUpstream();
    EXPECT_TRUE(Await([&] { return client.Ask(Request("GET", "/readyz")).status == 200; }));
    StopUpstream();
    EXPECT_TRUE(Await([&] { return client.Ask(Request("GET", "/readyz")).status == 503; }));
}

TEST_F(Local, WhoServesInTheSameProcessIsAskedInsteadOfTheUpstream) {
    std::atomic<bool> is_ready{false};
    readiness_ = {[](void *ready) { return static_cast<std::atomic<bool> *>(ready)->load(); },
                  &is_ready};
    Start();
    Client client(port());
    ExpectPage(client.Ask(Request("GET", "/readyz")), 503, kUnavailable);
    is_ready = true;
    ExpectPage(client.Ask(Request("GET", "/readyz")), 200, kOk);
    is_ready = false;
    ExpectPage(client.Ask(Request("GET", "/readyz")), 503, kUnavailable);
    EXPECT_EQ(upstream().health_calls(), 0);
}

TEST_F(Local, AClientThatLeavesIsNotWaitedFor) {
    upstream().SetHealth(Upstream::kHoldHealth);
    Start();
    {
        Client client(port());
        client.Send(Request("GET", "/readyz"));
        ASSERT_TRUE(Await([&] { return upstream().health_calls() > 0; }));
        client.Reset();
    }
    upstream().SetHealth(kServing);
    EXPECT_TRUE(Await([&] { return Ask(Request("GET", "/readyz")).status == 200; }));
}

TEST_F(Local, FromAStopsBeginningItIsNotReadyWhileCallsEnd) {
    upstream().SetHealth(kServing);
    Start();
    Client held(port()), begun(port()), alive(port());
    held.Send(Request("GET", "/v1/held"));
    ASSERT_TRUE(upstream().AwaitHeld(1));
    std::string request = Request("GET", "/readyz");
    ExpectPage(begun.Ask(request), 200, kOk);
    // Half a request each, so that the connections are there during the stop.
    size_t half = request.size() - 4;
    begun.Send(request.substr(0, half));
    alive.Send(Request("GET", "/healthz").substr(0, half));
    AwaitReceived();
    std::thread stop([this] { Stop(1000LL * kPatienceSeconds); });
    EXPECT_TRUE(Await([this] { return !Client(port()).connected(); }));
    begun.Send(request.substr(half));
    ExpectPage(begun.Receive(), 503, kUnavailable);
    EXPECT_TRUE(begun.AtCleanEnd());
    alive.Send(Request("GET", "/healthz").substr(half));
    ExpectPage(alive.Receive(), 200, kOk);
    EXPECT_EQ(upstream().held(), 1u);
    upstream().ReleaseAll();
    ExpectOk(held.Receive());
    stop.join();
}

TEST_F(Local, AStopAnswersWhoWaitsForACheck) {
    upstream().SetHealth(Upstream::kHoldHealth);
    Start();
    Client client(port());
    client.Send(Request("GET", "/readyz"));
    ASSERT_TRUE(Await([&] { return upstream().health_calls() > 0; }));
    Stop(1000LL * kPatienceSeconds);
    ExpectPage(client.Receive(), 503, kUnavailable);
    EXPECT_TRUE(client.AtCleanEnd());
}

// --- pages of other kinds ---

std::string static_body;

void AnswerStatic(const struct local_request *request, struct arena *arena,
                  struct local_reply *ret_reply) {
    (void)request;
    (void)arena;
    *ret_reply = {200,
                  STATUS_OK,
                  "text/plain",
                  "public, max-age=31536000, immutable",
                  slice_of(static_body.data(), static_body.size()),
                  true,
                  slice_of_cstr("not really gzip"),
                  "\"tag\"",
                  0,
                  nullptr,
                  0};
}

void AnswerMade(const struct local_request *request, struct arena *arena,
                struct local_reply *ret_reply) {
    ret_reply->http_status = 200;
    ret_reply->media_type = "text/plain";
    ret_reply->body = slice_of_cstr(
        arena_printf(arena, "%.*s:%.*s", SLICE_FMT(request->method), SLICE_FMT(request->query)));
}

// The row's data is the gzip form of a text of PlainText.
void AnswerStored(const struct local_request *request, struct arena *arena,
                  struct local_reply *ret_reply) {
    (void)arena;
    static const struct local_header headers[] = {{"Content-Security-Policy", "default-src 'none'"},
                                                  {"Referrer-Policy", "no-referrer"}};
    const std::string *gzip = static_cast<const std::string *>(request->data);
    ret_reply->http_status = 200;
    ret_reply->media_type = "text/plain";
    ret_reply->is_static = true;
    ret_reply->gzip = slice_of(gzip->data(), gzip->size());
    ret_reply->gzip_plain_bytes = kPlainBytes;
    ret_reply->etag = "W/\"stored\"";
    ret_reply->headers = headers;
    ret_reply->header_count = 2;
}

// Compresses to about a third.
std::string PlainText(size_t size) {
    std::string text;
    for (unsigned n = 1; text.size() < size; n = n * 1103515245 + 12345) {
        text += std::to_string(n % 1000000007) + "\n";
    }
    text.resize(size);
    return text;
}

std::string Gzip(const std::string &text) {
    z_stream z = {};
    EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string gzip(deflateBound(&z, text.size()), '\0');
    z.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef *>(&gzip[0]);
    z.avail_out = static_cast<uInt>(gzip.size());
    EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    gzip.resize(z.total_out);
    deflateEnd(&z);
    return gzip;
}

const std::string kStored = Gzip(PlainText(kPlainBytes));
const std::string kBroken = kStored.substr(0, kStored.size() / 2);
const std::string kShort = Gzip(PlainText(kPlainBytes - 1));
const std::string kNoGzip = PlainText(100);

const struct local_route kRows[] = {
    {"/static", "GET", AnswerStatic, false, false, "does not change", false, nullptr, false},
    {"/v1/echo", "GET, POST", AnswerMade, false, false, "POST is the API's", false, nullptr, false},
    {"/v1/echo/a", "GET", AnswerMade, false, false, "GET is the API's", false, nullptr, false},
    {"/secret", "GET", AnswerMade, false, true, "wants a token", false, nullptr, false},
    {"/", "GET", AnswerMade, false, false, "for browsers", true, nullptr, false},
    {"/stored", "GET", AnswerStored, false, false, "compressed", false, &kStored, false},
    {"/broken", "GET", AnswerStored, false, false, "breaks off", false, &kBroken, false},
    {"/short", "GET", AnswerStored, false, false, "a byte less", false, &kShort, false},
    {"/no-gzip", "GET", AnswerStored, false, false, "something else", false, &kNoGzip, false},
};
const struct local_table kTable = {kRows, sizeof(kRows) / sizeof(kRows[0])};

TEST_F(Local, ALargeStaticBodyIsSentAsItIs) {
    static_body = std::string(8 << 20, 'x');
    local_ = &kTable;
    Start();
    Client client(port());
    Reply reply = client.Ask(Request("GET", "/static"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body.size(), static_body.size());
    EXPECT_EQ(reply.Header("etag"), "\"tag\"");
    EXPECT_EQ(reply.Header("cache-control"), "public, max-age=31536000, immutable");
    EXPECT_EQ(reply.Header("vary"), "Accept-Encoding");
    EXPECT_EQ(reply.Header("content-encoding"), "(none)");
    reply = client.Ask(Request("GET", "/static", "Accept-Encoding: gzip\r\n"));
    EXPECT_EQ(reply.Header("content-encoding"), "gzip");
    EXPECT_EQ(reply.body, "not really gzip");
    reply = client.Ask(Request("GET", "/static", "If-None-Match: W/\"tag\"\r\n"));
    EXPECT_EQ(reply.status, 304);
    EXPECT_EQ(reply.body, "");
    EXPECT_EQ(reply.Header("etag"), "\"tag\"");
    EXPECT_EQ(client.Ask(Request("GET", "/static", "If-None-Match: \"other\"\r\n")).status, 200);
    ExpectError(client.Ask(Request("GET", "/healthz")), 404, "NOT_FOUND", "ROUTE_NOT_FOUND");
}

TEST_F(Local, ABodyThatIsStoredCompressedIsInflatedForThoseWhoTakeItPlain) {
    local_ = &kTable;
    Start();
    Client client(port());
    Reply reply = client.Ask(Request("GET", "/stored", "Accept-Encoding: gzip\r\n"));
    EXPECT_EQ(reply.Header("content-encoding"), "gzip");
    EXPECT_EQ(reply.body, kStored);
    for (const std::string accept :
         {"", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n"}) {
        reply = client.Ask(Request("GET", "/stored", accept));
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(reply.Header("content-encoding"), "(none)");
        EXPECT_EQ(reply.Header("content-length"), std::to_string(kPlainBytes));
        EXPECT_EQ(reply.Header("vary"), "Accept-Encoding");
        EXPECT_TRUE(reply.body == PlainText(kPlainBytes)) << reply.body.size();
    }
    reply = client.Ask(Request("HEAD", "/stored"), true);
    EXPECT_EQ(reply.Header("content-length"), std::to_string(kPlainBytes));
    reply = client.Ask(Request("GET", "/stored", "If-None-Match: W/\"stored\"\r\n"));
    EXPECT_EQ(reply.status, 304);
    EXPECT_EQ(client.Ask(Request("GET", "/stored")).status, 200);
}

TEST_F(Local, ABodyThatCannotBeInflatedEndsTheConnection) {
    local_ = &kTable;
    Start();
    for (const std::string path : {"/broken", "/short", "/no-gzip"}) {
        Client client(port());
        client.Send(Request("GET", path));
        std::string text = client.ReceiveAll();
        size_t head = text.find("\r\n\r\n");
        ASSERT_NE(head, std::string::npos) << path;
        EXPECT_LT(text.size() - head - 4, kPlainBytes) << path;
    }
    // Those after it are served.
    EXPECT_EQ(Ask(Request("GET", "/stored")).body.size(), kPlainBytes);
}

TEST_F(Local, APageHasItsOwnHeadersToo) {
    local_ = &kTable;
    Start();
    for (const std::string more : {"", "If-None-Match: \"stored\"\r\n"}) {
        Reply reply = Ask(Request("GET", "/stored", more));
        EXPECT_EQ(reply.Header("content-security-policy"), "default-src 'none'");
        EXPECT_EQ(reply.Header("referrer-policy"), "no-referrer");
        EXPECT_NE(reply.Header("x-request-id"), "(none)");
    }
}

TEST_F(Local, APageForBrowsersIsThereForThoseWhoAskForHtmlByName) {
    local_ = &kTable;
    Start();
    for (const std::string accept : {"text/html", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
                                     "application/json, TEXT/HTML ; level=1"}) {
        EXPECT_EQ(Ask(Request("GET", "/", "Accept: " + accept + "\r\n")).body, "GET:") << accept;
    }
    EXPECT_EQ(Ask(Request("GET", "/", "Accept: a/b\r\nAccept: text/html\r\n")).status, 200);
    for (const std::string headers : {"", "Accept: */*\r\n", "Accept: text/*\r\n",
                                      "Accept: application/json\r\n", "Accept: text/htmlx\r\n"}) {
        ExpectError(Ask(Request("GET", "/", headers)), 404, "NOT_FOUND", "ROUTE_NOT_FOUND");
    }
    ExpectError(Ask(Request("POST", "/")), 404, "NOT_FOUND", "ROUTE_NOT_FOUND");
}

TEST_F(Local, ARouteOfTheApiComesFirst) {
    local_ = &kTable;
    Start();
    Client client(port());
    EXPECT_EQ(client.Ask(Post("/v1/echo", "{\"text\":\"b\"}")).Json("data.text"), "b");
    EXPECT_EQ(client.Ask(Request("GET", "/v1/echo/a")).Json("data.text"), "a");
    EXPECT_EQ(client.Ask(Request("GET", "/v1/echo?q=1")).body, "GET:q=1");
    EXPECT_EQ(client.Ask(Request("HEAD", "/v1/echo"), true).status, 200);
    Reply reply = client.Ask(Request("PUT", "/v1/echo"));
    ExpectError(reply, 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED");
    EXPECT_EQ(reply.Header("allow"), "POST, GET, HEAD, OPTIONS");
    EXPECT_EQ(client.Ask(Request("OPTIONS", "/v1/echo")).Header("allow"),
              "POST, GET, HEAD, OPTIONS");
}

TEST_F(Local, WithoutAnybodyWhoKnowsCallersThereIsNoPageForThem) {
    local_ = &kTable;
    Start();
    for (const std::string verb : {"GET", "POST", "OPTIONS"}) {
        ExpectError(Ask(Request(verb, "/secret")), 404, "NOT_FOUND", "ROUTE_NOT_FOUND");
    }
}

const struct error *CheckCaller(void *context, struct arena *a,
                                const struct gateway_caller *caller) {
    (void)context;
    if (caller->has_authorization && slice_equal_cstr(caller->authorization, "Bearer known")) {
        return nullptr;
    }
    struct error *error =
        error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_INVALID, "the token is not known");
    error->domain = REASON_DOMAIN_RUNS;
    return error;
}

TEST_F(Local, APageThatNeedsATokenIsForCallersWhoAreKnown) {
    local_ = &kTable;
    authorizer_.check = CheckCaller;
    Start();
    for (const std::string headers : {"", "Authorization: Bearer other\r\n"}) {
        Reply reply = Ask(Request("GET", "/secret", headers));
        ExpectError(reply, 401, "UNAUTHENTICATED", "TOKEN_INVALID");
        EXPECT_EQ(reply.Header("www-authenticate"), "Bearer");
    }
    EXPECT_EQ(Ask(Request("GET", "/secret", "Authorization: Bearer known\r\n")).body, "GET:");
    // Other pages need none.
    EXPECT_EQ(Ask(Request("GET", "/v1/echo")).status, 200);
}

TEST_F(Local, WhereOnlyTheUpstreamKnowsCallersItIsAsked) {
    local_ = &kTable;
    has_own_methods_ = false;
    Start();
    std::string known = "Authorization: Bearer known\r\n";
    for (const std::string headers : {"", "Authorization: Bearer other\r\n"}) {
        Reply reply = Ask(Request("GET", "/secret", headers));
        ExpectError(reply, 401, "UNAUTHENTICATED", "TEST_REASON");
    }
    Client client(port());
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(client.Ask(Request("GET", "/secret?q", known)).body, "GET:q");
    }
    EXPECT_EQ(client.Ask(Request("GET", "/secret", known, "a body")).body, "GET:");
    // An upstream that cannot tell: nobody is let in.
    upstream().SetCallerRefusal(STATUS_UNIMPLEMENTED);
    EXPECT_EQ(Ask(Request("GET", "/secret")).status, 501);
}

} // namespace
