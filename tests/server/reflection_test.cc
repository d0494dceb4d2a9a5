// gRPC server reflection as tools use it: by gRPC's C++ client, into libprotobuf's pool.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <set>

#include "tests/rpc/bidi_client.h"
#include "tests/rpc/fixture.h"
#include "tests/server/wire_builder.h"

extern "C" {
#include "base/core/wire.h"
#include "server/runsd.h"
}

namespace {

namespace pb = google::protobuf;

// A response, taken apart.
struct Response {
    std::string host;
    std::string original;
    std::vector<std::string> files;
    std::string type;
    std::vector<int32_t> numbers;
    std::vector<std::string> services;
    int error_code = 0;
    std::string error_message;
};

// The fields of a message in order.
std::vector<std::pair<uint32_t, struct wire_field>> Fields(const std::string &message) {
    std::vector<std::pair<uint32_t, struct wire_field>> fields;
    struct slice bytes = SliceOf(message);
    const uint8_t *p = bytes.data;
    while (p < bytes.data + bytes.len) {
        struct wire_field field;
        if (!wire_read_field(&p, bytes.data + bytes.len, &field)) {
            ADD_FAILURE() << "malformed";
            break;
        }
        fields.emplace_back(field.number, field);
    }
    return fields;
}

Response Parse(const std::string &message) {
    Response r;
    for (const auto &pair : Fields(message)) {
        std::string bytes = Text(pair.second.bytes);
        switch (pair.first) {
        case 1:
            r.host = bytes;
            break;
        case 2:
            r.original = bytes;
            break;
        case 4:
            for (const auto &file : Fields(bytes)) {
                r.files.push_back(Text(file.second.bytes));
            }
            break;
        case 5:
            for (const auto &field : Fields(bytes)) {
                if (field.first == 1) {
                    r.type = Text(field.second.bytes);
                } else {
                    const uint8_t *p = field.second.bytes.data;
                    const uint8_t *end = p + field.second.bytes.len;
                    uint64_t number;
                    while (p < end && wire_read_varint(&p, end, &number)) {
                        r.numbers.push_back(static_cast<int32_t>(number));
                    }
                }
            }
            break;
        case 6:
            for (const auto &service : Fields(bytes)) {
                r.services.push_back(Text(Fields(Text(service.second.bytes))[0].second.bytes));
            }
            break;
        case 7:
            for (const auto &field : Fields(bytes)) {
                if (field.first == 1) {
                    r.error_code = static_cast<int>(field.second.value);
                } else {
                    r.error_message = Text(field.second.bytes);
                }
            }
            break;
        default:
            ADD_FAILURE() << "field " << pair.first;
        }
    }
    return r;
}

constexpr uint32_t kFile = 3;
constexpr uint32_t kSymbol = 4;
constexpr uint32_t kExtension = 5;
constexpr uint32_t kNumbers = 6;
constexpr uint32_t kServices = 7;

class Reflection : public testing::TestWithParam<const char *> {
  protected:
    Reflection() {
        Arena a;
        struct address listen;
        EXPECT_EQ(address_parse(a.get(), "--listen", "127.0.0.1:0", &listen), nullptr);
        runsd_options options = {};
        options.log = &log_;
        options.clock = &clock_system;
        options.store_url = "memory:";
        options.listen = &listen;
        options.listen_count = 1;
        options.max_request_bytes = 10'000;
        options.drain_ms = 10'000;
        const struct error *error = runsd_start(a.get(), &options, &runsd_);
        EXPECT_EQ(error, nullptr) << error->message;
        client_ = Open();
    }
    ~Reflection() override {
        client_.reset();
        runsd_stop(runsd_);
    }
    std::unique_ptr<BidiClient> Open() {
        return std::make_unique<BidiClient>(runsd_port(runsd_, 0),
                                            std::string("/grpc.reflection.") + GetParam() +
                                                ".ServerReflection/ServerReflectionInfo");
    }
    Response Ask(const std::string &request) {
        EXPECT_TRUE(client_->Write(request));
        std::string bytes = client_->Read();
        EXPECT_NE(bytes, "(end)");
        Response r = Parse(bytes);
        EXPECT_EQ(r.original, request);
        return r;
    }
    Response Ask(uint32_t field, const std::string &value) {
        return Ask(wire::Bytes(field, value));
    }

    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct runsd *runsd_ = nullptr;
    std::unique_ptr<BidiClient> client_;
};

TEST_P(Reflection, ListsTheServices) {
    Response r = Ask(kServices, "");
    EXPECT_EQ(std::set<std::string>(r.services.begin(), r.services.end()),
              (std::set<std::string>{"runs.v1.BulkCancelsService", "runs.v1.OrganizationsService",
                                     "runs.v1.RunsService", "runs.v1.TokensService",
                                     "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                     "grpc.reflection.v1alpha.ServerReflection"}));
    EXPECT_EQ(r.services.size(), 7u);
    // "The content will not be checked."
    EXPECT_EQ(Ask(kServices, "*").services, r.services);
}

TEST_P(Reflection, BuildsEveryServiceFromItsFiles) {
    for (const std::string &service : Ask(kServices, "").services) {
        Response r = Ask(kSymbol, service);
        ASSERT_EQ(r.error_message, "");
        ASSERT_FALSE(r.files.empty());
        // Importers first: from the end every file finds its imports.
        std::map<std::string, pb::FileDescriptorProto> files;
        for (const std::string &bytes : r.files) {
            pb::FileDescriptorProto file;
            ASSERT_TRUE(file.ParseFromString(bytes));
            files[file.name()] = file;
        }
        EXPECT_EQ(files.size(), r.files.size());
        pb::DescriptorPool pool;
        std::function<void(const std::string &)> build = [&](const std::string &name) {
            if (pool.FindFileByName(name) == nullptr) {
                ASSERT_EQ(files.count(name), 1u) << name;
                for (const auto &import : files[name].dependency()) {
                    build(import);
                }
                ASSERT_NE(pool.BuildFile(files[name]), nullptr) << name;
            }
        };
        for (const auto &file : files) {
            build(file.first);
        }
        const pb::ServiceDescriptor *found = pool.FindServiceByName(service);
        ASSERT_NE(found, nullptr) << service;
        EXPECT_GT(found->method_count(), 0);
        pb::FileDescriptorProto first;
        ASSERT_TRUE(first.ParseFromString(r.files[0]));
        EXPECT_EQ(first.name(), found->file()->name());
    }
}

TEST_P(Reflection, FindsFilesByNameSymbolAndExtension) {
    const struct {
        uint32_t field;
        std::string value;
        const char *file;
    } rows[] = {
        {kFile, "runs/v1/runs_service.proto", "runs/v1/runs_service.proto"},
        {kFile, "google/protobuf/descriptor.proto", "google/protobuf/descriptor.proto"},
        {kFile, "runsd/gateway/v1/options.proto", "runsd/gateway/v1/options.proto"},
        {kSymbol, "runs.v1.RunsService", "runs/v1/runs_service.proto"},
        {kSymbol, "runs.v1.RunsService.GetRun", "runs/v1/runs_service.proto"},
        {kSymbol, "runs.v1.Run", "runs/v1/run.proto"},
        {kSymbol, "grpc.health.v1.HealthCheckResponse", "grpc/health/v1/health.proto"},
        {kSymbol, "grpc.health.v1.HealthCheckResponse.ServingStatus",
         "grpc/health/v1/health.proto"},
        {kSymbol, "grpc.health.v1.HealthCheckResponse.status", "grpc/health/v1/health.proto"},
        {kSymbol, "grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"},
        {kSymbol, "google.protobuf.FileOptions.OptimizeMode", "google/protobuf/descriptor.proto"},
        {kSymbol, "google.api.http", "google/api/annotations.proto"},
        {kSymbol, "google.rpc.BadRequest.FieldViolation", "google/rpc/error_details.proto"},
        {kSymbol, "google.rpc.ErrorInfo", "google/rpc/error_details.proto"},
        {kExtension, wire::Bytes(1, "google.protobuf.MethodOptions") + wire::Uint(2, 72295728),
         "google/api/annotations.proto"},
    };
    for (const auto &row : rows) {
        Response r = Ask(row.field, row.value);
        ASSERT_FALSE(r.files.empty()) << row.value << ": " << r.error_message;
        pb::FileDescriptorProto file;
        ASSERT_TRUE(file.ParseFromString(r.files[0]));
        EXPECT_EQ(file.name(), row.file);
    }
}

TEST_P(Reflection, SaysInTheStreamWhatIsNotThere) {
    const struct {
        std::string request;
        int code;
        const char *message;
    } rows[] = {
        {wire::Bytes(kFile, "no.proto"), 5, "there is no file \"no.proto\""},
        {wire::Bytes(kFile, ""), 5, "there is no file \"\""},
        {wire::Bytes(kSymbol, "runs.v1.None"), 5, "there is no symbol \"runs.v1.None\""},
        {wire::Bytes(kSymbol, ".runs.v1.Run"), 5, "there is no symbol \".runs.v1.Run\""},
        {wire::Bytes(kSymbol, "runs.v1"), 5, "there is no symbol \"runs.v1\""},
        {wire::Bytes(kExtension, wire::Bytes(1, "runs.v1.Run") + wire::Uint(2, 7)), 5,
         "there is no extension 7 of \"runs.v1.Run\""},
        {wire::Bytes(kExtension, ""), 5, "there is no extension 0 of \"\""},
        {wire::Bytes(kNumbers, "runs.v1.None"), 5, "there is no message type \"runs.v1.None\""},
        {wire::Bytes(kNumbers, "runs.v1.RunsService"), 5,
         "there is no message type \"runs.v1.RunsService\""},
        {"", 3, "the request asks for nothing that is known"},
        {wire::Bytes(1, "host"), 3, "the request asks for nothing that is known"},
        {wire::Bytes(99, "later"), 3, "the request asks for nothing that is known"},
    };
    for (const auto &row : rows) {
        Response r = Ask(row.request);
        EXPECT_EQ(r.error_code, row.code) << row.message;
        EXPECT_EQ(r.error_message, row.message);
        EXPECT_TRUE(r.files.empty());
    }
    EXPECT_EQ(Ask(kServices, "").services.size(), 7u); // the stream goes on
}

TEST_P(Reflection, NamesExtensionNumbers) {
    Response r = Ask(kNumbers, "google.protobuf.MethodOptions");
    EXPECT_EQ(r.type, "google.protobuf.MethodOptions");
    EXPECT_EQ(std::count(r.numbers.begin(), r.numbers.end(), 72295728), 1);
    r = Ask(kNumbers, "runs.v1.Run");
    EXPECT_EQ(r.type, "runs.v1.Run");
    EXPECT_TRUE(r.numbers.empty());
    EXPECT_EQ(r.error_code, 0);
}

TEST_P(Reflection, EchoesTheHost) {
    EXPECT_EQ(Ask(wire::Bytes(1, "runs.example:443") + wire::Bytes(kServices, "")).host,
              "runs.example:443");
}

TEST_P(Reflection, EndsOkWhenTheClientEnds) {
    Ask(kServices, "");
    client_->WritesDone();
    EXPECT_EQ(client_->Read(), "(end)");
    EXPECT_TRUE(client_->Finish().ok());
}

TEST_P(Reflection, EndsAtARequestThatIsNone) {
    const struct {
        std::string request;
        grpc::StatusCode code;
    } rows[] = {
        {"\x0A\x05xx", grpc::StatusCode::INVALID_ARGUMENT},
        {wire::Bytes(kSymbol, "\xFF"), grpc::StatusCode::INVALID_ARGUMENT},
        {wire::Bytes(kSymbol, std::string(10'000, 'a')), grpc::StatusCode::RESOURCE_EXHAUSTED},
    };
    for (const auto &row : rows) {
        auto client = Open();
        client->Write(row.request);
        EXPECT_EQ(client->Read(), "(end)");
        EXPECT_EQ(client->Finish().error_code(), row.code);
    }
}

TEST_P(Reflection, DoesNotHoldUpTheStop) {
    Ask(kServices, "");
    int64_t before_us = clock_monotonic_us();
    runsd_stop(runsd_);
    EXPECT_LT(clock_monotonic_us() - before_us, 9'000'000); // not the drain time
    runsd_ = nullptr;
    EXPECT_EQ(client_->Read(), "(end)");
    EXPECT_EQ(client_->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

INSTANTIATE_TEST_SUITE_P(Versions, Reflection, testing::Values("v1", "v1alpha"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
