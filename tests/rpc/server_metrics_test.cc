#include "tests/base/metrics_testing.h"
#include "tests/rpc/client_stream_fixture.h"
#include "tests/rpc/fixture.h"
#include "tests/rpc/stream_service.h"

// What a server counts of its calls, over every transport.

namespace {

using metrics_testing::Look;
using metrics_testing::Value;

class EveryTransport : public testing::TestWithParam<Transport> {
  protected:
    // What is counted once the server's thread has seen the end of a call may be a moment behind
    // the client's.
    void Await(struct metrics *m, const std::string &name, const std::vector<std::string> &values,
               double want) {
        int64_t until_us = clock_monotonic_us() + kPatienceUs;
        while (Value(m, name, values) != want && clock_monotonic_us() < until_us) {
            std::this_thread::yield();
        }
        EXPECT_EQ(Value(m, name, values), want) << name;
    }
};

double Calls(Link &link, const std::string &method, const std::string &code,
             const std::string &reason) {
    return Value(link.server.metrics(), "runsd_grpc_calls", {method, code, reason});
}

TEST_P(EveryTransport, CountsCallsByMethodCodeAndReason) {
    Link link(GetParam());
    EXPECT_EQ(Calls(link, "test.Service/Echo", "OK", ""), 0); // from the start
    EXPECT_EQ(Calls(link, "test.Service/Fail", "NOT_FOUND", "RUN_NOT_FOUND"), -1);
    int failures = 0;
    link.server.SetFailure([&](struct arena *a, const std::string &) {
        return failures++ % 3 == 0
                   ? error_new(a, STATUS_NOT_FOUND, REASON_RUN_NOT_FOUND, "not there")
                   : error_new(a, STATUS_ABORTED, REASON_NONE, "broken");
    });
    for (int i = 0; i < 6; i++) {
        Call(*link.channel, "/test.Service/Echo", "x").Run();
        Call(*link.channel, "/test.Service/Fail", "x").Run();
    }
    Call(*link.channel, "/test.Service/Thread", "x").Run();
    EXPECT_EQ(Calls(link, "test.Service/Echo", "OK", ""), 6);
    EXPECT_EQ(Calls(link, "test.Service/Thread", "OK", ""), 1);
    EXPECT_EQ(Calls(link, "test.Service/Fail", "OK", ""), 0);
    EXPECT_EQ(Calls(link, "test.Service/Fail", "NOT_FOUND", "RUN_NOT_FOUND"), 2);
    EXPECT_EQ(Calls(link, "test.Service/Fail", "ABORTED", ""), 4);
    struct metrics *m = link.server.metrics();
    EXPECT_EQ(Look(m, "runsd_grpc_call_duration_seconds", {"test.Service/Echo"}).count, 6u);
    EXPECT_EQ(Look(m, "runsd_grpc_call_duration_seconds", {"test.Service/Fail"}).count, 6u);
    EXPECT_EQ(Look(m, "runsd_grpc_call_duration_seconds", {"test.Service/Held"}).count, 0u);
}

TEST_P(EveryTransport, CountsCallsInFlightAndTheirBytes) {
    Link link(GetParam());
    struct metrics *m = link.server.metrics();
    EXPECT_EQ(Value(m, "runsd_grpc_calls_in_flight", {"call"}), 0);
    EXPECT_EQ(Value(m, "runsd_grpc_calls_limit", {"call"}), 10000);
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < 3; i++) {
        calls.push_back(
            std::make_unique<Call>(*link.channel, "/test.Service/Held", std::string(10'000, 'x')));
        calls.back()->Start();
    }
    ASSERT_TRUE(link.server.AwaitHeld(3));
    EXPECT_EQ(Value(m, "runsd_grpc_calls_in_flight", {"call"}), 3);
    EXPECT_GE(Value(m, "runsd_grpc_held_bytes"), 30'000);
    link.server.ReleaseAll();
    for (auto &call : calls) {
        call->Await();
    }
    Await(m, "runsd_grpc_calls_in_flight", {"call"}, 0);
    Await(m, "runsd_grpc_held_bytes", {}, 0);
    EXPECT_EQ(Value(m, "runsd_grpc_calls_waiting"), 0);
}

TEST_P(EveryTransport, CountsWhatALimitRefuses) {
    Link link(GetParam(), 0, 2);
    struct metrics *m = link.server.metrics();
    EXPECT_EQ(Value(m, "runsd_grpc_calls_refused", {"calls"}), 0);
    Call first(*link.channel, "/test.Service/Held", "x");
    Call second(*link.channel, "/test.Service/Held", "x");
    first.Start();
    second.Start();
    ASSERT_TRUE(link.server.AwaitHeld(2));
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(Call(*link.channel, "/test.Service/Echo", "x").Run().code(),
                  STATUS_RESOURCE_EXHAUSTED);
    }
    EXPECT_EQ(Value(m, "runsd_grpc_calls_refused", {"calls"}), 5);
    EXPECT_EQ(Calls(link, "test.Service/Echo", "RESOURCE_EXHAUSTED", "QUEUE_FULL"), 5);
    EXPECT_EQ(Value(m, "runsd_grpc_calls_in_flight", {"call"}), 2);
    link.server.ReleaseAll();
    first.Await();
    second.Await();
}

TEST_P(EveryTransport, CountsConnectionsOfOtherPrograms) {
    Link link(GetParam());
    Call(*link.channel, "/test.Service/Echo", "x").Run();
    bool is_socket = GetParam() == Transport::kUnix || GetParam() == Transport::kTcp ||
                     GetParam() == Transport::kTcp6 || GetParam() == Transport::kHostName;
    struct metrics *m = link.server.metrics();
    EXPECT_EQ(Value(m, "runsd_grpc_connections"), is_socket ? 1 : -1);
    EXPECT_EQ(Value(m, "runsd_grpc_connections_accepted"), is_socket ? 1 : -1);
    EXPECT_EQ(Value(m, "runsd_grpc_connections_refused", {"limit"}), is_socket ? 0 : -1);
    EXPECT_EQ(Value(m, "runsd_grpc_connections_limit"), is_socket ? 1024 : -1);
    link.channel.reset();
    Await(m, "runsd_grpc_connections", {}, is_socket ? 0 : -1);
}

TEST_P(EveryTransport, CountsWhatAStopAnswers) {
    Link link(GetParam());
    struct metrics *m = link.server.metrics();
    Call call(*link.channel, "/test.Service/Held", "x");
    call.Start();
    ASSERT_TRUE(link.server.AwaitHeld(1));
    std::thread stop([&] { link.server.Stop(0); });
    EXPECT_EQ(call.Await().code(), STATUS_UNAVAILABLE);
    EXPECT_EQ(Value(m, "runsd_grpc_calls", {"test.Service/Held", "UNAVAILABLE", "OUTCOME_UNKNOWN"}),
              1);
    link.server.ReleaseAll();
    stop.join();
    EXPECT_EQ(Value(m, "runsd_grpc_calls_in_flight", {"call"}), 0);
}

INSTANTIATE_TEST_SUITE_P(Calls, EveryTransport,
                         testing::Values(Transport::kInProcess, Transport::kLocal, Transport::kUnix,
                                         Transport::kTcp),
                         TransportName);

TEST(ServerMetrics, NamesNoMethodThatAStrangerMadeUp) {
    Link link(Transport::kTcp);
    for (const char *path : {"/test.Service/Nope", "/no.such/Method"}) {
        EXPECT_EQ(Call(*link.channel, path, "x").Run().code(), STATUS_UNIMPLEMENTED);
    }
    EXPECT_EQ(Calls(link, "other", "UNIMPLEMENTED", "METHOD_UNKNOWN"), 2);
    EXPECT_EQ(Calls(link, "test.Service/Nope", "UNIMPLEMENTED", "METHOD_UNKNOWN"), -1);
}

TEST(ServerMetrics, CountsStreamsWhileTheyAreOpenAndWhenTheyEnd) {
    StreamService service;
    Link link(Transport::kTcp, 0, 0, 0, service.Methods());
    struct metrics *m = link.server.metrics();
    {
        Stream open(*link.channel, "/test.Stream/Open", "");
        open.Start();
        ASSERT_NE(service.AwaitOpen(1), nullptr);
        EXPECT_EQ(Value(m, "runsd_grpc_calls_in_flight", {"stream"}), 1);
        EXPECT_EQ(Value(m, "runsd_grpc_calls_in_flight", {"call"}), 0);
        open.Cancel();
        ASSERT_TRUE(service.AwaitClosed(1));
    }
    EXPECT_EQ(Calls(link, "test.Stream/Open", "OK", ""), 1); // as its handler says
    EXPECT_EQ(Look(m, "runsd_grpc_call_duration_seconds", {"test.Stream/Open"}).value, -1);
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (Value(m, "runsd_grpc_calls_in_flight", {"stream"}) != 0 &&
           clock_monotonic_us() < until_us) {
        std::this_thread::yield();
    }
    EXPECT_EQ(Value(m, "runsd_grpc_calls_in_flight", {"stream"}), 0);
}

} // namespace
