// The services as a client meets them.

#include <cmath>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/server/service_fixture.h"

namespace {

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
    const std::string cancel = callers_[reader_]["RunsService/CancelRun"];
    EXPECT_EQ(0, Call("RunsService/CancelRun", Bytes(1, "r1") + Bytes(2, "wrong inputs"),
                      {"Bearer " + cancel}, 0, "the-request")
                     ->code);
    auto events = As(reader_, "RunsService/ListRunEvents", Bytes(1, "r1"));
    auto *list = runs__v1__list_run_events_response__unpack(
        nullptr, events->bytes.size(), reinterpret_cast<const uint8_t *>(events->bytes.data()));
    ASSERT_EQ(2u, list->n_events);
    EXPECT_STREQ("wrong inputs", list->events[1]->reason);
    EXPECT_STREQ("ci-cancel", list->events[1]->actor);
    EXPECT_STREQ("the-request", list->events[1]->request_id);
    EXPECT_STRNE("", list->events[0]->request_id);     // made up
    EXPECT_STREQ("", list->events[1]->remote_address); // the test is no client of anybody
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
        {"TokensService/RotateToken", "tokens.admin", STATUS_INVALID_ARGUMENT},
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

// What GetCaller tells of a token, as one text.
static std::string CallerText(const std::string &bytes) {
    auto *caller = runs__v1__caller__unpack(nullptr, bytes.size(),
                                            reinterpret_cast<const uint8_t *>(bytes.data()));
    if (caller == nullptr) {
        return "no runs.v1.Caller";
    }
    std::string text = std::string(caller->organization_id) + "/" + caller->name;
    for (size_t i = 0; i < caller->n_scopes; i++) {
        text += std::string(" ") + caller->scopes[i];
    }
    if (caller->expires_at != nullptr) {
        text += " until " + std::to_string(caller->expires_at->seconds);
    }
    runs__v1__caller__free_unpacked(caller, nullptr);
    return text;
}

TEST_F(Service, TellsWhoCalls) {
    const std::string method = "TokensService/GetCaller";
    for (const auto &scope :
         {"runs.read", "runs.cancel", "runs.create", "runs.report", "tokens.admin"}) {
        std::string name = std::string("only-") + scope;
        auto reply = As(NewToken("acme", {scope}, name), method, "");
        EXPECT_EQ(0, reply->code) << reply->message;
        EXPECT_EQ("acme/" + name + " " + scope, CallerText(reply->bytes));
    }
    std::string brief = NewToken("rival", {"runs.report", "runs.read"}, "brief", 1'700'000'060);
    EXPECT_EQ("rival/brief runs.read runs.report until 1700000060",
              CallerText(As(brief, method, "")->bytes));
    EXPECT_EQ("rival/x runs.read", CallerText(As(other_, method, "")->bytes));
    EXPECT_EQ("runsd/local-admin tokens.admin organizations.admin",
              CallerText(As(admin_, method, "")->bytes));
    // Fields of a newer client are passed over; what is no message is refused, but only once
    // the caller is known.
    EXPECT_EQ(0, As(reader_, method, Bytes(1, "x"))->code);
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, As(reader_, method, "\xFF")->code);
    EXPECT_EQ("TOKEN_MISSING", Call(method, "\xFF", {})->reason);

    EXPECT_EQ("TOKEN_MISSING", Call(method, "", {})->reason);
    EXPECT_EQ("TOKEN_MISSING", Call(method, "", {"Basic " + reader_})->reason);
    EXPECT_EQ("TOKEN_INVALID", Call(method, "", {"Bearer rst_" + std::string(43, 'A')})->reason);
    clock_.now += 59'999'999;
    EXPECT_EQ(0, As(brief, method, "")->code);
    clock_.now += 1;
    auto expired = As(brief, method, "");
    EXPECT_EQ(STATUS_UNAUTHENTICATED, expired->code);
    EXPECT_EQ("TOKEN_INVALID", expired->reason);
    EXPECT_EQ(0, As(admin_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "ci"))->code);
    EXPECT_EQ("TOKEN_INVALID", As(reader_, method, "")->reason);
    Close();
    Open();
    EXPECT_EQ("rival/x runs.read", CallerText(As(other_, method, "")->bytes));
    EXPECT_EQ("TOKEN_INVALID", As(reader_, method, "")->reason);
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

// --- the log ---

class LoggedService : public Service {
  protected:
    LoggedService() {
        log_.fd = memfd_create("log", MFD_CLOEXEC);
        log_.level = LOG_INFO;
    }
    ~LoggedService() override {
        close(log_.fd);
    }
    // The line that holds text, once it is there; "" if it never came.
    std::string Line(const std::string &text) {
        for (int i = 0; i < 3000; i++) {
            std::string all(1 << 20, '\0');
            ssize_t size = pread(log_.fd, all.data(), all.size(), 0);
            all.resize(size > 0 ? static_cast<size_t>(size) : 0);
            size_t at = all.find(text);
            if (at != std::string::npos && all.find('\n', at) != std::string::npos) {
                size_t begin = all.rfind('\n', at) + 1; // 0 for the first
                return all.substr(begin, all.find('\n', at) - begin);
            }
            usleep(10'000);
        }
        return "";
    }
};

TEST_F(LoggedService, TellsEachCallByTheIdItWasGiven) {
    Create("r1");
    const std::string bearer = "Bearer " + reader_;
    EXPECT_EQ(0, Call("RunsService/GetRun", Bytes(1, "r1"), {bearer}, 0, "mine-1")->code);
    std::string line = Line("\"requestId\":\"mine-1\"");
    for (const char *part :
         {R"("level":"info")", R"("message":"call")", R"("method":"/runs.v1.RunsService/GetRun")",
          R"("code":"OK")", R"("organization":"acme")", R"("actor":"ci")", R"("runId":"r1")"}) {
        EXPECT_NE(line.find(part), std::string::npos) << part << " " << line;
    }
    EXPECT_EQ(line.find("\"reason\""), std::string::npos) << line;
    EXPECT_EQ(STATUS_NOT_FOUND,
              Call("RunsService/GetRun", Bytes(1, "none"), {bearer}, 0, "mine-2")->code);
    line = Line("\"requestId\":\"mine-2\"");
    EXPECT_NE(line.find(R"("code":"NOT_FOUND")"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("reason":"RUN_NOT_FOUND")"), std::string::npos) << line;
}

TEST_F(LoggedService, MakesUpAnIdForACallWithoutAGoodOne) {
    const std::string bearer = "Bearer " + reader_;
    for (const char *given : {static_cast<const char *>(nullptr), "not an id"}) {
        std::string id = given == nullptr ? "absent" : "bad";
        EXPECT_EQ(STATUS_NOT_FOUND,
                  Call("RunsService/GetRun", Bytes(1, id), {bearer}, 0, given)->code);
        std::string line = Line("\"runId\":\"" + id + "\"");
        size_t at = line.find("\"requestId\":\"");
        ASSERT_NE(at, std::string::npos) << line;
        EXPECT_EQ(line.find('"', at + 13), at + 13 + 36) << "a UUID: " << line;
    }
}

} // namespace
