// Every way in which a store does not do what it was asked, as its client is told: the reply
// says neither more nor less than the store knows.

#include "tests/server/fake_store_fixture.h"

namespace {

// A store that answers every operation as it was told to.
class StoreResults : public OverFakeStore {
  protected:
    StoreResults() {
        store_.answer = [this](struct store_op *) { return result_; };
        server_->Start();
        channel_ = std::make_unique<Channel>(client_loop_.get(), Socket());
    }

    enum store_result result_ = STORE_OK;
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
        {STORE_FROZEN, STATUS_UNAVAILABLE, "STORE_FROZEN", true, true},
        {STORE_TOO_LARGE, STATUS_INVALID_ARGUMENT, "FIELD_INVALID", true, false},
        {STORE_KEY_REUSED, STATUS_INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED", true, false},
        {STORE_READ_ONLY, STATUS_UNAVAILABLE, "READ_ONLY", true, true},
        {STORE_STOPPED, STATUS_UNAVAILABLE, "SERVER_STOPPING", true, true},
        {STORE_UNAVAILABLE, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE", false, true},
    };
    const struct {
        std::string method;
        std::string request;
        bool is_change;
    } methods[] = {
        {"RunsService/CreateRun", SmallestRun("r"), true},
        {"RunsService/CancelRun", Bytes(1, "r"), true},
        {"RunsService/CancelRuns", Bytes(1, "r"), true},
        {"RunsService/CancelRuns", Bytes(2, Bytes(2, "wf")), true},
        {"RunsService/CountRuns", "", false},
        {"BulkCancelsService/GetBulkCancel", Bytes(1, "b"), false},
        {"BulkCancelsService/ListBulkCancels", "", false},
        {"BulkCancelsService/ListBulkCancelOutcomes", Bytes(1, "b"), false},
        {"BulkCancelsService/AbortBulkCancel", Bytes(1, "b"), true},
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
            result_ = row.result;
            Call call(*channel_, "/runs.v1." + method.method, method.request);
            call.Metadata("authorization", Bearer()).Run();
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
