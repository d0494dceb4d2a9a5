#include <functional>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "tests/gateway/reflection/library.grpc.pb.h"
#include "tests/gateway/reflection/library_reason.pb.h"

extern "C" {
#include "gateway/reflection/reflection.h"
#include "gateway/transcode/transcoder.h"
#include "rpc/client.h"
#include "rpc/loop.h"
#include "rpc/server.h"
}

// The client of server reflection against gRPC's own C++ servers: one with gRPC's
// reflection (v1alpha alone, in 1.51), one that answers v1 as a test says.

namespace {

namespace v1 = grpc::reflection::v1;

using Reply =
    std::function<void(const v1::ServerReflectionRequest &, v1::ServerReflectionResponse *)>;

class Scripted final : public v1::ServerReflection::Service {
  public:
    using Stream =
        grpc::ServerReaderWriter<v1::ServerReflectionResponse, v1::ServerReflectionRequest>;

    grpc::Status ServerReflectionInfo(grpc::ServerContext *context, Stream *stream) override {
        calls++;
        v1::ServerReflectionRequest request;
        if (!status.ok()) {
            return status;
        }
        while (stream->Read(&request)) {
            if (hold) {
                while (!context->IsCancelled()) {
                    std::this_thread::yield();
                }
                return grpc::Status::CANCELLED;
            }
            if (silent) {
                return grpc::Status::OK;
            }
            v1::ServerReflectionResponse response;
            reply(request, &response);
            stream->Write(response);
        }
        return grpc::Status::OK;
    }

    Reply reply;
    grpc::Status status;
    bool silent = false;
    bool hold = false;
    std::atomic<int> calls{0};
};

class Library final : public library::v1::Library::Service {};
class Archive final : public library::v1::Archive::Service {};

std::string FileOf(const google::protobuf::FileDescriptor *file) {
    google::protobuf::FileDescriptorProto proto;
    file->CopyTo(&proto);
    return proto.SerializeAsString();
}

bool stop_asked = false;

bool StopAsked() {
    return stop_asked;
}

class Reflection : public testing::Test {
  protected:
    Reflection() : loop_(rpc_loop_new("test")) {
        arena_init(&arena_);
        library::v1::ErrorReason_descriptor(); // linked
        stop_asked = false;
    }
    ~Reflection() override {
        rpc_channel_free(channel_);
        rpc_loop_free(loop_);
        arena_release(&arena_);
    }
    // Before any member is gone, a derived class's service above all.
    void TearDown() override {
        if (server_ != nullptr) {
            server_->Shutdown();
            server_->Wait();
        }
    }
    void Serve(const std::vector<grpc::Service *> &services) {
        grpc::ServerBuilder builder;
        int port = 0;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
        for (grpc::Service *service : services) {
            builder.RegisterService(service);
        }
        server_ = builder.BuildAndStart();
        ASSERT_NE(nullptr, server_);
        Connect("127.0.0.1:" + std::to_string(port));
    }
    void Connect(const std::string &text) {
        struct address address;
        ASSERT_EQ(nullptr, address_parse(&arena_, "--upstream", text.c_str(), &address));
        struct rpc_channel_options options = {};
        options.address = &address;
        options.credentials = rpc_credentials_insecure_channel();
        channel_ = rpc_channel_new(loop_, &options);
    }
    const struct error *Fetch(int64_t timeout_ms = 60'000) {
        const struct reflection_options options = {&log_, channel_, timeout_ms, StopAsked};
        return reflection_fetch(&arena_, &options, &set_);
    }
    // The names of the files that were fetched.
    std::set<std::string> Files() {
        google::protobuf::FileDescriptorSet set;
        EXPECT_TRUE(set.ParseFromArray(set_.data, static_cast<int>(set_.len)));
        std::set<std::string> names;
        for (const auto &file : set.file()) {
            EXPECT_TRUE(names.insert(file.name()).second) << file.name() << " is there twice";
        }
        return names;
    }

