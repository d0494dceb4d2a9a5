// The services as a client meets them: a real server over an in-process channel on
// a real SQLite file, with a clock of the test's own.

#include <atomic>
#include <cmath>
#include <functional>
#include <limits>

#include "runs/v1/runs_service.pb-c.h"
#include "runs/v1/tokens_service.pb-c.h"
#include "tests/rpc/fixture.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "server/runsd.h"
#include "storage/store_opener.h"
}

namespace {

struct TestClock {
    struct clock base;
    std::atomic<int64_t> now;
};

int64_t TestNow(const struct clock *self) {
    return reinterpret_cast<const TestClock *>(self)->now.load();
}

using namespace wire;

std::string Nodes() {
    return Entry("root", Object(Entry("type", Text("manual"))));
}

std::string RunMessage(const std::string &id) {
    return (id.empty() ? "" : Bytes(3, id)) + Bytes(16, Bytes(3, Nodes())) + Bytes(17, "wf-1");
}

std::string CreateRequest(const std::string &id) {
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
        Arena a;
        url_ = "sqlite:" + dir_.Path("runs.db");
        runsd_options options = {};
        options.log = &log_;
        options.clock = &clock_.base;
        options.store_url = url_.c_str();
        options.drain_ms = 10'000;
        const struct error *error = runsd_start(a.get(), &options, &runsd_);
        ASSERT_EQ(nullptr, error) << error->message;
        store_holder holder = {};
        ASSERT_EQ(nullptr, store_holder_read(a.get(), url_.c_str(), &holder));
        admin_ = holder.admin_token;
        channel_ = rpc_channel_new_in_process(runsd_loop(runsd_), runsd_rpc_server(runsd_), 0);
    }

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
    };

    std::unique_ptr<Reply> Call(const std::string &method, const std::string &request,
                                const std::vector<std::string> &authorization,
                                int64_t deadline_us = 0) {
        auto reply = std::make_unique<Reply>();
        std::vector<rpc_metadata> metadata;
        for (const auto &value : authorization) {
            metadata.push_back({"authorization", SliceOf(value)});
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
    std::string url_;
    logger log_ = {-1, LOG_ERROR, "test"};
    TestClock clock_;
    runsd *runsd_ = nullptr;
    rpc_channel *channel_ = nullptr;
    std::map<std::string, std::map<std::string, std::string>> callers_;
    std::string admin_;
    std::string reader_;
    std::string other_;
};

int64_t Micros(const Google__Protobuf__Timestamp *t) {
    return t->seconds * 1'000'000 + t->nanos / 1000;
}

TEST_F(Service, CreatesARunThatIsRunningAndSaysWhoMadeIt) {
    auto reply = As(reader_, "RunsService/CreateRun", CreateRequest("r1"));
    ASSERT_EQ(0, reply->code) << reply->message;
    auto run = Decode(*reply);
    EXPECT_STREQ("r1", run->id);
    EXPECT_STREQ("acme", run->organization_id);
    EXPECT_STREQ("ci-create", run->triggered_by);
    EXPECT_STREQ("api", run->trigger_source);
    EXPECT_STREQ("wf-1", run->workflow_id);
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING, run->status);
    EXPECT_EQ(1'700'000'000'000'000, Micros(run->started_at));
    EXPECT_EQ(nullptr, run->finished_at);
    ASSERT_NE(nullptr, run->workflow_definition);
    EXPECT_EQ(1u, run->workflow_definition->nodes->n_fields);
}

// Nothing that is promised depends on the clock going forward, or on its having been set.
TEST_F(Service, KeepsItsPromisesWhateverTheClockSays) {
    const int64_t created_us = clock_.now;
    int n = 0;
    for (int64_t us : {created_us - 3600 * INT64_C(1000000), created_us - 1, created_us, INT64_C(1),
                       INT64_C(0), INT64_C(-1), INT64_C(-62135596800000000)}) {
        SCOPED_TRACE(us);
        std::string id = "r" + std::to_string(n++);
        clock_.now = created_us;
        Create(id);
        clock_.now = us;
        auto run = Decode(*As(reader_, "RunsService/CancelRun", Bytes(1, id)));
        ASSERT_NE(nullptr, run);
        EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED, run->status);
        ASSERT_NE(nullptr, run->finished_at);
        EXPECT_GE(Micros(run->finished_at), Micros(run->started_at));
        // Made while the clock says so: ended all the same.
        std::string early = "early" + std::to_string(n);
        Create(early);
        run = Decode(*As(reader_, "RunsService/CancelRun", Bytes(1, early)));
        ASSERT_NE(nullptr, run->finished_at);
        EXPECT_GE(Micros(run->finished_at), Micros(run->started_at));
        auto again = As(reader_, "RunsService/CancelRun", Bytes(1, early));
        EXPECT_EQ("RUN_ALREADY_FINISHED", again->reason);
        // A revocation is one.
        std::string name = "t" + std::to_string(n);
        std::string token = NewToken("acme", {"runs.read"}, name);
        auto revoked = As(admin_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, name));
        ASSERT_EQ(0, revoked->code) << revoked->message;
        EXPECT_EQ("TOKEN_INVALID", As(token, "RunsService/GetRun", Bytes(1, id))->reason);
        Close();
        Open();
        EXPECT_EQ("TOKEN_INVALID", As(token, "RunsService/GetRun", Bytes(1, id))->reason);
    }
}

