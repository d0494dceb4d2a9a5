// Requests that are repeated under their keys.

#include <thread>

#include "tests/server/service_fixture.h"

namespace {

const std::string kCreate = "RunsService/CreateRun";
const std::string kCancel = "RunsService/CancelRun";
const std::string kReport = "RunsService/ReportRun";

std::string Cancel(const std::string &id, const std::string &key, const std::string &more = "") {
    return Bytes(1, id) + more + Bytes(4, key);
}

std::string KeyedCreate(const std::string &id, const std::string &key) {
    return CreateRequest(id) + Bytes(3, key);
}

std::string Report(const std::string &id, int status, const std::string &key,
                   const std::string &more = "") {
    return Bytes(1, id) + Uint(2, static_cast<uint64_t>(status)) + more + Bytes(7, key);
}

class Keys : public Service {
  protected:
    size_t Events(const std::string &id) {
        auto reply = As(reader_, "RunsService/ListRunEvents", Bytes(1, id));
        EXPECT_EQ(0, reply->code) << reply->message;
        auto *list = runs__v1__list_run_events_response__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        size_t count = list->n_events;
        runs__v1__list_run_events_response__free_unpacked(list, nullptr);
        return count;
    }

    void ExpectDone(const std::string &method, const std::string &request) {
        auto reply = As(reader_, method, request);
        EXPECT_EQ(0, reply->code) << reply->message;
        EXPECT_FALSE(reply->is_replayed) << method;
    }

    void ExpectReplayed(const std::string &method, const std::string &request) {
        auto reply = As(reader_, method, request);
        EXPECT_EQ(0, reply->code) << reply->message;
        EXPECT_TRUE(reply->is_replayed) << method;
    }

    // INVALID_ARGUMENT that tells nothing of the first request.
    void ExpectReused(const std::string &method, const std::string &request) {
        auto reply = As(reader_, method, request);
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, reply->code) << reply->message;
        EXPECT_EQ("IDEMPOTENCY_KEY_REUSED", reply->reason);
        EXPECT_EQ("", reply->resource);
        EXPECT_TRUE(reply->metadata.empty());
        EXPECT_TRUE(reply->fields.empty());
        EXPECT_FALSE(reply->is_replayed);
        EXPECT_EQ(std::string::npos, reply->message.find("secret-id")) << reply->message;
    }

    void Reopen() {
        Close();
        Open();
    }
};

TEST_F(Keys, ACancelAgainIsAnsweredAsTheFirst) {
    Create("r1");
    auto first = As(reader_, kCancel, Cancel("r1", "k"));
    ASSERT_EQ(0, first->code) << first->message;
    EXPECT_FALSE(first->is_replayed);
    for (int i = 0; i < 3; i++) {
        clock_.now += 60'000'000;
        auto again = As(reader_, kCancel, Cancel("r1", "k"));
        ASSERT_EQ(0, again->code) << again->message;
        EXPECT_TRUE(again->is_replayed);
        EXPECT_EQ(first->bytes, again->bytes);
        Reopen(); // as much after a restart
    }
    EXPECT_EQ(2u, Events("r1"));
    auto other = As(reader_, kCancel, Cancel("r1", "k2"));
    EXPECT_EQ("RUN_ALREADY_FINISHED", other->reason);
    EXPECT_EQ("RUN_ALREADY_FINISHED", As(reader_, kCancel, Bytes(1, "r1"))->reason);
}

TEST_F(Keys, ACreationAgainIsAnsweredWithTheRunAsItIsNow) {
    for (const char *id : {"r1", ""}) {
        std::string key = std::string("k") + id;
        auto first = As(reader_, kCreate, KeyedCreate(id, key));
        ASSERT_EQ(0, first->code) << first->message;
        std::string made = Decode(*first)->id;
        auto again = As(reader_, kCreate, KeyedCreate(id, key));
        ASSERT_EQ(0, again->code) << again->message;
        EXPECT_TRUE(again->is_replayed);
        EXPECT_EQ(first->bytes, again->bytes);
        ExpectDone(kCancel, Bytes(1, made));
        Reopen();
        auto late = As(reader_, kCreate, KeyedCreate(id, key));
        EXPECT_TRUE(late->is_replayed);
        auto run = Decode(*late);
        EXPECT_EQ(made, run->id);
        EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED, run->status);
        EXPECT_EQ(1u, run->workflow_definition->nodes->n_fields) << "it is whole";
        EXPECT_EQ(2u, Events(made));
    }
}

