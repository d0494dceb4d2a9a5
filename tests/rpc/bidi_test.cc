#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/channel_arguments.h>

#include "tests/rpc/stream_service.h"

// Streams of messages both ways, called by gRPC's C++ client.

namespace {

class Chat {
  public:
    Chat(int port, const std::string &method, grpc_compression_algorithm algorithm)
        : stub_(MakeChannel(port, algorithm)) {
        context_.set_deadline(std::chrono::system_clock::now() +
                              std::chrono::microseconds(kPatienceUs));
        call_ = stub_.PrepareCall(&context_, method, &queue_);
        call_->StartCall(nullptr);
        Next();
    }
    bool Write(const std::string &text) {
        grpc::Slice slice(text);
        call_->Write(grpc::ByteBuffer(&slice, 1), nullptr);
        return Next();
    }
    bool WritesDone() {
        call_->WritesDone(nullptr);
        return Next();
    }
    // "(end)" at the end.
    std::string Read() {
        grpc::ByteBuffer reply;
        call_->Read(&reply, nullptr);
        if (!Next()) {
            return "(end)";
        }
        grpc::Slice slice;
        EXPECT_TRUE(reply.DumpToSingleSlice(&slice).ok());
        return std::string(reinterpret_cast<const char *>(slice.begin()), slice.size());
    }
    grpc::Status Finish() {
        grpc::Status status;
        call_->Finish(&status, nullptr);
        Next();
        return status;
    }
    void Cancel() {
        context_.TryCancel();
    }

  private:
    static std::shared_ptr<grpc::Channel> MakeChannel(int port,
                                                      grpc_compression_algorithm algorithm) {
        grpc::ChannelArguments arguments;
        arguments.SetCompressionAlgorithm(algorithm);
        return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                         grpc::InsecureChannelCredentials(), arguments);
    }
    bool Next() {
        void *tag;
        bool ok = false;
        queue_.Next(&tag, &ok);
        return ok;
    }

    grpc::GenericStub stub_;
    grpc::ClientContext context_;
    grpc::CompletionQueue queue_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

class Bidi : public testing::Test {
  protected:
    StreamService service_;
    Link link_{Transport::kTcp, 100'000, 0, 0, service_.Methods()};
};

TEST_F(Bidi, SendsBackEachMessageAsItComes) {
    for (auto algorithm : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_GZIP}) {
        Chat chat(link_.server.port(), "/test.Stream/Chat", algorithm);
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
    Chat chat(link_.server.port(), "/test.Stream/Chat", GRPC_COMPRESS_NONE);
    chat.WritesDone();
    EXPECT_EQ(chat.Read(), "(end)");
    EXPECT_TRUE(chat.Finish().ok());
}

TEST_F(Bidi, MayFinishThoughTheClientHasNot) {
    Chat chat(link_.server.port(), "/test.Stream/Talk", GRPC_COMPRESS_NONE);
    EXPECT_EQ(chat.Read(), "enough");
    EXPECT_EQ(chat.Read(), "(end)");
    EXPECT_TRUE(chat.Finish().ok());
    EXPECT_TRUE(service_.AwaitClosed(1));
}

TEST_F(Bidi, RefusesAMessageOneByteAboveTheLimit) {
    for (auto algorithm : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_GZIP}) {
        Chat chat(link_.server.port(), "/test.Stream/Chat", algorithm);
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
    Chat chat(link_.server.port(), "/test.Stream/Chat", GRPC_COMPRESS_NONE);
    ASSERT_TRUE(chat.Write("hello"));
    EXPECT_EQ(chat.Read(), "hello");
    chat.Cancel();
    EXPECT_EQ(chat.Finish().error_code(), grpc::StatusCode::CANCELLED);
    EXPECT_TRUE(service_.AwaitClosed(1));
}

TEST_F(Bidi, IsToldOfTheStopWhileItReads) {
    Chat chat(link_.server.port(), "/test.Stream/Chat", GRPC_COMPRESS_NONE);
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
    Chat chat(link_.server.port(), "/test.Stream/None", GRPC_COMPRESS_NONE);
    EXPECT_EQ(chat.Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

} // namespace