// Page by page through a list while runs are made at instants before and behind the page:
// each run that was there is told exactly once.
TEST_F(Service, ListsEachRunOnceWhileTheClockJumps) {
    const int64_t now_us = clock_.now;
    std::map<std::string, int> seen;
    for (int i = 0; i < 30; i++) {
        clock_.now = now_us + i % 3; // many at one instant
        Create("r" + std::to_string(i));
        seen["r" + std::to_string(i)] = 0;
    }
    std::string page_token;
    int page = 0;
    do {
        auto reply = As(reader_, "RunsService/ListRuns",
                        Uint(1, 4) + (page_token.empty() ? "" : Bytes(2, page_token)));
        ASSERT_EQ(0, reply->code) << reply->message;
        auto *list = runs__v1__list_runs_response__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        for (size_t i = 0; i < list->n_runs; i++) {
            auto found = seen.find(list->runs[i]->id);
            if (found != seen.end()) {
                found->second++;
            }
        }
        page_token = list->next_page_token;
        runs__v1__list_runs_response__free_unpacked(list, nullptr);
        clock_.now = now_us + (page % 2 == 0 ? 1000000 : -1000000);
        Create("between" + std::to_string(page++));
        ASSERT_LT(page, 50);
    } while (!page_token.empty());
    for (const auto &run : seen) {
        EXPECT_EQ(1, run.second) << run.first;
    }
}

TEST_F(Service, MakesUpAnIdAndRefusesOneThatIsTaken) {
    auto made_up = Decode(*As(reader_, "RunsService/CreateRun", CreateRequest("")));
    EXPECT_EQ(36u, std::string(made_up->id).size());
    Create("r1");
    auto again = As(reader_, "RunsService/CreateRun", CreateRequest("r1"));
    EXPECT_EQ(STATUS_ALREADY_EXISTS, again->code);
    EXPECT_EQ("RUN_ALREADY_EXISTS", again->reason);
    EXPECT_EQ("r1", again->resource);
    EXPECT_EQ(0, As(other_, "RunsService/CreateRun", CreateRequest("r1"))->code)
        << "ids are each organization's own";
}

TEST_F(Service, CancelsOnceAndThenSaysThatItIsFinished) {
    Create("r1");
    clock_.now += 5'000'000;
    auto first = As(reader_, "RunsService/CancelRun", Bytes(1, "r1") + Bytes(2, "typo"));
    ASSERT_EQ(0, first->code) << first->message;
    auto run = Decode(*first);
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED, run->status);
    EXPECT_EQ(Micros(run->started_at) + 5'000'000, Micros(run->finished_at));
    clock_.now += 5'000'000;
    auto second = As(reader_, "RunsService/CancelRun", Bytes(1, "r1"));
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, second->code);
    EXPECT_EQ("RUN_ALREADY_FINISHED", second->reason);
    EXPECT_EQ("cancelled", second->metadata["status"]);
    EXPECT_EQ("2023-11-14T22:13:25Z", second->metadata["finishedAt"]);
    EXPECT_EQ("r1", second->resource);
}

