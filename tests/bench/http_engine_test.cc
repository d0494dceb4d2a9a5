extern "C" {
#include "bench/load/http_engine.h"
}

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

// A server with a thread per connection; answer gives the bytes to reply with
// to a request line, "" to close without a reply.
class Server {
  public:
    explicit Server(std::function<std::string(const std::string &)> answer)
        : answer_(std::move(answer)) {
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at = {};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr *>(&at), sizeof(at)), 0);
        EXPECT_EQ(listen(fd_, 128), 0);
        socklen_t len = sizeof(at);
        getsockname(fd_, reinterpret_cast<sockaddr *>(&at), &len);
        address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
        acceptor_ = std::thread([this] { Accept(); });
    }

    ~Server() {
        shutdown(fd_, SHUT_RDWR);
        acceptor_.join();
        for (std::thread &t : threads_) {
            t.join();
        }
        close(fd_);
    }

    const char *address() const {
        return address_.c_str();
    }

    std::vector<std::string> requests() {
        std::lock_guard<std::mutex> lock(mutex_);
        return requests_;
    }

  private:
    void Accept() {
        for (;;) {
            int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) {
                return;
            }
            threads_.emplace_back([this, fd] {
                Serve(fd);
                close(fd);
            });
        }
    }

    void Serve(int fd) {
        std::string pending;
        char bytes[4096];
        for (;;) {
            size_t end = pending.find("\r\n\r\n");
            if (end == std::string::npos) {
                ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
                if (n <= 0) {
                    return;
                }
                pending.append(bytes, static_cast<size_t>(n));
                continue;
            }
            std::string request = pending.substr(0, end + 4);
            pending.erase(0, end + 4);
            {
                std::lock_guard<std::mutex> lock(mutex_);
                requests_.push_back(request);
            }
            std::string reply = answer_(request);
            if (reply.empty()) {
                return;
            }
            send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
        }
    }

    std::function<std::string(const std::string &)> answer_;
    int fd_;
    std::string address_;
    std::thread acceptor_;
    std::vector<std::thread> threads_; // touched by the acceptor, then joined
    std::mutex mutex_;
    std::vector<std::string> requests_;
};

const char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

class HttpEngine : public testing::Test {
  protected:
    HttpEngine() {
        arena_init(&arena_);
        char *text = strdup("/a\n/b\n/c\n");
        EXPECT_EQ(targets_of_text(&arena_, "list", text, strlen(text), &targets_), nullptr);
        options_.method = slice_of_cstr("POST");
        options_.fields = slice_of_cstr("X-Test: 1\r\n");
        options_.targets = &targets_;
        options_.connections = 1;
        options_.timeout_ns = 20000000000;
    }

    ~HttpEngine() override {
        targets_release(&targets_);
        arena_release(&arena_);
    }

    void Run(const char *address) {
        ASSERT_EQ(address_parse(&arena_, "--connect", address, &options_.server), nullptr);
        *report_ = load_report{};
        const error *e = http_load_run(&arena_, &options_, report_.get());
        ASSERT_EQ(e, nullptr) << e->message;
    }

    std::map<std::string, uint64_t> Counts(const load_outcome *outcomes) {
        std::map<std::string, uint64_t> counts;
        for (int i = 0; i < LOAD_OUTCOMES_MAX && outcomes[i].count > 0; i++) {
            counts[outcomes[i].name] = outcomes[i].count;
        }
        return counts;
    }

    using Map = std::map<std::string, uint64_t>;
    arena arena_;
    targets targets_ = {};
    http_load_options options_ = {};
    std::unique_ptr<load_report> report_ = std::make_unique<load_report>();
};

TEST_F(HttpEngine, SendsEachTargetOnceInOrder) {
    Server server([](const std::string &) { return kOk; });
    options_.once = true;
    Run(server.address());
    std::vector<std::string> want;
    for (const char *path : {"/a", "/b", "/c"}) {
        want.push_back(std::string("POST ") + path + " HTTP/1.1\r\nHost: " + server.address() +
                       "\r\nX-Test: 1\r\n\r\n");
    }
    EXPECT_EQ(server.requests(), want);
    EXPECT_EQ(Counts(report_->answers), (Map{{"200", 3}}));
    EXPECT_EQ(Counts(report_->failures), Map{});
    EXPECT_EQ(report_->targets_used, 3u);
    EXPECT_EQ(report_->unanswered, 0u);
    EXPECT_EQ(report_->latency_ns.total, 3u);
    EXPECT_GT(report_->elapsed_ns, 0);
    EXPECT_GT(report_->cpu_ns, 0);
}

TEST_F(HttpEngine, SendsAKeyOfItsOwnWithEachTarget) {
    Server server([](const std::string &) { return kOk; });
    options_.once = true;
    options_.keys = true;
    Run(server.address());
    std::vector<std::string> want;
    for (const std::string path : {"/a", "/b", "/c"}) {
        want.push_back("POST " + path + " HTTP/1.1\r\nHost: " + server.address() +
                       "\r\nX-Test: 1\r\nIdempotency-Key: " + path + "\r\n\r\n");
    }
    EXPECT_EQ(server.requests(), want);
    EXPECT_EQ(Counts(report_->answers), (Map{{"200", 3}}));
}

