// Bulk cancels and families as a client meets them, under a clock of the test's own.

#include <thread>

#include "tests/server/service_fixture.h"

extern "C" {
#include "runs/v1/bulk.pb-c.h"
}

namespace {

constexpr int64_t kHour = 3'600'000'000;

using BulkCancel = std::unique_ptr<Runs__V1__BulkCancel, void (*)(Runs__V1__BulkCancel *)>;

class BulkService : public Service {
  protected:
    void SetUp() override {
        Service::SetUp();
        canceller_ = NewToken("acme", {"runs.cancel"}, "stopper");
        stranger_ = NewToken("rival", {"runs.cancel"}, "stopper");
    }

    BulkCancel Read(const Reply &reply) {
        EXPECT_EQ(0, reply.code) << reply.message;
        return {
            runs__v1__bulk_cancel__unpack(nullptr, reply.bytes.size(),
                                          reinterpret_cast<const uint8_t *>(reply.bytes.data())),
            [](Runs__V1__BulkCancel *b) { runs__v1__bulk_cancel__free_unpacked(b, nullptr); }};
    }

    BulkCancel Cancel(const std::string &request) {
        return Read(*As(canceller_, "RunsService/CancelRuns", request));
    }

    BulkCancel Get(const std::string &id) {
        return Read(*As(canceller_, "BulkCancelsService/GetBulkCancel", Bytes(1, id)));
    }

    // As it is once it is over.
    BulkCancel Ended(const std::string &id) {
        auto bulk = Get(id);
        while (bulk != nullptr &&
               bulk->state < RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_DONE) {
            std::this_thread::yield();
            bulk = Get(id);
        }
        return bulk;
    }

    std::string Status(const std::string &id) {
        auto run = Decode(*As(reader_, "RunsService/GetRun", Bytes(1, id)));
        return run == nullptr ? "none" : std::to_string(run->status);
    }

    std::unique_ptr<Reply> CreateChild(const std::string &id, const std::string &parent) {
        return As(reader_, "RunsService/CreateRun",
                  Bytes(1, RunMessage(id) + Bytes(26, Bytes(1, parent))));
    }

