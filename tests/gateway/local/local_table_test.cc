#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <string>

extern "C" {
#include "gateway/local/local_table.h"
}

// The rows that every gateway has.

namespace {

std::string Docs() {
    std::ifstream in("docs/HTTP.md");
    EXPECT_TRUE(in.good());
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

const struct local_route *Find(const std::string &path) {
    return local_table_find(&local_table_default, slice_of_cstr(path.c_str()));
}

TEST(LocalTable, EachRowIsWholeAndItsPathItsOwn) {
    std::set<std::string> paths;
    for (size_t i = 0; i < local_table_default.count; i++) {
        const struct local_route *row = &local_table_default.routes[i];
        EXPECT_EQ(row->path[0], '/');
        EXPECT_EQ(std::string(row->path).find_first_of("%?# "), std::string::npos) << row->path;
        EXPECT_TRUE(paths.insert(row->path).second) << row->path;
        EXPECT_NE(row->answer, nullptr);
        EXPECT_NE(std::string(row->verbs), "");
        EXPECT_EQ(std::string(row->help).find('\n'), std::string::npos);
        EXPECT_EQ(Find(row->path), row);
    }
}

TEST(LocalTable, EachRowIsInTheDocs) {
    std::string docs = Docs();
    for (size_t i = 0; i < local_table_default.count; i++) {
        const struct local_route *row = &local_table_default.routes[i];
        std::string line = "| `" + std::string(row->path) + "` | " + row->verbs + " | " +
                           (row->needs_token ? "yes" : "no") + " | " + row->help + " |\n";
        EXPECT_NE(docs.find(line), std::string::npos) << line;
    }
}

TEST(LocalTable, PathsAreComparedByteByByte) {
    for (const char *path : {"", "/", "/health", "/healthz/", "/HEALTHZ", "/healthzz"}) {
        EXPECT_EQ(Find(path), nullptr) << path;
    }
    EXPECT_EQ(local_table_find(&local_table_default, slice_of("/healthz\0", 9)), nullptr);
}

TEST(LocalRoute, HeadComesWithGet) {
    struct {
        const char *verbs;
        const char *method;
        bool takes;
    } rows[] = {{"GET", "GET", true},        {"GET", "HEAD", true},
                {"GET", "POST", false},      {"POST", "HEAD", false},
                {"POST", "GET", false},      {"GET, POST", "POST", true},
                {"POST, GET", "HEAD", true}, {"GET", "get", false},
                {"GET", "", false},          {"GET, POST", "GET, POST", false}};
    for (const auto &row : rows) {
        struct local_route route = {};
        route.verbs = row.verbs;
        EXPECT_EQ(local_route_takes(&route, slice_of_cstr(row.method)), row.takes)
            << row.verbs << " " << row.method;
    }
}

TEST(HealthPages, SayNoMoreThanTheirStatus) {
    for (bool is_ready : {false, true}) {
        struct local_request request = {};
        request.is_ready = is_ready;
        struct local_reply reply = {};
        Find("/readyz")->answer(&request, nullptr, &reply);
        EXPECT_EQ(reply.http_status, is_ready ? 200 : 503);
        EXPECT_EQ(reply.code, is_ready ? STATUS_OK : STATUS_UNAVAILABLE);
        reply = {};
        Find("/healthz")->answer(&request, nullptr, &reply);
        EXPECT_EQ(reply.http_status, 200);
    }
}

} // namespace