TEST_F(HttpEngine, SendsTheTokenOfItsLineWithEachTarget) {
    Server server([](const std::string &) { return kOk; });
    targets tokens = {};
    ASSERT_EQ(targets_of_text(&arena_, "tokens", strdup("a1\nb1\nc1\n"), 9, &tokens), nullptr);
    options_.first_target = 2;
    options_.count = 2;
    options_.tokens = &tokens;
    Run(server.address());
    std::vector<std::string> want;
    for (const std::string name : {"c", "a"}) {
        want.push_back("POST /" + name + " HTTP/1.1\r\nHost: " + server.address() +
                       "\r\nX-Test: 1\r\nAuthorization: Bearer " + name + "1\r\n\r\n");
    }
    EXPECT_EQ(server.requests(), want);
    targets_release(&tokens);
}

TEST_F(HttpEngine, CyclesFromTheFirstTargetGivenUntilTheCount) {
    Server server([](const std::string &) { return kOk; });
    options_.first_target = 2;
    options_.count = 4;
    Run(server.address());
    std::string paths;
    for (const std::string &request : server.requests()) {
        paths += request.substr(5, 2);
    }
    EXPECT_EQ(paths, "/c/a/b/c");
}

TEST_F(HttpEngine, ManyConnectionsShareTheCount) {
    Server server([](const std::string &) { return kOk; });
    options_.connections = 16;
    options_.count = 1000;
    Run(server.address());
    EXPECT_EQ(Counts(report_->answers), (Map{{"200", 1000}}));
    EXPECT_EQ(server.requests().size(), 1000u);
}

TEST_F(HttpEngine, CountsRepliesByStatusAndFailuresByCause) {
    Server server([](const std::string &request) -> std::string {
        if (request.find("/a") != std::string::npos) {
            return "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        }
        return request.find("/b") != std::string::npos ? "" : std::string(kOk) + "more";
    });
    options_.once = true;
    Run(server.address());
    EXPECT_EQ(Counts(report_->answers), (Map{{"404", 1}}));
    EXPECT_EQ(Counts(report_->failures), (Map{{"closed", 1}, {"malformed", 1}}));
    EXPECT_EQ(report_->latency_ns.total, 1u);
}

TEST_F(HttpEngine, LatencyOfAcceptedRequestsIsKeptApart) {
    Server server([](const std::string &request) -> std::string {
        if (request.find("/a") == std::string::npos) {
            return "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}";
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return kOk;
    });
    options_.once = true;
    Run(server.address());
    EXPECT_EQ(Counts(report_->answers), (Map{{"200", 1}, {"429", 2}}));
    EXPECT_EQ(report_->accepted_ns.total, 1u);
    EXPECT_GE(report_->accepted_ns.max, 50000000u);
    EXPECT_EQ(report_->other_ns.total, 2u);
    EXPECT_EQ(report_->latency_ns.total, 3u);
    EXPECT_EQ(report_->latency_ns.max, report_->accepted_ns.max);
}

TEST_F(HttpEngine, AReplyThatNeverComesIsATimeout) {
    Server server([](const std::string &request) -> std::string {
        // Half a reply, then silence.
        return request.find("/b") != std::string::npos ? "HTTP/1.1 200 OK\r\n" : kOk;
    });
    options_.once = true;
    options_.timeout_ns = 200000000;
    Run(server.address());
    EXPECT_EQ(Counts(report_->answers), (Map{{"200", 2}}));
    EXPECT_EQ(Counts(report_->failures), (Map{{"timeout", 1}}));
}

// The server stalls once, for 300 ms, at a rate of one request in 10 ms: those
// that were due meanwhile must show the wait, though they were sent only after
// it.
TEST_F(HttpEngine, AStallShowsInTheLatencyOfAllThatWereDueMeanwhile) {
    std::atomic<int> served{0};
    Server server([&](const std::string &) {
        if (served++ == 10) {
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
        }
        return kOk;
    });
    options_.rate_per_s = 100;
    options_.count = 60;
    Run(server.address());
    EXPECT_EQ(Counts(report_->answers), (Map{{"200", 60}}));
    // About 20 of 60 waited 100 ms or more; in a closed loop it would be 1.
    EXPECT_GE(histogram_percentile(&report_->latency_ns, 75), 100000000u);
    EXPECT_LT(histogram_percentile(&report_->accepted_since_sent_ns, 75), 100000000u);
    EXPECT_GE(report_->elapsed_ns, 590000000);
}

TEST_F(HttpEngine, AnOpenLoopNeverRunsAheadOfItsRate) {
    Server server([](const std::string &) { return kOk; });
    options_.connections = 8;
    options_.rate_per_s = 200;
    options_.duration_ns = 500000000;
    Run(server.address());
    EXPECT_EQ(Counts(report_->answers), (Map{{"200", 100}}));
    EXPECT_GE(report_->elapsed_ns, 495000000);
}

TEST_F(HttpEngine, WhatAnOverloadedServerNeverGotIsUnanswered) {
    Server server([](const std::string &) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return kOk;
    });
    options_.rate_per_s = 1000;
    options_.duration_ns = 200000000;
    options_.timeout_ns = 100000000;
    Run(server.address());
    EXPECT_EQ(report_->unanswered + report_->latency_ns.total, 200u);
    EXPECT_GE(report_->unanswered, 180u);
}

TEST_F(HttpEngine, AServerThatIsNotThereIsAnError) {
    ASSERT_EQ(address_parse(&arena_, "--connect", "unix:/nonexistent/socket", &options_.server),
              nullptr);
    options_.once = true;
    const error *e = http_load_run(&arena_, &options_, report_.get());
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(e->code, STATUS_UNAVAILABLE);
    EXPECT_EQ(std::string(e->message),
              "connection 1 of 1 to unix:/nonexistent/socket: No such file or directory");
}

} // namespace
