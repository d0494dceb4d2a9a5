// A call holds as many operations of the store as its method has, one after the other or at
// once, and gets one reply.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "tests/rpc/fixture.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "base/core/container_of.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/service/service_method.h"
#include "storage/op/get_run.h"
}

namespace {

// Answers the operations in turn with results, on a thread of its own; OK when there are no
// more.
class FakeStore {
  public:
    FakeStore() : thread_([this] { Work(); }) {
        static const struct run_store_ops ops = {"fake", Submit, nullptr};
        base.ops = &ops;
    }
    ~FakeStore() {
        Push(nullptr);
        thread_.join();
    }

    void SetResults(const std::vector<enum store_result> &results) {
        std::lock_guard<std::mutex> hold(lock_);
        results_ = results;
        submitted_ = 0;
    }

    size_t submitted() {
        std::lock_guard<std::mutex> hold(lock_);
        return submitted_;
    }

    struct run_store base = {}; // the first member: Submit finds the rest by it

  private:
    static void Submit(struct run_store *base, struct store_op *op) {
        reinterpret_cast<FakeStore *>(base)->Push(op);
    }

    // NULL ends the thread.
    void Push(struct store_op *op) {
        std::lock_guard<std::mutex> hold(lock_);
        if (op != nullptr) {
            op->result = submitted_ < results_.size() ? results_[submitted_] : STORE_OK;
            submitted_++;
        }
        waiting_.push_back(op);
        pushed_.notify_one();
    }

    void Work() {
        for (;;) {
            std::unique_lock<std::mutex> hold(lock_);
            pushed_.wait(hold, [this] { return !waiting_.empty(); });
            struct store_op *op = waiting_.front();
            waiting_.pop_front();
            hold.unlock();
            if (op == nullptr) {
                return;
            }
            op->done(op);
        }
    }

    std::mutex lock_;
    std::condition_variable pushed_;
    std::deque<struct store_op *> waiting_;
    std::vector<enum store_result> results_;
    size_t submitted_ = 0;
    std::thread thread_; // last: it uses the rest
};

void Reply(struct service_call *call, const std::string &text) {
    struct slice bytes = SliceOf(text);
    service_call_reply(call, &bytes, 1);
}

// --- one after the other ---

struct StepsCall {
    struct service_call call;
    struct store_op first;
    struct store_op second;
};

void SecondStored(struct service_call *call) {
    auto *m = CONTAINER_OF(call, StepsCall, call);
    Reply(call, m->second.result == STORE_CONFLICT ? "conflict" : "both");
}

void FirstStored(struct service_call *call) {
    auto *m = CONTAINER_OF(call, StepsCall, call);
    if (m->first.result == STORE_NOT_FOUND) {
        Reply(call, "first not found");
    } else {
        service_call_store(call, &m->second, SecondStored);
    }
}

const struct error *ServeSteps(struct service_call *call, const void *request) {
    (void)request;
    auto *m = CONTAINER_OF(call, StepsCall, call);
    m->first.kind = &store_get_run_kind;
    m->second.kind = &store_get_run_kind;
    service_call_store(call, &m->first, FirstStored);
    return nullptr;
}

// --- at once ---

constexpr int kBatch = 5;

struct BatchCall {
    struct service_call call;
    struct store_op ops[kBatch];
    std::atomic<int> left;
};

void OneDone(struct store_op *op) {
    auto *call = static_cast<struct service_call *>(op->context);
    auto *m = CONTAINER_OF(call, BatchCall, call);
    if (m->left.fetch_sub(1) > 1) {
        return;
    }
    int failed = 0;
    for (const auto &each : m->ops) {
        failed += service_call_store_error(call, &each) != nullptr;
    }
    Reply(call, std::to_string(failed) + " of " + std::to_string(kBatch) + " failed");
}

const struct error *ServeBatch(struct service_call *call, const void *request) {
    (void)request;
    auto *m = CONTAINER_OF(call, BatchCall, call);
    m->left = kBatch;
    struct run_store *store = call->service->store;
    for (auto &op : m->ops) {
        op.context = call;
        op.done = OneDone;
        run_store_submit(store, &op);
    }
    return nullptr;
}

// --- ---

const struct error *ServeRefusal(struct service_call *call, const void *request) {
    const auto *get = static_cast<const Runs__V1__GetRunRequest *>(request);
    return error_new(call->arena, STATUS_INVALID_ARGUMENT, REASON_FIELD_INVALID, "no %s", get->id);
}

struct service_method MethodOf(const char *path, size_t bytes,
                               const struct error *(*serve)(struct service_call *, const void *)) {
    struct service_method method = {};
    method.path = path;
    method.scope = SCOPE_RUNS_CANCEL;
    method.request_type = &runs__v1__get_run_request__descriptor;
    method.call_bytes = bytes;
    method.serve = serve;
    return method;
}

class ServiceCall : public testing::Test {
  protected:
    ServiceCall() {
        service_.log = &log_;
        service_.clock = &clock_system;
        service_.store = &store_.base;
        service_.tokens = token_table_new();
        AddToken("t", SCOPE_RUNS_CANCEL, token_);
        AddToken("reader", SCOPE_RUNS_READ, reader_);
        std::vector<struct rpc_method> methods;
        for (size_t i = 0; i < 3; i++) {
            methods.push_back(service_method_bind(&methods_[i], &service_, &bindings_[i]));
        }
        server_ = std::make_unique<Server>(loop_.get(), 0, 0, methods);
        EXPECT_EQ(server_->Listen("unix:" + dir_.Path("socket")), "");
        server_->Start();
        channel_ = std::make_unique<Channel>(client_loop_.get(), "unix:" + dir_.Path("socket"));
    }
    ~ServiceCall() override {
        channel_.reset();
        server_.reset();
        token_table_free(service_.tokens);
    }

