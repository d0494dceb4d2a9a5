// The table of the product's methods, which is made of files, against the protos.

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <vector>

extern "C" {
#include "protos/served_descriptor_set.h"
#include "server/service/service_method.h"
}

namespace {

// What the protos say of each method of the product, by its path.
std::map<std::string, google::protobuf::MethodDescriptorProto> OfTheProtos() {
    google::protobuf::FileDescriptorSet set;
    struct slice bytes = served_descriptor_set();
    EXPECT_TRUE(set.ParseFromArray(bytes.data, static_cast<int>(bytes.len)));
    std::map<std::string, google::protobuf::MethodDescriptorProto> methods;
    for (const auto &file : set.file()) {
        if (file.package() != "runs.v1") {
            continue; // health and reflection have files of their own
        }
        for (const auto &service : file.service()) {
            for (const auto &method : service.method()) {
                methods["/runs.v1." + service.name() + "/" + method.name()] = method;
            }
        }
    }
    return methods;
}

std::vector<const struct service_method *> OfTheTable() {
    return {service_methods, service_methods + service_methods_count};
}

TEST(Methods, AreThoseOfTheProtosEachInOneFile) {
    const auto protos = OfTheProtos();
    std::set<std::string> served;
    for (const auto *method : OfTheTable()) {
        EXPECT_EQ(1u, protos.count(method->path))
            << method->path << " has a file in server/service/methods/, but is in no proto";
        EXPECT_TRUE(served.insert(method->path).second)
            << method->path << " has two files in server/service/methods/";
    }
    for (const auto &proto : protos) {
        EXPECT_EQ(1u, served.count(proto.first))
            << proto.first << " is in a proto, but has no file in server/service/methods/";
    }
}

TEST(Methods, StreamWhereTheProtosSaySo) {
    for (const auto &proto : OfTheProtos()) {
        EXPECT_FALSE(proto.second.client_streaming()) << proto.first;
        for (const auto *method : OfTheTable()) {
            if (method->path == proto.first) {
                EXPECT_EQ(proto.second.server_streaming(), method->stream != nullptr)
                    << method->path;
                EXPECT_TRUE(method->stream == nullptr ||
                            (!method->stream->is_open && method->stream->scope == method->scope))
                    << method->path;
            }
        }
    }
}

TEST(Methods, TakeTheRequestsOfTheProtos) {
    for (const auto &proto : OfTheProtos()) {
        for (const auto *method : OfTheTable()) {
            if (method->path == proto.first) {
                EXPECT_EQ(proto.second.input_type(), std::string(".") + method->request_type->name)
                    << method->path;
            }
        }
    }
}

TEST(Methods, ThoseThatOnlyReadAreMarked) {
    int reads = 0;
    for (const auto *method : OfTheTable()) {
        std::string path = method->path;
        std::string name = path.substr(path.rfind('/') + 1);
        bool is_read = name.rfind("Get", 0) == 0 || name.rfind("List", 0) == 0 ||
                       name.rfind("Watch", 0) == 0 || name.rfind("Count", 0) == 0 ||
                       name.rfind("Export", 0) == 0;
        EXPECT_EQ(method->is_read, is_read) << path;
        reads += is_read;
    }
    EXPECT_GE(reads, 5);
}

TEST(Methods, AreServedAsTheirFilesSay) {
    struct service service = {};
    for (const auto *method : OfTheTable()) {
        struct service_binding binding;
        struct rpc_method served = service_method_bind(method, &service, &binding);
        EXPECT_STREQ(method->path, served.path);
        EXPECT_EQ(method->is_read, served.is_read);
        EXPECT_EQ(method->most_reply_bytes, served.most_reply_bytes);
        EXPECT_EQ(method->stream != nullptr ? RPC_SERVER_STREAM : RPC_UNARY, served.kind);
        EXPECT_EQ(method->has_own_limit, served.has_own_limit);
        EXPECT_EQ(&binding, served.service);
    }
}

// A page may have 3 MiB, which are there twice while the reply is made.
TEST(Methods, SetAsideWhatAPageOfRunsTakes) {
    for (const auto *method : OfTheTable()) {
        bool is_page = std::string(method->path) == "/runs.v1.RunsService/ListRuns";
        EXPECT_EQ(is_page, method->most_reply_bytes >= 6u << 20) << method->path;
    }
}

} // namespace
