#ifndef RUNSD_TESTS_RPC_FIXTURE_H
#define RUNSD_TESTS_RPC_FIXTURE_H

#include <condition_variable>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/rpc/method.h"

extern "C" {
#include "base/core/clock.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "base/net/address.h"
#include "rpc/client.h"
#include "rpc/server.h"
}

// How long a test waits for what must happen: long enough for a slow machine,
// passed only by a failure.
constexpr int64_t kPatienceUs = 30'000'000;

struct slice SliceOf(const std::string &s);
std::string Text(struct slice s);

class Arena {
  public:
    Arena() {
        arena_init(&arena_);
    }
    ~Arena() {
        arena_release(&arena_);
    }
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
    struct arena *get() {
        return &arena_;
    }

  private:
    struct arena arena_;
};

// A folder that is removed at the end.
class TempDir {
  public:
    TempDir();
    ~TempDir();
    std::string Path(const std::string &name) const {
        return path_ + "/" + name;
    }

  private:
    std::string path_;
};

enum class LoopKind { kPolling, kLocal };

class Loop {
  public:
    explicit Loop(LoopKind kind = LoopKind::kPolling)
        : loop_(kind == LoopKind::kPolling ? rpc_loop_new("test-loop")
                                           : rpc_loop_new_local("test-loop")) {}
    ~Loop() {
        rpc_loop_free(loop_);
    }
    struct rpc_loop *get() {
        return loop_;
    }

  private:
    struct rpc_loop *loop_;
};

// A server whose methods behave as their names say:
//   /test.Service/Echo    replies with the request
//   /test.Service/Empty   replies with no bytes
//   /test.Service/Sized   replies with as many bytes as the request's text says
//   /test.Service/Fail    fails as SetFailure says
//   /test.Service/Whoami  replies with the metadata "x-name", its count, and
//                         whether there is a deadline
//   /test.Service/Held    holds the call until Release or ReleaseAll
//   /test.Service/Thread  is answered by another thread
class Server {
  public:
    using Failure = std::function<const struct error *(struct arena *, const std::string &request)>;

    // more: further methods.
    explicit Server(struct rpc_loop *loop, size_t max_request_bytes = 0, int max_calls = 0,
                    const std::vector<struct rpc_method> &more = {}, int max_streams = 0,
                    size_t max_buffered_bytes = 0);
    ~Server();

    // Listens, in plain text unless there are credentials; returns the error's message, ""
    // if none.
    std::string Listen(const std::string &address,
                       const struct rpc_server_credentials *credentials = nullptr);
    void Start();
    bool Stop(int64_t drain_ms = 10'000);

    int port() const {
        return port_;
    }
    struct rpc_server *get() {
        return server_;
    }

    // What the server has counted.
    struct metrics *metrics() {
        return metrics_;
    }

    // What /test.Service/Fail answers.
    void SetFailure(Failure failure);

    // Waits until count calls are held; returns whether they are.
    bool AwaitHeld(size_t count);
    size_t held();
    // Answers the oldest held call.
    void Release();
    void ReleaseAll();

  private:
    static void Echo(void *self, struct rpc_server_call *call);
    static void Empty(void *self, struct rpc_server_call *call);
    static void Sized(void *self, struct rpc_server_call *call);
    static void Fail(void *self, struct rpc_server_call *call);
    static void Whoami(void *self, struct rpc_server_call *call);
    static void Held(void *self, struct rpc_server_call *call);
    static void Thread(void *self, struct rpc_server_call *call);
    void AnswerInThread();

    std::vector<struct rpc_method> methods_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct metrics *metrics_ = metrics_new();
    struct rpc_server_metrics *server_metrics_ = rpc_server_metrics_new(metrics_);
    struct rpc_server *server_;
    bool stopped_ = false;
    int port_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    Failure failure_;
    std::deque<struct rpc_server_call *> held_;
    std::deque<struct rpc_server_call *> to_answer_;
    bool ending_ = false;
    std::thread thread_;
};

class Channel {
  public:
    Channel(struct rpc_loop *loop, const std::string &address, size_t max_reply_bytes = 0,
            const struct rpc_channel_credentials *credentials = nullptr);
    Channel(struct rpc_loop *loop, Server &server, size_t max_reply_bytes = 0);
    // Takes it over.
    explicit Channel(struct rpc_channel *channel) : channel_(channel) {}
    ~Channel() {
        rpc_channel_free(channel_);
    }
    struct rpc_client_method *Method(const std::string &path) {
        return rpc_channel_method(channel_, path.c_str());
    }
    struct rpc_channel *get() {
        return channel_;
    }

  private:
    struct rpc_channel *channel_;
};

// One call and what came of it.
class Call {
  public:
    Call(Channel &channel, const std::string &method, std::string request);
    ~Call();

    Call &Metadata(const std::string &key, const std::string &value);
    Call &DeadlineIn(int64_t us);
    Call &IsRead() {
        call_.is_read = true;
        return *this;
    }

    Call &Start();
    Call &Cancel();
    // Waits for the end of a started call.
    Call &Await();
    // Start and Await by rpc_client_call_wait.
    Call &Run();

    // "(none)" if it is not there.
    std::string metadata(const std::string &key) const {
        struct slice value;
        return rpc_client_call_metadata(&call_, key.c_str(), &value) ? Text(value) : "(none)";
    }
    std::vector<std::pair<std::string, std::string>> all_metadata() const;
    std::string status_details() const {
        return Text(call_.status_details);
    }

    int code() const {
        return call_.error == nullptr ? STATUS_OK : call_.error->code;
    }
    std::string message() const {
        return call_.error == nullptr ? "" : call_.error->message;
    }
    const struct error *error() const {
        return call_.error;
    }
    std::string response() const {
        return Text(call_.response);
    }
    int done_count() const {
        return done_count_;
    }

  private:
    struct Bound { // finds the Call of a rpc_client_call
        struct rpc_client_call call;
        Call *self;
    };
    static void Done(struct rpc_client_call *call);
    void Prepare();

    Arena arena_;
    std::string request_;
    std::vector<std::pair<std::string, std::string>> metadata_;
    std::vector<struct rpc_metadata> metadata_views_;
    Bound bound_ = {};
    struct rpc_client_call &call_ = bound_.call;
    bool started_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    int done_count_ = 0;
};

// --- transports ---

enum class Transport {
    kInProcess,
    kInProcessTwoLoops,
    kLocal,         // in process, both sides on one local loop
    kLocalTwoLoops, // in process, from a local loop to another
    kUnix,
    kTcp,
    kTcp6,
    kHostName,
};

std::string TransportName(const testing::TestParamInfo<Transport> &info);

// A started server and a channel to it.
class Link {
  public:
    explicit Link(Transport transport, size_t max_request_bytes = 0, int max_calls = 0,
                  size_t max_reply_bytes = 0, const std::vector<struct rpc_method> &more = {},
                  int max_streams = 0, size_t max_buffered_bytes = 0);

    TempDir dir;
    Loop loop;
    Loop client_loop;
    Server server;
    std::unique_ptr<Channel> channel;
};

#endif
