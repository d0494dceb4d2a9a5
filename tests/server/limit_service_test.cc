#include <thread>

#include "runs/v1/organizations_service.pb-c.h"
#include "tests/server/service_fixture.h"

extern "C" {
#include "base/core/clock.h"
}

// What an organization is told that has used up what it may ask, or has what it may have.

namespace {

class Limits : public Service {
  protected:
    void Tune(runsd_options &options) override {
        options.limit_reads = tuned_.limit_reads;
        options.limit_changes = tuned_.limit_changes;
        options.limit_bytes = tuned_.limit_bytes;
        options.limit_streams = tuned_.limit_streams;
        options.limit_burst_ms = tuned_.limit_burst_ms;
        options.quota_open_runs = tuned_.quota_open_runs;
        options.quota_stored_bytes = tuned_.quota_stored_bytes;
    }

    // Starts anew with the limits of tuned_; the tokens stay.
    void Restart() {
        Close();
        Open();
    }

    std::unique_ptr<Reply> Get(const std::string &token, const std::string &id = "absent") {
        return As(token, "RunsService/GetRun", Bytes(1, id));
    }

    std::string LimitedToken(const std::string &name, const std::string &limits,
                             const std::string &scope = "runs.read") {
        auto reply = As(admin_, "TokensService/CreateToken",
                        Bytes(1, "acme") + Bytes(2, name) + Bytes(3, scope) + Bytes(6, limits));
        EXPECT_EQ(0, reply->code) << reply->message;
        auto *created = runs__v1__create_token_response__unpack(
            nullptr, reply->bytes.size(), reinterpret_cast<const uint8_t *>(reply->bytes.data()));
        std::string secret = created->secret;
        runs__v1__create_token_response__free_unpacked(created, nullptr);
        return secret;
    }

    static void SleepMs(int64_t ms) {
        std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    }

    runsd_options tuned_ = {};
};

TEST_F(Limits, WithoutLimitsNothingIsSaidOfThem) {
    auto reply = Get(reader_);
    EXPECT_EQ(STATUS_NOT_FOUND, reply->code);
    EXPECT_EQ("", reply->limit_policy);
    EXPECT_EQ("", reply->limit_state);
}

TEST_F(Limits, RefusesWithTheLimitAndHowLongToWait) {
    tuned_.limit_reads = 1; // two at once
    Restart();
    auto first = Get(reader_);
    EXPECT_EQ(STATUS_NOT_FOUND, first->code); // an error says it, too
    EXPECT_EQ("\"reads\";q=2;w=2", first->limit_policy);
    EXPECT_EQ("\"reads\";r=1;t=1", first->limit_state);
    EXPECT_EQ("\"reads\";r=0;t=1", Get(reader_)->limit_state);
    auto refused = Get(reader_);
    EXPECT_EQ(STATUS_RESOURCE_EXHAUSTED, refused->code);
    EXPECT_EQ("RATE_LIMITED", refused->reason);
    EXPECT_EQ("reads", refused->metadata["limit"]);
    EXPECT_EQ("1", refused->metadata["most"]);
    EXPECT_EQ("organization", refused->metadata["of"]);
    EXPECT_GT(refused->retry_after_ms, 0);
    EXPECT_LE(refused->retry_after_ms, 1000);
    EXPECT_EQ("the organization \"acme\" has used up its limit of 1 reads a second; nothing was "
              "changed; try again in " +
                  std::to_string(refused->retry_after_ms) + " ms",
              refused->message);
    EXPECT_EQ("\"reads\";q=2;w=2", refused->limit_policy);
    EXPECT_EQ("\"reads\";r=0;t=1", refused->limit_state);
    // Others, and changes, go on; nobody looks into what is refused.
    EXPECT_EQ(STATUS_NOT_FOUND, Get(other_)->code);
    EXPECT_EQ(0, As(reader_, "RunsService/CreateRun", CreateRequest("r"))->code);
    EXPECT_EQ("RATE_LIMITED", As(reader_, "RunsService/GetRun", "\x0a\x7f is cut")->reason);
    EXPECT_EQ("MESSAGE_MALFORMED", As(other_, "RunsService/GetRun", "\x0a\x7f is cut")->reason);
    // Who is not known, or may not, learns of no limit.
    EXPECT_EQ("TOKEN_INVALID", Get("rst_nobody")->reason);
    auto denied = Call("RunsService/CreateRun", CreateRequest("s"), {"Bearer " + reader_});
    EXPECT_EQ("SCOPE_MISSING", denied->reason);
    EXPECT_EQ("", denied->limit_policy);
}

TEST_F(Limits, ServesWhoWaitsAsLongAsWasSaid) {
    tuned_.limit_reads = 20;
    tuned_.limit_changes = 5;
    tuned_.limit_burst_ms = 200;
    Restart();
    for (int i = 0; i < 4; i++) {
        for (const bool is_change : {false, true}) {
            auto ask = [&] {
                return is_change ? As(reader_, "RunsService/CreateRun", CreateRequest(""))
                                 : Get(reader_);
            };
            std::unique_ptr<Reply> reply;
            while ((reply = ask())->reason != "RATE_LIMITED") {
            }
            ASSERT_GT(reply->retry_after_ms, 0);
            SleepMs(reply->retry_after_ms);
            EXPECT_NE("RATE_LIMITED", ask()->reason);
        }
    }
}

TEST_F(Limits, CountsBytesOfRequestsAndReplies) {
    Create("r");
    tuned_.limit_bytes = 200;
    Restart();
    int served = 0;
    std::unique_ptr<Reply> reply;
    while ((reply = Get(reader_, "r"))->code == 0) {
        served++;
        EXPECT_NE(std::string::npos,
                  reply->limit_policy.find("\"bytes\";q=400;qu=\"content-bytes\";w=2"))
            << reply->limit_policy;
    }
    EXPECT_GE(served, 1);
    EXPECT_LT(served, 20);
    EXPECT_EQ("RATE_LIMITED", reply->reason);
    EXPECT_EQ("bytes", reply->metadata["limit"]);
    EXPECT_EQ("200", reply->metadata["most"]);
    EXPECT_EQ("RATE_LIMITED", As(reader_, "RunsService/CreateRun", CreateRequest("s"))->reason);
    SleepMs(reply->retry_after_ms);
    EXPECT_EQ(0, Get(reader_, "r")->code);
}

TEST_F(Limits, DoesNotLimitWhoAdministers) {
    tuned_.limit_reads = 1;
    tuned_.limit_changes = 1;
    Restart();
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(0, As(admin_, "TokensService/ListTokens", "")->code);
        NewToken("acme", {"runs.read"}, "t" + std::to_string(i));
    }
}

