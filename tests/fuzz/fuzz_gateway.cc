#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "gateway/gateway.h"
#include "rpc/client.h"
#include "rpc/loop.h"
#include "rpc/server.h"
}

// The whole gateway: any bytes on a connection, then its end. The upstream is in
// the same process and echoes. What is answered is answered with HTTP.

namespace {

enum { QUIET_MS = 10 };

void Echo(void *, struct rpc_server_call *call) {
    struct slice request = rpc_server_call_request(call);
    rpc_server_call_reply(call, &request, 1);
}

void Fail(void *, struct rpc_server_call *call) {
    rpc_server_call_fail(call, error_new(rpc_server_call_arena(call), STATUS_NOT_FOUND,
                                         REASON_RUN_NOT_FOUND, "no such thing"));
}

class Gateway {
  public:
    static Gateway &Get() {
        static Gateway *gateway = new Gateway(); // until the process ends
        return *gateway;
    }

    int Connect() {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un to = {};
        to.sun_family = AF_UNIX;
        snprintf(to.sun_path, sizeof(to.sun_path), "%s", path_.c_str());
        FUZZ_CHECK(connect(fd, reinterpret_cast<struct sockaddr *>(&to), sizeof(to)) == 0,
                   "the gateway is gone");
        return fd;
    }

  private:
    Gateway() {
        char folder[] = "/tmp/fuzz-gateway-XXXXXX";
        FUZZ_CHECK(mkdtemp(folder) != nullptr, "no folder");
        path_ = std::string(folder) + "/s";
        loop_ = rpc_loop_new("fuzz");
        static const struct rpc_method methods[] = {
            {"/http_test.v1.Upstream/Echo", Echo, nullptr},
            {"/http_test.v1.Upstream/Seen", Echo, nullptr},
            {"/http_test.v1.Upstream/Fail", Fail, nullptr},
            {"/http_test.v1.Upstream/Held", Echo, nullptr},
        };
        struct rpc_server_options served = {};
        served.log = &log_;
        served.methods = methods;
        served.method_count = sizeof(methods) / sizeof(methods[0]);
        served.error_domain = "http_test.v1";
        server_ = rpc_server_new(loop_, &served);
        rpc_server_start(server_);
        std::string set = fuzz::ReadFile("tests/gateway/http/upstream.binpb");
        struct slice sets = fuzz::S(set);
        struct gateway_options options = {};
        fuzz::Arena a;
        std::string listen = "unix:" + path_;
        FUZZ_CHECK(address_parse(a, "--listen", listen.c_str(), &options.listen) == nullptr,
                   "no address");
        options.log = &log_;
        channel_ = rpc_channel_new_in_process(loop_, server_, 0);
        options.upstream = channel_;
        options.descriptor_sets = &sets;
        options.descriptor_set_count = 1;
        const struct error *e = gateway_start(a, &options, &gateway_);
        FUZZ_CHECK(e == nullptr, "%s", e->message);
    }

    std::string path_;
    struct gateway *gateway_ = nullptr; // never stopped
    struct rpc_server *server_ = nullptr;
    struct rpc_channel *channel_ = nullptr;
    struct rpc_loop *loop_ = nullptr;
    struct logger log_ = {-1, LOG_ERROR, "fuzz", nullptr};
};

// What comes until the end, or until nothing came for a while: a request that is
// cut is given up only after a second.
std::string ReceiveAll(int fd) {
    std::string all;
    char block[16384];
    struct pollfd ready = {fd, POLLIN, 0};
    while (poll(&ready, 1, QUIET_MS) == 1) {
        ssize_t n = recv(fd, block, sizeof(block), 0);
        if (n <= 0) {
            break;
        }
        all.append(block, static_cast<size_t>(n));
    }
    return all;
}

} // namespace

void FuzzGateway(const uint8_t *data, size_t size) {
    int fd = Gateway::Get().Connect();
    send(fd, data, size, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    std::string reply = ReceiveAll(fd);
    close(fd);
    if (reply.empty()) {
        return;
    }
    FUZZ_CHECK(reply.compare(0, 7, "HTTP/1.") == 0 && reply.size() > 12 && reply[8] == ' ',
               "no HTTP: %.40s", reply.c_str());
    int status = atoi(reply.c_str() + 9);
    FUZZ_CHECK(status >= 100 && status < 600, "status %d", status);
    FUZZ_CHECK(status != 500 && status != 502, "status %d", status);
    FUZZ_CHECK(reply.find("\r\n\r\n") != std::string::npos, "a cut head");
}
