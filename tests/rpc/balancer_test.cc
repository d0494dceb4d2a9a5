#include <unistd.h>

#include "tests/rpc/balancer_fixture.h"

// One channel to several servers.

namespace {

TEST_F(Balancer, SharesCallsInTurn) {
    Peer a("a");
    Peer b("b");
    Peer c("c");
    a.Serve(Path("a"));
    b.Serve(Path("b"));
    c.Serve(Path("c"));
    Connect({Path("a"), Path("b"), Path("c")});
    ASSERT_TRUE(AwaitServing(3, 3));
    for (int i = 0; i < 30; i++) {
        Ask();
    }
    EXPECT_EQ(a.calls, 10);
    EXPECT_EQ(b.calls, 10);
    EXPECT_EQ(c.calls, 10);
}

TEST_F(Balancer, GivesTheNextCallToTheServerThatHasFewest) {
    Peer a("a");
    Peer b("b");
    a.Serve(Path("a"));
    b.Serve(Path("b"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(2, 2));
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < 20; i++) {
        calls.push_back(std::make_unique<Call>(*channel_, "/peer/Held", ""));
        calls.back()->Start();
    }
    ASSERT_TRUE(Await([&] { return a.held() + b.held() == 20; }));
    EXPECT_EQ(a.held(), 10u);
    a.Release();
    for (int i = 0; i < 10; i++) { // b is busy, and a is not
        EXPECT_EQ(Ask(), "a");
    }
    b.Release();
    for (auto &call : calls) {
        EXPECT_EQ(call->Await().code(), STATUS_OK);
    }
}

TEST_F(Balancer, SharesStreamsApartFromCalls) {
    Peer a("a");
    Peer b("b");
    a.Serve(Path("a"));
    b.Serve(Path("b"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(2, 2));
    Call held(*channel_, "/peer/Held", "");
    held.Start();
    ASSERT_TRUE(Await([&] { return a.held() + b.held() == 1; }));
    std::vector<std::unique_ptr<Stream>> streams;
    for (int i = 0; i < 8; i++) {
        streams.push_back(std::make_unique<Stream>(*channel_, "/peer/Begun", ""));
        streams.back()->WantHead().ReadAll().Start();
        ASSERT_TRUE(streams.back()->AwaitHead());
    }
    EXPECT_EQ(a.streams, 4);
    EXPECT_EQ(b.streams, 4);
    a.Release();
    b.Release();
    held.Await();
}

TEST_F(Balancer, GivesNoCallsToAServerThatSaysItDoesNotServe) {
    Peer a("a");
    Peer b("b");
    a.Serve(Path("a"));
    b.Serve(Path("b"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(2, 2));
    a.SetServing(false);
    ASSERT_TRUE(AwaitServing(1, 2));
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(Ask(), "b");
    }
    a.SetServing(true);
    ASSERT_TRUE(AwaitServing(2, 2));
    b.SetServing(false);
    ASSERT_TRUE(AwaitServing(1, 2));
    EXPECT_EQ(Ask(), "a");
    a.SetServing(false);
    ASSERT_TRUE(AwaitServing(0, 2));
    EXPECT_EQ(Ask().size(), 1u); // it says itself what it can do
}

TEST_F(Balancer, HasUseOfServersWithoutAHealthService) {
    Peer a("a", false);
    Peer b("b", false);
    a.Serve(Path("a"));
    b.Serve(Path("b"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(2, 2));
    EXPECT_NE(Ask(), Ask());
    b.Stop();
    ASSERT_TRUE(AwaitServing(1, 2));
    EXPECT_EQ(Ask(), "a");
}

TEST_F(Balancer, MovesWhatFoundNoConnection) {
    Peer a("a");
    a.Serve(Path("a"));
    Connect({Path("nobody"), Path("a"), Path("nobody either")});
    for (int i = 0; i < 10; i++) { // from the first on, of which nothing is known yet
        EXPECT_EQ(Ask(), "a");
    }
    ASSERT_TRUE(AwaitServing(1, 3));
    Stream stream(*channel_, "/peer/Begun", "");
    EXPECT_TRUE(stream.WantHead().ReadAll().Start().AwaitHead());
}

TEST_F(Balancer, MovesWhatAServerRefusesBecauseItStops) {
    Peer a("a");
    Peer b("b");
    a.Serve(Path("a"));
    b.Serve(Path("b"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(2, 2));
    a.SetFailure(STATUS_UNAVAILABLE, REASON_SERVER_STOPPING);
    b.SetFailure(STATUS_NOT_FOUND, REASON_RUN_NOT_FOUND);
    for (int i = 0; i < 10; i++) {
        Call call(*channel_, "/peer/Fail", "");
        EXPECT_EQ(call.Run().code(), STATUS_NOT_FOUND);
    }
    EXPECT_EQ(b.calls, 10);
    EXPECT_GT(a.calls, 0);
}

TEST_F(Balancer, MovesNothingThatMayHaveBeenBegun) {
    const struct {
        enum status_code code;
        enum reason reason;
    } rows[] = {
        {STATUS_UNAVAILABLE, REASON_OUTCOME_UNKNOWN},
        {STATUS_UNAVAILABLE, REASON_STORE_UNAVAILABLE},
        {STATUS_CANCELLED, REASON_SERVER_STOPPING},
        {STATUS_DEADLINE_EXCEEDED, REASON_NONE},
        {STATUS_INTERNAL, REASON_INTERNAL_ERROR},
    };
    for (const auto &row : rows) {
        Peer a("a");
        Peer b("b");
        a.SetFailure(row.code, row.reason);
        b.SetFailure(row.code, row.reason);
        TempDir dir;
        a.Serve("unix:" + dir.Path("a"));
        b.Serve("unix:" + dir.Path("b"));
        Connect({"unix:" + dir.Path("a"), "unix:" + dir.Path("b")});
        ASSERT_TRUE(AwaitServing(2, 2));
        for (int i = 1; i <= 4; i++) {
            Call call(*channel_, "/peer/Fail", "");
            EXPECT_EQ(call.Run().code(), row.code);
            EXPECT_EQ(a.calls + b.calls, i);
        }
        channel_.reset();
    }
}

// Of a server's health nothing is known, which is better than that another says it does not serve.
TEST_F(Balancer, LooksAtWhatBecameOfACallWhenItsConnectionEnds) {
    // GOAWAY, of which no stream was looked at.
    const std::string goaway("\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0", 17);
    for (const std::string &answer : {std::string(), goaway}) {
        for (bool is_read : {false, true}) {
            SCOPED_TRACE(answer.empty() ? "close" : "GOAWAY");
            Breaker a(answer);
            Peer b("b");
            TempDir dir;
            b.Serve("unix:" + dir.Path("b"));
            b.SetServing(false);
            Connect({a.address(), "unix:" + dir.Path("b")});
            Call call(*channel_, "/peer/Name", "the request");
            if (is_read) {
                call.IsRead();
            }
            call.DeadlineIn(kPatienceUs).Run();
            EXPECT_EQ(a.requests, 1);
            EXPECT_EQ(b.calls, answer.empty() ? 0 : 1);
            EXPECT_EQ(call.code(), answer.empty() ? STATUS_UNAVAILABLE : STATUS_OK);
            if (answer.empty()) {
                ASSERT_NE(call.error(), nullptr);
                EXPECT_EQ(call.error()->reason_id,
                          is_read ? REASON_UPSTREAM_UNREACHABLE : REASON_OUTCOME_UNKNOWN);
            }
            channel_.reset();
        }
    }
}

TEST_F(Balancer, MovesACallToAServerThatHasTheMethod) {
    Peer a("a");
    Loop loop;
    Server b(loop.get());
    a.Serve(Path("a"));
    ASSERT_EQ(b.Listen(Path("b")), "");
    b.Start();
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(2, 2));
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(Ask(), "a"); // b has no such method
        Call call(*channel_, "/test.Service/Echo", "hello");
        EXPECT_EQ(call.Run().response(), "hello");
        Call none(*channel_, "/nobody/Has", "");
        EXPECT_EQ(none.Run().code(), STATUS_UNIMPLEMENTED);
    }
}

TEST_F(Balancer, GivesNothingToAServerThatStopsNotEvenWhereThereIsNoOther) {
    Peer a("a");
    a.Serve(Path("a"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(1, 2));
    a.SetServing(false); // what is asked then is asked of it all the same
    ASSERT_TRUE(AwaitServing(0, 2));
    EXPECT_EQ(Ask(), "a");
    a.SetFailure(STATUS_UNAVAILABLE, REASON_SERVER_STOPPING);
    Call refused(*channel_, "/peer/Fail", "");
    refused.Start();
    ASSERT_TRUE(Await([&] { return a.calls == 2; }));
    Peer b("b");
    b.Serve(Path("b"));
    EXPECT_EQ(Ask(), "b");
    EXPECT_EQ(refused.Await().code(), STATUS_INTERNAL); // by b
}

TEST_F(Balancer, HasAServerThatIsWatchedLeaveTimeForTheNewsOfItsStop) {
    Peer a("a");
    a.Serve(Path("a"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(1, 2));
    int64_t before_us = clock_monotonic_us();
    a.Stop(10'000);
    EXPECT_GE(clock_monotonic_us() - before_us, 200'000);
}

TEST_F(Balancer, EndsAStreamThatHasBegunWhereItIs) {
    Peer a("a");
    Peer b("b");
    a.Serve(Path("a"));
    b.Serve(Path("b"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(2, 2));
    Stream begun(*channel_, "/peer/Begun", "");
    ASSERT_TRUE(begun.WantHead().ReadAll().Start().AwaitHead());
    Peer &its = a.streams == 1 ? a : b;
    Peer &other = a.streams == 1 ? b : a;
    its.Stop(1000);
    begun.Await();
    EXPECT_EQ(begun.code(), STATUS_UNAVAILABLE);
    EXPECT_EQ(begun.reason(), "SERVER_STOPPING");
    EXPECT_EQ(other.streams, 0);
}

TEST_F(Balancer, MovesAStreamThatHasNotBegun) {
    Peer a("a");
    Peer b("b");
    a.Serve(Path("a"));
    b.Serve(Path("b"));
    Connect({Path("a"), Path("b")});
    ASSERT_TRUE(AwaitServing(2, 2));
    Stream open(*channel_, "/peer/Open", "");
    open.ReadAll().Start();
    ASSERT_TRUE(Await([&] { return a.streams + b.streams == 1; }));
    Peer &its = a.streams == 1 ? a : b;
    Peer &other = a.streams == 1 ? b : a;
    its.Stop(1000);
    ASSERT_TRUE(Await([&] { return other.streams == 1; }));
    EXPECT_FALSE(open.is_done());
}

// --- nobody is there ---

TEST_F(Balancer, HasACallWaitForAServerForAMoment) {
    Connect({Path("a"), Path("b")});
    Call call(*channel_, "/peer/Name", "");
    Stream stream(*channel_, "/peer/Begun", "");
    call.Start();
    stream.WantHead().ReadAll().Start();
    usleep(300'000); // whatever has happened till then
    Peer a("a");
    a.Serve(Path("a"));
    EXPECT_EQ(call.Await().response(), "a") << call.message();
    EXPECT_TRUE(stream.AwaitHead());
}

TEST_F(Balancer, SaysThatNobodyIsThereWhenTheMomentIsOver) {
    Connect({Path("a"), Path("b")});
    Call first(*channel_, "/peer/Name", "");
    EXPECT_EQ(first.Run().code(), STATUS_UNAVAILABLE);
    EXPECT_EQ(first.error()->reason_id, REASON_UPSTREAM_UNREACHABLE);
    int64_t before_us = clock_monotonic_us();
    Call second(*channel_, "/peer/Name", "");
    EXPECT_EQ(second.Run().error()->reason_id, REASON_UPSTREAM_UNREACHABLE);
    EXPECT_LT(clock_monotonic_us() - before_us, RPC_BALANCER_PATIENCE_MS * 1000);
}

TEST_F(Balancer, EndsACallThatWaitsAtItsDeadlineAndAtItsCancel) {
    Connect({Path("a"), Path("b")});
    Call late(*channel_, "/peer/Name", "");
    late.DeadlineIn(100'000).Start();
    Call left(*channel_, "/peer/Name", "");
    left.Start();
    Stream stream(*channel_, "/peer/Begun", "");
    stream.ReadAll().Start();
    left.Cancel();
    stream.Cancel();
    EXPECT_EQ(left.Await().code(), STATUS_CANCELLED);
    EXPECT_EQ(late.Await().code(), STATUS_DEADLINE_EXCEEDED);
    EXPECT_EQ(late.error()->reason_id, REASON_DEADLINE_PASSED);
    stream.Await();
    EXPECT_EQ(stream.code(), STATUS_CANCELLED);
}

// --- names ---

struct Names {
    std::mutex mutex;
    std::vector<std::string> addresses;
    static size_t LookUp(void *context, struct arena *a, const char *host, size_t count,
                         const char **ret_addresses) {
        auto *names = static_cast<Names *>(context);
        std::lock_guard<std::mutex> lock(names->mutex);
        EXPECT_STREQ(host, "runs.example");
        size_t n = 0;
        for (const std::string &address : names->addresses) {
            if (n < count) {
                ret_addresses[n++] = arena_cstr(a, SliceOf(address));
            }
        }
        return n;
    }
    void Set(std::vector<std::string> to) {
        std::lock_guard<std::mutex> lock(mutex);
        addresses = std::move(to);
    }
};

TEST_F(Balancer, FollowsWhatANameStandsFor) {
    Peer a("a");
    Peer b("b");
    a.Serve("127.0.0.1:0");
    std::string port = std::to_string(a.port);
    b.Serve("127.0.0.2:" + port);
    Names names;
    names.Set({"127.0.0.1", "127.0.0.1"});
    Connect({"dns:runs.example:" + port}, Names::LookUp, &names);
    EXPECT_EQ(Ask(), "a"); // a call waits for the first look-up
    ASSERT_TRUE(AwaitServing(1, 1));
    Call held(*channel_, "/peer/Held", "");
    held.Start();
    ASSERT_TRUE(Await([&] { return a.held() == 1; }));
    names.Set({"127.0.0.1", "127.0.0.2"});
    ASSERT_TRUE(AwaitServing(2, 2));
    names.Set({"127.0.0.2"});
    ASSERT_TRUE(AwaitServing(1, 1));
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(Ask(), "b");
    }
    a.Release(); // a call in flight ends where it is
    EXPECT_EQ(held.Await().response(), "a");
    names.Set({}); // the resolver is away
    usleep(100'000);
    EXPECT_EQ(Ask(), "b");
}

// --- addresses ---

TEST_F(Balancer, RefusesAddressesThatMakeNoSense) {
    const struct {
        std::vector<const char *> given;
        const char *message;
    } rows[] = {
        {{"127.0.0.1:1", "unix:a", "127.0.0.1:1"},
         "--upstream: \"127.0.0.1:1\" is given twice (\"127.0.0.1:1\")"},
        {{"tls:h:1", "h:1"}, "--upstream: \"h:1\" is given twice (\"tls:h:1\")"},
        {{"unix:a", "unix:a"}, "--upstream: \"unix:a\" is given twice (\"unix:a\")"},
        {{"dns:unix:a"},
         "--upstream: \"dns:unix:a\": a unix socket has no name; expected dns:NAME:PORT"},
        {{"unix:a", "b"},
         "--upstream: \"b\" is no address: it has no port; expected tls:HOST:PORT, HOST:PORT or "
         "unix:PATH"},
    };
    for (const auto &row : rows) {
        struct rpc_remote_options options = {};
        options.address.option = "--upstream";
        struct rpc_remotes remotes = {};
        const struct error *error =
            rpc_remotes_open(arena_.get(), &options, row.given.data(), row.given.size(), &remotes);
        ASSERT_NE(error, nullptr) << row.message;
        EXPECT_STREQ(error->message, row.message);
    }
}

TEST_F(Balancer, KnowsANameFromAHostOfThatName) {
    const char *given[] = {"dns:5000", "dns:runs.example:5000", "dns:tls:runs.example:5001",
                           "dns:[::1]:5000"};
    struct rpc_remote_options options = {};
    options.address.option = "--upstream";
    ASSERT_EQ(rpc_remotes_open(arena_.get(), &options, given, 4, &remotes_), nullptr);
    EXPECT_FALSE(remotes_.items[0].is_name);
    EXPECT_STREQ(remotes_.items[0].address.host, "dns");
    EXPECT_TRUE(remotes_.items[1].is_name);
    EXPECT_STREQ(remotes_.items[1].address.host, "runs.example");
    EXPECT_STREQ(remotes_.items[1].address.text, "dns:runs.example:5000");
    EXPECT_TRUE(remotes_.items[2].is_name && remotes_.items[2].is_tls);
    EXPECT_TRUE(remotes_.items[3].is_name);
}

} // namespace