TEST_F(Keys, AReportAgainIsAnsweredWithTheRunAsItIsNow) {
    Create("r1");
    const std::string progress = Report("r1", RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING, "p",
                                        Bytes(3, Entry("step", Number(1))));
    const std::string waiting = Report("r1", RUNS__V1__RUN_STATUS__RUN_STATUS_WAITING, "w");
    const std::string running = Report("r1", RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING, "r");
    const std::string success = Report("r1", RUNS__V1__RUN_STATUS__RUN_STATUS_SUCCESS, "s");
    for (const auto &report : {progress, waiting, running, success}) {
        ExpectDone(kReport, report);
        ExpectReplayed(kReport, report);
    }
    for (int i = 0; i < 2; i++) {
        for (const auto &report : {progress, waiting, running, success}) {
            auto again = As(reader_, kReport, report);
            EXPECT_EQ(0, again->code) << again->message;
            EXPECT_TRUE(again->is_replayed);
            auto run = Decode(*again);
            EXPECT_EQ(RUNS__V1__RUN_STATUS__RUN_STATUS_SUCCESS, run->status);
            EXPECT_EQ(1u, run->execution_state->n_fields);
        }
        Reopen();
    }
    EXPECT_EQ(4u, Events("r1"));
}

TEST_F(Keys, AnotherRequestUnderAKeyIsRefusedAndHearsNothingOfTheFirst) {
    Create("secret-id");
    Create("r2");
    ExpectDone(kCancel, Cancel("secret-id", "k", Bytes(2, "why")));
    for (int i = 0; i < 2; i++) {
        ExpectReused(kCancel, Cancel("secret-id", "k"));
        ExpectReused(kCancel, Cancel("secret-id", "k", Bytes(2, "other")));
        ExpectReused(kCancel, Cancel("secret-id", "k", Bytes(2, "why") + Uint(5, 1)));
        ExpectReused(kCancel, Cancel("r2", "k", Bytes(2, "why")));
        ExpectReused(kCancel, Cancel("not-there", "k"));
        Reopen();
    }
    EXPECT_EQ(1u, Events("r2"));
    ExpectReplayed(kCancel, Cancel("secret-id", "k", Bytes(2, "why")));
    // Nor is a request of another method, of a token that may call both.
    std::string both = NewToken("acme", {"runs.create", "runs.cancel"}, "both");
    EXPECT_EQ(0, As(both, kCreate, KeyedCreate("r3", "k"))->code);
    EXPECT_EQ("IDEMPOTENCY_KEY_REUSED", As(both, kCancel, Cancel("r3", "k"))->reason);
    EXPECT_EQ(1u, Events("r3"));
}

TEST_F(Keys, AreOfOneTokenWhichKeepsThemWhenItIsRotated) {
    Create("r1");
    std::string mine = NewToken("acme", {"runs.cancel"}, "mine");
    std::string other = NewToken("acme", {"runs.cancel"}, "other");
    EXPECT_EQ(0, As(mine, kCancel, Cancel("r1", "k"))->code);
    auto foreign = As(other, kCancel, Cancel("r1", "k"));
    EXPECT_EQ("RUN_ALREADY_FINISHED", foreign->reason);
    EXPECT_EQ("mine", foreign->metadata["actor"]);
    auto rotated = As(admin_, "TokensService/RotateToken", Bytes(1, "acme") + Bytes(2, "mine"));
    ASSERT_EQ(0, rotated->code) << rotated->message;
    auto *reply = runs__v1__rotate_token_response__unpack(
        nullptr, rotated->bytes.size(), reinterpret_cast<const uint8_t *>(rotated->bytes.data()));
    std::string secret = reply->secret;
    runs__v1__rotate_token_response__free_unpacked(reply, nullptr);
    EXPECT_TRUE(As(secret, kCancel, Cancel("r1", "k"))->is_replayed);
    EXPECT_TRUE(As(mine, kCancel, Cancel("r1", "k"))->is_replayed);
    // Another organization's token of the same name, with a run of the same id.
    std::string elsewhere = NewToken("rival", {"runs.create", "runs.cancel"}, "mine");
    EXPECT_EQ(0, As(elsewhere, kCreate, CreateRequest("r1"))->code);
    auto cancelled = As(elsewhere, kCancel, Cancel("r1", "k"));
    EXPECT_EQ(0, cancelled->code);
    EXPECT_FALSE(cancelled->is_replayed);
}

