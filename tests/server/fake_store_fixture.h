#ifndef RUNSD_TESTS_SERVER_FAKE_STORE_FIXTURE_H
#define RUNSD_TESTS_SERVER_FAKE_STORE_FIXTURE_H

#include <functional>

#include "tests/rpc/fixture.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/auth/token_table.h"
#include "server/service/service_method.h"
}

// All methods on a real server, over a store of the test's own.

struct FakeStore {
    struct run_store base;
    std::function<enum store_result(struct store_op *op)> answer;
};

inline void FakeStoreSubmit(struct run_store *store, struct store_op *op) {
    op->result = reinterpret_cast<FakeStore *>(store)->answer(op);
    op->detail = "of the store";
    op->done(op);
}

class OverFakeStore : public testing::Test {
  protected:
    explicit OverFakeStore(LoopKind kind = LoopKind::kPolling) : loop_(kind) {
        static const struct run_store_ops ops = {"fake", FakeStoreSubmit, nullptr};
        store_.base.ops = &ops;
        service_.log = &log_;
        service_.clock = &clock_system;
        service_.store = &store_.base;
        service_.tokens = token_table_new();
        struct token_record record = {};
        record.organization = slice_of_cstr("acme");
        record.name = slice_of_cstr("t");
        record.scopes = SCOPE_RUNS_READ | SCOPE_RUNS_CANCEL | SCOPE_RUNS_CREATE |
                        SCOPE_RUNS_REPORT | SCOPE_TOKENS_ADMIN;
        token_make(token_);
        token_hash(slice_of_cstr(token_), record.hash);
        token_table_put(service_.tokens, &record);
        bindings_.resize(service_methods_count);
        for (size_t i = 0; i < service_methods_count; i++) {
            methods_.push_back(service_method_bind(service_methods[i], &service_, &bindings_[i]));
        }
        server_ = std::make_unique<Server>(loop_.get(), 0, 0, methods_);
        EXPECT_EQ(server_->Listen(Socket()), "");
    }
    ~OverFakeStore() override {
        server_.reset();
        token_table_free(service_.tokens);
    }

    std::string Socket() const {
        return "unix:" + dir_.Path("socket");
    }
    std::string Bearer() const {
        return std::string("Bearer ") + token_;
    }

    TempDir dir_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    FakeStore store_ = {};
    struct service service_ = {};
    char token_[TOKEN_TEXT_SIZE];
    Loop loop_;
    Loop client_loop_;
    std::vector<struct service_binding> bindings_;
    std::vector<struct rpc_method> methods_;
    std::unique_ptr<Server> server_; // listens at Socket; to be started
};

// A message for CreateRun.
inline std::string SmallestRun(const std::string &id) {
    using namespace wire;
    return Bytes(1, Bytes(3, id) +
                        Bytes(16, Bytes(3, Entry("root", Object(Entry("type", Text("manual")))))));
}

#endif
