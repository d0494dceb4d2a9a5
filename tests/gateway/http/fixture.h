#ifndef RUNSD_TESTS_GATEWAY_HTTP_FIXTURE_H
#define RUNSD_TESTS_GATEWAY_HTTP_FIXTURE_H

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

extern "C" {
#include "base/tls/tls_source.h"
#include "gateway/gateway.h"
#include "rpc/client.h"
#include "rpc/loop.h"
#include "rpc/server.h"
}

#include "tests/gateway/http/streams.h"
#include "tests/gateway/http/tls.h"

// The gateway over real sockets, before an upstream that the tests hold in hand.

// How long a test waits for what must happen: passed only by a failure.
constexpr int kPatienceSeconds = 30;

// Waits until condition holds; returns whether it did.
bool Await(const std::function<bool()> &condition);

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

// The server of upstream.proto.
class Upstream {
  public:
    // Listens at address; "": only for in-process channels.
    explicit Upstream(struct rpc_loop *loop, const std::string &address);
    ~Upstream();

    // Waits until count calls are held.
    bool AwaitHeld(size_t count);
    // Answers the call that is held longest.
    void Release();
    // Answers all held calls, those that come later too.
    void ReleaseAll();
    // Has every call of Echo from now on call hook first, on the upstream's thread.
    void SetHook(std::function<void()> hook);
    // What Check of grpc.health.v1 answers from now on: one of its statuses; kNoHealth: there is
    // no such service; kHoldHealth: nothing, until another is set.
    static constexpr int kNoHealth = -1;
    static constexpr int kHoldHealth = -2;
    void SetHealth(int status);
    // What GetCaller answers to other tokens than "known".
    void SetCallerRefusal(enum status_code code);
    // How many checks have come.
    int64_t health_calls() const;
    size_t held() const;
    int64_t calls() const;
    Streams &streams() {
        return streams_;
    }
    struct rpc_server *server() {
        return server_;
    }

  private:
    static void Echo(void *self, struct rpc_server_call *call);
    static void Seen(void *self, struct rpc_server_call *call);
    static void Fail(void *self, struct rpc_server_call *call);
    static void Held(void *self, struct rpc_server_call *call);
    static void Repeat(void *self, struct rpc_server_call *call);
    static void Garbage(void *self, struct rpc_server_call *call);
    static void Sized(void *self, struct rpc_server_call *call);
    static void File(void *self, struct rpc_server_call *call);
    static void Upload(void *self, struct rpc_server_call *call);
    static void Health(void *self, struct rpc_server_call *call);
    static void Caller(void *self, struct rpc_server_call *call);
    static void ReplyHealth(struct rpc_server_call *call, int status);
    void Count();

    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    Streams streams_;
    std::vector<struct rpc_method> methods_;
    struct rpc_server *server_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<struct rpc_server_call *> held_;
    bool releasing_ = false;
    int64_t calls_ = 0;
    std::function<void()> hook_;
    enum status_code caller_refusal_ = STATUS_UNAUTHENTICATED;
    int health_ = kNoHealth;
    int64_t health_calls_ = 0;
    std::vector<struct rpc_server_call *> held_health_;
};

// A reply as it came over the wire.
struct Reply {
    int status = 0;                                  // 0: the connection ended before a whole reply
    std::multimap<std::string, std::string> headers; // names in lower case
    std::string body;

    // The only value of a header; "(none)", or "(several)".
    std::string Header(const std::string &name) const;

    // From the body, which must be JSON: "(no JSON)" if it is not, "(none)" if there
    // is no such key. A path: "error.reason".
    std::string Json(const std::string &path) const;
};

// Fails unless reply is an error in the envelope, with all that every reply has.
void ExpectError(const Reply &reply, int status, const std::string &code,
                 const std::string &reason);
void ExpectOk(const Reply &reply);