TEST_F(Keys, ARefusalIsNotKept) {
    EXPECT_EQ("RUN_NOT_FOUND", As(reader_, kCancel, Cancel("r1", "k"))->reason);
    Create("r1");
    EXPECT_EQ("RUN_CHANGED", As(reader_, kCancel, Cancel("r1", "k", Uint(5, 7)))->reason);
    EXPECT_EQ("RUN_ALREADY_EXISTS", As(reader_, kCreate, KeyedCreate("r1", "k"))->reason);
    EXPECT_EQ("ATTEMPT_STALE", As(reader_, kReport, Report("r1", 3, "k", Uint(6, 9)))->reason);
    ExpectDone(kCancel, Cancel("r1", "k"));
    ExpectDone(kCreate, KeyedCreate("r2", "k")); // the reader's tokens differ by method
    ExpectDone(kReport, Report("r2", 3, "k"));
    EXPECT_EQ("RUN_ALREADY_FINISHED", As(reader_, kCancel, Cancel("r2", "k2"))->reason);
    EXPECT_EQ("RUN_ALREADY_FINISHED", As(reader_, kCancel, Cancel("r2", "k2"))->reason);
    ExpectReused(kCancel, Cancel("r2", "k"));
}

TEST_F(Keys, CountForADay) {
    constexpr int64_t kDay = 24 * 3600 * INT64_C(1'000'000);
    Create("r1");
    ExpectDone(kCancel, Cancel("r1", "k"));
    clock_.now += kDay;
    ExpectReplayed(kCancel, Cancel("r1", "k"));
    ExpectReused(kCancel, Cancel("r1", "k", Bytes(2, "why")));
    clock_.now += 1;
    EXPECT_EQ("RUN_ALREADY_FINISHED", As(reader_, kCancel, Cancel("r1", "k"))->reason);
    Create("r2"); // and the key is free
    ExpectDone(kCancel, Cancel("r2", "k"));
    ExpectReplayed(kCancel, Cancel("r2", "k"));
    Reopen();
    ExpectReplayed(kCancel, Cancel("r2", "k"));
    ExpectReused(kCancel, Cancel("r1", "k"));
}

TEST_F(Keys, ThatAreNoneAreRefused) {
    Create("r1");
    for (const auto &key :
         {std::string(256, 'k'), std::string("\xC3\xA4"), std::string(" k"), std::string("k\n")}) {
        const std::pair<std::string, std::string> rows[] = {
            {kCreate, KeyedCreate("r2", key)},
            {kCancel, Cancel("r1", key)},
            {kReport, Report("r1", 3, key)},
        };
        for (const auto &row : rows) {
            auto reply = As(reader_, row.first, row.second);
            EXPECT_EQ("FIELD_INVALID", reply->reason) << row.first << key;
            EXPECT_EQ(std::vector<std::string>{"requestId"}, reply->fields);
        }
    }
    EXPECT_EQ(1u, Events("r1"));
    ExpectDone(kCancel, Cancel("r1", std::string(255, '~')));
    ExpectReplayed(kCancel, Cancel("r1", std::string(255, '~')));
}

TEST_F(Keys, OfManyCallersAtOnceOneMakesTheChange) {
    constexpr int kCallers = 8, kRuns = 20;
    for (int i = 0; i < kRuns; i++) {
        Create("r" + std::to_string(i));
        std::string token = callers_[reader_][kCancel];
        std::atomic<int> done{0}, replayed{0};
        std::vector<std::thread> threads;
        for (int n = 0; n < kCallers; n++) {
            threads.emplace_back([&] {
                auto reply = Call(kCancel, Cancel("r" + std::to_string(i), "k" + std::to_string(i)),
                                  {"Bearer " + token});
                EXPECT_EQ(0, reply->code) << reply->message;
                (reply->is_replayed ? replayed : done)++;
            });
        }
        for (auto &thread : threads) {
            thread.join();
        }
        EXPECT_EQ(1, done);
        EXPECT_EQ(kCallers - 1, replayed);
        EXPECT_EQ(2u, Events("r" + std::to_string(i)));
    }
}

