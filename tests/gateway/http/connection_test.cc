#include <atomic>
#include <thread>

#include "tests/gateway/http/fixture.h"

// Many connections at once, the stop, and the addresses.

namespace {

class Connections : public GatewayTest {};

TEST_F(Connections, AThousandAtOnceAreServed) {
    Start();
    constexpr int kCount = 1000;
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < kCount; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        ASSERT_TRUE(clients.back()->connected()) << i;
        ASSERT_TRUE(clients.back()->Send(Request("GET", "/v1/held")));
    }
    ASSERT_TRUE(upstream().AwaitHeld(kCount)); // all are in flight together
    upstream().ReleaseAll();
    for (auto &client : clients) {
        Reply reply = client->Receive();
        ASSERT_EQ(reply.status, 200) << reply.body;
    }
    for (int i = 0; i < kCount; i++) {
        ASSERT_TRUE(clients[i]->Send(Request("GET", "/v1/echo/" + std::to_string(i))));
    }
    for (int i = 0; i < kCount; i++) {
        Reply reply = clients[i]->Receive();
        ASSERT_NE(reply.body.find("\"text\":\"" + std::to_string(i) + "\""), std::string::npos);
    }
}

TEST_F(Connections, ClientsOfManyThreadsComeAndGo) {
    Start();
    std::atomic<int> good = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; t++) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 40; i++) {
                Client client(port());
                std::string text = std::to_string(t * 1000 + i);
                switch (i % 4) {
                case 0: // leaves without reading
                    client.Send(Request("GET", "/v1/echo/" + text));
                    client.Reset();
                    break;
                case 1: // leaves in the midst of a request
                    client.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{");
                    client.Close();
                    break;
                default:
                    good += client.Ask(Request("GET", "/v1/echo/" + text)).body.find(text) !=
                            std::string::npos;
                }
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(good, 8 * 20);
}

TEST_F(Connections, UnixSocketsAreServed) {
    std::string address = "unix:" + dir_.Path("http.sock");
    Start({}, address);
    EXPECT_EQ(port(), 0);
    Client client(address);
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
}

// --- the stop ---

TEST_F(Connections, StopLetsCallsInFlightEnd) {
    Start();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        ASSERT_TRUE(clients.back()->Send(Request("GET", "/v1/held")));
    }
    ASSERT_TRUE(upstream().AwaitHeld(20));
    std::thread stop([&] { Stop(1000 * kPatienceSeconds); });
    // Released only after the stop began: no new connection is taken then.
    EXPECT_TRUE(Await([&] {
        Client next(port());
        return !next.connected() || next.Ask(Request("GET", "/v1/echo/a")).status == 0;
    }));
    upstream().ReleaseAll();
    for (auto &client : clients) {
        Reply reply = client->Receive();
        ExpectOk(reply);
        EXPECT_EQ(reply.Header("connection"), "close");
    }
    stop.join();
}

TEST_F(Connections, StopCancelsWhatDoesNotEndAndSaysSo) {
    Start();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        // By turns a change and a read.
        ASSERT_TRUE(
            clients.back()->Send(i % 2 == 0 ? Post("/v1/held", "{}") : Request("GET", "/v1/held")));
    }
    ASSERT_TRUE(upstream().AwaitHeld(20));
    Stop(0);
    for (auto &client : clients) {
        bool is_change = (&client - clients.data()) % 2 == 0;
        Reply reply = client->Receive();
        ExpectError(reply, 503, "UNAVAILABLE", is_change ? "OUTCOME_UNKNOWN" : "SERVER_STOPPING");
        EXPECT_EQ(reply.Header("connection"), "close");
        EXPECT_GE(std::stoi(reply.Header("retry-after")), 1);
        EXPECT_TRUE(client->AtEnd());
    }
}

TEST_F(Connections, StopEndsConnectionsThatWait) {
    Start();
    Client quiet(port()), begun(port());
    ExpectOk(quiet.Ask(Request("GET", "/v1/echo/a")));
    ExpectOk(begun.Ask(Request("GET", "/v1/echo/a")));
    ASSERT_TRUE(begun.Send("GET /v1/ec"));
    Stop(0);
    EXPECT_TRUE(quiet.AtEnd());
    // Who has begun is refused, if what was sent is seen before all is over.
    Reply reply = begun.Receive();
    if (reply.status != 0) {
        ExpectError(reply, 503, "UNAVAILABLE", "SERVER_STOPPING");
    }
    EXPECT_TRUE(begun.AtEnd());
}

TEST_F(Connections, StopWhileRequestsPourInLeavesNoneWithoutItsEnd) {
    Start();
    std::atomic<bool> begun = false;
    std::atomic<int> odd = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; t++) {
        threads.emplace_back([&] {
            Client client(port());
            if (!client.connected()) {
                return; // this thread began after the stop
            }
            for (;;) {
                Reply reply = client.Ask(Request("GET", "/v1/echo/a"));
                begun = true;
                if (reply.status == 0) {
                    odd += !client.AtEnd(); // half a reply
                    return;
                }
                odd += reply.status != 200 && reply.status != 503;
                if (reply.Header("connection") == "close") {
                    return;
                }
            }
        });
    }
    ASSERT_TRUE(Await([&] { return begun.load(); }));
    Stop(100);
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(odd, 0);
}

} // namespace
