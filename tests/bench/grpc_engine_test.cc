extern "C" {
#include "base/log/log.h"
#include "bench/load/grpc_engine.h"
#include "rpc/server.h"
}

#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

// What the fake RunsService was asked, in the order it was asked.
struct Seen {
    std::mutex mutex;
    std::vector<std::string> requests;
    std::set<std::string> tokens;
};

// Fails requests that end with "missing", answers the others.
void Handle(void *service, rpc_server_call *call) {
    auto *seen = static_cast<Seen *>(service);
    slice request = rpc_server_call_request(call);
    std::string text(reinterpret_cast<const char *>(request.data), request.len);
    slice token = SLICE_EMPTY;
    rpc_server_call_metadata(call, "authorization", &token);
    {
        std::lock_guard<std::mutex> lock(seen->mutex);
        seen->requests.push_back(text);
        seen->tokens.emplace(reinterpret_cast<const char *>(token.data), token.len);
    }
    if (text.size() >= 7 && text.substr(text.size() - 7) == "missing") {
        rpc_server_call_fail(call, error_new(rpc_server_call_arena(call), STATUS_NOT_FOUND,
                                             REASON_RUN_NOT_FOUND, "no such run"));
        return;
    }
    slice reply = slice_of_cstr("");
    rpc_server_call_reply(call, &reply, 1);
}

class GrpcEngine : public testing::Test {
  protected:
    GrpcEngine() {
        arena_init(&arena_);
        for (const char *path : {"/runs.v1.RunsService/GetRun", "/runs.v1.RunsService/CreateRun",
                                 "/other.Service/GetRun"}) {
            rpc_method method = {};
            method.path = path;
            method.handle = Handle;
            method.service = &seen_;
            methods_.push_back(method);
        }
        rpc_server_options options = {};
        options.log = &log_;
        options.methods = methods_.data();
        options.method_count = methods_.size();
        options.error_domain = "test";
        loop_ = rpc_loop_new("test");
        server_ = rpc_server_new(loop_, &options);
        address listen;
        int port = 0;
        EXPECT_EQ(address_parse(&arena_, "--listen", "127.0.0.1:0", &listen), nullptr);
        const rpc_listen_options at_loopback = {&listen, rpc_credentials_insecure_server()};
        EXPECT_EQ(rpc_server_listen(server_, &arena_, &at_loopback, &port), nullptr);
        rpc_server_start(server_);
        const char *at = arena_printf(&arena_, "127.0.0.1:%d", port);
        EXPECT_EQ(address_parse(&arena_, "--connect", at, &options_.server), nullptr);
        options_.service = "runs.v1.RunsService";
        options_.method = GRPC_LOAD_GET_RUN;
        options_.outstanding = 1;
        options_.targets = &targets_;
        options_.token = "secret";
    }

    ~GrpcEngine() override {
        rpc_server_stop(server_, 1000);
        rpc_server_free(server_);
        rpc_loop_free(loop_);
        targets_release(&targets_);
        arena_release(&arena_);
    }

    void SetTargets(const std::string &text) {
        const error *e =
            targets_of_text(&arena_, "list", strdup(text.c_str()), text.size(), &targets_);
        ASSERT_EQ(e, nullptr);
    }

    std::map<std::string, uint64_t> Answers() {
        std::map<std::string, uint64_t> counts;
        for (int i = 0; i < LOAD_OUTCOMES_MAX && report_->answers[i].count > 0; i++) {
            counts[report_->answers[i].name] = report_->answers[i].count;
        }
        return counts;
    }

    using Map = std::map<std::string, uint64_t>;
    arena arena_;
    logger log_ = {STDERR_FILENO, LOG_ERROR, "test", nullptr};
    Seen seen_;
    std::vector<rpc_method> methods_;
    rpc_loop *loop_;
    rpc_server *server_;
    targets targets_ = {};
    grpc_load_options options_ = {};
    std::unique_ptr<load_report> report_ = std::make_unique<load_report>();
};

TEST_F(GrpcEngine, CallsForEachTargetOnceAndCountsCodes) {
    SetTargets("r1\nmissing\nr3\n");
    options_.once = true;
    grpc_load_run(&options_, report_.get());
    EXPECT_EQ(seen_.requests,
              (std::vector<std::string>{"\x0a\x02r1", "\x0a\x07missing", "\x0a\x02r3"}));
    EXPECT_EQ(seen_.tokens, std::set<std::string>{"Bearer secret"});
    EXPECT_EQ(Answers(), (Map{{"OK", 2}, {"NOT_FOUND", 1}}));
    EXPECT_EQ(report_->targets_used, 3u);
    EXPECT_EQ(report_->latency_ns.total, 3u);
    EXPECT_GT(report_->elapsed_ns, 0);
}

TEST_F(GrpcEngine, CallsTheServiceNamed) {
    SetTargets("r1\n");
    options_.once = true;
    options_.service = "other.Service";
    grpc_load_run(&options_, report_.get());
    EXPECT_EQ(Answers(), (Map{{"OK", 1}}));
    options_.service = "no.Service";
    grpc_load_run(&options_, report_.get());
    EXPECT_EQ(Answers(), (Map{{"UNIMPLEMENTED", 1}}));
}

TEST_F(GrpcEngine, ManyOutstandingShareTheCount) {
    SetTargets("r1\nr2\n");
    options_.outstanding = 32;
    options_.count = 1000;
    grpc_load_run(&options_, report_.get());
    EXPECT_EQ(Answers(), (Map{{"OK", 1000}}));
    EXPECT_EQ(seen_.requests.size(), 1000u);
}

TEST_F(GrpcEngine, EndsAfterTheDuration) {
    SetTargets("r1\n");
    options_.outstanding = 4;
    options_.duration_us = 200000;
    grpc_load_run(&options_, report_.get());
    EXPECT_GE(report_->elapsed_ns, 200000000);
    EXPECT_GE(report_->latency_ns.total, 4u);
    EXPECT_EQ(report_->latency_ns.total, seen_.requests.size());
}

TEST_F(GrpcEngine, CreatesRunsOfTheIdsGiven) {
    SetTargets("run-1\nrun-2\n");
    options_.method = GRPC_LOAD_CREATE_RUN;
    options_.once = true;
    grpc_load_run(&options_, report_.get());
    ASSERT_EQ(seen_.requests.size(), 2u);
    EXPECT_NE(seen_.requests[0].find("\x1a\x05run-1"), std::string::npos);
    EXPECT_NE(seen_.requests[1].find("\x1a\x05run-2"), std::string::npos);
}

TEST_F(GrpcEngine, AServerThatIsNotThereIsUnavailable) {
    SetTargets("r1\n");
    ASSERT_EQ(address_parse(&arena_, "--connect", "unix:/nonexistent/socket", &options_.server),
              nullptr);
    options_.once = true;
    grpc_load_run(&options_, report_.get());
    EXPECT_EQ(Answers(), (Map{{"UNAVAILABLE", 1}}));
}

TEST_F(GrpcEngine, OnlyItsThreeMethodsHaveNames) {
    grpc_load_method method = GRPC_LOAD_GET_RUN;
    EXPECT_EQ(grpc_load_method_parse(&arena_, "CancelRun", &method), nullptr);
    EXPECT_EQ(method, GRPC_LOAD_CANCEL_RUN);
    const error *e = grpc_load_method_parse(&arena_, "cancelRun", &method);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(std::string(e->message),
              "--method must be GetRun, CancelRun or CreateRun, is 'cancelRun'");
}

} // namespace
