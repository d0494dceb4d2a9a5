#include "tests/rpc/fixture.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace {

constexpr auto kPatience = std::chrono::microseconds(kPatienceUs);

} // namespace

struct slice SliceOf(const std::string &s) {
    return slice_of(s.data(), s.size());
}

std::string Text(struct slice s) {
    return std::string(reinterpret_cast<const char *>(s.data), s.len);
}

TempDir::TempDir() {
    // Not below TEST_TMPDIR: a unix socket's path has room for 107 bytes.
    char path[] = "/tmp/rpc-test-XXXXXX";
    if (mkdtemp(path) == nullptr) {
        abort();
    }
    path_ = path;
}

TempDir::~TempDir() {
    std::filesystem::remove_all(path_);
}

// --- server ---

Server::Server(struct rpc_loop *loop, size_t max_request_bytes, int max_calls,
               const std::vector<struct rpc_method> &more, int max_streams,
               size_t max_buffered_bytes) {
    methods_ = {
        Method("/test.Service/Echo", Echo, this),     Method("/test.Service/Empty", Empty, this),
        Method("/test.Service/Sized", Sized, this),   Method("/test.Service/Fail", Fail, this),
        Method("/test.Service/Whoami", Whoami, this), Method("/test.Service/Held", Held, this),
        Method("/test.Service/Thread", Thread, this),
    };
    methods_.insert(methods_.end(), more.begin(), more.end());
    struct rpc_server_options options = {};
    options.log = &log_;
    options.methods = methods_.data();
    options.method_count = methods_.size();
    options.max_request_bytes = max_request_bytes;
    options.max_calls_in_flight = max_calls;
    options.max_streams = max_streams;
    options.max_buffered_bytes = max_buffered_bytes;
    options.error_domain = "test.domain";
    options.metrics = server_metrics_;
    server_ = rpc_server_new(loop, &options);
    thread_ = std::thread([this] { AnswerInThread(); });
}

Server::~Server() {
    if (!stopped_) {
        Stop();
    }
    rpc_server_free(server_);
    rpc_server_metrics_free(server_metrics_);
    metrics_free(metrics_);
    {
        std::lock_guard<std::mutex> lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::string Server::Listen(const std::string &text,
                           const struct rpc_server_credentials *credentials) {
    Arena arena;
    struct address address;
    const struct error *error = address_parse(arena.get(), "--listen", text.c_str(), &address);
    if (error == nullptr) {
        const struct rpc_listen_options options = {
            &address, credentials != nullptr ? credentials : rpc_credentials_insecure_server()};
        error = rpc_server_listen(server_, arena.get(), &options, &port_);
    }
    return error == nullptr ? "" : error->message;
}

void Server::Start() {
    rpc_server_start(server_);
}

bool Server::Stop(int64_t drain_ms) {
    stopped_ = true;
    return rpc_server_stop(server_, drain_ms);
}

bool Server::AwaitHeld(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return held_.size() >= count; });
}

size_t Server::held() {
    std::lock_guard<std::mutex> lock(mutex_);
    return held_.size();
}

void Server::Release() {
    struct rpc_server_call *call;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        call = held_.front();
        held_.pop_front();
    }
    struct slice reply = slice_of_cstr("released");
    rpc_server_call_reply(call, &reply, 1);
}

void Server::ReleaseAll() {
    for (;;) {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            if (held_.empty()) {
                return;
            }
        }
        Release();
    }
}

void Server::Echo(void *, struct rpc_server_call *call) {
    // In two parts, to have them joined.
    struct slice request = rpc_server_call_request(call);
    size_t half = request.len / 2;
    struct slice parts[] = {slice_of(request.data, half),
                            slice_of(request.data + half, request.len - half)};
    rpc_server_call_reply(call, parts, 2);
}

void Server::Empty(void *, struct rpc_server_call *call) {
    rpc_server_call_reply(call, nullptr, 0);
}

void Server::Sized(void *, struct rpc_server_call *call) {
    std::string reply(std::stoul(Text(rpc_server_call_request(call))), 'x');
    struct slice part = SliceOf(reply);
    rpc_server_call_reply(call, &part, 1);
}

void Server::SetFailure(Failure failure) {
    std::lock_guard<std::mutex> lock(mutex_);
    failure_ = std::move(failure);
}

void Server::Fail(void *self, struct rpc_server_call *call) {
    auto *server = static_cast<Server *>(self);
    Failure failure;
    {
        std::lock_guard<std::mutex> lock(server->mutex_);
        failure = server->failure_;
    }
    rpc_server_call_fail(call,
                         failure(rpc_server_call_arena(call), Text(rpc_server_call_request(call))));
}

void Server::Whoami(void *, struct rpc_server_call *call) {
    struct slice name = slice_of_cstr("(none)");
    bool there = rpc_server_call_metadata(call, "x-name", &name);
    int64_t deadline_us = rpc_server_call_deadline_us(call);
    std::string reply = std::string(there ? "1" : "0") + "|" + Text(name) + "|" +
                        std::to_string(rpc_server_call_metadata_count(call, "x-name")) + "|" +
                        rpc_server_call_method(call)->path + "|" +
                        std::to_string(deadline_us == 0 ? 0 : deadline_us);
    EXPECT_LE(rpc_server_call_started_us(call), clock_monotonic_us());
    EXPECT_GT(rpc_server_call_started_us(call), clock_monotonic_us() - kPatienceUs);
    struct slice part = SliceOf(reply);
    rpc_server_call_reply(call, &part, 1);
}

void Server::Held(void *self, struct rpc_server_call *call) {
    auto *server = static_cast<Server *>(self);
    std::lock_guard<std::mutex> lock(server->mutex_);
    server->held_.push_back(call);
    server->changed_.notify_all();
}