TEST_F(Service, NoReportOverwritesACancelAndNoCancelASuccess) {
    Create("r1");
    Create("r2");
    ASSERT_EQ(0, As(reader_, "RunsService/CancelRun", Bytes(1, "r1"))->code);
    for (uint64_t status : {1, 2, 3, 4}) {
        auto report = As(reader_, "RunsService/ReportRun",
                         Bytes(1, "r1") + Uint(2, status) + Bytes(4, Double(1, 9)));
        EXPECT_EQ(STATUS_FAILED_PRECONDITION, report->code);
        EXPECT_EQ("cancelled", report->metadata["status"]);
    }
    ASSERT_EQ(0, As(reader_, "RunsService/ReportRun", Bytes(1, "r2") + Uint(2, 3))->code);
    EXPECT_EQ(STATUS_FAILED_PRECONDITION,
              As(reader_, "RunsService/CancelRun", Bytes(1, "r2"))->code);
    auto run = Decode(*As(reader_, "RunsService/GetRun", Bytes(1, "r1")));
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED, run->status);
    EXPECT_EQ(0, run->total_cu) << "a refused report leaves nothing";
}

TEST_F(Service, ReportsWaitingRunningProgressAndTheEnd) {
    Create("r1");
    const std::string state = Entry("step", Text("two"));
    auto waiting = Decode(*As(reader_, "RunsService/ReportRun", Bytes(1, "r1") + Uint(2, 2)));
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_WAITING, waiting->status);
    auto running = Decode(
        *As(reader_, "RunsService/ReportRun", Bytes(1, "r1") + Uint(2, 1) + Bytes(3, state)));
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING, running->status);
    auto progress = Decode(*As(reader_, "RunsService/ReportRun",
                               Bytes(1, "r1") + Uint(2, 1) + Bytes(4, Double(1, 2.5))));
    EXPECT_EQ(2.5, progress->total_cu);
    ASSERT_EQ(1u, progress->execution_state->n_fields);
    EXPECT_STREQ("step", progress->execution_state->fields[0]->key);
    auto failed = Decode(*As(reader_, "RunsService/ReportRun", Bytes(1, "r1") + Uint(2, 4)));
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_FAILURE, failed->status);
    EXPECT_EQ(2.5, failed->total_cu);

    auto events = As(reader_, "RunsService/ListRunEvents", Bytes(1, "r1"));
    auto *list = runs__v1__list_run_events_response__unpack(
        nullptr, events->bytes.size(), reinterpret_cast<const uint8_t *>(events->bytes.data()));
    ASSERT_EQ(4u, list->n_events) << "progress is no event";
    const int to[] = {1, 2, 1, 4};
    for (int i = 0; i < 4; i++) {
        EXPECT_EQ(i + 1, list->events[i]->sequence);
        EXPECT_EQ(to[i], static_cast<int>(list->events[i]->to_status));
        EXPECT_EQ(i == 0 ? 0 : to[i - 1], static_cast<int>(list->events[i]->from_status));
        EXPECT_STREQ(i == 0 ? "ci-create" : "ci-report", list->events[i]->actor);
    }
    runs__v1__list_run_events_response__free_unpacked(list, nullptr);
}

TEST_F(Service, RecordsWhoCancelledWhenAndWhy) {
    Create("r1");
    EXPECT_EQ(
        0, As(reader_, "RunsService/CancelRun", Bytes(1, "r1") + Bytes(2, "wrong inputs"))->code);
    auto events = As(reader_, "RunsService/ListRunEvents", Bytes(1, "r1"));
    auto *list = runs__v1__list_run_events_response__unpack(
        nullptr, events->bytes.size(), reinterpret_cast<const uint8_t *>(events->bytes.data()));
    ASSERT_EQ(2u, list->n_events);
    EXPECT_STREQ("wrong inputs", list->events[1]->reason);
    EXPECT_STREQ("ci-cancel", list->events[1]->actor);
    EXPECT_EQ(5, static_cast<int>(list->events[1]->to_status));
    runs__v1__list_run_events_response__free_unpacked(list, nullptr);
}

