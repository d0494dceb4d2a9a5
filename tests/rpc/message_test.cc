#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/channel_arguments.h>
#include <zlib.h>

#include "tests/rpc/fixture.h"

extern "C" {
#include "rpc/message_internal.h"
}

// Messages in one piece or several, compressed or not, from gRPC core's C++ client
// too.

namespace {

// window: 15 makes a zlib stream (gRPC's "deflate"), 15 + 16 gzip.
std::string Compress(const std::string &text, int window) {
    z_stream z = {};
    EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&z, text.size()), '\0');
    z.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef *>(&out[0]);
    z.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

constexpr int kZlib = 15;
constexpr int kGzip = 15 + 16;

// A byte buffer of text in pieces of the given size.
grpc_byte_buffer *Buffer(const std::string &text, size_t piece, bool compressed) {
    std::vector<grpc_slice> slices;
    for (size_t i = 0; i < text.size(); i += piece) {
        std::string part = text.substr(i, piece);
        slices.push_back(grpc_slice_from_copied_buffer(part.data(), part.size()));
    }
    grpc_byte_buffer *buffer =
        compressed ? grpc_raw_compressed_byte_buffer_create(slices.data(), slices.size(),
                                                            GRPC_COMPRESS_GZIP)
                   : grpc_raw_byte_buffer_create(slices.data(), slices.size());
    for (grpc_slice slice : slices) {
        grpc_slice_unref(slice);
    }
    return buffer;
}

class Message : public testing::Test {
  protected:
    // The result, or the bytes.
    std::string Take(const std::string &text, size_t piece, bool compressed, size_t max_bytes) {
        struct rpc_message message;
        enum rpc_message_result result =
            rpc_message_take(Buffer(text, piece, compressed), max_bytes, &message);
        std::string bytes = Text(message.bytes);
        rpc_message_release(&message);
        EXPECT_EQ(message.bytes.len, 0u);
        switch (result) {
        case RPC_MESSAGE_OK:
            return "ok:" + bytes;
        case RPC_MESSAGE_TOO_LARGE:
            EXPECT_EQ(bytes, "");
            return "too large";
        case RPC_MESSAGE_MALFORMED:
            EXPECT_EQ(bytes, "");
            return "malformed";
        }
        return "";
    }
    Loop grpc_; // keeps gRPC core initialized
};

TEST_F(Message, IsJoinedOfAnyPieces) {
    std::string text(1000, 'a');
    text[500] = '\0';
    for (size_t piece : {1, 7, 999, 1000}) {
        EXPECT_EQ(Take(text, piece, false, 1000), "ok:" + text);
        EXPECT_EQ(Take(text, piece, false, 999), "too large");
    }
    EXPECT_EQ(Take("", 1, false, 0), "ok:");
}

TEST_F(Message, IsDecompressedWithinItsBound) {
    for (int window : {kZlib, kGzip}) {
        for (size_t size : {0, 1, 16'383, 16'384, 16'385, 100'000}) {
            std::string text(size, 'a');
            std::string compressed = Compress(text, window);
            for (size_t piece : {size_t{3}, compressed.size()}) {
                EXPECT_TRUE(Take(compressed, piece, true, size) == "ok:" + text) << size;
                if (size > 0) {
                    EXPECT_EQ(Take(compressed, piece, true, size - 1), "too large");
                }
            }
        }
    }
    // 64 MiB in 64 KiB: refused after the first step above the bound.
    EXPECT_EQ(Take(Compress(std::string(64 << 20, '\0'), kGzip), 4096, true, 1000), "too large");
}

TEST_F(Message, IsRefusedIfItDoesNotDecompress) {
    std::string good = Compress("some text that is compressed", kGzip);
    EXPECT_EQ(Take("", 1, true, 1000), "malformed");
    EXPECT_EQ(Take("no gzip at all", 100, true, 1000), "malformed");
    EXPECT_EQ(Take(good + "x", 100, true, 1000), "malformed");
    for (size_t n = 0; n < good.size(); n++) {
        EXPECT_EQ(Take(good.substr(0, n), 5, true, 1000), "malformed") << n;
    }
    std::string wrong_checksum = good;
    wrong_checksum[good.size() - 8] = static_cast<char>(wrong_checksum[good.size() - 8] ^ 1);
    EXPECT_EQ(Take(wrong_checksum, 100, true, 1000), "malformed");
}

