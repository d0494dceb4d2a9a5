#include <arpa/inet.h>
#include <atomic>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "tests/rpc/client_stream_fixture.h"

// Our client with a server of another make, gRPC's C++: metadata, compression, and
// details that are not ours.

namespace {

// What the server does with each call, whatever its method.
struct Script {
    std::vector<std::pair<std::string, std::string>> initial;
    std::vector<std::pair<std::string, std::string>> trailing;
    std::vector<std::string> messages;
    grpc_compression_algorithm algorithm = GRPC_COMPRESS_NONE;
    grpc::Status status = grpc::Status::OK;
};

class ForeignServer : public grpc::CallbackGenericService {
  public:
    ForeignServer() {
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
        builder.RegisterCallbackGenericService(this);
        server_ = builder.BuildAndStart();
    }
    ~ForeignServer() override {
        Kill();
    }
    // Breaks every connection.
    void Kill() {
        server_->Shutdown(std::chrono::system_clock::now());
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(port_);
    }

    void Play(Script script) {
        std::lock_guard<std::mutex> lock(mutex_);
        script_ = std::move(script);
    }
    std::atomic<int> cancelled{0};
    std::atomic<int> ended{0};

  private:
    class Reactor : public grpc::ServerGenericBidiReactor {
      public:
        Reactor(ForeignServer *server, grpc::GenericCallbackServerContext *context)
            : server_(server) {
            std::lock_guard<std::mutex> lock(server_->mutex_);
            script_ = server_->script_;
            for (const auto &pair : script_.initial) {
                context->AddInitialMetadata(pair.first, pair.second);
            }
            for (const auto &pair : script_.trailing) {
                context->AddTrailingMetadata(pair.first, pair.second);
            }
            context->set_compression_algorithm(script_.algorithm);
            WriteNext();
        }
        void OnWriteDone(bool ok) override {
            if (ok) {
                WriteNext();
            } else {
                Finish(grpc::Status::CANCELLED);
            }
        }
        void OnCancel() override {
            server_->cancelled++;
        }
        void OnDone() override {
            server_->ended++;
            delete this;
        }

      private:
        void WriteNext() {
            if (next_ == script_.messages.size()) {
                Finish(script_.status);
                return;
            }
            grpc::Slice slice(script_.messages[next_++]);
            buffer_ = grpc::ByteBuffer(&slice, 1);
            StartWrite(&buffer_);
        }
        ForeignServer *server_;
        Script script_;
        grpc::ByteBuffer buffer_;
        size_t next_ = 0;
    };

    grpc::ServerGenericBidiReactor *
    CreateReactor(grpc::GenericCallbackServerContext *context) override {
        return new Reactor(this, context);
    }

    int port_ = 0;
    std::mutex mutex_; // guards script_
    Script script_;
    std::unique_ptr<grpc::Server> server_;
};

class Foreign : public testing::Test {
  protected:
    // Has the server play script_, and connects to it.
    void Connect(size_t max_reply_bytes = 0) {
        server_.Play(script_);
        channel_ = std::make_unique<Channel>(loop_.get(), server_.address(), max_reply_bytes);
    }
    ForeignServer server_;
    Script script_;
    Loop loop_;
    std::unique_ptr<Channel> channel_;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Without what gRPC itself adds.
Pairs Ours(const Pairs &all) {
    Pairs ours;
    for (const auto &pair : all) {
        if (pair.first.substr(0, 2) == "x-") {
            ours.push_back(pair);
        }
    }
    return ours;
}

TEST_F(Foreign, ShowsInitialMetadataThenTrailing) {
    script_.initial = {{"x-both", "initial"}, {"x-initial", "a"}, {"x-initial", "b"}};
    script_.trailing = {
        {"x-both", "trailing"}, {"x-trailing", ""}, {"x-raw-bin", std::string("\0\xFF\n", 3)}};
    script_.messages = {"hello"};
    Pairs want = script_.initial;
    want.insert(want.end(), script_.trailing.begin(), script_.trailing.end());
    std::sort(want.begin(), want.end());
    Connect();

    Call call(*channel_, "/any/Unary", "");
    EXPECT_EQ(call.Run().response(), "hello") << call.message();
    EXPECT_EQ(call.metadata("x-both"), "initial");
    EXPECT_EQ(call.metadata("x-initial"), "a");
    EXPECT_EQ(call.metadata("x-trailing"), "");
    EXPECT_EQ(call.metadata("x-raw-bin"), std::string("\0\xFF\n", 3));
    EXPECT_EQ(call.metadata("x-none"), "(none)");
    Pairs seen = Ours(call.all_metadata());
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, want);