    void AddToken(const char *name, uint32_t scopes, char *ret_text) {
        struct token_record record = {};
        record.organization = slice_of_cstr("acme");
        record.name = slice_of_cstr(name);
        record.scopes = scopes;
        token_make(ret_text);
        token_hash(slice_of_cstr(ret_text), record.hash);
        token_table_put(service_.tokens, &record);
    }

    // The reply's bytes, or the error's reason.
    std::string Told(const std::string &path, const std::vector<enum store_result> &results,
                     const std::string &token, const std::string &request = "") {
        store_.SetResults(results);
        Call call(*channel_, path, request);
        call.Metadata("authorization", "Bearer " + token).Run();
        return call.code() == STATUS_OK ? call.response() : call.error()->reason;
    }

    TempDir dir_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    FakeStore store_;
    struct service service_ = {};
    char token_[TOKEN_TEXT_SIZE];
    char reader_[TOKEN_TEXT_SIZE];
    struct service_method methods_[3] = {
        MethodOf("/test.Runs/Steps", sizeof(StepsCall), ServeSteps),
        MethodOf("/test.Runs/Batch", sizeof(BatchCall), ServeBatch),
        MethodOf("/test.Runs/Refusal", sizeof(struct service_call), ServeRefusal),
    };
    struct service_binding bindings_[3];
    Loop loop_;
    Loop client_loop_;
    std::unique_ptr<Server> server_;
    std::unique_ptr<Channel> channel_;
};

TEST_F(ServiceCall, HasOperationsOneAfterTheOther) {
    EXPECT_EQ("both", Told("/test.Runs/Steps", {}, token_));
    EXPECT_EQ(2u, store_.submitted());
    EXPECT_EQ("conflict", Told("/test.Runs/Steps", {STORE_OK, STORE_CONFLICT}, token_));
    EXPECT_EQ("first not found", Told("/test.Runs/Steps", {STORE_NOT_FOUND}, token_));
    EXPECT_EQ(1u, store_.submitted());
}

TEST_F(ServiceCall, FailsAtTheFirstOperationThatTheStoreCannotDo) {
    EXPECT_EQ("QUEUE_FULL", Told("/test.Runs/Steps", {STORE_BUSY}, token_));
    EXPECT_EQ(1u, store_.submitted());
    EXPECT_EQ("STORE_UNAVAILABLE", Told("/test.Runs/Steps", {STORE_OK, STORE_UNAVAILABLE}, token_));
    EXPECT_EQ(2u, store_.submitted());
}

TEST_F(ServiceCall, HasOperationsAtOnce) {
    EXPECT_EQ("0 of 5 failed", Told("/test.Runs/Batch", {}, token_));
    EXPECT_EQ("2 of 5 failed",
              Told("/test.Runs/Batch",
                   {STORE_DISK_FULL, STORE_CONFLICT, STORE_LOCKED, STORE_EXISTS}, token_));
}

TEST_F(ServiceCall, IsRefusedBeforeAnythingIsStored) {
    for (const char *path : {"/test.Runs/Steps", "/test.Runs/Batch", "/test.Runs/Refusal"}) {
        EXPECT_EQ("SCOPE_MISSING", Told(path, {}, reader_));
        EXPECT_EQ("TOKEN_INVALID", Told(path, {}, "nobody"));
        EXPECT_EQ("MESSAGE_MALFORMED", Told(path, {}, token_, "\x0a"));
        EXPECT_EQ(0u, store_.submitted());
    }
    EXPECT_EQ("FIELD_INVALID", Told("/test.Runs/Refusal", {}, token_, wire::Bytes(1, "r")));
    EXPECT_EQ(0u, store_.submitted());
}

} // namespace