TEST_F(Service, NeverFinishesARunBeforeItStartedThoughTheClockStepsBack) {
    Create("r1");
    clock_.now -= 3'600'000'000;
    auto run = Decode(*As(reader_, "RunsService/CancelRun", Bytes(1, "r1")));
    EXPECT_EQ(Micros(run->started_at), Micros(run->finished_at));
}

TEST_F(Service, AnotherOrganizationsRunIsExactlyAsAbsent) {
    Create("r1");
    for (const char *method : {"GetRun", "CancelRun", "ListRunEvents"}) {
        auto theirs = As(other_, std::string("RunsService/") + method, Bytes(1, "r1"));
        auto absent = As(other_, std::string("RunsService/") + method, Bytes(1, "r2"));
        EXPECT_EQ(STATUS_NOT_FOUND, theirs->code) << method;
        EXPECT_EQ("RUN_NOT_FOUND", theirs->reason);
        std::string message = theirs->message;
        ASSERT_NE(std::string::npos, message.find("r1")) << message;
        message.replace(message.find("r1"), 2, "r2");
        EXPECT_EQ(absent->message, message);
        EXPECT_EQ(absent->reason, theirs->reason);
        EXPECT_EQ(absent->metadata, theirs->metadata);
    }
    EXPECT_EQ(STATUS_NOT_FOUND,
              As(other_, "RunsService/ReportRun", Bytes(1, "r1") + Uint(2, 3))->code);
    EXPECT_EQ(0, As(reader_, "RunsService/CancelRun", Bytes(1, "r1"))->code);
}

TEST_F(Service, RefusesCallersByWhatTheySend) {
    const std::string unknown = "rst_" + std::string(43, 'A');
    const struct {
        std::vector<std::string> authorization;
        const char *reason;
    } rows[] = {
        {{}, "TOKEN_MISSING"},
        {{""}, "TOKEN_MISSING"},
        {{"Basic dTpw"}, "TOKEN_MISSING"},
        {{"Bearer"}, "TOKEN_MISSING"},
        {{"Bearer x"}, "TOKEN_INVALID"},
        {{"Bearer " + unknown}, "TOKEN_INVALID"},
        {{"Bearer " + reader_ + "A"}, "TOKEN_INVALID"},
        {{"Bearer " + reader_, "Bearer " + reader_}, "TOKEN_INVALID"},
    };
    for (const auto &row : rows) {
        auto reply = Call("RunsService/GetRun", Bytes(1, "r1"), row.authorization);
        EXPECT_EQ(STATUS_UNAUTHENTICATED, reply->code);
        EXPECT_EQ(row.reason, reply->reason);
        EXPECT_EQ(std::string::npos, reply->message.find("rst_")) << "no token in a message";
    }
    EXPECT_EQ(STATUS_NOT_FOUND,
              Call("RunsService/GetRun", Bytes(1, "r1"), {"bEaReR   " + reader_})->code);
}

TEST_F(Service, EachMethodNeedsItsScope) {
    // The message is empty: what gets past the scope is refused for that, but lists.
    const struct {
        const char *method;
        const char *scope;
        int code;
    } rows[] = {
        {"RunsService/CreateRun", "runs.create", STATUS_INVALID_ARGUMENT},
        {"RunsService/GetRun", "runs.read", STATUS_INVALID_ARGUMENT},
        {"RunsService/ListRuns", "runs.read", STATUS_OK},
        {"RunsService/CancelRun", "runs.cancel", STATUS_INVALID_ARGUMENT},
        {"RunsService/ReportRun", "runs.report", STATUS_INVALID_ARGUMENT},
        {"RunsService/ListRunEvents", "runs.read", STATUS_INVALID_ARGUMENT},
        {"TokensService/CreateToken", "tokens.admin", STATUS_INVALID_ARGUMENT},
        {"TokensService/ListTokens", "tokens.admin", STATUS_OK},
        {"TokensService/RevokeToken", "tokens.admin", STATUS_INVALID_ARGUMENT},
    };
    const std::vector<std::string> all = {"runs.read", "runs.cancel", "runs.create", "runs.report",
                                          "tokens.admin"};
    for (const auto &row : rows) {
        std::vector<std::string> others;
        for (const auto &scope : all) {
            if (scope != row.scope) {
                others.push_back(scope);
            }
        }
        std::string name = std::string(row.method).substr(std::string(row.method).find('/') + 1);
        auto without = As(NewToken("acme", others, "no-" + name), row.method, "");
        EXPECT_EQ(STATUS_PERMISSION_DENIED, without->code) << row.method;
        EXPECT_EQ("SCOPE_MISSING", without->reason);
        EXPECT_EQ(row.scope, without->metadata["scope"]);
        auto with = As(NewToken("acme", {row.scope}, "only-" + name), row.method, "");
        EXPECT_EQ(row.code, with->code) << row.method << ": " << with->message;
    }
}