    struct arena arena_;
    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct rpc_loop *loop_;
    struct rpc_channel *channel_ = nullptr;
    std::unique_ptr<grpc::Server> server_;
    struct slice set_ = SLICE_EMPTY;
    Library library_;
    Archive archive_;
};

TEST_F(Reflection, FetchesWhatGrpcsOwnServerServesByV1Alpha) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    Serve({&library_, &archive_});
    const struct error *error = Fetch();
    ASSERT_EQ(nullptr, error) << error->message;
    EXPECT_EQ((std::set<std::string>{"library.proto", "library_reason.proto", "shelf.proto",
                                     "google/api/annotations.proto", "google/api/http.proto",
                                     "google/protobuf/descriptor.proto"}),
              Files());
    // It is a set that routes can be made of.
    struct transcoder *transcoder;
    error = transcoder_new(&arena_, &set_, 1, nullptr, &transcoder);
    ASSERT_EQ(nullptr, error) << error->message;
    ASSERT_EQ(1u, transcoder_route_count(transcoder));
    const struct transcoder_route *route = transcoder_route_at(transcoder, 0);
    EXPECT_STREQ("/library.v1.Library/GetShelf", transcoder_route_rpc(route));
    EXPECT_STREQ("/v1/shelves/{name}", transcoder_route_template(route));
    transcoder_free(transcoder);
}

// A v1 server that describes library.proto well, unless a test changes its answers.
class ReflectionV1 : public Reflection {
  protected:
    ReflectionV1() {
        scripted_.reply = [this](const auto &request, auto *response) {
            Answer(request, response);
        };
    }
    void Answer(const v1::ServerReflectionRequest &request,
                v1::ServerReflectionResponse *response) {
        const auto *pool = google::protobuf::DescriptorPool::generated_pool();
        if (request.has_list_services()) {
            for (const std::string &name : services_) {
                response->mutable_list_services_response()->add_service()->set_name(name);
            }
            return;
        }
        const auto *file = request.has_file_containing_symbol()
                               ? pool->FindFileContainingSymbol(request.file_containing_symbol())
                               : pool->FindFileByName(request.file_by_filename());
        if (file == nullptr) {
            response->mutable_error_response()->set_error_code(5);
            response->mutable_error_response()->set_error_message("never heard of it");
            return;
        }
        response->mutable_file_descriptor_response()->add_file_descriptor_proto(FileOf(file));
    }
    // Fetches; returns the code of the error and checks what it says.
    int FetchFails(const char *fragment, int64_t timeout_ms = 60'000) {
        Serve({&scripted_});
        const struct error *error = Fetch(timeout_ms);
        if (error == nullptr) {
            return STATUS_OK;
        }
        EXPECT_NE(std::string::npos, std::string(error->message).find(fragment)) << error->message;
        return error->code;
    }
    // Answers all questions for files with these bytes.
    void AnswerFilesWith(const std::vector<std::string> &files) {
        scripted_.reply = [this, files](const auto &request, auto *response) {
            if (request.has_list_services()) {
                Answer(request, response);
                return;
            }
            auto *answer = response->mutable_file_descriptor_response();
            for (const std::string &file : files) {
                answer->add_file_descriptor_proto(file);
            }
        };
    }

    Scripted scripted_;
    std::vector<std::string> services_ = {"grpc.reflection.v1.ServerReflection",
                                          "grpc.health.v1.Health", "library.v1.Library",
                                          "library.v1.Archive"};
};

TEST_F(ReflectionV1, FetchesServicesAndTheImportsThatAnswersLeaveOut) {
    Serve({&scripted_});
    const struct error *error = Fetch();
    ASSERT_EQ(nullptr, error) << error->message;
    EXPECT_EQ(6u, Files().size());
    EXPECT_EQ(1u, Files().count("google/protobuf/descriptor.proto"));
    // The list, two services, the reasons of their package, four imports; nothing twice.
    EXPECT_EQ(8, scripted_.calls);
}

TEST_F(ReflectionV1, AsksForReasonsWithoutNeedOfThem) {
    scripted_.reply = [this](const auto &request, auto *response) {
        if (request.file_containing_symbol() == "library.v1.ErrorReason") {
            response->mutable_error_response()->set_error_code(3);
            return;
        }
        Answer(request, response);
    };
    Serve({&scripted_});
    EXPECT_EQ(nullptr, Fetch());
    EXPECT_EQ(5u, Files().size());
}

TEST_F(ReflectionV1, LeavesOutAServiceThatTheServerCannotDescribe) {
    services_.push_back("unknown.Service");
    Serve({&scripted_});
    EXPECT_EQ(nullptr, Fetch());
    EXPECT_EQ(1u, Files().count("library.proto"));
}

TEST_F(ReflectionV1, RefusesAServerThatServesNothingElse) {
    services_.resize(2);
    EXPECT_EQ(STATUS_FAILED_PRECONDITION, FetchFails("describes no service"));
}

