// Two servers of one store, in one process: what is done once for both, and what each knows of what
// the other did.

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "tests/rpc/client_stream_fixture.h"
#include "tests/rpc/fixture.h"
#include "tests/server/shared_store.h"

extern "C" {
#include "runs/v1/bulk.pb-c.h"
#include "runs/v1/feed.pb-c.h"
#include "runs/v1/lease.pb-c.h"
#include "runs/v1/runs_service.pb-c.h"
#include "server/auth/token.h"
#include "server/runsd.h"
#include "storage/op/list_events.h"
#include "storage/op/list_tokens.h"
}

namespace {

using namespace wire;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kBegin = 1'700'000'000 * kSecond;

struct SetClock {
    struct clock base; // first
    std::atomic<int64_t> now;
};

template <typename Condition> bool Comes(Condition condition) {
    auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition() && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return condition();
}

std::string Seconds(int64_t s) {
    return Uint(1, static_cast<uint64_t>(s));
}

std::string Wish(const std::string &holder, int64_t seconds) {
    return Bytes(1, Bytes(1, holder) + Bytes(2, Seconds(seconds)));
}

// A run that executors acquire, with more fields of its own.
std::string LeasedRun(const std::string &id, const std::string &more = "") {
    return Bytes(1, Bytes(3, id) +
                        Bytes(16, Bytes(3, Entry("root", Object(Entry("type", Text("manual")))))) +
                        Bytes(17, "wf-1") + Uint(19, 2) + more);
}

struct Server {
    std::atomic<int> failures{0};
    struct runsd *runsd = nullptr;
    std::unique_ptr<Channel> channel;
};

class TwoServers : public ::testing::Test {
  protected:
    void SetUp() override {
        clock_.base.now_us = [](const struct clock *self) {
            return reinterpret_cast<const SetClock *>(self)->now.load();
        };
        clock_.now = kBegin;
        token_ = StoreToken("acme", "all", ~0U >> (32 - SCOPE_COUNT));
        Start(a_);
        Start(b_);
        store_.SetDuty(0, true);
    }

    void TearDown() override {
        Stop(a_);
        Stop(b_);
    }

    void Start(Server &server) {
        Arena a;
        std::string url = store_.Url();
        struct runsd_options options = {};
        options.log = &log_;
        options.clock = &clock_.base;
        options.store_url = url.c_str();
        options.open_store = SharedStore::Open;
        options.token_use_ms = 1;
        options.drain_ms = 10'000;
        options.on_failure = [](void *context) { ++static_cast<Server *>(context)->failures; };
        options.context = &server;
        const struct error *error = runsd_start(a.get(), &options, &server.runsd);
        ASSERT_EQ(nullptr, error) << error->message;
        server.channel = std::make_unique<Channel>(rpc_channel_new_in_process(
            runsd_loop(server.runsd), runsd_rpc_server(server.runsd), 0));
    }

    void Stop(Server &server) {
        server.channel.reset();
        runsd_stop(server.runsd);
        server.runsd = nullptr;
        EXPECT_EQ(0, server.failures);
    }

    // A token that the store gets by neither server.
    std::string StoreToken(const std::string &organization, const std::string &name,
                           uint32_t scopes) {
        char text[TOKEN_TEXT_SIZE];
        token_make(text);
        Arena a;
        struct store_create_token create = {};
        create.op.kind = &store_create_token_kind;
        create.op.arena = a.get();
        create.in.organization = SliceOf(organization);
        create.in.name = SliceOf(name);
        create.in.scopes = scopes;
        create.in.created_at_us = ++clock_.now;
        token_hash(slice_of_cstr(text), create.in.hash);
        store_op_submit_and_wait(store_.memory(), &create.op);
        EXPECT_EQ(STORE_OK, create.op.result);
        return text;
    }

    struct Reply {
        int code = 0;
        std::string message;
        std::string bytes;
    };