TEST_F(Service, TokensExpireAndAreRevokedAtOnce) {
    std::string brief = NewToken("acme", {"runs.read"}, "brief", 1'700'000'060);
    EXPECT_EQ(STATUS_NOT_FOUND, As(brief, "RunsService/GetRun", Bytes(1, "r1"))->code);
    clock_.now += 60'000'000;
    EXPECT_EQ("TOKEN_INVALID", As(brief, "RunsService/GetRun", Bytes(1, "r1"))->reason);
    EXPECT_EQ(STATUS_NOT_FOUND, As(reader_, "RunsService/GetRun", Bytes(1, "r1"))->code);
    EXPECT_EQ(0, As(admin_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "ci"))->code);
    EXPECT_EQ("TOKEN_INVALID", As(reader_, "RunsService/GetRun", Bytes(1, "r1"))->reason);
    EXPECT_EQ(0, As(admin_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "ci"))->code)
        << "again is no error";
    auto absent = As(admin_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "no"));
    EXPECT_EQ("TOKEN_NOT_FOUND", absent->reason);
    Close();
    Open();
    EXPECT_EQ("TOKEN_INVALID", As(reader_, "RunsService/GetRun", Bytes(1, "r1"))->reason)
        << "also after a restart";
    EXPECT_EQ(STATUS_NOT_FOUND, As(other_, "RunsService/GetRun", Bytes(1, "r1"))->code);
}