    Stream stream(*channel_, "/any/Stream", "");
    std::atomic<bool> had_initial{false};
    stream.OnMessage([&](Stream &self) {
        had_initial = self.metadata("x-initial") == "a" && self.metadata("x-trailing") == "(none)";
    });
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    stream.Next().Await();
    EXPECT_TRUE(had_initial);
    EXPECT_EQ(stream.code(), STATUS_OK) << stream.message();
    EXPECT_EQ(stream.metadata("x-both"), "initial");
    EXPECT_EQ(stream.metadata("x-raw-bin"), std::string("\0\xFF\n", 3));
    seen = Ours(stream.all_metadata());
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, want);
}

TEST_F(Foreign, ShowsTheMetadataOfAFailure) {
    script_.initial = {{"x-initial", "a"}};
    script_.trailing = {{"x-trailing", "b"}};
    script_.status = grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "no proto at all");
    Connect();
    Call call(*channel_, "/any/Unary", "");
    EXPECT_EQ(call.Run().code(), STATUS_NOT_FOUND);
    EXPECT_EQ(call.message(), "gone");
    EXPECT_EQ(call.status_details(), "no proto at all"); // as it came
    EXPECT_EQ(call.metadata("x-trailing"), "b");
    Stream stream(*channel_, "/any/Stream", "");
    stream.ReadAll().Start().Await();
    EXPECT_EQ(stream.code(), STATUS_NOT_FOUND);
    EXPECT_EQ(stream.message(), "gone");
    EXPECT_EQ(stream.status_details(), "no proto at all");
    EXPECT_EQ(stream.metadata("x-trailing"), "b");
}

