#ifndef RUNSD_TESTS_SERVER_SERVICE_FIXTURE_H
#define RUNSD_TESTS_SERVER_SERVICE_FIXTURE_H

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runs/v1/runs_service.pb-c.h"
#include "runs/v1/tokens_service.pb-c.h"
#include "tests/rpc/fixture.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "rpc/metadata.h"
#include "server/runsd.h"
#include "storage/store_opener.h"
}

// A real server over an in-process channel on a real SQLite file, with a clock of the
// test's own.

struct TestClock {
    struct clock base;
    std::atomic<int64_t> now;
};

inline int64_t TestNow(const struct clock *self) {
    return reinterpret_cast<const TestClock *>(self)->now.load();
}

using namespace wire;

inline std::string Nodes() {
    return Entry("root", Object(Entry("type", Text("manual"))));
}

inline std::string RunMessage(const std::string &id) {
    return (id.empty() ? "" : Bytes(3, id)) + Bytes(16, Bytes(3, Nodes())) + Bytes(17, "wf-1");
}

inline std::string CreateRequest(const std::string &id) {
    return Bytes(1, RunMessage(id));
}

class Service : public ::testing::Test {
  protected:
    void SetUp() override {
        clock_.base.now_us = TestNow;
        clock_.now = 1'700'000'000'000'000;
        Open();
        reader_ = NewCaller("acme", "ci");
        other_ = NewCaller("rival", "x");
    }

    void TearDown() override {
        Close();
    }

    void Open() {
        OpenAt(dir_.Path("runs.db"));
    }

    void OpenAt(const std::string &path) {
        Arena a;
        url_ = "sqlite:" + path;
        runsd_options options = {};
        options.log = &log_;
        options.clock = &clock_.base;
        options.store_url = url_.c_str();
        options.token_use_ms = token_use_ms_;
        options.drain_ms = 10'000;
        Tune(options);
        const struct error *error = runsd_start(a.get(), &options, &runsd_);
        ASSERT_EQ(nullptr, error) << error->message;
        store_holder holder = {};
        ASSERT_EQ(nullptr, store_holder_read(a.get(), url_.c_str(), &holder));
        admin_ = holder.admin_token;
        channel_ = rpc_channel_new_in_process(runsd_loop(runsd_), runsd_rpc_server(runsd_), 0);
    }

    // For options of a test's own.
    virtual void Tune(runsd_options &) {}

    void Close() {
        rpc_channel_free(channel_);
        runsd_stop(runsd_);
        runsd_ = nullptr;
    }

    struct Reply {
        Arena arena;
        int code = 0;
        std::string message;
        std::string reason;
        std::map<std::string, std::string> metadata;
        std::vector<std::string> fields;
        std::string resource;
        int64_t retry_after_ms = 0;
        std::string bytes;
        bool is_replayed = false;
        std::string limit_policy;
        std::string limit_state;
    };

    std::unique_ptr<Reply> Call(const std::string &method, const std::string &request,
                                const std::vector<std::string> &authorization,
                                int64_t deadline_us = 0, const char *request_id = nullptr) {
        auto reply = std::make_unique<Reply>();
        std::vector<rpc_metadata> metadata;
        for (const auto &value : authorization) {
            metadata.push_back({"authorization", SliceOf(value)});
        }
        for (const auto &name : client_names_) {
            metadata.push_back({RPC_CLIENT_NAME, SliceOf(name)});
        }
        if (request_id != nullptr) {
            metadata.push_back({"x-request-id", slice_of_cstr(request_id)});
        }
        rpc_client_call call = {};
        call.method = rpc_channel_method(channel_, ("/runs.v1." + method).c_str());
        call.request = SliceOf(request);
        call.metadata = metadata.data();
        call.metadata_count = static_cast<int>(metadata.size());
        call.deadline_us = deadline_us;
        call.arena = reply->arena.get();
        rpc_client_call_wait(&call);
        if (call.error != nullptr) {
            reply->code = call.error->code;
            reply->message = call.error->message;
            reply->reason = call.error->reason != nullptr ? call.error->reason : "";
            for (auto *m = call.error->metadata; m != nullptr; m = m->next) {
                reply->metadata[m->key] = m->value;
            }
            for (auto *v = call.error->violations; v != nullptr; v = v->next) {
                reply->fields.push_back(v->field);
            }
            reply->resource = call.error->resource_name != nullptr ? call.error->resource_name : "";
            reply->retry_after_ms = call.error->retry_after_ms;
        }
        reply->bytes = Text(call.response);
        struct slice replayed;
        if (rpc_client_call_metadata(&call, "idempotency-replayed", &replayed)) {
            EXPECT_EQ("true", Text(replayed));
            reply->is_replayed = true;
        }
        struct slice text;
        if (rpc_client_call_metadata(&call, "ratelimit-policy", &text)) {
            reply->limit_policy = Text(text);
        }
        if (rpc_client_call_metadata(&call, "ratelimit", &text)) {
            reply->limit_state = Text(text);
        }
        rpc_client_call_release(&call);
        return reply;
    }