    std::string canceller_;
    std::string stranger_;
};

const std::string kRunning = std::to_string(RUNS__V1__RUN_STATUS__RUN_STATUS_RUNNING);
const std::string kCancelled = std::to_string(RUNS__V1__RUN_STATUS__RUN_STATUS_CANCELLED);
const std::string kDryRun = Uint(4, 1);

TEST_F(BulkService, CancelsIdsAtTheTimeOfTheClock) {
    Create("r1");
    Create("r2");
    clock_.now += 5'000'000;
    auto made = Cancel(Bytes(1, "r1") + Bytes(1, "r2") + Bytes(1, "none") + Bytes(6, "why"));
    ASSERT_NE(nullptr, made);
    EXPECT_EQ(3, made->total);
    auto done = Ended(made->id);
    ASSERT_NE(nullptr, done);
    EXPECT_EQ(RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_DONE, done->state);
    EXPECT_EQ(2, done->cancelled);
    EXPECT_EQ(1, done->not_found);
    EXPECT_EQ(0, done->open);
    EXPECT_STREQ("stopper", done->actor);
    EXPECT_STREQ("why", done->reason);
    EXPECT_EQ(1'700'000'005, done->created_at->seconds);
    EXPECT_EQ(1'700'000'005, done->finished_at->seconds);
    auto run = Decode(*As(reader_, "RunsService/GetRun", Bytes(1, "r1")));
    EXPECT_EQ(1'700'000'005, run->finished_at->seconds);
    EXPECT_EQ(kCancelled, Status("r2"));
}

TEST_F(BulkService, ExecutesAPlanWithinAnHourAndNotLater) {
    Create("r1");
    auto plan = Cancel(Bytes(1, "r1") + kDryRun);
    auto other = Cancel(Bytes(1, "r1") + kDryRun);
    ASSERT_NE(nullptr, plan);
    ASSERT_NE(nullptr, other);
    EXPECT_EQ(RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNED, plan->state);
    ASSERT_EQ(1u, plan->n_sample);
    EXPECT_STREQ("r1", plan->sample[0]);
    EXPECT_EQ(plan->created_at->seconds + 3600, plan->expires_at->seconds);
    EXPECT_EQ(kRunning, Status("r1"));
    clock_.now += kHour;
    auto late = As(canceller_, "RunsService/CancelRuns", Bytes(3, plan->id));
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, late->code);
    EXPECT_EQ("BULK_CANCEL_ENDED", late->reason);
    EXPECT_EQ("planned", late->metadata["state"]);
    EXPECT_EQ("2023-11-14T23:13:20Z", late->metadata["expiresAt"]);
    EXPECT_EQ(plan->id, late->resource);
    EXPECT_EQ(kRunning, Status("r1"));
    clock_.now -= 1;
    EXPECT_NE(nullptr, Cancel(Bytes(3, other->id) + Bytes(6, "in time")));
    EXPECT_EQ(1, Ended(other->id)->cancelled);
    EXPECT_EQ(kCancelled, Status("r1"));
}

// The clock stepped back between the creations: what is there is meant all the same.
TEST_F(BulkService, AFilterMeansTheRunsOfBefore) {
    Create("r1");
    clock_.now -= kHour;
    Create("r2");
    clock_.now += 2 * kHour;
    Create("r3");
    auto made = Cancel(Bytes(2, Bytes(2, "wf-1")));
    ASSERT_NE(nullptr, made);
    auto done = Ended(made->id);
    EXPECT_EQ(3, done->cancelled);
    EXPECT_EQ(nullptr, done->filter->started_before);
    EXPECT_STREQ("wf-1", done->filter->workflow_id);
}

TEST_F(BulkService, OnlyWhatTheBoundsSay) {
    Create("r1");
    clock_.now += 1'000'000;
    Create("r2");
    clock_.now += 1'000'000;
    Create("r3");
    const auto at = [](int64_t s) { return Uint(1, static_cast<uint64_t>(1'700'000'000 + s)); };
    auto none = Cancel(Bytes(2, Bytes(5, at(0))));
    EXPECT_EQ(0, none->total);
    EXPECT_EQ(RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_DONE, none->state);
    // A time that was never set: not of all.
    for (int bound : {4, 5}) {
        auto unset = As(canceller_, "RunsService/CancelRuns", Bytes(2, Bytes(bound, "")));
        EXPECT_EQ(STATUS_INVALID_ARGUMENT, unset->code);
    }
    auto middle = Cancel(Bytes(2, Bytes(4, at(0)) + Bytes(5, at(2))));
    EXPECT_EQ(1, Ended(middle->id)->cancelled);
    EXPECT_EQ(kRunning, Status("r1"));
    EXPECT_EQ(kCancelled, Status("r2"));
    EXPECT_EQ(kRunning, Status("r3"));
}

TEST_F(BulkService, TellsAnotherOrganizationNothing) {
    Create("r1");
    auto plan = Cancel(Bytes(1, "r1") + kDryRun);
    const std::string id = plan->id;
    for (const auto &[method, request] : std::map<std::string, std::string>{
             {"RunsService/CancelRuns", Bytes(3, id)},
             {"BulkCancelsService/GetBulkCancel", Bytes(1, id)},
             {"BulkCancelsService/ListBulkCancelOutcomes", Bytes(1, id)},
             {"BulkCancelsService/AbortBulkCancel", Bytes(1, id)},
         }) {
        auto reply = As(stranger_, method, request);
        EXPECT_EQ(STATUS_NOT_FOUND, reply->code) << method;
        EXPECT_EQ("BULK_CANCEL_NOT_FOUND", reply->reason) << method;
        EXPECT_EQ("there is no bulk cancel \"" + id + "\"", reply->message);
    }
    EXPECT_EQ("", As(stranger_, "BulkCancelsService/ListBulkCancels", "")->bytes);
    EXPECT_EQ(RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNED, Get(id)->state);
}

TEST_F(BulkService, GoesOnWhereAServerOfBeforeStopped) {
    Create("r1");
    auto plan = Cancel(Bytes(1, "r1") + kDryRun);
    const std::string id = plan->id;
    Close();
    Open();
    EXPECT_EQ(RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNED, Get(id)->state);
    Cancel(Bytes(3, id));
    EXPECT_EQ(1, Ended(id)->cancelled);
}

TEST_F(BulkService, CreatesNoChildUnderACancelledAncestor) {
    Create("root");
    ASSERT_EQ(0, CreateChild("part", "root")->code);
    ASSERT_EQ(0, CreateChild("leaf", "part")->code);
    auto leaf = Decode(*As(reader_, "RunsService/GetRun", Bytes(1, "leaf")));
    ASSERT_NE(nullptr, leaf->parent_run_id);
    EXPECT_STREQ("part", leaf->parent_run_id->value);
    EXPECT_EQ(nullptr, Decode(*As(reader_, "RunsService/GetRun", Bytes(1, "root")))->parent_run_id);
    EXPECT_EQ(0, As(reader_, "RunsService/CancelRun", Bytes(1, "root"))->code);
    auto refused = CreateChild("late", "leaf");
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, refused->code);
    EXPECT_EQ("PARENT_CANCELLED", refused->reason);
    EXPECT_EQ("root", refused->metadata["ancestorId"]);
    EXPECT_EQ("late", refused->resource);
    EXPECT_EQ("the run \"late\" was not created: its ancestor \"root\" is cancelled",
              refused->message);
    EXPECT_EQ(STATUS_NOT_FOUND, As(reader_, "RunsService/GetRun", Bytes(1, "late"))->code);
    EXPECT_EQ("RUN_ALREADY_EXISTS", CreateChild("leaf", "root")->reason);
    auto missing = CreateChild("late", "nobody");
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, missing->code);
    EXPECT_EQ(std::vector<std::string>{"run.parentRunId"}, missing->fields);
    EXPECT_EQ("run.parentRunId names no run of the organization, got \"nobody\"", missing->message);
}

TEST_F(BulkService, CancelsTheWholeFamily) {
    Create("root");
    Create("other");
    for (int i = 0; i < 20; i++) {
        std::string part = "part" + std::to_string(i);
        ASSERT_EQ(0, CreateChild(part, "root")->code);
        ASSERT_EQ(0, CreateChild(part + ".leaf", part)->code);
    }
    auto made = Cancel(Bytes(1, "root") + Uint(5, 1));
    auto done = Ended(made->id);
    EXPECT_EQ(41, done->cancelled);
    EXPECT_EQ(41, done->total);
    EXPECT_TRUE(done->cascade);
    EXPECT_EQ(kCancelled, Status("part19.leaf"));
    EXPECT_EQ(kRunning, Status("other"));
}

} // namespace
