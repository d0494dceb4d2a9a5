#include "tests/storage/postgres_proxy.h"

#include <arpa/inet.h>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace store_testing {
namespace {

constexpr char kSocket[] = "/.s.PGSQL.5432";
constexpr int kLookMs = 5; // how often it is looked whether what is held may go on

void Check(bool holds) {
    if (!holds) {
        perror("postgres_proxy");
        abort();
    }
}

// A socket that is no file: in place of the "@" is a 0.
struct Address {
    struct sockaddr_un un = {};
    socklen_t size;

    explicit Address(const std::string &host) {
        std::string path = host + kSocket;
        un.sun_family = AF_UNIX;
        Check(host[0] == '@' && path.size() <= sizeof(un.sun_path));
        memcpy(un.sun_path + 1, path.data() + 1, path.size() - 1);
        size = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + path.size());
    }
    const struct sockaddr *get() const {
        return reinterpret_cast<const struct sockaddr *>(&un);
    }
};

bool WriteAll(int fd, const std::string &bytes) {
    for (size_t done = 0; done < bytes.size();) {
        ssize_t n = send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        done += static_cast<size_t>(n);
    }
    return true;
}

} // namespace

// What one side has sent and the other has not got yet.
struct PostgresProxy::Side {
    int fd;
    bool has_startup; // its first message has no type
    std::string unread = {};
    bool is_held = false;
    int held_at = 0; // released_ then
    bool is_over = false;
};

PostgresProxy::PostgresProxy(const std::string &server) : server_(server) {
    static std::atomic<int> made{0};
    Check(pipe(end_) == 0);
    host_ = server + "-proxy" + std::to_string(made++);
    Address address(host_);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Check(bind(listener_, address.get(), address.size) == 0 && listen(listener_, 64) == 0);
    acceptor_ = std::thread([this] { Accept(); });
}

PostgresProxy::~PostgresProxy() {
    close(end_[1]);
    acceptor_.join();
    for (std::thread &t : threads_) {
        t.join();
    }
    close(end_[0]);
    close(listener_);
}

void PostgresProxy::SetRule(Rule rule) {
    std::lock_guard<std::mutex> lock(mutex_);
    rule_ = rule;
}

void PostgresProxy::Release() {
    std::lock_guard<std::mutex> lock(mutex_);
    released_++;
}

PostgresProxy::Verdict PostgresProxy::Judge(const Message &message) {
    std::lock_guard<std::mutex> lock(mutex_);
    return rule_ ? rule_(message) : Verdict::kPass;
}

void PostgresProxy::Accept() {
    for (int number = 0;; number++) {
        struct pollfd fds[] = {{listener_, POLLIN, 0}, {end_[0], POLLIN, 0}};
        Check(poll(fds, 2, -1) > 0);
        if (fds[1].revents != 0) {
            return;
        }
        int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        Check(client >= 0);
        threads_.emplace_back([this, client, number] { Serve(client, number); });
    }
}

int PostgresProxy::Connect() const {
    Address address(server_);
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(server, address.get(), address.size) != 0) {
        close(server);
        return -1;
    }
    return server;
}

// Forwards the whole messages that from has sent. Returns false if the connection ends.
bool PostgresProxy::Forward(Side &from, int to, int number, bool from_client) {
    for (;;) {
        size_t head = from.has_startup ? 4 : 5;
        uint32_t length;
        if (from.unread.size() < head) {
            return true;
        }
        memcpy(&length, from.unread.data() + head - 4, 4);
        size_t size = head - 4 + ntohl(length);
        if (from.unread.size() < size) {
            return true;
        }
        Message message = {number, from_client, from.has_startup ? '\0' : from.unread[0],
                           from.unread.substr(head, size - head)};
        // What was held has been judged.
        Verdict verdict = from.is_held ? Verdict::kPass : Judge(message);
        from.is_held = verdict == Verdict::kHold;
        if (from.is_held) {
            std::lock_guard<std::mutex> lock(mutex_);
            from.held_at = released_;
            return true;
        }
        if (verdict == Verdict::kCut || !WriteAll(to, from.unread.substr(0, size))) {
            return false;
        }
        from.unread.erase(0, size);
        from.has_startup = false;
    }
}

void PostgresProxy::Serve(int client, int number) {
    int server = Connect();
    Side sides[2] = {{client, true}, {server, false}};
    bool goes_on = server >= 0;
    while (goes_on) {
        struct pollfd fds[] = {{sides[0].is_over ? -1 : client, POLLIN, 0},
                               {sides[1].is_over ? -1 : server, POLLIN, 0},
                               {end_[0], POLLIN, 0}};
        bool is_held = sides[0].is_held || sides[1].is_held;
        poll(fds, 3, is_held ? kLookMs : -1);
        if (fds[2].revents != 0) {
            break;
        }
        for (int i = 0; i < 2 && goes_on; i++) {
            Side &from = sides[i];
            if (fds[i].revents != 0) {
                char bytes[65536];
                ssize_t n = recv(from.fd, bytes, sizeof(bytes), 0);
                from.is_over = n <= 0;
                from.unread.append(bytes, n > 0 ? static_cast<size_t>(n) : 0);
            }
            bool may_go_on = true;
            if (from.is_held) {
                std::lock_guard<std::mutex> lock(mutex_);
                may_go_on = released_ != from.held_at;
            }
            goes_on = !may_go_on || (Forward(from, sides[1 - i].fd, number, i == 0) &&
                                     (!from.is_over || from.is_held));
        }
    }
    close(client);
    if (server >= 0) {
        close(server);
    }
}

} // namespace store_testing
