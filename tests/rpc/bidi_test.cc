#include "tests/rpc/bidi_client.h"
#include "tests/rpc/stream_service.h"

// Streams of messages both ways, called by gRPC's C++ client.

namespace {

class Bidi : public testing::Test {
  protected:
    StreamService service_;
    Link link_{Transport::kTcp, 100'000, 0, 0, service_.Methods()};
};

TEST_F(Bidi, SendsBackEachMessageAsItComes) {
    for (auto algorithm : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_GZIP}) {
        BidiClient chat(link_.server.port(), "/test.Stream/Chat", algorithm);
        for (size_t size : {0, 1, 1000, 100'000, 5}) {
            std::string text(size, 'a');
            ASSERT_TRUE(chat.Write(text));
            ASSERT_TRUE(chat.Read() == text);
        }
        chat.WritesDone();
        EXPECT_EQ(chat.Read(), "(end)");
        grpc::Status status = chat.Finish();
        EXPECT_TRUE(status.ok()) << status.error_message();
    }
    EXPECT_TRUE(service_.AwaitClosed(2));
    EXPECT_EQ(service_.cancelled, 0);
}

TEST_F(Bidi, EndsOkWithoutAnyMessage) {
    BidiClient chat(link_.server.port(), "/test.Stream/Chat");
    chat.WritesDone();
    EXPECT_EQ(chat.Read(), "(end)");
    EXPECT_TRUE(chat.Finish().ok());
}

TEST_F(Bidi, MayFinishThoughTheClientHasNot) {
    BidiClient chat(link_.server.port(), "/test.Stream/Talk");
    EXPECT_EQ(chat.Read(), "enough");
    EXPECT_EQ(chat.Read(), "(end)");
    EXPECT_TRUE(chat.Finish().ok());
    EXPECT_TRUE(service_.AwaitClosed(1));
}

TEST_F(Bidi, RefusesAMessageOneByteAboveTheLimit) {
    for (auto algorithm : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_GZIP}) {
        BidiClient chat(link_.server.port(), "/test.Stream/Chat", algorithm);
        chat.Write(std::string(100'001, 'a'));
        EXPECT_EQ(chat.Read(), "(end)");
        grpc::Status status = chat.Finish();
        EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
            << status.error_message();
        if (algorithm != GRPC_COMPRESS_NONE) {
            EXPECT_EQ(status.error_message(),
                      "the request message of /test.Stream/Chat is larger than 100000 bytes");
        }
    }
    EXPECT_TRUE(service_.AwaitClosed(2));
}

TEST_F(Bidi, LearnsThatTheClientCancelled) {
    BidiClient chat(link_.server.port(), "/test.Stream/Chat");
    ASSERT_TRUE(chat.Write("hello"));
    EXPECT_EQ(chat.Read(), "hello");
    chat.Cancel();
    EXPECT_EQ(chat.Finish().error_code(), grpc::StatusCode::CANCELLED);
    EXPECT_TRUE(service_.AwaitClosed(1));
}

TEST_F(Bidi, IsToldOfTheStopWhileItReads) {
    BidiClient chat(link_.server.port(), "/test.Stream/Chat");
    ASSERT_TRUE(chat.Write("hello"));
    EXPECT_EQ(chat.Read(), "hello");
    EXPECT_TRUE(link_.server.Stop(kPatienceUs / 1000));
    grpc::Status status = chat.Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(service_.stopping, 1);
    EXPECT_EQ(service_.cancelled, 0);
    EXPECT_EQ(service_.closed, 1);
}

TEST_F(Bidi, NeedsNoRequestMessageToBeRefused) {
    BidiClient chat(link_.server.port(), "/test.Stream/None");
    EXPECT_EQ(chat.Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

} // namespace