TEST_F(Foreign, HasItsMessagesDecompressed) {
    for (auto algorithm : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
        script_.algorithm = algorithm;
        script_.messages.clear();
        for (size_t size : {0, 1, 100, 65'536, 1'000'000}) {
            script_.messages.emplace_back(size, 'a');
        }
        Connect();
        Stream stream(*channel_, "/any/Stream", "");
        stream.ReadAll().Start().Await();
        EXPECT_EQ(stream.code(), STATUS_OK) << stream.message();
        EXPECT_TRUE(stream.messages() == script_.messages);
    }
}

TEST_F(Foreign, IsCutWhenAMessageDecompressesAboveTheLimit) {
    script_.algorithm = GRPC_COMPRESS_GZIP;
    script_.messages = {std::string(1000, 'a'), std::string(1001, 'a'), "never read"};
    // More than flow control lets through: the server is still at it.
    for (int i = 0; i < 100; i++) {
        script_.messages.emplace_back(100'000, static_cast<char>(i));
    }
    Connect(1000);
    Stream stream(*channel_, "/any/Stream", "");
    stream.ReadAll().Start().Await();
    EXPECT_EQ(stream.code(), STATUS_RESOURCE_EXHAUSTED);
    EXPECT_EQ(stream.message(), "the reply is larger than 1000 bytes");
    EXPECT_EQ(stream.messages().size(), 1u);
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (server_.ended == 0 && clock_monotonic_us() < until_us) {
        std::this_thread::yield();
    }
    EXPECT_EQ(server_.cancelled, 1);
}

TEST_F(Foreign, HandsOutEverythingBeforeALateError) {
    for (int i = 0; i < 100; i++) {
        script_.messages.push_back("message " + std::to_string(i));
    }
    script_.status = grpc::Status(grpc::StatusCode::DATA_LOSS, "too late");
    Connect();
    for (int round = 0; round < 20; round++) {
        Stream stream(*channel_, "/any/Stream", "");
        stream.Start();
        // The server has sent everything before the first message is read.
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (server_.ended <= round && clock_monotonic_us() < until_us) {
            std::this_thread::yield();
        }
        for (size_t n = 1; n <= 100; n++) {
            stream.Next();
            ASSERT_TRUE(stream.AwaitMessages(n)) << round;
        }
        stream.Next().Await();
        EXPECT_EQ(stream.code(), STATUS_DATA_LOSS);
        EXPECT_TRUE(stream.messages() == script_.messages);
    }
}

TEST_F(Foreign, IsCancelledThoughItsEndHasArrivedUnread) {
    script_.messages = {"one", "two"};
    Connect();
    Stream stream(*channel_, "/any/Stream", "");
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (server_.ended == 0 && clock_monotonic_us() < until_us) {
        std::this_thread::yield();
    }
    // What comes on the connection comes in order: the stream's end is here.
    Stream later(*channel_, "/any/Stream", "");
    later.ReadAll().Start().Await();
    stream.Cancel().Await();
    EXPECT_EQ(stream.code(), STATUS_CANCELLED) << stream.message();
    EXPECT_EQ(stream.messages().size(), 1u);
}

TEST_F(Foreign, EndsUnavailableWhenTheConnectionBreaks) {
    for (int i = 0; i < 100; i++) {
        script_.messages.emplace_back(100'000, 'x'); // more than flow control lets through
    }
    Connect();
    Stream stream(*channel_, "/any/Stream", "");
    stream.Start().Next();
    ASSERT_TRUE(stream.AwaitMessages(1));
    server_.Kill();
    for (size_t n = 2; !stream.is_done(); n++) {
        stream.Next();
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (!stream.is_done() && stream.messages().size() < n) {
            ASSERT_LT(clock_monotonic_us(), until_us);
            std::this_thread::yield();
        }
    }
    EXPECT_EQ(stream.code(), STATUS_UNAVAILABLE) << stream.message();
    EXPECT_LT(stream.messages().size(), 100u);
    EXPECT_EQ(stream.done_count(), 1);
}

TEST_F(Foreign, BreaksAUnaryCallThatGetsNoMessage) {
    Connect();
    Call call(*channel_, "/any/Unary", "");
    EXPECT_EQ(call.Run().code(), STATUS_INTERNAL);
    EXPECT_EQ(call.message(), "the server's reply has no message");
}

// --- whose status it is ---

TEST_F(Foreign, PassesOnEveryStatusAsItCame) {
    for (int code = 1; code < STATUS_CODE_COUNT; code++) {
        for (const std::string message : {"", "because", "gRPC \xE2\x9C\x93"}) {
            for (const std::string details : {"", "no proto at all"}) {
                for (size_t messages : {0, 2}) {
                    SCOPED_TRACE(std::to_string(code) + " \"" + message + "\" " + details);
                    script_.status =
                        grpc::Status(static_cast<grpc::StatusCode>(code), message, details);
                    script_.messages.assign(messages, "m");
                    Connect();
                    Stream stream(*channel_, "/any/Stream", "");
                    stream.ReadAll().Start().Await();
                    EXPECT_EQ(stream.code(), code);
                    EXPECT_EQ(stream.message(), message);
                    EXPECT_EQ(stream.status_details(), details);
                    EXPECT_EQ(stream.messages().size(), messages);
                    if (messages > 0) {
                        continue; // of a unary call core gives the messages up
                    }
                    Call call(*channel_, "/any/Unary", "");
                    call.Run();
                    EXPECT_EQ(call.code(), code);
                    EXPECT_EQ(call.message(), message);
                    EXPECT_EQ(call.status_details(), details);
                    EXPECT_EQ(call.error()->reason_id, REASON_NONE);
                    EXPECT_EQ(call.error()->reason, nullptr);
                    EXPECT_EQ(call.error()->domain, nullptr);
                }
            }
        }
    }
}

std::string Frame(char type, char flags, char stream, const std::string &payload) {
    std::string frame = {0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream};
    return frame + payload;
}

std::string Reset(char code) {
    return Frame(3, 0, 1, std::string({0, 0, 0, code}));
}

// The peer looks at no stream above last.
std::string Goaway(char last) {
    return Frame(7, 0, 0, std::string({0, 0, 0, last, 0, 0, 0, 0}));
}

std::string Headers(const std::string &block, bool ends) {
    return Frame(1, ends ? 5 : 4, 1, block);
}

// An HTTP/2 peer that answers one request with bytes, whatever they are.
class RawPeer {
  public:
    RawPeer(std::string answer, bool closes) : answer_(std::move(answer)), closes_(closes) {
        listener_ = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in sin = {};
        sin.sin_family = AF_INET;
        sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(sin);
        auto *address = reinterpret_cast<struct sockaddr *>(&sin);
        EXPECT_EQ(bind(listener_, address, size), 0);
        EXPECT_EQ(listen(listener_, 1), 0);
        EXPECT_EQ(getsockname(listener_, address, &size), 0);
        port_ = ntohs(sin.sin_port);
        thread_ = std::thread([this] { Run(); });
    }
    ~RawPeer() {
        shutdown(listener_, SHUT_RDWR);
        if (connection_ >= 0) {
            shutdown(connection_, SHUT_RDWR);
        }
        thread_.join();
        close(listener_);
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(port_);
    }

  private:
    void Run() {
        int fd = accept(listener_, nullptr, nullptr);
        if (fd < 0) {
            return;
        }
        connection_ = fd;
        const char settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
        send(fd, settings, sizeof(settings), MSG_NOSIGNAL);
        std::string seen;
        char buffer[4096];
        ssize_t n;
        while (seen.find("the request") == std::string::npos &&
               (n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
            seen.append(buffer, static_cast<size_t>(n));
        }
        send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        if (closes_) {
            shutdown(fd, SHUT_RDWR);
        }
        while (recv(fd, buffer, sizeof(buffer), 0) > 0) {
        }
        connection_ = -1;
        close(fd);
    }
    std::string answer_;
    bool closes_;
    int listener_;
    int port_ = 0;
    std::atomic<int> connection_{-1};
    std::thread thread_;
};

TEST(RawPeer, GetsOurWordsForWhatIsNoStatus) {
    const std::string grpc_head("\x88@\x0c"
                                "content-type\x10"
                                "application/grpc",
                                31);
    const std::string html_head("H\x03"
                                "503@\x0c"
                                "content-type\x09"
                                "text/html",
                                29);
    const struct {
        const char *name;
        std::string answer;
        bool closes;
        int code;
        enum reason reason;
        enum reason reason_of_read;
    } rows[] = {
        {"close", "", true, STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN,
         REASON_UPSTREAM_UNREACHABLE},
        {"close midway", Headers(grpc_head, false), true, STATUS_UNAVAILABLE,
         REASON_OUTCOME_UNKNOWN, REASON_UPSTREAM_UNREACHABLE},
        {"reset: cancelled", Reset(8), false, STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN,
         REASON_UPSTREAM_UNREACHABLE},
        {"reset: cancelled midway", Headers(grpc_head, false) + Reset(8), false, STATUS_UNAVAILABLE,
         REASON_OUTCOME_UNKNOWN, REASON_UPSTREAM_UNREACHABLE},
        {"reset: enhance your calm", Reset(11), false, STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN,
         REASON_UPSTREAM_UNREACHABLE},
        // RFC 9113 section 8.7: nothing was done.
        {"reset: refused", Reset(7), false, STATUS_UNAVAILABLE, REASON_UPSTREAM_UNREACHABLE,
         REASON_UPSTREAM_UNREACHABLE},
        // RFC 9113 section 6.8: nothing was done of a stream above the last.
        {"goaway below the call", Goaway(0), false, STATUS_UNAVAILABLE, REASON_UPSTREAM_UNREACHABLE,
         REASON_UPSTREAM_UNREACHABLE},
        {"goaway below the call, close", Goaway(0), true, STATUS_UNAVAILABLE,
         REASON_UPSTREAM_UNREACHABLE, REASON_UPSTREAM_UNREACHABLE},
        {"goaway, close", Goaway(1), true, STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN,
         REASON_UPSTREAM_UNREACHABLE},
        {"goaway, reset: cancelled", Goaway(1) + Reset(8), false, STATUS_UNAVAILABLE,
         REASON_OUTCOME_UNKNOWN, REASON_UPSTREAM_UNREACHABLE},
        {"goaway twice, close", Goaway(127) + Goaway(1), true, STATUS_UNAVAILABLE,
         REASON_OUTCOME_UNKNOWN, REASON_UPSTREAM_UNREACHABLE},
        {"goaway twice, below the call", Goaway(127) + Goaway(0), false, STATUS_UNAVAILABLE,
         REASON_UPSTREAM_UNREACHABLE, REASON_UPSTREAM_UNREACHABLE},
        {"reset: internal error", Reset(2), false, STATUS_INTERNAL, REASON_RESPONSE_MALFORMED,
         REASON_RESPONSE_MALFORMED},
        {"no HTTP/2", "HTTP/1.1 400 Bad Request\r\n\r\n", false, STATUS_INTERNAL,
         REASON_RESPONSE_MALFORMED, REASON_RESPONSE_MALFORMED},
        {"a proxy's page", Headers(html_head, true), false, STATUS_UNAVAILABLE,
         REASON_OUTCOME_UNKNOWN, REASON_UPSTREAM_UNREACHABLE},
    };
    for (const auto &row : rows) {
        for (bool is_read : {false, true}) {
            SCOPED_TRACE(std::string(row.name) + (is_read ? ", a read" : ""));
            RawPeer peer(row.answer, row.closes);
            Loop loop;
            Channel channel(loop.get(), peer.address());
            Call call(channel, "/any/Unary", "the request");
            if (is_read) {
                call.IsRead();
            }
            call.DeadlineIn(kPatienceUs).Run();
            EXPECT_EQ(call.code(), row.code) << call.message();
            EXPECT_EQ(call.error()->reason_id, is_read ? row.reason_of_read : row.reason)
                << call.message() << ": " << call.error()->detail;
            EXPECT_STREQ(call.error()->domain, REASON_DOMAIN_GATEWAY);
            EXPECT_EQ(call.message().find("127.0.0.1"), std::string::npos);
        }
    }
}

} // namespace