    Reply Ask(Server &server, const std::string &method, const std::string &request,
              const std::string &token = "") {
        Call call(*server.channel, "/runs.v1." + method, request);
        call.Metadata("authorization", "Bearer " + (token.empty() ? token_ : token));
        call.Run();
        return {call.code(), call.message(), call.response()};
    }

    // The same, which has to go well.
    std::string Do(Server &server, const std::string &method, const std::string &request) {
        Reply reply = Ask(server, method, request);
        EXPECT_EQ(0, reply.code) << method << ": " << reply.message;
        return reply.bytes;
    }

    int Status(Server &server, const std::string &id) {
        std::string bytes = Do(server, "RunsService/GetRun", Bytes(1, id));
        Runs__V1__Run *run = runs__v1__run__unpack(nullptr, bytes.size(),
                                                   reinterpret_cast<const uint8_t *>(bytes.data()));
        int status = run != nullptr ? static_cast<int>(run->status) : -1;
        runs__v1__run__free_unpacked(run, nullptr);
        return status;
    }

    // The attempt of the run that the executor got; 0: none.
    int64_t Acquire(Server &server, const std::string &holder, int64_t seconds,
                    int64_t wait_s = 0) {
        std::string request = Wish(holder, seconds);
        if (wait_s != 0) {
            request += Bytes(5, Seconds(wait_s));
        }
        std::string bytes = Do(server, "RunsService/AcquireRuns", request);
        auto *got = runs__v1__acquire_runs_response__unpack(
            nullptr, bytes.size(), reinterpret_cast<const uint8_t *>(bytes.data()));
        int64_t attempt = got != nullptr && got->n_runs > 0 ? got->runs[0]->attempt : 0;
        runs__v1__acquire_runs_response__free_unpacked(got, nullptr);
        return attempt;
    }

    // What becomes of a renewal: enum Runs__V1__LeaseState.
    int Renew(Server &server, const std::string &holder, const std::string &id, int64_t attempt) {
        std::string bytes =
            Do(server, "RunsService/RenewLeases",
               Bytes(1, Bytes(1, holder)) +
                   Bytes(2, Bytes(1, id) + Uint(2, static_cast<uint64_t>(attempt))));
        auto *got = runs__v1__renew_leases_response__unpack(
            nullptr, bytes.size(), reinterpret_cast<const uint8_t *>(bytes.data()));
        int state = got != nullptr && got->n_renewals == 1 ? got->renewals[0]->state : -1;
        runs__v1__renew_leases_response__free_unpacked(got, nullptr);
        return state;
    }

