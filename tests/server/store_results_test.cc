// Every way in which a store does not do what it was asked, as its client is told: the reply
// says neither more nor less than the store knows.

#include "tests/rpc/fixture.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/auth/token_table.h"
#include "server/service/service_method.h"
}

namespace {

// Answers every operation as it was told to.
struct FakeStore {
    struct run_store base;
    enum store_result result;
};

void Submit(struct run_store *store, struct store_op *op) {
    op->result = reinterpret_cast<FakeStore *>(store)->result;
    op->detail = "of the store";
    op->done(op);
}

class StoreResults : public testing::Test {
  protected:
    StoreResults() {
        static const struct run_store_ops ops = {"fake", Submit, nullptr};
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
        EXPECT_EQ(server_->Listen("unix:" + dir_.Path("socket")), "");
        server_->Start();
        channel_ = std::make_unique<Channel>(client_loop_.get(), "unix:" + dir_.Path("socket"));
    }
    ~StoreResults() override {
        channel_.reset();
        server_.reset();
        token_table_free(service_.tokens);
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
    std::unique_ptr<Server> server_;
    std::unique_ptr<Channel> channel_;
};

struct Told {
    enum store_result result;
    int code;
    std::string reason;
    bool nothing_was_changed; // is said of a change
    bool may_be_retried;      // RetryInfo says when
};

TEST_F(StoreResults, AreToldForWhatTheyAre) {
    using namespace wire;
    const Told rows[] = {
        {STORE_EXPIRED, STATUS_DEADLINE_EXCEEDED, "DEADLINE_PASSED", true, false},
        {STORE_BUSY, STATUS_RESOURCE_EXHAUSTED, "QUEUE_FULL", true, true},
        {STORE_DISK_FULL, STATUS_UNAVAILABLE, "DISK_FULL", true, true},
        {STORE_LOCKED, STATUS_UNAVAILABLE, "STORE_LOCKED", true, true},
        {STORE_TOO_LARGE, STATUS_INVALID_ARGUMENT, "FIELD_INVALID", true, false},
        {STORE_STOPPED, STATUS_UNAVAILABLE, "SERVER_STOPPING", true, true},
        {STORE_UNAVAILABLE, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE", false, true},
    };
    const std::string run =
        Bytes(1, Bytes(3, "r") +
                     Bytes(16, Bytes(3, Entry("root", Object(Entry("type", Text("manual")))))));
    const struct {
        std::string method;
        std::string request;
        bool is_change;
    } methods[] = {
        {"RunsService/CreateRun", run, true},
        {"RunsService/CancelRun", Bytes(1, "r"), true},
        {"RunsService/ReportRun", Bytes(1, "r") + Uint(2, 3), true},
        {"RunsService/GetRun", Bytes(1, "r"), false},
        {"RunsService/ListRuns", "", false},
        {"RunsService/ListRunEvents", Bytes(1, "r"), false},
        {"TokensService/CreateToken", Bytes(1, "acme") + Bytes(3, "runs.read"), true},
        {"TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "n"), true},
        {"TokensService/ListTokens", "", false},
    };
    for (const Told &row : rows) {
        for (const auto &method : methods) {
            SCOPED_TRACE(row.reason + " of " + method.method);
            store_.result = row.result;
            Call call(*channel_, "/runs.v1." + method.method, method.request);
            call.Metadata("authorization", std::string("Bearer ") + token_).Run();
            ASSERT_NE(nullptr, call.error());
            EXPECT_EQ(row.code, call.code()) << call.message();
            EXPECT_EQ(row.reason, call.error()->reason);
            EXPECT_EQ(row.may_be_retried, call.error()->retry_after_ms > 0);
            bool says_nothing = call.message().find("nothing was changed") != std::string::npos;
            bool says_unknown = call.message().find("not known") != std::string::npos;
            EXPECT_EQ(row.nothing_was_changed, says_nothing) << call.message();
            EXPECT_EQ(method.is_change && !row.nothing_was_changed, says_unknown) << call.message();
            EXPECT_EQ(std::string::npos, call.message().find("of the store")) << call.message();
        }
    }
}

} // namespace
