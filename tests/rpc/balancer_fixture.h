#ifndef RUNSD_TESTS_RPC_BALANCER_FIXTURE_H
#define RUNSD_TESTS_RPC_BALANCER_FIXTURE_H

#include <arpa/inet.h>
#include <atomic>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/rpc/client_stream_fixture.h"

extern "C" {
#include "rpc/balancer.h"
#include "rpc/remote.h"
#include "rpc/server_stream.h"
}

// Servers in the hands of a test, and one channel to several of them.

// A server that says what it wants of its health:
//   /peer/Name   replies with its name
//   /peer/Held   holds the call until Release
//   /peer/Fail   fails as it was told
//   /peer/Open   a stream that stays open; Begun sends its metadata first
class Peer {
  public:
    explicit Peer(std::string name, bool has_health = true) : name_(std::move(name)) {
        methods_ = {
            Method("/peer/Name", Name, this),
            Method("/peer/Held", Held, this),
            Method("/peer/Fail", Fail, this),
            Method("/peer/Open", Open, this, RPC_SERVER_STREAM),
            Method("/peer/Begun", Begun, this, RPC_SERVER_STREAM),
        };
        if (has_health) {
            methods_.push_back(Method("/grpc.health.v1.Health/Check", Check, this));
            methods_.push_back(
                Method("/grpc.health.v1.Health/Watch", Watch, this, RPC_SERVER_STREAM));
            methods_.back().is_anonymous = true;
        }
        struct rpc_server_options options = {};
        options.log = &log_;
        options.methods = methods_.data();
        options.method_count = methods_.size();
        options.error_domain = REASON_DOMAIN_RUNS;
        server_ = rpc_server_new(loop_.get(), &options);
    }
    ~Peer() {
        Stop();
        rpc_server_free(server_);
    }
    void Serve(const std::string &text) {
        Arena arena;
        struct address address;
        ASSERT_EQ(address_parse(arena.get(), "x", text.c_str(), &address), nullptr);
        const struct rpc_listen_options options = {&address, rpc_credentials_insecure_server()};
        const struct error *error = rpc_server_listen(server_, arena.get(), &options, &port);
        ASSERT_EQ(error, nullptr) << error->message;
        rpc_server_start(server_);
    }
    void Stop(int64_t drain_ms = 0) {
        if (!is_stopped_.exchange(true)) {
            Release();
            rpc_server_stop(server_, drain_ms);
        }
    }
    // SERVING, or NOT_SERVING: who watches is told.
    void SetServing(bool is_serving) {
        is_serving_ = is_serving;
        rpc_loop_call(
            loop_.get(), [](void *self) { static_cast<Peer *>(self)->TellAll(); }, this);
    }
    void SetFailure(enum status_code code, enum reason reason) {
        failure_ = {code, reason};
    }
    void Release() {
        std::lock_guard<std::mutex> lock(mutex_);
        for (struct rpc_server_call *call : held_) {
            struct slice reply = SliceOf(name_);
            rpc_server_call_reply(call, &reply, 1);
        }
        held_.clear();
    }
    size_t held() {
        std::lock_guard<std::mutex> lock(mutex_);
        return held_.size();
    }
    std::atomic<int> calls{0}; // none of the health's
    std::atomic<int> streams{0};
    int port = 0;

  private:
    struct Stream {
        struct rpc_server_stream stream; // first
        Peer *peer;
    };
    static Peer *Of(void *self) {
        return static_cast<Peer *>(self);
    }
    static void Name(void *self, struct rpc_server_call *call) {
        Of(self)->calls++;
        struct slice reply = SliceOf(Of(self)->name_);
        rpc_server_call_reply(call, &reply, 1);
    }
    static void Held(void *self, struct rpc_server_call *call) {
        std::lock_guard<std::mutex> lock(Of(self)->mutex_);
        Of(self)->calls++;
        Of(self)->held_.push_back(call);
    }
    static void Fail(void *self, struct rpc_server_call *call) {
        Of(self)->calls++;
        auto [code, reason] = Of(self)->failure_;
        rpc_server_call_fail(call,
                             error_new(rpc_server_call_arena(call), code, reason, "on purpose"));
    }
    Stream *Begin(struct rpc_server_call *call) {
        auto *s = static_cast<Stream *>(arena_zalloc(rpc_server_call_arena(call), sizeof(Stream)));
        s->peer = this;
        s->stream.call = call;
        s->stream.written = [](struct rpc_server_stream *, bool) {};
        s->stream.cancelled = [](struct rpc_server_stream *stream) {
            rpc_server_stream_finish(stream, nullptr);
        };
        s->stream.stopping = [](struct rpc_server_stream *stream) {
            rpc_server_stream_finish(stream, rpc_server_stream_stopping_error(stream));
        };
        s->stream.closed = [](struct rpc_server_stream *stream) {
            auto *closed = reinterpret_cast<Stream *>(stream);
            closed->peer->watches_.erase(closed);
        };
        rpc_server_stream_begin(&s->stream);
        return s;
    }
    static void Open(void *self, struct rpc_server_call *call) {
        Of(self)->Begin(call);
        Of(self)->streams++;
    }
    static void Begun(void *self, struct rpc_server_call *call) {
        rpc_server_stream_send_head(&Of(self)->Begin(call)->stream);
        Of(self)->streams++;
    }
    struct slice Health() const {
        return slice_of_cstr(is_serving_ ? "\x08\x01" : "\x08\x02");
    }
    static void Check(void *self, struct rpc_server_call *call) {
        struct slice reply = Of(self)->Health();
        rpc_server_call_reply(call, &reply, 1);
    }
    static void Watch(void *self, struct rpc_server_call *call) {
        Stream *watch = Of(self)->Begin(call);
        Of(self)->watches_.insert(watch);
        struct slice reply = Of(self)->Health();
        rpc_server_stream_write(&watch->stream, &reply, 1);
    }
    void TellAll() {
        for (Stream *watch : watches_) {
            struct slice reply = Health();
            rpc_server_stream_write(&watch->stream, &reply, 1);
        }
    }