    SharedStore store_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    SetClock clock_;
    Server a_;
    Server b_; // not on duty at first
    std::string token_;
};

constexpr int kHeld = RUNS__V1__LEASE_STATE__LEASE_STATE_HELD;
constexpr int kFinished = RUNS__V1__LEASE_STATE__LEASE_STATE_FINISHED;
constexpr int kLost = RUNS__V1__LEASE_STATE__LEASE_STATE_LOST;
const std::string kTimeout = Bytes(24, Seconds(10));

// --- who is on duty ---

TEST_F(TwoServers, DeadlinesAreEndedByTheServerOnDutyWhoeverHeardOfThem) {
    Do(b_, "RunsService/CreateRun", LeasedRun("of-b", kTimeout));
    clock_.now += 11 * kSecond;
    ASSERT_TRUE(Comes([&] { return Status(b_, "of-b") == RUN_FAILURE; }));

    // The one on duty is cut off, and says so again and again: the other one leaves the runs alone
    // until it is on duty itself.
    store_.SetAway(0, true);
    Do(b_, "RunsService/CreateRun", LeasedRun("later", kTimeout));
    clock_.now += 11 * kSecond;
    int refused = store_.handle(0)->refused;
    ASSERT_TRUE(Comes([&] { return store_.handle(0)->refused > refused + 2; }));
    EXPECT_EQ(RUN_RUNNING, Status(b_, "later"));
    store_.SetDuty(1, true);
    EXPECT_TRUE(Comes([&] { return Status(b_, "later") == RUN_FAILURE; }));

    // What one heard of when it was on duty is the other's when that is.
    store_.SetAway(0, false);
    store_.SetDuty(0, false);
    Do(a_, "RunsService/CreateRun", LeasedRun("of-a", kTimeout));
    clock_.now += 11 * kSecond;
    EXPECT_TRUE(Comes([&] { return Status(a_, "of-a") == RUN_FAILURE; }));
}

TEST_F(TwoServers, ABulkCancelGoesOnAtTheServerOnDuty) {
    for (int i = 0; i < 5; i++) {
        Do(a_, "RunsService/CreateRun", LeasedRun("r" + std::to_string(i)));
    }
    // The reply waits until the runs are collected, which the other server does.
    std::string bytes = Do(b_, "RunsService/CancelRuns", Bytes(2, Bytes(2, "wf-1")));
    auto *bulk = runs__v1__bulk_cancel__unpack(nullptr, bytes.size(),
                                               reinterpret_cast<const uint8_t *>(bytes.data()));
    ASSERT_NE(nullptr, bulk);
    EXPECT_NE(RUNS__V1__BULK_CANCEL_STATE__BULK_CANCEL_STATE_PLANNING, bulk->state);
    EXPECT_EQ(5, bulk->total);
    runs__v1__bulk_cancel__free_unpacked(bulk, nullptr);
    for (int i = 0; i < 5; i++) {
        EXPECT_TRUE(Comes([&] { return Status(b_, "r" + std::to_string(i)) == RUN_CANCELLED; }));
    }

    // Nobody is on duty: the reply does not wait for ever, and the job is done by who is on duty
    // next.
    store_.SetDuty(0, false);
    Do(a_, "RunsService/CreateRun", LeasedRun("last"));
    Do(b_, "RunsService/CancelRuns", Bytes(2, Bytes(2, "wf-1")));
    EXPECT_EQ(RUN_RUNNING, Status(b_, "last"));
    store_.SetDuty(1, true);
    EXPECT_TRUE(Comes([&] { return Status(b_, "last") == RUN_CANCELLED; }));
}

// --- leases ---

TEST_F(TwoServers, ALeaseThatIsRenewedAtTheOtherServerDoesNotEnd) {
    constexpr int64_t kLease = 3;
    Do(a_, "RunsService/CreateRun", LeasedRun("r"));
    ASSERT_EQ(1, Acquire(a_, "w", kLease)); // of the one on duty
    auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2 * kLease);
    while (std::chrono::steady_clock::now() < until) {
        ASSERT_EQ(kHeld, Renew(b_, "w", "r", 1));
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    // The one that ends leases knows it, too.
    EXPECT_EQ(kHeld, Renew(a_, "w", "r", 1));
    EXPECT_EQ(kLost, Renew(b_, "somebody-else", "r", 1));
    EXPECT_EQ(kLost, Renew(b_, "w", "r", 2));
    // Nobody renews it any more: it ends, and who waits for runs at either server gets it.
    EXPECT_EQ(2, Acquire(b_, "w2", kLease, 30));
    EXPECT_EQ(kLost, Renew(a_, "w", "r", 1));
    EXPECT_EQ(kLost, Renew(b_, "w", "r", 1));
    EXPECT_EQ(kHeld, Renew(a_, "w2", "r", 2));
}

// The server that gave the lease is gone: the one on duty has read of it in the store.
TEST_F(TwoServers, ALeaseOfAServerThatIsGoneEnds) {
    Do(b_, "RunsService/CreateRun", LeasedRun("r"));
    ASSERT_EQ(1, Acquire(b_, "w", 1));
    store_.SetAway(1, true);
    EXPECT_EQ(2, Acquire(a_, "w2", 1, 30));
}

// Who goes on duty gives each lease its whole duration, and ends it then.
TEST_F(TwoServers, LeasesGoOnAtTheServerThatIsOnDutyNext) {
    Do(a_, "RunsService/CreateRun", LeasedRun("r"));
    ASSERT_EQ(1, Acquire(a_, "w", 1));
    store_.SetAway(0, true); // before it ended the lease: what it submits changes nothing
    auto begin = std::chrono::steady_clock::now();
    store_.SetDuty(1, true);
    ASSERT_EQ(2, Acquire(b_, "w2", 1, 30));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(990));
}

