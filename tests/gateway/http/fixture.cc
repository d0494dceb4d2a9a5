#include "tests/gateway/http/fixture.h"

#include <arpa/inet.h>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

extern "C" {
#include "base/core/clock.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
}

namespace {

bool RunsWithTls() {
    return getenv("RUNSD_TEST_TLS") != nullptr;
}

constexpr auto kPatience = std::chrono::seconds(kPatienceSeconds);

std::string ReadFile(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in.good()) << path;
    std::stringstream s;
    s << in.rdbuf();
    return s.str();
}

} // namespace

bool Await(const std::function<bool()> &condition) {
    auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

TempDir::TempDir() {
    // Not below TEST_TMPDIR: a unix socket's path has room for 107 bytes.
    char path[] = "/tmp/http-test-XXXXXX";
    if (mkdtemp(path) == nullptr) {
        abort();
    }
    path_ = path;
}

TempDir::~TempDir() {
    std::filesystem::remove_all(path_);
}

// --- replies ---

std::string Reply::Header(const std::string &name) const {
    auto range = headers.equal_range(name);
    if (range.first == range.second) {
        return "(none)";
    }
    return std::next(range.first) == range.second ? range.first->second : "(several)";
}

std::string Reply::Json(const std::string &path) const {
    google::protobuf::Value value;
    if (!google::protobuf::util::JsonStringToMessage(body, value.mutable_struct_value()).ok()) {
        return "(no JSON)";
    }
    std::stringstream keys(path);
    for (std::string key; std::getline(keys, key, '.');) {
        const auto &fields = value.struct_value().fields();
        auto it = fields.find(key);
        if (it == fields.end()) {
            return "(none)";
        }
        google::protobuf::Value inner = it->second;
        value = inner;
    }
    if (value.has_string_value()) {
        return value.string_value();
    }
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(value, &json).ok());
    return json;
}

static void ExpectEnvelope(const Reply &reply, int status) {
    ASSERT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.Json("code"), std::to_string(status)) << reply.body;
    EXPECT_EQ(reply.Header("content-type"), "application/json");
    EXPECT_EQ(reply.Header("cache-control"),
              reply.headers.count("etag") != 0 ? "private, no-cache" : "no-store");
    EXPECT_EQ(reply.Header("content-length"), std::to_string(reply.body.size()));
    EXPECT_EQ(reply.Header("x-request-id"), reply.Json("requestId"));
    EXPECT_GE(reply.Json("requestId").size(), 1u);
}

void ExpectError(const Reply &reply, int status, const std::string &code,
                 const std::string &reason) {
    ExpectEnvelope(reply, status);
    EXPECT_EQ(reply.Json("error.status"), code) << reply.body;
    EXPECT_EQ(reply.Json("error.reason"), reason) << reply.body;
    EXPECT_EQ(reply.Json("data"), "(none)");
    EXPECT_NE(reply.Json("message"), "");
}

void ExpectOk(const Reply &reply) {
    ExpectEnvelope(reply, 200);
    EXPECT_EQ(reply.Json("message"), "success");
    EXPECT_EQ(reply.Json("error"), "(none)");
}

// --- client ---

Client::Client(const std::string &address, bool small_buffer) {
    struct sockaddr_in in = {};
    struct sockaddr_un un = {};
    bool is_unix = address.rfind("unix:", 0) == 0;
    fd_ = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {kPatienceSeconds, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (small_buffer) {
        int bytes = 1;
        setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    }
    if (is_unix) {
        un.sun_family = AF_UNIX;
        snprintf(un.sun_path, sizeof(un.sun_path), "%s", address.c_str() + 5);
        connected_ = connect(fd_, reinterpret_cast<struct sockaddr *>(&un), sizeof(un)) == 0;
        return;
    }
    in.sin_family = AF_INET;
    in.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<struct sockaddr *>(&in), sizeof(in)) == 0;
    if (RunsWithTls()) {
        UseTls();
    }
}

void Client::UseTls(const Certificate *certificate, const std::string &priorities) {
    tls_ = std::make_unique<TlsClient>(fd_, certificate, priorities);
}

Client::Client(int port, bool small_buffer)
    : Client("127.0.0.1:" + std::to_string(port), small_buffer) {}

Client::~Client() {
    Close();
}

bool Client::Send(const std::string &bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
        ssize_t n = tls_ != nullptr
                        ? tls_->Send(bytes.data() + sent, bytes.size() - sent)
                        : send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        sent += static_cast<size_t>(n);
    }
    return true;
}

ssize_t Client::ReceiveBytes(char *bytes, size_t size) {
    return tls_ != nullptr ? tls_->Receive(bytes, size) : recv(fd_, bytes, size, 0);
}