TEST_F(Reflection, SaysThatAServerHasNoReflection) {
    struct rpc_server_options options = {};
    options.log = &log_;
    options.error_domain = "test";
    struct rpc_server *server = rpc_server_new(loop_, &options);
    struct address address;
    int port = 0;
    ASSERT_EQ(nullptr, address_parse(&arena_, "--listen", "127.0.0.1:0", &address));
    const struct rpc_listen_options listen = {&address, rpc_credentials_insecure_server()};
    ASSERT_EQ(nullptr, rpc_server_listen(server, &arena_, &listen, &port));
    rpc_server_start(server);
    Connect("127.0.0.1:" + std::to_string(port));
    const struct error *error = Fetch();
    ASSERT_NE(nullptr, error);
    EXPECT_EQ(STATUS_UNIMPLEMENTED, error->code);
    EXPECT_NE(std::string::npos, std::string(error->message).find("give its descriptors by"));
    rpc_server_stop(server, 10'000);
    rpc_server_free(server);
}

TEST_F(Reflection, SaysThatNobodyListens) {
    Connect("127.0.0.1:1");
    const struct error *error = Fetch();
    ASSERT_NE(nullptr, error);
    EXPECT_EQ(STATUS_UNAVAILABLE, error->code) << error->message;
}

TEST_F(ReflectionV1, RefusesAnAnswerOfAnotherKind) {
    scripted_.reply = [](const auto &, auto *response) {
        response->mutable_all_extension_numbers_response();
    };
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, FetchFails("an answer of another kind"));
}

TEST_F(ReflectionV1, RefusesAStreamThatEndsWithoutAnAnswer) {
    scripted_.silent = true;
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, FetchFails("ended without an answer"));
}

TEST_F(ReflectionV1, RefusesBytesThatAreNoFile) {
    AnswerFilesWith({"\xff\xff"});
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, FetchFails("2 bytes that are no"));
}

TEST_F(ReflectionV1, RefusesTwoContentsOfOneFile) {
    AnswerFilesWith({std::string("\x0a\x01n", 3), std::string("\x0a\x01n\x12\x01p", 6)});
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, FetchFails("two different contents of file \"n\""));
}

TEST_F(ReflectionV1, RefusesAnAnswerWithoutTheFileThatWasAskedFor) {
    AnswerFilesWith({std::string("\x0a\x01n\x1a\x01i", 6)});
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, FetchFails("an answer without the file \"i\""));
}

TEST_F(ReflectionV1, TellsWhatTheServerSaysOfAnImport) {
    scripted_.reply = [this](const auto &request, auto *response) {
        Answer(request, response);
        if (request.file_by_filename() == "shelf.proto") {
            response->mutable_error_response()->set_error_code(7);
            response->mutable_error_response()->set_error_message("secret");
        }
    };
    EXPECT_EQ(STATUS_PERMISSION_DENIED,
              FetchFails("has no \"shelf.proto\": PERMISSION_DENIED: secret"));
}

TEST_F(ReflectionV1, BoundsTheNumberOfServices) {
    for (int i = 0; i < 1000; i++) {
        services_.push_back("a.B" + std::to_string(i));
    }
    EXPECT_EQ(STATUS_RESOURCE_EXHAUSTED, FetchFails("1004 services, more than 1000"));
}

TEST_F(ReflectionV1, BoundsTheNumberOfFiles) {
    std::vector<std::string> files;
    for (int i = 0; i < 4001; i++) {
        std::string name = std::to_string(i);
        files.push_back("\x0a" + std::string(1, static_cast<char>(name.size())) + name);
    }
    AnswerFilesWith(files);
    EXPECT_EQ(STATUS_RESOURCE_EXHAUSTED, FetchFails("more than 4000 files"));
}

TEST_F(ReflectionV1, GivesUpAServerThatDoesNotAnswerInTime) {
    scripted_.hold = true;
    EXPECT_EQ(STATUS_DEADLINE_EXCEEDED, FetchFails("", 100));
}

TEST_F(ReflectionV1, StopsWhenItIsAsked) {
    scripted_.hold = true;
    stop_asked = true;
    EXPECT_EQ(STATUS_CANCELLED, FetchFails(""));
}

TEST_F(ReflectionV1, PassesOnWhyTheServerRefuses) {
    scripted_.status = {grpc::StatusCode::UNAUTHENTICATED, "who are you"};
    EXPECT_EQ(STATUS_UNAUTHENTICATED, FetchFails("who are you"));
}

} // namespace