TEST_F(TwoServers, ACancelReachesWhoRenewsAtTheOtherServer) {
    Do(a_, "RunsService/CreateRun", LeasedRun("r"));
    ASSERT_EQ(1, Acquire(b_, "w", 3600));
    EXPECT_EQ(kHeld, Renew(b_, "w", "r", 1));
    Do(a_, "RunsService/CancelRun", Bytes(1, "r"));
    EXPECT_EQ(kFinished, Renew(b_, "w", "r", 1));
    // A report there is refused as it is here.
    EXPECT_NE(
        0,
        Ask(b_, "RunsService/ReportRun", Bytes(1, "r") + Uint(2, RUN_SUCCESS) + Uint(6, 1)).code);
}

TEST_F(TwoServers, ACancelWaitsForWorkThatIsStoppedAtTheOtherServer) {
    Do(a_, "RunsService/CreateRun", LeasedRun("r"));
    ASSERT_EQ(1, Acquire(b_, "w", 3600));
    Reply cancelled;
    std::thread waiting([&] {
        cancelled = Ask(a_, "RunsService/CancelRun", Bytes(1, "r") + Bytes(3, Seconds(60)));
    });
    EXPECT_TRUE(Comes([&] { return Renew(b_, "w", "r", 1) == kFinished; }));
    Do(b_, "RunsService/AcknowledgeCancel", Bytes(1, "r") + Uint(2, 1));
    waiting.join();
    EXPECT_EQ(0, cancelled.code) << cancelled.message;
    auto *run = runs__v1__run__unpack(nullptr, cancelled.bytes.size(),
                                      reinterpret_cast<const uint8_t *>(cancelled.bytes.data()));
    ASSERT_NE(nullptr, run);
    EXPECT_NE(nullptr, run->stopped_at);
    runs__v1__run__free_unpacked(run, nullptr);
}

TEST_F(TwoServers, WhoWaitsForRunsGetsThoseThatAreCreatedAtTheOtherServer) {
    int64_t attempt = 0;
    std::thread waiting([&] { attempt = Acquire(b_, "w", 60, 60); });
    Do(a_, "RunsService/CreateRun", LeasedRun("r"));
    waiting.join();
    EXPECT_EQ(1, attempt);
}

// --- tokens ---

TEST_F(TwoServers, TokensFollowWhatTheOtherServerChanges) {
    auto code = [&](Server &server, const std::string &token) {
        return Ask(server, "RunsService/GetRun", Bytes(1, "none"), token).code;
    };
    // One that is made elsewhere is known here.
    std::string other = StoreToken("acme", "other", SCOPE_RUNS_READ);
    store_.TellTokens();
    ASSERT_TRUE(Comes([&] { return code(b_, other) == STATUS_NOT_FOUND; }));
    // Denials and refusals add up, wherever they were counted.
    std::string create = LeasedRun("x");
    EXPECT_EQ(STATUS_PERMISSION_DENIED, Ask(a_, "RunsService/CreateRun", create, other).code);
    EXPECT_EQ(STATUS_PERMISSION_DENIED, Ask(b_, "RunsService/CreateRun", create, other).code);
    EXPECT_EQ(STATUS_PERMISSION_DENIED, Ask(b_, "RunsService/CreateRun", create, other).code);
    EXPECT_TRUE(Comes([&] {
        Arena a;
        struct store_list_tokens list = {};
        list.op.kind = &store_list_tokens_kind;
        list.op.arena = a.get();
        store_op_submit_and_wait(store_.memory(), &list.op);
        return list.ret_count == 2 && list.ret_tokens[1].denials == 3;
    }));
    // A revocation reaches the other server.
    Do(a_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "other"));
    EXPECT_EQ(STATUS_UNAUTHENTICATED, code(a_, other));
    EXPECT_TRUE(Comes([&] { return code(b_, other) == STATUS_UNAUTHENTICATED; }));
    // Also one that was made while it could not reach the store.
    std::string third = StoreToken("acme", "third", SCOPE_RUNS_READ);
    store_.TellTokens();
    ASSERT_TRUE(Comes([&] { return code(b_, third) == STATUS_NOT_FOUND; }));
    store_.SetAway(1, true);
    ASSERT_TRUE(Comes([&] {
        return Ask(a_, "TokensService/RevokeToken", Bytes(1, "acme") + Bytes(2, "third")).code == 0;
    }));
    store_.SetAway(1, false);
    EXPECT_TRUE(Comes([&] { return code(b_, third) == STATUS_UNAUTHENTICATED; }));
}