bool Client::Fill() {
    char block[65536];
    ssize_t n = ReceiveBytes(block, sizeof(block));
    if (n > 0) {
        buffer_.append(block, static_cast<size_t>(n));
    }
    return n > 0;
}

void Client::ReceiveSome(size_t bytes) {
    std::string block(bytes, '\0');
    ssize_t n = ReceiveBytes(block.data(), block.size());
    buffer_.append(block, 0, n > 0 ? static_cast<size_t>(n) : 0);
}

Reply Client::TakeHead(size_t *ret_size) {
    Reply reply;
    size_t head;
    while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!Fill()) {
            return reply;
        }
    }
    std::stringstream lines(buffer_.substr(0, head));
    std::string line;
    std::getline(lines, line);
    reply.status = std::stoi(line.substr(line.find(' ') + 1));
    while (std::getline(lines, line)) {
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        size_t colon = line.find(':');
        std::string name = line.substr(0, colon);
        for (char &c : name) {
            c = static_cast<char>(tolower(c));
        }
        reply.headers.emplace(name, line.substr(line.find_first_not_of(' ', colon + 1)));
    }
    *ret_size = head + 4;
    return reply;
}

Reply Client::Receive(bool to_head) {
    size_t head;
    Reply reply = TakeHead(&head);
    int status = reply.status;
    reply.status = 0;
    if (status == 0) {
        return reply;
    }
    size_t size = 0;
    if (!to_head && status != 304 && reply.headers.count("content-length") != 0) {
        size = std::stoul(reply.Header("content-length"));
    }
    while (buffer_.size() < head + size) {
        if (!Fill()) {
            return reply;
        }
    }
    reply.body = buffer_.substr(head, size);
    buffer_.erase(0, head + size);
    reply.status = status;
    return reply;
}

Reply Client::ReceiveHead() {
    size_t head;
    Reply reply = TakeHead(&head);
    if (reply.status != 0) {
        buffer_.erase(0, head);
    }
    return reply;
}

std::string Client::ReceiveChunks(const std::string &text) {
    std::string body;
    ended_ = false;
    while (text.empty() || body.find(text) == std::string::npos) {
        size_t line = buffer_.find("\r\n");
        size_t size = 0;
        if (line != std::string::npos) {
            size = std::stoul(buffer_.substr(0, line), nullptr, 16);
        }
        if (line == std::string::npos || buffer_.size() < line + 4 + size) {
            if (!Fill()) {
                return body;
            }
            continue;
        }
        body += buffer_.substr(line + 2, size);
        buffer_.erase(0, line + 4 + size);
        if (size == 0) {
            ended_ = true;
            return body;
        }
    }
    return body;
}