class Client {
  public:
    // "127.0.0.1:80" or "unix:PATH". Over TCP it speaks TLS if the tests run so, and shakes hands
    // when it sends or waits for something.
    explicit Client(const std::string &address, bool small_buffer = false);
    explicit Client(int port, bool small_buffer = false);
    ~Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    bool connected() const {
        return connected_;
    }
    // Sends all; returns whether that could be done.
    bool Send(const std::string &bytes);
    // Receives one reply, without a body if it is one to HEAD.
    Reply Receive(bool to_head = false);
    Reply Ask(const std::string &bytes, bool to_head = false) {
        Send(bytes);
        return Receive(to_head);
    }
    // Receives at most so many bytes, kept for Receive.
    void ReceiveSome(size_t bytes);
    // Receives the head of a reply whose body comes in chunks; the body with
    // ReceiveChunks.
    Reply ReceiveHead();
    // Receives chunks until the text of the body so far holds text, or, if it is empty,
    // to the end of the body. Returns what came since the last call. ended() then tells
    // whether the last chunk was there.
    std::string ReceiveChunks(const std::string &text = "");
    bool ended() const {
        return ended_;
    }
    // The end of TLS; NULL: plain text.
    TlsClient *tls() {
        return tls_.get();
    }
    // Speaks it from now on, or plain text, whatever the tests run with.
    void UseTls(const Certificate *certificate = nullptr, const std::string &priorities = "NORMAL");
    void UsePlain() {
        tls_.reset();
    }
    // Whether the connection ends now without another byte.
    bool AtEnd();
    // The same, and it was closed, not reset.
    bool AtCleanEnd();
    // Whether nothing was received and the connection is open.
    bool Quiet();
    // All that comes until the end.
    std::string ReceiveAll();
    void CloseSending();
    void Close();
    // Closes so that the peer sees a reset.
    void Reset();

  private:
    bool Fill();
    ssize_t ReceiveBytes(char *bytes, size_t size);
    Reply TakeHead(size_t *ret_size);

    bool ended_ = false;
    int fd_ = -1;
    std::unique_ptr<TlsClient> tls_;
    bool connected_ = false;
    std::string buffer_;
};

// A request of version 1.1 with Host, headers ("Name: value\r\n" each) and a body
// with its Content-Length if there is one.
std::string Request(const std::string &verb, const std::string &target,
                    const std::string &headers = "", const std::string &body = "");
// A POST of JSON.
std::string Post(const std::string &target, const std::string &body,
                 const std::string &headers = "");

class GatewayTest : public testing::Test {
  protected:
    GatewayTest();
    ~GatewayTest() override;

    // Starts the gateway, once.
    void Start(struct gateway_limits limits = {}, const std::string &listen = "127.0.0.1:0");
    // The message of why the gateway does not start; "" if it does.
    std::string StartError(struct gateway_limits limits = {},
                           const std::string &listen = "127.0.0.1:0");
    void Stop(int64_t drain_ms);
    // Returns once the gateway has read all that was sent to it before, as long as it
    // still takes connections: what comes later over others is answered after that.
    void AwaitReceived();
    void StartUpstream();
    void StopUpstream();

    int port() const {
        return port_;
    }
    // Whether HTTP and upstream have one thread.
    bool one_thread() const {
        return one_thread_;
    }
    Upstream &upstream() {
        return *upstream_;
    }
    // The access log's line that holds text, once there is one; "" if none came.
    std::string LogLine(const std::string &text);
    std::string Log();

    TempDir dir_;
    struct gateway_http_options http_ = {}; // what Start starts with
    int upstream_window_ = 0;
    struct gateway_readiness readiness_ = {};
    struct gateway_authorizer authorizer_ = {};
    const struct local_table *local_ = nullptr;
    // A certificate by which the gateway speaks TLS; NULL: plain text. Set if the tests run so.
    std::unique_ptr<Certificate> certificate_;
    std::unique_ptr<Certificate> client_authority_; // NULL: clients are not asked
    enum tls_client_auth client_auth_ = TLS_CLIENT_REQUIRED;
    // Writes them to the files that the gateway looks at when it is told to.
    void WriteCertificates();
    struct tls_source *tls() {
        return tls_;
    }
    // Serves the product's methods instead, of which the upstream has GetCaller alone.
    bool has_own_methods_ = true;

  private:
    std::string UpstreamAddress() const {
        return "unix:" + dir_.Path("upstream.sock");
    }

    void StartTls();

    struct arena arena_;
    int log_fd_;
    struct logger log_;
    // As in `runsctl serve`: HTTP, the calls and the upstream in one thread. Else the
    // upstream is behind a socket, as `runs-gateway` has it.
    bool one_thread_;
    struct rpc_loop *loop_;
    struct rpc_loop *upstream_loop_;
    struct rpc_channel *channel_;
    std::unique_ptr<Upstream> upstream_;
    struct gateway *gateway_ = nullptr;
    struct tls_source *tls_ = nullptr;
    int port_ = 0;
};

#endif