void Server::Thread(void *self, struct rpc_server_call *call) {
    auto *server = static_cast<Server *>(self);
    std::lock_guard<std::mutex> lock(server->mutex_);
    server->to_answer_.push_back(call);
    server->changed_.notify_all();
}

void Server::AnswerInThread() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return ending_ || !to_answer_.empty(); });
        if (to_answer_.empty()) {
            return;
        }
        struct rpc_server_call *call = to_answer_.front();
        to_answer_.pop_front();
        lock.unlock();
        Echo(this, call);
        lock.lock();
    }
}

// --- client ---

Channel::Channel(struct rpc_loop *loop, const std::string &text, size_t max_reply_bytes,
                 const struct rpc_channel_credentials *credentials) {
    Arena arena;
    struct address address;
    EXPECT_EQ(address_parse(arena.get(), "--upstream", text.c_str(), &address), nullptr);
    struct rpc_channel_options options = {};
    options.address = &address;
    options.credentials = credentials != nullptr ? credentials : rpc_credentials_insecure_channel();
    options.max_reply_bytes = max_reply_bytes;
    channel_ = rpc_channel_new(loop, &options);
}

Channel::Channel(struct rpc_loop *loop, Server &server, size_t max_reply_bytes) {
    channel_ = rpc_channel_new_in_process(loop, server.get(), max_reply_bytes);
}

Call::Call(Channel &channel, const std::string &method, std::string request)
    : request_(std::move(request)) {
    bound_.self = this;
    call_.method = channel.Method(method);
    call_.arena = arena_.get();
}

Call::~Call() {
    if (started_) {
        Await();
        rpc_client_call_release(&call_);
    }
}

Call &Call::Metadata(const std::string &key, const std::string &value) {
    metadata_.emplace_back(key, value);
    return *this;
}

Call &Call::DeadlineIn(int64_t us) {
    call_.deadline_us = clock_monotonic_us() + us;
    return *this;
}

void Call::Prepare() {
    call_.request = SliceOf(request_);
    for (const auto &pair : metadata_) {
        metadata_views_.push_back({pair.first.c_str(), SliceOf(pair.second)});
    }
    call_.metadata = metadata_views_.data();
    call_.metadata_count = static_cast<int>(metadata_views_.size());
    started_ = true;
}

Call &Call::Start() {
    Prepare();
    call_.done = Done;
    rpc_client_call_start(&call_);
    return *this;
}

Call &Call::Cancel() {
    rpc_client_call_cancel(&call_);
    return *this;
}

void Call::Done(struct rpc_client_call *call) {
    Call *self = reinterpret_cast<Bound *>(call)->self;
    std::lock_guard<std::mutex> lock(self->mutex_);
    self->done_count_++;
    self->changed_.notify_all();
}

Call &Call::Await() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return done_count_ > 0; })) {
        ADD_FAILURE() << "the call does not end";
        abort(); // its memory is in use
    }
    return *this;
}

Call &Call::Run() {
    Prepare();
    rpc_client_call_wait(&call_);
    done_count_ = 1;
    return *this;
}

std::vector<std::pair<std::string, std::string>> Call::all_metadata() const {
    std::vector<std::pair<std::string, std::string>> pairs;
    rpc_client_call_each_metadata(
        &call_,
        [](void *context, struct slice key, struct slice value) {
            static_cast<decltype(pairs) *>(context)->emplace_back(Text(key), Text(value));
        },
        &pairs);
    return pairs;
}

// --- transports ---

std::string TransportName(const testing::TestParamInfo<Transport> &info) {
    static const char *const names[] = {
        "InProcess", "InProcessTwoLoops", "Local", "LocalTwoLoops", "Unix", "Tcp",
        "Tcp6",      "HostName"};
    return names[static_cast<int>(info.param)];
}

static LoopKind KindFor(Transport transport) {
    return transport == Transport::kLocal || transport == Transport::kLocalTwoLoops
               ? LoopKind::kLocal
               : LoopKind::kPolling;
}

Link::Link(Transport transport, size_t max_request_bytes, int max_calls, size_t max_reply_bytes,
           const std::vector<struct rpc_method> &more, int max_streams, size_t max_buffered_bytes)
    : loop(KindFor(transport)), client_loop(KindFor(transport)),
      server(loop.get(), max_request_bytes, max_calls, more, max_streams, max_buffered_bytes) {
    std::string host;
    std::string address;
    switch (transport) {
    case Transport::kInProcess:
    case Transport::kInProcessTwoLoops:
    case Transport::kLocal:
    case Transport::kLocalTwoLoops:
        break;
    case Transport::kUnix:
        // What has a meaning in a URI is only a name here.
        address = "unix:" + dir.Path("a %41 socket?#\xC3\x9F");
        break;
    case Transport::kTcp:
        host = "127.0.0.1:";
        break;
    case Transport::kTcp6:
        host = "[::1]:";
        break;
    case Transport::kHostName:
        host = "localhost:";
        break;
    }
    if (!host.empty()) {
        EXPECT_EQ(server.Listen(host + "0"), "");
        EXPECT_GT(server.port(), 0);
        address = host + std::to_string(server.port());
    } else if (!address.empty()) {
        EXPECT_EQ(server.Listen(address), "");
    }
    server.Start();
    if (address.empty()) {
        bool one_loop = transport == Transport::kInProcess || transport == Transport::kLocal;
        channel = std::make_unique<Channel>(one_loop ? loop.get() : client_loop.get(), server,
                                            max_reply_bytes);
    } else {
        channel = std::make_unique<Channel>(client_loop.get(), address, max_reply_bytes);
    }
}