// --- the feed ---

std::string CursorOf(const std::string &message) {
    auto *m = runs__v1__watch_runs_response__unpack(
        nullptr, message.size(), reinterpret_cast<const uint8_t *>(message.data()));
    std::string cursor = m != nullptr ? m->cursor : "";
    runs__v1__watch_runs_response__free_unpacked(m, nullptr);
    return cursor;
}

// Whether a message of the stream names the run, which it is then. The id is one that no cursor
// has in it by chance.
bool Sees(Stream &stream, const std::string &run, std::string *ret_message) {
    for (const std::string &message : stream.messages()) {
        if (message.find(run) != std::string::npos) {
            *ret_message = message;
            return true;
        }
    }
    return false;
}

TEST_F(TwoServers, AWatchSeesWhatTheOtherServerCommitsAndGoesOnThere) {
    Stream watch(*a_.channel, "/runs.v1.RunsService/WatchRuns", Uint(7, 1));
    watch.Metadata("authorization", "Bearer " + token_).ReadAll().Start();
    ASSERT_TRUE(watch.AwaitMessages(1)); // the snapshot, of nothing
    Do(b_, "RunsService/CreateRun", LeasedRun("the-first-run"));
    std::string seen;
    ASSERT_TRUE(Comes([&] { return Sees(watch, "the-first-run", &seen); }));
    std::string cursor = CursorOf(seen);
    watch.Cancel().Await();
    Do(a_, "RunsService/CreateRun", LeasedRun("the-second-run"));
    Stream next(*b_.channel, "/runs.v1.RunsService/WatchRuns", Bytes(6, cursor));
    next.Metadata("authorization", "Bearer " + token_).ReadAll().Start();
    EXPECT_TRUE(Comes([&] { return Sees(next, "the-second-run", &seen); }));
    EXPECT_FALSE(Sees(next, "the-first-run", &seen)) << "it was before the cursor";
    next.Cancel().Await();
}

// --- without the store ---

TEST_F(TwoServers, AServerThatCannotReachTheStoreRefusesAndRecovers) {
    Do(b_, "RunsService/CreateRun", LeasedRun("r"));
    ASSERT_TRUE(runsd_is_serving(b_.runsd));
    store_.SetAway(1, true);
    EXPECT_FALSE(runsd_is_serving(b_.runsd));
    struct runsd_health health = runsd_look_at_health(b_.runsd);
    EXPECT_TRUE(health.is_store_alive); // it goes on
    EXPECT_FALSE(health.can_read);
    EXPECT_FALSE(health.can_change);
    Reply refused = Ask(b_, "RunsService/CancelRun", Bytes(1, "r"));
    EXPECT_EQ(STATUS_UNAVAILABLE, refused.code);
    EXPECT_NE(std::string::npos, refused.message.find("nothing was changed")) << refused.message;
    EXPECT_EQ(STATUS_UNAVAILABLE, Ask(b_, "RunsService/GetRun", Bytes(1, "r")).code);
    EXPECT_TRUE(runsd_is_serving(a_.runsd));
    EXPECT_EQ(RUN_RUNNING, Status(a_, "r"));
    store_.SetAway(1, false);
    EXPECT_TRUE(runsd_is_serving(b_.runsd));
    Do(b_, "RunsService/CancelRun", Bytes(1, "r"));
    EXPECT_EQ(RUN_CANCELLED, Status(a_, "r"));
}

} // namespace
