#include <gtest/gtest.h>
#include <string>

extern "C" {
#include "server/service/runs_service.h"
#include "server/service/service_call.h"
#include "server/service/tokens_service.h"
}

// The tables of the product's methods.

namespace {

TEST(Methods, ThoseThatOnlyReadAreMarked) {
    struct service service = {};
    struct rpc_method methods[RUNS_SERVICE_METHODS + TOKENS_SERVICE_METHODS];
    runs_service_methods(&service, methods);
    tokens_service_methods(&service, methods + RUNS_SERVICE_METHODS);
    int reads = 0;
    for (const struct rpc_method &method : methods) {
        std::string path = method.path;
        std::string name = path.substr(path.rfind('/') + 1);
        bool is_read = name.rfind("Get", 0) == 0 || name.rfind("List", 0) == 0;
        EXPECT_EQ(method.is_read, is_read) << path;
        reads += is_read;
    }
    EXPECT_EQ(reads, 5);
}

} // namespace
