#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/rpc/fixture.h"

// Calls that succeed, or fail by their limits, over every transport.

namespace {

class EveryTransport : public testing::TestWithParam<Transport> {};

TEST_P(EveryTransport, EchoesMessagesOfAnySize) {
    Link link(GetParam());
    for (size_t size : {0, 1, 23, 24, 1400, 16'384, 100'000, 4'000'000}) {
        std::string request(size, 'a');
        for (size_t i = 0; i < size; i++) {
            request[i] = static_cast<char>(i * 31 % 251);
        }
        Call call(*link.channel, "/test.Service/Echo", request);
        call.Run();
        ASSERT_EQ(call.code(), STATUS_OK) << call.message();
        ASSERT_TRUE(call.response() == request) << size;
    }
}

TEST_P(EveryTransport, CarriesAnEmptyReply) {
    Link link(GetParam());
    Call call(*link.channel, "/test.Service/Empty", "x");
    call.Run();
    EXPECT_EQ(call.code(), STATUS_OK) << call.message();
    EXPECT_EQ(call.response(), "");
}

TEST_P(EveryTransport, TakesAReplyFromAnotherThread) {
    Link link(GetParam());
    for (int i = 0; i < 200; i++) {
        std::string request = "n" + std::to_string(i);
        Call call(*link.channel, "/test.Service/Thread", request);
        call.Run();
        ASSERT_EQ(call.code(), STATUS_OK) << call.message();
        ASSERT_EQ(call.response(), request);
    }
}

TEST_P(EveryTransport, ShowsMetadata) {
    Link link(GetParam());
    struct {
        std::vector<std::string> values;
        std::string want;
    } rows[] = {
        {{}, "0|(none)|0|"},
        {{"one"}, "1|one|1|"},
        {{""}, "1||1|"},
        {{"one", "two", "one"}, "1|one|3|"},
        {{std::string(8000, 'v')}, "1|" + std::string(8000, 'v') + "|1|"},
    };
    for (const auto &row : rows) {
        Call call(*link.channel, "/test.Service/Whoami", "");
        call.Metadata("x-other", "other");
        for (const auto &value : row.values) {
            call.Metadata("x-name", value);
        }
        call.Run();
        ASSERT_EQ(call.code(), STATUS_OK) << call.message();
        EXPECT_EQ(call.response(), row.want + "/test.Service/Whoami|0");
    }
}

// Says of what it does by initial metadata: answers OK, or fails, as the request says.
void Mark(void *, struct rpc_server_call *call) {
    struct arena *a = rpc_server_call_arena(call);
    auto *pairs = static_cast<struct rpc_metadata *>(arena_alloc(a, 2 * sizeof(rpc_metadata)));
    pairs[0] = {arena_printf(a, "x-%s", "mark"), slice_of_cstr(arena_printf(a, "%d", 1))};
    pairs[1] = {"x-bytes-bin", slice_of("\0\xff", 2)};
    rpc_server_call_set_reply_metadata(call, pairs, 2);
    struct slice request = rpc_server_call_request(call);
    if (Text(request) == "fail") {
        rpc_server_call_fail(call, error_new(a, STATUS_ABORTED, REASON_NONE, "refused"));
    } else {
        rpc_server_call_reply(call, &request, 1);
    }
}

TEST_P(EveryTransport, CarriesMetadataOfAReplyAndNoneOfAnError) {
    Link link(GetParam(), 0, 0, 0, {Method("/test.Service/Mark", Mark, nullptr)});
    for (int i = 0; i < 3; i++) { // a call object that is used again has nothing of before
        Call plain(*link.channel, "/test.Service/Echo", "x");
        EXPECT_EQ(plain.Run().metadata("x-mark"), "(none)");
        Call marked(*link.channel, "/test.Service/Mark", "x");
        EXPECT_EQ(marked.Run().response(), "x") << marked.message();
        EXPECT_EQ(marked.metadata("x-mark"), "1");
        EXPECT_EQ(marked.metadata("x-bytes-bin"), std::string("\0\xff", 2));
        auto all = marked.all_metadata();
        EXPECT_EQ(
            std::count(all.begin(), all.end(), std::pair<std::string, std::string>("x-mark", "1")),
            1);
        Call failed(*link.channel, "/test.Service/Mark", "fail");
        EXPECT_EQ(failed.Run().code(), STATUS_ABORTED);
        EXPECT_EQ(failed.metadata("x-mark"), "(none)");
    }
}

// Says who it is with whatever it answers, and what it has done with a reply alone.
void Sign(void *, struct rpc_server_call *call) {
    struct arena *a = rpc_server_call_arena(call);
    auto *pairs = static_cast<struct rpc_metadata *>(arena_alloc(a, 2 * sizeof(rpc_metadata)));
    pairs[0] = {"x-sign", slice_of_cstr(arena_printf(a, "%s", "by a name of more than 24 bytes"))};
    pairs[1] = {"x-mark", slice_of_cstr("1")};
    rpc_server_call_set_head_metadata(call, pairs, 1);
    rpc_server_call_set_reply_metadata(call, pairs + 1, 1);
    struct slice request = rpc_server_call_request(call);
    if (Text(request) == "fail") {
        rpc_server_call_fail(call, error_new(a, STATUS_ABORTED, REASON_NONE, "refused"));
    } else {
        rpc_server_call_reply(call, &request, 1);
    }
}

TEST_P(EveryTransport, CarriesMetadataOfTheHeadWithErrorsToo) {
    Link link(GetParam(), 0, 0, 0, {Method("/test.Service/Sign", Sign, nullptr)});
    for (int i = 0; i < 3; i++) {
        Call plain(*link.channel, "/test.Service/Echo", "x");
        EXPECT_EQ(plain.Run().metadata("x-sign"), "(none)");
        Call well(*link.channel, "/test.Service/Sign", "x");
        EXPECT_EQ(well.Run().response(), "x") << well.message();
        EXPECT_EQ(well.metadata("x-sign"), "by a name of more than 24 bytes");
        EXPECT_EQ(well.metadata("x-mark"), "1");
        Call failed(*link.channel, "/test.Service/Sign", "fail");
        EXPECT_EQ(failed.Run().code(), STATUS_ABORTED);
        EXPECT_EQ(failed.message(), "refused");
        EXPECT_EQ(failed.metadata("x-sign"), "by a name of more than 24 bytes");
        EXPECT_EQ(failed.metadata("x-mark"), "(none)");
    }
}

TEST_P(EveryTransport, ShowsTheDeadline) {
    Link link(GetParam());
    constexpr int64_t kIn = 600'000'000;
    int64_t before_us = clock_monotonic_us();
    Call call(*link.channel, "/test.Service/Whoami", "");
    call.DeadlineIn(kIn).Run();
    int64_t after_us = clock_monotonic_us();
    ASSERT_EQ(call.code(), STATUS_OK) << call.message();
    std::string response = call.response();
    int64_t seen_us = std::stoll(response.substr(response.rfind('|') + 1));
    // gRPC's grpc-timeout has three significant digits when the time is long.
    EXPECT_GE(seen_us, before_us + kIn - 1'000'000);
    EXPECT_LE(seen_us, after_us + kIn + 10'000'000);
}

TEST_P(EveryTransport, RefusesMetadataThatHttpDoesNotAllow) {
    Link link(GetParam());
    struct {
        const char *key;
        const char *value;
    } rows[] = {{"x-name", "line\nbreak"},
                {"x-name", "\x7F"},
                {"x-name", "caf\xC3\xA9"},
                {"x-name", "\x1F"},
                {"X-Upper", "v"},
                {"x name", "v"},
                {"", "v"},
                {":path", "v"},
                {"x/name", "v"},
                {"x{", "v"},
                {"x-\xC3\xA9", "v"},
                {"x`", "v"}};
    for (const auto &row : rows) {
        Call call(*link.channel, "/test.Service/Echo", "");
        call.Metadata(row.key, row.value).Run();
        EXPECT_EQ(call.code(), STATUS_INVALID_ARGUMENT) << row.key;
        EXPECT_EQ(call.message(),
                  "the call's metadata has a key or a value that HTTP does not allow");
    }
}

TEST_P(EveryTransport, CarriesMetadataUpToTheLimitsOfHttp) {
    Link link(GetParam());
    for (const char *key : {"0-9_.az", "a", "x-name-bin"}) {
        Call call(*link.channel, "/test.Service/Whoami", "");
        call.Metadata(key, " ~ ").Metadata("x-name", "~!\"\x20\\z").Run();
        ASSERT_EQ(call.code(), STATUS_OK) << key << " " << call.message();
        EXPECT_EQ(call.response(), "1|~!\" \\z|1|/test.Service/Whoami|0");
    }
    Call bytes(*link.channel, "/test.Service/Echo", "x");
    bytes.Metadata("x-bin", std::string("\0\n\xFF", 3)).Run();
    EXPECT_EQ(bytes.code(), STATUS_OK) << bytes.message();
}

TEST_P(EveryTransport, RefusesARequestOneByteAboveTheLimit) {
    Link link(GetParam(), 1000);
    Call fits(*link.channel, "/test.Service/Echo", std::string(1000, 'a'));
    fits.Run();
    EXPECT_EQ(fits.code(), STATUS_OK) << fits.message();
    EXPECT_EQ(fits.response().size(), 1000u);
    Call too_large(*link.channel, "/test.Service/Echo", std::string(1001, 'a'));
    too_large.Run();
    EXPECT_EQ(too_large.code(), STATUS_RESOURCE_EXHAUSTED);
    EXPECT_NE(too_large.message().find("larger than max (1001 vs. 1000)"), std::string::npos)
        << too_large.message();
    Call after(*link.channel, "/test.Service/Echo", "still there");
    EXPECT_EQ(after.Run().response(), "still there");
}

TEST_P(EveryTransport, RefusesAReplyOneByteAboveTheLimit) {
    Link link(GetParam(), 0, 0, 1000);
    Call fits(*link.channel, "/test.Service/Sized", "1000");
    EXPECT_EQ(fits.Run().code(), STATUS_OK) << fits.message();
    Call too_large(*link.channel, "/test.Service/Sized", "1001");
    EXPECT_EQ(too_large.Run().code(), STATUS_RESOURCE_EXHAUSTED);
    EXPECT_EQ(too_large.error()->reason_id, REASON_RESPONSE_TOO_LARGE);
    EXPECT_EQ(too_large.response(), "");
}

TEST_P(EveryTransport, HasRequestLimitOf4MiBByDefault) {
    Link link(GetParam());
    constexpr size_t kLimit = 4 * 1024 * 1024;
    Call fits(*link.channel, "/test.Service/Echo", std::string(kLimit, 'a'));
    EXPECT_EQ(fits.Run().code(), STATUS_OK) << fits.message();
    Call too_large(*link.channel, "/test.Service/Echo", std::string(kLimit + 1, 'a'));
    EXPECT_EQ(too_large.Run().code(), STATUS_RESOURCE_EXHAUSTED);
}

TEST_P(EveryTransport, NamesAnUnknownMethod) {
    Link link(GetParam());
    for (const char *path : {"/test.Service/None", "/none.Service/Echo", "/test.Service/echo"}) {
        Call call(*link.channel, path, "x");
        call.Run();
        ASSERT_EQ(call.code(), STATUS_UNIMPLEMENTED);
        EXPECT_EQ(call.message(), std::string("there is no method \"") + path + "\"");
        EXPECT_STREQ(call.error()->reason, "METHOD_UNKNOWN");
        EXPECT_STREQ(call.error()->domain, "test.domain");
    }
}

TEST_P(EveryTransport, EndsACallWhoseDeadlinePasses) {
    Link link(GetParam());
    // How long a call is on its way is the machine's: until one got there in time.
    bool arrived = false;
    for (int64_t us = 20'000; !arrived && us < kPatienceUs; us *= 4) {
        Call call(*link.channel, "/test.Service/Held", "");
        call.DeadlineIn(us).Start().Await();
        EXPECT_EQ(call.code(), STATUS_DEADLINE_EXCEEDED);
        arrived = link.server.held() > 0;
        // On a busy machine it may pass before the call is begun.
        EXPECT_TRUE(call.error()->reason_id == REASON_OUTCOME_UNKNOWN ||
                    (!arrived && call.error()->reason_id == REASON_DEADLINE_PASSED));
    }
    ASSERT_TRUE(arrived);
    // The handler answers all the same, into the void.
    link.server.ReleaseAll();
    Call past(*link.channel, "/test.Service/Echo", "");
    EXPECT_EQ(past.DeadlineIn(-1).Run().code(), STATUS_DEADLINE_EXCEEDED);
    EXPECT_EQ(past.message(), "the deadline passed before the call began; nothing was changed");
    EXPECT_EQ(past.error()->reason_id, REASON_DEADLINE_PASSED);
}

TEST_P(EveryTransport, EndsACancelledCall) {
    Link link(GetParam());
    Call call(*link.channel, "/test.Service/Held", "");
    call.Start();
    ASSERT_TRUE(link.server.AwaitHeld(1));
    call.Cancel().Await();
    EXPECT_EQ(call.code(), STATUS_CANCELLED);
    link.server.ReleaseAll();
}

// Some by their deadlines, which come in no order, some by a cancel of another thread, and
// some by an answer.
TEST_P(EveryTransport, EndsEachOfManyCallsForItsOwnReason) {
    Link link(GetParam());
    constexpr int kEach = 40;
    std::deque<Call> due, cancelled, answered;
    for (int i = 0; i < kEach; i++) {
        due.emplace_back(*link.channel, "/test.Service/Held", "")
            .DeadlineIn(1000 + (i * 37 % kEach) * 1000)
            .Start();
        cancelled.emplace_back(*link.channel, "/test.Service/Held", "")
            .DeadlineIn(kPatienceUs + i % 3)
            .Start();
        answered.emplace_back(*link.channel, "/test.Service/Thread", "reply")
            .DeadlineIn(kPatienceUs)
            .Start();
    }
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&, t] {
            for (int i = t; i < kEach; i += 4) {
                cancelled[static_cast<size_t>(i)].Cancel();
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    for (Call &call : answered) {
        EXPECT_EQ(call.Await().response(), "reply") << call.message();
    }
    for (Call &call : cancelled) {
        EXPECT_EQ(call.Await().code(), STATUS_CANCELLED);
        EXPECT_EQ(call.error()->reason_id, REASON_REQUEST_CANCELLED);
    }
    for (Call &call : due) {
        EXPECT_EQ(call.Await().code(), STATUS_DEADLINE_EXCEEDED);
    }
    link.server.ReleaseAll();
    Call after(*link.channel, "/test.Service/Echo", "still there");
    EXPECT_EQ(after.Run().response(), "still there");
}

TEST_P(EveryTransport, KeepsTheRequestOfAClientThatHasLeft) {
    struct Kept {
        std::atomic<struct rpc_server_call *> call{nullptr};
    } kept;
    rpc_handler *keep = [](void *self, struct rpc_server_call *call) {
        static_cast<Kept *>(self)->call = call;
    };
    Link link(GetParam(), 0, 0, 0, {Method("/test.Service/Keep", keep, &kept)});
    const std::string request(3000, 'r');
    const std::string value(300, 'v');
    {
        Call call(*link.channel, "/test.Service/Keep", request);
        call.Metadata("x-name", value).Start();
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (kept.call == nullptr && clock_monotonic_us() < until_us) {
            std::this_thread::yield();
        }
        ASSERT_NE(kept.call, nullptr);
        EXPECT_EQ(call.Cancel().Await().code(), STATUS_CANCELLED);
    }
    struct slice name = SLICE_EMPTY;
    EXPECT_TRUE(rpc_server_call_metadata(kept.call, "x-name", &name));
    EXPECT_EQ(Text(name), value);
    EXPECT_EQ(Text(rpc_server_call_request(kept.call)), request);
    struct slice reply = slice_of_cstr("nobody hears it");
    rpc_server_call_reply(kept.call, &reply, 1);
}

TEST_P(EveryTransport, EndsACallCancelledAtItsStart) {
    Link link(GetParam());
    for (int i = 0; i < 200; i++) {
        Call call(*link.channel, "/test.Service/Echo", "reply");
        call.Start().Cancel().Cancel().Await();
        if (call.code() == STATUS_OK) {
            EXPECT_EQ(call.response(), "reply") << "it ended before the cancel";
        } else {
            EXPECT_EQ(call.code(), STATUS_CANCELLED) << call.message();
            EXPECT_EQ(call.response(), "");
        }
        EXPECT_EQ(call.done_count(), 1);
    }
}

TEST_P(EveryTransport, IgnoresACancelAfterTheEnd) {
    Link link(GetParam());
    Call call(*link.channel, "/test.Service/Echo", "reply");
    call.Start().Await().Cancel();
    EXPECT_EQ(call.code(), STATUS_OK);
    EXPECT_EQ(call.response(), "reply");
}

TEST_P(EveryTransport, RefusesCallsAboveTheLimitInFlight) {
    Link link(GetParam(), 0, 2);
    std::deque<Call> held;
    for (int i = 0; i < 2; i++) {
        held.emplace_back(*link.channel, "/test.Service/Held", "").Start();
    }
    ASSERT_TRUE(link.server.AwaitHeld(2));
    Call refused(*link.channel, "/test.Service/Echo", "x");
    refused.Run();
    ASSERT_EQ(refused.code(), STATUS_RESOURCE_EXHAUSTED);
    EXPECT_EQ(refused.message(), "the server has 2 calls in flight, its limit");
    EXPECT_STREQ(refused.error()->reason, "QUEUE_FULL");
    EXPECT_EQ(refused.error()->retry_after_ms, 1000);
    link.server.ReleaseAll();
    for (Call &call : held) {
        EXPECT_EQ(call.Await().response(), "released");
    }
    // The caller may hear of the end before the server counts it.
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    int code;
    do {
        Call taken(*link.channel, "/test.Service/Echo", "x");
        code = taken.Run().code();
    } while (code == STATUS_RESOURCE_EXHAUSTED && clock_monotonic_us() < until_us);
    EXPECT_EQ(code, STATUS_OK);
}

TEST_P(EveryTransport, KeepsAQuarterOfTheCallsForThoseThatAreNoReads) {
    rpc_handler *reply = [](void *, struct rpc_server_call *call) {
        struct slice request = rpc_server_call_request(call);
        rpc_server_call_reply(call, &request, 1);
    };
    Link link(GetParam(), 0, 4, 0, {ReadMethod("/test.Service/Read", reply, nullptr)});
    std::deque<Call> held;
    for (int i = 0; i < 3; i++) {
        held.emplace_back(*link.channel, "/test.Service/Held", "").Start();
    }
    ASSERT_TRUE(link.server.AwaitHeld(3));
    Call refused(*link.channel, "/test.Service/Read", "x");
    EXPECT_EQ(refused.Run().code(), STATUS_RESOURCE_EXHAUSTED);
    EXPECT_EQ(refused.message(), "the server has 3 calls in flight, its limit for reads");
    EXPECT_STREQ(refused.error()->reason, "QUEUE_FULL");
    EXPECT_EQ(refused.error()->retry_after_ms, 1000);
    Call change(*link.channel, "/test.Service/Echo", "x");
    EXPECT_EQ(change.Run().response(), "x") << change.message();
    link.server.ReleaseAll();
    for (Call &call : held) {
        EXPECT_EQ(call.Await().response(), "released");
    }
    // The caller may hear of the end before the server counts it.
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    int code;
    do {
        Call taken(*link.channel, "/test.Service/Read", "x");
        code = taken.Run().code();
    } while (code == STATUS_RESOURCE_EXHAUSTED && clock_monotonic_us() < until_us);
    EXPECT_EQ(code, STATUS_OK);
}

// Reads of which each may take more than half of what there is for them.
struct Pages {
    std::mutex mutex;
    std::deque<struct rpc_server_call *> begun;

    static void Handle(void *self, struct rpc_server_call *call) {
        auto *pages = static_cast<Pages *>(self);
        std::lock_guard<std::mutex> lock(pages->mutex);
        pages->begun.push_back(call);
    }
    struct rpc_method Served() {
        return ReadMethod("/test.Service/Page", Handle, this, RPC_UNARY, 500 << 10);
    }
    bool AwaitBegun(size_t count) {
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (clock_monotonic_us() < until_us) {
            {
                std::lock_guard<std::mutex> lock(mutex);
                if (begun.size() >= count) {
                    return begun.size() == count;
                }
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return false;
    }
    void Answer(size_t bytes) {
        std::string reply(bytes, 'x');
        struct slice part = slice_of(reply.data(), reply.size());
        std::lock_guard<std::mutex> lock(mutex);
        rpc_server_call_reply(begun.front(), &part, 1);
        begun.pop_front();
    }
};

TEST_P(EveryTransport, ACallWithoutRoomForItsReplyWaitsForThoseBeforeIt) {
    Pages pages;
    Link link(GetParam(), 0, 0, 0, {pages.Served()}, 0, 1 << 20);
    Call first(*link.channel, "/test.Service/Page", "");
    Call second(*link.channel, "/test.Service/Page", "");
    first.Start();
    ASSERT_TRUE(pages.AwaitBegun(1));
    second.Start();
    // A change has room, and has passed the second page by then.
    Call change(*link.channel, "/test.Service/Echo", "x");
    EXPECT_EQ(change.Run().response(), "x");
    EXPECT_TRUE(pages.AwaitBegun(1));
    pages.Answer(1000);
    EXPECT_EQ(first.Await().response().size(), 1000u);
    ASSERT_TRUE(pages.AwaitBegun(1));
    pages.Answer(2000);
    EXPECT_EQ(second.Await().response().size(), 2000u);
}

TEST_P(EveryTransport, AStopRefusesCallsThatWaitForRoom) {
    Pages pages;
    Link link(GetParam(), 0, 0, 0, {pages.Served()}, 0, 1 << 20);
    Call first(*link.channel, "/test.Service/Page", "");
    Call second(*link.channel, "/test.Service/Page", "");
    first.Start();
    ASSERT_TRUE(pages.AwaitBegun(1));
    second.Start();
    Call change(*link.channel, "/test.Service/Echo", "x");
    EXPECT_EQ(change.Run().response(), "x");
    std::thread stop([&] { link.server.Stop(); });
    EXPECT_EQ(second.Await().code(), STATUS_UNAVAILABLE);
    pages.Answer(1);
    stop.join();
    first.Await(); // in process its channel has ended with the server
}

TEST_P(EveryTransport, ARequestThatNeedsMoreThanThereIsIsServedAlone) {
    Link link(GetParam(), 0, 0, 0, {}, 0, 1 << 20);
    std::string large(1 << 20, 'x');
    for (int i = 0; i < 3; i++) {
        // The server counts a reply until it hears that it was taken, which may be after
        // the client has it.
        for (int tries = 0;; tries++) {
            Call call(*link.channel, "/test.Service/Echo", large);
            call.Run();
            if (call.code() != STATUS_RESOURCE_EXHAUSTED || tries == 1000) {
                EXPECT_EQ(call.response().size(), large.size()) << call.message();
                break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
}

TEST_P(EveryTransport, Serves64ThreadsAtOnce) {
    Link link(GetParam());
    constexpr int kThreads = 64;
    constexpr int kCalls = 50;
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; t++) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kCalls; i++) {
                std::string request = std::to_string(t) + "." + std::to_string(i);
                Call call(*link.channel, i % 2 == 0 ? "/test.Service/Echo" : "/test.Service/Thread",
                          request);
                right += call.Run().response() == request;
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(right, kThreads * kCalls);
}

INSTANTIATE_TEST_SUITE_P(Transports, EveryTransport,
                         testing::Values(Transport::kInProcess, Transport::kLocal,
                                         Transport::kLocalTwoLoops, Transport::kInProcessTwoLoops,
                                         Transport::kUnix, Transport::kTcp, Transport::kTcp6,
                                         Transport::kHostName),
                         TransportName);

} // namespace