bool Client::AtEnd() {
    if (!buffer_.empty()) {
        return false;
    }
    char c;
    ssize_t n = ReceiveBytes(&c, 1);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

bool Client::AtCleanEnd() {
    char c;
    return buffer_.empty() && ReceiveBytes(&c, 1) == 0;
}

bool Client::Quiet() {
    struct pollfd p = {fd_, POLLIN, 0};
    return buffer_.empty() && (tls_ == nullptr || tls_->Pending() == 0) && poll(&p, 1, 0) == 0;
}

std::string Client::ReceiveAll() {
    while (Fill()) {
    }
    return buffer_;
}

void Client::CloseSending() {
    if (tls_ != nullptr) {
        tls_->EndSending();
    }
    shutdown(fd_, SHUT_WR);
}

void Client::Close() {
    tls_.reset();
    if (fd_ >= 0) {
        close(fd_);
        fd_ = -1;
    }
}

void Client::Reset() {
    struct linger now = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    Close();
}

std::string Request(const std::string &verb, const std::string &target, const std::string &headers,
                    const std::string &body) {
    std::string length =
        body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return verb + " " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + length + "\r\n" + body;
}

std::string Post(const std::string &target, const std::string &body, const std::string &headers) {
    return Request("POST", target, "Content-Type: application/json\r\n" + headers, body);
}

// --- the gateway ---

GatewayTest::GatewayTest()
    : log_fd_(memfd_create("log", MFD_CLOEXEC)), log_{log_fd_, LOG_INFO, "test", nullptr},
      one_thread_(getenv("RUNSD_TEST_ONE_THREAD") != nullptr),
      loop_(one_thread_ ? rpc_loop_new_local("front") : rpc_loop_new("gateway")),
      upstream_loop_(one_thread_ ? loop_ : rpc_loop_new("upstream")) {
    fcntl(log_fd_, F_SETFL, O_APPEND);
    arena_init(&arena_);
    if (RunsWithTls()) {
        CertificateOptions certificate;
        certificate.dns = "localhost";
        certificate_ = std::make_unique<Certificate>(certificate);
    }
    StartUpstream();
    if (one_thread_) {
        channel_ = rpc_channel_new_in_process(loop_, upstream_->server(), 0);
        return;
    }
    struct address address;
    EXPECT_EQ(address_parse(&arena_, "--upstream", UpstreamAddress().c_str(), &address), nullptr);
    struct rpc_channel_options options = {};
    options.address = &address;
    options.credentials = rpc_credentials_insecure_channel();
    channel_ = rpc_channel_new(loop_, &options);
}

GatewayTest::~GatewayTest() {
    if (upstream_ != nullptr) {
        upstream_->ReleaseAll();
    }
    Stop(10'000);
    rpc_channel_free(channel_);
    StopUpstream();
    rpc_loop_free(loop_);
    if (!one_thread_) {
        rpc_loop_free(upstream_loop_);
    }
    arena_release(&arena_);
    close(log_fd_);
}

void GatewayTest::AwaitReceived() {
    // The first is answered after every connection before it was taken, the others
    // after what these had sent: one turn of its loop reads all that is there.
    Client client(port());
    for (int i = 0; i < 3; i++) {
        ASSERT_EQ(client.Ask(Request("OPTIONS", "/v1/echo/a")).status, 204);
    }
}

void GatewayTest::StartUpstream() {
    upstream_ = std::make_unique<Upstream>(upstream_loop_, one_thread_ ? "" : UpstreamAddress());
}

void GatewayTest::StopUpstream() {
    upstream_.reset();
}

void GatewayTest::WriteCertificates() {
    WriteFile(dir_.Path("cert.pem"), certificate_->cert_pem());
    WriteFile(dir_.Path("key.pem"), certificate_->key_pem());
    if (client_authority_ != nullptr) {
        WriteFile(dir_.Path("ca.pem"), client_authority_->cert_pem());
    }
}

// The files are looked at when the test says so.
void GatewayTest::StartTls() {
    WriteCertificates();
    std::string cert = dir_.Path("cert.pem");
    std::string key = dir_.Path("key.pem");
    std::string ca = dir_.Path("ca.pem");
    struct tls_source_options options = {};
    options.log = &log_;
    options.cert = {"--tls-cert", cert.c_str()};
    options.key = {"--tls-key", key.c_str()};
    options.ca = {"--tls-client-ca", client_authority_ != nullptr ? ca.c_str() : nullptr};
    options.look_ms = -1;
    EXPECT_EQ(tls_source_start(&arena_, &options, &tls_), nullptr);
}

void GatewayTest::Start(struct gateway_limits limits, const std::string &listen) {
    ASSERT_EQ(StartError(limits, listen), "");
}

std::string GatewayTest::StartError(struct gateway_limits limits, const std::string &listen) {
    std::string set = ReadFile("tests/gateway/http/upstream.binpb");
    struct slice sets = slice_of(set.data(), set.size());
    struct gateway_options options = {};
    options.log = &log_;
    options.upstream = channel_;
    options.loop = one_thread_ ? loop_ : nullptr;
    options.limits = limits;
    options.http = http_;
    options.upstream_window = upstream_window_;
    options.readiness = readiness_;
    options.authorizer = authorizer_;
    options.local = local_;
    options.descriptor_sets = &sets;
    options.descriptor_set_count = has_own_methods_ ? 1 : 0;
    if (certificate_ != nullptr) {
        StartTls();
    }
    options.tls = tls_;
    options.client_auth = client_authority_ != nullptr ? client_auth_ : TLS_CLIENT_NONE;
    EXPECT_EQ(address_parse(&arena_, "--listen", listen.c_str(), &options.listen), nullptr);
    const struct error *error = gateway_start(&arena_, &options, &gateway_);
    if (error != nullptr) {
        return error->message;
    }
    port_ = gateway_port(gateway_);
    return "";
}

void GatewayTest::Stop(int64_t drain_ms) {
    gateway_stop(gateway_, drain_ms);
    gateway_ = nullptr;
    tls_source_stop(tls_);
    tls_ = nullptr;
}

std::string GatewayTest::Log() {
    std::string text;
    char block[65536];
    for (off_t at = 0;;) {
        ssize_t n = pread(log_fd_, block, sizeof(block), at);
        if (n <= 0) {
            return text;
        }
        text.append(block, static_cast<size_t>(n));
        at += n;
    }
}

std::string GatewayTest::LogLine(const std::string &text) {
    std::string line;
    Await([&] {
        std::stringstream lines(Log());
        while (std::getline(lines, line)) {
            if (line.find(text) != std::string::npos) {
                return true;
            }
        }
        line.clear();
        return false;
    });
    return line;
}
