#ifndef RUNSD_TESTS_RPC_BIDI_CLIENT_H
#define RUNSD_TESTS_RPC_BIDI_CLIENT_H

#include <chrono>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/channel_arguments.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>

// A stream both ways, by gRPC's C++ client.
class BidiClient {
  public:
    BidiClient(int port, const std::string &method,
               grpc_compression_algorithm algorithm = GRPC_COMPRESS_NONE)
        : stub_(MakeChannel(port, algorithm)) {
        context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
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

#endif