TEST_F(Limits, GivesTokensTheirOwn) {
    tuned_.limit_reads = 1;
    Restart();
    const std::string fast = LimitedToken("fast", Uint(1, 10));
    const std::string free = LimitedToken("free", Uint(1, static_cast<uint64_t>(-1)));
    const std::string same = LimitedToken("same", Uint(2, 7)); // as all others in reads
    auto count = [&](const std::string &token) {
        int n = 0;
        while (n < 50 && Get(token)->reason != "RATE_LIMITED") {
            n++;
        }
        return n;
    };
    EXPECT_GE(count(fast), 20);
    EXPECT_LT(count(fast), 50);
    EXPECT_EQ("token", Get(fast)->metadata["of"]);
    EXPECT_EQ(50, count(free));
    EXPECT_EQ("", Get(free)->limit_policy);
    // Its own buckets have the server's rates where it has none of its own.
    EXPECT_LT(count(same), 5);
    // What it used is not its organization's.
    EXPECT_GE(count(reader_), 2);
    // Its own count from the next call on.
    EXPECT_EQ(0, As(admin_, "TokensService/SetTokenLimits",
                    Bytes(1, "acme") + Bytes(2, "fast") + Bytes(3, Uint(1, 100)))
                     ->code);
    EXPECT_EQ("\"reads\";q=200;w=2", Get(fast)->limit_policy);
}

TEST_F(Limits, RefusesRunsBeyondAQuotaAndNothingElse) {
    tuned_.quota_open_runs = 2;
    Restart();
    Create("r1");
    Create("r2");
    auto refused = As(reader_, "RunsService/CreateRun", CreateRequest("r3"));
    EXPECT_EQ(STATUS_RESOURCE_EXHAUSTED, refused->code);
    EXPECT_EQ("QUOTA_EXCEEDED", refused->reason);
    EXPECT_EQ("openRuns", refused->metadata["quota"]);
    EXPECT_EQ("2", refused->metadata["most"]);
    EXPECT_EQ("2", refused->metadata["used"]);
    EXPECT_EQ("the organization \"acme\" has 2 open runs, and may have 2; nothing was created",
              refused->message);
    EXPECT_EQ("RUN_ALREADY_EXISTS",
              As(reader_, "RunsService/CreateRun", CreateRequest("r1"))->reason);
    EXPECT_EQ(0, As(other_, "RunsService/CreateRun", CreateRequest("r1"))->code);
    EXPECT_EQ(0, As(reader_, "RunsService/CancelRun", Bytes(1, "r1"))->code);
    EXPECT_EQ(0, As(reader_, "RunsService/CreateRun", CreateRequest("r3"))->code);
    // The same key again is answered, though there is no room.
    const std::string keyed = CreateRequest("r4") + Bytes(3, "key");
    EXPECT_EQ(0, As(reader_, "RunsService/CancelRun", Bytes(1, "r2"))->code);
    EXPECT_EQ(0, As(reader_, "RunsService/CreateRun", keyed)->code);
    auto again = As(reader_, "RunsService/CreateRun", keyed);
    EXPECT_EQ(0, again->code) << again->message;
    EXPECT_TRUE(again->is_replayed);
}

TEST_F(Limits, TellsHowMuchOfAQuotaIsUsed) {
    tuned_.quota_open_runs = 7;
    tuned_.quota_stored_bytes = 300;
    Restart();
    std::unique_ptr<Reply> reply;
    int created = 0;
    while (
        (reply = As(reader_, "RunsService/CreateRun", CreateRequest("r" + std::to_string(created))))
            ->code == 0) {
        created++;
    }
    EXPECT_GE(created, 1);
    EXPECT_EQ("QUOTA_EXCEEDED", reply->reason);
    EXPECT_EQ("storedBytes", reply->metadata["quota"]);
    EXPECT_EQ("300", reply->metadata["most"]);
    int64_t used = std::stoll(reply->metadata["used"]);
    EXPECT_GT(used + std::stoll(reply->metadata["asked"]), 300);
    auto got = As(admin_, "OrganizationsService/GetOrganization", Bytes(1, "acme"));
    ASSERT_EQ(0, got->code) << got->message;
    auto *o = runs__v1__organization__unpack(nullptr, got->bytes.size(),
                                             reinterpret_cast<const uint8_t *>(got->bytes.data()));
    ASSERT_NE(nullptr, o);
    EXPECT_EQ(created, o->open_runs);
    EXPECT_EQ(7, o->most_open_runs);
    EXPECT_EQ(used, o->stored_bytes);
    EXPECT_EQ(300, o->most_stored_bytes);
    runs__v1__organization__free_unpacked(o, nullptr);
}

} // namespace