    // With the token; but if it is one of NewCaller's, with that of the same caller that
    // has the method's scope.
    std::unique_ptr<Reply> As(const std::string &token, const std::string &method,
                              const std::string &request) {
        auto caller = callers_.find(token);
        bool is_other = caller != callers_.end() && caller->second.count(method) != 0;
        return Call(method, request, {"Bearer " + (is_other ? caller->second[method] : token)});
    }

    // Makes a caller with a token for each scope that has just this one, so that a
    // method that asks for another's fails: name reads, name-create, name-cancel and
    // name-report do the rest. Returns the one that reads.
    std::string NewCaller(const std::string &organization, const std::string &name) {
        std::string reader = NewToken(organization, {"runs.read"}, name);
        std::map<std::string, std::string> &tokens = callers_[reader];
        tokens["RunsService/CreateRun"] = NewToken(organization, {"runs.create"}, name + "-create");
        tokens["RunsService/CancelRun"] = NewToken(organization, {"runs.cancel"}, name + "-cancel");
        tokens["RunsService/ReportRun"] = NewToken(organization, {"runs.report"}, name + "-report");
        return reader;
    }

    std::string NewToken(const std::string &organization, const std::vector<std::string> &scopes,
                         const std::string &name, int64_t expires_at_s = 0) {
        std::string request = Bytes(1, organization) + Bytes(2, name);
        for (const auto &scope : scopes) {
            request += Bytes(3, scope);
        }
        if (expires_at_s != 0) {
            request += Bytes(4, Uint(1, static_cast<uint64_t>(expires_at_s)));
        }
        auto reply = As(admin_, "TokensService/CreateToken", request);
        EXPECT_EQ(0, reply->code) << reply->message;
        auto *created = runs__v1__create_token_response__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        std::string secret = created->secret;
        runs__v1__create_token_response__free_unpacked(created, nullptr);
        return secret;
    }

    using Run = std::unique_ptr<Runs__V1__Run, std::function<void(Runs__V1__Run *)>>;
    Run Decode(const Reply &reply) {
        return Run(runs__v1__run__unpack(nullptr, reply.bytes.size(),
                                         reinterpret_cast<const uint8_t *>(reply.bytes.data())),
                   [](Runs__V1__Run *r) { runs__v1__run__free_unpacked(r, nullptr); });
    }

    void Create(const std::string &id) {
        auto reply = As(reader_, "RunsService/CreateRun", CreateRequest(id));
        ASSERT_EQ(0, reply->code) << reply->message;
    }

    TempDir dir_;
    int64_t token_use_ms_ = 0;
    std::string url_;
    logger log_ = {-1, LOG_ERROR, "test", nullptr};
    TestClock clock_;
    runsd *runsd_ = nullptr;
    rpc_channel *channel_ = nullptr;
    std::map<std::string, std::map<std::string, std::string>> callers_;
    std::vector<std::string> client_names_; // of the certificate that calls come with
    std::string admin_;
    std::string reader_;
    std::string other_;
};

#endif