TEST_F(Keys, ACancelThatWaitsIsTheSameAsOneThatDoesNot) {
    Create("r1");
    ExpectDone(kCancel, Cancel("r1", "k", Bytes(3, Uint(2, 1'000'000))));
    ExpectReplayed(kCancel, Cancel("r1", "k"));
    ExpectReplayed(kCancel, Cancel("r1", "k", Bytes(3, Uint(2, 2'000'000))));
    // Once the work has stopped there is nothing to wait for.
    auto stopped = As(NewToken("acme", {"runs.report"}, "executor"),
                      "RunsService/AcknowledgeCancel", Bytes(1, "r1"));
    ASSERT_EQ(0, stopped->code) << stopped->message;
    auto again = As(reader_, kCancel, Cancel("r1", "k", Bytes(3, Uint(1, 300))));
    EXPECT_TRUE(again->is_replayed);
    EXPECT_NE(nullptr, Decode(*again)->stopped_at);
}

TEST_F(Keys, ACancelOfARunThatHasChangedIsRefused) {
    Create("r1");
    ExpectDone(kReport, Report("r1", RUNS__V1__RUN_STATUS__RUN_STATUS_WAITING, "w"));
    auto stale = As(reader_, kCancel, Bytes(1, "r1") + Uint(5, 1));
    EXPECT_EQ(STATUS_ABORTED, stale->code);
    EXPECT_EQ("RUN_CHANGED", stale->reason);
    EXPECT_EQ("r1", stale->resource);
    EXPECT_EQ("2", stale->metadata["sequence"]);
    EXPECT_EQ("waiting", stale->metadata["status"]);
    EXPECT_EQ(0u, stale->metadata.count("finishedAt"));
    EXPECT_EQ(2u, Events("r1"));
    ExpectDone(kCancel, Bytes(1, "r1") + Uint(5, 2));
    auto final = As(reader_, kCancel, Bytes(1, "r1") + Uint(5, 2));
    EXPECT_EQ("RUN_CHANGED", final->reason);
    EXPECT_EQ("3", final->metadata["sequence"]);
    EXPECT_EQ("cancelled", final->metadata["status"]);
    EXPECT_EQ(1u, final->metadata.count("finishedAt"));
    EXPECT_EQ("RUN_ALREADY_FINISHED", As(reader_, kCancel, Bytes(1, "r1") + Uint(5, 3))->reason);
    auto negative = As(reader_, kCancel, Bytes(1, "r1") + Uint(5, UINT64_MAX));
    EXPECT_EQ("FIELD_INVALID", negative->reason);
    EXPECT_EQ(std::vector<std::string>{"expectedSequence"}, negative->fields);
}

TEST_F(Keys, WhoMeetsAFinalRunHearsWhoEndedItAndByWhichRequest) {
    Create("r1");
    std::string token = callers_[reader_][kCancel];
    EXPECT_EQ(0, Call(kCancel, Bytes(1, "r1"), {"Bearer " + token}, 0, "my-request-1")->code);
    Create("r2");
    ExpectDone(kReport, Report("r2", 3, "k"));
    for (int i = 0; i < 2; i++) {
        auto cancel = As(reader_, kCancel, Bytes(1, "r1"));
        EXPECT_EQ("RUN_ALREADY_FINISHED", cancel->reason);
        EXPECT_EQ("cancelled", cancel->metadata["status"]);
        EXPECT_EQ("ci-cancel", cancel->metadata["actor"]);
        EXPECT_EQ("my-request-1", cancel->metadata["requestId"]);
        auto report = As(reader_, kReport, Report("r1", 3, "k3"));
        EXPECT_EQ("RUN_ALREADY_FINISHED", report->reason);
        EXPECT_EQ("ci-cancel", report->metadata["actor"]);
        EXPECT_EQ("my-request-1", report->metadata["requestId"]);
        auto ended = As(reader_, kCancel, Bytes(1, "r2"));
        EXPECT_EQ("success", ended->metadata["status"]);
        EXPECT_EQ("ci-report", ended->metadata["actor"]);
        EXPECT_EQ(36u, ended->metadata["requestId"].size());
        Reopen();
    }
}

} // namespace