// --- a client of another make ---

class CppClient {
  public:
    explicit CppClient(int port, grpc_compression_algorithm algorithm)
        : stub_(MakeChannel(port, algorithm)) {}

    // Calls with the request, or with no message at all.
    grpc::Status Run(const std::string &method, const std::string *request,
                     std::string *ret_reply) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::microseconds(kPatienceUs));
        grpc::CompletionQueue queue;
        auto call = stub_.PrepareCall(&context, method, &queue);
        call->StartCall(nullptr);
        Next(&queue);
        if (request != nullptr) {
            grpc::Slice slice(*request);
            call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
            Next(&queue);
        }
        call->WritesDone(nullptr);
        Next(&queue);
        grpc::ByteBuffer reply;
        call->Read(&reply, nullptr);
        if (Next(&queue)) {
            grpc::Slice slice;
            EXPECT_TRUE(reply.DumpToSingleSlice(&slice).ok());
            ret_reply->assign(reinterpret_cast<const char *>(slice.begin()), slice.size());
        }
        grpc::Status status;
        call->Finish(&status, nullptr);
        Next(&queue);
        return status;
    }

  private:
    static std::shared_ptr<grpc::Channel> MakeChannel(int port,
                                                      grpc_compression_algorithm algorithm) {
        grpc::ChannelArguments arguments;
        arguments.SetCompressionAlgorithm(algorithm);
        return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                         grpc::InsecureChannelCredentials(), arguments);
    }
    static bool Next(grpc::CompletionQueue *queue) {
        void *tag;
        bool ok = false;
        queue->Next(&tag, &ok);
        return ok;
    }

    grpc::GenericStub stub_;
};

TEST(CppClient, MayCompressItsRequest) {
    Link link(Transport::kTcp, 100'000);
    for (auto algorithm : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
        CppClient client(link.server.port(), algorithm);
        std::string fits(100'000, 'a');
        std::string reply;
        grpc::Status status = client.Run("/test.Service/Echo", &fits, &reply);
        EXPECT_TRUE(status.ok()) << status.error_message();
        EXPECT_TRUE(reply == fits);
        std::string too_large(100'001, 'a');
        status = client.Run("/test.Service/Echo", &too_large, &reply);
        EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
        if (algorithm != GRPC_COMPRESS_NONE) {
            EXPECT_EQ(status.error_message(),
                      "the request message of /test.Service/Echo is larger than 100000 bytes");
        }
    }
}

TEST(CppClient, IsToldThatARequestWithoutAMessageIsNone) {
    Link link(Transport::kTcp);
    CppClient client(link.server.port(), GRPC_COMPRESS_NONE);
    std::string reply;
    grpc::Status status = client.Run("/test.Service/Echo", nullptr, &reply);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(status.error_message(), "the call of /test.Service/Echo has no request message");
    EXPECT_NE(status.error_details().find("MESSAGE_MALFORMED"), std::string::npos);
}

TEST(CppClient, ReceivesLongErrorsWithinItsOwnLimit) {
    Link link(Transport::kTcp);
    link.server.SetFailure([](struct arena *a, const std::string &) {
        std::string text;
        for (int i = 0; i < 10'000; i++) {
            text += "\xE2\x82\xAC";
        }
        struct error *e = error_new(a, STATUS_NOT_FOUND, REASON_INTERNAL_ERROR, "%s", text.c_str());
        error_add_violation(e, a, "field", "%s", std::string(1000, 'v').c_str());
        return e;
    });
    CppClient client(link.server.port(), GRPC_COMPRESS_NONE);
    std::string request;
    std::string reply;
    grpc::Status status = client.Run("/test.Service/Fail", &request, &reply);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << status.error_message();
    EXPECT_NE(status.error_details().find("INTERNAL_ERROR"), std::string::npos);
}

} // namespace