TEST_F(Service, BadFieldsAreNamed) {
    const struct {
        const char *method;
        std::string request;
        const char *field;
    } rows[] = {
        {"RunsService/GetRun", "", "id"},
        {"RunsService/GetRun", Bytes(1, "a/b"), "id"},
        {"RunsService/GetRun", Bytes(1, std::string(129, 'a')), "id"},
        {"RunsService/CancelRun", Bytes(1, ".."), "id"},
        {"RunsService/CancelRun", Bytes(1, "r1") + Bytes(2, std::string(1025, 'a')), "reason"},
        {"RunsService/ReportRun", Bytes(1, "r1"), "status"},
        {"RunsService/ReportRun", Bytes(1, "r1") + Uint(2, 5), "status"},
        {"RunsService/ReportRun", Bytes(1, "r1") + Uint(2, 77), "status"},
        {"RunsService/ReportRun", Bytes(1, "r1") + Uint(2, 1) + Bytes(4, Double(1, -1)), "totalCu"},
        {"RunsService/ReportRun",
         Bytes(1, "r1") + Uint(2, 1) + Bytes(4, Double(1, std::numeric_limits<double>::infinity())),
         "totalCu"},
        {"RunsService/ReportRun", Bytes(1, "r1") + Uint(2, 1) + Bytes(4, Double(1, std::nan(""))),
         "totalCu"},
        {"RunsService/ReportRun",
         Bytes(1, "r1") + Uint(2, 1) + Bytes(3, Entry("a", Double(2, std::nan("")))),
         "executionState.a"},
        {"RunsService/ListRuns", Uint(1, static_cast<uint64_t>(-1)), "pageSize"},
        {"RunsService/ListRuns", Bytes(2, "garbage"), "pageToken"},
        {"RunsService/ListRuns", Uint(3, 6), "status"},
        {"RunsService/ListRuns", Uint(3, 0), "status"},
        {"RunsService/ListRuns", Bytes(5, Uint(2, 1'000'000'000)), "startedAfter"},
        {"RunsService/ListRuns", Bytes(6, Uint(1, 253402300800)), "startedBefore"},
        {"RunsService/CreateRun", "", "run"},
        {"RunsService/CreateRun", Bytes(1, ""), "run.workflowDefinition"},
        {"TokensService/CreateToken", Bytes(3, "runs.read"), "organizationId"},
        {"TokensService/CreateToken", Bytes(1, "acme"), "scopes"},
        {"TokensService/CreateToken", Bytes(1, "acme") + Bytes(3, "all"), "scopes[0]"},
        {"TokensService/CreateToken", Bytes(1, "a b") + Bytes(3, "runs.read"), "organizationId"},
        {"TokensService/CreateToken", Bytes(1, "acme") + Bytes(2, "/") + Bytes(3, "runs.read"),
         "name"},
        {"TokensService/CreateToken",
         Bytes(1, "acme") + Bytes(3, "runs.read") + Bytes(4, Uint(1, 1'700'000'000)), "expiresAt"},
        {"TokensService/RevokeToken", Bytes(1, "acme"), "name"},
    };
    for (const auto &row : rows) {
        bool tokens = std::string(row.method).find("Tokens") == 0;
        auto reply = As(tokens ? admin_ : reader_, row.method, row.request);
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, reply->code) << row.method << " " << row.field;
        EXPECT_EQ("FIELD_INVALID", reply->reason) << row.method << " " << row.field;
        ASSERT_EQ(1u, reply->fields.size()) << row.method << " " << row.field;
        EXPECT_EQ(row.field, reply->fields[0]);
        EXPECT_EQ(0u, reply->message.find(row.field)) << reply->message;
    }
}

TEST_F(Service, MalformedBytesAreNoCrash) {
    const std::string valid = CreateRequest("r1");
    for (size_t n = 1; n < valid.size(); n++) {
        auto reply = As(reader_, "RunsService/CreateRun", valid.substr(0, n));
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, reply->code) << n;
    }
    EXPECT_EQ("MESSAGE_MALFORMED", As(reader_, "RunsService/GetRun", Bytes(1, "\xFF"))->reason);
    EXPECT_EQ(0, As(reader_, "RunsService/CreateRun", valid)->code) << "and nothing was made";
}

TEST_F(Service, ListsNewestFirstByPagesThatInsertsDoNotShift) {
    for (int i = 0; i < 25; i++) {
        clock_.now += 1000;
        Create("r" + std::to_string(10 + i));
    }
    EXPECT_EQ(0, As(other_, "RunsService/CreateRun", CreateRequest("theirs"))->code);
    std::vector<std::string> seen;
    std::string token;
    do {
        auto reply = As(reader_, "RunsService/ListRuns", Uint(1, 10) + Bytes(2, token));
        ASSERT_EQ(0, reply->code) << reply->message;
        auto *page = runs__v1__list_runs_response__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        for (size_t i = 0; i < page->n_runs; i++) {
            seen.push_back(page->runs[i]->id);
        }
        token = page->next_page_token;
        runs__v1__list_runs_response__free_unpacked(page, nullptr);
        clock_.now += 1000;
        Create("late" + std::to_string(seen.size()));
    } while (!token.empty());
    ASSERT_EQ(25u, seen.size());
    for (int i = 0; i < 25; i++) {
        EXPECT_EQ("r" + std::to_string(34 - i), seen[static_cast<size_t>(i)]);
    }
}

TEST_F(Service, PagesOfLargeRunsEndBeforeTheyOutgrowAReply) {
    const std::string large = Bytes(7, Entry("k", Text(std::string(1'500'000, 'x'))));
    for (int i = 0; i < 5; i++) {
        clock_.now += 1000;
        auto reply = As(reader_, "RunsService/CreateRun",
                        Bytes(1, RunMessage("r" + std::to_string(i)) + large));
        ASSERT_EQ(0, reply->code) << reply->message;
    }
    size_t seen = 0;
    std::string token;
    do {
        auto reply = As(reader_, "RunsService/ListRuns", Uint(1, 100) + Bytes(2, token));
        ASSERT_EQ(0, reply->code) << reply->message;
        EXPECT_LT(reply->bytes.size(), 4u * 1024 * 1024);
        auto *page = runs__v1__list_runs_response__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        seen += page->n_runs;
        token = page->next_page_token;
        runs__v1__list_runs_response__free_unpacked(page, nullptr);
    } while (!token.empty());
    EXPECT_EQ(5u, seen);
}

TEST_F(Service, SizesAreBoundedToTheByte) {
    auto state_of = [](size_t size) {
        std::string state = Entry("k", Text(std::string(size, 'x')));
        return Entry("k", Text(std::string(2 * size - state.size(), 'x')));
    };
    Create("r1");
    const struct {
        const char *method;
        const char *field;
        size_t most;
        std::function<std::string(const std::string &)> with;
    } rows[] = {
        {"RunsService/CreateRun", "run.executionState", 960 * 1024,
         [](const std::string &state) { return Bytes(1, RunMessage("") + Bytes(1, state)); }},
        {"RunsService/ReportRun", "executionState", 960 * 1024,
         [](const std::string &state) { return Bytes(1, "r1") + Uint(2, 1) + Bytes(3, state); }},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.method);
        auto beyond = As(reader_, row.method, row.with(state_of(row.most + 100)));
        ASSERT_EQ(STATUS_INVALID_ARGUMENT, beyond->code);
        ASSERT_EQ(std::vector<std::string>{row.field}, beyond->fields) << beyond->message;
        // As it is stored it is a little longer than it was sent.
        size_t told = std::stoul(beyond->message.substr(beyond->message.find("has ") + 4));
        size_t more = told - (row.most + 100);
        EXPECT_LT(more, 16u) << beyond->message;
        EXPECT_EQ(0, As(reader_, row.method, row.with(state_of(row.most - more)))->code);
        auto by_one = As(reader_, row.method, row.with(state_of(row.most - more + 1)));
        EXPECT_EQ(std::vector<std::string>{row.field}, by_one->fields);
    }
}

TEST_F(Service, APageTokenIsGoodForItsListAlone) {
    Create("r1");
    clock_.now += 1;
    Create("r2");
    auto reply = As(reader_, "RunsService/ListRuns", Uint(1, 1) + Uint(3, 1));
    auto *page = runs__v1__list_runs_response__unpack(
        nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
    std::string token = page->next_page_token;
    runs__v1__list_runs_response__free_unpacked(page, nullptr);
    ASSERT_FALSE(token.empty());
    EXPECT_EQ(0, As(reader_, "RunsService/ListRuns", Bytes(2, token) + Uint(3, 1))->code);
    const std::string others[] = {Bytes(2, token), Bytes(2, token) + Uint(3, 2),
                                  Bytes(2, token) + Uint(3, 1) + Bytes(4, "wf-1"),
                                  Bytes(2, token) + Uint(3, 1) + Bytes(5, Uint(1, 1))};
    for (const auto &request : others) {
        EXPECT_EQ("FIELD_INVALID", As(reader_, "RunsService/ListRuns", request)->reason);
    }
    EXPECT_EQ("FIELD_INVALID",
              As(other_, "RunsService/ListRuns", Bytes(2, token) + Uint(3, 1))->reason);
}

TEST_F(Service, ADeadlineThatPassedChangesNothing) {
    Create("r1");
    std::string canceller = callers_[reader_]["RunsService/CancelRun"];
    auto late = Call("RunsService/CancelRun", Bytes(1, "r1"), {"Bearer " + canceller}, 1);
    EXPECT_EQ(STATUS_DEADLINE_EXCEEDED, late->code);
    auto run = Decode(*As(reader_, "RunsService/GetRun", Bytes(1, "r1")));
    EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING, run->status);
}

TEST_F(Service, RestartKeepsRunsTokensAndEvents) {
    Create("r1");
    EXPECT_EQ(0, As(reader_, "RunsService/CancelRun", Bytes(1, "r1"))->code);
    auto before = As(reader_, "RunsService/GetRun", Bytes(1, "r1"));
    auto events = As(reader_, "RunsService/ListRunEvents", Bytes(1, "r1"));
    Close();
    Open();
    EXPECT_EQ(before->bytes, As(reader_, "RunsService/GetRun", Bytes(1, "r1"))->bytes);
    EXPECT_EQ(events->bytes, As(reader_, "RunsService/ListRunEvents", Bytes(1, "r1"))->bytes);
}

} // namespace