    Loop loop_;
    std::string name_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    std::vector<struct rpc_method> methods_;
    struct rpc_server *server_;
    std::atomic<bool> is_stopped_{false};
    std::atomic<bool> is_serving_{true};
    std::set<Stream *> watches_; // of the loop's thread
    std::pair<enum status_code, enum reason> failure_ { STATUS_INTERNAL, REASON_INTERNAL_ERROR };
    std::mutex mutex_; // guards held_
    std::vector<struct rpc_server_call *> held_;
};

// An HTTP/2 peer that reads each connection's calls, and once it has one that says "the request"
// answers with bytes and closes.
class Breaker {
  public:
    explicit Breaker(std::string answer) : answer_(std::move(answer)) {
        listener_ = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in sin = {};
        sin.sin_family = AF_INET;
        sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(sin);
        auto *address = reinterpret_cast<struct sockaddr *>(&sin);
        EXPECT_EQ(bind(listener_, address, size), 0);
        EXPECT_EQ(listen(listener_, 8), 0);
        EXPECT_EQ(getsockname(listener_, address, &size), 0);
        port_ = ntohs(sin.sin_port);
        thread_ = std::thread([this] { Run(); });
    }
    ~Breaker() {
        shutdown(listener_, SHUT_RDWR);
        shutdown(connection_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(port_);
    }
    std::atomic<int> requests{0};

  private:
    void Run() {
        int fd;
        while ((fd = accept(listener_, nullptr, nullptr)) >= 0) {
            connection_ = fd;
            const char settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
            send(fd, settings, sizeof(settings), MSG_NOSIGNAL);
            std::string seen;
            char buffer[4096];
            ssize_t n;
            while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
                seen.append(buffer, static_cast<size_t>(n));
                if (seen.find("the request") != std::string::npos) {
                    requests++;
                    send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
                    break;
                }
            }
            connection_ = -1;
            close(fd);
        }
    }
    std::string answer_;
    int listener_;
    int port_ = 0;
    std::atomic<int> connection_{-1};
    std::thread thread_;
};

class Balancer : public testing::Test {
  protected:
    ~Balancer() override {
        channel_.reset();
        rpc_remotes_close(&remotes_);
    }
    std::string Path(const std::string &name) const {
        return "unix:" + dir_.Path(name);
    }
    void Connect(const std::vector<std::string> &addresses, rpc_name_lookup *look_up = nullptr,
                 void *context = nullptr) {
        std::vector<const char *> texts;
        for (const std::string &address : addresses) {
            texts.push_back(address.c_str());
        }
        struct rpc_remote_options options = {};
        options.address.option = "--upstream";
        const struct error *error =
            rpc_remotes_open(arena_.get(), &options, texts.data(), texts.size(), &remotes_);
        ASSERT_EQ(error, nullptr) << error->message;
        struct rpc_balancer_options balancer = {};
        balancer.log = &log_;
        balancer.servers = remotes_.items;
        balancer.server_count = remotes_.count;
        balancer.look_up = look_up;
        balancer.look_up_context = context;
        channel_ = std::make_unique<Channel>(rpc_channel_new_balanced(loop_.get(), &balancer));
    }
    // How many serve, of how many.
    std::pair<int, int> Serving() {
        std::pair<int, int> result;
        rpc_balancer_each(
            channel_->get(),
            [](void *context, const struct rpc_server_view *view) {
                auto *found = static_cast<std::pair<int, int> *>(context);
                found->first += view->is_serving ? 1 : 0;
                found->second++;
            },
            &result);
        return result;
    }
    static bool Await(const std::function<bool()> &condition) {
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (!condition() && clock_monotonic_us() < until_us) {
            usleep(1000);
        }
        return condition();
    }
    bool AwaitServing(int serving, int count) {
        return Await([&] { return Serving() == std::pair<int, int>(serving, count); });
    }
    std::string Ask(const std::string &method = "/peer/Name") {
        Call call(*channel_, method, "");
        call.DeadlineIn(kPatienceUs).Run();
        return call.code() == STATUS_OK ? call.response() : call.message();
    }

    TempDir dir_;
    Arena arena_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct rpc_remotes remotes_ = {};
    Loop loop_;
    std::unique_ptr<Channel> channel_;
};

#endif
