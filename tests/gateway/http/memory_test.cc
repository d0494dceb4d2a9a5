#include <chrono>
#include <thread>

#include "tests/gateway/http/fixture.h"

extern "C" {
#include "gateway/admission/byte_budget.h"
}

// The budget for bytes of requests and replies, at a gateway with little of it.

namespace {

constexpr size_t kBudget = 4 << 20;
constexpr size_t kBody = 600 << 10; // with the message made of it more than half

class Memory : public GatewayTest {
  protected:
    void StartSmall() {
        struct gateway_limits limits = {};
        limits.buffered_bytes = kBudget;
        Start(limits, "unix:" + dir_.Path("http.sock")); // no address, so no share of one
    }
    std::unique_ptr<Client> Connect() {
        return std::make_unique<Client>("unix:" + dir_.Path("http.sock"));
    }
    // Begins requests whose bodies need what there is.
    void Fill() {
        for (auto &client : fillers_) {
            client = Connect();
            client->Send(Begin());
        }
    }
    static std::string Begin(size_t body = kBody) {
        return "POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
               "Content-Length: " +
               std::to_string(body) + "\r\n\r\n";
    }
    static std::string Text(size_t body) {
        return "{\"text\":\"" + std::string(body - 11, 'x') + "\"}";
    }
    void ExpectRefused(const Reply &reply) {
        ExpectError(reply, 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
        EXPECT_EQ(reply.Json("error.metadata.limit"), std::to_string(kBudget));
        EXPECT_EQ(reply.Header("retry-after"), "1");
    }
    // Whether Fill's requests hold their bytes: then another waits.
    void AwaitFull(Client &late) {
        ASSERT_TRUE(late.Send(Begin()));
        std::this_thread::sleep_for(std::chrono::milliseconds(50)); // it may not be there yet
        EXPECT_TRUE(late.Quiet());
    }

    std::unique_ptr<Client> fillers_[1];
};

TEST_F(Memory, WhoFindsNoRoomWaitsForIt) {
    StartSmall();
    Fill();
    auto late = Connect();
    AwaitFull(*late);
    EXPECT_EQ(upstream().calls(), 0);
    fillers_[0]->Send(Text(kBody));
    ExpectOk(fillers_[0]->Receive());
    ASSERT_TRUE(late->Send(Text(kBody)));
    ExpectOk(late->Receive());
}

TEST_F(Memory, WhoIsGoneLeavesItsRoom) {
    StartSmall();
    Fill();
    auto late = Connect();
    AwaitFull(*late);
    fillers_[0]->Reset();
    late->Send(Text(kBody));
    ExpectOk(late->Receive());
}

TEST_F(Memory, WhoWaitsInVainIsRefused) {
    StartSmall();
    Fill();
    auto late = Connect();
    ExpectRefused(late->Ask(Begin() + Text(kBody)));
    // The body was dropped, and the connection stays.
    ExpectOk(late->Ask(Post("/v1/echo", "{}")));
    auto expecting = Connect();
    std::string head = Begin();
    head.insert(head.size() - 2, "Expect: 100-continue\r\n");
    ExpectRefused(expecting->Ask(head));
    EXPECT_TRUE(expecting->AtEnd());
    EXPECT_EQ(upstream().calls(), 1);
}

TEST_F(Memory, AChangeFindsRoomBesideAllOthers) {
    StartSmall();
    Fill();
    auto late = Connect();
    AwaitFull(*late);
    auto change = Connect();
    ExpectOk(change->Ask(Post("/v1/echo", "{\"text\":\"a\"}")));
}

TEST_F(Memory, ChunksBeyondTheirFirstNeedRoom) {
    StartSmall();
    Fill();
    auto chunked = Connect();
    std::string body = Text(20 << 10);
    char size[16];
    snprintf(size, sizeof(size), "%zx\r\n", body.size());
    std::string request = "POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n" +
                          std::string(size) + body + "\r\n0\r\n\r\n";
    ExpectRefused(chunked->Ask(request));
    fillers_[0]->Send(Text(kBody));
    ExpectOk(fillers_[0]->Receive());
    ExpectOk(chunked->Ask(request));
}

TEST_F(Memory, AReplyIsCountedUntilItIsRead) {
    StartSmall();
    // Larger than what a socket takes; the first one tells how large such a reply is.
    ExpectOk(Connect()->Ask(Request("GET", "/v1/sized/1500000")));
    std::vector<std::unique_ptr<Client>> slow;
    int served = 0, refused = 0;
    for (int i = 0; i < 12; i++) {
        slow.push_back(std::make_unique<Client>("unix:" + dir_.Path("http.sock"), true));
        slow.back()->Send(Request("GET", "/v1/sized/1500000"));
    }
    auto change = Connect();
    ExpectOk(change->Ask(Post("/v1/echo", "{}")));
    ASSERT_TRUE(Await([&] { return Log().find("\"status\":429") != std::string::npos; }));
    for (auto &client : slow) {
        Reply reply = client->Receive();
        (reply.status == 200 ? served : refused)++;
        if (reply.status != 200) {
            ExpectRefused(reply);
        }
    }
    EXPECT_GT(served, 0);
    EXPECT_GT(refused, 0);
    EXPECT_EQ(upstream().calls(), served + 2);
    ExpectOk(Connect()->Ask(Request("GET", "/v1/sized/1500000")));
}

TEST_F(Memory, AStopAnswersThoseThatWait) {
    StartSmall();
    Fill();
    auto late = Connect();
    AwaitFull(*late);
    Stop(0);
    Reply reply = late->Receive();
    if (reply.status != 0) { // else the connection had ended before
        ExpectError(reply, 503, "UNAVAILABLE", "SERVER_STOPPING");
    }
}

TEST_F(Memory, StreamsHoldWhatWaitsToBeSent) {
    StartSmall();
    Client stream("unix:" + dir_.Path("http.sock"));
    stream.Send(Request("GET", "/v1/watch/count?number=3"));
    EXPECT_EQ(stream.ReceiveHead().status, 200);
    stream.ReceiveChunks();
    EXPECT_TRUE(stream.ended());
    // Nothing is left of it.
    Fill();
    fillers_[0]->Send(Text(kBody));
    ExpectOk(fillers_[0]->Receive());
}

} // namespace
